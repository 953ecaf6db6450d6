"""A handler for serverless platforms: an event with a recording in, an answer with the converted one out.

An event is a dict, or one under ``input``: ``audio`` (base64) or ``url``, and options of a conversion. An answer has
``audio`` (base64), or ``error``: one line. ``handle`` is what platforms with a Python entry point call.
"""

import base64
import binascii
import logging
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

from nuanced_speech.convert.converter import Converter
from nuanced_speech.convert.options import ConversionOptions, is_recording
from nuanced_speech.core.constants import SAMPLE_RATE
from nuanced_speech.core.errors import UserError
from nuanced_speech.models.bank import ModelBank
from nuanced_speech.models.decoder import KOKORO, load_decoder
from nuanced_speech.serve.audio_encoder import SPEECH_FORMATS, AudioFormat, audio_encoder
from nuanced_speech.serve.decode_upload import decode
from nuanced_speech.serve.fetching import Fetcher
from nuanced_speech.voice.stock import PACK_SUFFIXES
from nuanced_speech.voice.voice import Voice

log = logging.getLogger(__name__)

HOSTS = "NUANCED_SPEECH_FETCH_HOSTS"
# Fields of an event besides the recording, with their types; all are options of a conversion but the format.
FIELDS: Mapping[str, tuple[type, ...]] = {
    "voice": (str,), "path": (str,), "keep": (list,), "text": (str,), "text_language": (str,), "language": (str,),
    "pitch_shift": (int, float), "seed": (int,), "loudness": (int, float), "format": (str,),
}  # fmt: skip


@dataclass(frozen=True)
class HandlerConfig:
    """Settings of the handler.

    Attributes:
        device: of the models.
        whisper: Whisper model for transcripts.
        decoder: ``kokoro``, ``fast``, or a fast decoder's file.
        path: path whose models are loaded before the first event, and which is taken where an event names none.
        fetcher: fetches recordings that an event names by ``url``.
        body_bytes: size of the largest recording.
        seconds: length of the longest recording.
        characters: length of the longest text.
    """

    device: str = "cpu"
    whisper: str = "base"
    decoder: str = KOKORO
    path: str = "auto"
    fetcher: Fetcher = field(default_factory=Fetcher)
    body_bytes: int = 20 << 20
    seconds: float = 600.0
    characters: int = 4096

    @classmethod
    def from_environment(cls, values: Mapping[str, str] = os.environ) -> "HandlerConfig":
        """Settings from variables: ``NUANCED_SPEECH_DEVICE``, ``…_WHISPER``, ``…_DECODER``, ``…_PATH`` and
        ``…_FETCH_HOSTS`` (commas). Those that are empty or not set leave the defaults."""
        hosts = tuple(host.strip() for host in values.get(HOSTS, "").split(",") if host.strip())
        names = ("DEVICE", "WHISPER", "DECODER", "PATH")
        device, whisper, decoder, path = (values.get(f"NUANCED_SPEECH_{name}") for name in names)
        return cls(device or "cpu", whisper or "base", decoder or KOKORO, path or "auto", Fetcher(hosts))


def _converter(config: HandlerConfig) -> Converter:
    models = ModelBank(config.device, config.whisper)
    return Converter(models, decoder=load_decoder(config.decoder, models))


