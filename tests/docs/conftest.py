"""Models that are loaded once for all code of the documentation and the examples."""

from __future__ import annotations

from functools import partial

import pytest

import nuanced_speech
from nuanced_speech.convert.converter import Converter
from nuanced_speech.models.bank import ModelBank


@pytest.fixture
def shared_models(converter: Converter, models: ModelBank, monkeypatch: pytest.MonkeyPatch) -> None:
    """``Converter()`` and ``speak(...)`` of the package use models that are loaded already."""
    monkeypatch.setattr(nuanced_speech, "speak", partial(nuanced_speech.speak, models=models), raising=False)
    monkeypatch.setattr(nuanced_speech, "Converter", lambda: converter, raising=False)
