"""Searches for a style or an equalisation by gradient."""
