"""Two people who speak at once are found, and one who speaks alone is not taken for two."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import CLIP, OTHER_SPEAKER, SAMPLE

from nuanced_speech import audio
from nuanced_speech.analysis.overlapping_speech import OverlapConfig, OverlapFinder, overlaps
from nuanced_speech.core.constants import SAMPLE_RATE
from nuanced_speech.models.bank import ModelBank
from nuanced_speech.models.speaker_segmentation import FRAME_SECONDS, SpeakerSegmentation, band_passes
from nuanced_speech.models.voice_activity import SpeechStretch


@pytest.fixture(scope="module")
def finder() -> OverlapFinder:
    return OverlapFinder(ModelBank())


def together(begin: float, gain: float = 1.0) -> np.ndarray:
    """Eight seconds of one speaker, and another one who speaks for two and a half, from ``begin`` seconds on."""
    wave, other = audio.read(SAMPLE), audio.read(OTHER_SPEAKER)
    first = round(begin * SAMPLE_RATE)
    other = other[: len(wave) - first]
    wave[first : first + len(other)] += np.float32(gain) * other * (wave.std() / other.std())
    return wave


@pytest.mark.parametrize("gain", [1.0, 0.5])
def test_a_place_where_two_speak_is_found(finder: OverlapFinder, gain: float) -> None:
    found = finder(together(3.0, gain))
    assert found
    assert 2.5 < found[0].start < 4.5 and 3.5 < found[-1].end < 6.2


def test_one_speaker_is_not_two_even_after_another(finder: OverlapFinder) -> None:
    one, other = audio.read(SAMPLE), audio.read(OTHER_SPEAKER)
    for wave in (one, other, audio.read(CLIP), np.concatenate([one, other]), one[:4800], 0 * one, one[:100]):
        assert finder(wave) == ()


def test_places_of_long_recordings_are_found_where_they_are(finder: OverlapFinder) -> None:
    wave = np.concatenate([audio.read(SAMPLE), audio.read(SAMPLE), together(3.0)])
    begin = 2 * len(audio.read(SAMPLE)) / SAMPLE_RATE
    alone, found = finder(together(3.0)), finder(wave)
    assert len(finder.probabilities(wave)) == len(wave) * 2 // 3 // 270 + 1
    assert abs(found[0].start - begin - alone[0].start) < 0.3 and abs(found[-1].end - begin - alone[-1].end) < 0.3


def test_a_place_must_be_sure_and_long() -> None:
    config = OverlapConfig(sure=0.8, least=0.5, shortest_seconds=0.1)
    frames = np.zeros(100, np.float32)
    frames[10:20] = 0.6  # never sure
    frames[30:33] = 0.9  # too short
    frames[50:60], frames[55] = 0.5, 0.8
    frames[95:] = [0.9] * 5  # ends at the end, too short
    assert overlaps(frames, config) == (SpeechStretch(50 * FRAME_SECONDS, 60 * FRAME_SECONDS),)
    assert overlaps(frames[:0], config) == ()


def test_the_filters_are_band_passes() -> None:
    network = SpeakerSegmentation.load()
    evens, odds = network.filters[:40, 0], network.filters[40:, 0]
    assert (evens == evens.flip(1)).all() and (odds == -odds.flip(1)).all()
    (low, width), rate = (300.0, 200.0), 16_000
    import torch

    filters = band_passes(torch.tensor([[low]]), torch.tensor([[width]]))[:, 0]
    gain = torch.fft.rfft(filters, 1600).abs()  # bins of 10 Hz
    centre = (low + 50 + (width + 50) / 2) * 1600 / rate
    assert gain.argmax(1).tolist() == pytest.approx([centre, centre], abs=8)
    assert (gain[:, 300] < 0.05 * gain.max(1).values).all()
