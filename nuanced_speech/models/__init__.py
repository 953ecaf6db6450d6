"""Networks only, each with its weights."""
