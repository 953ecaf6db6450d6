"""What a benchmark compares: ways from a recording to the same words in a voice, this project's and others'."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from rich.progress import track

from nuanced_speech import audio
from nuanced_speech.convert import Converter
from nuanced_speech.evaluate import metrics, report
from nuanced_speech.prosody.delivery import median_log_f0
from nuanced_speech.prosody.f0 import f0
from nuanced_speech.style.voices import stock_voices

# Long enough for a speaker embedding, and said in any voice.
STOCK_SENTENCE = (
    "The north wind and the sun were arguing one day which of them was stronger, when a traveller came along."
)


@dataclass
class Job:
    """One conversion: ``source [T]`` at 24 kHz, in its own voice or that of ``reference [T]``, read from its path.

    ``language`` is the source's, None where Whisper shall find it.
    """

    source: np.ndarray
    reference: np.ndarray | None = None
    reference_path: Path | None = None
    language: str | None = None


@dataclass
class Workshop:
    """The models that the systems share."""

    converter: Converter
    recipe: Converter | None = None
    _stock: dict[str, np.ndarray | None] = field(default_factory=dict)

    def nearest_stock_voice(self, wave: np.ndarray) -> str:
        """The stock voice whose speech is most like ``wave [T]`` at 24 kHz to Resemblyzer; English voices only."""
        names = [name for name in stock_voices() if name[0] in "ab"]
        if not self._stock:
            for name in track(names, "stock voices"):
                spoken = self.converter.convert(wave, name, text=STOCK_SENTENCE, keep=(), language="en")
                self._stock[name] = metrics.speaker_embedding(spoken.audio, audio.SAMPLE_RATE)
        wanted = metrics.speaker_embedding(wave, audio.SAMPLE_RATE)
        return max(names, key=lambda name: metrics.cosine(self._stock[name], wanted))


Spoken = tuple[np.ndarray, float]
"""``[T]`` at 24 kHz, and how many seconds it took."""


def _ours(path: str) -> Callable[[Workshop, Job], Spoken]:
    def convert(shop: Workshop, job: Job) -> Spoken:
        return _converted(shop.converter, job, path)

    return convert


def _recipe(shop: Workshop, job: Job) -> Spoken:
    assert shop.recipe is not None
    return _converted(shop.recipe, job, "text")


def _converted(converter: Converter, job: Job, path: str) -> Spoken:
    done = converter.convert(job.source, job.reference_path, path=path, language=job.language)
    return done.audio, sum(seconds for stage, seconds in done.seconds.items() if stage != "load")


def _plain(shop: Workshop, job: Job) -> Spoken:
    voice = shop.nearest_stock_voice(job.source if job.reference is None else job.reference)
    started = time.perf_counter()
    heard = report.hear(shop.converter.transcriber, job.source, job.language)
    done = shop.converter.convert(job.source, voice, text=heard.text, keep=(), language=job.language)
    return done.audio, time.perf_counter() - started


def _world(shop: Workshop, job: Job) -> Spoken:
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


def _recording(_shop: Workshop, job: Job) -> Spoken:
    """The source, or the reference where another voice is wanted: what a perfect voice would score."""
    return job.source if job.reference is None else job.reference, 0.0


SYSTEMS: dict[str, Callable[[Workshop, Job], Spoken]] = {
    "direct": _ours("direct"),
    "text": _ours("text"),
    "recipe": _recipe,
    "plain": _plain,
    "world": _world,
    "recording": _recording,
}
