"""What a benchmark compares: ways from a recording to the same words in a voice, this project's and others'."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from nuanced_speech import audio
from nuanced_speech.adapt.refinement import SYNTHESES_PER_STEP
from nuanced_speech.convert.converter import Converter
from nuanced_speech.dsp.f0 import f0
from nuanced_speech.dsp.pitch import median_log_f0
from nuanced_speech.evaluate import metrics, report
from nuanced_speech.models.kokoro import Kokoro
from nuanced_speech.synthesis.resynthesizer import PITCH_SENTENCE
from nuanced_speech.text.g2p import phoneme_chunks
from nuanced_speech.voice.stock import stock_voices, style_of, voice_pack

# Long enough for a speaker embedding, and said in any voice.
STOCK_SENTENCE = (
    "The north wind and the sun were arguing one day which of them was stronger, when a traveller came along."
)


@dataclass
class Job:
    """One conversion: ``source [T]`` at 24 kHz, in its own voice or that of ``reference [T]``, read from its path.

    ``language`` is the source's, None where Whisper shall find it; ``refine`` the steps of systems that refine, and
    ``more`` the other recordings of the wanted voice that they are given.
    """

    source: np.ndarray
    reference: np.ndarray | None = None
    reference_path: Path | None = None
    language: str | None = None
    refine: int = 15
    more: tuple[Path, ...] = ()


@dataclass
class Models:
    """What the systems share; ``recipe`` is a converter with the encoder of ``train_v2_multispeech.py``."""

    converter: Converter
    recipe: Converter | None = None
    _stock: dict[str, np.ndarray | None] = field(default_factory=dict)

    def nearest_stock_voice(self, wave: np.ndarray) -> str:
        """The English stock voice whose speech is most like ``wave [T]`` at 24 kHz to Resemblyzer."""
        names = [name for name in stock_voices() if name[0] in "ab"]
        if not self._stock:
            for name in names:
                spoken = say(self.converter.kokoro, STOCK_SENTENCE, "en", name)
                self._stock[name] = metrics.speaker_embedding(spoken, audio.SAMPLE_RATE)
        wanted = metrics.speaker_embedding(wave, audio.SAMPLE_RATE)
        return max(names, key=lambda name: metrics.cosine(self._stock[name], wanted))


Spoken = tuple[np.ndarray, float]
"""``[T]`` at 24 kHz, and how many seconds it took with the models in memory."""


@torch.no_grad()
def say(kokoro: Kokoro, text: str, language: str, voice: str | Tensor) -> np.ndarray:
    """Plain text to speech ``[T]`` at 24 kHz with a voice, by its name or its pack ``[510, 256]``.

    As a plain chain does it: as much text in one go as Kokoro takes, with the pauses that it makes itself. A single
    sentence is the same as from ``synthesis.speak``, but for the silence around it.
    """
    pack, waves = voice_pack(voice) if isinstance(voice, str) else voice, []
    for phonemes in phoneme_chunks(text, language):
        ids = kokoro.tokens(phonemes)[None]
        waves.append(kokoro(ids, style_of(pack, ids.shape[1] - 2)[None]).audio[0].numpy())
    return np.concatenate(waves)


def _ours(path: str, refined: bool = False) -> Callable[[Models, Job], Spoken]:
    def convert(models: Models, job: Job) -> Spoken:
        return _converted(models.converter, job, path, job.refine if refined else 0)

    return convert


def _recipe(models: Models, job: Job) -> Spoken:
    assert models.recipe is not None
    return _converted(models.recipe, job, "text")


def _converted(converter: Converter, job: Job, path: str, refine: int = 0) -> Spoken:
    converter.load(path)
    started = time.perf_counter()
    done = converter.convert(
        job.source,
        job.reference_path,
        path=path,
        language=job.language,
        refine=refine,
        more=job.more if refine else (),
    )
    return done.audio, time.perf_counter() - started


def _plain(models: Models, job: Job) -> Spoken:
    models.converter.load("text")
    voice = models.nearest_stock_voice(job.source if job.reference is None else job.reference)
    started = time.perf_counter()
    heard = report.hear(models.converter.transcriber, job.source, job.language)
    return say(models.converter.kokoro, heard.text, heard.language, voice), time.perf_counter() - started


@torch.no_grad()
def random_walk(kokoro: Kokoro, start: Tensor, wanted: np.ndarray, sentences: int) -> Tensor:
    """A pack ``[510, 256]`` whose speech is more like a voice than that of ``start``, after KVoiceWalk
    (https://github.com/RobViren/kvoicewalk), with the cosine alone as score.

    Steps in random directions, as wide as the stock voices differ; one that brings a spoken sentence nearer to the
    ``wanted`` embedding ``[256]`` is kept. All rows move alike. The embedding is Resemblyzer's, which judges the
    likeness of all systems too, and so flatters this one most.

    Args:
        sentences: how many are spoken, the first in the voice to start from.
    """
    spread = torch.stack([pack for name, pack in stock_voices().items() if name[0] in "ab"]).std(0)

    def likeness(pack: Tensor) -> float:
        spoken = say(kokoro, PITCH_SENTENCE, "en", pack)
        return metrics.cosine(metrics.speaker_embedding(spoken, audio.SAMPLE_RATE), wanted)

    rng, found, best = np.random.default_rng(0), start, likeness(start)
    for _ in range(sentences - 1):
        direction = torch.from_numpy(rng.standard_normal(spread.shape[-1])).float()
        stepped = found + float(rng.uniform(0.05, 0.3)) * direction * spread
        if (likely := likeness(stepped)) > best:
            found, best = stepped, likely
    return found


def _random_walk(models: Models, job: Job) -> Spoken:
    """The plain chain in a voice that a random walk from the nearest stock voice found, of as many sentences as
    refinement by likeness synthesizes."""
    models.converter.load("text")
    wave, kokoro = job.source if job.reference is None else job.reference, models.converter.kokoro
    start = voice_pack(models.nearest_stock_voice(wave))
    started = time.perf_counter()
    wanted = metrics.speaker_embedding(wave, audio.SAMPLE_RATE)
    found = start if wanted is None else random_walk(kokoro, start, wanted, job.refine * SYNTHESES_PER_STEP)
    heard = report.hear(models.converter.transcriber, job.source, job.language)
    return say(kokoro, heard.text, heard.language, found), time.perf_counter() - started


def _world(_models: Models, job: Job) -> Spoken:
    """Analysis and synthesis by WORLD (Morise et al. 2016).

    For another voice F0 is moved to its median, and the spectral envelope stretched by a third of that interval, about
    what vocal tracts differ by between such voices.
    """
    import pyworld

    started = time.perf_counter()
    source, rate = job.source.astype(np.float64), audio.SAMPLE_RATE
    curve, times = pyworld.harvest(source, rate, frame_period=5.0)
    curve = pyworld.stonemask(source, curve, times, rate)
    envelope = pyworld.cheaptrick(source, curve, times, rate)
    noise = pyworld.d4c(source, curve, times, rate)
    if job.reference is not None:
        octaves = median_log_f0(f0(job.reference, rate)) - median_log_f0(f0(job.source, rate))
        octaves = 0.0 if np.isnan(octaves) else octaves
        bins = np.arange(envelope.shape[1]) / 2 ** (octaves / 3)
        envelope = np.stack([np.interp(bins, np.arange(len(row)), row) for row in envelope])
        curve = curve * 2**octaves
    spoken = pyworld.synthesize(curve, envelope, noise, rate, frame_period=5.0)
    return spoken[: len(source)].astype(np.float32), time.perf_counter() - started


def _recording(_models: Models, job: Job) -> Spoken:
    """The source itself: the ceiling."""
    return job.source, 0.0


SYSTEMS: dict[str, Callable[[Models, Job], Spoken]] = {
    "direct": _ours("direct"),
    "text": _ours("text"),
    "direct-refined": _ours("direct", refined=True),
    "text-refined": _ours("text", refined=True),
    "recipe": _recipe,
    "plain": _plain,
    "random-walk": _random_walk,
    "world": _world,
    "recording": _recording,
}
