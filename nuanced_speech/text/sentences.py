"""Written text split into sentences, with the kind of break after each."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from nuanced_speech.text.readings import german
from nuanced_speech.text.readings.plain_tables import SHORT_FORMS
from nuanced_speech.text.readings.romance_tables import FORMS
from nuanced_speech.text.readings.russian import NAMED_AFTER
from nuanced_speech.text.readings.tables import words

# Letters of a word and of a sentence; longer ones are cut, so that no input takes forever.
MAX_WORD, MAX_SENTENCE = 100, 1000
# A line at least this long that ends without a mark was broken by a text editor, not by its author.
WRAPPED_LINE = 50

_EMOJI = re.compile(
    "[\u200d\u20e3\u2300-\u23ff\u2600-\u27bf\u2b00-\u2bff\ufe0e\ufe0f\U0001f000-\U0001faff\U000e0020-\U000e007f]+"
)
_SENTENCE_END = re.compile(r"(?<![.!?…।])[.!?…।]+[\"'”’»)\]]*\s+|[。！？]+[」』”’）]*\s*")
_CLAUSE_END = re.compile(r"[,;:–—、，；：]\s*|\s-+\s")
_ABBREVIATION = re.compile(
    r"(?:^|[\s(“\"'‘])(?:(?:Mr|Mrs|Ms|[Dd]r|[Pp]rof|Bpk|Dl|Dna|MUDr|JUDr|[Пп]роф|Ft|St|Mt|Sr|Jr|Sra|Dra|M|Mme|Mlle|Capt|Col|Gen|Lt|Rev|Hon|Gov|Sen|vs|No|Nos|"
    r"Vol|Fig|cf|e\.g|i\.e|viz|approx|"
    # German, Dutch, Polish and Russian
    r"ul|(?<=\d\s)(?:Min|Std|Sek)|[Dd]hr|[Mm]evr|[Mm]w|[Dd]rs|[Bb]ijv|św|np|tzw|[Ii]nż|"
    r"Hr|Hrn|Fr|Frl|Nr|nr|Nrn|Kap|Abb|Bd|[Cc]a|bzw|[Vv]gl|z\.\s?B|d\.\s?h|[Ss]tr|[A-ZÄÖÜ][\w-]+str|"
    rf"т\.\s?[ек]|ул|вул|бул|просп|стр|гл|рис|напр|(?:{NAMED_AFTER})\w*\s+им|проф|акад)|[A-HJ-Z](?:\.\s?[A-Z])*)\.\s+$"
)
_BEFORE_NUMBER = re.compile(
    r"\b(?:vols?|pp?|nos?|figs?|chap|chs?|secs?|arts?|eqs?|ops?|eds?|pg|ll?|vv?|tel|ext)\.\s+$", re.I
)
# A word without a vowel before a number ("Rm. 204", "zzgl. 19 %", "kl. 9.15") is short, unless it is all in capitals
# or a unit after a number; so are these, which have a vowel.
_NEAR = 60
_SHORT_WORD = re.compile(r"(?:^|[\s(])(\d[\d.,]*\s)?([^\W\d_]{1,6})\.\s+$")
_VOWEL = re.compile("[aeiouyäöüåæøаеёиоуыэюяіїє]", re.I)
_SHORT = words(
    "cell abs dr jl temp ch rom apt ste bldg max min approx "
    "incl excl inkl exkl abzgl mind evtl blz bijv godz ul al rozdz kap klo tab pag núm pàg "
    "каб кв оф тел вул буд стор корп эт"
)
# "t.ex. 5", "d.w.z. 3", but for "5 p.m. 3 people came"
_POINTED = re.compile(r"(?:^|[\s(])(?<!\d\s)(?:[^\W\d_]{1,3}\.\s?){1,3}[^\W\d_]{1,3}\.\s+$")
_DAY, _MONTH_AND_YEAR = re.compile(r"(?<![\w,])\d{1,2}\.\s+$"), re.compile(r"\d{1,2}\.|(?:19|20)\d\d\b")
_POINTED_DATES = words("de cs sk da no nn fi hu sl hr sr et lv lt is")
_UNITS = words("kg mg km cm mm ml kb mb gb tb hz khz mhz db hr hrs ft lb lbs pts yds min kr кг км см мм хв")
# The same for Spanish, French, Italian and Portuguese.
_ROMANCE = frozenset(("es", "fr", "it", "pt"))
_ROMANCE_ABBREVIATION = re.compile(
    r"(?:^|[\s(«“\"'‘’])(?:[Ss]ras?|[Ss]res|[Ss]rs|[Ss]rta|[Dd]ra|[Pp]rofa|[Ll]ic|[Ii]ng|[Aa]rq|[Mm]ons|[Ss]t[ao]|"
    r"[Gg]ral|[Cc]nel|[Tt]te|Pdte|Excm[oa]|Exm[oa]|V\. Exa|[Aa]vd?a?|[Pp]za|MM|Mgr|Gal|Cdt|[Ss]igg?|[Dd]ott|[Aa]vv|"
    r"[Bb]l?v?d|"
    r"[Aa]rch|[Gg]eom|[Rr]ag|[Oo]n|Spett|Egr|Enga?|Cel|Cap|Ten|Sgto|Pe|Dep|[Aa]pr|[Pp]\. ?ej|[Pp]\. ?ex|[Aa]d es|"
    r"[Pp]\. ?es|(?<!\d\s)[adps])\.\s+$"
)
_ROMANCE_BEFORE_NUMBER = re.compile(
    r"\b(?:págs?|pagg?|núms?|n[nr]?|caps?|capp|artt|figg|éd|tít|tél|t|séc|ss?)\.\s+$", re.I
)
# Turkish and Hungarian put the number of a king before the name.
_NUMBERED_KINGS, _KING = frozenset(("hu", "tr")), re.compile(r"(?:^|\s)[IVX]+\.\s+$")
_COUNTER = re.compile(r"\d|[IVXLC]+\b")
_PARAGRAPH = re.compile(r"\n[^\S\n]*\n\s*")


@dataclass(frozen=True)
class Sentence:
    """A sentence, and the break after it: ``part`` (inside the sentence), ``sentence``, ``line`` or ``paragraph``."""

    text: str
    end: str


def sentences(text: str, language: str = "en") -> Iterator[Sentence]:
    """The sentences of a text in order, without emoji, with single spaces.

    Empty lines separate paragraphs. A single line break ends a sentence after a mark or a short line (verse, a list, a
    heading) and is a space otherwise. Sentences without a letter or digit are left out.
    """
    text = _EMOJI.sub(" ", re.sub(rf"(?<!\s)\s*{_EMOJI.pattern}(?=[.,!?;:…])", "", text))
    text = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    # runs without end, of leaders in a table of contents for one, would make the patterns below slow
    text = re.sub(r"[^\S\n]+", " ", re.sub(r"([.!?…।])\1{3,}", r"\1\1\1", text))
    for paragraph in _PARAGRAPH.split(text):
        blocks = _blocks(paragraph)
        for number, block in enumerate(blocks, 1):
            speakable = [s for s in split_sentences(block, language) if any(c.isalnum() for c in s)]
            for place, sentence in enumerate(speakable, 1):
                parts = list(_cut(sentence))
                for part in parts[:-1]:
                    yield Sentence(part, "part")
                last = "sentence" if place < len(speakable) else "line" if number < len(blocks) else "paragraph"
                yield Sentence(parts[-1], last)


def _blocks(paragraph: str) -> list[str]:
    """Lines; those that an editor wrapped are joined again."""
    blocks: list[str] = []
    wrapped = False
    for line in paragraph.split("\n"):
        plain_line = " ".join(line.split())
        if wrapped:
            blocks[-1] += " " + plain_line
        elif plain_line:
            blocks.append(plain_line)
        wrapped = len(plain_line) >= WRAPPED_LINE and plain_line[-1] not in ".!?…:।。！？"
    return blocks


def split_sentences(text: str, language: str = "en") -> Iterator[str]:
    """The sentences of a paragraph, in order.

    Exclamation and question marks end a sentence unless a small letter follows. A full stop ends one where pysbd, which
    knows the abbreviations of its languages, and the list here agree.
    """
    start, ends = 0, None
    for mark in _SENTENCE_END.finditer(text):
        following = text[mark.end() : mark.end() + 1]
        # abbreviations are shorter: a text without end takes no longer than its length
        before = text[max(start, mark.end() - _NEAR) : mark.end()]
        if following.islower() or _abbreviated(before, text[mark.end() : mark.end() + _NEAR], language):
            continue
        if mark[0][0] == "." and following:
            ends = _full_stops(text, language) if ends is None else ends
            if mark.end() not in ends:
                continue
        yield text[start : mark.end()].strip()
        start = mark.end()
    yield text[start:].strip()


def _abbreviated(before: str, after: str, language: str) -> bool:
    """Whether the full stop at the end of a text is one of an abbreviation."""
    if _ABBREVIATION.search(before) or (after.lstrip("(")[:1].isdigit() and _BEFORE_NUMBER.search(before)):
        return True
    # "no. AB-12", "3:05 p.m. EST"
    if _BEFORE_NUMBER.search(before) and re.match(r"[A-Z]{1,3}-?\d", after):
        return True
    if re.search(r"\d\s?[ap]\.\s?m\.\s+$", before, re.I) and re.match(r"[A-Z]{2,5}\b", after):
        return True
    # "3. 4. 2025"
    if language in _POINTED_DATES and _DAY.search(before) and _MONTH_AND_YEAR.match(after):
        return True
    if after[:1].isdigit() and _POINTED.search(before):
        return True
    if after[:1].isdigit() and (match := _SHORT_WORD.search(before)):
        word = match[2].lower()
        if match[2] in _before_number(language):
            return True
        consonants = len(word) > 1 and not (match[2].isupper() or _VOWEL.search(word))
        if not (match[1] and word in _UNITS) and (word in _SHORT or consonants):
            return True
    if language in _NUMBERED_KINGS and _KING.search(before):
        return True
    if language not in _ROMANCE:
        return False
    if after.startswith("C.") and re.search(r"\b[ad]\.\s+$", before):
        return True
    counted = _COUNTER.match(after) and (_ROMANCE_BEFORE_NUMBER.search(before) or _BEFORE_NUMBER.search(before))
    return bool(counted or _ROMANCE_ABBREVIATION.search(before))


@lru_cache
def _before_number(language: str) -> frozenset[str]:
    """Forms that the readings of a language know as short before a number."""
    if language in FORMS:
        return frozenset(FORMS[language].before_number)
    if language == "de":
        return frozenset(form.rstrip(".") for form in german.BEFORE_NUMBER)
    forms = SHORT_FORMS.get(language)
    # English "no", "in" and "art" are words too
    return frozenset() if forms is None else frozenset(forms.before_number)


def _full_stops(text: str, language: str) -> set[int]:
    """Where pysbd's sentences begin, but for the first."""
    return {span.start for span in _segmenter(language).segment(text)}


@lru_cache
def _segmenter(language: str) -> Any:
    import pysbd

    # pysbd has no Portuguese; Spanish has the same marks and many of the abbreviations
    code = {"pt": "es"}.get(language, language)
    code = code if code in pysbd.languages.LANGUAGE_CODES else "en"
    return pysbd.Segmenter(code, clean=False, char_span=True)


def _cut(sentence: str) -> Iterator[str]:
    """Parts of at most 1,000 characters: cut at the last mark inside a sentence, else at a space."""
    sentence = re.sub(rf"(\S{{{MAX_WORD}}})(?=\S)", r"\1 ", sentence)
    while len(sentence) > MAX_SENTENCE:
        head = sentence[:MAX_SENTENCE]
        at = max((m.end() for m in _CLAUSE_END.finditer(head)), default=0) or head.rfind(" ")
        yield sentence[:at].strip()
        sentence = sentence[at:].strip()
    yield sentence
