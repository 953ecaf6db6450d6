"""Does a Tacotron 2 that is fed its own frames say the sentences it learned, so that they are understood?

    nuanced-speech tts speak-dataset sentences.txt spoken/ --voices af_heart
    nuanced-speech tts train --model tacotron2 --data spoken/ --trim --out models/tts-tacotron2 ...
    python benchmarks/tacotron2.py spoken/ models/tts-tacotron2/last.safetensors --trim [--new FILE] [--out FOLDER]

Every sentence of the data set is spoken freely (no true frame is seen), through a vocoder, and written down by Whisper
base. Beside it is what Whisper makes of the true mel through the same vocoder: no model does better. ``--new`` has
sentences, one a line, that the model never saw. Where the data set knows when each phoneme is said, so does the table:
how far from there the attention is, and how far a straight line would be. Sound, a table and pictures of the attention
are left in ``--out``.
"""

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from nuanced_speech import audio
from nuanced_speech.core.symbols import vocabulary
from nuanced_speech.dsp.mel import MEL
from nuanced_speech.evaluate.benchmark import machine
from nuanced_speech.models.whisper import WhisperModel
from nuanced_speech.text.g2p import phonemize
from nuanced_speech.text.word_errors import WordErrors, word_errors
from nuanced_speech.train.corpus import read_sentences
from nuanced_speech.tts import ljspeech, vocoders
from nuanced_speech.tts.acoustic import weights
from nuanced_speech.tts.acoustic.board import draw_alignment
from nuanced_speech.tts.acoustic.data import Item, read, split
from nuanced_speech.tts.acoustic.infer import token_ids
from nuanced_speech.tts.acoustic.interface import AcousticModel, AcousticOutput
from nuanced_speech.tts.vocoders import Vocoder

SECONDS = MEL.hop_length / MEL.sample_rate
KINDS = ("learned", "held out", "new")
HEADS = (
    "wanted", "heard", "WER", "CER", "true mel's WER", "length", "ended", "steps back", "away", "straight line",
)  # fmt: skip


@dataclass
class Row:
    """One sentence: what was wanted and heard, and how the attention went.

    ``length`` is that of the speech over that of the true utterance, ``away`` how far from the true middle of a phoneme
    the attention's is, and ``straight`` how far that of a straight line is, in seconds; None where nothing is known.
    ``backwards`` is the share of steps on which the attention's peak went back.
    """

    kind: str
    text: str
    heard: str
    errors: WordErrors
    true_errors: WordErrors | None
    ended: bool
    backwards: float
    length: float | None = None
    away: float | None = None
    straight: float | None = None


class Bench:
    """A model, a vocoder and a listener."""

    def __init__(self, model: AcousticModel, vocoder: Vocoder, out: Path) -> None:
        self.model, self.vocoder, self.out = model, vocoder, out
        self.listener = WhisperModel("base")

    def hear(self, mel: np.ndarray, name: str) -> str:
        """What Whisper hears in a mel ``[frames, 80]``."""
        wave = vocoders.speak(mel.T, self.vocoder)
        audio.write(self.out / f"{name}.wav", wave, MEL.sample_rate)
        return self.listener.transcribe(audio.resample(wave, MEL.sample_rate, audio.WHISPER_SAMPLE_RATE), "en").text

    def row(self, kind: str, name: str, text: str, ids: Tensor, embedding: Tensor, item: Item | None) -> Row:
        """Say and measure one sentence."""
        torch.manual_seed(0)
        spoken: AcousticOutput = self.model.speak(ids, embedding)
        assert spoken.alignment is not None
        heard = self.hear(spoken.mel.numpy(), name)
        names = {number: phoneme for phoneme, number in vocabulary().items()}
        phonemes = "".join(names[int(k)] for k in ids[1:-1])
        draw_alignment(self.out / f"{name}.png", spoken.alignment.numpy(), phonemes, len(spoken.mel) * SECONDS)
        backwards = float((spoken.alignment.argmax(1).diff() < 0).float().mean())
        row = Row(kind, text, heard, word_errors(text, heard), None, spoken.ended, backwards)
        if item:
            row.true_errors = word_errors(text, self.hear(item.mel.numpy(), f"{name}-true"))
            row.length = len(spoken.mel) / len(item.mel)
            if item.durations is not None:
                row.away, row.straight = misplaced(spoken.alignment, item.durations, len(spoken.mel))
        return row


