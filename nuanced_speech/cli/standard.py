"""The name that stands for standard input and output."""

STANDARD = "-"
