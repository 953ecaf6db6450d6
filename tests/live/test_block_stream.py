"""Blocks of a stream."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from helpers import CLIP

from nuanced_speech import Converter, audio
from nuanced_speech.audio.limiter import true_peak
from nuanced_speech.convert.options import ConversionOptions
from nuanced_speech.core.constants import SAMPLE_RATE
from nuanced_speech.core.errors import UserError
from nuanced_speech.dsp.energy import energy
from nuanced_speech.dsp.f0 import f0
from nuanced_speech.evaluate.metrics import f0_correlation
from nuanced_speech.live.block_decoders import FastBlocks, KokoroBlocks
from nuanced_speech.live.block_effects import EffectsConfig
from nuanced_speech.live.block_stream import BlockStream
from nuanced_speech.live.config import BlockConfig, LiveConfig
from nuanced_speech.live.engine import LiveEngine
from nuanced_speech.live.live_voice import LiveVoice
from nuanced_speech.live.streams import LiveAudio, LiveStream
from nuanced_speech.models.decoder_voice import DecoderVoice, Reference, SourceEnvelopes, envelopes
from nuanced_speech.models.fast_decoder import FastDecoder, FastDecoderConfig


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    """Two seconds of speech between two seconds of silence."""
    silent = np.zeros(2 * SAMPLE_RATE, np.float32)
    return np.concatenate([silent, audio.read(CLIP)[:48_000], silent])


@pytest.fixture(scope="module")
def fast() -> FastDecoder:
    torch.manual_seed(0)
    return FastDecoder(FastDecoderConfig(32, 64, 3, condition=16, heads=2, key=8)).eval().requires_grad_(False)


def all_of(stream: LiveStream, wave: np.ndarray, size: int) -> Iterator[LiveAudio]:
    for k in range(0, len(wave), size):
        yield from stream(wave[k : k + size])
    yield from stream.finish()


def joined(parts: list[LiveAudio]) -> np.ndarray:
    for before, after in itertools.pairwise(parts):
        assert after.start == before.start + len(before.wave)
    return np.concatenate([part.wave for part in parts])


@pytest.mark.slow
@pytest.mark.parametrize("kokoros", [True, False])
def test_blocks_join_to_the_whole_with_its_melody(converter: Converter, speech: np.ndarray, kokoros: bool) -> None:
    """By Kokoro's decoder, and by the packaged fast one, which blocks are decoded by unless another is asked for."""
    engine = LiveEngine(converter, converter.decoder if kokoros else None)
    options = ConversionOptions(voice="af_heart", path="direct")
    stream = engine.stream(options, LiveConfig("block", block=BlockConfig(seconds=0.9, context_seconds=2.0)))
    parts = list(all_of(stream, speech, 4_800))
    wave = joined(parts)
    assert 0 <= len(wave) - len(speech) < 600
    silent = np.concatenate([wave[:SAMPLE_RATE], wave[-SAMPLE_RATE:]])
    assert np.abs(silent).max() < 1e-3 and np.abs(wave).max() > 0.05
    curves = [f0(x[2 * SAMPLE_RATE : -2 * SAMPLE_RATE]) for x in (speech, wave[: len(speech)])]
    assert f0_correlation(*curves) > 0.5
    levels = [energy(x[: len(speech)]) for x in (speech, wave)]
    assert np.corrcoef(*levels)[0, 1] > 0.85
    # the range of the voice: a man reads the clip
    medians = [np.median(curve[curve > 0]) for curve in curves]
    assert medians[1] > 1.3 * medians[0]


def test_the_fast_decoder_needs_a_block_and_what_is_looked_ahead(
    converter: Converter, fast: FastDecoder, speech: np.ndarray
) -> None:
    config = BlockConfig(seconds=0.4, look_ahead_seconds=0.15)
    stream = LiveEngine(Converter(converter.models, decoder=fast)).stream(
        ConversionOptions(voice="af_heart", path="direct"), LiveConfig("block", block=config)
    )
    parts = list(all_of(stream, speech[: 3 * SAMPLE_RATE], 2_400))
    wave = joined(parts)
    assert len(wave) >= 3 * SAMPLE_RATE and np.isfinite(wave).all()
    lags = [part.needed - (part.start + len(part.wave)) for part in parts[:-2]]
    # what the fast decoder itself looks ahead comes on top, and what the effects hold
    held = EffectsConfig().held_samples
    assert max(lags) <= (0.15 + fast.look_ahead + 0.05) * SAMPLE_RATE + held


