"""What every other folder may import: precision and threads of this processor."""
