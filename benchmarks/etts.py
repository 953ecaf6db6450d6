"""New sentences in known and unknown voices: are they understood, and who is heard?

    python benchmarks/etts.py RECORDINGS [--checkpoint FILE] [--vocoder NAME ...] [--sentences 20] [--out outputs/etts]

RECORDINGS has a folder for each speaker that the model never heard; its voices are stock ones that were in training.
An unknown speaker's embedding is that of one recording, and SECS is measured against another of the same speaker; a
stock voice's is measured against what Kokoro says in it. WER is that of Whisper base, pooled over all sentences. The
first row is what was to be reached: Kokoro itself. Needs the extra ``evaluate``.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from nuanced_speech import audio
from nuanced_speech.dsp.mel import MEL
from nuanced_speech.evaluate.benchmark import machine
from nuanced_speech.evaluate.metrics import require_resemblyzer, speaker_similarity
from nuanced_speech.models.whisper import WhisperModel
from nuanced_speech.synthesis import text_to_speech as synthesis
from nuanced_speech.text.word_errors import WordErrors, word_errors
from nuanced_speech.train.configs import SENTENCES
from nuanced_speech.train.corpus import read_sentences
from nuanced_speech.tts import vocoders
from nuanced_speech.tts.acoustic import weights
from nuanced_speech.tts.acoustic.infer import pieces_of, stream
from nuanced_speech.tts.acoustic.speakers import PASSAGE, embedding_of

# None of them is among the texts that the training data were spoken from.
TEXTS = (
    "The baker opened his shop an hour before sunrise.",
    "My sister keeps a diary under her pillow.",
    "Please turn left at the church and follow the river.",
    "We waited for the train until our feet were cold.",
    "A yellow kite was caught in the branches of the oak.",
    "The doctor asked him how long he had been coughing.",
    "Nothing in the letter explained why she had gone.",
    "Fresh paint makes an old house look young again.",
    "They crossed the desert with two camels and a map.",
    "Could you lend me your umbrella until tomorrow morning?",
    "The violin teacher praised everyone except her own son.",
    "It rained so hard that the cellar filled with water.",
    "His grandfather carved small birds out of driftwood.",
    "The judge read the sentence in a quiet voice.",
    "Every window in the street was dark but one.",
    "She bought three pounds of cherries at the market.",
    "The pilot could see the lights of the harbor below.",
    "Children learn to whistle long before they learn to wait.",
    "An honest answer is worth more than a clever one.",
    "The clock in the hall has been wrong for years.",
)
KNOWN = ("af_heart", "am_michael", "bf_emma")
Say = Callable[[str], np.ndarray]


def measure(
    say: Say, wanted: np.ndarray, texts: list[str], listener: WhisperModel, keep: Path
) -> tuple[WordErrors, float]:
    """Errors of all texts, and the mean SECS to ``wanted`` (both at the mel's rate)."""
    keep.mkdir(parents=True, exist_ok=True)
    errors, likeness = [], []
    for number, text in enumerate(texts, 1):
        wave = say(text)
        audio.write(keep / f"{number:02d}.wav", wave, MEL.sample_rate)
        heard = listener.transcribe(audio.resample(wave, MEL.sample_rate, audio.WHISPER_SAMPLE_RATE), "en").text
        errors.append(word_errors(text, heard))
        (keep / f"{number:02d}.txt").write_text(f"{text}\n{heard}\n", encoding="utf-8")
        found = speaker_similarity(wave, wanted, MEL.sample_rate)
        assert found is not None
        likeness.append(found)
    return sum(errors[1:], errors[0]), float(np.nanmean(likeness))


def kokoro_says(voice: str) -> Say:
    """Kokoro's own voice, at the mel's rate."""
    return lambda text: audio.resample(synthesis.speak(text, voice), audio.SAMPLE_RATE, MEL.sample_rate)


def model_says(checkpoint: Path | None, vocoder: str, embedding: torch.Tensor) -> Say:
    """The model under test, through a vocoder."""
    model, speaks = weights.load(checkpoint), vocoders.load(vocoder)
    return lambda text: np.concatenate([s.audio for s in stream(pieces_of(text), model, speaks, embedding)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recordings", type=Path)
    parser.add_argument("--checkpoint", type=Path)
    parser.add_argument("--vocoder", action="append", metavar="NAME", help="default, griffin-lim or a file; repeatable")
    parser.add_argument("--sentences", type=int, default=len(TEXTS))
    parser.add_argument("--speakers", type=int, default=3, help="unseen ones")
    parser.add_argument("--kokoro", action="store_true", help="measure Kokoro itself too")
    parser.add_argument("--out", type=Path, default=Path("outputs/etts"))
    arguments = parser.parse_args()
    require_resemblyzer()
    texts = list(TEXTS[: arguments.sentences])
    known = set(read_sentences(SENTENCES))
    assert not known & set(texts), "a sentence was in training"
    listener = WhisperModel("base")
    folders = sorted(path for path in arguments.recordings.iterdir() if path.is_dir())[: arguments.speakers]

    # Who speaks: a name, the embedding, and a recording of the voice that is wanted.
    voices: list[tuple[str, torch.Tensor, np.ndarray]] = []
    for voice in KNOWN:
        voices.append((f"known: {voice}", embedding_of(voice), kokoro_says(voice)(PASSAGE)))
    for folder in folders:
        # the longest two of a speaker: one to learn who it is from, one to compare with
        longest = sorted(audio.recordings_in(folder), key=lambda path: -path.stat().st_size)[:2]
        voices.append(
            (f"unseen: {folder.name}", embedding_of(str(longest[0])), audio.read(longest[1], MEL.sample_rate))
        )

    rows = []
    started = time.monotonic()
    if arguments.kokoro:
        for name, _, wanted in voices[: len(KNOWN)]:
            voice = name.split()[1]
            errors, likeness = measure(kokoro_says(voice), wanted, texts, listener, arguments.out / "kokoro" / voice)
            rows.append(("Kokoro itself", name, errors, likeness))
    for vocoder in arguments.vocoder or ["default"]:
        for name, embedding, wanted in voices:
            keep = arguments.out / Path(vocoder).stem / name.split()[1]
            say = model_says(arguments.checkpoint, vocoder, embedding)
            rows.append((vocoder, name, *measure(say, wanted, texts, listener, keep)))
            print(rows[-1][:2], f"WER {rows[-1][2].wer:.1%}, SECS {rows[-1][3]:.2f}", flush=True)

    lines = ["| vocoder | speaker | WER | CER | SECS |", "|---|---|---|---|---|"]
    for vocoder, name, errors, likeness in rows:
        lines.append(f"| {vocoder} | {name} | {errors.wer:.1%} | {errors.cer:.1%} | {likeness:.2f} |")
    for vocoder in dict.fromkeys(row[0] for row in rows):
        for kind in ("known", "unseen"):
            own = [row for row in rows if row[0] == vocoder and row[1].startswith(kind)]
            if own:
                pooled = sum((row[2] for row in own[1:]), own[0][2])
                mean = np.mean([row[3] for row in own])
                lines.append(f"| {vocoder} | **all {kind}** | {pooled.wer:.1%} | {pooled.cer:.1%} | {mean:.2f} |")
    table = "\n".join(lines) + f"\n\n{len(texts)} sentences; {machine()}; {(time.monotonic() - started) / 60:.1f} min\n"
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "table.md").write_text(table, encoding="utf-8")
    figures = [{"vocoder": r[0], "speaker": r[1], "wer": r[2].wer, "cer": r[2].cer, "secs": r[3]} for r in rows]
    (arguments.out / "figures.json").write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    print(table)


if __name__ == "__main__":
    main()
