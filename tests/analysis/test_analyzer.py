"""The features of a recording's segments, with real weights on a real clip."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from nuanced_speech import audio
from nuanced_speech.analysis.analyzer import Analyzer, AnalyzerConfig
from nuanced_speech.analysis.content import ContentEstimator
from nuanced_speech.analysis.prepared_segment import prepared_windows
from nuanced_speech.audio.resampling import to_16k
from nuanced_speech.audio.segmentation import Segment, segment
from nuanced_speech.dsp.f0 import f0
from nuanced_speech.models.bank import ModelBank
from nuanced_speech.models.phoneme_recognizer import with_silence
from nuanced_speech.models.style_encoder import PACKAGED
from nuanced_speech.text.g2p import phonemize
from nuanced_speech.text.word_errors import count_edits
from nuanced_speech.train import attentive_style_encoder as style


@pytest.fixture(scope="module")
def wave(clip: Path) -> np.ndarray:
    return audio.read(clip)


def test_the_style_of_a_segment_is_the_mean_of_two_opinions(converter, wave):
    (piece,) = segment(wave)
    own = np.pad(wave, (0, piece.units * 600 - len(wave)))
    layers = style.layer_features(converter.models.feature_extractor, to_16k(own), tuple(range(1, 7)))
    frames = -(-len(own) * 50 // audio.SAMPLE_RATE)
    features = converter.models.feature_extractor.features(with_silence(to_16k(own)))[:frames]
    with torch.no_grad():
        opinions = (
            converter.models.style_encoder(features[None])[0],
            converter.models.attentive_style_encoder(layers[None])[0],
        )
    found = converter.analyzer(wave, [piece], 1.0)[0].style.vector
    torch.testing.assert_close(found, sum(opinions) / 2, atol=5e-3, rtol=5e-3)
    assert (opinions[0] - opinions[1]).abs().max() > 0.05
    assert ModelBank(encoder=PACKAGED).attentive_style_encoder is None


def test_recognised_phonemes_take_their_share_of_the_content(converter, wave):
    (features,) = converter.analyzer(wave, gain=1.0)
    contents = {}
    for share in (0.0, 0.5, 1.0):
        with torch.no_grad():
            contents[share] = ContentEstimator(converter.models, share)(features)
    torch.testing.assert_close(contents[0.0], features.content[None].float())
    torch.testing.assert_close(contents[0.5], (contents[0.0] + contents[1.0]) / 2)
    # what is recognised holds for as long as a phoneme lasts, the regression changes all the time
    still = [(c[..., 1:] == c[..., :-1]).all(1).float().mean() for c in (contents[0.0], contents[1.0])]
    assert still[0] < 0.01 and still[1] > 0.3


def test_phonemes_that_fit_are_taken_and_those_that_do_not_are_left_out(converter, wave):
    (heard,) = converter.analyzer(wave, gain=1.0, phonemes=True)
    assert (
        count_edits(
            phonemize("But a mob without any man at the head of it is beneath pitifulness."), heard.phonemes
        ).rate
        < 0.25
    )
    written = heard.phonemes
    contents = {}
    for phonemes in (written, "", "ʒ" * 30, "a" * 500):
        with torch.no_grad():
            contents[phonemes] = ContentEstimator(converter.models)(replace(heard, phonemes=phonemes))
    alone = contents.pop("")
    assert not torch.equal(contents.pop(written), alone)
    assert all(torch.equal(content, alone) for content in contents.values())


class Writing:
    """A phoneme recognizer that notes what it is asked, and may write something else."""

    def __init__(self, recognizer, write=None) -> None:  # type: ignore[no-untyped-def]
        self.recognizer, self.replacement, self.asked = recognizer, write, []

    def transcribe(self, features: torch.Tensor, units: int) -> str:
        self.asked.append(units)
        return self.replacement(units) if self.replacement else self.recognizer.transcribe(features, units)


class BankWith:
    """A bank of models with another phoneme recognizer."""

    def __init__(self, models: ModelBank, recognizer: Writing) -> None:
        self.models, self.phoneme_recognizer = models, recognizer

    def __getattr__(self, name: str) -> object:
        return getattr(self.models, name)


@pytest.mark.slow
def test_segments_that_follow_each_other_are_recognised_together(converter, wave):
    long = np.tile(wave, 4)
    # a window need not begin where the recording does
    segments = segment(long)[1:]
    assert len(segments) > 1
    whole = segments[-1].last - segments[0].first
    told: list[float] = []
    recognizer = Writing(converter.models.phoneme_recognizer)
    models = BankWith(converter.models, recognizer)
    together = Analyzer(models)(long, segments, 1.0, True, told.append)
    assert recognizer.asked == [whole] and told == [(k + 1) / len(segments) for k in range(len(segments))]
    alone = Analyzer(models, config=AnalyzerConfig(window_units=1))(long, segments, 1.0, True)
    assert recognizer.asked[1:] == [segment.units for segment in segments]
    for mine, other in zip(together, alone, strict=True):
        assert count_edits(mine.phonemes, other.phonemes).rate < 0.25


@pytest.mark.parametrize("nonsense", ["", "ʒ" * 200, "ʒ" * 2000])
def test_segments_that_the_words_of_their_window_do_not_fit_are_recognised_alone(converter, wave, nonsense):
    segments = segment(np.tile(wave, 3))
    assert len(segments) > 1
    recognizer = Writing(None, lambda units: nonsense if units == segments[-1].last else f"wˈʌn {units}")
    features = Analyzer(BankWith(converter.models, recognizer))(np.tile(wave, 3), segments, 1.0, True)
    assert [item.phonemes for item in features] == [f"wˈʌn {segment.units}" for segment in segments]


def test_a_recording_is_recognised_in_as_few_windows_as_hold_its_pieces() -> None:
    noise = np.random.default_rng(0).standard_normal(24000 * 70).astype(np.float32)
    pieces = segment(noise)

    def windows(longest: int) -> list[list[Segment]]:
        return [[item.segment for item in window.segments] for window in prepared_windows(noise, pieces, 1.0, longest)]

    groups = windows(1000)
    assert [piece for window in groups for piece in window] == pieces
    spans = [window[-1].last - window[0].first for window in groups]
    assert max(spans) <= 1000
    assert all(after[0].last - window[0].first > 1000 for window, after in pairwise(groups))
    assert [len(window) for window in windows(10)] == [1] * len(pieces)


def test_the_melody_of_a_segment_is_that_of_the_recording_at_its_own_rate(wave: np.ndarray) -> None:
    """One resampling to 16 kHz serves all that measure there."""
    whole = wave[: len(wave) // 600 * 600]
    assert np.array_equal(f0(to_16k(whole), audio.WHISPER_SAMPLE_RATE), f0(whole, audio.SAMPLE_RATE))


def test_a_window_is_its_stretch_of_the_recording() -> None:
    """All that its segments hold, with silence in the last unit, at Kokoro's level and at both rates."""
    noise = np.random.default_rng(0).standard_normal(24000 * 30 + 100).astype(np.float32)
    pieces = segment(noise)[1:]
    (window,) = prepared_windows(noise, pieces, 0.5, 1000)
    whole = window.whole
    assert len(pieces) > 1 and (whole.segment.first, whole.segment.last) == (pieces[0].first, pieces[-1].last)
    stretch = np.pad(noise[pieces[0].first * 600 :] * np.float32(0.5), (0, 500))
    assert np.array_equal(whole.wave, stretch)
    for item in window.segments:
        begin = (item.segment.first - whole.segment.first) * 600
        assert np.array_equal(item.wave, stretch[begin : begin + 600 * item.segment.units])
        assert np.array_equal(item.wave_16k, to_16k(item.wave)) and len(item.wave_16k) == 400 * item.segment.units
    # a single segment is not prepared twice
    assert all(alone.whole is alone.segments[0] for alone in prepared_windows(noise, pieces, 0.5, 0))