class Handler:
    """Converts the recordings of events, one at a time. Threads may share it.

    Args:
        config: settings.
        converter: what converts; made of the settings if omitted.

    Raises:
        UserError: the decoder cannot be read.
    """

    def __init__(self, config: HandlerConfig | None = None, converter: Converter | None = None) -> None:
        self.config = config or HandlerConfig()
        self.converter = converter or _converter(self.config)
        self._lock = threading.Lock()

    def load(self) -> None:
        """Load the models, so that the first event does not wait for them.

        Raises:
            UserError: one is not there.
        """
        self.converter.load(self.config.path)

    def __call__(self, event: object, context: object = None) -> dict[str, Any]:
        """The answer to an event; ``context``, which platforms hand in, is not used."""
        try:
            return self._answer(event)
        except UserError as error:
            return {"error": " ".join(str(error).split())}
        except Exception:
            log.exception("an event failed")
            return {"error": "the conversion failed: the log of the handler says why"}

    def _answer(self, event: object) -> dict[str, Any]:
        if not isinstance(event, Mapping):
            raise UserError("the event is no object with fields: give audio (base64) or url")
        asked = event.get("input", event)
        if not isinstance(asked, Mapping):
            raise UserError("input: give an object with fields")
        form = self._format(asked)
        options = self._options(asked)
        wave = np.frombuffer(decode(self._recording(asked), self.config.seconds), np.float32)
        with self._lock:
            made = self.converter.convert(wave.copy(), options, sample_rate=SAMPLE_RATE)
        encoder = audio_encoder(form, made.comment)
        data = encoder.write(made.audio) + encoder.finish()
        return {
            "audio": base64.b64encode(data).decode(), "format": form.codec, "content_type": form.content_type,
            "seconds": round(len(made.audio) / SAMPLE_RATE, 3), "path": made.path, "comment": made.comment,
        }  # fmt: skip

    def _format(self, asked: Mapping[str, Any]) -> AudioFormat:
        """The format of the answer, and a check of the names and types of all fields."""
        for name, value in asked.items():
            if name not in FIELDS and name not in ("audio", "url"):
                raise UserError(f"{name}: unknown field: choose from audio, url, {', '.join(FIELDS)}")
            if name in FIELDS and (isinstance(value, bool) or not isinstance(value, FIELDS[name])):
                raise UserError(f"{name}: give a value of type {FIELDS[name][-1].__name__}")
        name = asked.get("format", "wav")
        if name not in SPEECH_FORMATS:
            raise UserError(f"format: {name!r} cannot be written: choose from {', '.join(SPEECH_FORMATS)}")
        return AudioFormat.of_speech(name)

    def _options(self, asked: Mapping[str, Any]) -> ConversionOptions:
        values = {name: asked[name] for name in FIELDS if name in asked and name != "format"}
        if len(values.get("text", "")) > self.config.characters:
            raise UserError(f"text: at most {self.config.characters} characters are possible")
        if not all(isinstance(part, str) for part in values.get("keep", ())):
            raise UserError("keep: give a list of names")
        if "voice" in values:
            values["voice"] = _voice(values["voice"])
        # new words, and a delivery of Kokoro's own, need the text path whatever is loaded
        if "path" not in values and "text" not in values and "keep" not in values:
            values["path"] = self.config.path
        return ConversionOptions(**values)

    def _recording(self, asked: Mapping[str, Any]) -> bytes:
        if ("audio" in asked) == ("url" in asked):
            raise UserError("give audio (base64) or url, one of the two")
        name = "audio" if "audio" in asked else "url"
        if not isinstance(asked[name], str):
            raise UserError(f"{name}: give a string")
        if name == "url":
            return self.config.fetcher(asked[name])
        text: str = asked[name]
        if len(text) > self.config.body_bytes * 4 // 3 + 4:
            raise UserError(f"audio: the recording is too large: at most {self.config.body_bytes} bytes are taken")
        try:
            return base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            raise UserError("audio: this is not base64") from None


def _voice(name: str) -> Voice:
    """A voice by its name or a mix. Files are never named by events.

    Raises:
        UserError: an unknown voice, or a file.
    """
    if "/" in name or "\\" in name or any(part in name for part in PACK_SUFFIXES) or is_recording(name):
        raise UserError(f"voice: {name!r} is a file: give the name of a voice, or a mix")
    return Voice.load(name)


@cache
def _handler() -> Handler:
    handler = Handler(HandlerConfig.from_environment())
    handler.load()
    return handler


def handle(event: object, context: object = None) -> dict[str, Any]:
    """The answer to an event, with the settings of the environment: the entry point of serverless platforms.

    Models are loaded by the first call.
    """
    return _handler()(event, context)
