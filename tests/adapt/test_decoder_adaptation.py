"""Adaptation of a fast decoder to a speaker: what it learns, holds back, and keeps in a voice's file."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from nuanced_speech.adapt.decoder_adaptation import (
    DecoderAdaptationConfig,
    SpokenPassage,
    adapt_decoder,
    held_back,
)
from nuanced_speech.core.errors import UserError
from nuanced_speech.models.decoder_voice import DecoderVoice, Reference, envelopes
from nuanced_speech.models.fast_decoder import FastDecoder
from nuanced_speech.models.fast_decoder_stream import FastDecoderStream
from nuanced_speech.models.speaker_encoder import SpeakerEncoder
from nuanced_speech.voice.adaptation import DecoderAdaptation, LowRank
from nuanced_speech.voice.frames import VoiceFrames
from nuanced_speech.voice.stock import read_pack, stock_voices
from nuanced_speech.voice.voice import Voice

CONFIG = DecoderAdaptationConfig(blocks=2, crop_units=16, check_every=5, patience=99, step_size=0.02)
VOICE = DecoderVoice(torch.zeros(1, 128), torch.nn.functional.normalize(torch.ones(1, 256)))


@pytest.fixture(scope="module")
def target(fast_decoder: FastDecoder) -> DecoderAdaptation:
    """What the speaker whose recordings are made below changes in the decoder."""
    generator = torch.Generator().manual_seed(4)
    layer = LowRank(*(torch.randn(size, generator=generator) * 0.4 for size in ((3005, 1), (1, 32))))
    return DecoderAdaptation(fast_decoder.digest, VOICE.speaker[0], {"head": layer})


@pytest.fixture(scope="module")
def passages(fast_decoder: FastDecoder, target: DecoderAdaptation) -> list[SpokenPassage]:
    """Two passages that the decoder makes with the target's changes."""
    generator = torch.Generator().manual_seed(3)
    made = []
    for units in (48, 30):
        content = torch.randn(1, 512, units, generator=generator)
        f0, energy = torch.full((1, 2 * units), 150.0), torch.randn(1, 2 * units, generator=generator)
        with torch.no_grad():
            wave = fast_decoder(content, f0, energy, replace(VOICE, adaptation=target))
        reference = Reference(content.transpose(1, 2), envelopes(wave), torch.ones(1, units, dtype=torch.bool))
        made.append(SpokenPassage(content, f0, energy, wave, reference))
    return made


def test_it_comes_nearer_on_a_passage_that_was_held_back(
    fast_decoder: FastDecoder, passages: list[SpokenPassage]
) -> None:
    before = {name: value.clone() for name, value in fast_decoder.state_dict().items()}
    told: list[tuple[int, float]] = []
    found = adapt_decoder(fast_decoder, passages, VOICE, 30, lambda *step: told.append(step), config=CONFIG)
    assert [step for step, _ in told] == [0, 5, 10, 15, 20, 25, 30]
    assert min(distance for _, distance in told) < 0.95 * told[0][1]
    assert set(found.layers) == {"blocks.1.pwconv2", "blocks.2.pwconv2", "head"}
    assert any(bool(layer.up.any()) for layer in found.layers.values())
    assert found.size < 20_000 and not found.speaker.requires_grad
    # the decoder itself, which others share, stays as it was
    assert all(torch.equal(value, before[name]) for name, value in fast_decoder.state_dict().items())
    again = adapt_decoder(fast_decoder, passages, VOICE, 30, config=CONFIG)
    assert again.digest == found.digest


def test_it_comes_nearer_to_the_speaker_by_the_speaker_encoder(
    fast_decoder: FastDecoder, passages: list[SpokenPassage], encoder: SpeakerEncoder
) -> None:
    def cosine(weight: float) -> float:
        config = replace(CONFIG, likeness_weight=weight)
        change = adapt_decoder(fast_decoder, passages, VOICE, 20, config=config, encoder=encoder)
        with torch.no_grad():
            said = passages[1].content, passages[1].f0, passages[1].energy
            wave = fast_decoder(*said, replace(VOICE, adaptation=change))
            return float((encoder.embed_waves(wave) * VOICE.speaker).sum())

    assert cosine(20.0) > cosine(0.0) + 0.02


def test_what_makes_it_worse_is_not_kept(fast_decoder: FastDecoder, passages: list[SpokenPassage]) -> None:
    wild = replace(CONFIG, step_size=30.0, speaker_step=30.0)
    found = adapt_decoder(fast_decoder, passages, VOICE, 5, config=wild)
    assert not any(bool(layer.up.any()) for layer in found.layers.values())
    torch.testing.assert_close(found.speaker, VOICE.speaker[0])


def test_the_end_of_the_longest_passage_is_held_back(passages: list[SpokenPassage]) -> None:
    held_out, rest = held_back(passages, 10)
    assert [held_out.units, *(p.units for p in rest)] == [10, 38, 30]
    assert torch.equal(held_out.wave, passages[0].wave[:, 38 * 600 :])
    held_out, rest = held_back(passages[1:], 1000)
    assert [held_out.units, *(p.units for p in rest)] == [10, 20]


