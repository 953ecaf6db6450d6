"""Does Whisper hear what was written? python benchmarks/say_roundtrip.py [--lines 20] [--whisper base]

Each line of ``benchmarks/text/written_lines.tsv`` is spoken as it is written, and so is its spoken form. A line is
right when Whisper hears the same words in both: what Whisper mishears or writes as digits is then no error of the text.
Lines of which both forms have the same phonemes and pauses have the same audio, which is made and transcribed for
``--listen`` of them only.
"""

import argparse
import re
from pathlib import Path

import numpy as np

from nuanced_speech.audio.resampling import to_16k
from nuanced_speech.core.constants import SAMPLE_RATE
from nuanced_speech.models.bank import ModelBank
from nuanced_speech.synthesis.text_to_speech import speak
from nuanced_speech.synthesis.utterances import segment_parts
from nuanced_speech.text.frontend import written_segments

LINES = Path(__file__).parent / "text" / "written_lines.tsv"


def heard(models: ModelBank, text: str, voice: str) -> str:
    """The letters and digits that Whisper hears when a text is spoken."""
    wave = np.pad(speak(text, voice, models=models), SAMPLE_RATE // 4)
    transcript = models.transcriber.transcribe(to_16k(wave), "en")
    return re.sub(r"[^a-z0-9]", "", transcript.text.lower())


def uttered(text: str) -> list[tuple[object, ...]]:
    """All that decides what is heard of a text: phonemes, ends of sentences and pauses."""
    return [
        (part.phonemes, part.sentence, part.end, part.pause, part.speed)
        for part in segment_parts(written_segments(text), lambda voice: ("en", False))
    ]


def main() -> None:
    """Print the share of right lines, and the others."""
    parser = argparse.ArgumentParser(description="Share of written lines that are heard as their spoken form is.")
    parser.add_argument("--lines", type=int, default=200, help="Number of lines, spread over the file.")
    parser.add_argument("--listen", type=int, default=10, help="Number of lines alike that are heard all the same.")
    parser.add_argument("--whisper", default="base", help="Whisper model.")
    parser.add_argument("--voice", default="af_heart", help="Voice.")
    arguments = parser.parse_args()
    lines = [line.split("\t") for line in LINES.read_text(encoding="utf-8").splitlines()[1:]]
    chosen = [lines[k] for k in np.linspace(0, len(lines) - 1, min(arguments.lines, len(lines))).astype(int)]
    models = ModelBank("cpu", arguments.whisper)
    alike = [uttered(written) == uttered(spoken) for written, spoken in chosen]
    listened = set(
        np.flatnonzero(alike)[:: max(sum(alike) // max(arguments.listen, 1), 1)][: arguments.listen].tolist()
    )
    right = 0
    for k, (written, spoken) in enumerate(chosen):
        if alike[k] and k not in listened:
            right += 1
            continue
        first, second = (heard(models, text, arguments.voice) for text in (written, spoken))
        right += first == second
        if first != second:
            print(f"{written!r} is heard as {first}, {spoken!r} as {second}", flush=True)
    print(f"{sum(alike)} of {len(chosen)} lines have the phonemes of their spoken form")
    print(f"{right} of {len(chosen)} lines ({100 * right / len(chosen):.1f} %) are heard as their spoken form is")


if __name__ == "__main__":
    main()
