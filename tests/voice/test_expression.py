"""Arithmetic of voices: what is understood, and where what is not understood stands."""

from __future__ import annotations

import pytest

from nuanced_speech.core.errors import UserError
from nuanced_speech.voice.expression import is_arithmetic, voice_weights


@pytest.mark.parametrize(
    ("text", "weights"),
    [
        ("me + (af_nicole - af_sarah)", {"me": 1, "af_nicole": 1, "af_sarah": -1}),
        ("0.5*me + 0.5*af_heart", {"me": 0.5, "af_heart": 0.5}),
        ("me/2 + af_heart*.5", {"me": 0.5, "af_heart": 0.5}),
        ("-a + 2*b", {"a": -1, "b": 2}),
        ("-(a - 2*b)", {"a": -1, "b": 2}),
        ("2*(3*a - 2*b)/2", {"a": 3, "b": -2}),
        ("a - -b - b", {"a": 1, "b": 0}),
        ("(1 + 1)*a - (1)*a", {"a": 1}),
        ("me-too + a - b", {"me-too": 1, "a": 1, "b": -1}),
        ("0.5*voices/me.pt + 0.5*./b-c.npz", {"voices/me.pt": 0.5, "./b-c.npz": 0.5}),
        ("1 * größe", {"größe": 1}),
        ("af_bella(2)+af_sky(1)", {"af_bella": 2 / 3, "af_sky": 1 / 3}),
        ("a(3) - b(1)", {"a": 1.5, "b": -0.5}),
        ("a + b", {"a": 0.5, "b": 0.5}),
        ("2*a", {"a": 1}),
    ],
)
def test_weights(text: str, weights: dict[str, float]) -> None:
    assert voice_weights(text) == pytest.approx(weights)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a + *", r"character 5 \(\*\): a voice or a number is wanted"),
        ("a + (b - c", "at the end: a closing parenthesis is wanted"),
        ("a + b)", r"character 6 \(\)\): an operator is wanted"),
        ("0.5 a + 0.5*b", r"character 5 \(a\): an operator is wanted"),
        ("a * b", r"character 5 \(b\): two voices cannot be multiplied"),
        ("a + 1", r"character 5 \(1\): a voice and a number cannot be added"),
        ("1/a", r"character 3 \(a\): a voice can only be divided"),
        ("a/0", r"character 3 \(0\): a voice can only be divided"),
        ("()", r"character 2 \(\)\)"),
        ("a + ", "at the end: a voice or a number is wanted"),
        ("2*(3)", "is a number, not a voice"),
        ("-2*a", "sum to -2, .* must sum to 1"),
        ("a(2", "at the end: a closing parenthesis is wanted"),
        ("a(b)", r"character 3 \(b\): a weight is wanted"),
        ("a(2)b", r"character 5 \(b\): an operator is wanted"),
        ("a - b", "sum to 0"),
        ("(" * 101, "more than 100 parts"),
        ("a + " + "*".join(["9" * 200] * 2) + "*(b - c)", "sum to nan"),
        ("9" * 400 + "*a", r"character 1 .*too large"),
    ],
)
def test_what_cannot_be_read_is_said_with_its_place(text: str, says: str) -> None:
    with pytest.raises(UserError, match=says) as caught:
        voice_weights(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["af_heart", "af_heart:0.5,bm_george:0.5", "me-too", "voices/a-b.pt", ""])
def test_names_lists_and_files_are_no_arithmetic(text: str) -> None:
    assert not is_arithmetic(text)


def test_weights_that_do_not_sum_to_1_are_told_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    for _ in range(2):
        voice_weights("a(3) - b(1) + c(0)")
    assert [record.getMessage() for record in caplog.records] == [
        "a(3) - b(1) + c(0) is taken as 1.5*a - 0.5*b + 0*c: the weights of a voice sum to 1"
    ]
    voice_weights("0.5*a + 0.5*b")
    assert len(caplog.records) == 1
