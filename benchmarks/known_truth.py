"""How near to the truth is what is heard in speech that Kokoro made itself, in voices that no training has heard?

    python benchmarks/known_truth.py [--sentences 3]

Each of the ten held-out stock voices says sentences that trained nothing. What is known of them exactly is compared
with what a conversion hears: when each phoneme ends (text path's aligner), F0, the style (cosines; found in one
sentence, and in all of them as if they were a recording's pieces), and whether the timbre that is found in one sounds
like the true one (Resemblyzer), everything else being the true rendering's: against the true rendering of the same
sentence, and of the voice's other sentences, beside the truth's own figure for these. Last, the same for a whole
conversion in the own voice, all of which is heard, against the same sentence.
"""

import argparse
from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F

from nuanced_speech import audio
from nuanced_speech.convert import Converter
from nuanced_speech.evaluate import metrics
from nuanced_speech.hear import Heard, gain_of
from nuanced_speech.kokoro import SAMPLES_PER_UNIT, STYLE_DIM, TIMBRE_DIM, VOICED_HZ, spread, timbre_of
from nuanced_speech.pieces import cut
from nuanced_speech.prosody.durations import align_to, optional_tokens
from nuanced_speech.style.voices import HELD_OUT, style_of, voice_pack
from nuanced_speech.text import phonemize

SENTENCES = (
    "Nobody had thought to ask the ferryman why his lantern burned through every storm that autumn.",
    "Could you fetch the yellow jug from the shelf, before the children come back from the orchard?",
    "Seventeen ships left the harbour on Thursday, and only the smallest found its way through the fog.",
    "What a strange, beautiful noise that engine makes when it climbs the pass above the village!",
)
UNIT_MS = 1000 * SAMPLES_PER_UNIT / audio.SAMPLE_RATE


@torch.no_grad()
def main() -> None:
    """Speak, hear, compare, print two tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sentences", type=int, default=3, choices=range(2, len(SENTENCES) + 1))
    sentences = SENTENCES[: parser.parse_args().sentences]
    converter = Converter()
    kokoro = converter.kokoro
    errors: list[np.ndarray] = []
    curves: list[float] = []
    rows: list[list[float]] = []
    halves = ("style", "timbre half", "prosody half", "style, of all")
    columns = (*halves, "SECS, same sentence", "others", "truth's", "converted")
    print(f"| voice | {' | '.join(columns)} |\n{'|---' * (len(columns) + 1)}|")
    for voice in HELD_OUT:
        pieces: list[Heard] = []
        found, true, spoken, said_again, converted = [], [], [], [], []
        for sentence in sentences:
            ids = kokoro.tokens(phonemize(sentence, british=voice.startswith("b")))
            style = style_of(voice_pack(voice), len(ids) - 2)
            encoded = kokoro.encode_text(ids[None])
            prosody = kokoro.predict(encoded, style[None])
            content = spread(encoded.content, prosody.durations)
            wave = kokoro.decode(content, prosody.f0, prosody.energy, timbre_of(style)[None])[0].numpy()
            piece = cut(wave)[0]
            heard = converter.hear(wave, gain_of(wave), piece)
            pieces.append(replace(heard))
            converter.settle_styles([heard])
            found.append(heard.style)
            true.append(style)
            spoken.append(wave)
            again = kokoro.decode(content, prosody.f0, prosody.energy, timbre_of(heard.style)[None])[0].numpy()
            said_again.append(again)
            converted.append(converter.convert(wave, language="en").audio)
            if (piece.first, piece.last) == (0, int(prosody.units)):
                aligned, _ = align_to(heard.log_probabilities, ids.numpy())
                sounds = ~optional_tokens(ids.numpy())
                ends = (np.cumsum(x)[sounds] for x in (aligned, prosody.durations[0].numpy()))
                errors.append(np.abs(np.subtract(*ends))[:-1] * UNIT_MS)
            truth = np.where(prosody.f0[0] > VOICED_HZ, prosody.f0[0], 0)
            curves.append(metrics.f0_correlation(heard.f0, truth))
        embeddings = [
            [metrics.speaker_embedding(w, audio.SAMPLE_RATE) for w in ws] for ws in (spoken, said_again, converted)
        ]
        same, whole = ([metrics.cosine(*p) for p in zip(embeddings[0], es, strict=True)] for es in embeddings[1:])
        pairs = [(i, j) for i in range(len(sentences)) for j in range(len(sentences)) if i != j]
        converter.settle_styles(pieces)
        together = torch.stack([piece.style for piece in pieces])[:, :STYLE_DIM]
        a, b = torch.stack(found)[:, :STYLE_DIM], torch.stack(true)
        row = [
            float(F.cosine_similarity(a, b).mean()),
            float(F.cosine_similarity(a[:, :TIMBRE_DIM], b[:, :TIMBRE_DIM]).mean()),
            float(F.cosine_similarity(a[:, TIMBRE_DIM:], b[:, TIMBRE_DIM:]).mean()),
            float(F.cosine_similarity(together, b).mean()),
            float(np.mean(same)),
            float(np.mean([metrics.cosine(embeddings[1][i], embeddings[0][j]) for i, j in pairs])),
            float(np.mean([metrics.cosine(embeddings[0][i], embeddings[0][j]) for i, j in pairs])),
            float(np.mean(whole)),
        ]
        rows.append(row)
        print(f"| {voice} | " + " | ".join(f"{x:.3f}" for x in row) + " |", flush=True)
    print("| **mean** | " + " | ".join(f"{x:.3f}" for x in np.mean(rows, 0)) + " |")
    boundaries = np.concatenate(errors)
    print("\n| boundaries | median error (ms) | mean | 90th percentile | within 25 ms | log-F0 correlation |")
    print("|---|---|---|---|---|---|")
    print(
        f"| {len(boundaries)} | {np.median(boundaries):.1f} | {boundaries.mean():.1f} "
        f"| {np.quantile(boundaries, 0.9):.0f} | {np.mean(boundaries <= UNIT_MS):.1%} | {np.mean(curves):.3f} |"
    )


if __name__ == "__main__":
    main()
