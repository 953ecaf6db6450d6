"""Written text to sentences, words and phonemes."""
