"""Utterances that the tests of acoustic models share."""

from __future__ import annotations

from pathlib import Path

import pytest

from nuanced_speech.tts.acoustic.data import Item, item_of
from nuanced_speech.tts.dummy import write_dummy
from nuanced_speech.tts.features import find, load


@pytest.fixture(scope="module")
def dummy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dummy")
    write_dummy(folder, 10)
    return folder


@pytest.fixture(scope="module")
def items(dummy: Path) -> list[Item]:
    return [item_of(load(path)) for path in find(dummy)]