def misplaced(alignment: Tensor, durations: Tensor, frames: int) -> tuple[float, float]:
    """How far from the middle of each phoneme, by its duration in frames ``[T]``, the middle of what attention
    ``[steps, T]`` makes of it in ``frames`` is, and how far that of equally long phonemes is: means, in seconds."""
    steps, phonemes = alignment.shape
    times = (torch.arange(steps) + 0.5) / steps * frames
    looked = alignment.sum(0)
    found = (alignment * times[:, None]).sum(0) / looked.clamp(min=1e-6)
    true = durations.cumsum(0) - durations / 2
    straight = (torch.arange(phonemes) + 0.5) / phonemes * durations.sum()
    # what is skipped or has no sound has no middle
    known = (looked > 0.1) & (durations > 0)
    away, line = ((x - true)[known].abs().mean() * SECONDS for x in (found, straight))
    return float(away), float(line)


def mean(values: list[float | None], form: str) -> str:
    """The mean of what is known, formatted."""
    known = [value for value in values if value is not None]
    return format(float(np.mean(known)), form) if known else ""


def cells(row: Row) -> list[str]:
    """The line of one sentence."""
    true = f"{row.true_errors.wer:.0%}" if row.true_errors else ""
    return [
        f"{row.text} ({row.kind})", row.heard, f"{row.errors.wer:.0%}", f"{row.errors.cer:.0%}", true,
        mean([row.length], ".2f"), "yes" if row.ended else "no", f"{row.backwards:.0%}",
        mean([row.away], ".3f"), mean([row.straight], ".3f"),
    ]  # fmt: skip


def summary(kind: str, rows: list[Row]) -> list[str]:
    """The line of all sentences of a kind."""
    pooled = sum((row.errors for row in rows[1:]), rows[0].errors)
    trues = [row.true_errors for row in rows if row.true_errors]
    return [
        f"**{kind}: {len(rows)}**",
        f"{sum(row.errors.words.total == 0 for row in rows)} without an error",
        f"{pooled.wer:.1%}", f"{pooled.cer:.1%}", f"{sum(trues[1:], trues[0]).wer:.1%}" if trues else "",
        mean([row.length for row in rows], ".2f"), str(sum(row.ended for row in rows)),
        mean([row.backwards for row in rows], ".1%"), mean([row.away for row in rows], ".3f"),
        mean([row.straight for row in rows], ".3f"),
    ]  # fmt: skip


def table(rows: list[Row]) -> str:
    """A line for each sentence and each kind, in Markdown."""
    lines = [cells(row) for row in rows]
    for kind in KINDS:
        own = [row for row in rows if row.kind == kind]
        if own:
            lines.append(summary(kind, own))
    head = [f"| {' | '.join(HEADS)} |", "|" + "---|" * len(HEADS)]
    return "\n".join(head + [f"| {' | '.join(line)} |" for line in lines])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="what 'tts speak-dataset' or 'tts features' of a data set wrote")
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--trim", action="store_true", help="for a model that was trained with it")
    parser.add_argument("--texts", type=Path, help="folder of metadata.csv, where it is not in DATA")
    parser.add_argument("--new", type=Path, help="sentences that were not in training, one a line")
    parser.add_argument("--vocoder", default="default")
    parser.add_argument("--sentences", type=int, help="only so many of the data set")
    parser.add_argument("--out", type=Path, default=Path("outputs/tacotron2"))
    arguments = parser.parse_args()
    began = time.monotonic()
    items = read(arguments.data, durations=False, pitch=False, trim=arguments.trim)
    held_out = {item.name for item in split(items)[1]}
    texts = {row.id: row.normalised for row in ljspeech.read(arguments.texts or arguments.data)}
    arguments.out.mkdir(parents=True, exist_ok=True)
    bench = Bench(weights.load(arguments.checkpoint), vocoders.load(arguments.vocoder), arguments.out)

    rows = []
    for item in items[: arguments.sentences]:
        kind = "held out" if item.name in held_out else "learned"
        rows.append(bench.row(kind, item.name, texts[item.name], item.phonemes, item.embedding, item))
        print(f"{rows[-1].errors.wer:6.1%} {rows[-1].text}  →  {rows[-1].heard}", flush=True)
    for number, text in enumerate(read_sentences(arguments.new) if arguments.new else [], 1):
        ids = token_ids(phonemize(text))
        rows.append(bench.row("new", f"new-{number:02d}", text, ids, items[0].embedding, None))
        print(f"{rows[-1].errors.wer:6.1%} {rows[-1].text}  →  {rows[-1].heard}", flush=True)

    printed = table(rows) + f"\n\n{machine()}; {(time.monotonic() - began) / 60:.1f} min\n"
    (arguments.out / "table.md").write_text(printed, encoding="utf-8")
    print(printed)


if __name__ == "__main__":
    main()
