"""Reading and resampling of audio files, and every way in which they can be refused."""

from __future__ import annotations

import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile
from audio.tones import tone
from helpers import ordinary_user

from nuanced_speech import audio
from nuanced_speech.core.errors import UserError


def refusal(path: Path) -> str:
    with pytest.raises(UserError) as caught:
        audio.read(path)
    message = str(caught.value)
    assert "\n" not in message and str(path) in message
    return message


# Reading


@pytest.mark.parametrize("sample_rate", [8000, 22050, 24000, 44100, 192000])
@pytest.mark.parametrize("target", [24000, 16000])
def test_read_keeps_the_tone_at_any_rate(tmp_path: Path, sample_rate: int, target: int) -> None:
    path = tmp_path / "tone.wav"
    soundfile.write(path, tone(3.0, sample_rate), sample_rate, subtype="PCM_24")
    wave = audio.read(path, target)
    assert wave.dtype == np.float32 and wave.shape == (3 * target,)
    # The edges ring, the middle must be the same tone in the same place: no delay, no change of level.
    middle = slice(target // 10, -target // 10)
    assert np.abs(wave - tone(3.0, target))[middle].max() < 2e-3


def test_read_in_blocks_equals_resampling_at_once(tmp_path: Path) -> None:
    path = tmp_path / "noise.wav"
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 48000).astype(np.float32)
    soundfile.write(path, noise, 44100, subtype="FLOAT")
    np.testing.assert_allclose(audio.read(path, block_values=1999), audio.resample(noise, 44100, 24000), atol=1e-6)


def test_channels_are_mixed_at_the_level_of_the_loudest(tmp_path: Path) -> None:
    path = tmp_path / "three.wav"
    left = tone(0.5, 24000)
    soundfile.write(path, np.stack([left, left / 2, np.zeros_like(left)], axis=1), 24000, subtype="FLOAT")
    np.testing.assert_allclose(audio.read(path), left, atol=1e-6)


def test_mp3_is_read(tmp_path: Path) -> None:
    path = tmp_path / "tone.mp3"
    soundfile.write(path, tone(1.0, 24000), 24000)
    wave = audio.read(path)
    assert abs(len(wave) - 24000) < 2400
    assert np.argmax(np.abs(np.fft.rfft(wave[:24000]))) == 440


def test_beyond_full_scale_is_scaled_not_clipped(tmp_path: Path) -> None:
    path = tmp_path / "loud.wav"
    soundfile.write(path, tone(0.5, 24000, amplitude=4.0), 24000, subtype="FLOAT")
    np.testing.assert_allclose(audio.read(path), tone(0.5, 24000, amplitude=1.0), atol=1e-4)


def test_resampled_clipping_stays_in_range_and_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "clipped.wav"
    clipped = np.clip(tone(1.0, 16000, amplitude=3.0), -1, 1)
    soundfile.write(path, clipped, 16000)
    wave = audio.read(path)
    assert np.abs(wave).max() <= 1.0
    assert audio.clipped_fraction(wave) > 0.5 * np.mean(np.abs(clipped) >= 1.0) > 0.3
    assert audio.clipped_fraction(tone(1.0, 16000, amplitude=0.9)) == 0.0
    assert audio.clipped_fraction(np.zeros(0, np.float32)) == 0.0


