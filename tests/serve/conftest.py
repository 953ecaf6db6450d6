"""One real server for all tests of this folder, in a thread, with the models that the other tests use."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from serve.running import Running

from nuanced_speech import audio
from nuanced_speech.adapt.prosody_fit import ProsodyFitConfig
from nuanced_speech.dialogue.language_model import Sampling
from nuanced_speech.dialogue.replier import ReplyConfig
from nuanced_speech.serve.config import Limits, QueueConfig, ServeConfig
from nuanced_speech.serve.consent_phrase import PHRASES
from nuanced_speech.serve.engine import Engine
from nuanced_speech.serve.server import Server, listening
from nuanced_speech.voice.stock import stock_voices
from nuanced_speech.voicemaking.cloning import CloningConfig

if TYPE_CHECKING:
    from nuanced_speech.convert.converter import Converter


@pytest.fixture(scope="session")
def config(tmp_path_factory: pytest.TempPathFactory) -> ServeConfig:
    """Settings of the server of the tests: small limits, two workers, places for two to wait."""
    return ServeConfig(
        port=0,
        voices=tmp_path_factory.mktemp("served") / "voices",
        whisper="tiny.en",
        warm=False,
        limits=Limits(body_bytes=2 << 20, sample_bytes=1 << 20, characters=2000, pause_seconds=20.0, custom_voices=2),
        queue=QueueConfig(workers=2, waiting=2),
    )


@pytest.fixture(scope="session")
def engine(quick: Converter, request: pytest.FixtureRequest) -> Engine:
    """What computes, with models that are loaded already and the fast decoder. The search for a cloned voice is short,
    as answers are, and what a described voice is measured by.

    The language model is there for tests that ask for ``small_model``."""
    chosen = {"af_heart", "am_adam", "bf_emma", "bm_george"}
    prosody = ProsodyFitConfig(steps=3, left_out=frozenset(set(stock_voices()) - chosen))
    return Engine(
        quick.models, converter=quick, cloning=CloningConfig(prosody=prosody, sentences=("Yes.",)),
        language_model=lambda: request.getfixturevalue("small_model"), reply=ReplyConfig(Sampling(tokens=12)),
        sentences="We were away a year ago.",
    )  # fmt: skip


OTHER_WORDS = "The train to the coast leaves at nine every morning, and it arrives when the shops open."


@pytest.fixture(scope="session")
def consent(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The consent phrase and other words, both spoken by Kokoro in one voice that has no likeness to ``CLIP``'s."""
    folder = tmp_path_factory.mktemp("consent")
    for name, text in (("consent", PHRASES["en"]), ("sample", OTHER_WORDS)):
        audio.write(folder / f"{name}.wav", engine.text_to_speech.speak(text, "am_michael"), comment="")
    return folder / "consent.wav", folder / "sample.wav"


@pytest.fixture(scope="session")
def server(config: ServeConfig, engine: Engine) -> Iterator[Running]:
    """The server; it is told to stop at the end, and must stop."""
    ready, address = threading.Event(), []

    def tell(url: str) -> None:
        address.append(url)
        ready.set()

    sock = listening(config)
    server = Server(config, tell, engine)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]})
    thread.start()
    assert ready.wait(120)
    yield Running(address[0], server.app.state.services)
    server.should_exit = True
    thread.join(60)
    sock.close()
    assert not thread.is_alive()
