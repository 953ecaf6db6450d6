"""How much written text the front end reads rightly: python benchmarks/text_normalisation.py FOLDER [--failures]

FOLDER holds LANGUAGE.tsv files of test cases: kind, written form, and one or more right readings, separated by tabs. Or
it is ``tests/nemo_text_processing`` of the repository NVIDIA/NeMo-text-processing, which has a folder of test cases for
each language; ``--without SEEN`` leaves out those that a folder of LANGUAGE.tsv files has. A case is right when its
phonemes equal those of a reading, stress, spaces and punctuation aside. ``debatable.tsv`` beside this script adds
readings that are as right as the listed ones, each with its reason; they are counted apart.
"""

import argparse
import re
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nuanced_speech.core.errors import UserError
from nuanced_speech.core.symbols import PUNCTUATION
from nuanced_speech.text import frontend
from nuanced_speech.text.g2p import phonemize
from nuanced_speech.text.languages import missing_packages
from nuanced_speech.text.readings import german

DEBATABLE = Path(__file__).parent / "text" / "debatable.tsv"
NEMO_CASES = "data_text_normalization"
_SILENT = set(PUNCTUATION + " ˈˌ-–'`\"«»[]{}/。、・「」") | {"\u0329"}


@dataclass(frozen=True)
class Case:
    """A written form, its right readings, and further ones that may be argued for."""

    kind: str
    written: str
    readings: list[str]
    debatable: list[str]


def read_cases(folder: Path, language: str, seen: Path | None = None) -> list[Case]:
    """The test cases of a language, without those that another folder has. A form that is listed twice has all of its
    readings."""
    argued = [line.split("\t") for line in DEBATABLE.read_text(encoding="utf-8").splitlines()[1:] if line]
    known = {(kind, written) for kind, written, _ in _listed(seen, language)} if seen else set()
    cases: dict[tuple[str, str], Case] = {}
    for kind, written, readings in _listed(folder, language):
        if (kind, written) in known:
            continue
        more = [reading for of, text, reading, _ in argued if of == language and text == written]
        before = cases.get((kind, written))
        listed = [*before.readings, *readings] if before else readings
        cases[kind, written] = Case(kind, written, listed, more)
    return list(cases.values())


def _listed(folder: Path, language: str) -> Iterator[tuple[str, str, list[str]]]:
    """Kind, written form and readings of each case of a folder of either layout."""
    table = folder / f"{language}.tsv"
    if table.exists():
        for line in table.read_text(encoding="utf-8").splitlines():
            kind, written, *readings = line.split("\t")
            yield kind, written, readings
        return
    for path in sorted((folder / language / NEMO_CASES).glob("test_cases_*.txt")):
        kind = path.stem.removeprefix("test_cases_")
        lines = path.read_text(encoding="utf-8").split("\n")
        if kind == "normalize_with_audio":
            # the written form after a tilde, and its readings in the lines below
            for block in re.split(r"^~+", "\n".join(lines), flags=re.M)[1:]:
                written, *readings = (line.strip() for line in block.strip().split("\n"))
                yield kind, written.replace("~", ""), readings
        else:
            for line in lines:
                written, *readings = line.split("~")
                if readings:
                    yield kind, written, readings


def languages_of(folder: Path) -> list[str]:
    """The languages that a folder has test cases of."""
    return sorted(
        {*(path.stem for path in folder.glob("*.tsv")), *(p.parent.name for p in folder.glob(f"*/{NEMO_CASES}"))}
    )


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
    parser.add_argument("folder", type=Path, help="Folder of test cases.")
    parser.add_argument("--without", type=Path, help="Folder of test cases to leave out.")
    parser.add_argument("--languages", default="", help="Languages to measure, separated by commas. All if omitted.")
    parser.add_argument("--failures", action="store_true", help="Print what was read otherwise.")
    arguments = parser.parse_args()
    chosen = [language for language in arguments.languages.split(",") if language]
    print(
        "| language | cases | right | with debatable readings | grammar loads | ms a case, median | failures by kind |"
    )
    print("|---|---|---|---|---|---|---|")
    for language in languages_of(arguments.folder):
        if chosen and language not in chosen:
            continue
        if missing_packages(language):
            print(f"{language} is left out: pip install {' '.join(missing_packages(language))}", file=sys.stderr)
            continue
        _measure(read_cases(arguments.folder, language, arguments.without), language, arguments.failures)


def _measure(cases: list[Case], language: str, failures: bool) -> None:
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
