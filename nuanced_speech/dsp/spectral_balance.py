"""Spectral balance: how the energy of speech is shared between low and high bands from moment to moment.

A pressed voice is brighter than a relaxed one, and each speaker and room has a long-term spectrum of its own. Kokoro's
decoder is given the melody and the loudness of every moment, but not this: its output is brought to the balance of the
source afterwards, band by band, no faster than the mouth moves.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from nuanced_speech.audio.gate import active_frames, decibels
from nuanced_speech.core.constants import HOP_LENGTH, SAMPLE_RATE
from nuanced_speech.dsp.energy import DECIBELS
from nuanced_speech.dsp.frames import frame_count
from nuanced_speech.dsp.mel import hertz_to_mel, mel_to_hertz
from nuanced_speech.dsp.smoothing import bell

N_FFT = 1024
BANDS, TOP_HZ = 40, 8000.0
# How far the whole of a band may be brought down; raising it as well sounds less natural.
_LONG_CUT_DB = 20.0
# Fewer frames do not estimate the level of a whole band.
_LEAST_FRAMES = 8
# A band's noise is its power in its quietest moments; what is not this much above it is not reliable.
_NOISE_QUANTILE, _NOISE_FACTOR, _SNR_DB, _CLEAR_SNR_DB = 0.08, 1.5, 6.0, 25.0
# Moments this much quieter than loud speech are pauses.
_PAUSE_DB = 30.0
_TINY = 1e-10
# Bands that move together in another voice, whose formants lie elsewhere.
_BROAD = 13


@dataclass(frozen=True)
class Closeness:
    """How closely a balance is followed. The defaults are for Kokoro's decoder (docs/experiments.md).

    Attributes:
        smoothing_seconds: width of the bell over contours and gains.
        least_db, most_db: limits of the gains.
        closer_least_db, closer_most_db, closer_passes: limits and number of the later passes over what is clear.
    """

    smoothing_seconds: float = 0.06
    least_db: float = -12.0
    most_db: float = 9.0
    closer_least_db: float = -6.0
    closer_most_db: float = 3.0
    closer_passes: int = 2


USUAL = Closeness()
CLOSE = Closeness(0.03, -20.0, 15.0, -9.0, 9.0, 4)
"""For the own voice by a decoder that is given the recording's envelopes."""


@dataclass(frozen=True)
class SpectralBalance:
    """Energies of speech in bands.

    Attributes:
        bands: log energy with the noise taken off, float16 ``[frames, BANDS]`` at 80 Hz.
        reliable: where a band stands out of its noise, bool ``[frames, BANDS]``.
        clear: where it stands far out of it, likewise.
        active: where there is no pause, bool ``[frames]``.
        closeness: how closely it is measured, and followed.
    """

    bands: np.ndarray
    reliable: np.ndarray
    clear: np.ndarray
    active: np.ndarray
    closeness: Closeness = USUAL

    def __getitem__(self, frames: slice | np.ndarray) -> "SpectralBalance":
        """Some of the frames, or all of them in another rhythm."""
        bands, reliable, clear, active = (x[frames] for x in (self.bands, self.reliable, self.clear, self.active))
        return SpectralBalance(bands, reliable, clear, active, self.closeness)

    @property
    def speech(self) -> np.ndarray:
        """What is speech and reliable, bool ``[frames, BANDS]``."""
        return self.reliable & self.active[:, None]


def measure_balance(wave: np.ndarray, closeness: Closeness = USUAL) -> SpectralBalance:
    """The balance of a waveform ``[T]`` at 24 kHz, in ``2 * ceil(T / 600)`` frames."""
    power = _band_power(_stft(wave))[: frame_count(len(wave))]
    noise = np.quantile(power, _NOISE_QUANTILE, axis=0) * _NOISE_FACTOR
    clean = np.maximum(power - noise, 0.03 * power)
    total, smooth = power.sum(1), _smooth(power, closeness)
    return SpectralBalance(
        bands=np.log(_smooth(clean, closeness)).astype(np.float16),
        reliable=smooth > noise * 10 ** (_SNR_DB / 10),
        clear=smooth > noise * 10 ** (_CLEAR_SNR_DB / 10),
        active=active_frames(decibels(total, 0.0), _PAUSE_DB, float(decibels(np.quantile(total, 0.95), 0.0))),
        closeness=closeness,
    )


def long_term_spectrum(balances: Sequence[SpectralBalance]) -> np.ndarray:
    """Mean log energy of each band where it is reliable speech, float64 ``[BANDS]``; NaN where it never is."""
    speech = np.concatenate([balance.speech for balance in balances])
    bands = np.concatenate([balance.bands for balance in balances])
    with np.errstate(invalid="ignore"):
        return np.where(speech, bands, 0).sum(0, dtype=np.float64) / speech.sum(0)


def match_balance(wave: np.ndarray, target: SpectralBalance) -> np.ndarray:
    """A waveform ``[300 * frames]`` at 24 kHz with the balance of another with the same words at the same times.

    A band that is too loud in the whole is made quieter first, by 20 dB at most. Then, from moment to moment, bands are
    made louder and quieter within the limits of the target's closeness; and some more passes follow where the other is
    clear. What the other hides in its noise is not made louder, so a pause is at most made quieter.
    """
    spectrum = _stft(wave)
    target = target[: spectrum.shape[1]]
    gap, speech = _gap(spectrum, target), target.speech
    times = speech.sum(0)
    excess = np.where(times > _LEAST_FRAMES, np.where(speech, gap, 0).sum(0) / times.clip(min=1), 0)
    spectrum = _amplified(spectrum, np.broadcast_to(np.clip(excess * DECIBELS, -_LONG_CUT_DB, 0), gap.shape))
    spectrum = _amplified(spectrum, _allowed(_gap(spectrum, target), target))
    closeness = target.closeness
    for _ in range(closeness.closer_passes):
        gain = np.where(target.clear, _gap(spectrum, target), 0) * DECIBELS
        spectrum = _amplified(
            spectrum, _smooth(np.clip(gain, closeness.closer_least_db, closeness.closer_most_db), closeness)
        )
    return _wave(spectrum, len(wave))


