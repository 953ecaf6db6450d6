"""Kokoro reads a text aloud in many voices: a data set in the ETTS format whose durations are exact."""

import multiprocessing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from nuanced_speech import audio
from nuanced_speech.errors import UserError
from nuanced_speech.kokoro import MAX_PHONEMES, Kokoro
from nuanced_speech.speaker import SpeakerEncoder
from nuanced_speech.style.voices import stock_voices, style_of, voice_pack
from nuanced_speech.text import phonemize
from nuanced_speech.train.corpus import random_style, read_sentences
from nuanced_speech.tts import ljspeech
from nuanced_speech.tts.extract import example
from nuanced_speech.tts.features import save
from nuanced_speech.tts.mel import MEL


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


def speak_dataset(config: SpeakConfig) -> int:
    """Speak what is not there yet, with a progress bar; how many utterances there are then.

    Every utterance depends on the seed and its own number alone, so a run that was interrupted goes on to the same end.

    Raises:
        UserError: the text cannot be read, a voice is unknown, or the folder cannot be made.
    """
    sentences = read_sentences(config.text_file)
    voices = config.voices or tuple(name for name in stock_voices() if name[0] in "ab")
    for voice in voices:
        voice_pack(voice)
    config = replace(config, voices=voices)
    try:
        (config.out / ljspeech.WAVS).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{config.out}: cannot make this folder ({error.strerror})") from error
    wanted = [(config, number, text) for number, text in enumerate(sentences * config.repeats)]
    missing = [work for work in wanted if not _target(config, work[1]).exists()]
    show = partial(tqdm, desc="speaking", total=len(wanted), initial=len(wanted) - len(missing))
    if config.workers == 1:
        for work in show(missing):
            _speak(work)
    elif missing:
        with multiprocessing.get_context("spawn").Pool(config.workers, torch.set_num_threads, (1,)) as pool:
            for _ in show(pool.imap_unordered(_speak, missing)):
                pass
    rows = [
        ljspeech.Row(_target(config, number).stem, text, text)
        for _, number, text in wanted
        if _target(config, number).exists()
    ]
    ljspeech.write(config.out, rows)
    return len(rows)


def _target(config: SpeakConfig, number: int) -> Path:
    return config.out / f"{config.text_file.stem}-{number:05d}.npz"


_models: tuple[Kokoro, SpeakerEncoder] | None = None


@torch.no_grad()
def _speak(work: tuple[SpeakConfig, int, str]) -> None:
    """One utterance, in a worker process that loads its models once; nothing where a sentence is too long."""
    global _models
    config, number, text = work
    _models = _models or (Kokoro(), SpeakerEncoder())
    kokoro, encoder = _models
    rng = np.random.default_rng([config.seed, number])
    phonemes = phonemize(text)
    if len(phonemes) > MAX_PHONEMES:
        return
    ids = kokoro.tokens(phonemes)
    packs = [voice_pack(voice) for voice in config.voices]
    style = random_style(rng, len(ids) - 2, packs) if len(packs) > 1 else style_of(packs[0], len(ids) - 2)
    speech = kokoro(ids[None], style[None], seed=int(rng.integers(1 << 31)))
    wave = audio.resample(speech.audio[0].numpy(), audio.SAMPLE_RATE, MEL.sample_rate)
    path = _target(config, number)
    made = example(wave, ids, speech.prosody.durations[0], encoder, path.stem)
    if made:
        audio.write(ljspeech.wav_path(config.out, path.stem), wave, MEL.sample_rate)
        save(path, made)
