"""Does a described voice sound as described? Random descriptions, made into voices, spoken and measured.

    python benchmarks/descriptions.py [COUNT] [RECORDINGS SPEAKERS.tsv]

prints the correlation of asked and measured over the descriptions that asked for an attribute: on the sentences that
the voice was made with, and on a sentence that it was not. With a folder of recordings (SPEAKER-….flac) and a table of
speaker, tab, F or M, it also prints how well the sex that is measured agrees with those speakers'.
"""

import csv
import sys
from pathlib import Path

import numpy as np
from tqdm import tqdm

from nuanced_speech import audio
from nuanced_speech.models.kokoro import Kokoro
from nuanced_speech.models.speaker_encoder import SpeakerEncoder
from nuanced_speech.text.g2p import phonemize
from nuanced_speech.voicemaking.attributes import NAMES, SEX, measure, stock_attributes
from nuanced_speech.voicemaking.description import make_voice, nearest_stock_voices
from nuanced_speech.voicemaking.description_vocabulary import parse_description
from nuanced_speech.voicemaking.profile import speak

OTHER_SENTENCE = "The old ship left the harbour at noon, and nobody on the shore was sorry to see it go."
DEGREES = ("", "", "very ", "slightly ")
WORDS = {
    "age": ("young", "old"), "pitch": ("low", "high"), "movement": ("monotone", "lively"), "pace": ("slow", "fast"),
    "energy": ("gentle", "energetic"), "brightness": ("dark", "bright"), "warmth": ("thin", "warm"),
    "breathiness": ("clear", "breathy"),
}  # fmt: skip


def random_description(rng: np.random.Generator) -> str:
    """A sex, an accent and three attributes with degrees."""
    chosen = rng.choice(list(WORDS), 3, replace=False)
    words = [DEGREES[rng.integers(len(DEGREES))] + WORDS[name][rng.integers(2)] for name in chosen]
    return ", ".join([str(rng.choice(["woman", "man"])), str(rng.choice(["American", "British"])), *words])


def main(count: int) -> None:
    rng, kokoro, encoder, stock = np.random.default_rng(0), Kokoro(), SpeakerEncoder(), stock_attributes()
    asked, same, other = [], [], []
    phonemes = phonemize(OTHER_SENTENCE)
    for _ in tqdm(range(count)):
        request = parse_description(random_description(rng))
        start = nearest_stock_voices(request, stock, 1)[0]
        made = make_voice(request, start, kokoro, encoder)
        asked.append(made.targets)
        same.append(made.profile.attributes)
        spoken = speak(kokoro, made.pack, phonemes)
        embedding = encoder.embed(spoken.audio, audio.SAMPLE_RATE)
        assert embedding is not None
        other.append(stock.complete(measure(spoken)[None], embedding[None])[0])
    print("| attribute | asked for | same sentences | another sentence |\n|---|---|---|---|")
    for k, name in enumerate(NAMES):
        wanted = np.array(asked)[:, k]
        here = np.isfinite(wanted)
        rs = [np.corrcoef(wanted[here], np.array(got)[here, k])[0, 1] for got in (same, other)]
        print(f"| {name} | {here.sum()} | {rs[0]:.2f} | {rs[1]:.2f} |")


def sexes(folder: Path, table: Path) -> None:
    with open(table, encoding="utf-8") as file:
        known = {row["speaker"]: row["sex"] == "F" for row in csv.DictReader(file, delimiter="\t")}
    encoder, stock = SpeakerEncoder(), stock_attributes()
    right = []
    for path in tqdm(audio.recordings_in(folder)):
        embedding = encoder.embed(audio.read(path), audio.SAMPLE_RATE)
        if embedding is not None:
            right.append((embedding @ stock.sex[:-1] + stock.sex[-1] > 0) == known[path.stem.split("-")[0]])
    named = ((stock.values[:, SEX] > 0) == stock.female).mean()
    print(f"sex: {named:.1%} of the stock voices, {np.mean(right):.1%} of {len(right)} recordings")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 40)
    if len(sys.argv) > 3:
        sexes(Path(sys.argv[2]), Path(sys.argv[3]))