def test_long_file_is_never_held_at_its_own_rate(tmp_path: Path) -> None:
    path = tmp_path / "long.flac"
    with soundfile.SoundFile(path, "w", 192000, channels=2, subtype="PCM_16") as file:
        second = np.repeat(tone(1.0, 192000)[:, None], 2, axis=1)
        for _ in range(40):
            file.write(second)
    own_size = 40 * second.nbytes
    tracemalloc.start()
    try:
        wave = audio.read(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(wave) == 40 * 24000
    # The result, the spare room of a growing buffer and a few blocks: 10 MB where the file itself takes 61 MB.
    assert peak < 1.5 * wave.nbytes + 5e6 < own_size / 4


def test_missing(tmp_path: Path) -> None:
    assert "does not exist" in refusal(tmp_path / "nothing.wav")


def test_folder(tmp_path: Path) -> None:
    assert "is a folder" in refusal(tmp_path)


def test_not_a_regular_file() -> None:
    assert "is not a file" in refusal(Path(os.devnull))


def test_unreadable() -> None:
    with ordinary_user() as folder:
        path = folder / "private.wav"
        soundfile.write(path, tone(1.0, 24000), 24000)
        path.chmod(0)
        assert "Permission denied" in refusal(path)


@pytest.mark.parametrize("name", ["text.wav", "text.mp3", "text.raw", "text"])
def test_not_audio(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text("this is no audio\n" * 100)
    assert "is not audio" in refusal(path)


def test_no_bytes(tmp_path: Path) -> None:
    path = tmp_path / "empty.wav"
    path.touch()
    assert "0 bytes" in refusal(path)


def test_no_samples(tmp_path: Path) -> None:
    path = tmp_path / "empty.wav"
    soundfile.write(path, np.zeros(0), 44100)
    assert "no samples" in refusal(path)


def test_too_short_names_the_length(tmp_path: Path) -> None:
    path = tmp_path / "short.wav"
    soundfile.write(path, tone(0.05, 44100), 44100)
    assert "50 ms" in refusal(path)
    soundfile.write(path, tone(0.1, 44100), 44100)
    assert len(audio.read(path)) == 2400


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_samples_that_are_not_finite(tmp_path: Path, bad: float) -> None:
    path = tmp_path / "bad.wav"
    wave = tone(1.0, 24000)
    wave[12345] = bad
    soundfile.write(path, wave, 24000, subtype="FLOAT")
    assert "NaN or infinite" in refusal(path)


@pytest.mark.parametrize("level", [0.0, 2e-4])
@pytest.mark.parametrize("offset", [0.0, 0.25])
def test_silence(tmp_path: Path, level: float, offset: float) -> None:
    path = tmp_path / "silent.wav"
    soundfile.write(path, tone(1.0, 24000, amplitude=level) + offset, 24000, subtype="FLOAT")
    assert "is silent" in refusal(path)


def test_quiet_is_not_silence(tmp_path: Path) -> None:
    path = tmp_path / "quiet.wav"
    soundfile.write(path, tone(1.0, 24000, amplitude=1e-3), 24000, subtype="FLOAT")
    assert len(audio.read(path)) == 24000


def test_damaged(tmp_path: Path) -> None:
    path = tmp_path / "damaged.flac"
    soundfile.write(path, np.random.default_rng(0).uniform(-0.5, 0.5, 240000), 24000)
    path.write_bytes(path.read_bytes()[:200_000])
    assert "is damaged" in refusal(path)


def test_cut_short_warns(tmp_path: Path) -> None:
    path = tmp_path / "cut.mp3"
    soundfile.write(path, tone(10.0, 24000), 24000)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.warns(UserWarning, match="announces 10.0 s"):
        assert 3 * 24000 < len(audio.read(path)) < 7 * 24000


def test_absurd_rate(tmp_path: Path) -> None:
    path = tmp_path / "slow.wav"
    soundfile.write(path, tone(1.0, 24000), 3)
    assert "3 Hz" in refusal(path)


# Level and rate


def test_active_level_ignores_pauses() -> None:
    speech = tone(2.0, 24000, amplitude=0.1)
    level = audio.active_level_db(speech, 24000)
    assert level == pytest.approx(20 * np.log10(0.1 / np.sqrt(2)), abs=0.05)
    noise = np.random.default_rng(0).normal(0, 1e-4, 24000 * 40).astype(np.float32)
    assert audio.active_level_db(np.concatenate([noise, speech, noise]), 24000) == pytest.approx(level, abs=0.05)
    assert audio.active_level_db(tone(2.0, 16000, amplitude=0.1), 16000) == pytest.approx(level, abs=0.05)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("length", [0, 10, 24000])
def test_active_level_of_silence_is_the_floor(length: int) -> None:
    assert audio.active_level_db(np.zeros(length, np.float32), 24000) == audio.LEVEL_FLOOR_DB


def test_resample() -> None:
    wave = audio.resample(tone(1.0, 24000), 24000, 16000)
    assert wave.dtype == np.float32
    assert np.abs(wave - tone(1.0, 16000))[800:-800].max() < 1e-3
    assert len(audio.resample(np.zeros(0, np.float32), 24000, 16000)) == 0
    same = tone(1.0, 24000)
    np.testing.assert_array_equal(audio.resample(same, 24000, 24000), same)
