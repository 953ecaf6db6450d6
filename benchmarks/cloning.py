"""How much a cloned voice is like its speaker, in words that the speaker never said, beside other ways to a voice.

    python benchmarks/cloning.py RECORDINGS --refine 15 --walk
    python benchmarks/cloning.py RECORDINGS --decoder fast --refine 100

RECORDINGS holds a folder for each speaker. A voice is cloned from a speaker's first three recordings, and compared with
the speaker's other recordings by Resemblyzer, which the search for the timbre uses too, and by CAM++, which only
measurement uses. The phones of a second recognizer are compared with those of the nearest stock voice's speech, since
there is no source. Both judges need what ``make evaluate`` installs. ``--walk`` adds a random walk over voice packs, as
KVoiceWalk does it: from the nearest stock voice, each step speaks a sentence in a slightly changed voice, which is kept
where it is more like the three recordings; as many times as refinement by likeness calls the synthesizer.

``--decoder`` makes the clones' sound by a fast decoder, which ``--refine`` then adapts to the speaker; the other ways
keep Kokoro's. ``--convert`` also converts the next speaker's first recording into the voice of the three recordings, as
``convert --voice RECORDING --more …`` does it, with and without ``--refine``.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from nuanced_speech import audio
from nuanced_speech.adapt.refinement import SYNTHESES_PER_STEP
from nuanced_speech.convert.converter import Converter
from nuanced_speech.core.constants import SAMPLE_RATE, SEMITONES
from nuanced_speech.evaluate import campplus, metrics, phones, report
from nuanced_speech.evaluate.quality import quality
from nuanced_speech.evaluate.recordings import find_recordings
from nuanced_speech.evaluate.systems import random_walk, say
from nuanced_speech.evaluate.voice_report import predicted_stock
from nuanced_speech.models.bank import ModelBank
from nuanced_speech.models.decoder import KOKORO, Decoder, KokoroDecoder, load_decoder
from nuanced_speech.synthesis.text_to_speech import TextToSpeech
from nuanced_speech.text.word_errors import count_edits, word_errors
from nuanced_speech.voice.stock import stock_voices
from nuanced_speech.voice.voice import Voice
from nuanced_speech.voicemaking.cloning import clone

SENTENCES = (
    "The weather in the mountains is cold today, and nobody wants to leave the house before noon.",
    "I told him that the letter would arrive on Monday, but he did not believe a word of it.",
)
WALK_SENTENCE = "The north wind and the sun were arguing one day which of them was stronger."
CLONED_FROM = 3
NETWORKS = {"CAM++": campplus.embed, "SECS": metrics.speaker_embedding}
Embeddings = dict[str, np.ndarray | None]


def nearest_stock(models: ModelBank, embedding: np.ndarray, log_f0: np.ndarray) -> Tensor:
    """The pack of the stock voice whose speech is most like a speaker, of the five that should be."""
    predicted = predicted_stock(models.timbre_surrogate, embedding, torch.tensor([float(np.median(log_f0))]))

    def likeness(name: str) -> float:
        spoken = say(models.kokoro, WALK_SENTENCE, "en", name)
        return metrics.cosine(models.speaker_encoder.embed(spoken, SAMPLE_RATE), embedding)

    return stock_voices()[max(sorted(predicted, key=lambda name: -predicted[name])[:5], key=likeness)]


def _scores(spoken: np.ndarray) -> dict[str, float]:
    scores = quality(spoken, SAMPLE_RATE)
    return {"OVRL": scores.ovrl or np.nan, "P.808": scores.p808 or np.nan, "Distill-MOS": scores.distill_mos or np.nan}


def embeddings(wave: np.ndarray) -> Embeddings:
    """What each judge of likeness makes of ``wave [T]`` at 24 kHz, by the name of its column."""
    return {name: embed(wave, SAMPLE_RATE) for name, embed in NETWORKS.items()}


def likeness(voice: Embeddings, others: list[Embeddings]) -> dict[str, float]:
    """Mean cosine of a voice with others, for each judge; a waveform without speech does not count."""
    return {
        name: float(np.nanmean([metrics.cosine(voice[name], other[name]) for other in others])) for name in NETWORKS
    }


def judge(
    models: ModelBank,
    speech: TextToSpeech,
    voice: Voice,
    stock: Tensor,
    others: list[Embeddings],
    log_f0: np.ndarray,
    with_quality: bool,
) -> dict[str, float]:
    """Means over the sentences: likeness to the speaker's other recordings, errors of words and melody, quality."""
    rows = []
    for sentence in SENTENCES:
        spoken = speech.speak(sentence, voice, "en-us")
        curve = report.contours(spoken).f0
        said = np.log2(curve[curve > 0])
        clear = phones.phones(say(models.kokoro, sentence, "en", stock), SAMPLE_RATE)
        rows.append(
            likeness(embeddings(spoken), others)
            | {
                "PER to stock voice": count_edits(clear, phones.phones(spoken, SAMPLE_RATE)).rate,
                "WER": word_errors(sentence, report.transcribe(models.transcriber, spoken, "en").text).wer,
                "F0 error (semitones)": abs(SEMITONES * float(np.median(said) - np.median(log_f0))),
                "F0 spread ratio": float(said.std() / log_f0.std()),
            }
            | (_scores(spoken) if with_quality else {})
        )
    return {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}


