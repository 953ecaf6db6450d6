"""Attributes of voices: how they are measured, which directions change them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scipy.signal
import torch

from nuanced_speech import audio
from nuanced_speech.models.kokoro import Kokoro
from nuanced_speech.models.speaker_encoder import SpeakerEncoder
from nuanced_speech.train.attributes import AttributesConfig, fit, held_out, logistic, mixed, sample_styles, shares
from nuanced_speech.voice.stock import stock_voices
from nuanced_speech.voicemaking.attributes import MEASURED, NAMES, SpeechSample, measure, stock_attributes
from nuanced_speech.voicemaking.directions import directions
from nuanced_speech.voicemaking.profile import measure_profile


def of(values: np.ndarray, name: str) -> float:
    return float(values[MEASURED.index(name)])


@pytest.fixture(scope="module")
def wave(clip: Path) -> np.ndarray:
    return audio.read(clip)


@pytest.fixture(scope="module")
def plain(wave: np.ndarray) -> np.ndarray:
    return measure(SpeechSample.recording(wave))


def test_level_changes_nothing(wave: np.ndarray, plain: np.ndarray) -> None:
    np.testing.assert_allclose(measure(SpeechSample.recording(0.2 * wave))[[0, 4, 5, 6]], plain[[0, 4, 5, 6]], atol=0.1)
    assert np.isnan(of(plain, "pace"))


def test_filters_are_heard(wave: np.ndarray, plain: np.ndarray) -> None:
    low = scipy.signal.sosfilt(scipy.signal.butter(2, 2000, fs=24000, output="sos"), wave).astype(np.float32)
    thin = scipy.signal.sosfilt(scipy.signal.butter(2, 600, "high", fs=24000, output="sos"), wave).astype(np.float32)
    spoken = SpeechSample.recording(wave)
    assert of(measure(SpeechSample(low, spoken.f0, spoken.energy, 12.0)), "brightness") < of(plain, "brightness") - 5
    assert of(measure(SpeechSample(thin, spoken.f0, spoken.energy, 12.0)), "warmth") < of(plain, "warmth") - 5
    assert of(measure(SpeechSample(wave, spoken.f0, spoken.energy, 8.0)), "pace") == pytest.approx(3)


def tone(f0: np.ndarray, noise: float = 0.0) -> SpeechSample:
    """Two seconds of a pulse train with a melody ``[160]``."""
    phase = np.cumsum(np.repeat(f0, 300)) / 24000
    wave = sum(np.cos(2 * np.pi * k * phase) for k in range(1, 20)) / 20
    wave = wave + noise * np.random.default_rng(0).standard_normal(len(wave))
    return SpeechSample(wave.astype(np.float32), f0.astype(np.float32), np.zeros(len(f0), np.float32), 10.0)


def test_melody_and_noise_are_measured() -> None:
    flat, lively = tone(np.full(160, 120.0)), tone(240 * 2 ** np.linspace(-0.5, 0.5, 160))
    assert of(measure(flat), "pitch") == pytest.approx(np.log2(120)) and of(measure(flat), "movement") == 0
    assert of(measure(lively), "pitch") == pytest.approx(np.log2(240), abs=0.01)
    assert of(measure(lively), "movement") == pytest.approx(0.8 * 12, abs=0.1)
    noisy = tone(np.full(160, 120.0), 0.2)
    assert of(measure(noisy), "breathiness") > of(measure(flat), "breathiness") + 3
    loud = SpeechSample(flat.audio, flat.f0, np.tile([0.0, -3.0], 80), 10.0)
    assert of(measure(loud), "energy") > of(measure(flat), "energy") + 5


def test_what_has_no_voice_has_no_attributes() -> None:
    assert np.isnan(measure(SpeechSample(np.zeros(24000, np.float32), np.zeros(80), np.zeros(80), 10.0))).all()


def test_the_packaged_attributes_make_sense() -> None:
    stock = stock_attributes()
    assert stock.names == list(stock_voices()) and stock.values.shape == (54, len(NAMES))
    # zm_yunxia is a boy
    assert [n for n, v, f in zip(stock.names, stock.values, stock.female, strict=True) if (v[0] > 0) != f] == [
        "zm_yunxia"
    ]
    whispering = stock.values[stock.names.index("af_nicole")]
    assert "breathy" in stock.describe(whispering) and "slow" in stock.describe(whispering)
    assert stock.nearest(stock.embeddings[3])[0] == ("af_heart", pytest.approx(1))
    assert stock.nearest(stock.embeddings[3], but="af_heart")[0][0] != "af_heart"
    fitted = directions()
    held = dict(zip(NAMES, fitted.correlations, strict=True))
    assert min(held["sex"], held["pitch"], held["pace"]) >= 0.7


@pytest.mark.slow
def test_a_voice_still_measures_as_packaged(kokoro: Kokoro) -> None:
    stock, k = stock_attributes(), 3
    profile = measure_profile(kokoro, SpeakerEncoder(), stock_voices()[stock.names[k]])
    assert (np.abs(profile.attributes - stock.values[k]) < 0.25 * stock.spread).all()
    assert profile.embedding @ stock.embeddings[k] > 0.98


def test_voices_measure_alike_in_both_precisions_but_for_breathiness() -> None:
    """Packaged measurements of one precision hold in the other within these bounds, in standard deviations."""
    half, exact = stock_attributes("bfloat16"), stock_attributes("float32")
    gap = (exact.values - half.values) / half.spread
    bounds = {name: 0.25 for name in NAMES} | {"brightness": 0.45, "breathiness": 1.4}
    assert (np.abs(gap).max(0) <= np.array([bounds[name] for name in NAMES])).all()
    # bfloat16's noise, why each precision has its own
    assert gap[:, NAMES.index("breathiness")].mean() < -0.5
    assert np.sum(half.embeddings * exact.embeddings, axis=1).min() > 0.95
    # the order of the voices is the same
    for name, a, b in zip(NAMES, half.values.T, exact.values.T, strict=True):
        assert np.corrcoef(a, b)[0, 1] > 0.97, name


def test_a_step_does_what_is_asked_and_little_else() -> None:
    fitted, stock = directions(), stock_attributes()
    style = sample_styles(torch.eye(54)[3:4, None].expand(-1, 2, -1))[0]
    for k, name in enumerate(NAMES[1:], 1):
        wanted, asked = np.zeros(len(NAMES)), np.zeros(len(NAMES), bool)
        wanted[k], asked[k] = stock.spread[k], True
        step = fitted.step(style, wanted, asked, stock.spread)
        change = fitted.weights @ np.linalg.solve(fitted.basis, step) / stock.spread
        assert 0.7 < change[k] < 1.1, name
        if name != "age":  # which is made of others
            assert np.abs(np.delete(change, [1, k])).max() < 0.45, name
        # nearer to real voices than random steps as long as that
        assert np.linalg.norm(np.linalg.solve(fitted.basis, step)) < 8, name
    nothing = fitted.step(style, np.zeros(len(NAMES)), np.zeros(len(NAMES), bool), stock.spread)
    assert np.linalg.norm(nothing) < 0.35 * np.linalg.norm(style - fitted.mean)


def test_samples_begin_with_the_stock_voices_and_go_on_alike(tmp_path: Path) -> None:
    few, more = shares(AttributesConfig(tmp_path, 5)), shares(AttributesConfig(tmp_path, 9))
    assert torch.equal(more[:59], few) and len(more) == 63
    assert torch.equal(few[:54, 0], torch.eye(54)) and torch.allclose(few.sum(-1), torch.ones(59, 2))
    voices = list(stock_voices().values())
    assert torch.allclose(mixed(few[3]), voices[3])
    crossed = torch.stack([torch.eye(54)[3], torch.eye(54)[7]])
    assert torch.equal(mixed(crossed), torch.cat([voices[3][:, :128], voices[7][:, 128:]], 1))


def test_planted_directions_are_found_and_nothing_leaks(tmp_path: Path) -> None:
    rows = shares(AttributesConfig(tmp_path, 100))
    names, styles = list(stock_voices()), sample_styles(rows)
    rng = np.random.default_rng(0)
    scale = styles[:54].std(0)
    prosody = np.where(np.arange(256) < 128, 0, 1)
    planted = np.stack([styles @ (rng.standard_normal(256) / scale * prosody) for _ in NAMES], 1)
    assert held_out(rows, planted, names)[0].mean() > 0.8
    # what only a voice's own samples could tell cannot be told
    secrets = rows[:, 1].double().numpy() @ rng.standard_normal((54, len(NAMES)))
    assert np.abs(held_out(rows, secrets, names)[0]).mean() < 0.3
    # prosodic attributes have no business in the timbre
    assert (fit(rows, planted, list(range(54))).weights[NAMES.index("pitch"), :128] == 0).all()


def test_logistic_regression() -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((200, 4))
    weights = logistic(x, x[:, 0] - 2 * x[:, 1] + 0.5 > 0)
    assert weights[0] > 0 > weights[1] and weights[4] > 0
    assert ((x @ weights[:-1] + weights[-1] > 0) == (x[:, 0] - 2 * x[:, 1] + 0.5 > 0)).mean() > 0.95
