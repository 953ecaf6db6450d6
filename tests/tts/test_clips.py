"""Clips of a corpus: where speech is cut, and what is wrong with some."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tts.sounds import RATE, silence

from nuanced_speech import audio
from nuanced_speech.core.errors import UserError
from nuanced_speech.models.whisper import Transcript, TranscriptSegment
from nuanced_speech.tts import quality_filters
from nuanced_speech.tts.decode import decode
from nuanced_speech.tts.quality_filters import QualityLimits
from nuanced_speech.tts.split import Span, find_sounds, group_sounds, pad_clip


def test_sounds_are_found_between_silences(speech: np.ndarray) -> None:
    rng = np.random.default_rng(0)
    wave = np.concatenate([silence(2), speech, silence(3), 0.5 * speech, silence(1.5)])
    for noise in (0.0, 10 ** (-60 / 20)):
        found = group_sounds(find_sounds(wave + noise * rng.standard_normal(len(wave)).astype(np.float32), RATE), 1, 11)
        seconds = len(speech) / RATE
        assert len(found) == 2
        assert [s.start for s in found] == pytest.approx([2, 5 + seconds], abs=0.06)
        assert [s.end for s in found] == pytest.approx([2 + seconds, 5 + 2 * seconds], abs=0.15)
    assert find_sounds(silence(1), RATE) == [] and find_sounds(silence(0.001), RATE) == []


def test_long_speech_is_cut_at_its_longest_pauses() -> None:
    found = [Span(0, 4), Span(4.3, 8), Span(8.8, 12), Span(12.2, 15), Span(17, 17.5)]
    assert group_sounds(found, 1, 11) == [Span(0, 8), Span(8.8, 15), Span(17, 17.5)]
    assert group_sounds(found, 1, 5) == [Span(0, 4), Span(4.3, 8), Span(8.8, 12), Span(12.2, 15), Span(17, 17.5)]
    # nowhere to cut
    assert group_sounds([Span(1, 30)], 1, 11) == [Span(1, 30)] and group_sounds([], 1, 11) == []
    # not beside a short word while there is another pause
    assert group_sounds([Span(0, 0.5), Span(1.2, 7), Span(7.4, 12)], 1, 11) == [Span(0, 7), Span(7.4, 12)]


@pytest.mark.parametrize("start", [0.0, 0.02, 3.0])
def test_padding_is_exact(start: float) -> None:
    tone = 0.3 * np.ones(RATE, np.float32)
    wave = np.concatenate([silence(start) + 0.001, tone, silence(start) + 0.001]).astype(np.float32)
    first = round(start * RATE) / RATE
    clip = pad_clip(wave, RATE, Span(first, first + 1), 0.5)
    assert len(clip) == 2 * round(0.5 * RATE) + RATE
    loud = np.flatnonzero(clip > 0.01)
    assert loud[0] == round(0.5 * RATE) and loud[-1] == len(clip) - round(0.5 * RATE) - 1
    assert not clip[: round(0.4 * RATE)].any() and not clip[-round(0.4 * RATE) :].any()


def test_what_is_wrong_with_a_clip(speech: np.ndarray) -> None:
    limits = QualityLimits()
    noise = np.random.default_rng(0).standard_normal(len(speech)).astype(np.float32)
    assert quality_filters.sound_problem(speech, RATE, limits) is None
    assert "noisy" in str(quality_filters.sound_problem(speech + 0.05 * noise, RATE, limits))
    assert "clipped" in str(quality_filters.sound_problem(np.clip(speech * 30, -1, 1), RATE, limits))
    assert "too short" in str(quality_filters.length_problem(Span(1, 1.5), 11, limits))
    assert "no pause" in str(quality_filters.length_problem(Span(1, 15), 11, limits))
    assert "too fast" in str(quality_filters.rate_problem(30, "phonemes", limits))
    assert "too slow" in str(quality_filters.rate_problem(1, "phonemes", limits))
    sure = TranscriptSegment("well said", 0, 2, [], -0.2, 0.1, 1.2)
    for change, says in (
        ({}, None),
        ({"log_probability": -1.5}, "log probability -1.50"),
        ({"no_speech": 0.9}, "no speech with a probability of 90%"),
        ({"compression": 5.0}, "repeats itself"),
    ):
        transcript = Transcript("well said", "en", [sure, replace(sure, **change)])
        reason = quality_filters.confidence_problem(transcript, limits)
        assert (reason is None) if says is None else (says in str(reason))
    assert "no words" in str(quality_filters.confidence_problem(Transcript("...", "en", []), limits))
    assert quality_filters.transcript_mismatch("Well, said!", transcript, limits) is None
    assert "WER" in str(quality_filters.transcript_mismatch("something else", transcript, limits))


def test_what_libsndfile_does_not_read_is_read_too(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """M4A, under a name that a shell or FFmpeg could take for something else."""
    monkeypatch.chdir(tmp_path)
    audio.write("sound.m4a", audio.read(clip))
    strange = Path("-i $(touch owned) http:.m4a")
    Path("sound.m4a").rename(strange)
    wave, full_scale, said = decode(strange, RATE)
    levels = [np.abs(x[: 100 * 1000].reshape(-1, 1000)).mean(axis=1) for x in (wave, audio.read(clip, RATE))]
    assert np.corrcoef(*levels)[0, 1] > 0.9 and full_scale == 1.0 and said == []
    assert not (tmp_path / "owned").exists()
    Path("-words.m4a").write_text("no sound")
    with pytest.raises(UserError, match="-words.m4a is not audio that can be read"):
        decode(Path("-words.m4a"), RATE)
