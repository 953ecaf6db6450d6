"""Formats of FFmpeg's libraries: read, written, and videos with another sound."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from helpers import CLIP

from nuanced_speech import audio
from nuanced_speech.core.errors import UserError

RATE = 24_000
PICTURES = 50


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    return audio.read(CLIP)[: 2 * RATE]


def likeness(a: np.ndarray, b: np.ndarray) -> float:
    """Correlation of the levels of 20 ms, which no codec's phase changes much, at the delay that suits best."""
    length = min(len(a), len(b)) // 480 * 480
    first, second = (np.sqrt(np.mean(x[:length].reshape(-1, 480) ** 2, axis=1)) for x in (a, b))
    lags = ((a, b, lag) for a, b in ((first, second), (second, first)) for lag in range(6))
    return max(float(np.corrcoef(a[lag:], b[: len(b) - lag])[0, 1]) for a, b, lag in lags)


def encoded(path: Path, wave: np.ndarray, codec: str, container: str, rate: int = RATE, video: str = "") -> Path:
    """A file of FFmpeg's, with pictures if a codec of them is named."""
    wave = audio.resample(wave, RATE, rate)
    with av.open(str(path), "w", format=container) as out:
        target: Any = out
        pictures = target.add_stream(video, rate=25) if video else None
        if pictures is not None:
            pictures.width, pictures.height, pictures.pix_fmt = 64, 64, "yuv420p"
        stream = target.add_stream(codec, rate=rate, layout="mono")
        stream.bit_rate = 12_200 if rate == 8_000 else 96_000
        for number in range(PICTURES if pictures is not None else 0):
            picture = av.VideoFrame.from_ndarray(np.full((64, 64, 3), number, np.uint8), format="rgb24")
            for packet in pictures.encode(picture):
                target.mux(packet)
        resampler = av.AudioResampler(stream.format, "mono", rate, frame_size=stream.frame_size or None)
        frame = av.AudioFrame.from_ndarray(wave[None], format="flt", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            for packet in stream.encode(piece):
                target.mux(packet)
        for packet in [*(pictures.encode(None) if pictures is not None else []), *stream.encode(None)]:
            target.mux(packet)
    return path


@pytest.mark.parametrize(
    ("name", "codec", "container", "rate", "video"),
    [
        ("a.m4a", "aac", "ipod", 44_100, ""),
        ("a.mp4", "aac", "mp4", 48_000, "mpeg4"),
        ("a.webm", "libopus", "webm", 48_000, "libvpx"),
        ("a.wma", "wmav2", "asf", 44_100, ""),
        ("a.amr", "libopencore_amrnb", "amr", 8_000, ""),
        ("a.mkv", "aac", "matroska", 48_000, "mpeg4"),
        ("a.ac3", "ac3", "ac3", 48_000, ""),
    ],
)
def test_everything_is_read(
    tmp_path: Path, speech: np.ndarray, name: str, codec: str, container: str, rate: int, video: str
) -> None:
    wave = audio.read(encoded(tmp_path / name, speech, codec, container, rate, video))
    assert abs(len(wave) - len(speech)) < 0.12 * RATE
    assert likeness(wave, speech) > 0.9


@pytest.mark.parametrize("suffix", [".mp3", ".opus", ".m4a", ".ogg"])
def test_compressed_files_are_written(tmp_path: Path, speech: np.ndarray, suffix: str) -> None:
    path = tmp_path / f"out{suffix}"
    with audio.AudioWriter(path) as writer:
        for begin in range(0, len(speech), 7000):
            writer.write(speech[begin : begin + 7000])
    wave = audio.read(path)
    assert abs(len(wave) - len(speech)) < 0.06 * RATE
    assert likeness(wave, speech) > 0.95
    assert audio.synthetic_mark(path) == audio.SYNTHETIC


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_video_gets_another_sound(tmp_path: Path, speech: np.ndarray, suffix: str) -> None:
    video = encoded(tmp_path / "in.mp4", speech, "aac", "mp4", 48_000, "mpeg4")
    out = tmp_path / f"out{suffix}"
    with audio.writer(out, video) as writer:
        writer.write(speech[::-1].copy())
    assert likeness(audio.read(out), speech[::-1]) > 0.9
    assert audio.synthetic_mark(out) == audio.SYNTHETIC
    packets = []
    for path in (video, out):
        with av.open(str(path)) as container:
            packets.append([bytes(packet) for packet in container.demux(video=0) if packet.size])
    assert len(packets[0]) == PICTURES and packets[0] == packets[1]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.mp4", out.name]


def test_a_video_is_not_made_of_sound(tmp_path: Path, speech: np.ndarray) -> None:
    with pytest.raises(UserError, match="only be made of a video"):
        audio.writer(tmp_path / "out.mp4", CLIP)
    with pytest.raises(UserError, match="cannot write the suffix"):
        audio.AudioWriter(tmp_path / "out.mp4")


def test_a_writer_that_breaks_off_leaves_nothing(tmp_path: Path, speech: np.ndarray) -> None:
    with pytest.raises(RuntimeError), audio.AudioWriter(tmp_path / "out.m4a") as writer:
        writer.write(speech)
        raise RuntimeError
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", ["playlist", "cut", "noise", "picture"])
def test_what_is_no_sound_is_one_line(tmp_path: Path, speech: np.ndarray, kind: str) -> None:
    path = tmp_path / "in.m4a"
    data = encoded(tmp_path / "good.m4a", speech, "aac", "ipod").read_bytes()
    path.write_bytes(
        {
            "playlist": f"#EXTM3U\n#EXTINF:2,\nfile://{CLIP}\n#EXT-X-ENDLIST\n".encode(),
            "cut": data[: len(data) // 3],
            "noise": np.random.default_rng(0).bytes(5000),
            "picture": b"\x89PNG\r\n\x1a\n" + bytes(100),
        }[kind]
    )
    with pytest.raises(UserError) as refused:
        audio.read(path)
    assert "\n" not in str(refused.value) and str(path) in str(refused.value)
