"""Settings of the server."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from platformdirs import user_data_path

from nuanced_speech.core.errors import UserError

LOOPBACK = ("127.0.0.1", "localhost", "::1")
MIB = 1 << 20


def default_voices_folder() -> Path:
    """The user's folder for voices that the server was asked to keep."""
    return user_data_path("nuanced-speech", appauthor=False) / "served-voices"


@dataclass(frozen=True)
class Limits:
    """What a request may ask for.

    Attributes:
        body_bytes: size of a whole request.
        sample_bytes: size of a voice sample or of a consent recording.
        characters: length of a text to speak.
        pause_seconds: silence that the pauses of a text add up to.
        recording_seconds: length of a recording to convert or to transcribe.
        decode_seconds: time to decode an upload.
        custom_voices: number of voices that are kept.
        consents: number of consents that are remembered.
        consent_errors: share of the words of the consent phrase that its transcript may have otherwise.
        live_sessions: live conversions at the same time.
        live_seconds: length of one.
        realtime_sessions: conversations by WebSocket at the same time.
    """

    body_bytes: int = 26 * MIB
    sample_bytes: int = 10 * MIB
    characters: int = 20_000
    pause_seconds: float = 300.0
    recording_seconds: float = 600.0
    decode_seconds: float = 20.0
    custom_voices: int = 20
    consents: int = 100
    consent_errors: float = 0.35
    live_sessions: int = 2
    live_seconds: float = 3600.0
    realtime_sessions: int = 8


@dataclass(frozen=True)
class QueueConfig:
    """How work is divided.

    Attributes:
        workers: requests that are worked on at the same time; they share the processor's cores.
        waiting: requests that may wait; further ones get status 429.
        buffer_bytes: output that waits for a slow client before the work pauses.
        stalled_seconds: time after which work for a client that reads nothing is given up.
    """

    workers: int = max(2, min(os.cpu_count() or 1, 4))
    waiting: int = 32
    buffer_bytes: int = 8 * MIB
    stalled_seconds: float = 60.0


@dataclass(frozen=True)
class ServeConfig:
    """Settings of the server. They are checked when it is made.

    Attributes:
        host, port: address to listen on; port 0 chooses a free one.
        token: secret that each request must name; required unless ``host`` is this machine alone.
        hosts: further names under which clients may address the server.
        origins: addresses of web pages that may use the server, besides its own.
        voices: folder of voices that the server was asked to keep.
        whisper: Whisper model for transcripts.
        device: device of the models.
        fast: Kokoro's decoder in bfloat16.
        decoder: ``kokoro``, ``fast``, or a fast decoder's file.
        llm_url: address of the language model that answers spoken questions; a small one in this process if None.
        llm_model: its name, or a GGUF file; the server's first, or SmolLM2, if None.
        llm_key: secret for that address.
        warm: speak, transcribe and measure once at start, so that the first request waits for nothing.
        limits: what a request may ask for.
        queue: how work is divided.
        shutdown_seconds: time for requests in progress when the server is told to stop.

    Raises:
        UserError: another address than this machine's without a token.
    """

    host: str = "127.0.0.1"
    port: int = 8880
    token: str | None = None
    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    voices: Path = field(default_factory=default_voices_folder)
    whisper: str = "base"
    device: str = "cpu"
    fast: bool = False
    decoder: str = "kokoro"
    llm_url: str | None = None
    llm_model: str | None = None
    llm_key: str | None = field(default=None, repr=False)
    warm: bool = True
    limits: Limits = Limits()
    queue: QueueConfig = QueueConfig()
    shutdown_seconds: int = 120

    def __post_init__(self) -> None:
        if self.host not in LOOPBACK and not self.token:
            raise UserError(f"host: {self.host} can be reached from other machines: set a token that clients must name")
        if self.token is not None and not (self.token.isascii() and self.token.isprintable() and self.token.strip()):
            raise UserError("token: give one or more printable ASCII characters")
        if self.llm_url is not None and not self.llm_url.startswith(("http://", "https://")):
            raise UserError(f"llm_url: {self.llm_url!r} is no address: give one like http://127.0.0.1:11434/v1")
        if not 0 <= self.port <= 65535:
            raise UserError(f"port: {self.port} is no port: give a number from 0 to 65535")
