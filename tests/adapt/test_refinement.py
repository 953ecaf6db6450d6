"""Refinement of a timbre through the synthesizer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from nuanced_speech import Converter
from nuanced_speech.adapt.refinement import Passage, RefinementConfig, refine
from nuanced_speech.adapt.style_inversion import log_mel
from nuanced_speech.core.errors import UserError
from nuanced_speech.models.kokoro import Kokoro, spread
from nuanced_speech.models.speaker_encoder import SpeakerEncoder
from nuanced_speech.models.timbre_surrogate import TimbreSurrogate
from nuanced_speech.voice.stock import stock_voices, style_of
from nuanced_speech.voice.style import Style

PHONEMES = "ðə ɹˈɪvəɹ ɹˈOz kwˈɪkli"


@torch.no_grad()
def passage(kokoro: Kokoro, style: Style) -> Passage:
    encoded = kokoro.encode_text(kokoro.tokens(PHONEMES)[None])
    prosody = kokoro.predict(encoded, style.vector[None])
    content = spread(encoded.content, prosody.durations)
    mel = log_mel(kokoro.decode(content, prosody.f0, prosody.energy, style.decoder[None])[0])
    return Passage(content, prosody.f0[0], prosody.energy[0], mel, kokoro.tokens(PHONEMES), prosody.durations[0])


@pytest.mark.slow
def test_a_few_steps_bring_the_voice_nearer(kokoro: Kokoro, encoder: SpeakerEncoder) -> None:
    config = RefinementConfig(crop_units=24, check_every=2)
    surrogate = TimbreSurrogate.load()
    style = Style.from_vector(style_of(stock_voices()["bm_lewis"]))
    said = passage(kokoro, style)
    with torch.no_grad():
        wave = kokoro.decode(said.content, said.f0[None], said.energy[None], style.decoder[None])
        wanted = encoder.embed_waves(wave)[0]
    start = replace(style, timbre=surrogate.mean.clone())
    told: list[tuple[int, float]] = []
    found = refine(kokoro, encoder, surrogate, start, wanted, [said], 4, lambda *step: told.append(step), config=config)
    assert [step for step, _ in told] == [0, 2, 4]
    assert max(likeness for _, likeness in told[1:]) > told[0][1] + 0.02
    assert not torch.equal(found.timbre, start.timbre) and found.vector.isfinite().all()
    assert torch.equal(found.prosody, style.prosody)
    # what turns out worse on the passage held back is thrown away: steps far too long lead nowhere
    far = replace(config, step_size=20.0)
    assert torch.equal(refine(kokoro, encoder, surrogate, style, wanted, [said], 2, config=far).vector, style.vector)


def test_a_crop_takes_content_and_curves_of_the_same_time() -> None:
    ids, mel = torch.arange(5), torch.arange(800.0)[:, None].expand(-1, 64)
    content = torch.arange(400.0).expand(1, 512, 400)
    whole = Passage(content, torch.arange(800.0) / 2, torch.arange(800.0), mel, ids, 40 * ids)
    part = whole.crop(100, 128)
    assert part.units == 128 and part.ids is None
    assert part.mel[0, 0] == 200 and len(part.mel) == 2 * 128
    assert part.content[0, 0, 0] == part.f0[0] == 100 and part.energy[-1] == 2 * (100 + 128) - 1


def test_refine_needs_a_recording() -> None:
    wave = np.zeros(24_000, np.float32)
    for voice, steps in (("af_heart", 5), (None, -1)):
        with pytest.raises(UserError, match="refine"):
            Converter().convert(wave, sample_rate=24000, voice=voice, refine=steps)
