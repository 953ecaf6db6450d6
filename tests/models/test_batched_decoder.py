"""Segments of different lengths in one batch of a decoder: each is what it is alone."""

from __future__ import annotations

import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from nuanced_speech.core import precision
from nuanced_speech.core.constants import CONTENT_DIM, ENVELOPE_BANDS, SPEAKER_DIM
from nuanced_speech.dsp.mel import MelConfig, mel_spectrogram
from nuanced_speech.models.bank import ModelBank
from nuanced_speech.models.batched_decoder import BatchedDecoder, batched, single
from nuanced_speech.models.decoder import Decoder, KokoroDecoder
from nuanced_speech.models.decoder_voice import DecoderVoice, Reference, SourceEnvelopes
from nuanced_speech.models.fast_decoder import FastDecoder, FastDecoderConfig
from nuanced_speech.voice.stock import voice_pack

Call = tuple[Tensor, Tensor, Tensor, DecoderVoice]


class Counting:
    """A decoder that counts its calls."""

    def __init__(self, decoder: Decoder) -> None:
        self.decoder, self.calls = decoder, 0
        self.digest, self.drops_octaves, self.uses_recordings = "counting", False, False
        self.follows_source = False

    def __call__(self, *arguments: Any, **others: Any) -> Tensor:
        self.calls += 1
        return self.decoder(*arguments, **others)


def voice(frames: int = 0) -> DecoderVoice:
    """A stock voice, with a reference of so many frames."""
    timbre = voice_pack("af_heart")[60, :128]
    if not frames:
        return DecoderVoice.single(timbre)
    content, envelope = torch.randn(1, frames, CONTENT_DIM), torch.randn(1, frames, ENVELOPE_BANDS)
    reference = Reference(content, envelope, torch.ones(1, frames, dtype=torch.bool))
    return DecoderVoice.single(timbre, normalize(torch.randn(SPEAKER_DIM), dim=0), reference)


@pytest.fixture(scope="module")
def content(models: ModelBank) -> Tensor:
    """Content of a syllable ``[512, 1]`` for the decoders to say at any length."""
    return models.kokoro.encode_content(models.kokoro.tokens("ɑː"))[:, 1:2]


def calls(content: Tensor, frames: tuple[int, ...] = (0, 0, 0)) -> list[Call]:
    """A short, a long and a middle segment, voiced and not."""
    torch.manual_seed(1)
    made = []
    for units, own in zip((4, 16, 9), frames, strict=True):
        f0 = torch.linspace(120, 180, 2 * units)[None].clone()
        f0[:, -3:] = 0
        made.append((content.expand(-1, units)[None], f0, torch.full_like(f0, 3.0), voice(own)))
    return made


def together(
    decoder: BatchedDecoder, asked: list[Call], sources: tuple[SourceEnvelopes | None, ...] = (None, None, None)
) -> list[Tensor]:
    """What threads get that ask while the decoder is busy."""

    def ask(call: Call, source: SourceEnvelopes | None) -> Tensor:
        with torch.no_grad():
            return decoder(*call, seed=2, source=source)

    gathered = decoder._gathered
    with ThreadPoolExecutor(len(asked)) as pool:
        gathered._busy = True
        futures = [*map(pool.submit, [ask] * len(asked), asked, sources)]
        while len(gathered._waiting) < len(asked):
            torch.zeros(1)
        with gathered._changed:
            gathered._busy = False
            gathered._changed.notify_all()
        return [future.result() for future in futures]


@torch.no_grad()
def test_a_batch_is_what_its_items_are_alone(models: ModelBank, packaged_decoder: Decoder, content: Tensor) -> None:
    kokoro = KokoroDecoder(models)
    for decoder, asked in (
        (kokoro, calls(content)),
        (packaged_decoder, calls(content)),
        (packaged_decoder, calls(content, (7, 30, 12))),
        (packaged_decoder, calls(content, (7, 0, 12))),
    ):
        alone = [decoder(*call, seed=2) for call in asked]
        for one, other in zip(alone, together(BatchedDecoder(decoder, 60), asked), strict=True):
            # made-up references are louder than speech
            # frames of made-up references are louder than speech
            peak = float(one.abs().max())
            assert one.shape == other.shape and peak > 0.01
            assert float((one - other).abs().max()) < 1e-4 * max(peak, 1)


@torch.no_grad()
def test_memory_bounds_a_batch_and_one_call_is_the_decoders_own(packaged_decoder: Decoder, content: Tensor) -> None:
    asked = calls(content)
    alone = [packaged_decoder(*call, seed=2) for call in asked]
    # 16 units are 0.4 s: the two shorter segments fit, 2 x 9 units
    counting = Counting(packaged_decoder)
    decoder = BatchedDecoder(counting, 0.45)
    groups: list[int] = []
    batch = BatchedDecoder(packaged_decoder, 0.45)._batch
    decoder._batch = lambda several: groups.append(len(several)) or batch(several)  # type: ignore[method-assign, func-returns-value]
    waves = together(decoder, asked)
    assert groups == [2] and counting.calls == 1
    assert torch.equal(waves[1], alone[1])
    assert torch.equal(decoder(*asked[0], seed=2), alone[0])


