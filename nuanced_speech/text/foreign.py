"""Words of another language inside a sentence, without quotes, where they are certain.

A table (``benchmarks/foreign_words.py`` made it) has the words of English, German, Spanish, French, Italian, Dutch and
Portuguese that are certain inside English, and English words that are certain inside the others: the language has no
such word. Inside English a stretch has two words or more; inside the others one may do, also one of those that all of
them took from English and say the English way.
"""

import lzma
import re
from collections.abc import Iterator
from functools import lru_cache

from nuanced_speech.core.constants import DATA
from nuanced_speech.text.readings.tables import words as set_of

TABLE = DATA / "foreign_words.tsv.xz"
LANGUAGES = ("de", "es", "fr", "it", "nl", "pt")
# A single word is certain where these have no such word either.
_ROMANCE = frozenset(("es", "fr", "it", "pt"))
# Letters that one word needs to be certain by itself, and that all words of a stretch inside English need.
LETTERS, ENGLISH_LETTERS = 4, 8
# Words that are said the English way in all of these languages, though their dictionaries have some; plurals too.
_TAKEN = set_of(
    """
    amazing awesome backup benchmarking bitcoin blockbuster blockchain bluetooth brainstorming browser burnout
    business chatbot cheerleader cheeseburger coaching comeback cool copyright countdown crowdfunding dashboard
    deadline desktop download ebook facebook feedback feeling firewall framework freelancer gamer google hacker
    hardware hashtag highlight homepage influencer keyboard laptop leadership lifestyle livestream mainstream makeup
    malware marketing meeting mindfulness motherboard mountainbike netflix networking newsfeed newsletter notebook
    offline online outfit outsourcing phishing playlist podcast ransomware roaming screenshot selfie server shopping
    showdown skateboard smartphone smartwatch software soundtrack spoiler spotify spyware startup storytelling
    streaming tablet teenager thriller timeline timing touchscreen trending tweet twitter update upload website
    whatsapp whistleblower workout workshop youtube youtuber
    """
)
# Words of English alone, which the table lacks for their marks or because an old spelling of another language has them.
_SURE = set_of(
    """
    the don't doesn't didn't can't isn't aren't wasn't weren't won't wouldn't couldn't shouldn't hasn't haven't
    i'm i've i'll you're you've you'll we're we've we'll they're
    """
)
# English words that belong to a stretch between others that are certain, in whatever language they are words too.
_BETWEEN = set_of(
    """
    a an the of and or in on to for is it at by we me my no be do so as i am up if he us all with from this that not
    are was has had his her our you your one two new man men art
    """
)
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
# What may stand between two words of a stretch, and what belongs to the stretch before it.
_GAP = re.compile(r"[ ,]{1,2}")
_OPENING, _CLOSING = re.compile(r"[(\[«„“‘\"'¿¡]*$"), re.compile(r"(?:[^\w\s(\[«„“‘¿¡]|[“‘](?!\w))*\s*")


def stretches(text: str, language: str) -> Iterator[tuple[str, str]]:
    """The stretches of a text in order, each with its language; joined they are the text.

    Args:
        text: a sentence in spoken words, its notation hidden.
        language: ISO 639-1.
    """
    start = 0
    for first, last, own in _found(text, language):
        begin = max(_OPENING.search(text, start, first).start(), start)  # type: ignore[union-attr]
        end = _CLOSING.match(text, last).end()  # type: ignore[union-attr]
        if begin > start:
            yield text[start:begin], language
        yield text[begin:end], own
        start = end
    if start < len(text) or not text:
        yield text[start:], language


def _found(text: str, language: str) -> Iterator[tuple[int, int, str]]:
    """Beginning, end and language of the stretches in other languages."""
    words = list(_WORD.finditer(text))
    runs: list[tuple[list[re.Match[str]], str]] = []
    if language == "en":
        for own in LANGUAGES:
            kinds = [_kind(text, word, own, language) for word in words]
            runs += [(run, own) for run in _runs(text, words, kinds, True) if _certain_in_english(run, own)]
    elif language in LANGUAGES:
        kinds = [_kind(text, word, "en", language) for word in words]
        widened = (_widened(text, words, run, language) for run in _runs(text, words, kinds, False))
        runs = [(run, "en") for run in widened if _certain(run, language)]
    end = 0
    for run, own in sorted(runs, key=lambda found: (found[0][0].start(), -len(found[0]))):
        if run[0].start() >= end:
            yield run[0].start(), (end := run[-1].end()), own


