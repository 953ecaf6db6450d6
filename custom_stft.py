"""Entry point of the training recipe; the code is in `nuanced_speech.custom_stft`."""

from nuanced_speech.custom_stft import CustomSTFT

__all__ = ["CustomSTFT"]
