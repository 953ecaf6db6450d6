"""What a voice is measured by: two English sentences, the same for every voice."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import Tensor

from nuanced_speech.core import precision
from nuanced_speech.core.constants import SAMPLE_RATE, SAMPLES_PER_UNIT, TIMBRE_DIM
from nuanced_speech.models.kokoro import Kokoro, spread
from nuanced_speech.models.speaker_encoder import SpeakerEncoder
from nuanced_speech.text.g2p import phonemize
from nuanced_speech.voice.stock import style_of
from nuanced_speech.voicemaking.attributes import Spoken, measure, stock_attributes

# First one without a voiceless sound, for the melody, then one with many.
SENTENCES = "We were away a year ago. Now she bakes fresh biscuits for the whole village."


@dataclass
class Portrait:
    """Attributes ``[9]`` of a voice, the speaker embedding ``[256]`` of what it said, and that."""

    attributes: np.ndarray
    embedding: np.ndarray
    spoken: Spoken


def portrait(kokoro: Kokoro, encoder: SpeakerEncoder, pack: Tensor, british: bool = False, seed: int = 0) -> Portrait:
    """Let a voice ``[rows, 256]`` say the sentences and measure it."""
    spoken = speak(kokoro, pack, sentence_phonemes(british), seed)
    embedding = encoder.embed(spoken.audio, SAMPLE_RATE)
    # a voice that cannot be heard is far from every other
    embedding = np.zeros(encoder.linear.out_features, np.float32) if embedding is None else embedding
    attributes = stock_attributes(precision.name_of(precision.fast_dtype(kokoro.device))).complete(
        measure(spoken)[None], embedding[None]
    )[0]
    return Portrait(attributes, embedding, spoken)


@cache
def sentence_phonemes(british: bool = False) -> str:
    """The sentences in American pronunciation, which the stock voices are measured with, or in British."""
    return phonemize(SENTENCES, british=british)


@torch.no_grad()
def speak(kokoro: Kokoro, pack: Tensor, phonemes: str, seed: int = 0, dtype: torch.dtype | None = None) -> Spoken:
    """A phoneme string in a voice ``[rows, 256]``; on one core about half as long as it lasts.

    ``dtype`` is the precision of the decoder, by default the faster one.

    Raises:
        UserError: as ``Kokoro.tokens``.
    """
    ids = kokoro.tokens(phonemes)[None]
    style = style_of(pack, ids.shape[1] - 2)[None].to(kokoro.device)
    encoded = kokoro.encode_text(ids)
    prosody = kokoro.predict(encoded, style)
    content = spread(encoded.content, prosody.durations)
    with precision.autocast(kokoro.device, dtype):
        wave = kokoro.decode(content, prosody.f0, prosody.energy, style[:, :TIMBRE_DIM], seed=seed)
    f0, energy, durations = (x[0].float().cpu().numpy() for x in (prosody.f0, prosody.energy, prosody.durations))
    seconds = durations[1:-1] * (SAMPLES_PER_UNIT / SAMPLE_RATE)
    sounds = np.array([is_sound(p) for p in phonemes if p in kokoro.vocab])
    return Spoken(wave[0].float().cpu().numpy(), f0, energy, float(sounds.sum() / seconds[sounds].sum()))


def is_sound(phoneme: str) -> bool:
    """Whether a symbol is a sound, not a pause, a stress or a length."""
    return phoneme.isalpha() and phoneme not in "ˈˌːʰʲ"
