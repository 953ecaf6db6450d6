"""The container's files name what is there. No engine builds them here."""

from __future__ import annotations

import re

from helpers import ROOT

from nuanced_speech.serve.handler import HandlerConfig
from nuanced_speech.weights.catalog import canonical

DOCKERFILE = (ROOT / "deploy/Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
COMPOSE = (ROOT / "deploy/compose.yaml").read_text(encoding="utf-8")


def test_all_that_is_copied_is_there() -> None:
    copied = [word for line in re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.M) for word in line.split()]
    assert len(copied) == 7 and all((ROOT / name).exists() for name in copied)


def test_packages_are_picked_by_the_names_they_have() -> None:
    patterns = re.findall(r"grep -v?E '\^\(?([^)']+?)\)?==' (\S+)", DOCKERFILE)
    assert [name for _, name in patterns] == ["requirements.txt", "requirements-no-deps.txt"]
    for names, file in patterns:
        text = (ROOT / file).read_text(encoding="utf-8")
        assert all(re.search(f"^{name}==", text, re.M) for name in names.split("|")), names


def test_the_weights_that_are_pulled_are_known() -> None:
    (names,) = re.findall(r'^ARG WEIGHTS="(.+)"$', DOCKERFILE, re.M)
    assert all(canonical(name) == name for name in names.split())


def test_the_settings_of_the_compose_file_reach_the_handler() -> None:
    defaults = dict(re.findall(r"(NUANCED_SPEECH_\w+): \$\{\w+:-(\w+)\}", COMPOSE))
    config = HandlerConfig.from_environment(defaults)
    assert (config.path, config.decoder) == ("direct", "kokoro")
    changed = HandlerConfig.from_environment(
        {**defaults, "NUANCED_SPEECH_PATH": "text", "NUANCED_SPEECH_DECODER": "fast"}
    )
    assert (changed.path, changed.decoder) == ("text", "fast")
