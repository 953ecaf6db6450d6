"""Spoken dialogue: a question is heard, a language model answers, and the answer is spoken in the question's tone."""
