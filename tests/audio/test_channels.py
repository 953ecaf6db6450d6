"""Several channels and several streams in one file."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile

from nuanced_speech import audio
from nuanced_speech.core.errors import UserError

RATE = 24_000


def tone(hertz: float, seconds: float = 1.0) -> np.ndarray:
    return 0.4 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE).astype(np.float32)


def written(path: Path, *channels: np.ndarray) -> Path:
    soundfile.write(path, np.stack(channels, axis=1), RATE, subtype="FLOAT")
    return path


def test_one_live_channel_of_four_keeps_its_level(tmp_path: Path) -> None:
    live = tone(300)
    dead = 1e-3 * np.random.default_rng(0).standard_normal((3, len(live))).astype(np.float32)
    np.testing.assert_allclose(audio.read(written(tmp_path / "a.wav", dead[0], live, *dead[1:])), live, atol=1e-6)


def test_equal_channels_are_their_mean(tmp_path: Path) -> None:
    live = tone(300)
    assert np.array_equal(audio.read(written(tmp_path / "a.wav", live, live)), live)


def test_opposite_channels_do_not_cancel(tmp_path: Path) -> None:
    live = tone(300)
    np.testing.assert_allclose(np.abs(audio.read(written(tmp_path / "a.wav", live, -live))), np.abs(live), atol=1e-6)


def test_two_people_on_a_channel_each_keep_their_level(tmp_path: Path) -> None:
    """As in recordings of telephone calls: the plain mean of them is 6 dB down."""
    first, second, silence = tone(300), tone(500), np.zeros(RATE, np.float32)
    path = written(tmp_path / "a.wav", np.concatenate([first, silence]), np.concatenate([silence, second]))
    np.testing.assert_allclose(audio.read(path), np.concatenate([first, second]), atol=0.005)


def test_a_channel_can_be_chosen(tmp_path: Path) -> None:
    path = written(tmp_path / "a.wav", tone(300), tone(500))
    np.testing.assert_allclose(audio.read(path, channel=2), tone(500), atol=1e-6)
    for channel in (0, 3):
        with pytest.raises(UserError, match=f"channel {channel}: .* 2 channels"):
            audio.read(path, channel=channel)


def test_arrays_are_mixed_alike() -> None:
    live, dead = tone(300), np.zeros(RATE, np.float32)
    for array in (np.stack([live, dead]), np.stack([live, dead], axis=1)):
        np.testing.assert_allclose(audio.waveform(array, RATE), live, atol=1e-6)


def test_chained_ogg_is_read_to_its_end(tmp_path: Path) -> None:
    """Three streams one after another, of two rates."""
    path = tmp_path / "chained.ogg"
    data = b""
    for hertz, rate in ((300, 24_000), (500, 24_000), (700, 16_000)):
        part = io.BytesIO()
        soundfile.write(part, 0.4 * np.sin(2 * np.pi * hertz * np.arange(rate) / rate), rate, format="OGG")
        data += part.getvalue()
    path.write_bytes(data)
    wave = audio.read(path)
    assert len(wave) == 3 * RATE
    strongest = [np.abs(np.fft.rfft(wave[k * RATE : (k + 1) * RATE])).argmax() for k in range(3)]
    assert strongest == [300, 500, 700]
    path.write_bytes(data[:-2000])
    assert 2 * RATE <= len(audio.read(path)) <= 3 * RATE


def test_an_ogg_file_without_its_first_page_is_refused(tmp_path: Path) -> None:
    path, part = tmp_path / "a.ogg", io.BytesIO()
    soundfile.write(part, tone(300), RATE, format="OGG")
    data = bytearray(part.getvalue())
    data[5] = 0
    path.write_bytes(data)
    with pytest.raises(UserError, match=r"a\.ogg is not audio that can be read"):
        audio.read(path)


def test_a_codec_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "a.wav", tone(300))
    data = bytearray(path.read_bytes())
    at = data.index(b"fmt ") + 8
    data[at : at + 2] = (0x7ABC).to_bytes(2, "little")
    path.write_bytes(data)
    with pytest.raises(UserError, match=r"a\.wav is not audio that can be read"):
        audio.read(path)


def test_a_constant_offset_is_taken_away(tmp_path: Path) -> None:
    live = tone(300)
    wave = audio.read(written(tmp_path / "a.wav", live + 0.3))
    np.testing.assert_allclose(wave, live, atol=1e-4)
    assert np.array_equal(audio.read(written(tmp_path / "b.wav", live)), live)
