"""Microphone and loudspeaker, by PortAudio (the package ``sounddevice``)."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from nuanced_speech.core.constants import SAMPLE_RATE
from nuanced_speech.core.errors import UserError
from nuanced_speech.live.output_buffer import Playable

log = logging.getLogger(__name__)
BLOCK_SECONDS = 0.02


def sound() -> Any:
    """The package ``sounddevice``.

    Raises:
        UserError: it, or PortAudio, is missing.
    """
    try:
        import sounddevice
    except ImportError:
        raise UserError('a microphone needs a package of its own: pip install "nuanced-speech[live]"') from None
    except OSError:
        raise UserError("a microphone needs PortAudio: install it (on Debian: apt install libportaudio2)") from None
    return sounddevice


def listed() -> str:
    """All devices, as a table.

    Raises:
        UserError: as ``sound``; or there is none.
    """
    devices = str(sound().query_devices())
    if not devices.strip():
        raise UserError("there is no sound device here: connect one, or give a source file")
    return devices


@contextmanager
def duplex(
    feed: Callable[[np.ndarray], None], output: Playable, microphone: str | None, speaker: str | None
) -> Iterator[None]:
    """Sound from a microphone to ``feed``, and from ``output`` to a speaker, while the block runs.

    Args:
        feed: called with ``[T]`` at 24 kHz.
        output: what is played.
        microphone, speaker: number or a part of a device's name; the system's own if omitted.

    Raises:
        UserError: no such device, or it cannot be opened at 24 kHz.
    """
    package = sound()

    def moved(taken: np.ndarray, played: np.ndarray, frames: int, _time: Any, status: Any) -> None:
        if status:
            log.warning("the sound device reports: %s", status)
        feed(taken[:, 0])
        played[:, 0] = output.take(frames)

    devices = tuple(int(name) if name is not None and name.isdigit() else name for name in (microphone, speaker))
    try:
        with package.Stream(
            SAMPLE_RATE, round(BLOCK_SECONDS * SAMPLE_RATE), devices, channels=1, dtype="float32", callback=moved
        ):
            yield
    except (package.PortAudioError, ValueError) as error:
        raise UserError(f"the sound device cannot be used: {error}: choose another one") from None