def _kind(text: str, word: re.Match[str], own: str, language: str) -> str:
    """Whether a word is a ``certain`` one of another language, one ``taken`` from English, or may stand ``between``."""
    beside = text[max(word.start() - 1, 0) : word.start()] + text[word.end() : word.end() + 1]
    if re.search(r"[\w@/_\-–'’]", beside):
        return ""
    form = _form(word)
    where = _table()[own].get(form)
    if where is not None and language in where:
        return "certain"
    if own == "en":
        return "taken" if _taken(form) else "certain" if form in _SURE else "between" if form in _BETWEEN else ""
    return "" if where is None else "between"


def _taken(form: str) -> bool:
    return form in _TAKEN or form.removesuffix("s") in _TAKEN


def _form(word: re.Match[str]) -> str:
    """A word as the table has it."""
    return word[0].lower().replace("’", "'").removesuffix("'s")


def _runs(text: str, words: list[re.Match[str]], kinds: list[str], edges: bool) -> Iterator[list[re.Match[str]]]:
    """Runs of certain words and those between them, with ``edges`` also those beside them.

    A word that all languages took from English is one by itself: the words beside it are of the sentence.
    """
    run: list[tuple[re.Match[str], str]] = []
    for before, word, kind in zip([None, *words], [*words, None], [*kinds, ""], strict=True):
        joined = before is not None and word is not None and _GAP.fullmatch(text[before.end() : word.start()])
        if run and not (kind in ("certain", "between") and joined):
            certain = [place for place, (_, one) in enumerate(run) if one == "certain"]
            if certain:
                yield [one for one, _ in (run if edges else run[certain[0] : certain[-1] + 1])]
            run = []
        if kind == "taken" and word is not None:
            yield [word]
        elif kind and word is not None:
            run.append((word, kind))


def _certain(run: list[re.Match[str]], language: str) -> bool:
    """Whether an English stretch is certain: a single word that may be a name is not."""
    if len(run) > 1:
        return any(len(word[0]) >= LETTERS for word in run)
    form = _form(run[0])
    name = run[0][0][0].isupper() and language != "de"
    alone = len(form) >= LETTERS and not name and _table()["en"].get(form, frozenset()) >= _ROMANCE
    return alone or _taken(form)


def _certain_in_english(run: list[re.Match[str]], own: str) -> bool:
    """Whether a stretch inside English is: two words, one of them in small letters and no English word."""
    sure = any(word[0].islower() and "en" in _table()[own][_form(word)] for word in run)
    return len(run) > 1 and sure and sum(len(word[0]) for word in run) >= ENGLISH_LETTERS


def _widened(text: str, words: list[re.Match[str]], run: list[re.Match[str]], language: str) -> list[re.Match[str]]:
    """An English stretch with the English words in capitals beside it: the rest of a title or a name."""
    # German writes all nouns in capitals, and a single word may be a name beside others
    if run[0][0] != "The" and (len(run) == 1 or language == "de"):
        return run
    first, last = words.index(run[0]), words.index(run[-1])

    def belongs(place: int, gap: tuple[int, int]) -> bool:
        form = _form(words[place])
        english = form in _table()["en"] and form not in _table()[language]
        return english and words[place][0][0].isupper() and text[slice(*gap)] == " "

    while first > 0 and belongs(first - 1, (words[first - 1].end(), words[first].start())):
        first -= 1
    while last + 1 < len(words) and belongs(last + 1, (words[last].end(), words[last + 1].start())):
        last += 1
    return words[first : last + 1]


@lru_cache
def _table() -> dict[str, dict[str, frozenset[str]]]:
    """Words by their language, each with the languages that certainly have no such word."""
    result: dict[str, dict[str, frozenset[str]]] = {}
    shared: dict[str, frozenset[str]] = {}
    for line in lzma.decompress(TABLE.read_bytes()).decode().splitlines():
        word, own, where = line.split("\t")
        result.setdefault(own, {})[word] = shared.setdefault(where, frozenset(where.split()))
    return result
