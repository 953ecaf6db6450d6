"""Sound in the events of ``/v1/realtime``: base64 of 16-bit samples at 24 kHz, or of G.711."""

import base64
import binascii
from typing import Any

import numpy as np
import soxr

from nuanced_speech.audio.g711 import RATE, Law, decode
from nuanced_speech.core.constants import SAMPLE_RATE
from nuanced_speech.serve.audio_encoder import AudioFormat
from nuanced_speech.serve.errors import ApiError
from nuanced_speech.serve.realtime_events import samples_of

RATES: dict[str, int] = {"audio/pcm": SAMPLE_RATE, "audio/pcmu": RATE, "audio/pcma": RATE}
_LAWS: dict[str, Law] = {"audio/pcmu": "mu", "audio/pcma": "a"}
_ENCODINGS = {
    "audio/pcm": AudioFormat("pcm"),
    "audio/pcmu": AudioFormat("ulaw", RATE),
    "audio/pcma": AudioFormat("alaw", RATE),
}


def encoding(name: str) -> AudioFormat:
    """What the sound of an answer is encoded to."""
    return _ENCODINGS[name]


class AudioInput:
    """The sound that a client sends, as samples at 24 kHz without a seam between the events.

    Args:
        name: name of the format.
    """

    def __init__(self, name: str) -> None:
        self.name, self._stream = name, _up()

    def __call__(self, audio: Any) -> np.ndarray:
        """Samples ``[T]`` of an event's base64.

        Raises:
            ApiError: it is none.
        """
        if self.name not in _LAWS:
            return samples_of(audio)
        try:
            data = base64.b64decode(audio, validate=True)
        except (binascii.Error, ValueError, TypeError):
            raise ApiError(400, f"audio: give base64 of {self.name}", "audio", "invalid_value") from None
        return self._stream.resample_chunk(decode(data, _LAWS[self.name]))

    def rest(self) -> np.ndarray:
        """What the resampler still holds ``[T]``; the next sound begins anew."""
        if self.name not in _LAWS:
            return np.zeros(0, np.float32)
        stream, self._stream = self._stream, _up()
        return stream.resample_chunk(np.zeros(0, np.float32), last=True)


def _up() -> soxr.ResampleStream:
    return soxr.ResampleStream(RATE, SAMPLE_RATE, 1)
