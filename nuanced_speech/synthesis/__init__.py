"""Features or text to audio."""