def follow_balance(wave: np.ndarray, source: SpectralBalance, spectrum_target: np.ndarray | None = None) -> np.ndarray:
    """The same for speech in another voice, which has formants of its own: it gets brighter and darker with the
    source, in broad strokes, and keeps its long-term spectrum, or gets that of a recording, ``[BANDS]``.
    """
    spectrum = _stft(wave)
    source = source[: spectrum.shape[1]]
    gain, speech = _gap(spectrum, source), source.speech
    present = source.bands - gain
    times = speech.sum(0).clip(min=1)
    gain = np.where(speech, gain, 0)
    gain = np.where(speech, gain - gain.sum(0) / times, 0)
    gain = np.stack([np.convolve(row, bell(_BROAD), "same") for row in gain])
    if spectrum_target is not None:
        change = spectrum_target - np.where(speech, present, 0).sum(0) / times
        reliable = np.isfinite(spectrum_target) & speech.any(0)
        gain = gain + np.where(reliable, change - change[reliable].sum() / max(reliable.sum(), 1), 0)
    return _wave(_amplified(spectrum, _allowed(gain, source)), len(wave))


def band_hz() -> np.ndarray:
    """The middle of each band, ``[BANDS]``, evenly spaced on the mel scale."""
    edges = np.linspace(0, hertz_to_mel(TOP_HZ), BANDS + 1)
    return mel_to_hertz((edges[1:] + edges[:-1]) / 2)


def band_shares(hz: np.ndarray) -> np.ndarray:
    """How much of each band's gain a sound of that frequency gets, ``[len(hz), BANDS]``: triangles that sum to 1."""
    place = np.interp(hertz_to_mel(hz), hertz_to_mel(band_hz()), np.arange(BANDS))
    return np.maximum(0, 1 - np.abs(place[:, None] - np.arange(BANDS)))


def with_gains(wave: np.ndarray, gains: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """The waveform ``[T]`` at 24 kHz with gains in dB, which a function computes from its energies in bands; both are
    ``[frames, BANDS]`` at 80 Hz, the last frame after its end."""
    spectrum = _stft(wave)
    return _wave(_amplified(spectrum, gains(_band_power(spectrum))), len(wave))


def _gap(spectrum: Tensor, target: SpectralBalance) -> np.ndarray:
    """Target minus present log power ``[frames, BANDS]``; the target has no more frames than the spectrum."""
    present = _smooth(_band_power(spectrum)[: len(target.bands)], target.closeness)
    return target.bands.astype(np.float32) - np.log(present)


def _allowed(gain: np.ndarray, target: SpectralBalance) -> np.ndarray:
    """Gains in log power ``[frames, BANDS]`` as gains in dB, within the limits; nothing unreliable is raised."""
    gain = np.where(target.reliable, gain, np.minimum(gain, 0)) * DECIBELS
    closeness = target.closeness
    return _smooth(np.clip(gain, closeness.least_db, closeness.most_db), closeness)


def _amplified(spectrum: Tensor, gain: np.ndarray) -> Tensor:
    """A spectrum after gains ``[frames, BANDS]`` in dB, the last one held."""
    factors = torch.from_numpy(10 ** (gain @ _bank() / 20)).float()
    factors = torch.cat([factors, factors[-1:].expand(spectrum.shape[1] - len(factors), -1)])
    return spectrum * factors.T


def _stft(wave: np.ndarray) -> Tensor:
    """``[N_FFT // 2 + 1, frames]``: frame k is centred at k * 300 samples."""
    padded = np.pad(wave.astype(np.float32), (0, frame_count(len(wave)) * HOP_LENGTH - len(wave)))
    return torch.stft(
        torch.from_numpy(padded), N_FFT, HOP_LENGTH, window=_window(), pad_mode="constant", return_complex=True
    )


def _wave(spectrum: Tensor, length: int) -> np.ndarray:
    """The waveform ``[length]`` of a spectrum."""
    return torch.istft(spectrum, N_FFT, HOP_LENGTH, window=_window(), length=length).numpy()


def _band_power(spectrum: Tensor) -> np.ndarray:
    """Energy in each band, ``[frames, BANDS]``; above 8 kHz, where many recordings have nothing, none is counted."""
    counted = int(TOP_HZ * N_FFT / SAMPLE_RATE)
    power = torch.view_as_real(spectrum[:counted]).square().sum(-1).numpy()
    return power.T @ _bank()[:, :counted].T + _TINY


def _window() -> Tensor:
    return torch.hann_window(N_FFT)


@lru_cache
def _bank() -> np.ndarray:
    """Shares of each band at every frequency, ``[BANDS, N_FFT // 2 + 1]``."""
    return band_shares(np.arange(N_FFT // 2 + 1) * SAMPLE_RATE / N_FFT).T.astype(np.float32)


def _smooth(x: np.ndarray, closeness: Closeness) -> np.ndarray:
    """``[frames, BANDS]`` averaged over time under a bell."""
    half = round(closeness.smoothing_seconds * SAMPLE_RATE / HOP_LENGTH / 2)
    padded = torch.from_numpy(np.pad(x, ((half, half), (0, 0)), mode="edge").T.astype(np.float32))
    weights = torch.from_numpy(bell(2 * half + 1).astype(np.float32))
    return torch.nn.functional.conv1d(padded[:, None], weights[None, None])[:, 0].numpy().T
