"""Turns between speakers, by the network that tells them apart."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import CLIP, OTHER_SPEAKER, SAMPLE

from nuanced_speech import audio
from nuanced_speech.analysis.speaker_changes import SpeakerChanges
from nuanced_speech.analysis.speaker_turns import SpeakerTurnConfig, SpeakerTurns, turns
from nuanced_speech.core.constants import SAMPLE_RATE
from nuanced_speech.models.bank import ModelBank
from nuanced_speech.models.speaker_encoder import SpeakerEncoder
from nuanced_speech.models.speaker_segmentation import FRAME_SECONDS

LONG = 6 * SAMPLE_RATE


@pytest.fixture(scope="module")
def speaker_turns() -> SpeakerTurns:
    return SpeakerTurns(ModelBank())


def spoken(*parts: tuple[int | None, float]) -> np.ndarray:
    """Probabilities of speakers (None: nobody) that speak for so many seconds one after another."""
    rows = [np.zeros((round(seconds / FRAME_SECONDS), 3), np.float32) for _, seconds in parts]
    for row, (speaker, _) in zip(rows, parts, strict=True):
        if speaker is not None:
            row[:, speaker] = 0.9
    return np.concatenate(rows)


@pytest.mark.parametrize(
    ("parts", "times"),
    [
        ([(0, 3.0), (1, 3.0)], [3.0]),
        ([(2, 3.0), (None, 1.0), (0, 1.2)], [3.5]),
        ([(0, 3.0), (None, 1.0), (0, 3.0)], []),
        # too short, and a moment that is taken for another speaker
        ([(0, 3.0), (1, 0.8)], []),
        ([(0, 3.0), (1, 0.1), (0, 3.0)], []),
        ([(0, 2.0), (1, 2.0), (0, 2.0)], [2.0, 4.0]),
    ],
)
def test_a_turn_has_one_speaker_before_and_another_after(
    parts: list[tuple[int | None, float]], times: list[float]
) -> None:
    found = [frame * FRAME_SECONDS for frame in turns(spoken(*parts), SpeakerTurnConfig())]
    assert found == pytest.approx(times, abs=0.02)


def test_turns_of_recordings(speaker_turns: SpeakerTurns) -> None:
    sample, other, clip = (audio.read(path) for path in (SAMPLE, OTHER_SPEAKER, CLIP))
    (turn,) = speaker_turns(np.concatenate([sample[:LONG], other]))
    assert abs(turn - 6) < 0.4
    assert speaker_turns(sample) == speaker_turns(clip) == speaker_turns(0 * clip) == []


def test_a_turn_counts_where_the_voices_differ(encoder: SpeakerEncoder, speaker_turns: SpeakerTurns) -> None:
    sample = audio.read(SAMPLE)
    both = np.concatenate([sample[:LONG], audio.read(OTHER_SPEAKER)])
    (change,) = SpeakerChanges(encoder, turns=speaker_turns)(both)
    (turn,) = speaker_turns(both)
    assert change == turn
    # the same voice on both sides, whatever the network says
    assert SpeakerChanges(encoder, turns=lambda wave: [3.0])(sample) == []
    assert SpeakerChanges(encoder, turns=lambda wave: [0.1])(both) == SpeakerChanges(encoder)(both)


def test_turns_near_each_other_all_count(encoder: SpeakerEncoder) -> None:
    """A second voice of 1.6 s between two parts of the first."""
    sample, other, clip = (audio.read(path) for path in (SAMPLE, OTHER_SPEAKER, CLIP))
    middle = other[: round(1.6 * SAMPLE_RATE)]
    wave = np.concatenate([sample[:LONG], middle, clip[SAMPLE_RATE:]])
    assert SpeakerChanges(encoder, turns=lambda wave: [6.0, 7.6])(wave) == [6.0, 7.6]
