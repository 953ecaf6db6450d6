"""Refinement of a timbre through the synthesizer."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers import CLIP

from nuanced_speech import Converter, audio
from nuanced_speech.adapt import refinement as module
from nuanced_speech.adapt.refinement import Passage, embed, refine
from nuanced_speech.adapt.style_inversion import log_mel
from nuanced_speech.audio.segmentation import segment
from nuanced_speech.core.constants import TIMBRE_DIM
from nuanced_speech.core.errors import UserError
from nuanced_speech.models.kokoro import Kokoro, spread
from nuanced_speech.models.speaker_encoder import SpeakerEncoder
from nuanced_speech.models.timbre_surrogate import TimbreSurrogate
from nuanced_speech.voice.stock import stock_voices, style_of

PHONEMES = "ðə ɹˈɪvəɹ ɹˈOz kwˈɪkli"


@torch.no_grad()
def passage(kokoro: Kokoro, style: torch.Tensor) -> Passage:
    encoded = kokoro.encode_text(kokoro.tokens(PHONEMES)[None])
    prosody = kokoro.predict(encoded, style[None])
    content = spread(encoded.content, prosody.durations)
    mel = log_mel(kokoro.decode(content, prosody.f0, prosody.energy, style[None, :TIMBRE_DIM])[0])
    return Passage(content, prosody.f0[0], prosody.energy[0], mel, kokoro.tokens(PHONEMES), prosody.durations[0])


def test_embedding_with_gradients_is_the_encoders(encoder: SpeakerEncoder) -> None:
    wave = audio.read(CLIP)[:72_000]
    heard = encoder.embed(wave, audio.SAMPLE_RATE)
    waves = torch.from_numpy(np.stack([wave, np.roll(wave, 9_000) * np.float32(0.3)]))
    with torch.no_grad():
        found = embed(encoder, waves)
        assert float(found[0] @ torch.from_numpy(heard)) > 0.93
        # a batch gives what its items give alone
        torch.testing.assert_close(found[1], embed(encoder, waves[1:])[0])


def test_a_few_steps_bring_the_voice_nearer(kokoro: Kokoro, encoder: SpeakerEncoder, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(module, "CHECK_EVERY", 2)
    monkeypatch.setattr(module, "CROP_UNITS", 64)
    surrogate = TimbreSurrogate.load()
    style = style_of(stock_voices()["bm_lewis"])
    said = passage(kokoro, style)
    with torch.no_grad():
        wave = kokoro.decode(said.content, said.f0[None], said.energy[None], style[None, :TIMBRE_DIM])
        wanted = embed(encoder, wave)[0]
    start = surrogate.mean.clone()
    told: list[tuple[int, float]] = []
    found = refine(kokoro, encoder, surrogate, start, wanted, [said], 4, lambda *step: told.append(step))
    assert [step for step, _ in told] == [0, 2, 4]
    assert max(likeness for _, likeness in told[1:]) > told[0][1] + 0.02
    assert not torch.equal(found, start) and found.isfinite().all()
    # what turns out worse on the passage held back is thrown away: steps far too long lead nowhere
    monkeypatch.setattr(module, "STEP_SIZE", 20.0)
    own = style[:TIMBRE_DIM]
    assert torch.equal(refine(kokoro, encoder, surrogate, own, wanted, [said], 2), own)


def test_a_crop_takes_content_and_curves_of_the_same_time() -> None:
    ids, mel = torch.arange(5), torch.arange(800.0)[:, None].expand(-1, 64)
    content = torch.arange(400.0).expand(1, 512, 400)
    whole = Passage(content, torch.arange(800.0) / 2, torch.arange(800.0), mel, ids, 40 * ids)
    part = whole.crop(100)
    assert part.units == module.CROP_UNITS and part.ids is None
    assert part.mel[0, 0] == 200 and len(part.mel) == 2 * module.CROP_UNITS
    assert part.content[0, 0, 0] == part.f0[0] == 100 and part.energy[-1] == 2 * (100 + module.CROP_UNITS) - 1


def test_refine_needs_a_recording() -> None:
    wave = np.zeros(24_000, np.float32)
    for voice, steps in (("af_heart", 5), (None, -1)):
        with pytest.raises(UserError, match="--refine"):
            Converter().convert(wave, voice, refine=steps)


@torch.no_grad()
def test_a_refined_voice_is_wanted_and_silence_is_not(
    converter: Converter, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "nuanced_speech")
    monkeypatch.setattr(module, "CROP_UNITS", 48)
    hearing, wave = converter, audio.read(CLIP)[:48_000]
    silent = np.zeros(24_000, np.float32)
    spoken, nothing = (hearing.hear(x, 1.0, segment(x)[0]) for x in (wave, silent))
    pieces = [spoken, nothing]
    hearing.settle_styles(pieces)
    assert spoken.wanted is None
    told: list[float] = []
    # how long it will take is said before it starts
    style, explained = hearing.refine(pieces, 1, 0, lambda share: told.append(share if caplog.messages else -1.0))
    assert not explained
    assert re.fullmatch(r"the voice is refined: about \d+ s, .*", caplog.messages[0])
    assert min(told) >= 0
    assert told[-1] == 1.0
    assert style.isfinite().all()
    assert torch.equal(style, spoken.style)
    assert float(spoken.wanted @ torch.from_numpy(spoken.speaker)) > 0.999
    assert nothing.wanted is None
    # whose voice it is, the recording says, however much there is of others
    others = [replace(spoken, speaker=-spoken.speaker, wanted=None) for _ in range(2)]
    assert torch.equal(hearing.refine([spoken], 1, 0, None, others)[0], spoken.style)
    assert float(spoken.wanted @ torch.from_numpy(spoken.speaker)) > 0.999
    assert [other.wanted for other in others] == [None, None]
    # only silence: nothing to do
    alone = [nothing]
    before = nothing.style.clone()
    caplog.clear()
    assert torch.equal(hearing.refine(alone, 1, 0, None)[0], before)
    assert caplog.messages == ["nothing to refine: no voice in the recording"]
