"""A decoder that makes the sound of several threads' segments at once, of about the same length and bounded in memory.

Kokoro's decoder takes statistics over each item's own length, and the fast decoder's frames beyond an item's end are
set to zero before each block, so an item of a batch is what it is alone, but for the order of sums.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from nuanced_speech.core import precision
from nuanced_speech.core.batching import Gathered, batches
from nuanced_speech.core.constants import FRAMES_PER_UNIT, UNITS_PER_SECOND
from nuanced_speech.models.decoder import Decoder, KokoroDecoder
from nuanced_speech.models.decoder_voice import DecoderVoice, Reference, SourceEnvelopes
from nuanced_speech.models.fast_decoder import FastDecoder, Gains, blocks_dtype, sound
from nuanced_speech.models.kokoro_layers import length_mask

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Call:
    """One segment: arguments of a decoder with a batch of one, and the number format around the call."""

    content: Tensor
    f0: Tensor
    energy: Tensor
    voice: DecoderVoice
    seed: int
    dtype: torch.dtype
    source: SourceEnvelopes | None = None

    @property
    def units(self) -> int:
        """Length, in units of 25 ms."""
        return self.content.shape[-1]

    @property
    def kind(self) -> tuple[Any, ...]:
        """What the calls of a batch have in common."""
        given = self.voice.reference is None, self.source is None
        return self.seed, self.dtype, self.content.device, self.voice.timbre.shape[-1], *given


class BatchedDecoder:
    """A decoder for threads, which is asked for the segments of all that wait at once.

    In float32, the sound of a segment is that of the decoder alone within 1e-4 of full scale, and in bfloat16 within
    0.2 dB of log-mel distance; it is the same to the last bit where no other thread waits. Calls with gradients and
    voices that are adapted to a decoder are not joined.

    Args:
        decoder: makes the sound.
        seconds: longest sound of a batch, with its padding.
    """

    def __init__(self, decoder: Decoder, seconds: float) -> None:
        self.decoder, self.units = decoder, round(seconds * UNITS_PER_SECOND)
        self.digest, self.drops_octaves, self.uses_recordings = (
            decoder.digest, decoder.drops_octaves, decoder.uses_recordings,
        )  # fmt: skip
        self.follows_source = decoder.follows_source
        self._gathered = Gathered(self._all)

    def __call__(
        self,
        content: Tensor,
        f0: Tensor,
        energy: Tensor,
        voice: DecoderVoice,
        seed: int = 0,
        source: SourceEnvelopes | None = None,
    ) -> Tensor:
        """As ``Decoder``."""
        frames = content.shape[-1] * FRAMES_PER_UNIT
        whole = len(content) == 1 and f0.shape[-1] == energy.shape[-1] == frames
        if source is not None:
            whole = whole and source.envelope.shape[:2] == (1, frames)
        if torch.is_grad_enabled() or voice.adaptation is not None or not whole:
            return self.decoder(content, f0, energy, voice, seed=seed, source=source)
        kind = content.device.type
        dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else torch.float32
        followed = source if self.follows_source and voice.reference is not None else None
        wave = self._gathered(_Call(content, f0, energy, voice, seed, dtype, followed))
        if isinstance(wave, Exception):
            raise wave
        return wave

    @torch.no_grad()
    def _all(self, calls: list[_Call]) -> list[Tensor | Exception]:
        """The sound ``[1, 600 * T]`` of each call, or what is wrong with it."""
        made: dict[int, Tensor | Exception] = {}
        for kind in dict.fromkeys(call.kind for call in calls):
            numbers = [number for number, call in enumerate(calls) if call.kind == kind]
            for group in batches([calls[number].units for number in numbers], self.units):
                chosen = [numbers[k] for k in group]
                made |= zip(chosen, self._made([calls[number] for number in chosen]), strict=True)
        return [made[number] for number in range(len(calls))]

    def _made(self, calls: list[_Call]) -> Sequence[Tensor | Exception]:
        """The same for calls of one kind that are a batch."""
        first = calls[0]
        with precision.autocast(first.content.device, first.dtype):
            try:
                if len(calls) > 1:
                    return self._batch(calls)
                arguments = first.content, first.f0, first.energy, first.voice
                return [self.decoder(*arguments, seed=first.seed, source=first.source)]
            except Exception as error:
                if len(calls) == 1:
                    return [error]
                log.debug("a batch of %d failed: %s", len(calls), str(error))
        # too much for the memory, say: each is tried alone, out of reach of the error, which holds what the batch took
        if first.content.device.type == "cuda":
            torch.cuda.empty_cache()
        return [self._made([call])[0] for call in calls]

    def _batch(self, calls: list[_Call]) -> Sequence[Tensor]:
        units = torch.tensor([call.units for call in calls], device=calls[0].content.device)
        content = pad_sequence([call.content[0].T for call in calls], batch_first=True).transpose(1, 2)
        f0 = pad_sequence([call.f0[0] for call in calls], batch_first=True)
        energy = pad_sequence([call.energy[0] for call in calls], batch_first=True)
        if isinstance(self.decoder, KokoroDecoder):
            timbre = torch.cat([call.voice.timbre for call in calls])
            waves = self.decoder.models.kokoro.decode(content, f0, energy, timbre, units, calls[0].seed)
            length = waves.shape[-1] // content.shape[-1]
            return [wave[None, : call.units * length] for wave, call in zip(waves, calls, strict=True)]
        if isinstance(self.decoder, FastDecoder):
            return _fast_sounds(self.decoder, content, f0, energy, calls, units)
        raise TypeError(f"{type(self.decoder).__name__} takes no batches of different lengths")


def single(decoder: Decoder) -> Decoder:
    """A decoder that answers each call by itself: the one inside of one for batches, any other as it is."""
    return decoder.decoder if isinstance(decoder, BatchedDecoder) else decoder


def batched(decoder: Decoder, seconds: float) -> Decoder:
    """A decoder that makes batches of so many seconds; as it is for 0."""
    if not seconds:
        return decoder
    made: Decoder = BatchedDecoder(single(decoder), seconds)
    return made


def _voices(calls: Sequence[_Call]) -> DecoderVoice:
    """The voices of calls as one batch, references padded to the longest."""
    parts = [call.voice for call in calls]
    timbre, speaker = torch.cat([part.timbre for part in parts]), torch.cat([part.speaker for part in parts])
    references = [part.reference for part in parts if part.reference is not None]
    return DecoderVoice(timbre, speaker, _padded(references) if references else None)


def _sources(calls: Sequence[_Call]) -> SourceEnvelopes | None:
    """The sources of calls as one batch, envelopes padded with zeros; None without any."""
    parts = [call.source for call in calls if call.source is not None]
    if not parts:
        return None
    envelope = pad_sequence([part.envelope[0] for part in parts], batch_first=True)
    return SourceEnvelopes(envelope, _padded([part.frames for part in parts]))


def _padded(references: Sequence[Reference]) -> Reference:
    """References as one batch, padded to the longest with frames that do not count."""
    columns = zip(*((r.content[0], r.envelope[0], r.mask[0]) for r in references), strict=True)
    return Reference(*(pad_sequence(list(column), batch_first=True) for column in columns))


def _fast_sounds(
    decoder: FastDecoder, content: Tensor, f0: Tensor, energy: Tensor, calls: Sequence[_Call], units: Tensor
) -> list[Tensor]:
    """Waveforms ``[1, 600 * T]`` of calls of different lengths by the fast decoder; curves and content are padded."""
    voice, seed = _voices(calls), calls[0].seed
    with precision.autocast(content.device, torch.float32):
        mask = length_mask(units * FRAMES_PER_UNIT, f0.shape[-1])[:, None]
        condition = decoder.condition(voice)
        x, base = decoder.embed(content, f0, energy, voice, _sources(calls))
        x = decoder.through(x.transpose(1, 2) * mask, condition, blocks_dtype(content), mask)
        gains = decoder.heads(x.transpose(1, 2), base, energy, condition)
        waves = []
        for k, frames in enumerate((units * FRAMES_PER_UNIT).tolist()):
            # its pulses and their phase end with the item
            own = Gains(*(value[k : k + 1, :frames] for value in vars(gains).values()))
            waves.append(sound(own, f0[k : k + 1, :frames], seed))
    return waves
