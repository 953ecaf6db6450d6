"""A sentence as it is written beside the words that are spoken for it, piece by piece."""

import re
from collections import Counter
from dataclasses import dataclass
from difflib import SequenceMatcher

_IDEOGRAPH = "[\u3040-\u30ff\u3400-\u9fff]"
# A letter or digit with its combining marks.
_LETTER = "[^\\W_\u3040-\u30ff\u3400-\u9fff][\u0300-\u036f\u0900-\u0903\u093a-\u094f\u0951-\u0957\u0962\u0963]*"
_TOKEN = re.compile(rf"{_IDEOGRAPH}|(?:{_LETTER})+(?:['’](?:{_LETTER})+)*|\S")
# Pairs of equal words from which on a sentence is one of a few words, again and again.
_MOST_PAIRS = 20_000
_OPENING = frozenset("([{\"'“‘«¿¡「『（-/_")


@dataclass(frozen=True)
class Chunk:
    """A piece of a sentence with the space after it, as written and as spoken."""

    written: str
    spoken: str


def spoken(chunks: list[Chunk]) -> str:
    """The sentence as it is spoken."""
    return "".join(chunk.spoken for chunk in chunks)


def aligned(written: str, words: str) -> list[Chunk]:
    """Chunks of a written sentence and its words, which may have spaces around marks.

    Words and marks that both have keep the spaces of the written sentence.
    """
    before, after = list(_TOKEN.finditer(written)), list(_TOKEN.finditer(words))
    ends = [token.start() for token in before[1:]] + [len(written)]
    first_keys, second_keys = [_key(t) for t in before], [_key(t) for t in after]
    # one word hundreds of times could be aligned in too many ways: it tells nothing then
    often = Counter(first_keys)
    repeated = sum(often[key] for key in second_keys) > _MOST_PAIRS
    matcher = SequenceMatcher(None, first_keys, second_keys, autojunk=repeated)
    chunks: list[Chunk] = []
    for kind, a, b, c, d in matcher.get_opcodes():
        if kind == "insert" and chunks:
            last = chunks.pop()
            inserted = f"{last.spoken.rstrip()} {_joined(words, after[c:d])}"
            chunks.append(
                Chunk(last.written, inserted + _gap(written[before[a - 1].end() : ends[a - 1]], after, d, words))
            )
            continue
        spans = [(k, k + 1, c + k - a, c + k - a + 1) for k in range(a, b)] if kind == "equal" else [(a, b, c, d)]
        for first, stop, c1, d1 in spans:
            text = written[before[first].start() : ends[stop - 1]] if stop > first else ""
            gap = written[before[stop - 1].end() : ends[stop - 1]] if stop > first else " "
            phrase = _joined(words, after[c1:d1])
            chunks.append(Chunk(text, phrase + _gap(gap, after, d1, words) if phrase else ""))
    chunks = _ended(chunks, written)
    start = before[0].start() if before else len(written)
    return [Chunk(written[:start], ""), *chunks] if start else chunks


def _ended(chunks: list[Chunk], written: str) -> list[Chunk]:
    """Chunks whose words end without a space, if the written sentence does."""
    if not written[-1:].isspace():
        for place in range(len(chunks) - 1, -1, -1):
            words = chunks[place].spoken.rstrip()
            chunks[place] = Chunk(chunks[place].written, words)
            if words:
                break
    return chunks


def _key(token: re.Match[str]) -> tuple[str, bool]:
    """What tokens are compared by: a point inside a number is not the full stop of a sentence."""
    following = token.string[token.end() : token.end() + 1]
    return token[0], token[0] in ".,:;-/" and following.isalnum()


def _joined(words: str, tokens: list[re.Match[str]]) -> str:
    """The text from the first of some tokens to the last, without spaces before marks and between ideographs."""
    if not tokens:
        return ""
    text = re.sub(r"\s+(?=[,.;:!?…)\]])", "", words[tokens[0].start() : tokens[-1].end()])
    text = re.sub(r"(?<=\w)\s?'\s?(?=(?:s|t|d|m|ll|re|ve)\b)", "'", text)
    return re.sub(rf"(?<={_IDEOGRAPH})\s+(?={_IDEOGRAPH})", "", text)


def _gap(gap: str, after: list[re.Match[str]], following: int, words: str) -> str:
    """The space after a token: that of the written sentence, or one where two words would be joined otherwise."""
    if gap or not 0 < following < len(after):
        return gap
    last, token = after[following - 1], after[following]
    apart = token.start() > last.end() and token[0][0].isalnum() and last[0] not in _OPENING
    return "" if not apart or re.fullmatch(_IDEOGRAPH, last[0][-1]) else " "
