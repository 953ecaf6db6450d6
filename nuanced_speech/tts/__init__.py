"""Speech synthesis beside style transfer: data sets, phoneme → mel models, vocoders, codec tokens."""
