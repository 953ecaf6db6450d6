"""The first sound of a text comes soon: a long first sentence is spoken in two parts, cut after a clause."""

from __future__ import annotations

import pytest

from nuanced_speech.models.bank import ModelBank
from nuanced_speech.models.decoder import Decoder
from nuanced_speech.synthesis.text_to_speech import TextToSpeech
from nuanced_speech.synthesis.utterances import Part, opening, text_parts, utterances

LONG = "Nobody expected rain on Thursday, and yet everyone had come by bicycle."


def parts(text: str, language: str = "en") -> list[Part]:
    return list(text_parts(text, language, False))


def words(part: Part) -> str:
    return " ".join(word.text for word in part.words)


@pytest.mark.parametrize(
    ("text", "clause"),
    [
        (LONG, "Nobody expected rain on Thursday,"),
        # the first comma is too early
        ("Well, " + LONG, "Well, Nobody expected rain on Thursday,"),
        ("She said “nothing at all of it,” and then she went home without a word.", "She said “nothing at all of it,”"),
        # no mark, a short sentence, a mark at the end only
        ("Nobody expected rain on Thursday and yet everyone had come by bicycle.", None),
        ("Nobody expected rain, and yet they came.", None),
        ("Nobody expected rain on Thursday and yet everyone had come by bicycle,", None),
    ],
)  # fmt: skip
def test_where_a_first_sentence_is_cut(text: str, clause: str | None) -> None:
    (part,) = parts(text)
    cut = opening(part)
    assert [words(piece) for piece in cut] == ([text] if clause is None else [clause, text[len(clause) + 1 :]])
    assert cut[-1].share == part.share == 1 and cut[-1].end == part.end
    if clause is not None:
        assert cut[0].end == "part" and 0 < cut[0].share < 1 and cut[0].phonemes + cut[1].phonemes == part.phonemes


def test_each_of_the_two_is_spoken_alone() -> None:
    first, *rest = parts(f"{LONG} It was dry. It was late.")
    clause, end = opening(first)
    groups = [[words(part) for part in group] for group in utterances(clause, iter([end, *rest]))]
    assert groups == [[words(clause)], [words(end)], ["It was dry.", "It was late."]]


def test_the_clause_is_what_comes_first(models: ModelBank, packaged_decoder: Decoder) -> None:
    speech = TextToSpeech(models, decoder=packaged_decoder)
    whole = next(speech.stream(LONG, "af_heart"))
    first, second = speech.stream(LONG, "af_heart", soon=True)
    assert [word.text for word in first.words] == ["Nobody", "expected", "rain", "on", "Thursday,"]
    assert first.sentence == second.sentence == 0 and 0 < first.share < second.share == 1
    assert len(first.audio) < 0.6 * len(whole.audio)
    # a short pause between the two, and the times go on
    assert 0.1 < second.words[0].start - first.words[-1].end < 0.4
    assert len(first.audio) + len(second.audio) == pytest.approx(len(whole.audio), rel=0.2)
