"""Listening with the smallest Whisper, on a real clip and on a long recording made of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from nuanced_speech import audio, whisper
from nuanced_speech.errors import UserError
from nuanced_speech.evaluate.metrics import word_errors
from nuanced_speech.whisper import Listener, Transcript

RATE = audio.WHISPER_SAMPLE_RATE


@pytest.fixture(scope="module")
def wave(clip: Path) -> np.ndarray:
    return audio.read(clip, RATE)


@pytest.fixture(scope="module")
def transcript(listener: Listener, wave: np.ndarray) -> Transcript:
    return listener.transcribe(wave, words=True)


@pytest.mark.parametrize(("samples", "rows"), [(1, 1), (319, 1), (320, 1), (321, 2), (16_000, 50), (16_001, 51)])
def test_features_are_as_long_as_the_clip(listener: Listener, wave: np.ndarray, samples: int, rows: int) -> None:
    assert listener.features(wave[:samples]).shape == (rows, listener.width)


def test_layers_are_joined(listener: Listener, wave: np.ndarray) -> None:
    short = wave[:RATE]
    one, four = listener.features(short, (1,)), listener.features(short, (4,))
    assert one.shape == (50, listener.width)
    assert torch.equal(listener.features(short, (1, 4)), torch.cat([one, four], -1))
    assert not torch.allclose(one, four, atol=0.1)
    # the last block, put through the last norm, is the encoder's own output
    torch.testing.assert_close(listener.output_norm(listener.features(short, (1, 4))), listener.features(short))


def similarity(a: Tensor, b: Tensor) -> Tensor:
    """Cosine of each pair of rows, the mean of all rows taken off first: features share a large constant part."""
    mean = torch.cat([a, b]).mean(0)
    return torch.cosine_similarity(a - mean, b - mean, dim=-1)


def test_features_agree_with_whispers_own_thirty_seconds(listener: Listener, wave: np.ndarray) -> None:
    """No padding to 30 s, half a second of silence in front: row k still belongs to k * 20 ms."""
    from whisper.audio import log_mel_spectrogram, pad_or_trim

    own = listener.features(wave)
    with torch.no_grad():
        padded = listener.model.encoder(log_mel_spectrogram(torch.from_numpy(pad_or_trim(wave)))[None])[0, : len(own)]
    aligned = similarity(own, padded).mean()
    assert aligned > 0.8
    for shift in (1, 2, 5):
        assert aligned > similarity(own[shift:], padded[:-shift]).mean()
        assert aligned > similarity(own[:-shift], padded[shift:]).mean()


def test_windows_agree_with_one_window(listener: Listener, wave: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    """What four windows give for a clip, one window gives too, but for the rows next to an edge."""
    whole = listener.features(wave)
    monkeypatch.setattr(whisper, "WINDOW_SECONDS", 3)
    windowed = listener.features(wave)
    assert windowed.shape == whole.shape
    # edges are at 2 s, 3 s ..., and their overlaps are parted in the middle
    inner = torch.ones(len(whole), dtype=torch.bool)
    for edge in range(100, len(whole), 50):
        inner[edge - 5 : edge + 5] = False
    assert torch.cosine_similarity(whole, windowed, dim=-1)[inner].mean() > 0.95
    assert similarity(whole, windowed)[inner].mean() > 0.8


def test_beyond_thirty_seconds(listener: Listener, wave: np.ndarray) -> None:
    """The clip between silences at 0 s, across the windows' border at 26 s to 28 s, and at the end."""
    seconds = 36.0
    long = np.zeros(round(seconds * RATE), np.float32)
    starts = [0.0, 24.5, 30.5]
    for start in starts:
        long[round(start * RATE) : round(start * RATE) + len(wave)] += wave
    features = listener.features(long)
    assert features.shape == (36 * 50, listener.width)
    alone = listener.features(wave)
    for start in starts:
        found = features[round(start * 50) :][: len(alone)]
        assert torch.cosine_similarity(found, alone, dim=-1).mean() > 0.9
        assert similarity(found, alone).mean() > 0.6
        # shifted by a tenth of a second it would be another
        assert similarity(found, alone).mean() > similarity(found[5:], alone[:-5]).mean() + 0.1


def test_the_clip_is_transcribed(transcript: Transcript) -> None:
    from conftest import CLIP_WORDS

    assert transcript.language == "en"
    assert word_errors(CLIP_WORDS, transcript.text).wer <= 0.08
    assert transcript.text == transcript.text.strip()
    assert " ".join(segment.text for segment in transcript.segments) == transcript.text


def test_word_times_are_in_order_and_within_the_clip(transcript: Transcript, wave: np.ndarray) -> None:
    words = [word for segment in transcript.segments for word in segment.words]
    assert " ".join(word.text for word in words) == transcript.text
    times = [time for word in words for time in (word.start, word.end)]
    assert times == sorted(times)
    assert times[0] >= 0
    assert times[-1] <= len(wave) / RATE + 0.02
    # most of the clip is speech
    assert times[-1] - times[0] > 3.5


def test_word_times_are_the_times_of_the_words(listener: Listener, wave: np.ndarray, transcript: Transcript) -> None:
    """One more second of silence in front, and all words come one second later."""
    later = listener.transcribe(np.concatenate([np.zeros(RATE, np.float32), wave]), "en", words=True)
    words, moved = ([w for s in t.segments for w in s.words] for t in (transcript, later))
    starts = {word.text: word.end for word in words}
    shifts = [word.end - starts[word.text] for word in moved if word.text in starts]
    assert len(shifts) >= 10
    assert np.median(shifts) == pytest.approx(1.0, abs=0.15)


def test_word_times_come_only_on_request(listener: Listener, wave: np.ndarray) -> None:
    plain = listener.transcribe(wave)
    assert plain.segments and all(segment.words == [] for segment in plain.segments)


def test_silence_has_features_and_no_words(listener: Listener) -> None:
    silence = np.zeros(2 * RATE, np.float32)
    assert bool(torch.isfinite(listener.features(silence)).all())
    assert listener.transcribe(silence).text == ""


def test_an_unknown_size() -> None:
    with pytest.raises(UserError, match=r"unknown Whisper model 'enormous': choose from .*base"):
        Listener("enormous").model  # noqa: B018