def test_the_whole_and_the_stream_of_an_adapted_voice_agree(
    fast_decoder: FastDecoder, passages: list[SpokenPassage], target: DecoderAdaptation
) -> None:
    inputs: tuple[Tensor, Tensor, Tensor] = passages[1].content, passages[1].f0, passages[1].energy
    voice = replace(VOICE, adaptation=target)
    whole, plain = fast_decoder(*inputs, voice), fast_decoder(*inputs, VOICE)
    stream = FastDecoderStream(fast_decoder, voice)
    state, first = stream(stream.start(), *inputs)
    joined = torch.cat([first, stream.finish(state)])
    assert float((joined - whole[0]).square().mean() / whole.square().mean()) < 1e-6
    assert float((plain - whole).square().mean() / whole.square().mean()) > 1e-3


def test_a_voice_keeps_it_beside_its_pack(fast_decoder: FastDecoder, target: DecoderAdaptation, tmp_path: Path) -> None:
    voice = Voice("me", stock_voices()["af_heart"], adaptation=target)
    voice.save(tmp_path)
    again = Voice.load(tmp_path / "me.safetensors")
    assert again.adaptation is not None and again.adaptation.digest == target.digest
    assert again.digest == voice.digest != replace(voice, adaptation=None).digest
    # the pack is there in all formats, as without an adaptation
    for suffix in ("pt", "npz", "safetensors"):
        assert torch.equal(read_pack(tmp_path / f"me.{suffix}"), voice.pack)
    assert Voice.load(tmp_path / "me.pt").adaptation is None
    assert Voice.load(f"{tmp_path / 'me.safetensors'}:0.5,af_bella:0.5").adaptation is None


def test_a_voice_keeps_frames_too(fast_decoder: FastDecoder, tmp_path: Path) -> None:
    torch.manual_seed(2)
    frames = VoiceFrames(VOICE.speaker[0], torch.randn(30, 512), torch.randn(30, 64))
    voice = Voice("me", stock_voices()["af_heart"], frames=frames)
    voice.save(tmp_path)
    again = Voice.load(tmp_path / "me.safetensors")
    assert again.frames is not None and again.digest == voice.digest != replace(voice, frames=None).digest
    torch.testing.assert_close(again.frames.content, frames.content, atol=2e-3, rtol=0)
    assert (
        torch.equal(read_pack(tmp_path / "me.safetensors"), voice.pack)
        and Voice.load(tmp_path / "me.pt").frames is None
    )
    content, curves = torch.randn(1, 512, 20), torch.full((1, 40), 150.0)
    told = DecoderVoice.of_voice(torch.zeros(128), again)
    with_frames, without = (
        fast_decoder(content, curves, curves / 100, v) for v in (told, DecoderVoice.single(torch.zeros(128)))
    )
    assert not torch.allclose(with_frames, without, atol=1e-3)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("frames.content", torch.zeros(30, 511)), ("frames.content", torch.zeros(0, 512)),
        ("frames.content", torch.zeros(())), ("frames.envelope", torch.zeros(29, 64)),
        ("frames.speaker", torch.full((256,), torch.nan)), ("frames.other", torch.zeros(3)),
        ("frames.envelope", torch.zeros(30, 64, dtype=torch.int64)),
    ],
)  # fmt: skip
def test_damaged_frames_are_refused_in_one_line(name: str, value: Tensor, tmp_path: Path) -> None:
    frames = VoiceFrames(VOICE.speaker[0], torch.zeros(30, 512), torch.zeros(30, 64))
    Voice("me", stock_voices()["af_heart"], frames=frames).save(tmp_path)
    path = tmp_path / "me.safetensors"
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
    save_file(load_file(path) | {name: value}, path, metadata)
    with pytest.raises(UserError, match="clone the voice again") as raised:
        Voice.load(path)
    assert "\n" not in str(raised.value)


def test_another_decoder_refuses_it(fast_decoder: FastDecoder, target: DecoderAdaptation) -> None:
    inputs = torch.zeros(1, 512, 4), torch.zeros(1, 8), torch.zeros(1, 8)
    other = FastDecoder(fast_decoder.config)
    voices = [
        (other, target, "another decoder"),
        (fast_decoder, replace(target, layers={"nothing": target.layers["head"]}), "does not have"),
        (fast_decoder, replace(target, layers={"content": target.layers["head"]}), "does not have"),
    ]
    for decoder, adaptation, message in voices:
        voice = replace(VOICE, adaptation=adaptation)
        with pytest.raises(UserError, match=message):
            decoder(*inputs, voice)
        with pytest.raises(UserError, match=message):
            FastDecoderStream(decoder, voice)


@pytest.mark.parametrize(
    "changed",
    [
        {"adaptation.speaker": torch.zeros(255)},
        {"adaptation.speaker": torch.full((256,), torch.nan)},
        {"adaptation.head.up": torch.zeros(3005, 2)},
        {"adaptation.head.up": torch.zeros(3005, 1, dtype=torch.int32)},
        {"adaptation.head.up": torch.zeros(100_000, 1)},
        {"adaptation.other": torch.zeros(3)},
        {"adaptation.other.up": torch.zeros(3, 1)},
    ],
)
def test_a_damaged_adaptation_is_refused_in_one_line(
    target: DecoderAdaptation, tmp_path: Path, changed: dict[str, Tensor]
) -> None:
    Voice("me", stock_voices()["af_heart"], adaptation=target).save(tmp_path)
    path = tmp_path / "me.safetensors"
    header = {"name": "me", "decoder": target.decoder, "sources": []}
    save_file(load_file(path) | changed, path, {"nuanced_speech_voice": json.dumps(header)})
    with pytest.raises(UserError) as refused:
        Voice.load(path)
    assert str(path) in str(refused.value) and "\n" not in str(refused.value)
