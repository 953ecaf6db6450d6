"""Adaptation of a recording's main speaker, on real speech and on Kokoro's own."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers import CLIP

from nuanced_speech import Converter, audio
from nuanced_speech.adapt.refinement import RefinementConfig
from nuanced_speech.adapt.style_inversion import InversionConfig, invert_style
from nuanced_speech.adapt.voice_adaptation import AdaptationConfig, VoiceAdapter
from nuanced_speech.audio.segmentation import segment
from nuanced_speech.core.constants import TIMBRE_DIM
from nuanced_speech.models.kokoro import Kokoro, spread
from nuanced_speech.voice.stock import stock_voices, style_of

PHONEMES = "ðə ɹˈɪvəɹ ɹˈOz kwˈɪkli"
SHORT = AdaptationConfig(refinement=RefinementConfig(crop_units=24), inversion=InversionConfig(crop_units=24))


@pytest.mark.slow
def test_an_adapted_voice_has_a_reference_and_silence_has_none(
    converter: Converter, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "nuanced_speech")
    adapt = VoiceAdapter(converter.models, config=SHORT)
    wave, silent = audio.read(CLIP)[:48_000], np.zeros(24_000, np.float32)
    pieces = [converter.analyzer(x, segment(x), gain=1.0)[0] for x in (wave, silent)]
    features = converter.speakers.assign(pieces)
    assert features[0].reference is None
    told: list[float] = []
    # how long it takes is said before it starts
    adapted = adapt(features, 1, 0, lambda share: told.append(share if caplog.messages else -1.0))
    speech, nothing = adapted.features
    assert not adapted.synthetic
    assert re.fullmatch(r"the voice is refined: about \d+ s, .*", caplog.messages[0])
    assert min(told) >= 0
    assert told[-1] == 1.0
    assert adapted.style.vector.isfinite().all()
    assert torch.equal(adapted.style.vector, speech.style.vector)
    assert float(speech.reference @ torch.from_numpy(speech.speaker)) > 0.999
    assert nothing.reference is None
    # what was given is as it was
    assert features[0].reference is None and not torch.equal(features[0].style.vector, speech.style.vector)
    # the recording says whose voice it is, however much there is of others
    others = [replace(speech, speaker=-speech.speaker, reference=None) for _ in range(2)]
    again = adapt([speech], 1, 0, None, others)
    assert torch.equal(again.style.vector, again.features[0].style.vector)
    assert float(again.features[0].reference @ torch.from_numpy(speech.speaker)) > 0.999
    assert [other.reference for other in again.more] == [None, None]
    # only silence: nothing to do
    caplog.clear()
    alone = adapt([nothing], 1, 0, None)
    assert torch.equal(alone.style.vector, nothing.style.vector) and alone.features == [nothing]
    assert caplog.messages == ["nothing to refine: there is no speech in the recording"]


@pytest.mark.slow
@torch.no_grad()
def test_a_person_is_not_taken_for_kokoro(converter: Converter) -> None:
    wave = audio.read(CLIP)[:48_000]
    (features,) = converter.speakers.assign(converter.analyzer(wave, phonemes=True))
    passage = VoiceAdapter(converter.models)._passage(features)
    assert passage.ids is not None
    config = InversionConfig(crop_units=24)
    assert invert_style(converter.models.kokoro, features.style, [passage], 1, config=config) is None


@torch.no_grad()
def speech_of(kokoro: Kokoro, style: torch.Tensor) -> np.ndarray:
    """What Kokoro says in a style, ``[T]``."""
    encoded = kokoro.encode_text(kokoro.tokens(PHONEMES)[None])
    prosody = kokoro.predict(encoded, style[None])
    content = spread(encoded.content, prosody.durations)
    wave = kokoro.decode(content, prosody.f0, prosody.energy, style[None, :TIMBRE_DIM], seed=7)[0]
    return wave.double().numpy()


@pytest.mark.slow
def test_all_segments_of_a_synthetic_voice_get_its_style(converter: Converter) -> None:
    # an array of another precision is analysed as well
    wave = speech_of(converter.models.kokoro, style_of(stock_voices()["af_heart"]))
    (segment,) = converter.analyzer(wave)
    features = converter.speakers.assign([replace(segment, phonemes=PHONEMES), segment])
    # as if any speech could be Kokoro's
    inversion = replace(SHORT.inversion, synthetic_distance=np.inf)
    told: list[float] = []
    adapt = VoiceAdapter(converter.models, config=replace(SHORT, inversion=inversion))
    adapted = adapt(features, 1, 0, told.append)
    style, before = adapted.style, features[0].style
    assert adapted.synthetic
    assert told == sorted(told) and told[-1] == 1.0
    assert not torch.equal(style.prosody, before.prosody)
    torch.testing.assert_close(style.extension, before.extension)
    for item in adapted.features:
        torch.testing.assert_close(item.style.vector, style.vector)
        assert item.reference is not None
