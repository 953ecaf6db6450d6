"""The profile of a voice: its attributes and its speaker embedding, measured on two English sentences."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import Tensor

from nuanced_speech.core import precision
from nuanced_speech.core.constants import SAMPLE_RATE, SAMPLES_PER_UNIT
from nuanced_speech.models.kokoro import Kokoro
from nuanced_speech.models.speaker_encoder import SpeakerEncoder
from nuanced_speech.text.g2p import phonemize
from nuanced_speech.voice.stock import style_of
from nuanced_speech.voice.style import Style
from nuanced_speech.voicemaking.attributes import SpeechSample, measure, stock_attributes

# The first has no voiceless sound, for the melody; the second has many.
SENTENCES = "We were away a year ago. Now she bakes fresh biscuits for the whole village."


@dataclass(frozen=True)
class VoiceProfile:
    """A measured voice.

    Attributes:
        attributes: ``[9]``, see ``attributes.ATTRIBUTES``.
        embedding: speaker embedding ``[256]``; zeros where the voice is silent.
        sample: the speech that was measured.
    """

    attributes: np.ndarray
    embedding: np.ndarray
    sample: SpeechSample


def measure_profile(
    kokoro: Kokoro,
    encoder: SpeakerEncoder,
    pack: Tensor,
    british: bool = False,
    seed: int = 0,
    sentences: str = SENTENCES,
) -> VoiceProfile:
    """Speak English sentences in a voice and measure them.

    Args:
        kokoro: synthesizer.
        encoder: speaker encoder.
        pack: the voice, ``[rows, 256]``.
        british: pronounce the sentences in British English.
        seed: random seed of the synthesizer's noise.
        sentences: text to speak.
    """
    sample = speak(kokoro, pack, sentence_phonemes(british, sentences), seed)
    embedding = encoder.embed(sample.audio, SAMPLE_RATE)
    # zeros are equally far from every voice
    embedding = np.zeros(encoder.linear.out_features, np.float32) if embedding is None else embedding
    attributes = stock_attributes(precision.name_of(precision.fast_dtype(kokoro.device))).complete(
        measure(sample)[None], embedding[None]
    )[0]
    return VoiceProfile(attributes, embedding, sample)


@cache
def sentence_phonemes(british: bool = False, sentences: str = SENTENCES) -> str:
    """Phonemes of the sentences in American pronunciation, as the stock voices were measured, or in British."""
    return phonemize(sentences, british=british)


@torch.no_grad()
def speak(kokoro: Kokoro, pack: Tensor, phonemes: str, seed: int = 0, dtype: torch.dtype | None = None) -> SpeechSample:
    """A phoneme string in a voice ``[rows, 256]``; takes about half its duration on one core.

    ``dtype`` is the precision of the decoder, by default the faster one.

    Raises:
        UserError: as ``Kokoro.tokens``.
    """
    ids = kokoro.tokens(phonemes)[None]
    style = Style.from_vector(style_of(pack, ids.shape[1] - 2)[None].to(kokoro.device))
    content, prosody = kokoro.content_and_prosody(ids, style.vector)
    with precision.autocast(kokoro.device, dtype):
        wave = kokoro.decode(content, prosody.f0, prosody.energy, style.decoder, seed=seed)
    f0, energy, durations = (x[0].float().cpu().numpy() for x in (prosody.f0, prosody.energy, prosody.durations))
    seconds = durations[1:-1] * (SAMPLES_PER_UNIT / SAMPLE_RATE)
    sounds = np.array([is_sound(p) for p in phonemes if p in kokoro.vocab])
    return SpeechSample(wave[0].float().cpu().numpy(), f0, energy, float(sounds.sum() / seconds[sounds].sum()))


def is_sound(phoneme: str) -> bool:
    """Whether a symbol is a sound, and not a pause, a stress mark or a length mark."""
    return phoneme.isalpha() and phoneme not in "ˈˌːʰʲ"
