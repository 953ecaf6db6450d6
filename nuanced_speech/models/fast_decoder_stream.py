"""The fast decoder in pieces: each call makes the sound that its input determines, and carries on where the last ended.

All pieces together are what the decoder makes of the whole, to within rounding errors.
"""

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from nuanced_speech.core.constants import CONTENT_DIM, HOP_LENGTH, VOICED_HZ
from nuanced_speech.dsp.harmonic_synthesis import (
    EDGE,
    PulseState,
    SourceSpectra,
    noise_spectra,
    overlap_add,
    pulse_piece,
    pulse_start,
    spectra,
)
from nuanced_speech.models.decoder_voice import DecoderVoice, SourceEnvelopes
from nuanced_speech.models.fast_decoder import Block, FastDecoder, spectrum


@dataclass(frozen=True)
class StreamState:
    """Where a stream has come to, for one voice.

    Attributes:
        given: frames that each block was given.
        blocks: the last frames before each block, as many as its convolution looks back and ahead.
        energy: of the frames whose gains are not known yet ``[1, D]``.
        base: log gains of these from the reference ``[1, D, 601]``; None without one.
        pulse: state of the pulse train.
        pulses: of the frames whose spectra are not known yet, and half a window before them.
        done: frames whose sound was added up.
        tail: sound that further frames add to ``[1, 900]``.
    """

    given: tuple[int, ...]
    blocks: tuple[Tensor, ...]
    energy: Tensor
    base: Tensor | None
    pulse: PulseState
    pulses: Tensor
    done: int
    tail: Tensor


class FastDecoderStream:
    """Decodes a stream in one voice.

    Args:
        decoder: network.
        voice: a single one.
        seed: of the noise.

    Raises:
        UserError: the voice is adapted, to another decoder.
    """

    def __init__(self, decoder: FastDecoder, voice: DecoderVoice, seed: int = 0) -> None:
        self.decoder, self.voice = decoder.adapted(voice)
        self.seed = seed
        with torch.no_grad():
            self.condition = self.decoder.condition(self.voice)

    @property
    def _blocks(self) -> list[Block]:
        return [block for block in self.decoder.blocks if isinstance(block, Block)]

    def start(self) -> StreamState:
        """The state before the first piece."""
        config, device = self.decoder.config, self.condition.device
        past = tuple(torch.zeros(1, config.width, config.kernel_size - 1, device=device) for _ in self._blocks)
        nothing, edge = torch.zeros(1, 0, device=device), torch.zeros(1, EDGE, device=device)
        return StreamState((0,) * len(past), past, nothing, None, pulse_start(1, device), edge, 0, nothing)

    @torch.no_grad()
    def __call__(
        self, state: StreamState, content: Tensor, f0: Tensor, energy: Tensor, source: SourceEnvelopes | None = None
    ) -> tuple[StreamState, Tensor]:
        """The next piece: ``content [1, 512, T]``, ``f0`` and ``energy [1, 2T]``, and the recording's envelopes; T may
        be different each time.

        Returns:
            the state after it, and the sound that is determined now ``[samples]``.
        """
        return self._piece(state, content, f0, energy, source, last=False)

    @torch.no_grad()
    def finish(self, state: StreamState) -> Tensor:
        """The rest of the sound ``[samples]``."""
        content, nothing = (torch.zeros(size, device=self.condition.device) for size in ((1, CONTENT_DIM, 0), (1, 0)))
        return self._piece(state, content, nothing, nothing, None, last=True)[1]

    def _piece(
        self,
        state: StreamState,
        content: Tensor,
        f0: Tensor,
        energy: Tensor,
        source: SourceEnvelopes | None,
        last: bool,
    ) -> tuple[StreamState, Tensor]:
        x, base = self.decoder.embed(content, f0, energy, self.voice, source)
        x, given, past = self._through_blocks(state, x.transpose(1, 2), last)
        energy = torch.cat([state.energy, energy], 1)
        if base is not None and state.base is not None:
            base = torch.cat([state.base, base], 1)
        pulse, made = pulse_piece(state.pulse, torch.where(f0 > VOICED_HZ, f0, 0.0), last)
        pulses = torch.cat([state.pulses, made, made.new_zeros(1, EDGE if last else 0)], 1)

        # frames that have both gains and pulses
        ready = min(x.shape[-1], max((pulses.shape[1] - 2 * EDGE) // HOP_LENGTH, 0))
        waiting = replace(
            state,
            given=given,
            blocks=past,
            energy=energy[:, ready:],
            base=None if base is None else base[:, ready:],
            pulse=pulse,
            pulses=pulses[:, ready * HOP_LENGTH :],
            done=state.done + ready,
        )
        if not ready:
            return waiting, made.new_zeros(0)
        gains = self.decoder.heads(
            x.transpose(1, 2)[:, :ready], None if base is None else base[:, :ready], energy[:, :ready], self.condition
        )
        sources = SourceSpectra(
            spectra(pulses[:, : ready * HOP_LENGTH + 2 * EDGE]),
            noise_spectra(state.done, ready, self.seed, x.device),
        )
        wave = overlap_add(*spectrum(gains, sources))
        wave[:, : state.tail.shape[1]] += state.tail
        # what lies before the first frame's own samples belongs to no one
        end = wave.shape[1] - (EDGE if last else 2 * EDGE)
        begin = min(max(EDGE - state.done * HOP_LENGTH, 0), end)
        return replace(waiting, tail=wave[:, end:]), wave[0, begin:end]

    def _through_blocks(
        self, state: StreamState, x: Tensor, last: bool
    ) -> tuple[Tensor, tuple[int, ...], tuple[Tensor, ...]]:
        """Frames ``[1, C, F]`` through the blocks, each of which gives frames as far as it may look ahead."""
        counts, past = [], []
        for block, given, before in zip(self._blocks, state.given, state.blocks, strict=True):
            counts.append(given + x.shape[-1])
            if last:
                x = F.pad(x, (0, block.padding[1]))
            joined = torch.cat([before, x], -1)
            past.append(joined[..., x.shape[-1] :])
            # frames before the first, which a whole recording does not have either
            early = max(block.padding[1] - given, 0)
            x = block.inner(joined, self.condition)[..., early:] if x.shape[-1] else x
        return x, tuple(counts), tuple(past)
