"""How much written text the front end reads rightly: python benchmarks/text_normalisation.py FOLDER [--failures]

FOLDER holds LANGUAGE.tsv files of test cases: kind, written form, and one or more right readings, separated by tabs. A
case is right when its phonemes equal those of a reading, stress, spaces and punctuation aside. ``debatable.tsv`` beside
this script adds readings that are as right as the listed ones, each with its reason; they are counted apart.
"""

import argparse
import statistics
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from nuanced_speech.core.errors import UserError
from nuanced_speech.core.symbols import PUNCTUATION
from nuanced_speech.text import frontend
from nuanced_speech.text.g2p import phonemize
from nuanced_speech.text.languages import missing_packages
from nuanced_speech.text.readings import german

DEBATABLE = Path(__file__).parent / "text" / "debatable.tsv"
_SILENT = set(PUNCTUATION + " ˈˌ-–'`\"«»[]{}/。、・「」") | {"\u0329"}


@dataclass(frozen=True)
class Case:
    """A written form, its right readings, and further ones that may be argued for."""

    kind: str
    written: str
    readings: list[str]
    debatable: list[str]


def read_cases(path: Path) -> list[Case]:
    """The test cases of a language."""
    argued = [line.split("\t") for line in DEBATABLE.read_text(encoding="utf-8").splitlines()[1:] if line]
    cases = []
    for line in path.read_text(encoding="utf-8").splitlines():
        kind, written, *readings = line.split("\t")
        more = [reading for language, text, reading, _ in argued if language == path.stem and text == written]
        cases.append(Case(kind, written, readings, more))
    return cases


def sounds(text: str, language: str, written: bool = False) -> str:
    """Phonemes of a text without stress, spaces and punctuation."""
    if language == "de" and not written:
        # the listed readings have spaces inside numbers, where German writes none, and espeak-ng speaks them otherwise
        text = german.after_grammar(text)
    try:
        phonemes = phonemize(text, language, written=written)
    except UserError:
        return ""
    return "".join(symbol for symbol in phonemes if symbol not in _SILENT)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Share of written text that is read rightly.")
    parser.add_argument("folder", type=Path, help="Folder of LANGUAGE.tsv files.")
    parser.add_argument("--languages", default="", help="Languages to measure, separated by commas. All if omitted.")
    parser.add_argument("--failures", action="store_true", help="Print what was read otherwise.")
    arguments = parser.parse_args()
    chosen = [language for language in arguments.languages.split(",") if language]
    print(
        "| language | cases | right | with debatable readings | grammar loads | ms a case, median | failures by kind |"
    )
    print("|---|---|---|---|---|---|---|")
    for path in sorted(arguments.folder.glob("*.tsv")):
        language = path.stem
        if chosen and language not in chosen:
            continue
        if missing_packages(language):
            print(f"{language} is left out: pip install {' '.join(missing_packages(language))}", file=sys.stderr)
            continue
        _measure(path, language, arguments.failures)


def _measure(path: Path, language: str, failures: bool) -> None:
    cases = read_cases(path)
    start = time.process_time()
    frontend.spoken_text("1.", language)
    load = time.process_time() - start
    right, argued, times, wrong = 0, 0, [], []
    for case in cases:
        start = time.process_time()
        said = frontend.spoken_text(case.written, language)
        times.append(1000 * (time.process_time() - start))
        heard = sounds(case.written, language, written=True)
        if heard in [sounds(reading, language) for reading in case.readings]:
            right += 1
        elif heard in [sounds(reading, language) for reading in case.debatable]:
            argued += 1
        else:
            wrong.append((case, said))
    kinds = Counter(case.kind for case, _ in wrong)
    listed = ", ".join(f"{kind} {count}" for kind, count in kinds.most_common())
    share, with_argued = (f"{100 * n / len(cases):.1f} %" for n in (right, right + argued))
    median = statistics.median(times)
    print(
        f"| {language} | {len(cases)} | {share} | {with_argued} | {load:.2f} s | {median:.1f} | {listed} |", flush=True
    )
    for case, said in wrong if failures else ():
        print(f"    {case.kind}: {case.written!r} → {said!r}, not {' or '.join(map(repr, case.readings))}")


if __name__ == "__main__":
    main()
