"""Models that are loaded once for all code of the documentation and the examples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

import nuanced_speech
from nuanced_speech.convert.converter import Converter
from nuanced_speech.dialogue.conversation import Message
from nuanced_speech.dialogue.language_model import LanguageModel, Sampling, Usage
from nuanced_speech.dialogue.reply import Reply
from nuanced_speech.dialogue.reply import reply as answer
from nuanced_speech.models.bank import ModelBank
from nuanced_speech.models.decoder import Decoder


class Brief:
    """The small language model, with short answers."""

    def __init__(self, model: LanguageModel) -> None:
        self.name, self.load, self.model = model.name, model.load, model

    def stream(self, messages: Sequence[Message], sampling: Sampling = Sampling()) -> Iterator[str | Usage]:
        return self.model.stream(messages, replace(sampling, tokens=12))


@pytest.fixture
def shared_models(
    quick: Converter,
    models: ModelBank,
    packaged_decoder: Decoder,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """``Converter()``, ``speak(...)`` and ``reply(...)`` of the package use models that are loaded already, and the
    fast decoder."""

    def reply(*arguments: Any, **options: Any) -> Reply:
        model = Brief(request.getfixturevalue("small_model"))
        return answer(*arguments, models=quick.models, language_model=model, **options)

    monkeypatch.setattr(nuanced_speech, "reply", reply, raising=False)
    speak = partial(nuanced_speech.speak, models=models, decoder=packaged_decoder)
    monkeypatch.setattr(nuanced_speech, "speak", speak, raising=False)
    monkeypatch.setattr(nuanced_speech, "Converter", lambda: quick, raising=False)
