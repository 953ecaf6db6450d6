"""How near to the truth is what is heard in speech that Kokoro made itself, in voices that no training has heard?

    python benchmarks/known_truth.py [--sentences 3] [--refine 20] [--voices am_puck …]

Each of the ten held-out stock voices says sentences that trained nothing. What is known of them exactly is compared
with what a conversion hears: when each phoneme ends (text path's aligner), F0, the style (cosines; found in one
sentence, and in all of them as if they were a recording's pieces), and whether the timbre that is found in one sounds
like the true one (Resemblyzer), everything else being the true rendering's: against the true rendering of the same
sentence, and of the voice's other sentences, beside the truth's own figure for these. Last, the same for a whole
conversion in the own voice, all of which is heard, against the same sentence. With --refine, the same of the one style
that so many steps of refinement find in all of the sentences, the words being given as they are to the aligner.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F

from nuanced_speech import audio
from nuanced_speech.analysis.features import SegmentFeatures
from nuanced_speech.audio.segmentation import segment
from nuanced_speech.convert.converter import Converter
from nuanced_speech.core.constants import SAMPLES_PER_UNIT, STYLE_DIM, TIMBRE_DIM, VOICED_HZ
from nuanced_speech.dsp.alignment import align_phonemes, optional_tokens
from nuanced_speech.evaluate import metrics
from nuanced_speech.text.g2p import phonemize
from nuanced_speech.voice.stock import HELD_OUT, style_of, voice_pack
from nuanced_speech.voice.style import Style

SENTENCES = (
    "Nobody had thought to ask the ferryman why his lantern burned through every storm that autumn.",
    "Could you fetch the yellow jug from the shelf, before the children come back from the orchard?",
    "Seventeen ships left the harbour on Thursday, and only the smallest found its way through the fog.",
    "What a strange, beautiful noise that engine makes when it climbs the pass above the village!",
)
UNIT_MS = 1000 * SAMPLES_PER_UNIT / audio.SAMPLE_RATE


def _cosines(found: torch.Tensor, true: torch.Tensor) -> tuple[float, ...]:
    """Of styles, timbre halves and prosody halves ``[N, 256]``, or more of what is found, means."""
    halves = slice(0, STYLE_DIM), slice(0, TIMBRE_DIM), slice(TIMBRE_DIM, STYLE_DIM)
    return tuple(float(F.cosine_similarity(found[:, half], true[:, half]).mean()) for half in halves)


def _embeddings(waves: Sequence[np.ndarray]) -> list[np.ndarray | None]:
    return [metrics.speaker_embedding(wave, audio.SAMPLE_RATE) for wave in waves]


def _same(a: list[np.ndarray | None], b: list[np.ndarray | None]) -> float:
    """Mean cosine of the same sentences."""
    return float(np.mean([metrics.cosine(x, y) for x, y in zip(a, b, strict=True)]))


def _others(a: list[np.ndarray | None], b: list[np.ndarray | None]) -> float:
    """Mean cosine of every sentence of the second to the others of the first."""
    return float(np.mean([metrics.cosine(x, y) for i, x in enumerate(a) for j, y in enumerate(b) if i != j]))


@dataclass(frozen=True)
class KnownSentence:
    """A sentence that Kokoro spoke, and what a conversion makes of it.

    Attributes:
        truth: content, F0 and energy that it was spoken with, as the decoder takes them.
        style, found: the true style, and what is found in this sentence.
        spoken, again, converted: the sound; the same with the found timbre; the conversion of it.
        features: what was measured of it.
        errors: ms by which the ends of its phonemes are missed; None where it was cut otherwise than it was spoken.
        melody: correlation of log F0.
    """

    truth: tuple[torch.Tensor, torch.Tensor, torch.Tensor]
    style: torch.Tensor
    found: torch.Tensor
    spoken: np.ndarray
    again: np.ndarray
    converted: np.ndarray
    features: SegmentFeatures
    errors: np.ndarray | None
    melody: float


def measure(converter: Converter, sentence: str, voice: str) -> KnownSentence:
    """Speak a sentence in a stock voice, and convert it."""
    kokoro, phonemes = converter.models.kokoro, phonemize(sentence, british=voice.startswith("b"))
    ids = kokoro.tokens(phonemes)
    style = Style.from_vector(style_of(voice_pack(voice), len(ids) - 2))
    content, prosody = kokoro.content_and_prosody(ids[None], style.vector[None])
    truth = (content, prosody.f0, prosody.energy)
    wave = kokoro.decode(*truth, style.decoder[None])[0].numpy()
    piece = segment(wave)[0]
    (measured,) = converter.analyzer(wave, [piece])
    (assigned,) = converter.speakers.assign([measured])
    again = kokoro.decode(*truth, assigned.style.decoder[None])[0].numpy()
    converted = converter.convert(wave, language="en", sample_rate=audio.SAMPLE_RATE).audio
    errors = None
    if (piece.first, piece.last) == (0, int(prosody.units)):
        aligned, _ = align_phonemes(measured.log_probabilities, ids.numpy())
        sounds = ~optional_tokens(ids.numpy())
        ends = (np.cumsum(x)[sounds] for x in (aligned, prosody.durations[0].numpy()))
        errors = np.abs(np.subtract(*ends))[:-1] * UNIT_MS
    melody = np.where(prosody.f0[0] > VOICED_HZ, prosody.f0[0], 0)
    correlation = metrics.f0_correlation(measured.f0, melody)
    features = replace(measured, phonemes=phonemes)
    return KnownSentence(
        truth, style.vector, assigned.style.vector, wave, again, converted, features, errors, correlation
    )


def row_of(converter: Converter, sentences: list[KnownSentence], steps: int) -> list[float]:
    """The figures of one voice."""
    own, same, whole = (
        _embeddings(waves)
        for waves in zip(*((item.spoken, item.again, item.converted) for item in sentences), strict=True)
    )
    pieces = converter.speakers.assign([item.features for item in sentences])
    pooled = torch.stack([piece.style.vector for piece in pieces])
    truth = torch.stack([item.style for item in sentences])
    row = [
        *_cosines(torch.stack([item.found for item in sentences]), truth),
        _cosines(pooled, truth)[0],
        _same(own, same),
        _others(own, same),
        _others(own, own),
        _same(own, whole),
    ]
    if steps:
        style = converter.adapter(pieces, steps).style
        kokoro = converter.models.kokoro
        refined = _embeddings([kokoro.decode(*item.truth, style.decoder[None])[0].numpy() for item in sentences])
        row += [
            *_cosines(style.vector.expand(len(truth), -1), truth),
            _same(own, refined),
            _others(own, refined),
        ]
    return row


@torch.no_grad()
def main() -> None:
    """Speak, analyse, compare, print two tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sentences", type=int, default=3, choices=range(2, len(SENTENCES) + 1))
    parser.add_argument("--refine", type=int, default=0, metavar="STEPS")
    parser.add_argument("--voices", nargs="+", default=HELD_OUT, choices=HELD_OUT, metavar="VOICE")
    arguments = parser.parse_args()
    converter = Converter()
    measured: list[KnownSentence] = []
    rows: list[list[float]] = []
    halves = ("style", "timbre half", "prosody half", "style, of all")
    columns = [*halves, "SECS, same sentence", "others", "truth's", "converted"]
    if arguments.refine:
        columns += ["refined: style", *halves[1:3], "SECS, same sentence", "others"]
    print(f"| voice | {' | '.join(columns)} |\n{'|---' * (len(columns) + 1)}|")
    for voice in arguments.voices:
        own = [measure(converter, sentence, voice) for sentence in SENTENCES[: arguments.sentences]]
        measured += own
        rows.append(row_of(converter, own, arguments.refine))
        print(f"| {voice} | " + " | ".join(f"{x:.3f}" for x in rows[-1]) + " |", flush=True)
    print("| **mean** | " + " | ".join(f"{x:.3f}" for x in np.mean(rows, 0)) + " |")
    boundaries = np.concatenate([item.errors for item in measured if item.errors is not None])
    print("\n| boundaries | median error (ms) | mean | 90th percentile | within 25 ms | log-F0 correlation |")
    print("|---|---|---|---|---|---|")
    print(
        f"| {len(boundaries)} | {np.median(boundaries):.1f} | {boundaries.mean():.1f} "
        f"| {np.quantile(boundaries, 0.9):.0f} | {np.mean(boundaries <= UNIT_MS):.1%} "
        f"| {np.mean([item.melody for item in measured]):.3f} |"
    )


if __name__ == "__main__":
    main()
