"""Compiled text-normalisation grammars, and the words that they give for a sentence.

The grammars are those of NeMo-text-processing 1.2.0 (NVIDIA, Apache-2.0; Zhang et al. 2021, arXiv:2104.05055): weighted
finite-state transducers over bytes. ``benchmarks/text_grammars.py`` compiled them once with pynini. Here kaldifst runs
them, which needs no compiler. The tagger turns a sentence into classified tokens, ``tokens { money { … } }``;
the verbaliser turns a token into words, for one order of its fields.
"""

import hashlib
import itertools
import lzma
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from nuanced_speech.core.cache import cache_folder
from nuanced_speech.core.constants import DATA
from nuanced_speech.core.errors import UserError
from nuanced_speech.core.files import replacing, temporary_folder

FOLDER = DATA / "grammars"
# Orders of a token's fields that are tried: all orders of six.
_ORDERS = 720
_FIELD = re.compile(r'\s*([A-Za-z_]+)\s*(?::\s*"(.*?)"(?=\s)|:\s*true(?=[\s}])|(\{))', re.S)
_CLOSE = re.compile(r"\s*\}")

Fields = dict[str, Any]


def languages() -> list[str]:
    """Languages that have grammars."""
    return sorted({path.name.split("_")[0] for path in FOLDER.glob("*_tagger.fst.xz")})


def verbalized(sentence: str, language: str) -> str | None:
    """A sentence with numbers and signs as words, and single spaces between all words and marks.

    None where the grammar accepts no reading.
    """
    tagged = _grammar(language, "tagger")(sentence)
    words: list[str] = []
    for kind, token in _tokens(tagged) if tagged else ():
        if kind != "tokens" or not isinstance(token, dict):
            return None
        word = _word(token, language)
        if word is None:
            return None
        words.append(word)
    return " ".join(" ".join(words).split()) or None


def _word(token: Fields, language: str) -> str | None:
    """The words of a token, by the first order of its fields that the verbaliser accepts."""
    if set(token) == {"name"} and isinstance(token["name"], str):
        return token["name"]
    grammar = _grammar(language, "verbalizer")
    for fields in itertools.islice(_orders(token), _ORDERS):
        if words := grammar(f"tokens {{ {fields} }}"):
            return words
    return None


def _tokens(text: str) -> list[tuple[str, Any]]:
    """The tokens of a tagged text; none of one that cannot be read to its end, since words would be lost."""
    fields, end = _fields(text + " ", 0)
    return fields if not text[end:].strip() else []


def _fields(text: str, start: int) -> tuple[list[tuple[str, Any]], int]:
    """Fields from a place of a tagged text to the closing brace, and the place after that."""
    fields: list[tuple[str, Any]] = []
    while match := _FIELD.match(text, start):
        if match[3]:
            inside, start = _fields(text, match.end())
            fields.append((match[1], dict(inside)))
        else:
            fields.append((match[1], True if match[2] is None else match[2]))
            start = match.end()
    close = _CLOSE.match(text, start)
    return fields, close.end() if close else start


def _orders(fields: Fields) -> Iterator[str]:
    """A token's fields as text, in every order, the given one first."""
    orders = [tuple(fields)] if "preserve_order" in fields else itertools.permutations(fields)
    for order in orders:
        options = [list(_texts(name, fields[name])) for name in order]
        yield from ("".join(choice) for choice in itertools.product(*options))


def _texts(name: str, value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (f" {name} {{ {inside} }} " for inside in _orders(value))
    else:
        yield f"{name}: true " if value is True else f'{name}: "{value}" '


@lru_cache
def _grammar(language: str, part: str) -> Any:
    import kaldifst

    packed = FOLDER / f"{language}_{part}.fst.xz"
    path = _unpacked(packed)
    if path is not None:
        return kaldifst.TextNormalizer(str(path))
    with temporary_folder() as folder:
        temporary = folder / "grammar.fst"
        temporary.write_bytes(lzma.decompress(packed.read_bytes()))
        return kaldifst.TextNormalizer(str(temporary))


def _unpacked(packed: Path) -> Path | None:
    """A grammar in the cache folder, unpacked when it is first used; None where the cache cannot be written."""
    data = packed.read_bytes()
    # the name changes with the grammar, so that another version of the package has its own
    path = cache_folder() / "grammars" / f"{packed.name.split('.')[0]}-{hashlib.sha256(data).hexdigest()[:12]}.fst"
    if not path.exists():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(path) as temporary:
                temporary.write_bytes(lzma.decompress(data))
        except (OSError, UserError):
            return None
    return path
