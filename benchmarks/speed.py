"""Sentences at different speeds, spoken by stock voices and written down by Whisper.

    python benchmarks/speed.py [--stretch only-kokoro] [--sentences 30] [--voices af_heart am_michael]
    python benchmarks/speed.py --table [--voices af_heart am_michael]

Prints a Markdown table of the words that Whisper transcribes otherwise, in percent of the words spoken, at every
speed. With ``--stretch only-kokoro``, Kokoro speaks at all speeds itself; this tells which speeds it speaks cleanly.
With ``--stretch only-stretch``, Kokoro speaks at speed 1 and all the rest is stretched.

``--table`` measures which speeds Kokoro speaks cleanly in each English voice, and writes them into the table of the
package (``synthesis/speeds.py``): those at which, and at no speed nearer to 1, the packaged recogniser hears at most
three points more of the phonemes of six sentences otherwise than at speed 1. It takes the packaged fast decoder.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from statistics import mean

import numpy as np
from rapidfuzz.distance import Levenshtein

from nuanced_speech import audio
from nuanced_speech.audio.resampling import to_16k
from nuanced_speech.core.constants import DATA, SAMPLES_PER_UNIT
from nuanced_speech.models.bank import ModelBank
from nuanced_speech.models.decoder import Decoder
from nuanced_speech.models.fast_decoder import FastDecoder
from nuanced_speech.models.phoneme_recognizer import with_silence
from nuanced_speech.models.whisper import WhisperModel
from nuanced_speech.synthesis.speeds import TABLE, SpeedRange, measured_speeds, speed_range
from nuanced_speech.synthesis.text_to_speech import TextToSpeech
from nuanced_speech.text.g2p import phonemize
from nuanced_speech.text.word_errors import word_errors
from nuanced_speech.voice.stock import stock_voices
from nuanced_speech.voice.voice import Voice

RANGES: dict[str, Callable[[Voice], SpeedRange]] = {
    "both": speed_range,
    "only-kokoro": lambda _: SpeedRange(0.1, 10.0),
    "only-stretch": lambda _: SpeedRange(1.0, 1.0),
}
# Seconds of silence between the sentences.
PAUSE = 0.7
# Speeds that the table chooses from, and points over speed 1 that are clean. Faster speech can be clean itself, and
# loses sounds when it is shortened to 2 or 3 (docs/experiments.md, "synthesis: speed 3").
SLOWER, FASTER, CLEAN = (0.8, 0.65), (1.15, 1.3), 0.03
TABLE_SENTENCES = 6
TABLE_HEAD = "# Slowest and fastest speed that Kokoro speaks cleanly, by voice: python benchmarks/speed.py --table"
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
    models: ModelBank,
    listener: WhisperModel,
    voice: str,
    sentences: tuple[str, ...],
    speed: float,
    speeds: Callable[[Voice], SpeedRange],
) -> float:
    """Word error rate of sentences, each spoken by itself, as Whisper writes them down."""
    silence = np.zeros(round(PAUSE * audio.SAMPLE_RATE), np.float32)
    waves = [silence]
    for sentence in sentences:
        parts = TextToSpeech(models, kokoro_speeds=speeds).stream(sentence, voice, speed=speed)
        waves += [*(part.audio for part in parts), silence]
    wave = audio.resample(np.concatenate(waves), audio.SAMPLE_RATE, audio.WHISPER_SAMPLE_RATE)
    return word_errors(" ".join(sentences), listener.transcribe(wave, "en").text, "en").wer


def phonemes_otherwise(models: ModelBank, decoder: Decoder, voice: str, speed: float) -> float:
    """Share of the phonemes of some sentences, spoken by Kokoro at a speed, that the recogniser hears otherwise."""
    speech = TextToSpeech(models, kokoro_speeds=lambda _: SpeedRange(speed, speed), decoder=decoder)
    errors = length = 0
    for sentence in SENTENCES[:TABLE_SENTENCES]:
        wave = speech.speak(sentence, voice, speed=speed)
        encoded = models.feature_extractor.features(with_silence(to_16k(wave)))
        heard = models.phoneme_recognizer.transcribe(encoded, len(wave) // SAMPLES_PER_UNIT)
        true = _sounds(phonemize(sentence, british=voice.startswith("b")))
        errors += Levenshtein.distance(true, _sounds(heard))
        length += len(true)
    return errors / length


def _sounds(phonemes: str) -> str:
    return "".join(p for p in phonemes if p.isalpha())


def clean_speeds(rates: dict[float, float]) -> SpeedRange:
    """The speeds that are clean, by the rate of errors at each that was measured."""
    slowest = fastest = 1.0
    for speed in SLOWER:
        if rates[speed] > rates[1.0] + CLEAN:
            break
        slowest = speed
    for speed in FASTER:
        if rates[speed] > rates[1.0] + CLEAN:
            break
        fastest = speed
    return SpeedRange(slowest, fastest)


def write_table(voices: list[str]) -> None:
    """Measure voices and put them into the table of the package, each as soon as it is measured."""
    models, decoder = ModelBank(), FastDecoder.load(DATA / "fast_decoder.safetensors")
    speeds = sorted((*SLOWER, 1.0, *FASTER))
    print(f"| voice | {' | '.join(f'{speed:g}' for speed in speeds)} | Kokoro's |\n|---{'|---' * (len(speeds) + 1)}|")
    for voice in voices:
        rates = {speed: phonemes_otherwise(models, decoder, voice, speed) for speed in speeds}
        found = clean_speeds(rates)
        cells = [f"{rates[speed]:.1%}" for speed in speeds]
        print(f"| {voice} | {' | '.join(cells)} | {found.slowest:g} to {found.fastest:g} |", flush=True)
        measured_speeds.cache_clear()
        table = measured_speeds() | {voice: found}
        rows = [f"{name}\t{table[name].slowest:g}\t{table[name].fastest:g}" for name in sorted(table)]
        TABLE.write_text("\n".join([TABLE_HEAD, *rows]) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stretch", choices=RANGES, default="both", help="Who makes the speed.")
    parser.add_argument("--sentences", type=int, default=len(SENTENCES), help="Number of sentences.")
    parser.add_argument("--voices", nargs="+", help="Stock voices; three, or for --table all English ones.")
    parser.add_argument("--table", action="store_true", help="Measure the table of the package.")
    parser.add_argument("--speeds", nargs="+", type=float, default=SPEEDS, help="Speeds.")
    parser.add_argument("--whisper", default="base", help="Whisper model.")
    options = parser.parse_args()
    if options.table:
        return write_table(options.voices or [name for name in stock_voices() if name[0] in "ab"])
    voices = options.voices or ["af_heart", "am_michael", "bf_emma"]
    models, listener = ModelBank(), WhisperModel(options.whisper)
    print(f"| speed | {' | '.join(voices)} | mean |\n|---{'|---' * (len(voices) + 1)}|")
    for speed in options.speeds:
        rates = [
            transcribed_otherwise(
                models, listener, voice, SENTENCES[: options.sentences], speed, RANGES[options.stretch]
            )
            for voice in voices
        ]
        cells = [f"{rate:.1%}" for rate in (*rates, mean(rates))]
        print(f"| {speed:g} | {' | '.join(cells)} |", flush=True)
    print(f"{options.stretch}, {options.sentences} sentences, Whisper {options.whisper}", file=sys.stderr)


if __name__ == "__main__":
    main()
