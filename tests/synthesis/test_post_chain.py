"""The post chain of a resynthesised segment, and the equaliser that is fitted in it once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from nuanced_speech import audio
from nuanced_speech.analysis.features import SegmentFeatures, SegmentFrames
from nuanced_speech.audio.segmentation import Segment
from nuanced_speech.dsp.energy import energy
from nuanced_speech.dsp.spectral_balance import band_hz, measure_balance, with_gains
from nuanced_speech.models.speaker_encoder import SpeakerEncoder
from nuanced_speech.synthesis.effects import EffectReference, apply
from nuanced_speech.synthesis.resynthesizer import Resynthesizer
from nuanced_speech.synthesis.speaker_eq import SpeakerEqConfig
from nuanced_speech.synthesis.target_voice import TargetVoice
from nuanced_speech.voice.style import Style


@pytest.fixture(scope="module")
def wave(clip: Path) -> np.ndarray:
    return audio.read(clip)


@pytest.fixture
def resynthesizer(encoder: SpeakerEncoder) -> Resynthesizer:
    models: Any = SimpleNamespace(speaker_encoder=encoder)
    return Resynthesizer(models)


def segment(wave: np.ndarray, reference: torch.Tensor | None) -> SegmentFeatures:
    units = len(wave) // 600
    return SegmentFeatures(
        segment=Segment(0, units, 0, units),
        frames=SegmentFrames(wave, torch.zeros(512, units), np.zeros((units, 178)), measure_balance(wave)),
        f0=np.zeros(2 * units),
        energy=energy(wave),
        style=Style.from_vector(torch.zeros(256)),
        speaker=np.zeros(256),
        reference=reference,
    )


def test_a_segment_and_what_is_repaired_of_it_get_one_equaliser(
    encoder: SpeakerEncoder, resynthesizer: Resynthesizer, wave: np.ndarray
) -> None:
    changed = with_gains(wave, lambda _: -10.0 * (band_hz() < 700)[None])[: len(wave) // 600 * 600]
    own = torch.from_numpy(encoder.embed(wave, audio.SAMPLE_RATE))
    features = segment(changed, own)
    reference, voice = EffectReference.of(features), TargetVoice.own(own)
    plain = resynthesizer.finish(changed, replace(features, reference=None), reference, TargetVoice.own())
    assert plain.voice.equalizer is None
    near = resynthesizer.finish(changed, features, reference, voice)
    likeness = [float(torch.from_numpy(encoder.embed(x.audio, audio.SAMPLE_RATE)) @ own) for x in (plain, near)]
    assert likeness[1] > likeness[0] + 0.01
    # the voice that was given is as it was, the one that came back has the equaliser
    assert voice.equalizer is None and near.voice.equalizer is not None
    part = apply(near.voice.effects(features), changed[24_000:48_000], reference[80:160])
    assert np.abs(part - near.audio[24_000:48_000])[2400:-2400].max() < 0.1 * np.abs(part).max()


def test_the_equaliser_of_a_voice_is_fitted_once(resynthesizer: Resynthesizer, wave: np.ndarray) -> None:
    speaker = torch.ones(256) / 16
    whole = wave[: len(wave) // 600 * 600]
    short = segment(wave[:24_000], speaker)
    voice = TargetVoice.own(speaker)
    # too short to know: it keeps its sound, and the voice goes on without
    first = resynthesizer.finish(wave[:24_000], short, EffectReference.of(short), voice)
    assert first.voice is voice
    features = segment(whole, speaker)
    second = resynthesizer.finish(whole, features, EffectReference.of(features), first.voice)
    again = resynthesizer.finish(whole[::-1].copy(), features, EffectReference.of(features), second.voice)
    assert second.voice.equalizer is not None and again.voice is second.voice
    # a search of no steps changes nothing
    still = Resynthesizer(resynthesizer.models, equalizer=SpeakerEqConfig(steps=0)).with_decoder(resynthesizer.decoder)
    equalizer = still.finish(whole, features, EffectReference.of(features), voice).voice.equalizer
    assert equalizer is not None and not equalizer.gains.any() and second.voice.equalizer.gains.any()


def test_only_adapted_segments_of_the_own_voice_are_equalised(resynthesizer: Resynthesizer, wave: np.ndarray) -> None:
    speaker = torch.ones(256) / 16
    features = segment(wave[: len(wave) // 600 * 600], None)
    voice = TargetVoice.own(speaker)
    assert resynthesizer.finish(features.wave, features, EffectReference.of(features), voice).voice is voice
    assert not voice.equalized(features) and voice.equalized(replace(features, reference=speaker))
    # another voice always is, if its speaker is known
    other = replace(voice, pack=Style.from_vector(torch.zeros(1, 256)))
    assert other.equalized(features) and not replace(other, speaker=None).equalized(features)
