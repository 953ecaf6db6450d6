"""Errors in the words of the command line, and the option that all commands share."""

from __future__ import annotations

import pytest

from nuanced_speech.cli.options import in_options

OPTIONS = {"pitch_shift": "--pitch-shift", "force": "--force", "text": "--text"}


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("pitch_shift: 99 is too far", "--pitch-shift: 99 is too far"),
        ("pitch_shift 99: give less", "--pitch-shift 99: give less"),
        ("choose another `name`, or `force` to overwrite it", "choose another name, or --force to overwrite it"),
        ("more: `text` and `pitch_shift`", "more: --text and --pitch-shift"),
        ("text.wav: no such file", "text.wav: no such file"),
        ("in.wav: text: 3", "in.wav: text: 3"),
        ("the force of habit", "the force of habit"),
    ],
)
def test_parameters_become_options(message: str, shown: str) -> None:
    assert in_options(message, OPTIONS) == shown


@pytest.mark.parametrize("command", [["plot", "--panels", "tone"], ["plot", "--threads", "2", "--panels", "tone"]])
def test_errors_of_a_command_name_its_options(command: list[str], clip, run) -> None:  # type: ignore[no-untyped-def]
    status, _, err = run(command[0], clip, *command[1:])
    assert status == 1 and err.startswith("error: --panels: unknown panel 'tone'")
