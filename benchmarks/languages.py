"""One sentence in every language of Kokoro's voices, spoken by a stock voice of it and written down by Whisper.

    python benchmarks/languages.py

Prints word and character error rates and writes the audio to ``outputs/languages``. Words are not told apart in
Japanese and Chinese writing, and the same word can be written in kanji or kana, so there characters count, and for
Japanese what is read as well: the error between the phonemes of both texts.
"""

import argparse
import re
import sys
import unicodedata
from itertools import count
from pathlib import Path

import torch

from nuanced_speech import audio
from nuanced_speech.errors import UserError
from nuanced_speech.evaluate.metrics import edit_distance
from nuanced_speech.kokoro import Kokoro
from nuanced_speech.synthesis import LANGUAGES, speak
from nuanced_speech.text import phonemize
from nuanced_speech.whisper import Listener

SENTENCES = {
    "en-us": ("af_heart", "The children walked to the park because the weather was beautiful this morning."),
    "en-gb": ("bm_george", "The children walked to the park because the weather was beautiful this morning."),
    "es": ("ef_dora", "Los niños caminaron hasta el parque porque esta mañana hacía muy buen tiempo."),
    "fr": ("ff_siwis", "Les enfants sont allés au parc à pied parce qu'il faisait beau ce matin."),
    "hi": ("hf_alpha", "आज सुबह मौसम बहुत अच्छा था, इसलिए बच्चे बगीचे में खेलने गए।"),
    "it": ("if_sara", "I bambini sono andati al parco perché questa mattina il tempo era molto bello."),
    "pt-br": ("pf_dora", "As crianças foram ao parque porque o tempo estava muito bonito hoje de manhã."),
    "ja": ("jf_alpha", "今日はとても良い天気なので、子供たちは公園へ散歩に行きました。"),
    "zh": ("zf_xiaobei", "今天早上天气很好，所以孩子们去公园散步了。"),
}


def words(text: str) -> list[str]:
    """Lower-case words without marks."""
    text = unicodedata.normalize("NFKC", text.lower())
    kept = (c if unicodedata.category(c)[0] in "LMN" or c == "'" else " " for c in text)
    return "".join(kept).split()


def rate(wanted: list[str] | str, heard: list[str] | str) -> float:
    """Edits over the length of what was wanted."""
    return edit_distance(wanted, heard) / len(wanted)


def main() -> None:
    """Speak, listen, print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--languages", nargs="+", default=list(SENTENCES), choices=SENTENCES)
    parser.add_argument("--whisper", default="base")
    parser.add_argument("--out", type=Path, default=Path("outputs/languages"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    kokoro, listener = Kokoro(), Listener(options.whisper)
    print("| language | voice | WER | CER | phonemes | heard |\n|---|---|---|---|---|---|")
    for code in options.languages:
        voice, text = SENTENCES[code]
        try:
            wave = speak(text, voice, kokoro=kokoro)
        except UserError as error:
            print(f"{code}: {error}", file=sys.stderr)
            continue
        audio.write(options.out / f"{code}.wav", wave)
        language, british = LANGUAGES[code]
        heard = listener.transcribe(audio.resample(wave, audio.SAMPLE_RATE, 16000), language).text
        a, b = words(text), words(heard)
        wer = "–" if language in ("ja", "zh") else f"{rate(a, b):.0%}"
        cer = rate("".join(a), "".join(b))
        sounds = [re.sub(r"[\W_]", "", phonemize(t, language, british)) for t in (text, heard)]
        print(f"| {code} | {voice} | {wer} | {cer:.0%} | {rate(*sounds):.0%} | {heard} |", flush=True)


if __name__ == "__main__":
    main()
