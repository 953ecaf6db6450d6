"""Sentences at different speeds, spoken by stock voices and written down by Whisper.

    python benchmarks/speed.py [--stretch only-kokoro] [--sentences 30] [--voices af_heart am_michael]

Prints a Markdown table of the words that Whisper transcribes otherwise, in percent of the words spoken, at every
speed. With ``--stretch only-kokoro``, Kokoro speaks at all speeds itself; this tells which speeds it speaks cleanly.
With ``--stretch only-stretch``, Kokoro speaks at speed 1 and all the rest is stretched.
"""

from __future__ import annotations

import argparse
import sys
from statistics import mean

import numpy as np

from nuanced_speech import audio
from nuanced_speech.models.bank import ModelBank
from nuanced_speech.models.whisper import WhisperModel
from nuanced_speech.synthesis.speaking import KOKORO_SPEEDS, SpeedRange
from nuanced_speech.synthesis.text_to_speech import TextToSpeech
from nuanced_speech.text.word_errors import word_errors

RANGES = {"both": KOKORO_SPEEDS, "only-kokoro": SpeedRange(0.1, 10.0), "only-stretch": SpeedRange(1.0, 1.0)}
# Seconds of silence between the sentences.
PAUSE = 0.7
SPEEDS = (0.5, 0.7, 1.0, 1.3, 1.5, 1.8, 2.0, 2.5, 3.0)
SENTENCES = (
    "This sentence should be complete.",
    "The children walked to the park because the weather was beautiful this morning.",
    "She opened the letter slowly and read it twice before she answered.",
    "We have to leave the house before the rain begins.",
    "The old man sold fresh bread and warm milk at the corner of the street.",
    "Nobody knew why the train had stopped in the middle of the forest.",
    "Please put the blue cup on the table next to the window.",
    "My brother bought a small boat and painted it green.",
    "The doctor said that she should drink more water and sleep longer.",
    "Two birds were singing on the roof of the school.",
    "He wrote the number on a piece of paper and forgot it in the kitchen.",
    "A good book is the best company on a long journey.",
    "The river was so cold that none of us wanted to swim.",
    "They built a bridge of wood and stone across the valley.",
    "Can you tell me the way to the nearest station?",
    "The teacher asked a question, but the room stayed quiet.",
    "It was too dark to see the road in front of the car.",
    "The farmer counted his sheep every evening before dinner.",
    "I would like to learn how to play the piano.",
    "The shop closes at six, so we should hurry.",
    "Her voice was soft, and yet everyone could hear her.",
    "The wind took his hat and carried it over the fence.",
    "Some people prefer the mountains, and others love the sea.",
    "The kitchen smelled of coffee and fresh bread.",
    "He missed the bus because his watch was slow.",
    "There is a hidden garden behind the yellow house.",
    "We watched the stars until the fire went out.",
    "The queen gave the young soldier a silver ring.",
    "Every winter the lake freezes and the town comes to skate.",
    "Thank you for waiting so long; your table is ready now.",
)


def transcribed_otherwise(
    models: ModelBank, listener: WhisperModel, voice: str, sentences: tuple[str, ...], speed: float, speeds: SpeedRange
) -> float:
    """Word error rate of sentences, each spoken by itself, as Whisper writes them down."""
    silence = np.zeros(round(PAUSE * audio.SAMPLE_RATE), np.float32)
    waves = [silence]
    for sentence in sentences:
        parts = TextToSpeech(models, kokoro_speeds=speeds).stream(sentence, voice, speed=speed)
        waves += [*(part.audio for part in parts), silence]
    wave = audio.resample(np.concatenate(waves), audio.SAMPLE_RATE, audio.WHISPER_SAMPLE_RATE)
    return word_errors(" ".join(sentences), listener.transcribe(wave, "en").text, "en").wer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stretch", choices=RANGES, default="both", help="Who makes the speed.")
    parser.add_argument("--sentences", type=int, default=len(SENTENCES), help="Number of sentences.")
    parser.add_argument("--voices", nargs="+", default=["af_heart", "am_michael", "bf_emma"], help="Stock voices.")
    parser.add_argument("--speeds", nargs="+", type=float, default=SPEEDS, help="Speeds.")
    parser.add_argument("--whisper", default="base", help="Whisper model.")
    options = parser.parse_args()
    models, listener = ModelBank(), WhisperModel(options.whisper)
    print(f"| speed | {' | '.join(options.voices)} | mean |\n|---{'|---' * (len(options.voices) + 1)}|")
    for speed in options.speeds:
        rates = [
            transcribed_otherwise(
                models, listener, voice, SENTENCES[: options.sentences], speed, RANGES[options.stretch]
            )
            for voice in options.voices
        ]
        cells = [f"{rate:.1%}" for rate in (*rates, mean(rates))]
        print(f"| {speed:g} | {' | '.join(cells)} |", flush=True)
    print(f"{options.stretch}, {options.sentences} sentences, Whisper {options.whisper}", file=sys.stderr)


if __name__ == "__main__":
    main()
