"""Languages whose phonemes need further packages."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from helpers import ROOT

from nuanced_speech.core.errors import UserError
from nuanced_speech.text.g2p import phonemize
from nuanced_speech.text.languages import EXTRAS
from nuanced_speech.text.pronunciation import pronounce

if TYPE_CHECKING:
    pass


@pytest.mark.parametrize("language", sorted(EXTRAS))
def test_a_language_without_its_parts_says_what_to_install(monkeypatch, language: str) -> None:
    from nuanced_speech.text import engines, languages

    engines.japanese_g2p.cache_clear()
    engines.mandarin_g2p.cache_clear()
    monkeypatch.setattr(languages, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=re.escape("pip install " + " ".join(EXTRAS[language].values()))):
        phonemize("東京", language)


def test_the_extras_are_those_of_the_package() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for language, extra in (("ja", "japanese"), ("zh", "mandarin")):
        wanted = ", ".join(f'"{requirement}"' for requirement in EXTRAS[language].values())
        assert f"{extra} = [{wanted}]" in project


@pytest.mark.parametrize(
    ("language", "text", "phonemes"),
    [
        ("ja", "今日はとても良い天気ですね。", "kʲoː βa totemo joi teŋkʲi desɨ ne."),
        ("zh", "今天天气很好。", "ʨi→ntʰjɛ→ntʰjɛ→nʨʰi↘ xə↓n xau↓."),
    ],
)
def test_japanese_and_mandarin(language: str, text: str, phonemes: str) -> None:
    for module in EXTRAS[language]:
        pytest.importorskip(module)
    assert phonemize(text, language) == phonemes
    words = pronounce(text, language)
    assert "".join(w.text for w in words) == text
    assert "".join(w.phonemes for w in words).strip() == phonemes
    assert len(words) > 2 and all(w.phonemes.strip() for w in words)
