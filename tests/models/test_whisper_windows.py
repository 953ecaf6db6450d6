"""Transcription window by window is Whisper's own, and goes on where it was broken off."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nuanced_speech import audio
from nuanced_speech.models.whisper import Transcript, WhisperModel
from nuanced_speech.models.whisper_windows import Window

RATE = audio.WHISPER_SAMPLE_RATE


@pytest.fixture(scope="module")
def long(clip: Path) -> np.ndarray:
    """45 s: speech, a window of noise between, and a sentence that is broken off."""
    wave = audio.read(clip, RATE)
    noise = (0.02 * np.random.default_rng(0).standard_normal(32 * RATE)).astype(np.float32)
    return np.concatenate([wave, wave * 0.5, noise, wave[: 2 * RATE]])


def own(listener: WhisperModel, wave: np.ndarray, words: bool, prompt: str | None) -> dict[str, Any]:
    """What ``whisper.transcribe`` makes of it."""
    found: dict[str, Any] = listener.model.transcribe(
        wave, language="en", temperature=0.0, condition_on_previous_text=False, initial_prompt=prompt,
        word_timestamps=words, fp16=False, verbose=None,
    )  # fmt: skip
    return found


def check_again(found: Transcript, whole: Transcript) -> None:
    """The same, but for the last bits of probabilities, in which a network's first run differs from later ones."""
    assert (found.text, found.language) == (whole.text, whole.language)
    for one, other in zip(found.segments, whole.segments, strict=True):
        assert (one.text, one.start, one.end, one.words) == (other.text, other.start, other.end, other.words)
        assert one.log_probability == other.log_probability


def check_same(found: Transcript, own: dict[str, Any]) -> None:
    assert found.text == own["text"].strip() and len(found.segments) == len(own["segments"]) > 0
    for piece, theirs in zip(found.segments, own["segments"], strict=True):
        assert (piece.text, piece.start, piece.end) == (theirs["text"].strip(), theirs["start"], theirs["end"])
        assert piece.log_probability == pytest.approx(theirs["avg_logprob"], abs=1e-5)
        assert piece.no_speech == pytest.approx(theirs["no_speech_prob"], abs=1e-5)
        times = [(word["word"].strip(), word["start"], word["end"]) for word in theirs.get("words", [])]
        assert [(word.text, word.start, word.end) for word in piece.words] == times


@pytest.mark.slow
def test_it_is_whispers_own_and_goes_on(listener: WhisperModel, long: np.ndarray) -> None:
    windows: list[Window] = []
    whole = listener.transcribe(long, "en", words=True, keep=windows.append)
    check_same(whole, own(listener, long, True, None))
    assert len(windows) >= 2
    # as they are kept in a file
    kept = [Window(**json.loads(json.dumps(asdict(window)))) for window in windows]
    for count in range(1, len(windows) + 1):
        further: list[Window] = []
        check_again(listener.transcribe(long, "en", words=True, known=kept[:count], keep=further.append), whole)
        assert [window.end for window in further] == [window.end for window in windows[count:]]


@pytest.mark.parametrize("prompt", [None, "The mob of Arkansas"])
def test_without_times_and_with_a_prompt(listener: WhisperModel, long: np.ndarray, prompt: str | None) -> None:
    wave = long[: 9 * RATE]
    check_same(listener.transcribe(wave, "en", prompt=prompt), own(listener, wave, False, prompt))


def test_word_times_leave_the_number_of_threads() -> None:
    # sums by another number of threads differ in their last bits, so a conversion that goes on would be another one
    code = """
import torch
from nuanced_speech.models.whisper_windows import compile_word_times
before = torch.get_num_threads()
compile_word_times()
print(before, torch.get_num_threads())
"""
    numbers = {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "2"}
    ran = subprocess.run([sys.executable, "-c", code], env=os.environ | numbers, capture_output=True, text=True)
    assert ran.stdout.split() == ["1", "1"], ran.stderr
