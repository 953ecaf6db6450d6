"""A language model of speech: text tokens, then codec tokens, one after another."""
