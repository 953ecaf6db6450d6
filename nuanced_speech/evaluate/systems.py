"""Systems that a benchmark compares: each makes speech with the words of a recording, in its own voice or another."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from nuanced_speech import audio
from nuanced_speech.convert.converter import Converter
from nuanced_speech.dsp.f0 import f0
from nuanced_speech.dsp.pitch import median_log_f0
from nuanced_speech.evaluate import metrics, report
from nuanced_speech.models.bank import ModelBank
from nuanced_speech.models.kokoro import Kokoro
from nuanced_speech.models.voice_pitch import PITCH_SENTENCE
from nuanced_speech.text.g2p import phoneme_chunks
from nuanced_speech.voice.stock import stock_voices, style_of, voice_pack

# Sentence that every stock voice speaks for its speaker embedding.
STOCK_SENTENCE = (
    "The north wind and the sun were arguing one day which of them was stronger, when a traveller came along."
)


@dataclass(frozen=True)
class SystemJob:
    """One conversion.

    Attributes:
        source: ``[T]`` at 24 kHz.
        reference: recording ``[T]`` of the target voice; None for the source's own voice.
        reference_path: file of the reference.
        language: ISO 639-1 code of the source, detected when None.
        refine: steps of systems that refine.
        more: other recordings of the target voice, for systems that refine.
    """

    source: np.ndarray
    reference: np.ndarray | None = None
    reference_path: Path | None = None
    language: str | None = None
    refine: int = 15
    more: tuple[Path, ...] = ()


class Models:
    """Models that the systems share; ``recipe`` is a converter with the encoder of ``train_v2_multispeech.py``."""

    def __init__(self, converter: Converter, recipe: Converter | None = None) -> None:
        self.converter, self.recipe = converter, recipe
        self._stock: dict[str, np.ndarray | None] = {}

    @property
    def bank(self) -> ModelBank:
        """The models of the converter."""
        return self.converter.models

    def nearest_stock_voice(self, wave: np.ndarray) -> str:
        """The English stock voice that Resemblyzer finds most like ``wave [T]`` at 24 kHz."""
        names = [name for name in stock_voices() if name[0] in "ab"]
        if not self._stock:
            for name in names:
                sentence = say(self.bank.kokoro, STOCK_SENTENCE, "en", name)
                self._stock[name] = metrics.speaker_embedding(sentence, audio.SAMPLE_RATE)
        target = metrics.speaker_embedding(wave, audio.SAMPLE_RATE)
        return max(names, key=lambda name: metrics.cosine(self._stock[name], target))


Output = tuple[np.ndarray, float]
"""A waveform ``[T]`` at 24 kHz, and the seconds of processing with the models in memory."""


@torch.no_grad()
def say(kokoro: Kokoro, text: str, language: str, voice: str | Tensor) -> np.ndarray:
    """Plain text to speech ``[T]`` at 24 kHz with a voice, by its name or its pack ``[510, 256]``.

    Kokoro gets as much text at once as it takes and makes the pauses itself. A single sentence is the same as from
    ``synthesis.speak``, except for the silence around it.
    """
    pack, waves = voice_pack(voice) if isinstance(voice, str) else voice, []
    for phonemes in phoneme_chunks(text, language):
        ids = kokoro.tokens(phonemes)[None]
        waves.append(kokoro(ids, style_of(pack, ids.shape[1] - 2)[None]).audio[0].numpy())
    return np.concatenate(waves)


def _ours(path: str, refined: bool = False) -> Callable[[Models, SystemJob], Output]:
    def convert(models: Models, job: SystemJob) -> Output:
        return _converted(models.converter, job, path, job.refine if refined else 0)

    return convert


def _recipe(models: Models, job: SystemJob) -> Output:
    assert models.recipe is not None
    return _converted(models.recipe, job, "text")


def _converted(converter: Converter, job: SystemJob, path: str, refine: int = 0) -> Output:
    converter.load(path)
    started = time.perf_counter()
    done = converter.convert(
        job.source,
        sample_rate=audio.SAMPLE_RATE,
        voice=job.reference_path,
        path=path,
        language=job.language,
        refine=refine,
        more=job.more if refine else (),
    )
    return done.audio, time.perf_counter() - started


def _plain(models: Models, job: SystemJob) -> Output:
    models.converter.load("text")
    voice = models.nearest_stock_voice(job.source if job.reference is None else job.reference)
    started = time.perf_counter()
    transcript = report.transcribe(models.bank.transcriber, job.source, job.language)
    return say(models.bank.kokoro, transcript.text, transcript.language, voice), time.perf_counter() - started


@torch.no_grad()
def random_walk(
    kokoro: Kokoro, start: Tensor, target: np.ndarray, sentences: int, sentence: str = PITCH_SENTENCE
) -> Tensor:
    """A pack ``[510, 256]`` that is more like a voice than ``start``, after KVoiceWalk
    (https://github.com/RobViren/kvoicewalk), with the cosine alone as score.

    The walk goes in random directions, scaled by the differences between stock voices, and keeps a step that brings the
    speech nearer to the target. All rows move alike. Resemblyzer gives the score here and in the tables, which favours
    this system.

    Args:
        start: pack to start from.
        target: Resemblyzer's embedding ``[256]`` of the voice.
        sentences: number of syntheses, the first of them with ``start``.
        sentence: text of each synthesis.
    """
    spread = torch.stack([pack for name, pack in stock_voices().items() if name[0] in "ab"]).std(0)

    def likeness(pack: Tensor) -> float:
        wave = say(kokoro, sentence, "en", pack)
        return metrics.cosine(metrics.speaker_embedding(wave, audio.SAMPLE_RATE), target)

    rng, nearest, best = np.random.default_rng(0), start, likeness(start)
    for _ in range(sentences - 1):
        direction = torch.from_numpy(rng.standard_normal(spread.shape[-1])).float()
        stepped = nearest + float(rng.uniform(0.05, 0.3)) * direction * spread
        if (likely := likeness(stepped)) > best:
            nearest, best = stepped, likely
    return nearest


def _random_walk(models: Models, job: SystemJob) -> Output:
    """The plain chain in a voice from a random walk, with as many syntheses as refinement by likeness has."""
    models.converter.load("text")
    wave, kokoro = job.source if job.reference is None else job.reference, models.bank.kokoro
    start = voice_pack(models.nearest_stock_voice(wave))
    started = time.perf_counter()
    target = metrics.speaker_embedding(wave, audio.SAMPLE_RATE)
    sentences = job.refine * models.converter.adapter.syntheses_per_step
    pack = start if target is None else random_walk(kokoro, start, target, sentences)
    transcript = report.transcribe(models.bank.transcriber, job.source, job.language)
    return say(kokoro, transcript.text, transcript.language, pack), time.perf_counter() - started


def _world(_models: Models, job: SystemJob) -> Output:
    """Analysis and synthesis by WORLD (Morise et al. 2016).

    For another voice, F0 is moved to its median and the spectral envelope is stretched by a third of that interval,
    which is about the difference of the vocal tracts.
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
    wave = pyworld.synthesize(curve, envelope, noise, rate, frame_period=5.0)
    return wave[: len(source)].astype(np.float32), time.perf_counter() - started


def _recording(_models: Models, job: SystemJob) -> Output:
    """The source itself: the ceiling in the own voice, and what no conversion is worth in another's."""
    return job.source, 0.0


SYSTEMS: dict[str, Callable[[Models, SystemJob], Output]] = {
    "direct": _ours("direct"),
    "text": _ours("text"),
    "direct-refined": _ours("direct", refined=True),
    "text-refined": _ours("text", refined=True),
    "recipe": _recipe,
    "plain": _plain,
    "random-walk": _random_walk,
    "world": _world,
    "recording": _recording,
    "unconverted": _recording,
}