def test_no_block_has_a_peak(converter: Converter, fast: FastDecoder, speech: np.ndarray) -> None:
    """Of a decoder that is far too loud; what comes out is as long as before."""

    class Loud(FastBlocks):
        def __call__(
            self, content: torch.Tensor, f0: np.ndarray, energy: np.ndarray, source: SourceEnvelopes | None = None
        ) -> np.ndarray:
            wave = super().__call__(content, f0, energy, source)
            return 5 * wave / np.abs(wave).max() if len(wave) else wave

    stream = LiveEngine(Converter(converter.models, decoder=fast)).stream(
        ConversionOptions(voice="af_heart", path="direct"), LiveConfig("block")
    )
    assert isinstance(stream, BlockStream)
    stream.make_decoder = lambda voice: Loud(fast, voice.voice)
    wave = joined(list(all_of(stream, speech, 4_800)))
    assert 0 <= len(wave) - len(speech) < 600
    assert 0.8 < true_peak(wave) <= 10 ** (-1 / 20)


def test_what_waits_is_converted_at_once_up_to_the_largest_block(converter: Converter, fast: FastDecoder) -> None:
    config = LiveConfig("block", block=BlockConfig(seconds=0.2, largest_seconds=0.6, look_ahead_seconds=0.15))
    stream = LiveEngine(Converter(converter.models, decoder=fast)).stream(
        ConversionOptions(voice="af_heart", path="direct"), config
    )
    parts = list(stream(np.zeros(round(1.75 * SAMPLE_RATE), np.float32)))
    assert [len(part.wave) for part in parts] == [14_400, 14_400, 9_600]
    assert [part.block_seconds for part in parts] == pytest.approx([0.6, 0.6, 0.4])


@pytest.mark.parametrize(
    ("least", "largest", "lengths"), [(0.25, 0.25, (0.3, 0.3)), (0.15, 0.45, (0.5, 0.2)), (0.24, 0.34, (0.3, 0.3))]
)
def test_lengths_of_blocks_are_rounded_to_tenths_and_halves_up(
    least: float, largest: float, lengths: tuple[float, float]
) -> None:
    config = BlockConfig(seconds=least, largest_seconds=largest, look_ahead_seconds=0.0)
    # silence needs no decoder
    stream = BlockStream(None, None, None, None, config)  # type: ignore[arg-type]
    parts = list(stream(np.zeros(round(sum(lengths) * SAMPLE_RATE), np.float32)))
    assert [part.block_seconds for part in parts] == pytest.approx([*lengths])


@pytest.mark.slow
def test_the_own_voice_is_spoken_once_it_is_known(converter: Converter, fast: FastDecoder) -> None:
    config = LiveConfig("block", block=BlockConfig(own_seconds=1.0))
    stream = LiveEngine(Converter(converter.models, decoder=fast)).stream(ConversionOptions(path="direct"), config)
    clip = audio.read(CLIP)[:72_000]
    first = np.concatenate([part.wave for part in stream(clip)])
    assert not first.any() and not stream.known  # type: ignore[attr-defined]
    stream._known.result()  # type: ignore[attr-defined]
    later = np.concatenate([part.wave for part in stream(clip)])
    assert stream.known and np.abs(later).max() > 0  # type: ignore[attr-defined]


def test_what_needs_a_whole_recording_is_refused(converter: Converter) -> None:
    engine = LiveEngine(converter)
    for changes in ({"text": "Other words."}, {"keep": ("f0",)}, {"refine": 3}):
        with pytest.raises(UserError, match="^live: "):
            engine.stream(ConversionOptions(**changes))


