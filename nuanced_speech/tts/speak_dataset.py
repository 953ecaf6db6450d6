"""Kokoro reads a text aloud in many voices: a data set in the ETTS format whose durations are exact."""

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from nuanced_speech import audio
from nuanced_speech.audio.limiter import limit
from nuanced_speech.core.constants import MAX_PHONEMES
from nuanced_speech.core.errors import UserError
from nuanced_speech.core.progress import Progress
from nuanced_speech.dsp.mel import MEL
from nuanced_speech.models.kokoro import Kokoro
from nuanced_speech.models.speaker_encoder import SpeakerEncoder
from nuanced_speech.text.g2p import phonemize
from nuanced_speech.train.corpus import random_style, read_sentences
from nuanced_speech.tts import features, ljspeech
from nuanced_speech.tts.extract import example
from nuanced_speech.tts.workers import parallel
from nuanced_speech.voice.stock import stock_voices, style_of, voice_pack

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SpeakConfig:
    """What to read, and in which voices.

    Attributes:
        text_file: one sentence a line.
        out: folder for ``ID.npz``, and for ``wavs/ID.wav`` and ``metadata.csv`` as LJSpeech has them.
        voices: stock voices or voice pack files; several are mixed at random too, and their timbres and prosodies
            crossed. All English stock voices when empty.
        repeats: how often the text is read.
        seed: of the voices.
        workers: processes, one core each.
    """

    text_file: Path
    out: Path
    voices: tuple[str, ...] = ()
    repeats: int = 1
    seed: int = 0
    workers: int = 2


def speak_dataset(config: SpeakConfig, progress: Progress = lambda share: None) -> int:
    """Speak what is not there yet; returns how many utterances there are then.

    Every utterance depends on the seed and its own number alone, so a run that was interrupted goes on to the same end.

    Raises:
        UserError: the text cannot be read, a voice is unknown, or the folder cannot be made.
    """
    sentences = read_sentences(config.text_file)
    voices = config.voices or tuple(name for name in stock_voices() if name[0] in "ab")
    for voice in voices:
        voice_pack(voice)
    settings = {
        "text": hashlib.sha256("\n".join(sentences).encode()).hexdigest()[:16],
        "voices": ",".join(voices),
        "seed": str(config.seed),
    }
    features.begin(config.out, settings)
    (config.out / ljspeech.WAVS).mkdir(exist_ok=True)
    jobs = list(enumerate(sentences * config.repeats))
    missing = [job for job in jobs if not _target(config, job[0]).exists()]
    for _ in parallel(
        UtteranceSpeaker, replace(config, voices=voices), missing, [1.0] * len(missing), config.workers, progress
    ):
        pass
    rows = [
        ljspeech.Row(_target(config, number).stem, text, text)
        for number, text in jobs
        if _target(config, number).exists()
    ]
    ljspeech.write(config.out, rows)
    return len(rows)


def _target(config: SpeakConfig, number: int) -> Path:
    return config.out / f"{config.text_file.stem}-{number:05d}.npz"


class UtteranceSpeaker:
    """Speaks one utterance after the other; nothing where a line cannot be spoken or is too long."""

    def __init__(self, config: SpeakConfig) -> None:
        self.config = config
        self.kokoro, self.encoder = Kokoro(), SpeakerEncoder()
        self.packs = [voice_pack(voice) for voice in config.voices]

    @torch.no_grad()
    def __call__(self, job: tuple[int, str], _: Callable[[float], None]) -> None:
        number, text = job
        rng = np.random.default_rng([self.config.seed, number])
        try:
            phonemes = phonemize(text)
        except UserError as error:
            log.warning("left out: %s", error)
            return
        if len(phonemes) > MAX_PHONEMES:
            log.warning("left out: %d phonemes, more than %d, in %r", len(phonemes), MAX_PHONEMES, text[:60])
            return
        ids = self.kokoro.tokens(phonemes)
        several = len(self.packs) > 1
        style = random_style(rng, len(ids) - 2, self.packs) if several else style_of(self.packs[0], len(ids) - 2)
        speech = self.kokoro(ids[None], style[None], seed=int(rng.integers(1 << 31)))
        wave = limit(audio.resample(speech.audio[0].numpy(), audio.SAMPLE_RATE, MEL.sample_rate), MEL.sample_rate)
        path = _target(self.config, number)
        made = example(wave, ids, speech.prosody.durations[0], self.encoder, path.stem)
        if made:
            audio.write(ljspeech.wav_path(self.config.out, path.stem), wave, MEL.sample_rate)
            features.save(path, made)
