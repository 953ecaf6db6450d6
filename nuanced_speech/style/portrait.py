"""What a voice is measured by: one English sentence or two, spoken with it, the same for every voice."""

from functools import cache

import numpy as np
import torch
from torch import Tensor

from nuanced_speech.kokoro import TIMBRE_DIM, Kokoro, spread
from nuanced_speech.style.voices import style_of
from nuanced_speech.text import phonemize

# First a sentence without a voiceless sound, for the melody, then one with many.
SENTENCES = "We were away a year ago. Now she bakes fresh biscuits for the whole village."


@cache
def sentence_phonemes() -> str:
    """The sentences in American pronunciation, which all voices are measured with."""
    return phonemize(SENTENCES)


@torch.no_grad()
def speak_phonemes(kokoro: Kokoro, pack: Tensor, phonemes: str, seed: int = 0) -> np.ndarray:
    """A phoneme string in a voice: ``pack [rows, 256]`` to a waveform ``[T]`` at 24 kHz, about 2.5 s of work for 5 s.

    Raises:
        UserError: as ``Kokoro.tokens``.
    """
    ids = kokoro.tokens(phonemes)[None]
    style = style_of(pack, ids.shape[1] - 2)[None].to(kokoro.device)
    encoded = kokoro.encode_text(ids)
    prosody = kokoro.predict(encoded, style)
    content = spread(encoded.content, prosody.durations)
    with torch.autocast(kokoro.device.type, torch.bfloat16):
        wave = kokoro.decode(content, prosody.f0, prosody.energy, style[:, :TIMBRE_DIM], seed=seed)
    return wave[0].float().cpu().numpy()
