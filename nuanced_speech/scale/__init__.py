"""Archives on many machines."""
