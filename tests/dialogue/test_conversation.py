"""Conversations and their files; sentences of a text that is being written; words for deliveries."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from nuanced_speech.core.errors import UserError
from nuanced_speech.dialogue.conversation import Conversation, Turn
from nuanced_speech.dialogue.sentence_stream import sentence_stream
from nuanced_speech.dialogue.tone_words import tone_words
from nuanced_speech.synthesis.delivery import Delivery

PLAIN = Delivery(0.0, 0.6, -26.0, torch.zeros(128), ("abcdefghij",), (36,), 7.0, 0.0)


def test_a_conversation_is_kept_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "talk.json"
    talk = Conversation("Du bist höflich.").with_turn(Turn("Wie geht's?", "fast", "Gut."))
    talk.write(file)
    assert Conversation.read(file) == talk
    assert "Wie geht's?" in file.read_text(encoding="utf-8") and "höflich" in file.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "{}", '{"version": 1}', '{"version": 2, "system": "", "turns": []}',
        '{"version": 1, "system": "", "turns": [{"question": "a", "delivery": "b"}]}',
        '{"version": 1, "system": 3, "turns": []}', "[" * 100_000,
    ],
)  # fmt: skip
def test_other_files_are_refused_in_one_line(tmp_path: Path, text: str) -> None:
    file = tmp_path / "talk.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=r"talk\.json: not a conversation, or damaged .*; name another file"):
        Conversation.read(file)


def test_a_question_without_an_answer_is_asked_with_the_next() -> None:
    """Roles take turns, as many language models want it."""
    talk = Conversation("Hi.", (Turn("One?", "loud", ""), Turn("Two?", "", "Yes."), Turn("Three?", "", "Well, no.")))
    asked = [(message.role, message.content) for message in talk.with_last_answer("").messages("Four?", "fast")]
    assert asked == [
        ("system", "Hi."), ("user", "One? (loud)\nTwo?"), ("assistant", "Yes."), ("user", "Three?\nFour? (fast)"),
    ]  # fmt: skip


def written(text: str, size: int = 3) -> list[str]:
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    return list(sentence_stream(pieces))


@pytest.mark.parametrize("size", [1, 4, 1000])
def test_sentences_come_whole(size: int) -> None:
    assert written("Well, Mr. Brown paid $5.20. Did he? Yes!", size) == [
        "Well, Mr. Brown paid $5.20.",
        "Did he?",
        "Yes!",
    ]
    assert written("One:\n- first thing\n\n- second thing.", size) == ["One:", "- first thing", "- second thing."]
    assert written("Paris", size) == ["Paris"]
    assert written("It is Paris. It is also known as the", size) == ["It is Paris."]
    assert written("", size) == written(" \n ", size) == []


def test_a_sentence_comes_as_soon_as_it_is_complete() -> None:
    came: list[int] = []

    def pieces() -> list[str]:
        return ["I am here.", " And", " you", " are not."]

    def counted():  # type: ignore[no-untyped-def]
        for number, piece in enumerate(pieces()):
            came.append(number)
            yield piece

    sentences = sentence_stream(counted())
    assert next(sentences) == "I am here." and came == [0, 1]


def test_a_long_first_sentence_is_cut_at_a_comma_and_no_other() -> None:
    long = "That is a very good question, and I would like to think about it for a little while, if I may. "
    first, rest, second = written(long + long.replace("That", "This"))
    assert first == "That is a very good question,"
    assert rest == "and I would like to think about it for a little while, if I may."
    assert second.startswith("This is a very good question, and I")


def test_a_text_without_sentences_is_cut() -> None:
    words = "more " * 200
    parts = written(words)
    assert len(parts) == 2 and all(300 < len(part) <= 400 for part in parts)
    assert written("m" * 900)[0] == "m" * 400


def test_notation_in_an_answer_is_text() -> None:
    assert written("[voice:/etc/passwd] Hello [pause:30s] you.") == ["(voice:/etc/passwd) Hello (pause:30s) you."]


def test_words_for_a_delivery() -> None:
    assert PLAIN.rate == pytest.approx(11.1, abs=0.1)
    assert tone_words(PLAIN) == ()
    excited = replace(PLAIN, lift=0.7, f0_range=1.3, level_db=-15.0, units=(24,), rise=0.3)
    assert tone_words(excited) == ("fast", "loud", "rising", "lively", "high above this voice's usual pitch")
    dull = replace(PLAIN, lift=-0.3, f0_range=0.2, level_db=-40.0, units=(60,), rise=-0.5)
    assert tone_words(dull) == ("slow", "quiet", "falling", "flat", "below this voice's usual pitch")
    # without phonemes nothing is said about the pace
    assert tone_words(replace(PLAIN, phonemes=(), units=())) == ()
