"""The end of a live conversion over a WebSocket, while the client goes on sending."""

from __future__ import annotations

import asyncio
import base64
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from fastapi import WebSocket
from helpers import CLIP

from nuanced_speech import audio
from nuanced_speech.audio.pcm import to_int16
from nuanced_speech.core.constants import SAMPLE_RATE
from nuanced_speech.live.session import LiveSession
from nuanced_speech.live.streams import LiveAudio
from nuanced_speech.live.transcripts import PhraseTranscriber
from nuanced_speech.serve.errors import ApiError
from nuanced_speech.serve.routes.translations import _Settings, _Talk
from nuanced_speech.serve.services import Services


class Silent:
    """A stream that gives nothing, and whose end takes until it is free."""

    def __init__(self, free: threading.Event) -> None:
        self.free, self.finishing = free, threading.Event()

    def __call__(self, samples: np.ndarray) -> Iterator[LiveAudio]:
        yield from ()

    def finish(self) -> Iterator[LiveAudio]:
        self.finishing.set()
        assert self.free.wait(60)
        yield from ()


def test_nothing_is_taken_in_while_the_end_waits_for_the_rest() -> None:
    phrase = np.concatenate([audio.read(CLIP)[:36_000], np.zeros(SAMPLE_RATE, np.float32)])
    append = {
        "type": "session.input_audio_buffer.append",
        "audio": base64.b64encode(to_int16(phrase).tobytes()).decode(),
    }
    begun, free = threading.Event(), threading.Event()
    stream = Silent(free)

    def slow(wave: np.ndarray) -> str:
        begun.set()
        assert free.wait(60)
        return "words"

    async def talk() -> list[dict[str, Any]]:
        talk = _Talk(cast(WebSocket, None), cast(Services, None))
        talk.live = LiveSession(stream, lambda made: None)
        talk.transcriber = PhraseTranscriber(slow, talk._tell_words)
        await talk._handle(append)
        assert await asyncio.to_thread(begun.wait, 60)
        ending = asyncio.create_task(talk._close())
        assert await asyncio.to_thread(stream.finishing.wait, 60)
        await talk._handle(append)
        assert talk.transcriber.waiting_seconds == 0 and not ending.done()
        free.set()
        await ending
        # after what the thread told
        await asyncio.sleep(0)
        return [event for _ in range(talk.outgoing.qsize()) if (event := talk.outgoing.get_nowait())]

    events = asyncio.run(talk())
    assert [event["type"] for event in events] == [
        "session.input_transcript.delta", "session.output_transcript.delta", "session.figures", "session.closed",
    ]  # fmt: skip
    assert events[2]["figures"]["taken_seconds"] == len(phrase) / SAMPLE_RATE


def test_transcripts_that_fail_are_told_as_an_error() -> None:
    async def talk() -> dict[str, Any]:
        talk = _Talk(cast(WebSocket, None), cast(Services, SimpleNamespace()))
        talk._transcripts_failed(RuntimeError("no memory"))
        event = await talk.outgoing.get()
        assert event is not None
        return event

    event = asyncio.run(talk())
    assert event["type"] == "error" and event["error"]["code"] == "transcription_failed"
    assert "no memory" not in event["error"]["message"]


def test_an_english_recogniser_takes_no_other_language() -> None:
    def asked(language: str) -> dict[str, Any]:
        return {"audio": {"input": {"transcription": {"language": language}}}}

    for language in ("de", "pt_BR"):
        with pytest.raises(ApiError, match="knows English only") as refused:
            _Settings().changed(asked(language), english_only=True)
        assert refused.value.status == 400
    for language, code in (("en_GB", "en"), ("EN", "en"), ("", "")):
        assert _Settings().changed(asked(language), english_only=True).language == code
    assert _Settings().changed(asked("pt_BR")).language == "pt"
