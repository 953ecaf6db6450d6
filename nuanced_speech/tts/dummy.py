"""A made-up data set in the ETTS format, to try a training loop with in a minute.

Each phoneme is a fixed spectrum and a fixed duration, each speaker a tilt of that spectrum: little to learn, but it can
be learned exactly, so a model that cannot is broken.
"""

from pathlib import Path

import numpy as np

from nuanced_speech.core.constants import SPEAKER_DIM
from nuanced_speech.core.errors import UserError
from nuanced_speech.core.symbols import vocabulary
from nuanced_speech.dsp.mel import MEL
from nuanced_speech.tts import features
from nuanced_speech.tts.features import Example, save

PHONEMES = "abdefhiklmnoprstuvwz"
MIN_FRAMES, MAX_FRAMES = 3, 10


def write_dummy(out: Path, utterances: int = 64, speakers: int = 4, seed: int = 0) -> None:
    """Write a data set; the same seed writes the same numbers.

    Raises:
        UserError: fewer than one utterance or speaker, or the folder cannot be made.
    """
    if utterances < 1 or speakers < 1:
        raise UserError("give at least one utterance and one speaker")
    features.begin(out, {"utterances": str(utterances), "speakers": str(speakers), "seed": str(seed)})
    rng = np.random.default_rng(seed)
    tokens = np.array([vocabulary()[p] for p in PHONEMES])
    spectra = rng.normal(-5, 1.5, (len(PHONEMES) + 1, MEL.n_mels))
    spectra[-1] = -11.0
    frames = rng.integers(MIN_FRAMES, MAX_FRAMES, len(PHONEMES) + 1)
    embeddings = np.abs(rng.normal(size=(speakers, SPEAKER_DIM)))
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    tilts = rng.uniform(-1, 1, speakers)[:, None] * np.linspace(-1, 1, MEL.n_mels)
    for number in range(utterances):
        phoneme_numbers = np.concatenate([[-1], rng.integers(len(PHONEMES), size=rng.integers(5, 15)), [-1]])
        speaker = rng.integers(speakers)
        durations = frames[phoneme_numbers]
        mel = np.repeat(spectra[phoneme_numbers], durations, axis=0) + tilts[speaker]
        phonemes = np.where(phoneme_numbers < 0, 0, tokens[phoneme_numbers])
        name = f"dummy-{number:04d}"
        save(out / f"{name}.npz", Example(phonemes, embeddings[speaker], mel, durations, name))
