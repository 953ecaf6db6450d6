"""The decoder at 80 Hz: how far it looks ahead, what it depends on, and that pieces give the whole."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from nuanced_speech.core.constants import SAMPLE_RATE, SAMPLES_PER_UNIT
from nuanced_speech.core.errors import UserError
from nuanced_speech.models.decoder_voice import DecoderVoice, Reference, SourceEnvelopes, envelopes
from nuanced_speech.models.fast_decoder import FastDecoder, FastDecoderConfig
from nuanced_speech.models.fast_decoder_stream import FastDecoderStream

SMALL = FastDecoderConfig(width=32, hidden=64, blocks=4, condition=16, heads=2, key=8)
UNITS = 48


@pytest.fixture(scope="module")
def decoder() -> FastDecoder:
    torch.manual_seed(0)
    decoder = FastDecoder(SMALL)
    # untrained heads say nearly the same of all frames
    torch.nn.init.normal_(decoder.head.weight, 0.0, 0.3)
    torch.nn.init.normal_(decoder.base.weight, 0.0, 0.1)
    return decoder.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def features() -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    content = torch.randn(1, 512, UNITS, generator=generator)
    f0 = 150 + 40 * torch.sin(torch.arange(2 * UNITS) / 9)[None]
    # unvoiced at the start and in the middle
    f0[:, :5], f0[:, 40:47] = 0, 0
    return content, f0, torch.randn(1, 2 * UNITS, generator=generator)


@pytest.fixture(scope="module")
def voice() -> DecoderVoice:
    generator = torch.Generator().manual_seed(2)
    reference = Reference(
        torch.randn(1, 30, 512, generator=generator),
        torch.randn(1, 30, 64, generator=generator),
        torch.arange(30)[None] < 24,
    )
    speaker = torch.nn.functional.normalize(torch.rand(1, 256, generator=generator), dim=1)
    return DecoderVoice(torch.randn(1, 128, generator=generator), speaker, reference)


def test_it_makes_600_samples_a_unit_the_same_for_the_same_seed(decoder, features, voice) -> None:
    wave = decoder(*features, voice, seed=3)
    assert wave.shape == (1, SAMPLES_PER_UNIT * UNITS) and bool(wave.isfinite().all())
    assert torch.equal(wave, decoder(*features, voice, seed=3))
    assert not torch.equal(wave, decoder(*features, voice, seed=4))


def test_sound_depends_on_no_more_of_the_future_than_it_says(decoder, features, voice) -> None:
    assert FastDecoder(FastDecoderConfig(width=8, hidden=8)).look_ahead <= 0.12
    changed = tuple(x.clone() for x in features)
    at = 30
    changed[0][..., at:] += 1
    changed[1][..., 2 * at :] += 20
    changed[2][..., 2 * at :] -= 1
    difference = (decoder(*features, voice) - decoder(*changed, voice))[0].abs()
    first = int((difference > 1e-6).nonzero()[0])
    bound = at * SAMPLES_PER_UNIT - decoder.look_ahead * SAMPLE_RATE
    assert bound <= first < at * SAMPLES_PER_UNIT


@pytest.mark.parametrize("sizes", [[UNITS], [1] * UNITS, [7, 1, 2, 20, 18]])
@pytest.mark.parametrize("with_reference", [True, False])
def test_pieces_give_the_whole(decoder, features, voice, sizes: list[int], with_reference: bool) -> None:
    voice = voice if with_reference else replace(voice, reference=None)
    whole = decoder(*features, voice, seed=5)[0]
    stream = FastDecoderStream(decoder, voice, seed=5)
    state, waves, at = stream.start(), [], 0
    for size in sizes:
        part = slice(at, at + size), slice(2 * at, 2 * (at + size))
        state, wave = stream(state, features[0][..., part[0]], *(x[..., part[1]] for x in features[1:]))
        waves.append(wave)
        at += size
        # no more is held back than the look-ahead, and the frame whose F0 is not known to its end
        assert sum(map(len, waves)) >= at * SAMPLES_PER_UNIT - (decoder.look_ahead + 0.025) * SAMPLE_RATE
    joined = torch.cat([*waves, stream.finish(state)])
    assert joined.shape == whole.shape
    error = (joined - whole).square().mean() / whole.square().mean()
    assert 10 * error.log10() < -60


def test_a_state_is_not_changed_by_going_on(decoder, features, voice) -> None:
    stream = FastDecoderStream(decoder, voice)
    first, _ = stream(stream.start(), *features)
    one, two = stream(first, *features)[1], stream(first, *features)[1]
    assert torch.equal(one, two)


def test_gradients_reach_pitch_energy_timbre_and_speaker(decoder, features, voice) -> None:
    inputs = [x.clone().requires_grad_() for x in (*features, voice.timbre, voice.speaker)]
    own = DecoderVoice(inputs[3], inputs[4], voice.reference)
    decoder(*inputs[:3], own).square().mean().backward()
    for tensor in inputs:
        assert tensor.grad is not None and bool(tensor.grad.isfinite().all()) and float(tensor.grad.abs().sum()) > 0


def test_what_is_missing_of_a_voice_does_not_matter(decoder, features, voice) -> None:
    nothing = DecoderVoice(torch.full((1, 128), torch.nan), torch.full((1, 256), torch.nan))
    bare = decoder(*features, nothing)
    assert bool(bare.isfinite().all())
    # a reference none of whose frames counts is none
    empty = replace(voice.reference, mask=torch.zeros_like(voice.reference.mask))
    assert torch.allclose(decoder(*features, replace(nothing, reference=empty)), bare, atol=1e-5)
    for part in (
        replace(nothing, timbre=voice.timbre),
        replace(nothing, speaker=voice.speaker),
        replace(nothing, reference=voice.reference),
    ):
        assert not torch.allclose(decoder(*features, part), bare, atol=1e-4)
    # frames that do not count change nothing
    other = replace(voice.reference, content=voice.reference.content.clone(), envelope=voice.reference.envelope.clone())
    other.content[:, 24:], other.envelope[:, 24:] = 9, 9
    assert torch.allclose(decoder(*features, replace(voice, reference=other)), decoder(*features, voice), atol=1e-5)


def test_an_item_of_a_batch_is_as_it_is_alone(decoder, features, voice) -> None:
    pair = tuple(torch.cat([x, x.flip(-1)]) for x in features)
    reference = Reference(*(torch.cat([x, x]) for x in vars(voice.reference).values()))
    both = decoder(*pair, DecoderVoice(voice.timbre.repeat(2, 1), voice.speaker.repeat(2, 1), reference))
    assert torch.allclose(both[:1], decoder(*features, voice), atol=1e-5)
    assert torch.allclose(both[1:], decoder(*(x.flip(-1) for x in features), voice), atol=1e-5)


def test_envelopes_show_formants_and_no_level(clip: Path) -> None:
    from nuanced_speech import audio

    wave = torch.from_numpy(audio.read(clip))[: 100 * SAMPLES_PER_UNIT]
    loud, quiet = envelopes(wave[None]), envelopes(0.5 * wave[None])
    assert loud.shape == (1, 100, 64)
    speech = loud[0].std(-1) > 1
    assert float(speech.float().mean()) > 0.3
    assert float((loud - quiet)[0, speech].abs().mean()) < 0.1


def test_it_is_read_as_it_was_saved(decoder, features, voice, tmp_path: Path) -> None:
    decoder.save(tmp_path / "d.safetensors", steps="3")
    again = FastDecoder.load(tmp_path / "d.safetensors")
    assert again.config == SMALL
    assert torch.allclose(again(*features, voice), decoder(*features, voice), atol=0.05)
    (tmp_path / "bad.safetensors").write_bytes(b"no" * 50)
    with pytest.raises(UserError, match="not a fast decoder"):
        FastDecoder.load(tmp_path / "bad.safetensors")


@pytest.fixture(scope="module")
def following() -> FastDecoder:
    torch.manual_seed(0)
    decoder = FastDecoder(replace(SMALL, follows_source=True))
    torch.nn.init.normal_(decoder.head.weight, 0.0, 0.3)
    torch.nn.init.normal_(decoder.base.weight, 0.0, 0.1)
    assert decoder.difference is not None
    torch.nn.init.normal_(decoder.difference.weight, 0.0, 0.3)
    return decoder.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def source() -> SourceEnvelopes:
    generator = torch.Generator().manual_seed(4)
    frames = Reference(
        torch.randn(1, 20, 512, generator=generator),
        torch.randn(1, 20, 64, generator=generator),
        torch.ones(1, 20, dtype=torch.bool),
    )
    return SourceEnvelopes(torch.randn(1, 2 * UNITS, 64, generator=generator), frames)


def test_a_source_is_followed_by_what_it_has_beside_its_usual_envelope(following, features, voice, source) -> None:
    bare = following.gains(*features, voice)
    usual = following.attention.usual(features[0].transpose(1, 2), source.frames).repeat_interleave(2, 1)
    # a source that is as its speaker's frames of such content usually are says nothing
    same = following.gains(*features, voice, replace(source, envelope=usual))
    assert torch.allclose(same.harmonic, bare.harmonic, atol=1e-4)
    followed = following.gains(*features, voice, source)
    assert float((followed.harmonic - bare.harmonic).abs().mean()) > 0.05
    # one without frames, or for a voice without a reference, is none
    unknown = replace(source, frames=replace(source.frames, mask=torch.zeros_like(source.frames.mask)))
    assert torch.allclose(following.gains(*features, voice, unknown).harmonic, bare.harmonic, atol=1e-5)
    alone = replace(voice, reference=None)
    assert torch.equal(following(*features, alone, source=source), following(*features, alone))


def test_a_decoder_that_does_not_follow_leaves_the_source_out(decoder, features, voice, source) -> None:
    assert torch.equal(decoder(*features, voice, source=source), decoder(*features, voice))


def test_pieces_of_a_source_give_the_whole(following, features, voice, source) -> None:
    whole = following(*features, voice, seed=5, source=source)[0]
    stream = FastDecoderStream(following, voice, seed=5)
    state, waves, at = stream.start(), [], 0
    for size in (7, 1, 20, 20):
        units, frames = slice(at, at + size), slice(2 * at, 2 * (at + size))
        part = replace(source, envelope=source.envelope[:, frames])
        state, wave = stream(state, features[0][..., units], *(x[..., frames] for x in features[1:]), source=part)
        waves.append(wave)
        at += size
    joined = torch.cat([*waves, stream.finish(state)])
    error = (joined - whole).square().mean() / whole.square().mean()
    assert 10 * error.log10() < -60
