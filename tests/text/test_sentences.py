"""Sentences of a text, as readers end them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nuanced_speech.text.sentences import Sentence, sentences

if TYPE_CHECKING:
    pass


def texts(text: str) -> list[str]:
    return [sentence.text for sentence in sentences(text)]


def test_sentences_end_where_readers_end_them() -> None:
    assert texts('Dr. J. R. Smith paid $3.50, e.g. for tea. "Really?" she asked. "Yes!" So it was.') == [
        "Dr. J. R. Smith paid $3.50, e.g. for tea.",
        '"Really?" she asked.',
        '"Yes!"',
        "So it was.",
    ]
    assert texts("今日は晴れ。「はい！」明日は？") == ["今日は晴れ。", "「はい！」", "明日は？"]
    assert texts("नमस्ते। आप कैसे हैं?") == ["नमस्ते।", "आप कैसे हैं?"]


def test_line_breaks_of_an_editor_are_spaces_and_those_of_an_author_are_not() -> None:
    prose = "It was the best of times for a ferry that crossed the\nchannel twice. So they said.\n\nNext."
    assert list(sentences(prose)) == [
        Sentence("It was the best of times for a ferry that crossed the channel twice.", "sentence"),
        Sentence("So they said.", "paragraph"),
        Sentence("Next.", "paragraph"),
    ]
    assert list(sentences("Milk\r\nEggs\n* * *\nFlour")) == [
        Sentence("Milk", "line"),
        Sentence("Eggs", "line"),
        Sentence("Flour", "paragraph"),
    ]


def test_emoji_are_not_spoken() -> None:
    assert texts("Well done 👍🏽! You ❤️ tea. 😀") == ["Well done!", "You tea."]
    assert texts("It is 20 °C — 5 € each.") == ["It is 20 °C — 5 € each."]
