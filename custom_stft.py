"""Entry point of the training recipe; the code is in `nuanced_speech.dsp.conv_stft`."""

from nuanced_speech.dsp.conv_stft import CustomSTFT

__all__ = ["CustomSTFT"]
