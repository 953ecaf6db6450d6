"""The array of recordings on disk that crops are drawn from."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nuanced_speech import audio
from nuanced_speech.audio.pcm import CORPUS_SCALE
from nuanced_speech.tts.waveforms import INDEX, SAMPLES, collect


def test_samples_are_kept_to_the_nearest_step_and_an_older_cache_stays_valid(tmp_path: Path) -> None:
    recordings, out = tmp_path / "in", tmp_path / "out"
    recordings.mkdir(), out.mkdir()
    wave = (0.1 * np.random.default_rng(0).standard_normal(24_000)).astype(np.float32)
    audio.write(recordings / "a.wav", wave)
    wave = audio.read(recordings / "a.wav")
    kept = collect([recordings], audio.SAMPLE_RATE, out)
    assert np.abs(kept.clip(0) - wave).max() <= 0.501 / CORPUS_SCALE
    assert abs(float((kept.clip(0) - wave).mean())) < 0.02 / CORPUS_SCALE

    truncated = (wave * CORPUS_SCALE).astype(np.int16)
    assert not np.array_equal(truncated, kept.samples)
    (out / SAMPLES).write_bytes(truncated.tobytes())
    index = (out / INDEX).read_bytes()
    older = collect([recordings], audio.SAMPLE_RATE, out)
    assert np.array_equal(older.samples, truncated) and (out / INDEX).read_bytes() == index
