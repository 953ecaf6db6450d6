"""Measurement: metrics, benchmark, reports and plots."""
