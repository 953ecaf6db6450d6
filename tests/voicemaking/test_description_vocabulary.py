"""Descriptions in words: levels, degrees, negations, accents, and contradictions."""

from __future__ import annotations

import pytest

from nuanced_speech.core.errors import UserError
from nuanced_speech.voicemaking.description_vocabulary import LEVEL, Wish, suggestion, understand


@pytest.mark.parametrize(
    ("description", "wish"),
    [
        ("deep man", Wish({"sex": -LEVEL, "pitch": -LEVEL})),
        ("very low, slow woman", Wish({"pitch": -1.7 * LEVEL, "pace": -LEVEL, "sex": LEVEL})),
        ("not a particularly deep voice", Wish({"pitch": 0.5 * LEVEL}, None, ("particularly",))),
        ("British storyteller", Wish({"pace": -0.5, "movement": 0.6, "warmth": 0.5}, "b")),
        # words about one attribute take precedence over manners
        ("fast storyteller", Wish({"pace": LEVEL, "movement": 0.6, "warmth": 0.5})),
        # the degree ends at the comma
        ("very, warm", Wish({"warmth": LEVEL})),
        ("not british, warm", Wish({"warmth": LEVEL}, None, ("not british",))),
        ("lowest purple", Wish({"pitch": -LEVEL}, None, ("purple",))),
    ],
)
def test_descriptions(description: str, wish: Wish) -> None:
    understood = understand(description)
    assert understood.levels == pytest.approx(wish.levels)
    assert (understood.accent, understood.unknown) == (wish.accent, wish.unknown)


@pytest.mark.parametrize(
    ("description", "says"),
    [
        ("high bass", "contradict each other in pitch"),
        ("british french woman", "a voice has one accent"),
        ("purple", "nothing understood in 'purple'"),
        ("", "nothing understood in ''"),
    ],
)
def test_what_cannot_be_understood(description: str, says: str) -> None:
    with pytest.raises(UserError, match=says) as caught:
        understand(description)
    assert "\n" not in str(caught.value)


def test_suggestions_are_spelled_alike() -> None:
    assert suggestion("breaty") == "breathy" and suggestion("xyzzy") is None
