"""How well other languages fit into Kokoro's symbols, and how well their text path is understood.

    python benchmarks/mapped_languages.py phones              # rows of the table in docs/languages.md
    python benchmarks/mapped_languages.py nearest             # the table of phones beside panphon's features
    python benchmarks/mapped_languages.py speech CLIPS.tsv    # character errors; a line: recording, language[, words]
    python benchmarks/mapped_languages.py speech CLIPS.tsv --adapter models/adapter/content_adapter.safetensors
    python benchmarks/mapped_languages.py said [--languages de nl]   # character errors of spoken names of countries
    python benchmarks/mapped_languages.py table                      # puts them into the table of docs/languages.md

``phones`` takes its words from Unicode's CLDR (names of languages, countries, months), as babel has it; ``nearest``
needs panphon (Mortensen et al. 2016). ``said`` lets Kokoro speak names of countries, in phonemes and in this package's
mapping of them, and espeak-ng's own voice the same, and prints how many characters Whisper hears otherwise in each: the
second says how well Whisper knows the language at all. Each language is written to a file (``--results``) as soon as it
is done, and a later call leaves out those that are there. ``table`` fills the column of errors in the docs from that
file, with "–" and the reason where Whisper hears more than half of the characters otherwise from both.
"""

import argparse
import ctypes
import re
import sys
import time
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from rapidfuzz.distance import Levenshtein

from nuanced_speech.convert.options import ConversionOptions
from nuanced_speech.core.errors import UserError
from nuanced_speech.core.symbols import PUNCTUATION, vocabulary
from nuanced_speech.text.articulation import EVERY, TABLE, Sound, sounds
from nuanced_speech.text.engines import engine
from nuanced_speech.text.languages import ESPEAK_LANGUAGES, MAPPED_LANGUAGES
from nuanced_speech.text.scripts import transliterated

WORDS = 400
# Eight countries whose names differ between languages, and what speaks them.
COUNTRIES = ("DE", "GR", "NO", "EG", "CH", "TR", "JP", "HU")
SPEAKER = "af_heart"
# Share of characters from which on Whisper does not hear a language at all.
UNHEARD = 0.5
RESULTS = Path("outputs/said_languages.tsv")
PAGE = Path("docs/languages.md")
_REASON = re.compile("Whisper base does not|Unicode's data has no names")


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


@dataclass(frozen=True)
class Heard:
    """What Whisper hears of the names of countries in a language.

    Attributes:
        code, name: of the language.
        characters: of the names.
        kokoro, espeak: share of the characters that are heard otherwise, by voice; above 1 where more is heard.
        reason: why nothing was measured; then the numbers are 0.
    """

    code: str
    name: str
    characters: int = 0
    kokoro: float = 0.0
    espeak: float = 0.0
    reason: str = ""

    @property
    def why_not(self) -> str:
        """Why there is no rate; empty where there is one."""
        unheard = min(self.kokoro, self.espeak) > UNHEARD
        return self.reason or (f"Whisper base does not hear it ({self.espeak:.0%} of espeak-ng's voice)" * unheard)

    @property
    def rates(self) -> str:
        """Both rates as a cell of the table."""
        return "–" if self.why_not else f"{self.kokoro:.0%} ({self.espeak:.0%})"


def said(languages: Sequence[str], results: Path, measurer: Callable[[], Callable[[str], Heard]]) -> None:
    """Measure the languages that are not in the file of results, and print all that are asked for as a table.

    ``measurer`` loads what measures a language by its code; it is called only if there is one to measure.
    """
    codes = languages or sorted([*MAPPED_LANGUAGES, *ESPEAK_LANGUAGES])
    done = read_results(results)
    left = [code for code in codes if code not in done]
    print(f"{len(codes) - len(left)} of {len(codes)} languages are in {results}", file=sys.stderr, flush=True)
    if left:
        measure = measurer()
        for number, code in enumerate(left, 1):
            started = time.monotonic()
            done[code] = heard = measure(code)
            _append(results, "\t".join(map(str, astuple(heard))))
            what = heard.reason or f"{heard.kokoro:.0%} by Kokoro, {heard.espeak:.0%} by espeak-ng's voice"
            seconds = time.monotonic() - started
            print(f"{number}/{len(left)} {code} {heard.name}: {what} ({seconds:.0f} s)", file=sys.stderr, flush=True)
    print(
        "| language | characters | otherwise, by Kokoro (by espeak-ng's voice) | no rate because |\n|---|---|---|---|"
    )
    for heard in (done[code] for code in codes):
        print(f"| {heard.name} | {heard.characters} | {heard.rates} | {heard.why_not} |")


def measurer_by(whisper: str) -> Callable[[str], Heard]:
    """What measures a language by its code, with the Whisper model of a name."""
    from nuanced_speech.models.bank import ModelBank
    from nuanced_speech.synthesis.text_to_speech import TextToSpeech

    models = ModelBank(whisper=whisper)
    return partial(_measured, models=models, speech=TextToSpeech(models), espeak=EspeakVoice())


