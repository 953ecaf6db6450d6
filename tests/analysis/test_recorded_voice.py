"""Which frames of recordings a decoder is given for a segment."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from nuanced_speech.analysis.features import SegmentFeatures, SegmentFrames
from nuanced_speech.analysis.recorded_voice import RecordedVoice
from nuanced_speech.audio.segmentation import Segment
from nuanced_speech.dsp.spectral_balance import SpectralBalance
from nuanced_speech.voice.style import Style

UNITS = 40


def segment(number: int, speaker: int) -> SegmentFeatures:
    """A second of noise by one of several speakers, its content its number."""
    noise = np.random.default_rng(number).standard_normal(600 * UNITS).astype(np.float32)
    embedding = np.zeros(256, np.float32)
    embedding[speaker] = 1
    nothing = np.zeros(2 * UNITS, np.float32)
    balance = SpectralBalance(*[nothing[:, None]] * 4)
    return SegmentFeatures(
        Segment(number * UNITS, (number + 1) * UNITS, number * UNITS, (number + 1) * UNITS),
        SegmentFrames(
            noise, torch.full((512, UNITS), float(number)).half(), np.zeros((UNITS, 178), np.float32), balance
        ),
        nothing,
        nothing,
        Style.from_vector(torch.zeros(256)),
        embedding,
    )


@pytest.fixture(scope="module")
def features() -> list[SegmentFeatures]:
    return [segment(k, speaker) for k, speaker in enumerate([0, 1, 0, 1, 1, 0])]


def numbers(voice: RecordedVoice, of: SegmentFeatures | None) -> list[int]:
    _, reference = voice.of(of)
    assert reference is not None and bool(reference.mask.all())
    assert reference.envelope.shape == (1, reference.content.shape[1], 64)
    return [int(x) for x in reference.content[0, ::UNITS, 0]]


def test_a_segments_own_voice_is_its_speakers_the_nearest_first(features: list[SegmentFeatures]) -> None:
    voice = RecordedVoice(features, own=True)
    assert numbers(voice, features[2]) == [2, 0, 5]
    assert numbers(voice, features[4]) == [4, 3, 1]
    speaker, _ = voice.of(features[4])
    assert speaker is not None and int(speaker.argmax()) == 1


def test_all_of_another_voices_recordings_count_up_to_a_length(features: list[SegmentFeatures]) -> None:
    assert numbers(RecordedVoice(features), features[4]) == [0, 1, 2, 3, 4, 5]
    _, reference = RecordedVoice(features, seconds=2.5).of()
    assert reference is not None and reference.content.shape[1] == 100
    assert RecordedVoice([]).of() == (None, None)


def test_a_segment_without_speech_has_its_own_frames_and_no_embedding(features: list[SegmentFeatures]) -> None:
    silent = segment(6, 0)
    silent.speaker[:] = np.nan
    voice = RecordedVoice([*features, silent], own=True)
    assert numbers(voice, silent) == [6] and voice.of(silent)[0] is None
    assert 6 not in numbers(voice, features[0])
