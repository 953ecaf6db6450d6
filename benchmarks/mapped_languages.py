"""How well other languages fit into Kokoro's symbols, and how well their text path is understood.

    python benchmarks/mapped_languages.py phones              # rows of the table in docs/languages.md
    python benchmarks/mapped_languages.py nearest             # the table of phones beside panphon's features
    python benchmarks/mapped_languages.py speech CLIPS.tsv    # character errors; a line: recording, language[, words]
    python benchmarks/mapped_languages.py speech CLIPS.tsv --adapter models/adapter/content_adapter.safetensors
    python benchmarks/mapped_languages.py said [--languages de nl]   # character errors of spoken names of countries

``phones`` takes its words from Unicode's CLDR (names of languages, countries, months), as babel has it; ``nearest``
needs panphon (Mortensen et al. 2016). ``said`` lets Kokoro speak names of countries, in phonemes and in this package's
mapping of them, and espeak-ng's own voice the same, and prints how many characters Whisper hears otherwise in each: the
second says how well Whisper knows the language at all.
"""

import argparse
import ctypes
import unicodedata
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rapidfuzz.distance import Levenshtein

from nuanced_speech.convert.options import ConversionOptions
from nuanced_speech.core.symbols import PUNCTUATION, vocabulary
from nuanced_speech.text.articulation import EVERY, TABLE, Sound, sounds
from nuanced_speech.text.engines import engine
from nuanced_speech.text.languages import ESPEAK_LANGUAGES, MAPPED_LANGUAGES

WORDS = 400
# Eight countries whose names differ between languages, and what speaks them.
COUNTRIES = ("DE", "GR", "NO", "EG", "CH", "TR", "JP", "HU")
SPEAKER = "af_heart"


def phones() -> None:
    """Print, for every language, what its sounds become."""
    from babel import Locale

    for code, voice in sorted(MAPPED_LANGUAGES.items()):
        locale = Locale.parse(voice)
        names = [*locale.languages.values(), *locale.territories.values(), *locale.months["format"]["wide"].values()]
        found: Counter[tuple[str, Sound]] = Counter()
        for text in names[:WORDS]:
            found.update(sounds(engine(code).ipa(text), code))  # type: ignore[attr-defined]
        columns = []
        for nearness in ("near", "far", "none"):
            of_kind = [
                (phone, sound.symbols) for (phone, sound), _ in found.most_common() if sound.nearness == nearness
            ]
            columns.append(" ".join(f"{phone}→{symbols or '∅'}" for phone, symbols in of_kind) or "–")
        tones = any(sound.nearness == "tone" for _, sound in found)
        print(f"| {locale.english_name} | {code} | {voice} | {' | '.join(columns)} | {'not spoken' if tones else ''} |")


def nearest() -> None:
    """Print the three symbols of Kokoro that share most features with each phone of the table, and what it says."""
    from panphon import FeatureTable

    features = FeatureTable()
    known = [symbol for symbol in vocabulary() if features.fts(symbol) and symbol not in PUNCTUATION]
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        languages, phone, symbols, *_ = line.split("\t") if not line.startswith("#") else ("", "", "")
        if languages == EVERY and len(phone) == 1 and features.fts(phone):
            ordered = sorted(known, key=lambda symbol: features.weighted_feature_edit_distance(phone, symbol))
            print(f"{phone} → {symbols or '∅'}; by features {' '.join(ordered[:3])}")


def speech(clips: Path, adapter: Path | None, paths: Sequence[str]) -> None:
    """Print the character errors of the text path and of the direct path, output against source."""
    from nuanced_speech import audio
    from nuanced_speech.audio.resampling import to_16k
    from nuanced_speech.convert.converter import Converter
    from nuanced_speech.models.bank import ModelBank

    converter = Converter(ModelBank(adapter=adapter))
    totals: Counter[tuple[str, str, str]] = Counter()
    for line in clips.read_text(encoding="utf-8").splitlines():
        name, language, *words = line.split("\t")
        wave = audio.read(clips.parent / name)
        source = _heard(converter.models.transcriber.transcribe(to_16k(wave), language).text)
        for path in paths:
            output = converter.convert(
                wave, ConversionOptions(path=path, language=language), sample_rate=audio.SAMPLE_RATE
            ).audio
            heard = _heard(converter.models.transcriber.transcribe(to_16k(output), language).text)
            totals[language, path, "errors"] += Levenshtein.distance(source, heard)
            totals[language, path, "characters"] += len(source)
            said = _heard(words[0]) if words and words[0] else ""
            totals[language, path, "more"] += Levenshtein.distance(said, heard) - Levenshtein.distance(said, source)
            print(f"{name} {path}: {source} | {heard}", flush=True)
    for language, path in sorted({key[:2] for key in totals}):
        errors, characters, more = (totals[language, path, key] for key in ("errors", "characters", "more"))
        print(
            f"{language} {path}: {errors / characters:.1%} of {characters} otherwise than the source; {more:+} errors"
        )


