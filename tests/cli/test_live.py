"""``nuanced-speech live`` as a command."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers import CLIP

from nuanced_speech import audio
from nuanced_speech.cli.live import live
from nuanced_speech.convert.converter import Converter
from nuanced_speech.core.errors import UserError
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
        with pytest.raises(UserError, match="input itself"):
            live(voice=voice, source=source, write=copy)
    assert copy.read_bytes() == CLIP.read_bytes()
    with pytest.raises(UserError):
        live(source=CLIP, write=tmp_path / "no" / "folder" / "out.wav")
