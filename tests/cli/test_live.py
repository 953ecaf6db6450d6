"""``nuanced-speech live`` as a command."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile
from helpers import CLIP

from nuanced_speech import audio
from nuanced_speech.cli.live import _converse, live
from nuanced_speech.convert.converter import Converter
from nuanced_speech.core.errors import UserError
from nuanced_speech.live import devices
from nuanced_speech.live.config import LiveConfig
from nuanced_speech.live.loop import LiveLoop
from nuanced_speech.live.streams import LiveAudio
from nuanced_speech.models import bank
from nuanced_speech.models.bank import ModelBank


@pytest.fixture
def loaded_bank(converter: Converter, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command takes the models that are loaded already."""

    def loaded(device: str) -> ModelBank:
        return converter.models

    monkeypatch.setattr(bank, "ModelBank", loaded)


@pytest.mark.slow
def test_a_file_plays_in_real_time(loaded_bank: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, out = tmp_path / "in.wav", tmp_path / "out.wav"
    audio.write(source, audio.read(CLIP)[:36_000], comment="")
    live(voice="bf_emma", source=source, write=out)
    wave = audio.read(out)
    assert abs(wave[:36_000]).max() < 1e-3 and abs(wave).max() > 0.05
    assert "1.5 s in" in capsys.readouterr().err


def test_mistakes_are_told_before_any_model_is_loaded(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="mode: 'song'"):
        live(mode="song", source=CLIP)
    with pytest.raises(UserError, match="nothing.wav"):
        live(source=tmp_path / "nothing.wav")
    with pytest.raises(UserError, match="fast.safetensors"):
        live(source=CLIP, decoder=tmp_path / "fast.safetensors")
    copy = tmp_path / "in.wav"
    copy.write_bytes(CLIP.read_bytes())
    for voice, source in ((None, copy), (str(copy), CLIP)):
        with pytest.raises(UserError, match="is read or written besides"):
            live(voice=voice, source=source, write=copy)
    assert copy.read_bytes() == CLIP.read_bytes()
    with pytest.raises(UserError):
        live(source=CLIP, write=tmp_path / "no" / "folder" / "out.wav")


class Echo:
    """Gives back what came in."""

    done = 0

    def __call__(self, samples: np.ndarray) -> Iterator[LiveAudio]:
        self.done += len(samples)
        yield LiveAudio(samples, self.done - len(samples), self.done)

    def finish(self) -> Iterator[LiveAudio]:
        yield LiveAudio(np.full(2_400, 0.25, np.float32), self.done, self.done)


def test_a_conversation_is_written_at_the_times_when_it_was_played(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    @contextmanager
    def duplex(feed: Callable[[np.ndarray], None], loop: LiveLoop, *_: str | None) -> Iterator[None]:
        loop.take(12_000)
        feed(np.full(4_800, 0.5, np.float32))
        loop.close()
        loop.take(4_800)
        yield

    monkeypatch.setattr(devices, "duplex", duplex)
    _converse(Echo(), LiveConfig(), None, None, tmp_path / "out.wav")
    wave, _ = soundfile.read(tmp_path / "out.wav")
    # half a second before anything was said, what was said, and what came after the end
    expected = np.repeat([0.0, 0.5, 0.25], [12_000, 4_800, 2_400])
    assert len(wave) == len(expected) and np.abs(wave - expected).max() < 1e-3
    assert "0.2 s in, 0.3 s out" in capsys.readouterr().err