def said(languages: Sequence[str]) -> None:
    """Print the character errors of countries' names, spoken by Kokoro and by espeak-ng's own voice."""
    from babel import Locale

    from nuanced_speech import audio
    from nuanced_speech.audio.resampling import to_16k
    from nuanced_speech.models.bank import ModelBank
    from nuanced_speech.synthesis.text_to_speech import TextToSpeech

    models = ModelBank()
    speech, espeak = TextToSpeech(models), EspeakVoice()
    print("| language | characters | otherwise, by Kokoro | by espeak-ng's voice |\n|---|---|---|---|")
    for code in languages or sorted([*MAPPED_LANGUAGES, *ESPEAK_LANGUAGES]):
        voice = MAPPED_LANGUAGES.get(code, code)
        locale = Locale.parse(voice)
        text = ", ".join(locale.territories[country] for country in COUNTRIES if country in locale.territories) + "."
        if text == ".":
            # Unicode's data has no names in it
            continue
        waves = (
            to_16k(speech.speak(text, SPEAKER, code)),
            audio.resample(espeak(text, voice), espeak.rate, audio.WHISPER_SAMPLE_RATE),
        )
        true = _heard(text)
        errors = [
            Levenshtein.distance(true, _heard(models.transcriber.transcribe(wave, code).text)) / len(true)
            for wave in waves
        ]
        print(f"| {locale.english_name} | {len(true)} | {errors[0]:.0%} | {errors[1]:.0%} |", flush=True)


class EspeakVoice:
    """espeak-ng's own formant voice, by its library."""

    def __init__(self) -> None:
        import espeakng_loader

        callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)
        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        self._pieces: list[np.ndarray] = []
        # 1: sound is handed over and not played
        self.rate = int(self._library.espeak_Initialize(1, 0, espeakng_loader.get_data_path().encode(), 0))
        self._callback = callback(self._keep)
        self._library.espeak_SetSynthCallback(self._callback)

    def __call__(self, text: str, voice: str) -> np.ndarray:
        """Speech float32 ``[T]`` at ``rate``."""
        self._pieces.clear()
        data = text.encode()
        if self._library.espeak_SetVoiceByName(voice.encode()):
            self._library.espeak_SetVoiceByName(voice.split("-")[0].encode())
        # 1: the text is UTF-8
        self._library.espeak_Synth(data, len(data) + 1, 0, 0, 0, 1, None, None)
        # a voice that the library does not have says nothing
        return np.concatenate([np.zeros(self.rate, np.int16), *self._pieces]).astype(np.float32) / 32768

    def _keep(self, samples: Any, count: int, _events: object) -> int:
        if samples and count:
            self._pieces.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0


def _heard(text: str) -> str:
    # letters, digits and the vowel signs of Indian scripts
    return "".join(character for character in text.lower() if unicodedata.category(character)[0] in "LMN")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("phones", "nearest", "speech", "said"))
    parser.add_argument("clips", type=Path, nargs="?", help="for speech: tab-separated file")
    parser.add_argument("--adapter", type=Path, help="content adapter in place of the packaged one")
    parser.add_argument("--paths", nargs="+", choices=("text", "direct"), default=["text", "direct"])
    parser.add_argument("--languages", nargs="+", default=[], help="for said: codes; all if omitted")
    arguments = parser.parse_args()
    if arguments.what == "speech":
        if arguments.clips is None:
            parser.error("speech needs a file of recordings")
        speech(arguments.clips, arguments.adapter, arguments.paths)
    elif arguments.what == "said":
        said(arguments.languages)
    else:
        {"phones": phones, "nearest": nearest}[arguments.what]()