@torch.no_grad()
def test_what_fails_together_is_tried_alone(packaged_decoder: Decoder, content: Tensor) -> None:
    """Another decoder than the two takes no batches."""
    counting = Counting(packaged_decoder)
    asked = calls(content)
    waves = together(BatchedDecoder(counting, 60), asked)
    assert counting.calls == 3
    assert torch.equal(waves[0], packaged_decoder(*asked[0], seed=2))
    broken = (asked[0][0][:, :5], *asked[0][1:])
    with pytest.raises(RuntimeError):
        BatchedDecoder(packaged_decoder, 60)(*broken)


def test_gradients_are_not_joined_and_the_source_is_handed_on(packaged_decoder: Decoder, content: Tensor) -> None:
    counting = Counting(packaged_decoder)
    decoder = batched(counting, 30)
    assert single(decoder) is counting and single(counting) is counting and batched(counting, 0) is counting
    assert single(batched(decoder, 60)) is counting
    given, f0, energy, spoken = calls(content)[0]
    given = given.clone().requires_grad_()
    decoder(given, f0, energy, spoken).sum().backward()
    assert given.grad is not None and counting.calls == 1
    frames = Reference(torch.zeros(1, 2, CONTENT_DIM), torch.zeros(1, 2, ENVELOPE_BANDS), torch.ones(1, 2).bool())
    envelope = torch.zeros(1, f0.shape[1], ENVELOPE_BANDS)
    with torch.no_grad():
        decoder(given, f0, energy, spoken, source=SourceEnvelopes(envelope, frames))
    assert counting.calls == 2


@torch.no_grad()
def test_segments_with_sources_are_a_batch_too(content: Tensor) -> None:
    asked = calls(content, (7, 30, 12))
    decoder = FastDecoder(FastDecoderConfig(width=32, hidden=64, blocks=2, key=8, follows_source=True)).eval()
    assert decoder.difference is not None
    torch.nn.init.normal_(decoder.difference.weight, 0.0, 0.1)
    sources = []
    for frames, (_, f0, _, spoken) in zip((11, 3, 20), asked, strict=True):
        reference = voice(frames).reference
        assert reference is not None and spoken.reference is not None
        sources.append(SourceEnvelopes(torch.randn(1, f0.shape[1], ENVELOPE_BANDS), reference))
    batch, groups = BatchedDecoder(decoder, 60), list[int]()
    made = batch._batch
    batch._batch = lambda several: groups.append(len(several)) or made(several)  # type: ignore[method-assign, func-returns-value]
    for call, source, wave in zip(asked, sources, together(batch, asked, tuple(sources)), strict=True):
        alone, without = decoder(*call, seed=2, source=source), decoder(*call, seed=2)
        peak = float(alone.abs().max())
        assert wave.shape == alone.shape and peak > 0.001
        assert float((wave - alone).abs().max()) < 1e-4 * max(peak, 1) < float((alone - without).abs().max())
    assert groups == [3]


def test_in_bfloat16_sound_differs_by_a_stated_distance(
    packaged_decoder: Decoder, content: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a GPU; alone and in a batch. Gradients are in float32."""
    asked, config = calls(content, (7, 30, 12)), MelConfig(sample_rate=24_000)
    with torch.no_grad():
        exact = [packaged_decoder(*call, seed=2) for call in asked]
    monkeypatch.setattr(precision, "sound_dtype", lambda device: torch.bfloat16)
    with torch.no_grad():
        alone = [packaged_decoder(*call, seed=2) for call in asked]
    joined = together(BatchedDecoder(packaged_decoder, 60), asked)
    for wave, one, other in zip(exact, alone, joined, strict=True):
        for rough in (one, other):
            assert rough.dtype == torch.float32 and not torch.equal(rough, wave)
            # natural logarithms of magnitudes in dB
            difference = mel_spectrogram(rough, config) - mel_spectrogram(wave, config)
            assert float(difference.abs().mean()) * 20 / np.log(10) < 0.2
    assert torch.equal(packaged_decoder(*asked[0], seed=2), exact[0])


@torch.no_grad()
def test_what_is_tried_alone_has_the_memory_of_the_batch_that_failed(
    packaged_decoder: Decoder, content: Tensor
) -> None:
    taken, left = list["weakref.ref[Counting]"](), []

    class Watching(Counting):
        def __call__(self, *arguments: Any, **others: Any) -> Tensor:
            left.append(taken[0]())
            return super().__call__(*arguments, **others)

    def failing(several: Any) -> Any:
        large = Counting(packaged_decoder)
        taken.append(weakref.ref(large))
        raise MemoryError

    decoder = BatchedDecoder(Watching(packaged_decoder), 60)
    decoder._batch = failing  # type: ignore[method-assign]
    together(decoder, calls(content))
    assert left == [None] * 3
