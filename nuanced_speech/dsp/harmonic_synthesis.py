"""Short-time spectra of a pulse train and of noise, and sound of short-time spectra, on the grid of F0 and energy.

Frame k of 1200 samples is centred on the middle of the 300 samples that F0 and energy k speak of. The classes do in
pieces what the functions do at once.
"""

from dataclasses import dataclass
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from nuanced_speech.core.constants import HOP_LENGTH, SAMPLE_RATE
from nuanced_speech.dsp.pulse_train import FILLED_HZ, held_f0, pulses_at

N_FFT = 4 * HOP_LENGTH
OVERLAP = N_FFT // HOP_LENGTH
EDGE = (N_FFT - HOP_LENGTH) // 2
NOISE_SAMPLES = 4 * SAMPLE_RATE
"""Noise repeats after so many samples, which nobody notices, so that a stream needs no more state than its place."""


@dataclass(frozen=True)
class SourceSpectra:
    """Complex spectra ``[B, F, 601]`` whose mean power is about 1 where there is any: of pulses and of white noise."""

    pulses: Tensor
    noise: Tensor


@dataclass(frozen=True)
class PulseState:
    """Where a pulse train that is made in pieces has come to, for a batch ``B``.

    Attributes:
        f0: Hz of the last frame, whose second half waits for the next ``[B]``.
        held: the same, or the last voiced one ``[B]``.
        turns: of the first harmonic, after the samples that were made ``[B]``, float64.
        frames: frames that were given.
    """

    f0: Tensor
    held: Tensor
    turns: Tensor
    frames: int


def pulse_start(batch: int, device: torch.device) -> PulseState:
    """The state before the first frame."""
    silent, held = torch.zeros(batch, device=device), torch.full((batch,), FILLED_HZ, device=device)
    return PulseState(silent, held, silent.double(), 0)


def pulse_piece(state: PulseState, f0: Tensor, last: bool = False) -> tuple[PulseState, Tensor]:
    """Pulses as far as ``f0 [B, F]`` in Hz, 0 where unvoiced, determines them: to the middle of its last frame, or with
    ``last`` to its end. F may be 0 then."""
    half, begun = HOP_LENGTH // 2, state.frames > 0
    held = held_f0(f0, state.held)
    values = torch.cat([state.held[:, None], held], 1) if begun else held
    sounding = torch.cat([state.f0[:, None], f0], 1) if begun else f0
    count = values.shape[1]
    if not count:
        return state, f0.new_zeros(len(f0), 0)
    # the middle of frame k lies at sample (k + 1/2) * hop; in front of the first middle, F0 is that of the first frame
    hertz = F.interpolate(values[:, None], scale_factor=HOP_LENGTH, mode="linear")[:, 0].double()
    voiced = (sounding > 0).repeat_interleave(HOP_LENGTH, 1)
    piece = slice(half if begun else 0, count * HOP_LENGTH - (0 if last else half))
    hertz, voiced = hertz[:, piece], voiced[:, piece]
    turns = state.turns[:, None] + (hertz / SAMPLE_RATE).cumsum(1)
    end = turns[:, -1] if hertz.shape[1] else state.turns
    after = PulseState(sounding[:, -1], values[:, -1], torch.remainder(end, 1.0), state.frames + f0.shape[1])
    return after, pulses_at(hertz, turns, voiced, SAMPLE_RATE)


def source_spectra(f0: Tensor, seed: int = 0) -> SourceSpectra:
    """Spectra for ``f0 [B, F]`` in Hz, 0 where unvoiced; all items of a batch have the same noise."""
    _, pulses = pulse_piece(pulse_start(len(f0), f0.device), f0, last=True)
    return SourceSpectra(spectra(F.pad(pulses, (EDGE, EDGE))), noise_spectra(0, f0.shape[1], seed, f0.device))


def noise_spectra(start: int, frames: int, seed: int, device: torch.device) -> Tensor:
    """Spectra ``[1, frames, 601]`` of white noise, from a frame of it on."""
    samples = torch.arange(start * HOP_LENGTH - EDGE, (start + frames) * HOP_LENGTH + EDGE, device=device)
    return spectra(white_noise(seed).to(device)[samples % NOISE_SAMPLES][None])


def spectra(wave: Tensor) -> Tensor:
    """Spectra ``[B, F, 601]`` of ``wave [B, 300 * F + 900]``, in the scale in which white noise has power 1."""
    return torch.fft.rfft(wave.unfold(-1, N_FFT, HOP_LENGTH) * _window(wave.device)) / _norm(wave.device)


def synthesize(real: Tensor, imag: Tensor) -> Tensor:
    """Waveform ``[B, 300 * F]`` of spectra ``[B, F, 601]`` in the scale of ``source_spectra``: windowed overlap-add
    (Griffin and Lim 1984)."""
    return overlap_add(real, imag)[:, EDGE : EDGE + real.shape[1] * HOP_LENGTH]


def overlap_add(real: Tensor, imag: Tensor) -> Tensor:
    """The same with the ends that further frames would add to, ``[B, 300 * F + 900]``."""
    frames = torch.fft.irfft(torch.complex(real, imag), N_FFT) * _window(real.device)
    parts = frames.unflatten(-1, (OVERLAP, HOP_LENGTH))
    summed = torch.stack([F.pad(parts[:, :, k], (0, 0, k, OVERLAP - 1 - k)) for k in range(OVERLAP)]).sum(0)
    # squared Hann windows that overlap fourfold sum to 1.5 everywhere
    return summed.flatten(1) * (_norm(real.device) / 1.5)


def _window(device: torch.device) -> Tensor:
    return torch.hann_window(N_FFT, device=device)


def _norm(device: torch.device) -> Tensor:
    return _window(device).square().sum().sqrt()


@lru_cache(maxsize=4)
def white_noise(seed: int) -> Tensor:
    """White noise of power 1 ``[NOISE_SAMPLES]``; a cached tensor, not to be written to."""
    return torch.randn(NOISE_SAMPLES, generator=torch.Generator().manual_seed(seed))
