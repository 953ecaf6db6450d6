"""Long texts: broken off anywhere, they go on without a difference."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from nuanced_speech.core.constants import SAMPLE_RATE
from nuanced_speech.core.errors import UserError
from nuanced_speech.core.journal import Journal
from nuanced_speech.models.bank import ModelBank
from nuanced_speech.models.decoder import Decoder
from nuanced_speech.synthesis.long_speech import LongSpeech
from nuanced_speech.synthesis.speaking import Position, SpokenSentence
from nuanced_speech.synthesis.text_to_speech import TextToSpeech

CHAPTERS = ["Yes. We do.", "No!"]


@pytest.fixture(scope="module")
def speech(models: ModelBank, packaged_decoder: Decoder) -> TextToSpeech:
    return TextToSpeech(models, decoder=packaged_decoder)


class Speaker:
    """Speaks with a stock voice, and is interrupted after some utterances."""

    def __init__(self, speech: TextToSpeech, utterances: int = 100) -> None:
        self.speech, self.left = speech, utterances

    def __call__(self, text: str, start: Position | None) -> Iterator[SpokenSentence]:
        for sentence in self.speech.stream(text, "af_heart", start=start):
            yield sentence
            self.left -= sentence.after is not None
            if not self.left:
                raise KeyboardInterrupt


def timed(long: LongSpeech) -> list[tuple[int, str, float, float]]:
    return [(s.sentence, w.text, w.start, w.end) for s in long.timed() for w in s.words]


@pytest.mark.slow
def test_speech_that_is_broken_off_goes_on_without_a_difference(speech: TextToSpeech, tmp_path: Path) -> None:
    with Journal(tmp_path / "whole", {}) as journal:
        whole = LongSpeech(journal, CHAPTERS, Speaker(speech))
        shares: list[float] = []
        whole.run(shares.append)
        expected, times, chapters = np.concatenate([*journal.chunks()]), timed(whole), whole.chapters()
    assert shares == sorted(shares) and shares[-1] == 1.0
    plain = speech.speak(CHAPTERS[0])
    first = len(plain) + 2 * SAMPLE_RATE
    assert np.array_equal(expected[: len(plain)], plain) and not expected[len(plain) : first].any()
    assert chapters == [(0, first), (first, len(expected))]
    assert [word for _, word, _, _ in times] == ["Yes.", "We", "do.", "No!"]
    assert [number for number, *_ in times] == [0, 1, 1, 2] and times[3][2] > chapters[1][0] / SAMPLE_RATE

    runs = 0
    while True:
        speaker = Speaker(speech, utterances=1)
        with Journal(tmp_path / "broken", {}) as journal:
            broken = LongSpeech(journal, CHAPTERS, speaker)
            try:
                broken.run()
            except KeyboardInterrupt:
                runs += 1
                continue
            assert np.array_equal(np.concatenate([*journal.chunks()]), expected) and timed(broken) == times
            break
    assert runs == 3


def test_an_error_in_the_text_is_told_and_keeps_what_is_there(speech: TextToSpeech, tmp_path: Path) -> None:
    with Journal(tmp_path / "x", {}) as journal, pytest.raises(UserError, match="nothing speakable"):
        LongSpeech(journal, ["Yes.", "…"], Speaker(speech)).run()
    with Journal(tmp_path / "x", {}) as journal:
        assert [note["end"] for note in journal.notes] == [False, True]


def test_damaged_notes_are_refused_in_one_line(tmp_path: Path) -> None:
    after = {"utterances": 1, "now": 40, "before": 20, "level": -20.5, "begun": [None]}
    sentence = {"sentence": 0, "share": 0.5, "utterance": 0, "words": [["Yes.", 0.1, 0.4]]}
    good = {"chapter": 0, "end": False, "sentences": [sentence], "after": after}
    end = {"chapter": 0, "end": True}
    damaged = [
        None, 3, {}, end | {"chapter": 1}, end | {"chapter": "0"}, end | {"end": 1}, good | {"sentences": []},
        good | {"after": after | {"now": "x"}}, good | {"after": after | {"level": [1]}}, good | {"after": {}},
        good | {"sentences": [sentence | {"words": [["Yes.", 0.1]]}]},
        good | {"sentences": [sentence | {"words": [[5, 0.1, 0.4]]}]},
        good | {"sentences": [sentence | {"share": "x"}]}, good | {"sentences": [sentence | {"sentence": 0.5}]},
    ]  # fmt: skip
    for number, note in enumerate([good, end, *damaged]):
        with Journal(tmp_path / str(number), {}) as journal:
            journal.add(np.zeros(3, np.float32), note)
            if number < 2:
                assert LongSpeech(journal, CHAPTERS, lambda text, start: iter(())).done > 0
                continue
            with pytest.raises(UserError, match="not kept speech, or damaged"):
                LongSpeech(journal, CHAPTERS, lambda text, start: iter(()))
