"""The voices that an exported conversion can speak in, as one file of numbers and a list of names."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from nuanced_speech.core.constants import CONTENT_DIM, ENVELOPE_BANDS, OWN_VOICE, SPEAKER_DIM
from nuanced_speech.core.errors import UserError
from nuanced_speech.models.kokoro import Kokoro
from nuanced_speech.models.voice_pitch import pitch_of
from nuanced_speech.voice.stock import stock_voices, style_of
from nuanced_speech.voice.style import Style
from nuanced_speech.voice.voice import Voice

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class VoiceRow:
    """One voice of the table.

    Attributes:
        name: unique.
        mark: what the metadata of its outputs say.
        log_f0: median of its melody, log2 Hz.
        numbers: timbre and speaker embedding float32 ``[128 + 256]``; NaN where there is no embedding.
        frames: content and envelopes of frames of its recordings float32 ``[R, 512 + 64]``; none where it has none.
    """

    name: str
    mark: str
    log_f0: float
    numbers: np.ndarray
    frames: np.ndarray = field(default_factory=lambda: np.zeros((0, CONTENT_DIM + ENVELOPE_BANDS), np.float32))


def voice_table(kokoro: Kokoro, more: Sequence[str] = (), stock: Sequence[str] | None = None) -> list[VoiceRow]:
    """Rows of stock voices, and of further ones.

    Args:
        kokoro: reads a sentence in each voice, for its pitch.
        more: saved voices by name or file, or mixtures.
        stock: names; None for all.

    Raises:
        UserError: an unknown voice, or one that has the name of the recording's own.
    """
    names = [*(stock_voices() if stock is None else stock), *more]
    # all voices are found before the first one reads
    voices = {name: Voice.load(name) for name in names}
    if any(OWN_VOICE in (name, voice.name) for name, voice in voices.items()):
        raise UserError(
            f"voice {OWN_VOICE!r}: an export keeps this name for the recording's own voice; rename the voice"
        )
    for name in (name for name, voice in voices.items() if voice.adaptation is not None):
        log.warning("%s: what this voice changes in the fast decoder is left out of the export", name)
    return [_row(kokoro, name, voice) for name, voice in voices.items()]


def _row(kokoro: Kokoro, name: str, voice: Voice) -> VoiceRow:
    pack = Style.from_vector(voice.pack.to(kokoro.device))
    timbre = style_of(pack).timbre.cpu().numpy()
    speaker = np.full(SPEAKER_DIM, np.nan) if voice.frames is None else voice.frames.speaker.numpy()
    numbers = np.concatenate([timbre, speaker]).astype(np.float32)
    with torch.no_grad():
        row = VoiceRow(voice.name or name, voice.mark, pitch_of(kokoro, pack), numbers)
    if voice.frames is None:
        return row
    frames = torch.cat([voice.frames.content, voice.frames.envelope], -1)
    return replace(row, frames=frames.float().numpy())
