"""How often two people who speak at once are found, and how often there are said to be two where there is one.

    python benchmarks/overlap.py RECORDINGS [--mixtures 30] [--clips 60]

RECORDINGS is a folder with a folder of recordings for each speaker. In a mixture the second
speaker begins 1 to 3 s before the first one ends, at 0, 3 or 6 dB below the level of the first. Prints a Markdown
table for several settings. With ``--seed 0`` settings are chosen, with others they are measured.
"""

from __future__ import annotations

import argparse
import random
from dataclasses import replace
from pathlib import Path

import numpy as np

from nuanced_speech import audio
from nuanced_speech.analysis.overlapping_speech import OverlapConfig, OverlapFinder, overlaps
from nuanced_speech.audio.level import active_level_db
from nuanced_speech.core.constants import SAMPLE_RATE
from nuanced_speech.evaluate.recordings import find_recordings
from nuanced_speech.models.bank import ModelBank
from nuanced_speech.models.voice_activity import SpeechStretch

LEVELS_DB = (0.0, -3.0, -6.0)


def mixture(first: np.ndarray, second: np.ndarray, level_db: float, choose: random.Random) -> tuple[np.ndarray, float]:
    """Two recordings ``[T]`` with 1 to 3 s of both, and when the second one begins, in seconds."""
    together = min(choose.uniform(1.0, 3.0), len(first) / SAMPLE_RATE - 0.5)
    gain = active_level_db(first, SAMPLE_RATE) + level_db - active_level_db(second, SAMPLE_RATE)
    begin = len(first) - round(together * SAMPLE_RATE)
    mixed = np.zeros(max(len(first), begin + len(second)), np.float32)
    mixed[: len(first)] = first
    mixed[begin : begin + len(second)] += second * np.float32(10 ** (gain / 20))
    return mixed / max(1.0, float(np.abs(mixed).max())), begin / SAMPLE_RATE


def meets(found: tuple[SpeechStretch, ...], begin: float, end: float) -> bool:
    """Whether one of the places is where both speak."""
    return any(place.start < end and place.end > begin for place in found)


def trimmed(wave: np.ndarray) -> np.ndarray:
    """A recording without the silence at its ends: from the first to the last 25 ms within 30 dB of the loudest."""
    frames = np.square(wave[: len(wave) // 600 * 600].reshape(-1, 600)).mean(1)
    loud = np.flatnonzero(frames > frames.max() / 1000)
    return wave[loud[0] * 600 : (loud[-1] + 1) * 600]


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recordings", type=Path, help="Folder with a folder for each speaker.")
    parser.add_argument("--mixtures", type=int, default=30, help="Number of mixtures.")
    parser.add_argument("--clips", type=int, default=60, help="Number of recordings of one speaker.")
    parser.add_argument("--seed", type=int, default=0, help="Random seed.")
    options = parser.parse_args()
    choose, finder = random.Random(options.seed), OverlapFinder(ModelBank())
    speakers = {name: [one.path for one in some] for name, some in find_recordings(options.recordings).items()}
    alone = choose.sample(sorted(path for some in speakers.values() for path in some), options.clips)
    single = [finder.probabilities(audio.read(path)) for path in alone]
    mixed = []
    for number in range(options.mixtures):
        names = choose.sample(sorted(speakers), 2)
        first, second = (trimmed(audio.read(choose.choice(speakers[name]))) for name in names)
        wave, begin = mixture(first, second, LEVELS_DB[number % 3], choose)
        end = min(len(first) / SAMPLE_RATE, begin + len(second) / SAMPLE_RATE)
        mixed.append((finder.probabilities(wave), begin, end))
    levels = " | ".join(f"{db:g} dB" for db in LEVELS_DB)
    print(f"| sure | shortest, s | found of {options.mixtures} | {levels} | false alarms |")
    print("|---|---|---|---|---|---|---|")
    for sure in (0.5, 0.7, 0.8, 0.9, 0.95):
        for shortest in (0.1, 0.2, 0.3, 0.5):
            config = replace(OverlapConfig(), sure=sure, shortest_seconds=shortest)
            found = [meets(overlaps(some, config), begin, end) for some, begin, end in mixed]
            by_level = [f"{sum(found[n::3])} of {len(found[n::3])}" for n in range(3)]
            wrong = sum(bool(overlaps(some, config)) for some in single)
            print(f"| {sure} | {shortest} | {sum(found)} | {' | '.join(by_level)} | {wrong} of {options.clips} |")


if __name__ == "__main__":
    main()
