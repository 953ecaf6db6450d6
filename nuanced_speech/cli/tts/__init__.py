"""``nuanced-speech tts``."""
