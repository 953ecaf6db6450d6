"""How well other languages fit into Kokoro's symbols, and how well their text path is understood.

    python benchmarks/mapped_languages.py phones              # rows of the table in docs/languages.md
    python benchmarks/mapped_languages.py nearest             # the table of phones beside panphon's features
    python benchmarks/mapped_languages.py speech CLIPS.tsv    # character errors; a line: recording, language[, words]
    python benchmarks/mapped_languages.py speech CLIPS.tsv --adapter models/adapter/content_adapter.safetensors

``phones`` takes its words from Unicode's CLDR (names of languages, countries, months), as babel has it; ``nearest``
needs panphon (Mortensen et al. 2016).
"""

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rapidfuzz.distance import Levenshtein

from nuanced_speech.convert.options import ConversionOptions
from nuanced_speech.core.symbols import PUNCTUATION, vocabulary
from nuanced_speech.text.articulation import EVERY, TABLE, Sound, sounds
from nuanced_speech.text.engines import engine
from nuanced_speech.text.languages import MAPPED_LANGUAGES

WORDS = 400


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


def _heard(text: str) -> str:
    return "".join(character for character in text.lower() if character.isalnum())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("phones", "nearest", "speech"))
    parser.add_argument("clips", type=Path, nargs="?", help="for speech: tab-separated file")
    parser.add_argument("--adapter", type=Path, help="content adapter in place of the packaged one")
    parser.add_argument("--paths", nargs="+", choices=("text", "direct"), default=["text", "direct"])
    arguments = parser.parse_args()
    if arguments.what == "speech":
        if arguments.clips is None:
            parser.error("speech needs a file of recordings")
        speech(arguments.clips, arguments.adapter, arguments.paths)
    else:
        {"phones": phones, "nearest": nearest}[arguments.what]()
