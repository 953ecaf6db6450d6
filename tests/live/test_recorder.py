"""What was recorded is kept when the program is told to stop."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from nuanced_speech import audio
from nuanced_speech.live.recorder import recorder

SECOND = (0.3 * np.sin(np.arange(audio.SAMPLE_RATE) * 0.05)).astype(np.float32)


@pytest.mark.parametrize("stop", [KeyboardInterrupt(), SystemExit(143), None])
def test_a_stop_keeps_what_was_recorded(tmp_path: Path, stop: BaseException | None) -> None:
    out = tmp_path / "out.wav"
    with pytest.raises(type(stop)) if stop else recorder(None), recorder(out) as write:
        write(SECOND)
        # it is written as it comes, under another name
        assert not out.exists() and sum(path.stat().st_size for path in tmp_path.iterdir()) > 40_000
        write(SECOND[:1000])
        if stop is not None:
            raise stop
    write(SECOND)  # a thread that ends later
    assert [*tmp_path.iterdir()] == [out]
    wave, _ = soundfile.read(out, dtype="float32")
    assert len(wave) == len(SECOND) + 1000
    np.testing.assert_allclose(wave[: len(SECOND)], SECOND, atol=1e-3)


def test_an_error_leaves_the_old_file(tmp_path: Path) -> None:
    out = tmp_path / "out.wav"
    out.write_text("old")
    with pytest.raises(ZeroDivisionError), recorder(out) as write:
        write(SECOND)
        raise ZeroDivisionError
    assert out.read_text() == "old" and [*tmp_path.iterdir()] == [out]


def test_no_sound_is_no_file(tmp_path: Path) -> None:
    with recorder(tmp_path / "out.wav"):
        pass
    assert not [*tmp_path.iterdir()]
