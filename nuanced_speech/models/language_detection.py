"""Which parts of a recording tell its language: windows that begin with speech, the first one alone if it is sure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nuanced_speech.audio.gate import active_frames, frame_levels
from nuanced_speech.core.constants import WHISPER_SAMPLE_RATE

# What Whisper takes at once.
WINDOW_SAMPLES = 30 * WHISPER_SAMPLE_RATE


@dataclass(frozen=True)
class LanguageDetectionConfig:
    """Settings of the detection of a recording's language.

    Attributes:
        sure: probability of a language that leaves no doubt.
        windows: windows at most; each costs a pass of the encoder.
        silence_seconds: silence in front of a window that is left in it, since speech that begins at once is recognised
            less well.
        range_db: frames that are less quiet than this below the loud ones count as speech.
        frame_seconds: length of a frame.
    """

    sure: float = 0.8
    windows: int = 3
    silence_seconds: float = 1.0
    range_db: float = 30.0
    frame_seconds: float = 0.1


def speech_starts(wave: np.ndarray, config: LanguageDetectionConfig) -> Iterator[int]:
    """Where 30 s windows of ``wave [T]`` at 16 kHz begin, in samples: each with speech; 0 if there is none."""
    frame = round(config.frame_seconds * WHISPER_SAMPLE_RATE)
    levels = frame_levels(wave, frame)
    speech = np.flatnonzero(active_frames(levels, config.range_db)) * frame if len(levels) else np.zeros(0, int)
    silence = round(config.silence_seconds * WHISPER_SAMPLE_RATE)
    end = 0
    for _ in range(config.windows):
        following = speech[speech >= end]
        if not len(following):
            break
        start = int(following[0])
        # a short silence stays, so that the window is the one that is transcribed first, and is encoded once
        start = end if start - end <= silence else start - silence
        yield start
        end = start + WINDOW_SAMPLES
    if end == 0:
        yield 0


def mean_shares(windows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Probabilities of the languages, the mean of those of several windows."""
    return {language: sum(shares[language] for shares in windows) / len(windows) for language in windows[0]}