def converted(
    converter: Converter, source: Path, paths: Sequence[Path], refine: int, others: list[Embeddings]
) -> dict[str, float]:
    """Likeness of a recording, converted into the voice of others, to that speaker's other recordings, and words
    otherwise than the source's."""
    target, *more = paths
    result = converter.convert(source, voice=target, more=tuple(more), refine=refine).audio
    transcriber = converter.models.transcriber
    said, words = (report.transcribe(transcriber, wave, "en").text for wave in (audio.read(source), result))
    return likeness(embeddings(result), others) | {"WER": word_errors(said, words).wer}


def refined(models: ModelBank, paths: Sequence[Path], steps: int, decoder: Decoder) -> Voice:
    """A clone that is refined."""
    return clone(paths, "refined", consent="benchmark", refine=steps, models=models, decoder=decoder).voice


def walked(models: ModelBank, start: Tensor, target: np.ndarray, calls: int) -> Voice:
    """The voice that a random walk ends at."""
    return Voice("walked", random_walk(models.kokoro, start, target, calls))


class CloningComparison:
    """Ways to a voice; ``results`` has a row of figures for each speaker, by way."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options, self.models = options, ModelBank()
        self.decoder, self.kokoro = load_decoder(options.decoder, self.models), KokoroDecoder(self.models)
        self.results: dict[str, list[dict[str, float]]] = {}

    def measure(self, speaker: str, paths: list[Path], source: Path) -> None:
        """Clone a speaker from the first recordings and compare with the others; convert ``source`` if asked for."""
        given, waves = paths[:CLONED_FROM], [audio.read(path) for path in paths[CLONED_FROM:]]
        others = [embeddings(wave) for wave in waves]
        curves = np.concatenate([report.contours(wave).f0 for wave in waves])
        log_f0 = np.log2(curves[curves > 0])
        plain = clone(given, "plain", consent="benchmark", models=self.models)
        nearest = nearest_stock(self.models, plain.embedding, plain.log_f0)
        for way, (by, make) in self.ways(given, plain.voice, plain.embedding, nearest).items():
            started = time.perf_counter()
            voice = make()
            seconds = time.perf_counter() - started
            speech = TextToSpeech(self.models, decoder=by)
            row = judge(self.models, speech, voice, nearest, others, log_f0, self.options.quality)
            self.note(speaker, way, row, f"{seconds:.0f} s")
        for steps in dict.fromkeys((0, self.options.refine)) if self.options.convert else ():
            way = "another's recording, converted" + (f" --refine {steps}" if steps else "")
            converter = Converter(self.models, decoder=self.decoder)
            self.note(speaker, way, converted(converter, source, given, steps, others))
        pairs = [likeness(a, [b]) for i, a in enumerate(others) for b in others[:i]]
        ceiling = {name: float(np.nanmean([pair[name] for pair in pairs])) for name in NETWORKS}
        self.results.setdefault("recordings of one speaker, among themselves", []).append(ceiling)

    def ways(
        self, paths: list[Path], plain: Voice, embedding: np.ndarray, nearest: Tensor
    ) -> dict[str, tuple[Decoder, Callable[[], Voice]]]:
        """What makes a speaker's voice in each way that is asked for, and the decoder that speaks in it."""
        models, steps = self.models, self.options.refine
        ways: dict[str, tuple[Decoder, Callable[[], Voice]]] = {
            "nearest stock voice": (self.kokoro, partial(Voice, "nearest", nearest)),
            "clone": (self.decoder, partial(replace, plain)),
        }
        if self.options.walk:
            calls = SYNTHESES_PER_STEP * (steps or 15)
            walk = partial(walked, models, nearest, embedding, calls)
            ways[f"random walk, {calls} syntheses"] = (self.kokoro, walk)
        if steps:
            ways[f"clone --refine {steps}"] = (self.decoder, partial(refined, models, paths, steps, self.decoder))
        return ways

    def note(self, speaker: str, way: str, row: dict[str, float], *notes: str) -> None:
        """Keep and print what was measured."""
        self.results.setdefault(way, []).append(row)
        print(speaker, way, *notes, {key: round(value, 3) for key, value in row.items()}, flush=True)

    def print_table(self) -> None:
        """Means over the speakers."""
        columns = list(self.results["clone"][0])
        print(f"\n| | {' | '.join(columns)} |\n|---|{'---|' * len(columns)}")
        for way, rows in self.results.items():
            cells = (f"{np.mean([row[c] for row in rows]):.3f}" if c in rows[0] else "" for c in columns)
            print(f"| {way} | {' | '.join(cells)} |")
        print(f"\nMean over {len(self.results['clone'])} speakers, {len(SENTENCES)} new sentences each.")


def main() -> None:
    """Clone, speak, compare, print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--speakers", nargs="*", help="only these")
    parser.add_argument("--refine", type=int, default=0, metavar="STEPS", help="add refined clones")
    parser.add_argument("--walk", action="store_true", help="add the random walk")
    parser.add_argument("--quality", action="store_true", help="add predicted opinion scores (extra: benchmark)")
    parser.add_argument("--convert", action="store_true", help="add conversions of another's recording")
    parser.add_argument("--decoder", default=KOKORO, help="decoder of the clones: kokoro, fast or a file")
    options = parser.parse_args()
    torch.set_grad_enabled(False)
    comparison = CloningComparison(options)
    found = find_recordings(options.folder)
    sources = dict(zip(found, [*list(found.values())[1:], next(iter(found.values()))], strict=True))
    for speaker, recordings in found.items():
        if not options.speakers or speaker in options.speakers:
            comparison.measure(speaker, [recording.path for recording in recordings], sources[speaker][0].path)
    comparison.print_table()


if __name__ == "__main__":
    main()
