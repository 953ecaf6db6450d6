"""Numbers, decimals and percentages of the languages that have no grammar, in words by num2words."""

import re
from dataclasses import dataclass
from functools import lru_cache

from nuanced_speech.text.numbers import COMMA_LANGUAGES, number_words, plural
from nuanced_speech.text.readings import plain_dates, ranges, short_forms, tables


@dataclass(frozen=True)
class Signs:
    """What the signs beside numbers say in a language.

    Attributes:
        minus: before a number below zero.
        percent: after a number; four forms where they change with it, as ``numbers.plural`` takes them, the first
            with "one" before it where num2words gives another gender.
        before: the word for percent stands before the number.
    """

    minus: str
    percent: tuple[str, ...]
    before: bool = False


SIGNS = {
    "ar": Signs("سالب", ("بالمئة",)), "az": Signs("mənfi", ("faiz",)),
    "be": Signs("мінус", ("працэнт", "працэнты", "працэнтаў", "працэнта")), "bn": Signs("ঋণাত্মক", ("শতাংশ",)),
    "ca": Signs("menys", ("per cent",)), "cs": Signs("minus", ("jedno procento", "procenta", "procent", "procenta")),
    "cy": Signs("minws", ("y cant",)), "da": Signs("minus", ("procent",)), "fa": Signs("منفی", ("درصد",)),
    "fi": Signs("miinus", ("prosentti", "prosenttia", "prosenttia", "prosenttia")), "he": Signs("מינוס", ("אחוזים",)),
    "hu": Signs("mínusz", ("százalék",)), "id": Signs("minus", ("persen",)), "is": Signs("mínus", ("prósent",)),
    "ko": Signs("마이너스", ("퍼센트",)),
    "lt": Signs("minus", ("procentas", "procentai", "procentų", "procento")),
    "lv": Signs("mīnus", ("procents", "procenti", "procenti", "procenta")), "nl": Signs("min", ("procent",)),
    "nn": Signs("minus", ("prosent",)), "no": Signs("minus", ("prosent",)), "pl": Signs("minus", ("procent",)),
    "ro": Signs("minus", ("la sută",)), "sk": Signs("mínus", ("jedno percento", "percentá", "percent", "percenta")),
    "sl": Signs("minus", ("en odstotek", "odstotki", "odstotkov", "odstotka")), "sr": Signs("minus", ("posto",)),
    "sv": Signs("minus", ("procent",)), "th": Signs("ลบ", ("เปอร์เซ็นต์",)), "tr": Signs("eksi", ("yüzde",), True),
    "uk": Signs("мінус", ("відсоток", "відсотки", "відсотків", "відсотка")), "vi": Signs("âm", ("phần trăm",)),
}  # fmt: skip
# What "°C" and "°" say after a number, and what stands between the hours and the minutes of a time.
DEGREES = {
    "cs": "stupňů Celsia", "da": "grader Celsius", "fi": "astetta", "hu": "fok", "ko": "도", "nl": "graden Celsius",
    "no": "grader Celsius", "nn": "grader Celsius", "pl": "stopni Celsjusza", "ro": "grade Celsius",
    "sk": "stupňov Celzia", "sv": "grader Celsius", "tr": "derece",
}  # fmt: skip
HOURS = {"hu": " óra ", "nl": " uur "} | dict.fromkeys(
    ("cs", "da", "fi", "id", "nn", "no", "pl", "ro", "sk", "sv", "tr", "uk"), " "
)
# Languages with a comma before the decimals that num2words does not know.
UNKNOWN_COMMA_LANGUAGES = tables.words("af bg bs el et eu hr hy ka kk lb mk sq tk tt uz")
_GROUPED = re.compile(r"(?<![\w.,:/@+-])[1-9]\d{0,2}(?:[. ']\d{3})+(?![\w/@]|[.:'-]\w| \d)")
LANGUAGES = UNKNOWN_COMMA_LANGUAGES.union(SIGNS)
# One, two to four, and more have a form each; only of 1 itself, and not of 21.
_BY_THE_LAST_DIGIT = frozenset(("be", "lt", "lv", "uk"))


def in_words(sentence: str, language: str) -> str:
    """A sentence with its numbers, decimals and percentages in words; dates, times and codes stay as they are.

    In a language that num2words does not know, only the marks between groups of three digits go. espeak-ng reads the
    rest, and ordinals with a full stop ("3. maja") in all.
    """
    sentence = short_forms.in_words(plain_dates.in_words(sentence, language), language)
    sentence = ranges.in_words(sentence, language)
    if language not in SIGNS:
        grouped = _GROUPED if language in UNKNOWN_COMMA_LANGUAGES else None
        return grouped.sub(lambda match: re.sub(r"\D", "", match[0]), sentence) if grouped else sentence
    signs = SIGNS[language]
    if language in DEGREES:
        sentence = re.sub(r"(?<=\d)\s?°(?:\s?C\b)?(?!\s?[A-Z])", f" {DEGREES[language]} ", sentence)
        sentence = re.sub(r" {2,}| (?=[,.;:!?])|(?<=도) ", lambda m: " " if m[0][1:] else "", sentence).rstrip(" ")
    if language in HOURS:
        sentence = _TIME.sub(lambda match: _time(match, language), sentence)

    # "20%-kal"
    sentence = re.sub(r"(?<=\d)%-(?=[^\W\d_])", f" {signs.percent[0]}", sentence)

    def spoken(match: re.Match[str]) -> str:
        number = match["number"]
        minus, words = signs.minus if match["minus"] else "", number_words(number, language)
        if match["percent"] or match["first"]:
            word = _percent(signs, number, language)
            # "jedno procento" has the number in it
            one = number == "1" and len(signs.percent) > 1 and " " in word
            words = word if one else f"{word} {words}" if signs.before else f"{words} {word}"
        return f"{minus} {words}".lstrip()

    return _pattern(language).sub(spoken, sentence)


_TIME = re.compile(r"(?<![\w.,:/-])([01]?\d|2[0-3])(?::([0-5]\d)(?:\s+uur\b)?|\.([0-5]\d)\s+uur\b)(?![\w:/]|[.,]\d)")


def _time(match: re.Match[str], language: str) -> str:
    minutes = int(match[2] or match[3])
    hour, minute = (number_words(str(number), language) for number in (int(match[1]), minutes))
    return hour + HOURS[language].rstrip() + (f" {minute}" if minutes else "")


@lru_cache
def _pattern(language: str) -> re.Pattern[str]:
    # a point between digits groups them only where three follow
    group, point = (r"[. ']", ",") if language in COMMA_LANGUAGES else (",", r"\.")
    number = rf"[1-9]\d{{0,2}}(?:{group}\d{{3}})+(?:{point}\d+)?|\d+(?:{point}\d+)?"
    return re.compile(
        rf"(?<![\w.,:/@#+-])(?<!\d )(?:(?P<first>%)\s?)?(?P<minus>[-−](?=\d))?(?P<number>{number})(?P<percent>\s?[%٪])?"
        rf"(?![\w/@]|[.,:'’-]\w| \d|\.\s+\w)"
    )


def _percent(signs: Signs, number: str, language: str) -> str:
    if len(signs.percent) == 1:
        return signs.percent[0]
    if language in _BY_THE_LAST_DIGIT:
        return plural(number, *signs.percent)
    one, few, many, part = signs.percent
    return part if "," in number else one if number == "1" else few if number in ("2", "3", "4") else many
