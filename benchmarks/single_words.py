"""Do single words keep their words? python benchmarks/single_words.py RECORDINGS [--words 20]

RECORDINGS is a folder with a folder of recordings for each speaker. Words of 0.25 to 0.7 s are cut out of them by
Whisper's word times, and others are spoken by stock voices of Kokoro. Each clip is converted in its own voice on both
paths. Whisper hears source and result with a second of silence around. Prints a Markdown table: in how many clips the
word is heard in the source, in how many in the result, and in how many of the former in the latter too.
"""

from __future__ import annotations

import argparse
import random
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nuanced_speech import audio
from nuanced_speech.audio.resampling import to_16k
from nuanced_speech.convert.converter import Converter
from nuanced_speech.core.constants import SAMPLE_RATE
from nuanced_speech.evaluate.recordings import find_recordings
from nuanced_speech.models.bank import ModelBank
from nuanced_speech.synthesis.text_to_speech import speak

SHORTEST, LONGEST = 0.25, 0.7
MARGIN = 0.04
SPOKEN = (
    "yes", "stop", "hello", "water", "seven", "window", "people", "monday", "garden", "music", "never", "coffee",
    "please", "market", "yellow", "doctor", "mountain", "silver", "paper", "kitchen",
)  # fmt: skip
VOICES = ("af_heart", "am_michael", "bf_emma", "bm_george")


@dataclass(frozen=True, eq=False)
class Clip:
    """A word and its sound ``[T]`` at 24 kHz."""

    word: str
    wave: np.ndarray


def plain(text: str) -> str:
    """Letters and digits alone, in lower case."""
    return re.sub(r"[^a-z0-9]", "", text.lower())


def cut_words(folder: Path, models: ModelBank, count: int, choose: random.Random) -> list[Clip]:
    """Words of recordings, at most one of each."""
    paths = sorted(one.path for some in find_recordings(folder).values() for one in some)
    clips: list[Clip] = []
    for path in choose.sample(paths, min(count, len(paths))):
        wave = audio.read(path)
        words = [w for s in models.transcriber.transcribe(to_16k(wave), "en", words=True).segments for w in s.words]
        fitting = [w for w in words if SHORTEST <= w.end - w.start <= LONGEST and len(plain(w.text)) > 3]
        if fitting:
            word = choose.choice(fitting)
            part = slice(*(max(0, round(t * SAMPLE_RATE)) for t in (word.start - MARGIN, word.end + MARGIN)))
            clips.append(Clip(plain(word.text), wave[part]))
    return clips


def spoken_words(models: ModelBank, count: int) -> list[Clip]:
    """Words by stock voices, without the silence around them."""
    clips = []
    for number, word in enumerate(SPOKEN[:count]):
        wave = speak(word, VOICES[number % len(VOICES)], models=models)
        loud = np.flatnonzero(np.abs(wave) > 0.02)
        clips.append(Clip(word, wave[max(0, loud[0] - 1200) : loud[-1] + 1200]))
    return clips


def heard(models: ModelBank, wave: np.ndarray) -> str:
    """What Whisper hears."""
    return plain(models.transcriber.transcribe(to_16k(np.pad(wave, SAMPLE_RATE)), "en").text)


def main() -> None:
    """Measure, and print the table and the words that were lost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recordings", type=Path, help="Folder with a folder for each speaker.")
    parser.add_argument("--words", type=int, default=20, help="Number of clips of each kind.")
    parser.add_argument("--kinds", nargs="+", default=["cut", "spoken"], help="Clips: cut, spoken.")
    parser.add_argument("--paths", nargs="+", default=["direct", "text"], help="Paths: direct, text.")
    parser.add_argument("--seed", type=int, default=0, help="Random seed.")
    options = parser.parse_args()
    models = ModelBank()
    converter, lost = Converter(models), list[str]()
    print("| clips | seconds | path | word in source | word in result | kept |\n|---|---|---|---|---|---|")
    kinds = {}
    if "cut" in options.kinds:
        choose = random.Random(options.seed)
        kinds["cut from recordings"] = cut_words(options.recordings, models, options.words, choose)
    if "spoken" in options.kinds:
        kinds["by stock voices"] = spoken_words(models, options.words)
    for kind, clips in kinds.items():
        lengths = [len(clip.wave) / SAMPLE_RATE for clip in clips]
        sources = [heard(models, clip.wave) for clip in clips]
        right = [source == clip.word for source, clip in zip(sources, clips, strict=True)]
        for path in options.paths:
            results = [
                heard(models, converter.convert(clip.wave, sample_rate=SAMPLE_RATE, path=path).audio) for clip in clips
            ]
            same = [result == clip.word for result, clip in zip(results, clips, strict=True)]
            kept = sum(a and b for a, b in zip(right, same, strict=True))
            print(
                f"| {len(clips)} {kind} | {min(lengths):.2f}-{max(lengths):.2f} | {path} | {sum(right)} | {sum(same)} "
                f"| {kept} of {sum(right)} |",
                flush=True,
            )
            for clip, source, result in zip(clips, sources, results, strict=True):
                if result != clip.word:
                    where = f"{kind}, {path}, {len(clip.wave) / SAMPLE_RATE:.2f} s"
                    lost.append(f"{where}: {clip.word!r} is {source!r} in the source, {result!r} in the result")
    print("\n" + "\n".join(lost))


if __name__ == "__main__":
    main()
