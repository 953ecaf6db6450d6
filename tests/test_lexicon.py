"""Words for voices: what a description asks for, and what it cannot."""

from __future__ import annotations

import pytest

from nuanced_speech.errors import UserError
from nuanced_speech.style.attributes import NAMES
from nuanced_speech.style.lexicon import ACCENTS, DIRECT, MANNERS, suggestion, understand


def test_the_words_of_the_issue() -> None:
    wish = understand("older woman, calm, low, slow storyteller, British")
    assert wish.sex == "f" and wish.accent == "b" and not wish.unknown
    assert wish.levels["age"] > 0.5 and wish.levels["pitch"] < -0.5 and wish.levels["energy"] < 0
    # said outright, so neither calm nor storyteller changes it
    assert wish.levels["pace"] == understand("slow").levels["pace"]


def test_every_word_is_understood_and_about_an_attribute() -> None:
    manners = [word for words in MANNERS for word in words.split()]
    accents = [word for words in ACCENTS for word in words.split()]
    for word in [*DIRECT, *manners, *accents]:
        assert not understand(word).unknown, word
    for levels in [*DIRECT.values(), *MANNERS.values()]:
        assert set(levels) <= set(NAMES)


@pytest.mark.parametrize(
    ("weaker", "stronger"),
    [
        ("slightly deep", "deep"),
        ("deep", "very deep"),
        ("a bit deep", "deep"),
        ("very deep", "extremely deep"),
        ("not very high", "deep"),
        ("less high", "deep"),
        ("a not so high voice", "deep"),
    ],
)
def test_degrees(weaker: str, stronger: str) -> None:
    assert 0 > understand(weaker).levels["pitch"] > understand(stronger).levels["pitch"]


def test_a_degree_is_for_the_next_word_alone() -> None:
    wish = understand("very deep, slow")
    assert wish.levels["pace"] == understand("slow").levels["pace"]
    wish = understand("not, well, slow")
    assert wish.levels["pace"] == understand("slow").levels["pace"]


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("slowly", "slow"),
        ("the deepest", "deep"),
        ("warmer", "warm"),
        ("story-teller", "storyteller"),
        ("high energy", "high-energy"),
        ("A WOMAN", "woman"),
        ("slow in manner", "slow"),
        ("from the United States", "american"),
        ("gravelly-voiced", "gravelly"),
    ],
)
def test_forms_of_a_word(said: str, meant: str) -> None:
    one, other = understand(said), understand(meant)
    assert (one.levels, one.accent) == (other.levels, other.accent)


def test_what_is_not_understood_is_said() -> None:
    wish = understand("purple woman with a chocolate voice, hurried, not British")
    assert wish.unknown == ["purple", "chocolate", "not british"]
    assert wish.accent is None and set(wish.levels) == {"sex", "pace"}
    # a word between that is not known does not turn a wish round
    assert understand("not a particularly deep voice").levels["pitch"] > 0
    assert understand("young woman, American English").accent == "a"
    assert understand("a woman with little energy").levels["energy"] < 0
    assert understand("kind office lady").unknown == ["office"]
    assert suggestion("whispry") == "whispery" and suggestion("purple") is None


@pytest.mark.parametrize(
    ("description", "says"),
    [
        ("high bass voice", "'bass' and 'high' contradict each other in pitch"),
        ("fast slow", "'slow' and 'fast' contradict each other in pace"),
        ("a female baritone", "contradict each other in sex"),
        ("young grandmother", "contradict each other in age"),
        ("British, American", "'british' and 'american' contradict each other"),
        ("purple elephant", "nothing understood in 'purple elephant'; words for sex .* accents .*British"),
        ("", "nothing understood"),
        ("🎉 !!", "nothing understood"),
    ],
)
def test_what_cannot_be_made(description: str, says: str) -> None:
    with pytest.raises(UserError, match=says) as caught:
        understand(description)
    assert "\n" not in str(caught.value)


def test_not_low_but_high_is_no_contradiction() -> None:
    assert understand("not low but high").levels == understand("high").levels
