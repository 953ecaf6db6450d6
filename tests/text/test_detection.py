"""The language of a text."""

import pytest

from nuanced_speech.text.detection import DetectionConfig, detect_language
from nuanced_speech.train.configs import LANGUAGE_TEXTS, SENTENCES


def test_sentences_are_recognised_and_no_beginning_is_taken_for_another_language() -> None:
    texts = {path.stem: path for path in LANGUAGE_TEXTS.glob("*.txt")} | {"en": SENTENCES}
    assert len(texts) == 14
    for language, path in texts.items():
        lines = path.read_text(encoding="utf-8").splitlines()[:24]
        assert sum(detect_language(line) == language for line in lines) >= 0.9 * len(lines)
        assert {detect_language(" ".join(line.split()[:3])) for line in lines} <= {language, None}


@pytest.mark.parametrize("text", ["", "OK", "123", "Yes.", "?!"])
def test_too_short_to_tell(text: str) -> None:
    assert detect_language(text) is None


def test_the_least_probability_can_be_chosen() -> None:
    assert detect_language("Guten Morgen") is None
    assert detect_language("Guten Morgen", DetectionConfig(least=0.2)) == "de"
