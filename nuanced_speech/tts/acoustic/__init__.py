"""Phonemes and a speaker embedding to a mel spectrogram and durations: two models, one way to train and to use them."""
