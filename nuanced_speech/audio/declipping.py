"""Clipped peaks, rebuilt before a recording is analysed."""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import LinAlgError, solve_toeplitz, solveh_banded

from nuanced_speech.audio.level import CLIP_LEVEL, clipped_fraction


@dataclass(frozen=True)
class DeclipConfig:
    """Settings of the reconstruction of clipped peaks.

    Attributes:
        least: fraction of clipped samples from which a recording is changed; unclipped speech stays below 0.0002.
        most: fraction from which too little is known, and what is made up is no better.
        longest_seconds: longest stretch at full scale that is rebuilt; a longer one tells nothing of what was there.
        fullest: fraction of a frame that may be missing.
        order: of the linear prediction.
        rounds: times that the prediction and the samples are found from each other.
        frame_seconds: length of what is rebuilt at once.
        margin_seconds: known samples on both sides of it.
        highest: times full scale that a peak may reach.
    """

    least: float = 0.0005
    most: float = 0.2
    longest_seconds: float = 0.002
    fullest: float = 0.5
    order: int = 24
    rounds: int = 3
    frame_seconds: float = 0.05
    margin_seconds: float = 0.0125
    highest: float = 3.0


DECLIPPING = DeclipConfig()


def declipped(wave: np.ndarray, sample_rate: int, config: DeclipConfig = DECLIPPING) -> np.ndarray:
    """A recording ``[T]`` with its clipped peaks rebuilt, so that they may pass full scale.

    One that is not clipped comes back as it is, and so does one that is clipped all over. Samples at full scale become
    those that fit the linear prediction from their surroundings best (Janssen, Veldhuis and Vries 1986), and are never
    moved towards zero.
    """
    if not config.least <= clipped_fraction(wave) <= config.most:
        return wave
    missing = _short_runs(np.abs(wave) >= CLIP_LEVEL, round(config.longest_seconds * sample_rate))
    frame, margin = (round(seconds * sample_rate) for seconds in (config.frame_seconds, config.margin_seconds))
    rebuilt = wave.copy()
    for start in range(0, len(wave), frame):
        begin, end = max(start - margin, 0), min(start + frame + margin, len(wave))
        gaps = missing[begin:end]
        if gaps[start - begin : start - begin + frame].any() and gaps.mean() <= config.fullest:
            part = _filled(wave[begin:end].astype(np.float64), gaps, config)
            rebuilt[start : start + frame] = part[start - begin : start - begin + frame]
    return rebuilt


def _short_runs(clipped: np.ndarray, longest: int) -> np.ndarray:
    """Those of the clipped samples, bool ``[T]``, that stand in runs of at most so many."""
    edges = np.diff(np.concatenate([[0], clipped.astype(np.int8), [0]]))
    kept = clipped.copy()
    for begin, end in zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1), strict=True):
        kept[begin:end] = end - begin <= longest
    return kept


def _filled(part: np.ndarray, missing: np.ndarray, config: DeclipConfig) -> np.ndarray:
    """A stretch of a recording ``[N]`` whose missing samples fit the rest."""
    order, places = config.order, np.flatnonzero(missing)
    sign, least = np.sign(part[places]), np.abs(part[places])
    # of samples that follow each other in the list, the prediction connects those that are near in time too
    distances = [places[lag:] - places[: len(places) - lag] for lag in range(min(order, len(places) - 1) + 1)]
    window = np.hanning(len(part))
    filled = part.copy()
    for _ in range(config.rounds):
        shaped = filled * window
        correlation = np.array([shaped[lag:] @ shaped[: len(shaped) - lag] for lag in range(order + 1)])
        correlation[0] *= 1 + 1e-6
        try:
            error = np.concatenate([[1.0], -solve_toeplitz(correlation[:-1], correlation[1:])])
            weights = np.append(np.correlate(error, error, "full")[order:], 0.0)
            bands = np.zeros((len(distances), len(places)))
            for lag, distance in enumerate(distances):
                bands[lag, : len(distance)] = weights[np.minimum(distance, order + 1)]
            bands[0] += 1e-9
            around = np.concatenate([weights[order:0:-1], weights[:-1]])
            convolved = np.convolve(np.where(missing, 0.0, filled), around, "same")
            solution = solveh_banded(bands, -convolved[places], lower=True)
        except (LinAlgError, ValueError):
            return part
        filled[places] = sign * np.clip(sign * solution, least, np.maximum(config.highest, least))
    return filled
