"""Listening with the smallest Whisper, on a real clip and on a long recording made of it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from nuanced_speech import Converter, audio
from nuanced_speech.core.errors import UserError
from nuanced_speech.models.whisper import Transcript, WhisperModel
from nuanced_speech.text.word_errors import word_errors

RATE = audio.WHISPER_SAMPLE_RATE


@pytest.fixture(scope="module")
def wave(clip: Path) -> np.ndarray:
    return audio.read(clip, RATE)


@pytest.fixture(scope="module")
def transcript(listener: WhisperModel, wave: np.ndarray) -> Transcript:
    return listener.transcribe(wave, words=True)


@pytest.mark.parametrize(("samples", "rows"), [(1, 1), (319, 1), (320, 1), (321, 2), (16_000, 50), (16_001, 51)])
def test_features_are_as_long_as_the_clip(listener: WhisperModel, wave: np.ndarray, samples: int, rows: int) -> None:
    assert listener.features(wave[:samples]).shape == (rows, listener.width)


def test_layers_are_joined(listener: WhisperModel, wave: np.ndarray) -> None:
    short = wave[:RATE]
    one, four = listener.features(short, (1,)), listener.features(short, (4,))
    assert one.shape == (50, listener.width)
    assert torch.equal(listener.features(short, (1, 4)), torch.cat([one, four], -1))
    assert not torch.allclose(one, four, atol=0.1)
    # the last block, put through the last norm, is the encoder's own output
    torch.testing.assert_close(
        listener.output_norm(listener.features(short, (listener.depth,))), listener.features(short)
    )


def similarity(a: Tensor, b: Tensor) -> float:
    """Mean cosine of the rows, the mean of all rows taken off first: features share a large constant part."""
    mean = torch.cat([a, b]).mean(0)
    return float(torch.cosine_similarity(a - mean, b - mean, dim=-1).mean())


def check_aligned(a: Tensor, b: Tensor, least: float) -> None:
    """Row k of one belongs to row k of the other, and to none of its neighbours."""
    aligned = similarity(a, b)
    assert aligned > least
    for shift in (1, 2, 5):
        assert aligned > similarity(a[shift:], b[:-shift])
        assert aligned > similarity(a[:-shift], b[shift:])


def test_features_agree_with_whispers_own_thirty_seconds(listener: WhisperModel, wave: np.ndarray) -> None:
    """No padding to 30 s, half a second of silence in front: row k still belongs to k * 20 ms."""
    from whisper.audio import log_mel_spectrogram, pad_or_trim

    own = listener.features(wave)
    with torch.no_grad():
        padded = listener.model.encoder(log_mel_spectrogram(torch.from_numpy(pad_or_trim(wave)))[None])[0, : len(own)]
    check_aligned(own, padded, 0.7)


@pytest.fixture(scope="module")
def long(wave: np.ndarray) -> np.ndarray:
    """36.2 s: the clip seven times, each time quieter, so that no two places are the same."""
    return np.concatenate([wave * 0.9**k for k in range(7)] + [wave[: RATE // 2]])


def test_beyond_thirty_seconds_each_row_comes_from_the_window_that_has_it_inside(
    listener: WhisperModel, long: np.ndarray
) -> None:
    """Windows are 0 s to 28 s and 26 s to the end; their overlap is parted in its middle, at 27 s.

    Compared with windows at the same places, since the encoder's output depends as much on where in the window a sound
    lies as on which sound it is: moved by ten seconds, the cosine is below 0.5."""
    features = listener.features(long)
    assert features.shape == (-(-len(long) // 320), listener.width)
    first, second = listener.features(long[: 28 * RATE]), listener.features(long[26 * RATE :])
    for found, alone in ((features[: 27 * 50], first[: 27 * 50]), (features[27 * 50 :], second[50:])):
        assert torch.cosine_similarity(found, alone, dim=-1).mean() > 0.999


@pytest.mark.parametrize("seconds", [27.99, 28.0, 28.01, 53.99, 54.01, 54.5])
def test_any_length_gives_all_rows(listener: WhisperModel, seconds: float) -> None:
    """At a tenth of the window's and the overlap's length, for speed."""
    samples = round(seconds * RATE / 10)
    noise = 0.1 * np.random.default_rng(0).standard_normal(samples).astype(np.float32)
    features = listener.features(noise, window_seconds=2.8, overlap_seconds=0.2)
    assert len(features) == -(-samples // 320)


@pytest.mark.parametrize("prompt", ["", "<|endoftext|>"])
def test_any_text_may_be_a_prompt(
    listener: WhisperModel, wave: np.ndarray, transcript: Transcript, prompt: str
) -> None:
    found = listener.transcribe(wave, prompt=prompt)
    assert found.text and (prompt or found.text == transcript.text)


@pytest.mark.slow
def test_a_transcription_tells_how_far_it_is(listener: WhisperModel, long: np.ndarray) -> None:
    shares: list[float] = []
    transcript = listener.transcribe(long, "en", progress=shares.append)
    # a window of 30 s, of which an unfinished sentence is left to the next one
    assert shares == sorted(shares) and len(shares) >= 2 and 0.6 < shares[0] < 0.9 and shares[-1] > 0.95
    assert any(abs(piece.end - shares[0] * len(long) / RATE) < 0.05 for piece in transcript.segments)


def test_the_clip_is_transcribed(transcript: Transcript) -> None:
    from helpers import CLIP_WORDS

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


def test_word_times_are_the_times_of_the_words(
    listener: WhisperModel, wave: np.ndarray, transcript: Transcript
) -> None:
    """One more second of silence in front, and all words come one second later."""
    later = listener.transcribe(np.concatenate([np.zeros(RATE, np.float32), wave]), "en", words=True)
    words, moved = ([w for s in t.segments for w in s.words] for t in (transcript, later))
    starts = {word.text: word.end for word in words}
    shifts = [word.end - starts[word.text] for word in moved if word.text in starts]
    assert len(shifts) >= 10
    assert np.median(shifts) == pytest.approx(1.0, abs=0.15)


@pytest.fixture
def passes(converter: Converter) -> Iterator[list[int]]:
    """Grows by one whenever Whisper base hears 30 s."""
    calls: list[int] = []
    hook = converter.models.feature_extractor.model.encoder.conv1.register_forward_hook(lambda *_: calls.append(1))
    yield calls
    hook.remove()


def test_what_is_transcribed_is_encoded_once(converter: Converter, wave: np.ndarray, passes: list[int]) -> None:
    base = converter.models.feature_extractor
    found = [base.transcribe(x, words=True) for x in (wave, wave[: len(wave) // 2], wave)]
    # for its language, its words and their times; and once more where it is transcribed again
    assert len(passes) == 3
    assert [x.language for x in found] == ["en"] * 3
    assert found[0] == found[2] != found[1]
    assert base.model.encoder.last is None
    assert found[0].segments[-1].words[-1].end > found[1].segments[-1].words[-1].end + 1


def test_a_language_in_doubt_is_listened_for_again(converter: Converter, wave: np.ndarray, passes: list[int]) -> None:
    # a second, and hardly audible
    assert converter.models.feature_extractor.language(0.001 * wave[:RATE]) == "en"
    assert len(passes) == 2


def test_silence_has_features_and_no_words(listener: WhisperModel) -> None:
    silence = np.zeros(2 * RATE, np.float32)
    assert bool(torch.isfinite(listener.features(silence)).all())
    assert listener.transcribe(silence).text == ""


def test_an_unknown_size() -> None:
    with pytest.raises(UserError, match=r"unknown Whisper model 'enormous': choose from .*base"):
        WhisperModel("enormous").model  # noqa: B018


_TWO_THREADS = """
import importlib, sys, threading, time

class Slow:
    def find_spec(self, name, path, target=None):
        if name.startswith("whisper."):
            time.sleep(0.1)

sys.meta_path.insert(0, Slow())
from nuanced_speech.models.whisper import WhisperModel

def work(module):
    WhisperModel("tiny.en")
    importlib.import_module(module)

failed = []
threading.excepthook = failed.append
threads = [threading.Thread(target=work, args=(f"whisper.{name}",)) for name in ("audio", "model", "timing")]
for thread in threads:
    thread.start()
    time.sleep(0.05)
for thread in threads:
    thread.join()
sys.exit(len(failed))
"""


def test_two_threads_may_load_at_the_same_time() -> None:
    assert subprocess.run([sys.executable, "-c", _TWO_THREADS]).returncode == 0