@pytest.mark.slow
def test_kokoros_blocks_join_without_a_jump(converter: Converter) -> None:
    kokoro = converter.models.kokoro
    content = torch.randn(1, 512, 48, generator=torch.Generator().manual_seed(0)).mul(0.5)
    curve, energy = np.full(96, 120.0, np.float32), np.full(96, 3.0, np.float32)
    blocks = KokoroBlocks(kokoro, torch.zeros(128))
    parts = [
        blocks(content[..., k : k + 16], curve[2 * k : 2 * k + 32], energy[2 * k : 2 * k + 32]) for k in (0, 16, 32)
    ]
    assert [len(part) for part in parts] == [16 * 600 - 960, 16 * 600, 16 * 600]
    wave = np.concatenate([*parts, blocks.finish()])
    assert len(wave) == 48 * 600
    steps = np.abs(np.diff(wave))
    for part in (len(parts[0]), len(parts[0]) + len(parts[1])):
        assert steps[part - 2 : part + 1].max() <= np.quantile(steps, 0.999) + 1e-6


class Listening(FastBlocks):
    """Blocks by a fast decoder, which remember what they were told of the source."""

    def __init__(self, decoder: FastDecoder, voice: DecoderVoice, sources: list[SourceEnvelopes | None]) -> None:
        super().__init__(decoder, voice)
        self.sources = sources

    def __call__(
        self, content: torch.Tensor, f0: np.ndarray, energy: np.ndarray, source: SourceEnvelopes | None = None
    ) -> np.ndarray:
        self.sources.append(source)
        return super().__call__(content, f0, energy, source)


@pytest.mark.parametrize("own", [True, False])
def test_blocks_tell_the_decoder_what_the_source_sounds_like(
    converter: Converter, speech: np.ndarray, own: bool
) -> None:
    config = FastDecoderConfig(32, 64, 3, condition=16, heads=2, key=8, follows_source=True)
    decoder = FastDecoder(config).eval().requires_grad_(False)
    frames = Reference(torch.randn(1, 30, 512), torch.randn(1, 30, 64), torch.ones(1, 30, dtype=torch.bool))
    voice = LiveVoice(DecoderVoice.single(torch.zeros(128), None, frames), own=own)
    sources: list[SourceEnvelopes | None] = []
    stream = BlockStream(
        LiveEngine(converter).analyze,
        lambda voice: Listening(decoder, voice.voice, sources),
        voice,
        lambda wave: voice,
        BlockConfig(seconds=0.4, usual_seconds=1.0),
    )
    wave = speech[2 * SAMPLE_RATE : 4 * SAMPLE_RATE]
    joined(list(all_of(stream, wave, 4_800)))
    known = [source for source in sources if source is not None]
    assert len(known) == len(sources)
    told = torch.cat([source.envelope for source in known], 1)[0]
    assert len(told) >= 128
    expected, loud = envelopes(torch.from_numpy(wave)[None], 300)[0], torch.from_numpy(energy(wave) > 0)
    # nothing is told of a silent first block; soft sounds lie at the floor, whose place depends on the level
    likeness = []
    for first in range(0, len(expected) - len(told) + 1, 32):
        part, spoken = expected[first : first + len(told)], loud[first : first + len(told)]
        likeness.append(np.corrcoef(told[spoken].flatten(), part[spoken].flatten())[0, 1])
    assert max(likeness) > 0.99
    if own:
        assert all(source.frames is frames for source in known)
    else:
        # the block itself and what was before it, a second at most
        heard = np.cumsum([source.envelope.shape[1] // 2 for source in known])
        assert [source.frames.mask.shape[1] for source in known] == [*np.minimum(heard, 40)] and heard[-1] == len(
            told
        ) // 2


def test_a_decoder_without_a_source_is_told_nothing(fast: FastDecoder) -> None:
    frames = Reference(torch.randn(1, 3, 512), torch.randn(1, 3, 64), torch.ones(1, 3, dtype=torch.bool))
    assert not FastBlocks(fast, DecoderVoice.single(torch.zeros(128), None, frames)).follows_source
    follower = FastDecoder(FastDecoderConfig(32, 64, 3, condition=16, heads=2, key=8, follows_source=True))
    assert not FastBlocks(follower, DecoderVoice.single(torch.zeros(128))).follows_source
