"""Conversion of whole recordings."""
