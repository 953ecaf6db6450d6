"""Balance and loudness of a stream."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import CLIP
from scipy.signal import lfilter

from nuanced_speech import audio
from nuanced_speech.dsp.energy import energy
from nuanced_speech.dsp.spectral_balance import measure_balance
from nuanced_speech.live.block_effects import BlockEffects


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    """Three seconds of speech."""
    return audio.read(CLIP)[:72_000]


def in_blocks(effects: BlockEffects, source: np.ndarray, decoded: np.ndarray, lag: int = 2_850) -> np.ndarray:
    """What becomes of decoded sound that comes in blocks of 0.3 s, ``lag`` samples behind the source."""
    parts, n = [], energy(source)
    for begin in range(0, len(source), 7_200):
        end = begin + 7_200
        effects.hear(source[begin:end], n[begin // 300 : end // 300])
        parts.append(effects.push(decoded[max(begin - lag, 0) : end - lag]))
    return np.concatenate([*parts, effects.finish(decoded[len(source) - lag :])])


def distance(wave: np.ndarray, source: np.ndarray) -> float:
    """Mean difference of the balances of two waveforms, natural logarithms, where the source is clear."""
    one, other = (measure_balance(x) for x in (wave, source))
    shapes = [x.bands - x.bands.mean(1, keepdims=True, dtype=np.float32) for x in (one, other)]
    return float(np.abs(shapes[0] - shapes[1])[other.clear].mean())


@pytest.mark.parametrize(("own", "bound"), [(True, 0.8), (False, 1.0)])
def test_loudness_and_balance_come_back_in_blocks(speech: np.ndarray, own: bool, bound: float) -> None:
    """Of sound that gets darker and quieter within each second; another voice keeps its long-term spectrum."""
    dark = lfilter([0.3], [1, -0.7], speech)
    share = 0.5 + 0.5 * np.cos(np.arange(len(speech)) * 2 * np.pi / 24_000)
    decoded = ((share * speech + (1 - share) * dark) * (0.3 + 0.7 * share)).astype(np.float32)
    made = in_blocks(BlockEffects(own), speech, decoded)
    assert len(made) == len(speech)
    loud = energy(speech) > np.quantile(energy(speech), 0.5)
    gaps = [np.abs(energy(x) - energy(speech))[loud].mean() for x in (decoded, made)]
    assert gaps[1] < 0.35 * gaps[0]
    assert distance(made, speech) < bound * distance(decoded, speech)


def test_what_is_right_stays_without_a_click(speech: np.ndarray) -> None:
    made = in_blocks(BlockEffects(), speech, speech)
    step = np.abs(np.diff(made - speech)).max()
    assert step < 0.2 * np.abs(np.diff(speech)).max()
    assert np.corrcoef(made, speech)[0, 1] > 0.99
