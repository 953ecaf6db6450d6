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

_TINY = 1e-12


@dataclass(frozen=True)
class SpeakerEqConfig:
    """Settings of the search.

    Attributes:
        steps, step_size: of the descent.
        windows: windows of 1.6 s, half of each new, from the beginning of the audio.
        cost: in cosine similarity, of gains of ``gain_db``, of differences of ``slope_db`` between neighbouring bands,
            and half as much of such between dark and bright sounds (docs/experiments.md).
        gain_db, slope_db: dB that have this cost.
        dark_hz, bright_hz: sounds are dark where there is more energy below the one frequency than above the other.
        smoothing: frames of 10 or 12.5 ms over which brightness is averaged, so that gains do not flicker.
    """

    steps: int = 16
    step_size: float = 1.0
    windows: int = 8
    cost: float = 0.005
    gain_db: float = 6.0
    slope_db: float = 3.0
    dark_hz: float = 1500.0
    bright_hz: float = 2500.0
    smoothing: int = 7


SPEAKER_EQ = SpeakerEqConfig()


@dataclass(frozen=True)
class SpeakerEq:
    """An equaliser, fitted once: ``gains [2, BANDS]`` in dB of each band, in dark sounds and in bright ones."""

    gains: Tensor
    config: SpeakerEqConfig = SPEAKER_EQ

    def __call__(self, wave: np.ndarray) -> np.ndarray:
        """``wave [T]`` at 24 kHz with these gains."""
        return with_gains(wave, self._gains_of)

    def _gains_of(self, powers: np.ndarray) -> np.ndarray:
        """Gains where these are the energies, both ``[frames, BANDS]``."""
        return _mixed(self.gains, _brightness(torch.from_numpy(powers).float(), band_hz(), self.config)).numpy()


def fit_speaker_eq(
    encoder: SpeakerEncoder, wave: np.ndarray, embedding: Tensor, config: SpeakerEqConfig = SPEAKER_EQ
) -> SpeakerEq | None:
    """The equaliser that brings ``wave [T]`` at 24 kHz nearer to a speaker; None with less than 1.6 s of speech.

    Args:
        encoder: tells likeness.
        wave: what is equalised.
        embedding: of the speaker, of length 1, ``[256]``.
        config: settings.
    """
    mel = encoder.speech_mel(wave, audio.SAMPLE_RATE)
    if mel is None or len(mel) < WINDOW:
        return None
    mel = mel[: WINDOW + STEP * (config.windows - 1)]
    shares = torch.from_numpy(band_shares(encoder.centres)).float().to(mel.device)
    bright = _brightness(encoder.energies(mel), encoder.centres, config)
    gains = torch.zeros(2, BANDS, device=mel.device, requires_grad=True)
    optimizer = Adam([gains], config.step_size)
    with torch.enable_grad():
        for _ in range(config.steps):
            equalized = mel * 10 ** (_mixed(gains, bright) @ shares.T / 10)
            equalized = equalized * (mel.mean() / equalized.mean().detach())
            size, slope, split = (x.square().mean() for x in (gains, gains.diff(), gains[1] - gains[0]))
            cost = config.cost * ((size + split / 2) / config.gain_db**2 + slope / config.slope_db**2)
            optimizer.zero_grad()
            (cost - encoder.embed_mel(equalized) @ embedding).backward()
            optimizer.step()
    return SpeakerEq(gains.detach().cpu(), config)


def _mixed(gains: Tensor, bright: Tensor) -> Tensor:
    """The gains ``[frames, BANDS]`` where frames are so bright, ``[frames, 1]``."""
    return torch.lerp(gains[:1], gains[1:], bright)


def _brightness(powers: Tensor, hz: np.ndarray, config: SpeakerEqConfig) -> Tensor:
    """From 0, dark, to 1, bright, ``[frames, 1]``, of energies in bands ``[frames, bands]`` around frequencies
    ``[bands]``."""
    dark, bright = (powers[:, some].sum(1) for some in (hz < config.dark_hz, hz > config.bright_hz))
    share = bright / (bright + dark + _TINY)
    bell = torch.hann_window(config.smoothing + 2, periodic=False, device=powers.device)[1:-1]
    return F.conv1d(share[None, None], (bell / bell.sum())[None, None], padding=config.smoothing // 2)[0].T
