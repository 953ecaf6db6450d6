"""Options of a conversion: what they choose, and what they refuse."""

from dataclasses import FrozenInstanceError

import pytest

from nuanced_speech.convert.options import ConversionOptions
from nuanced_speech.core.errors import UserError


@pytest.mark.parametrize(
    ("path", "keep", "text", "wanted"),
    [
        ("auto", ("f0", "rhythm", "energy"), None, "auto"),
        ("auto", ("f0", "energy"), None, "text"),
        ("auto", ("f0", "rhythm", "energy"), "words", "text"),
        ("text", ("f0", "rhythm", "energy"), None, "text"),
        ("direct", ("f0", "rhythm", "energy"), None, "direct"),
    ],
)
def test_path_is_chosen_by_what_is_asked(path, keep, text, wanted):
    assert ConversionOptions(path=path, keep=keep, text=text).chosen_path == wanted


@pytest.mark.parametrize(
    ("path", "keep", "text"),
    [
        ("direct", ("f0",), None),
        ("direct", ("f0", "rhythm", "energy"), "words"),
        ("sideways", ("f0",), None),
        ("auto", ("tone",), None),
        ("auto", ("f0", "rhythm", "energy"), "  "),
    ],
)
def test_wishes_that_cannot_be_fulfilled(path, keep, text):
    with pytest.raises(UserError):
        ConversionOptions(path=path, keep=keep, text=text)


def test_options_are_checked_and_frozen():
    for wrong in ({"pitch_shift": 49.0}, {"pitch_shift": float("nan")}, {"language": "xx"}, {"refine": -1}):
        with pytest.raises(UserError):
            ConversionOptions(**wrong)
    options = ConversionOptions(keep=["f0"], more=["a.wav"])
    assert options.keep == ("f0",) and options.more == ("a.wav",)
    with pytest.raises(FrozenInstanceError):
        options.seed = 3  # type: ignore[misc]
