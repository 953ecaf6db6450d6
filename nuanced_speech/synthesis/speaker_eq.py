"""An equaliser that makes audio sound more like a speaker: gains for its bands, found through the speaker encoder.

A timbre and the mean spectrum of a recording leave a voice short of its speaker, and a few decibels in the right bands
help as much as a better timbre. The gains descend the gradient of the likeness through the encoder alone: they act on
its mel bands, so no synthesis is needed. They are held small and smooth. Dark sounds, most of them vowels, and bright
ones, most of them fricatives, have gains of their own.
"""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from nuanced_speech import audio
from nuanced_speech.core.optimizers import Adam
from nuanced_speech.dsp.spectral_balance import BANDS, band_hz, band_shares, with_gains
from nuanced_speech.models.speaker_encoder import STEP, WINDOW, SpeakerEncoder

STEPS, STEP_SIZE = 16, 1.0
# So many windows of 1.6 s, half of each new, from the beginning of the audio.
WINDOWS = 8
# Cost, in cosine similarity, of gains of GAIN_DB, of differences of SLOPE_DB between neighbouring bands, and half as
# much of such between dark and bright sounds (docs/experiments.md).
COST, GAIN_DB, SLOPE_DB = 0.005, 6.0, 3.0
# Sounds are dark where there is more energy below the one frequency than above the other.
DARK_HZ, BRIGHT_HZ = 1500.0, 2500.0
# Frames of 10 or 12.5 ms over which brightness is averaged, so that gains do not flicker.
SMOOTHING = 7
_TINY = 1e-12


@dataclass(frozen=True)
class SpeakerEq:
    """An equaliser, fitted once: ``gains [2, BANDS]`` in dB of each band, in dark sounds and in bright ones."""

    gains: Tensor

    def __call__(self, wave: np.ndarray) -> np.ndarray:
        """``wave [T]`` at 24 kHz with these gains."""
        return with_gains(wave, self._gains_of)

    def _gains_of(self, powers: np.ndarray) -> np.ndarray:
        """Gains where these are the energies, both ``[frames, BANDS]``."""
        return _mixed(self.gains, _brightness(torch.from_numpy(powers).float(), band_hz())).numpy()


def fit_speaker_eq(encoder: SpeakerEncoder, wave: np.ndarray, embedding: Tensor) -> SpeakerEq | None:
    """The equaliser that brings ``wave [T]`` at 24 kHz nearer to a speaker; None with less than 1.6 s of speech.

    Args:
        embedding: of the speaker, of length 1, ``[256]``.
    """
    mel = encoder.speech_mel(wave, audio.SAMPLE_RATE)
    if mel is None or len(mel) < WINDOW:
        return None
    mel = mel[: WINDOW + STEP * (WINDOWS - 1)]
    shares = torch.from_numpy(band_shares(encoder.centres)).float().to(mel.device)
    bright = _brightness(encoder.energies(mel), encoder.centres)
    gains = torch.zeros(2, BANDS, device=mel.device, requires_grad=True)
    optimizer = Adam([gains], STEP_SIZE)
    with torch.enable_grad():
        for _ in range(STEPS):
            equalized = mel * 10 ** (_mixed(gains, bright) @ shares.T / 10)
            equalized = equalized * (mel.mean() / equalized.mean().detach())
            size, slope, split = (x.square().mean() for x in (gains, gains.diff(), gains[1] - gains[0]))
            cost = COST * ((size + split / 2) / GAIN_DB**2 + slope / SLOPE_DB**2)
            optimizer.zero_grad()
            (cost - encoder.embed_mel(equalized) @ embedding).backward()
            optimizer.step()
    return SpeakerEq(gains.detach().cpu())


def _mixed(gains: Tensor, bright: Tensor) -> Tensor:
    """The gains ``[frames, BANDS]`` where frames are so bright, ``[frames, 1]``."""
    return torch.lerp(gains[:1], gains[1:], bright)


def _brightness(powers: Tensor, hz: np.ndarray) -> Tensor:
    """From 0, dark, to 1, bright, ``[frames, 1]``, of energies in bands ``[frames, bands]`` around frequencies
    ``[bands]``."""
    dark, bright = (powers[:, some].sum(1) for some in (hz < DARK_HZ, hz > BRIGHT_HZ))
    share = bright / (bright + dark + _TINY)
    bell = torch.hann_window(SMOOTHING + 2, periodic=False, device=powers.device)[1:-1]
    return F.conv1d(share[None, None], (bell / bell.sum())[None, None], padding=SMOOTHING // 2)[0].T
