"""Speech made shorter: moments that change quickly keep more of their time than steady ones, and the pitch stays.

People who speak fast shorten vowels and pauses more than consonants. So does Mach1 (Covell, Withgott and Slaney 1998,
"Mach1: nonuniform time-scale modification of speech"), whose idea this is: here the change of the spectrum says which
moments those are. The waveform is put together by WSOLA (Verhelst and Roelands 1993): short pieces overlap where they
are most alike.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class CompressionConfig:
    """Settings of the compression; docs/experiments.md has the trials.

    Attributes:
        strength: share by which the most changing moments keep more of their time than the mean, and the steadiest
            less; at most the factor minus 1, so that no moment becomes longer.
        quiet: share of the mean that quiet moments keep.
        quiet_db: how far below the loudest moment a quiet one is.
        frame: seconds between two measurements of the spectrum.
        window: seconds of a piece; two overlap by half.
        tolerance: seconds by which a piece may be moved to fit the one before.
    """

    strength: float = 0.6
    quiet: float = 0.5
    quiet_db: float = 40.0
    frame: float = 0.01
    window: float = 0.02
    tolerance: float = 0.005


@dataclass(frozen=True)
class TimeMap:
    """Rising places in samples: what lies at ``source [N]`` of one wave lies at ``target [N]`` of another."""

    source: np.ndarray
    target: np.ndarray

    def to_target(self, place: float) -> float:
        """A place of the source in the target."""
        return float(np.interp(place, self.source, self.target))

    def to_source(self, place: float) -> float:
        """A place of the target in the source."""
        return float(np.interp(place, self.target, self.source))


def compress(
    wave: np.ndarray, sample_rate: int, length: int, config: CompressionConfig | None = None
) -> tuple[np.ndarray, TimeMap]:
    """A shorter wave, and the map of its moments.

    Args:
        wave: ``[T]``, mono.
        sample_rate: samples per second.
        length: number of samples wanted, 1 to ``T``.
        config: settings.

    Returns:
        ``[length]`` float32, and the map from ``wave`` to it.
    """
    config = config or CompressionConfig()
    wave = np.asarray(wave, np.float32)
    hop = round(config.frame * sample_rate)
    kept = _kept(wave, hop, len(wave) / length, config)
    places = np.minimum(np.arange(len(kept) + 1) * hop, len(wave)).astype(float)
    # the last frame may be short
    kept = kept * np.diff(places)
    target = np.concatenate([[0.0], np.cumsum(kept)]) * (length / kept.sum())
    time_map = TimeMap(places, target)
    return _overlapped(wave, sample_rate, length, time_map, config), time_map


def _kept(wave: np.ndarray, hop: int, factor: float, config: CompressionConfig) -> np.ndarray:
    """Relative share of its time that each frame of ``hop`` samples keeps, around 1."""
    count = -(-len(wave) // hop)
    padded = np.pad(wave, (hop, 2 * hop)).astype(np.float64)
    frames = np.lib.stride_tricks.sliding_window_view(padded, 2 * hop)[::hop][:count] * np.hanning(2 * hop)
    spectra = np.abs(np.fft.rfft(frames, axis=1))[:, : 2 * hop // 3]
    # 32 equal bands up to two thirds of the range of frequencies
    bands = np.stack([part.mean(1) for part in np.array_split(np.log(spectra + 1e-3), 32, axis=1)], 1)
    padded_bands = np.pad(bands, ((1, 1), (0, 0)), mode="edge")
    change = np.sqrt(np.square(padded_bands[2:] - padded_bands[:-2]).mean(1))
    change = np.convolve(np.pad(change, 1, mode="edge"), np.ones(3) / 3, "valid")
    rank = np.argsort(np.argsort(change, kind="stable"), kind="stable") / max(count - 1, 1)
    strength = min(config.strength, factor - 1)
    kept = 1 + strength * (2 * rank - 1)
    power = np.square(frames).mean(1)
    quiet = power < power.max() * 10 ** (-config.quiet_db / 10)
    return np.where(quiet, max(config.quiet, 1 - strength), kept)


def _overlapped(
    wave: np.ndarray, sample_rate: int, length: int, time_map: TimeMap, config: CompressionConfig
) -> np.ndarray:
    half = round(config.window * sample_rate / 2)
    size, slack = 2 * half, round(config.tolerance * sample_rate)
    window = np.hanning(size + 1)[:size]
    margin = size + slack
    padded = np.pad(wave.astype(np.float64), (margin, 2 * margin))
    out = np.zeros(length + 2 * size)
    before: int | None = None
    for place in range(0, length + half, half):
        start = round(time_map.to_source(place)) + margin - half
        if before is not None:
            # the continuation of the piece before, and what is most like it near the wanted place
            stretch = padded[before + half : before + half + size]
            near = padded[start - slack : start + slack + size]
            alike = np.correlate(near, stretch, "valid")
            power = np.convolve(np.square(near), np.ones(size), "valid")
            start += int(np.argmax(alike / np.sqrt(np.maximum(power, 1e-9)))) - slack
        out[place : place + size] += padded[start : start + size] * window
        before = start
    return out[half : half + length].astype(np.float32)
