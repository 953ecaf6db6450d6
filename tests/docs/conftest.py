"""Models that are loaded once for all code of the documentation and the examples."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

import nuanced_speech
from nuanced_speech.convert.converter import Converter
from nuanced_speech.dialogue.reply import Reply
from nuanced_speech.dialogue.reply import reply as answer
from nuanced_speech.models.bank import ModelBank


@pytest.fixture
def shared_models(
    converter: Converter, models: ModelBank, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``Converter()``, ``speak(...)`` and ``reply(...)`` of the package use models that are loaded already."""

    def reply(*arguments: Any, **options: Any) -> Reply:
        model = request.getfixturevalue("small_model")
        return answer(*arguments, models=converter.models, language_model=model, **options)

    monkeypatch.setattr(nuanced_speech, "reply", reply, raising=False)
    monkeypatch.setattr(nuanced_speech, "speak", partial(nuanced_speech.speak, models=models), raising=False)
    monkeypatch.setattr(nuanced_speech, "Converter", lambda: converter, raising=False)
