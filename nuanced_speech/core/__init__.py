"""What every other folder may import: constants, errors, files, progress, precision, threads, devices."""
