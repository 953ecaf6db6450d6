"""One sentence in every language of Kokoro's voices, spoken by a stock voice of it and written down by Whisper.

    python benchmarks/languages.py

Prints word and character error rates and writes the audio to ``outputs/languages``. Japanese and Chinese writing does
not tell words apart, so there characters count. The same sounds can be written in several ways (Japanese in kanji or
kana; Hindi, which Whisper writes in Urdu's letters): the error between the consonants of both texts, as espeak-ng and
misaki read them, leaves that out.
"""

import argparse
import re
import sys
from pathlib import Path

from misaki.espeak import EspeakG2P

from nuanced_speech import audio
from nuanced_speech.core.errors import UserError
from nuanced_speech.models.whisper import WhisperModel
from nuanced_speech.synthesis.text_to_speech import TextToSpeech
from nuanced_speech.text.g2p import phonemize
from nuanced_speech.text.word_errors import count_edits, word_errors
from nuanced_speech.voice.stock import iso_639

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

# Whisper writes Chinese in traditional characters unless it is shown which are wanted.
PROMPTS = {"zh": "以下是普通话的句子。"}


def consonants(text: str, language: str, british: bool) -> str:
    """What of a text's pronunciation does not depend on vowels, which Urdu does not write."""
    if re.search("[\u0600-\u06ff]", text):
        phonemes = EspeakG2P(language="ur")(text)[0]
    else:
        phonemes = phonemize(text, language, british)
    return re.sub(r"[\W_ˈˌːʰaɑɐʌəeɛɜiɪoɔuʊæyøœAIOQWY]", "", phonemes)


def main() -> None:
    """Speak, listen, print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--languages", nargs="+", default=list(SENTENCES), choices=SENTENCES)
    parser.add_argument("--whisper", default="base")
    parser.add_argument("--out", type=Path, default=Path("outputs/languages"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    synthesis, listener = TextToSpeech(), WhisperModel(options.whisper)
    print("| language | voice | WER | CER | consonants | heard |\n|---|---|---|---|---|---|")
    for code in options.languages:
        voice, text = SENTENCES[code]
        try:
            wave = synthesis.speak(text, voice)
        except UserError as error:
            print(f"{code}: {error}", file=sys.stderr)
            continue
        audio.write(options.out / f"{code}.wav", wave)
        language = iso_639(code)
        heard = listener.model.transcribe(
            audio.resample(wave, audio.SAMPLE_RATE, audio.WHISPER_SAMPLE_RATE),
            language=language,
            temperature=0.0,
            fp16=False,
            initial_prompt=PROMPTS.get(code),
        )["text"].strip()
        errors = word_errors(text, heard, language)
        wer = "–" if language in ("ja", "zh") else f"{errors.wer:.0%}"
        sounds = [consonants(t, language, code == "en-gb") for t in (text, heard)]
        print(
            f"| {code} | {voice} | {wer} | {errors.cer:.0%} | {count_edits(*sounds).rate:.0%} | {heard} |", flush=True
        )


if __name__ == "__main__":
    main()
