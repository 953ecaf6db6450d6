"""Speech told from other sound."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
import soundfile
from helpers import CLIP

from nuanced_speech.core.constants import WHISPER_SAMPLE_RATE
from nuanced_speech.models.voice_activity import (
    FRAME_SECONDS,
    WEIGHTS,
    ActivityState,
    SpeechStretch,
    StretchConfig,
    VoiceActivity,
    speech_in,
    stretches,
)

BARE = StretchConfig(begins=0.5, ends=0.35, shortest_seconds=0.064, pause_seconds=0.2, margin_seconds=0.0)


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    """The clip at 16 kHz."""
    return soundfile.read(CLIP, dtype="float32")[0]


def frames(*runs: tuple[int, float]) -> np.ndarray:
    """Probabilities: so many frames of each value."""
    return np.concatenate([np.full(number, value, np.float32) for number, value in runs])


def times(*runs: tuple[int, int]) -> list[SpeechStretch]:
    return [SpeechStretch(first * FRAME_SECONDS, last * FRAME_SECONDS) for first, last in runs]


def test_weights_are_those_of_the_package() -> None:
    digest = hashlib.sha256(WEIGHTS.read_bytes()).hexdigest()
    assert digest == "9ccdacc4719d8aa7e45a77536bfabec45a03ba1f2fad5e241ab4060b24238a85"


def test_speech_between_silences_is_found(speech: np.ndarray) -> None:
    silence = np.zeros(3 * WHISPER_SAMPLE_RATE, np.float32)
    found = speech_in(np.concatenate([silence, speech, silence]), WHISPER_SAMPLE_RATE)
    seconds = len(speech) / WHISPER_SAMPLE_RATE
    assert 2.5 < found[0].start < 4.0
    assert 3 + seconds - 1 < found[-1].end < 3 + seconds + 0.5
    assert sum(one.end - one.start for one in found) > 0.7 * seconds


@pytest.mark.parametrize("kind", ["silence", "noise", "tone", "clicks"])
def test_other_sound_is_no_speech(kind: str) -> None:
    time = np.arange(4 * WHISPER_SAMPLE_RATE) / WHISPER_SAMPLE_RATE
    wave = {
        "silence": np.zeros(len(time)),
        "noise": 0.1 * np.random.default_rng(0).standard_normal(len(time)),
        "tone": 0.3 * np.sin(2 * np.pi * 440 * time),
        "clicks": (np.arange(len(time)) % 8000 == 0).astype(float),
    }[kind]
    assert speech_in(wave.astype(np.float32), WHISPER_SAMPLE_RATE) == []


def test_a_stream_in_chunks_of_any_length_equals_the_whole(speech: np.ndarray) -> None:
    activity, state, parts, at = VoiceActivity(), ActivityState(), [], 0
    for length in [0, 1, 511, 512, 100, 3000, 7, 20000, len(speech)]:
        probabilities, state = activity(speech[at : at + length], state)
        parts.append(probabilities)
        at += length
    streamed, whole = np.concatenate(parts), activity.of_recording(speech)
    assert len(whole) - len(streamed) in (0, 1)
    np.testing.assert_allclose(streamed, whole[: len(streamed)], atol=1e-5)


def test_a_state_can_be_used_again(speech: np.ndarray) -> None:
    activity = VoiceActivity()
    _, state = activity(speech[:8000])
    first, _ = activity(speech[8000:16000], state)
    again, _ = activity(speech[8000:16000], state)
    assert np.array_equal(first, again)


def test_stretches_are_high_somewhere_and_end_low() -> None:
    probabilities = frames((10, 0.0), (3, 0.4), (5, 0.9), (4, 0.4), (10, 0.1), (5, 0.45), (9, 0.0))
    assert stretches(probabilities, BARE) == times((10, 22))


def test_short_pauses_are_bridged_and_blips_are_not_speech() -> None:
    probabilities = frames((10, 0.9), (3, 0.0), (10, 0.9), (20, 0.0), (1, 0.9), (20, 0.0))
    assert stretches(probabilities, BARE) == times((0, 23))


def test_margins_stay_inside_and_meet_halfway() -> None:
    config = StretchConfig(margin_seconds=10 * FRAME_SECONDS, pause_seconds=0.0)
    found = stretches(frames((4, 0.0), (10, 0.9), (10, 0.0), (10, 0.9), (30, 0.0)), config)
    expected = times((0, 19), (19, 44))
    np.testing.assert_allclose([(s.start, s.end) for s in found], [(s.start, s.end) for s in expected])


def test_nothing_in_no_frames() -> None:
    assert stretches(np.zeros(0, np.float32)) == []
