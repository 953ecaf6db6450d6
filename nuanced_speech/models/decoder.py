"""The last step of every chain, from content, F0, energy and a voice to sound: by Kokoro's decoder, or the fast one."""

from pathlib import Path
from typing import Protocol

from torch import Tensor

from nuanced_speech.models.bank import ModelBank
from nuanced_speech.models.decoder_voice import DecoderVoice, SourceEnvelopes
from nuanced_speech.models.fast_decoder import FastDecoder

KOKORO, FAST = "kokoro", "fast"
"""Names of Kokoro's own decoder, and of the fast one whose weights are packaged."""


class Decoder(Protocol):
    """Makes sound. Threads may share it."""

    @property
    def digest(self) -> str:
        """What it is known by: ``kokoro``, or a sum of its weights."""
        ...

    @property
    def drops_octaves(self) -> bool:
        """Whether its voice may fall an octave below the F0 that it is given, so that the result is checked for it."""
        ...

    @property
    def uses_recordings(self) -> bool:
        """Whether it takes a voice's speaker embedding and reference frames, not its timbre alone."""
        ...

    @property
    def follows_source(self) -> bool:
        """Whether it takes the envelopes of the recording that is converted, for a voice with reference frames."""
        ...

    def __call__(
        self,
        content: Tensor,
        f0: Tensor,
        energy: Tensor,
        voice: DecoderVoice,
        seed: int = 0,
        source: SourceEnvelopes | None = None,
    ) -> Tensor:
        """Waveform ``[B, 600 * T]`` at 24 kHz.

        Args:
            content: ``[B, 512, T]`` at 40 Hz.
            f0: Hz ``[B, 2T]``, about 0 where unvoiced.
            energy: N ``[B, 2T]``.
            voice: whose voice to speak in.
            seed: of noise and phases.
            source: what the recording that is converted sounds like, for decoders that follow it.
        """
        ...


class KokoroDecoder:
    """Kokoro's own decoder, which takes the timbre alone, with its extension.

    Args:
        models: bank with the synthesizer, which is loaded when it is first needed.
    """

    digest, drops_octaves, uses_recordings, follows_source = KOKORO, True, False, False

    def __init__(self, models: ModelBank) -> None:
        self.models = models

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
        return self.models.kokoro.decode(content, f0, energy, voice.timbre, seed=seed)


def load_decoder(decoder: str | Path, models: ModelBank) -> Decoder:
    """The decoder of a name or of a file.

    Args:
        decoder: ``kokoro``; ``fast``, the packaged one; or the ``.safetensors`` file of another fast decoder
            (``nuanced-speech train decoder``).
        models: bank with the synthesizer.

    Raises:
        UserError: no such file, or not a fast decoder.
    """
    if str(decoder) == KOKORO:
        return KokoroDecoder(models)
    return models.fast_decoder if str(decoder) == FAST else FastDecoder.load(Path(decoder)).to(models.device)
