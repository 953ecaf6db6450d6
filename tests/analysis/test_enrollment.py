"""Which recordings make a voice is a matter of settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from nuanced_speech.analysis.enrollment import EnrollmentConfig, read_recording, read_recordings
from nuanced_speech.core.errors import UserError
from nuanced_speech.models.speaker_encoder import SpeakerEncoder


def test_length_noise_and_speakers_are_judged_by_the_settings(clip: Path, encoder: SpeakerEncoder) -> None:
    with pytest.raises(UserError, match="a voice needs at least 60 s"):
        read_recordings([clip], encoder, config=EnrollmentConfig(least_seconds=60))
    strict = EnrollmentConfig(most_seconds=2, least_snr_db=90)
    (recording,), warnings = read_recordings([clip], encoder, one_speaker=True, config=strict)
    assert len(recording.times) == 80
    assert ["noisy" in warning for warning in warnings] == [True, False] and "only the first 2 s" in warnings[1]
    with pytest.raises(UserError, match="two speakers"):
        read_recordings([clip], encoder, config=EnrollmentConfig(two_speakers=1.01))


def test_less_silence_is_kept_with_a_smaller_margin(clip: Path) -> None:
    tight = read_recording(clip, EnrollmentConfig(margin_units=0))
    assert len(tight.times) < len(read_recording(clip).times)