def _append(path: Path, line: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    broken_off = path.exists() and not path.read_text(encoding="utf-8").endswith("\n")
    with path.open("a", encoding="utf-8") as file:
        file.write("\n" * broken_off + line + "\n")


def read_results(path: Path) -> dict[str, Heard]:
    """The languages of a file of results by their codes; a line that was broken off is left out."""
    found = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        fields = line.split("\t")
        if len(fields) == len(Heard.__dataclass_fields__):
            code, name, characters, kokoro, espeak, reason = fields
            found[code] = Heard(code, name, int(characters), float(kokoro), float(espeak), reason)
    return found


def _measured(code: str, models: Any, speech: Any, espeak: "EspeakVoice") -> Heard:
    from babel import Locale, UnknownLocaleError

    from nuanced_speech import audio
    from nuanced_speech.audio.resampling import to_16k

    voice = MAPPED_LANGUAGES.get(code, code)
    try:
        locale = Locale.parse(voice)
    except UnknownLocaleError:
        return Heard(code, code, reason="Unicode's data has no names in it")
    name = locale.english_name or code
    text = ", ".join(locale.territories[country] for country in COUNTRIES if country in locale.territories) + "."
    true = _heard(text)
    if not true:
        return Heard(code, name, reason="Unicode's data has no names in it")
    waves = (
        to_16k(speech.speak(text, SPEAKER, code)),
        audio.resample(espeak(text, voice), espeak.rate, audio.WHISPER_SAMPLE_RATE),
    )
    try:
        texts = [_heard(models.transcriber.transcribe(wave, code).text) for wave in waves]
    except (ValueError, KeyError, UserError):
        return Heard(code, name, len(true), reason="Whisper base does not know it")
    ours, others = (character_errors(true, heard) for heard in texts)
    return Heard(code, name, len(true), ours, others)


def character_errors(true: str, heard: str) -> float:
    """Share of characters that are heard otherwise; Serbian in Latin letters, say, is compared in Latin letters."""
    if _script(true) != _script(heard):
        true, heard = (_heard(transliterated(text)) for text in (true, heard))
    return Levenshtein.distance(true, heard) / max(len(true), 1)


def _script(text: str) -> str:
    scripts = Counter(unicodedata.name(character, "").split(" ")[0] for character in text if character.isalpha())
    return scripts.most_common(1)[0][0] if scripts else ""


def table(results: Path, page: Path = PAGE) -> None:
    """Put the rates of a file of results into the table of languages of a page."""
    page.write_text(with_rates(page.read_text(encoding="utf-8"), read_results(results)), encoding="utf-8")


def with_rates(page: str, results: Mapping[str, Heard]) -> str:
    """A page whose table of languages has the rates of some of them; a reason goes into its last column."""
    lines, column = [], -1
    for line in page.split("\n"):
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")] if line.startswith("|") else []
        if "code" in cells and "errors" in cells:
            column = cells.index("errors")
        elif not cells:
            column = -1
        elif column >= 0 and len(cells) == column + 2 and cells[1] in results:
            heard = results[cells[1]]
            said_before = [part for part in cells[-1].split("; ") if part and not _REASON.match(part)]
            cells[column] = heard.rates
            cells[-1] = "; ".join([*said_before, *([heard.why_not] if heard.why_not else [])])
            line = "| " + " | ".join(cells[:-1]) + f" | {cells[-1]} |"
        lines.append(line)
    return "\n".join(lines)


class EspeakVoice:
    """espeak-ng's own formant voice, by its library."""

    def __init__(self) -> None:
        import espeakng_loader

        callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)
        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        self._pieces: list[np.ndarray] = []
        # 2: sound is handed over, not played, and all of it before a call returns
        self.rate = int(self._library.espeak_Initialize(2, 0, espeakng_loader.get_data_path().encode(), 0))
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
    parser.add_argument("what", choices=("phones", "nearest", "speech", "said", "table"))
    parser.add_argument("clips", type=Path, nargs="?", help="for speech: tab-separated file")
    parser.add_argument("--adapter", type=Path, help="content adapter in place of the packaged one")
    parser.add_argument("--paths", nargs="+", choices=("text", "direct"), default=["text", "direct"])
    parser.add_argument("--languages", nargs="+", default=[], help="for said: codes; all if omitted")
    parser.add_argument("--results", type=Path, default=RESULTS, help="for said and table: file of what is done")
    parser.add_argument("--whisper", default="base", help="for said: Whisper model")
    arguments = parser.parse_args()
    if arguments.what == "speech":
        if arguments.clips is None:
            parser.error("speech needs a file of recordings")
        speech(arguments.clips, arguments.adapter, arguments.paths)
    elif arguments.what == "said":
        said(arguments.languages, arguments.results, lambda: measurer_by(arguments.whisper))
    elif arguments.what == "table":
        table(arguments.results)
    else:
        {"phones": phones, "nearest": nearest}[arguments.what]()
