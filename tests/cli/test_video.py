"""A video through the command as a whole: its pictures stay, its sound is spoken again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from helpers import CLIP

from nuanced_speech import audio
from nuanced_speech.core.constants import SAMPLE_RATE

PICTURES = 38


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """A second and a half of real speech under grey pictures."""
    path, wave = tmp_path / "in.mp4", audio.read(CLIP)[SAMPLE_RATE : round(2.5 * SAMPLE_RATE)]
    with av.open(str(path), "w") as out:
        target: Any = out
        pictures, sound = target.add_stream("mpeg4", rate=25), target.add_stream("aac", rate=SAMPLE_RATE, layout="mono")
        pictures.width, pictures.height, pictures.pix_fmt = 64, 64, "yuv420p"
        for number in range(PICTURES):
            picture = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 5 * number, np.uint8), format="rgb24")
            target.mux(pictures.encode(picture))
        frame = av.AudioFrame.from_ndarray(wave[None], format="fltp", layout="mono")
        frame.sample_rate, frame.pts = SAMPLE_RATE, 0
        target.mux(sound.encode(frame))
        for stream in (pictures, sound):
            target.mux(stream.encode(None))
    return path


@pytest.mark.slow
def test_a_video_is_converted_as_a_whole(video: Path, tmp_path: Path, run) -> None:  # type: ignore[no-untyped-def]
    out = tmp_path / "out.mp4"
    options = ("--path", "direct", "--voice", "af_heart", "--whisper", "tiny.en", "--decoder", "fast")
    ended = run("convert", video, out, *options)
    assert ended.status == 0, ended.err
    with av.open(str(out)) as file:
        assert sum(1 for _ in file.decode(video=0)) == PICTURES
    before, after = audio.read(video), audio.read(out)
    assert abs(len(before) - len(after)) < 0.1 * SAMPLE_RATE
    assert abs(audio.active_level_db(before, SAMPLE_RATE) - audio.active_level_db(after, SAMPLE_RATE)) < 3
    length = min(len(before), len(after))
    assert abs(np.corrcoef(before[:length], after[:length])[0, 1]) < 0.9
