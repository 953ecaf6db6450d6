"""Microphone and loudspeaker, with a package that stands for ``sounddevice``."""

from __future__ import annotations

import builtins
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from nuanced_speech import audio
from nuanced_speech.core.errors import UserError
from nuanced_speech.live.devices import duplex, listed
from nuanced_speech.live.output_buffer import OutputBuffer

Moved = Callable[[np.ndarray, np.ndarray, int, Any, Any], None]


class PortAudioError(Exception):
    """What the package raises."""


class FakeSound:
    """The package: devices, and the streams that were opened.

    Attributes:
        devices: its table of devices.
        refuses: what a stream that cannot be opened raises.
        opened: arguments and options of the streams.
        running: whether a stream is open.
    """

    PortAudioError = PortAudioError

    def __init__(self) -> None:
        self.devices, self.refuses = "0 Microphone\n1 Speaker", list[Exception]()
        self.opened, self.running = list[tuple[Any, ...]](), False

    def query_devices(self) -> str:
        return self.devices

    def Stream(self, rate: int, block: int, devices: Any, *, callback: Moved, **options: Any) -> Any:
        if self.refuses:
            raise self.refuses[0]
        self.opened.append((rate, block, devices, options))
        self.callback = callback
        return self

    def __enter__(self) -> None:
        self.running = True

    def __exit__(self, *_: object) -> None:
        self.running = False


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch) -> FakeSound:
    fake = FakeSound()
    monkeypatch.setitem(sys.modules, "sounddevice", fake)
    return fake


def test_sound_goes_both_ways(package: FakeSound, caplog: pytest.LogCaptureFixture) -> None:
    output, heard = OutputBuffer(), list[np.ndarray]()
    output.put(np.arange(600, dtype=np.float32) / 1000)
    with duplex(heard.append, output, "3", "virtual cable"):
        assert package.running
        for number, status in enumerate(("", "input overflow")):
            played = np.full((480, 1), 9.0, np.float32)
            package.callback(np.full((480, 1), number, np.float32), played, 480, None, status)
            expected = np.zeros(480) if number else np.arange(480) / 1000
            expected[:120] = np.arange(480 * number, 480 * number + 120) / 1000
            assert np.allclose(played[:, 0], expected)
    assert not package.running
    assert package.opened == [(audio.SAMPLE_RATE, 480, (3, "virtual cable"), {"channels": 1, "dtype": "float32"})]
    assert [wave.shape for wave in heard] == [(480,), (480,)] and heard[1][0] == 1
    assert "the sound device reports: input overflow" in caplog.text and len(caplog.records) == 1


def test_the_systems_own_devices_are_used_if_none_is_named(package: FakeSound) -> None:
    with duplex(lambda wave: None, OutputBuffer(), None, None):
        assert package.opened[0][2] == (None, None)


@pytest.mark.parametrize("problem", [PortAudioError("Invalid device"), ValueError("No input device matching 'x'")])
def test_a_device_that_cannot_be_opened_is_one_line(package: FakeSound, problem: Exception) -> None:
    package.refuses.append(problem)
    with (
        pytest.raises(UserError, match=f"cannot be used: {problem}: choose another one"),
        duplex(lambda wave: None, OutputBuffer(), "x", None),
    ):
        pass


def test_devices_are_listed(package: FakeSound) -> None:
    assert listed() == "0 Microphone\n1 Speaker"
    package.devices = " "
    with pytest.raises(UserError, match="there is no sound device here"):
        listed()


@pytest.mark.parametrize(
    ("problem", "message"),
    [(ImportError("no module"), r"nuanced-speech\[live\]"), (OSError("PortAudio library not found"), "libportaudio2")],
)
def test_a_missing_package_is_told(monkeypatch: pytest.MonkeyPatch, problem: Exception, message: str) -> None:
    usual = builtins.__import__

    def missing(name: str, *arguments: Any) -> Any:
        if name == "sounddevice":
            raise problem
        return usual(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(UserError, match=message):
        listed()
