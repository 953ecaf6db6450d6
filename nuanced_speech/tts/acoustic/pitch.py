"""F0 read off a mel spectrogram, and the picture that an F0 leaves in one.

Below 1 kHz the bands are narrow enough (37 Hz) to show single harmonics. So the F0 of a frame is that whose harmonics,
seen through the same window and bands, look most like it; no waveform is needed, and training data need not bring F0.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from nuanced_speech.audio.gate import active_frames
from nuanced_speech.dsp.mel import MEL, MelConfig, mel_bank

LOWEST, HIGHEST, PER_OCTAVE = 55.0, 600.0, 48
# Bands that show harmonics one by one, up to about 1.3 kHz, and how many are averaged to take an envelope away.
BANDS, SMOOTH = 34, 9
# Frames this much (natural log) below the loud ones are unvoiced whatever they look like.
QUIET = 6.0
VOICED, UNVOICED_COST, MOVE_COST = 0.45, 0.15, 0.03


@lru_cache
def grid() -> np.ndarray:
    """The grid of F0 in Hz, 48 an octave."""
    steps = int(np.log2(HIGHEST / LOWEST) * PER_OCTAVE) + 1
    return LOWEST * 2 ** (np.arange(steps) / PER_OCTAVE)


@lru_cache
def combs(config: MelConfig = MEL) -> Tensor:
    """What harmonics of equal height look like, log mel ``[len(grid()), n_mels]`` against a flat spectrum."""
    bin_hz = config.sample_rate / config.n_fft
    hz = torch.arange(config.n_fft // 2 + 1) * bin_hz
    rows = []
    for f0 in grid():
        distance = (hz - (hz / f0).round().clamp(min=1) * f0).abs() / bin_hz
        # the main lobe of the Hann window is four bins wide
        rows.append(torch.where(distance < 2, (torch.cos(torch.pi * distance / 2) + 1) / 2, torch.zeros(())))
    bank = mel_bank(config)
    seen = torch.stack(rows) @ bank.T
    return ((seen + 0.02 * bank.sum(1)).log() - bank.sum(1).log()).float()


def comb(f0: Tensor, table: Tensor) -> Tensor:
    """Pictures ``[..., n_mels]`` of F0 in Hz ``[...]`` from ``combs``, between the grid's; 0 where it is 0."""
    place = ((f0.clamp(LOWEST, HIGHEST) / LOWEST).log2() * PER_OCTAVE).clamp(0, len(table) - 1.001)
    low = place.long()
    share = (place - low)[..., None]
    picture = torch.lerp(table[low], table[low + 1], share)
    return picture * (f0 > 0)[..., None]


@lru_cache
def _templates() -> np.ndarray:
    return _detail(combs()[:, : BANDS + SMOOTH].numpy())


def _detail(mel: np.ndarray) -> np.ndarray:
    """The low bands ``[N, 34]`` without their envelope, of length 1."""
    kernel = np.hanning(SMOOTH + 2)[1:-1]
    kernel /= kernel.sum()
    half = SMOOTH // 2
    low = np.clip(mel[:, : BANDS + SMOOTH], mel.max(1, keepdims=True) - 8, None)
    padded = np.pad(low, ((0, 0), (half, half)), mode="edge")
    smooth = np.stack([padded[:, k : k + low.shape[1]] for k in range(SMOOTH)], -1) @ kernel
    detail = (low - smooth)[:, :BANDS]
    return detail / np.maximum(np.linalg.norm(detail, axis=1, keepdims=True), 1.0)


def track(mels: Sequence[np.ndarray]) -> list[np.ndarray]:
    """F0 in Hz ``[frames]`` of log mel spectrograms ``[frames, 80]``; 0 where nothing is voiced.

    The best path through all frames, on which a jump and a change of voicing cost something (Viterbi); all utterances
    at once, which is many times faster than one by one.
    """
    longest = max(len(mel) for mel in mels)
    scores = np.stack([np.pad(_scores(mel), ((0, longest - len(mel)), (0, 0))) for mel in mels], 1)
    frames, _, size = scores.shape
    best, silent = scores[0].copy(), np.full(len(mels), VOICED)
    last = (best, silent)
    came = np.zeros((frames, len(mels), size + 1), np.int16)
    for t in range(1, frames):
        below, from_below = _reached(best)
        above, from_above = _reached(best[:, ::-1])
        above, from_above = above[:, ::-1], size - 1 - from_above[:, ::-1]
        kept, start = np.maximum(below, above), np.where(below >= above, from_below, from_above)
        fresh = (silent - UNVOICED_COST)[:, None]
        came[t, :, :size] = np.where(kept >= fresh, start, size)
        top = best.argmax(1)
        stops = best.max(1) - UNVOICED_COST
        came[t, :, size] = np.where(silent >= stops, size, top)
        silent = np.maximum(silent, stops) + VOICED
        best = np.maximum(kept, fresh) + scores[t]
        # an utterance that is over stays where it ended
        over = np.array([t >= len(mel) for mel in mels])
        if over.any():
            came[t, over] = np.arange(size + 1)
            best[over], silent[over] = last[0][over], last[1][over]
        last = (best.copy(), silent.copy())
    state = np.where(silent >= best.max(1), size, best.argmax(1))
    path = np.empty((frames, len(mels)), np.int64)
    for t in range(frames - 1, -1, -1):
        path[t] = state
        state = came[t, np.arange(len(mels)), state]
    hz = np.append(grid(), 0.0).astype(np.float32)[path]
    return [hz[: len(mel), k] for k, mel in enumerate(mels)]


def _scores(mel: np.ndarray) -> np.ndarray:
    """How much each frame looks like each F0 of the grid, ``[frames, len(grid())]``: at most 1."""
    # between an F0 and half of it the comb of the lower fits nearly as well
    scores = _detail(mel.astype(np.float32)) @ _normalised().T - 0.02 * np.log2(HIGHEST / grid())
    loudness = mel[:, :BANDS].max(1)
    scores[~active_frames(loudness, QUIET)] = -1.0
    return scores


def _reached(best: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The best way to each F0 of ``[N, S]`` from itself or a lower one, every step up costing something; and from
    which."""
    cost = MOVE_COST * np.arange(best.shape[1])
    raised = best + cost
    highest = np.maximum.accumulate(raised, axis=1)
    start = np.maximum.accumulate(np.where(raised >= highest, np.arange(best.shape[1]), 0), axis=1)
    return highest - cost, start


@lru_cache
def _normalised() -> np.ndarray:
    rows = _templates()
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)
