"""Changes of speaker in real recordings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from helpers import CLIP, OTHER_SPEAKER, SAMPLE

from nuanced_speech import audio
from nuanced_speech.analysis.enrollment import read_recordings
from nuanced_speech.analysis.speaker_changes import SpeakerChanges
from nuanced_speech.audio.segmentation import segment
from nuanced_speech.core.constants import SAMPLE_RATE, UNITS_PER_SECOND
from nuanced_speech.core.errors import UserError
from nuanced_speech.models.speaker_encoder import SAME_SPEAKER, SpeakerEncoder

LONG = 6 * SAMPLE_RATE


@pytest.fixture(scope="module")
def both() -> np.ndarray:
    """Six seconds of one speaker, and two and a half of another, without a pause between them."""
    return np.concatenate([audio.read(SAMPLE)[:LONG], audio.read(OTHER_SPEAKER)])


def test_a_short_second_speaker_gets_a_segment(both: np.ndarray, encoder: SpeakerEncoder) -> None:
    segments = segment(both)
    assert len(segments) == 1
    first, second = SpeakerChanges(encoder).split(both, segments)
    assert abs(first.end / UNITS_PER_SECOND - 6) < 0.5
    assert second.end == segments[0].end and second.start == first.end
    one, other = (encoder.embed(both[part.samples], SAMPLE_RATE) for part in (first, second))
    assert one is not None and other is not None
    assert one @ other < SAME_SPEAKER - 0.05


@pytest.mark.parametrize("gain", [0.4, 3.0])
def test_the_second_speaker_may_be_quieter_or_louder(both: np.ndarray, encoder: SpeakerEncoder, gain: float) -> None:
    wave = both.copy()
    wave[LONG:] *= np.float32(gain)
    (change,) = SpeakerChanges(encoder)(wave)
    assert abs(change - 6) < 0.5


def test_a_third_part_is_found_between(both: np.ndarray, encoder: SpeakerEncoder) -> None:
    back, again = SpeakerChanges(encoder)(np.concatenate([both, audio.read(CLIP)]))
    assert abs(back - 6) < 0.5
    # the clip begins with half a second of silence
    assert 8 < again < 9.5


def test_one_speaker_stays_as_it_is(encoder: SpeakerEncoder) -> None:
    clip, sample = audio.read(CLIP), audio.read(SAMPLE)
    for wave in (clip, sample, np.concatenate([sample, 0.3 * clip, sample]), clip[: SAMPLE_RATE // 2], 0 * clip):
        segments = segment(wave)
        assert SpeakerChanges(encoder).split(wave, segments) == segments


def test_a_clone_is_not_made_of_both(both: np.ndarray, encoder: SpeakerEncoder, tmp_path: Path) -> None:
    audio.write(tmp_path / "both.wav", both)
    with pytest.raises(UserError, match=r"two speakers: .* from 0 s on and .* from [56] s on"):
        read_recordings([tmp_path / "both.wav"], encoder)
    assert len(read_recordings([tmp_path / "both.wav"], encoder, one_speaker=True)[0]) == 1
