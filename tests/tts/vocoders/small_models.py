"""A vocoder that is small enough to train in seconds."""

from nuanced_speech.tts.vocoders.hifigan import HiFiGANConfig

SMALL = HiFiGANConfig(channels=16)
