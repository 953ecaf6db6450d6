"""Descriptions in words: levels, degrees, negations, accents, and contradictions."""

from __future__ import annotations

import pytest

from nuanced_speech.core.errors import UserError
from nuanced_speech.voicemaking.description_vocabulary import LEVEL, VoiceRequest, parse_description, suggestion


@pytest.mark.parametrize(
    ("description", "target"),
    [
        ("deep man", VoiceRequest({"sex": -LEVEL, "pitch": -LEVEL})),
        ("very low, slow woman", VoiceRequest({"pitch": -1.7 * LEVEL, "pace": -LEVEL, "sex": LEVEL})),
        ("not a particularly deep voice", VoiceRequest({"pitch": 0.5 * LEVEL}, None, ("particularly",))),
        ("British storyteller", VoiceRequest({"pace": -0.5, "movement": 0.6, "warmth": 0.5}, "b")),
        # words about one attribute take precedence over manners
        ("fast storyteller", VoiceRequest({"pace": LEVEL, "movement": 0.6, "warmth": 0.5})),
        # the degree ends at the comma
        ("very, warm", VoiceRequest({"warmth": LEVEL})),
        ("not british, warm", VoiceRequest({"warmth": LEVEL}, None, ("not british",))),
        ("lowest purple", VoiceRequest({"pitch": -LEVEL}, None, ("purple",))),
    ],
)
def test_descriptions(description: str, target: VoiceRequest) -> None:
    understood = parse_description(description)
    assert understood.levels == pytest.approx(target.levels)
    assert (understood.accent, understood.unknown) == (target.accent, target.unknown)


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
        parse_description(description)
    assert "\n" not in str(caught.value)


def test_suggestions_are_spelled_alike() -> None:
    assert suggestion("breaty") == "breathy" and suggestion("xyzzy") is None
