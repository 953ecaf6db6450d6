"""The colour that makes an output sound more like a speaker: gains for its bands, found through the speaker encoder.

A timbre and the mean spectrum of a recording leave a voice short of its speaker, and a few decibels in the right bands
are worth as much as a better timbre. They descend the gradient of the likeness through the encoder alone, whose mel
bands are what a gain changes, so that no synthesis is needed; they are held small and smooth, so that they colour and
cannot draw. Dark sounds, most of them vowels, and bright ones, most of them fricatives, have gains of their own.
"""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from nuanced_speech import audio
from nuanced_speech.dsp.spectral_balance import BANDS, band_hz, band_shares, with_gains
from nuanced_speech.models.speaker_encoder import STEP, WINDOW, SpeakerEncoder

STEPS, STEP_SIZE = 16, 1.0
# So many windows of 1.6 s, half of each new, from the beginning of what is spoken.
WINDOWS = 8
# What gains of so many decibels, differences of so many between neighbouring bands, and half as much of such between
# dark and bright sounds cost in cosine similarity. Chosen on these: of ten conversions into other speakers, known by
# one recording each, twelve steps at 0.01 and sixteen at 0.005 raised SECS from 0.784 to 0.819 and 0.820; OVRL was
# 3.13, then 3.12 and 3.10, P.808 3.69, then 3.70 and 3.71. (They were sought with another measure of brightness than
# they were given with; with one, SECS was 0.826, OVRL 3.11 and P.808 3.69.)
COST, GAIN_DB, SLOPE_DB = 0.005, 6.0, 3.0
# Sounds are dark where there is more energy below the one frequency than above the other.
DARK_HZ, BRIGHT_HZ = 1500.0, 2500.0
# Frames of 10 or 12.5 ms over which brightness is averaged, so that gains do not flicker.
SMOOTHING = 7
_TINY = 1e-12


@dataclass
class Tint:
    """Gains in dB of each band, in dark sounds and in bright ones, ``[2, BANDS]``."""

    gains: Tensor

    def give(self, wave: np.ndarray) -> np.ndarray:
        """``wave [T]`` at 24 kHz with these gains."""
        return with_gains(wave, self._of)

    def _of(self, powers: np.ndarray) -> np.ndarray:
        """Gains where these are the energies, both ``[frames, BANDS]``."""
        return _mixed(self.gains, _brightness(torch.from_numpy(powers).float(), band_hz())).numpy()


@dataclass
class Tinting:
    """Brings the pieces of a recording nearer to a ``speaker [256]``, all by the same tint, which is found on the first
    piece that is long enough; those before it keep their colour."""

    encoder: SpeakerEncoder
    speaker: Tensor
    tint: Tint | None = None

    def give(self, wave: np.ndarray, finished: np.ndarray) -> np.ndarray:
        """``wave [T]`` at 24 kHz with the tint that it needs once ``finished [T]`` is made of it."""
        if self.tint is None:
            self.tint = find_tint(self.encoder, finished, self.speaker)
        return wave if self.tint is None else self.tint.give(wave)


def find_tint(encoder: SpeakerEncoder, wave: np.ndarray, embedding: Tensor) -> Tint | None:
    """What brings ``wave [T]`` at 24 kHz nearer to a speaker; None where it holds less than 1.6 s of speech.

    Args:
        embedding: of the speaker, of length 1, ``[256]``.
    """
    mel = encoder.spoken(wave, audio.SAMPLE_RATE)
    if mel is None or len(mel) < WINDOW:
        return None
    mel = mel[: WINDOW + STEP * (WINDOWS - 1)]
    shares = torch.from_numpy(band_shares(encoder.centres)).float().to(mel.device)
    bright = _brightness(encoder.energies(mel), encoder.centres)
    gains = torch.zeros(2, BANDS, device=mel.device, requires_grad=True)
    optimizer = torch.optim.Adam([gains], STEP_SIZE)
    with torch.enable_grad():
        for _ in range(STEPS):
            heard = mel * 10 ** (_mixed(gains, bright) @ shares.T / 10)
            heard = heard * (mel.mean() / heard.mean().detach())
            size, slope, split = (x.square().mean() for x in (gains, gains.diff(), gains[1] - gains[0]))
            cost = COST * ((size + split / 2) / GAIN_DB**2 + slope / SLOPE_DB**2)
            optimizer.zero_grad()
            (cost - encoder.whole(heard) @ embedding).backward()
            optimizer.step()
    return Tint(gains.detach().cpu())


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
