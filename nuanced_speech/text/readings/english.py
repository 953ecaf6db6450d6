"""English readings that the grammar lacks, rule by rule; the tables are in ``readings.tables``."""

import re
import unicodedata
from collections.abc import Callable

from nuanced_speech.text.english import english_g2p, in_dictionary
from nuanced_speech.text.readings import tables
from nuanced_speech.text.readings.rules import Rule, any_of, applied, at_end, camel_split, outside_addresses

_HIGH = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ", "0123456789+-n")
_LOW = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
_GREEK = "α-ωΑ-Ω"
_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def before_grammar(sentence: str) -> str:
    """A sentence with names, abbreviations, ranges, versions and formulas as the grammar and misaki read them."""
    if sentence.isupper() or re.search(r"\b[A-Z]{2,}", sentence):
        sentence = _capitals(sentence)
    if not _UNUSUAL.search(sentence):
        return sentence
    return outside_addresses(sentence, lambda text: applied(_BEFORE, text))


def after_grammar(sentence: str) -> str:
    """A sentence without the spaces that the grammar puts around apostrophes, and with the signs that it left."""
    return applied(_AFTER, sentence)


def _abbreviation(table: dict[str, str]) -> Callable[[re.Match[str]], str]:
    def spoken(match: re.Match[str]) -> str:
        # its full stop may end the sentence too
        return table[match[1]] + ("." if at_end(match) else "")

    return spoken


def _before_number(match: re.Match[str]) -> str:
    return tables.BEFORE_NUMBER[match[1]] + " "


def _unit(match: re.Match[str]) -> str:
    return " " + _abbreviation(tables.AFTER_NUMBER)(match)


def _day(match: re.Match[str]) -> str:
    return tables.DAYS[match[1]] + ("." if at_end(match) and match[0].endswith(".") else "")


def _days(match: re.Match[str]) -> str:
    return f"{tables.DAYS[match[1]]} to {tables.DAYS[match[2]]}" + (
        "." if at_end(match) and match[0][-1] == "." else ""
    )


def _dated_day(match: re.Match[str]) -> str:
    """A day of the week before a date in digits, as Americans write it."""
    if not 1 <= int(match[2]) <= 12:
        return match[0]
    return f"{tables.DAYS.get(match[1], match[1])}, {tables.MONTHS[int(match[2]) - 1]} {match[3]}"


def _street(match: re.Match[str]) -> str:
    # the name of a street is capitalised: "Elm St."
    before, after = match.string[: match.start()], match.string[match.end() :].strip(" \"')”’")
    numbered = re.search(r"\d\w*(?:\s[A-Z]\w*\.?)*$", before)
    ends = not after or bool(re.match(r"[A-Z][a-z]", after))
    if not re.search(r"(?:^|\s)(?:[A-Z]\w*|\d+(?:st|nd|rd|th))$", before) or (after and ends and not numbered):
        return match[0]
    return " " + tables.STREETS[match[2]] + ("." if ends else "")


def _literal(match: re.Match[str]) -> str:
    return tables.LITERALS[match[0]]


def _spelled(text: str) -> str:
    """Letters apart, digits as words."""
    return " ".join(_DIGITS[int(c)] if c.isdigit() else c for c in text)


def _version(match: re.Match[str]) -> str:
    numbers = match[2].split(".")
    if len(numbers) == 4 and not match[1]:
        return match[0]
    prefix = "version " if match[1] else ""
    return prefix + " point ".join(" ".join(map(_spelled, n)) if len(n) > 1 and n[0] == "0" else n for n in numbers)


def _pointed_date(match: re.Match[str]) -> str:
    """A date between points: the month is first, as in the grammar's dates between slashes, where it can be."""
    first, second = int(match[1]), int(match[2])
    if 1 <= first <= 12 and 1 <= second <= 31:
        return f"{tables.MONTHS[first - 1]} {second}, {match[3]}"
    return f"{first} {tables.MONTHS[second - 1]} {match[3]}" if 12 < first <= 31 and 1 <= second <= 12 else match[0]


def _proportion(match: re.Match[str]) -> str:
    """A proportion or a result: no time of the day, which has two digits, and no place in a book, "John 3:5"."""
    in_book = re.search(r"\b[A-Z][a-z]+\s+$", match.string[: match.start()])
    return match[0] if in_book else f"{match[1]} to {match[2]}"


def _power(match: re.Match[str]) -> str:
    exponent = (match[2] or match[3]).translate(_HIGH).lstrip("+")
    if exponent in ("2", "3"):
        return match[1] + (" squared" if exponent == "2" else " cubed")
    sign, exponent = ("minus ", exponent[1:]) if exponent.startswith("-") else ("", exponent)
    return f"{match[1]} to the power of {sign}{exponent}"


def _formula(match: re.Match[str]) -> str:
    parts = re.findall(r"[A-Z][a-z]?|[₀-₉]+|[()⁺⁻]", match[0])
    signs = {"⁺": "plus", "⁻": "minus", "(": "", ")": ""}
    words = [p.translate(_LOW) if p[0] in "₀₁₂₃₄₅₆₇₈₉" else signs.get(p, " ".join(p.upper())) for p in parts]
    return " ".join(part for part in words if part)


def _file(match: re.Match[str]) -> str:
    stem = re.sub(r"[_-]+", " ", match[1])
    return f"{camel_split(stem)} dot {tables.EXTENSIONS[match[2].lower()]}"


def _camel(match: re.Match[str]) -> str:
    word = match[0]
    if word in tables.CAMEL_NAMES or re.match(r"(?:Mc|Mac|De|La|Le|Di|Van|Fitz|O)[A-Z]", word) or in_dictionary(word):
        return word
    return camel_split(word)


def _cardinal(match: re.Match[str]) -> str:
    # a number before the verb is no day of the month
    from num2words import num2words

    return str(num2words(int(match[1])))


def _price_range(match: re.Match[str]) -> str:
    """ "$5-10", "£1.5-2m"."""
    if match[4] == "k":
        first, last = (round(float(number) * 1000) for number in match.group(2, 3))
        return f"{first} to {last} {tables.CURRENCY_WORDS[match[1]]}"
    scale = {"m": " million", "bn": " billion", "tn": " trillion", "": ""}.get(match[4] or "", f" {match[4]}")
    return f"{match[2]} to {match[3]}{scale} {tables.CURRENCY_WORDS[match[1]]}"


def _range(match: re.Match[str]) -> str:
    """Two numbers before a word: "4-6 pills", "nine to five", "fifty fifty"; no name of a model, "747-8"."""
    first, last = match[1], match[2]
    if first == last:
        return f"{first} {last}"
    return f"{first} to {last}" if max(len(first), len(last)) < 3 or int(first) < int(last) else match[0]


def _per(match: re.Match[str]) -> str:
    return " per " + {"kg": "kilogram", "lb": "pound"}.get(match[1], match[1])


def _greek(match: re.Match[str]) -> str:
    name = unicodedata.name(match[0], "").split()
    return f" {name[3].lower()} " if name[:1] == ["GREEK"] and len(name) > 3 else match[0]


def _leading_zero(match: re.Match[str]) -> str:
    return _spelled(match[0])


def _telephone(match: re.Match[str]) -> str:
    return ", ".join(_spelled(group) for group in re.findall(r"\d+", match[0]))


def _equals(match: re.Match[str]) -> str:
    """ "=", but for that of a sum or a difference, which the grammar reads as a whole."""
    return match[0] if re.search(r"\w\s?[+-]\s?\w+$", match.string[: match.start()]) else " equals "


def _isbn(match: re.Match[str]) -> str:
    return match[1] + ", ".join(_spelled(group) for group in re.findall(r"[\dX]+", match[2]))


def _capitals(sentence: str) -> str:
    """Words in capitals in small letters where they are words: all that are in a sentence in capitals, and emphasis."""
    words = re.findall(r"[^\W\d_]{2,}", sentence)
    capitals = [word for word in words if word.isupper()]
    shouted = len(capitals) >= 2 and len(capitals) >= 0.6 * len(words)

    def spoken(match: re.Match[str]) -> str:
        word = match[0]
        small = word.lower()
        if shouted:
            # what is only ever an acronym stays one
            is_word = small in _FUNCTION_WORDS or (word not in tables.ACRONYMS and _is_word(small))
            return small if is_word else word
        emphasis = len(word) > 3 or small in _EMPHASISED
        return small if emphasis and word not in tables.ACRONYMS and _is_word(small) else word

    return re.sub(r"(?<![\w.&/-])[A-Z]{2,}(?:'[A-Z]+)?(?![\w&/]|\.\w|-\w)", spoken, sentence)


_EMPHASISED = tables.words(
    "and the not but now yes all any can did few for get got had has her him his how its let may new off old one our "
    "out own say see she so too top try two use was way why you no on if is be my we go do at by of to"
)
_FUNCTION_WORDS = _EMPHASISED | tables.words("us it who am me or in hi oh he an as up")


def _is_word(word: str) -> bool:
    return word in english_g2p(False).lexicon.golds or (len(word) > 4 and in_dictionary(word))


_DAY, _DAYS = any_of(tables.DAYS), any_of(tables.DAYS.values())
_MONTH = any_of((*tables.MONTHS, *(month[:3] for month in tables.MONTHS), "Sept"))
# What follows a day of the week for certain: a date or a time.
_WHEN = (
    rf"(?:the\s)?\d{{1,2}}(?:st|nd|rd|th)?(?:\sof)?\s(?:{_MONTH})\b|(?:{_MONTH})\b\.?\s\d|at\s(?:noon|midnight)\b|"
    r"(?:at\s)?\d{1,2}(?::\d\d|\s?[APap]\.?[Mm]\b)"
)
_UNUSUAL = re.compile(rf"[^\w\s,;:!?'\"()-]|[\d_⁰-₉ⁿα-ωΑ-Ω]|[a-z][A-Z]|'n'|\b(?:{_DAY})\b")
_TIME = r"1?\d(?::[0-5]\d)?"
_NAME = r"(?=\s+[A-Z][a-z'])"
_NAMES = {name: words for name, words in tables.LITERALS.items() if name[0].isalnum() or name[0] == "."}
_SIGNS = {name: words for name, words in tables.LITERALS.items() if name not in _NAMES}
_BEFORE: list[Rule] = [
    (re.compile(rf"(?<![\w.])(?:{any_of(_NAMES)})(?![\w#+])"), _literal),
    (re.compile(any_of(_SIGNS)), _literal),
    (re.compile(r"(?<=\d)\s?([APap])\.?\s?[Mm]\.(?=\s*[\"')”]*$|\s+[A-Z][a-z])"), lambda m: f" {m[1].upper()}M."),
    (re.compile(r"(?<=\d)\s?([APap])\.\s?[Mm]\.(?=[,;:)])"), lambda m: f" {m[1].upper()}M"),
    (re.compile(rf"(?<=\d)\s?({any_of(tables.AFTER_NUMBER)})\.(?=\s+[a-z]|\s*[,;)]|\s*$)"), _unit),
    (re.compile(rf"(?<=[a-z])(?<!\b[Tt]he)(?<!called)(\s)({any_of(tables.STREETS)})\.(?=\s*$|\s*[,;)]"
                rf"|\s+[A-Za-z])"), _street),
    (re.compile(rf"(?<![\w.])({any_of(tables.BEFORE_NAME)})\.{_NAME}"), lambda m: tables.BEFORE_NAME[m[1]]),
    (re.compile(r"(?<!\w)#(?=\d+\b)"), "number "),
    (re.compile(r"(?<!\w)['’]?((?:\d\d)?\d0)['’]s\b"), r"\1s"),
    (re.compile(r"(?<![\w:])(1[3-9]|2[0-3]):00(?=\s?(?:[A-Z]{3,4}|h|hrs|hours)\b)"), r"\1 hundred"),
    (re.compile(r"([$£€])(\d+(?:\.\d+)?)\s?[-–]\s?(\d+(?:\.\d+)?)"
                r"(?:\s?(m|bn|tn|k|million|billion|trillion|thousand))?\b(?![-–/\d])"), _price_range),
    (re.compile(r"(?<![\w-])-(?=[$£€]\d)"), "minus "),
    (re.compile(r"(?<=[$£€])(\d+(?:\.\d+)?)k\b"), lambda m: f"{round(float(m[1]) * 1000)}"),
    (re.compile(r"(?<=\w)\s?/\s?(?:yr|mo|hr|wk)\b(?=[\s,.;:)]|$)"), lambda m: " per " + tables.TIMES[m[0].strip(" /")]),
    (re.compile(rf"(?<![\w.])({any_of(tables.BEFORE_SMALL)})\.(?=\s[a-z])"), lambda m: tables.BEFORE_SMALL[m[1]]),
    (re.compile(rf"(?<![\w.])(?<!\d )({any_of(tables.BEFORE_NUMBER)})\.\s*(?=\(?\d|[A-Z]{{1,3}}-?\d)"), _before_number),
    # days of the week beside dates, times and each other
    (re.compile(rf"(?<![\w.])({_DAY}|{_DAYS})\.?,?\s+\(?([01]?\d)/([0-3]?\d)\)?(?![\w/])"), _dated_day),
    (re.compile(rf"(?<![\w.])({_DAY})\.?\s?(?:[-–]|to|through|thru)\s?({_DAY})\b\.?"), _days),
    (re.compile(rf"(?<![\w.])({_DAY})\.?(?=\s?(?:&|and|or|/)\s?(?:{_DAY})\b)"), _day),
    (re.compile(rf"(?:(?<=day/)|(?<=day & )|(?<=day and )|(?<=day or ))({_DAY})\b\.?"), _day),
    (re.compile(rf"(?<![\w.])({_DAY})\b\.?(?=,?\s(?:{_WHEN}))"), _day),
    (re.compile(rf"(?<![\w.])({any_of(tables.ABBREVIATIONS)})\.(?!\w)"), _abbreviation(tables.ABBREVIATIONS)),
    (re.compile(r"(?<![\w./-])(\d{1,2})\.(\d{1,2})\.((?:19|20)\d\d)(?![\w/-]|\.\d)"), _pointed_date),
    (re.compile(r"(?<![\w.-])(?:1\.)?\d{3}\.\d{3}\.\d{4}(?![\w-]|\.\d)"), _telephone),
    (re.compile(r"(?<![\w:.])(\d{1,3}):(\d)(?![\w:]|\.\d|\s?[APap]\.?[Mm]\b)"), _proportion),
    # heights; a minute sign and a second sign after numbers
    (re.compile(r"\b(\d+)\s?['′]\s?(\d{1,2})\s?(?:\"|″|''|”)"), r"\1 foot \2"),
    (re.compile(r"\b(?<![\d.])(v\.?\s?)?(\d+(?:\.\d+){2,})\b(?!\.\d)(?<!\d\.\d\d\d\.\d\d\d\.\d)"), _version),
    (re.compile(r"\b(v)(\d+(?:\.\d+)?)\b"), r"version \2"),
    (re.compile(r"\b(\d+)\s?x\s?(\d+)(?=\s?(?:m|cm|mm|km|ft|in)\b)"), r"\1 by \2"),
    # scores and ranges
    (re.compile(rf"(?<![\w.:/-])({_TIME})\s?[-–]\s?({_TIME})\s?([ap])\.?m\b\.?(?=[\s,;:)!?]|$)", re.I),
     lambda m: f"{m[1]} to {m[2]} {m[3].upper()}M"),
    (re.compile(rf"\b((?:{tables.SCORES})\s+(?:\w+\s+){{0,2}}?)(\d{{1,3}})\s?[-–]\s?(\d{{1,3}})\b(?!["
                rf"-–\d/])", re.I), r"\1\2 to \3"),
    (re.compile(rf"\b((?:{tables.RANGES})\.?\s+)(\d+)\s?[-–]\s?(\d+)\b(?![-–\d/])", re.I), r"\1\2 to \3"),
    (re.compile(rf"(?<![-–\d/.,$£€])(\d+(?:\.\d+)?)\s?[-–]\s?(\d+(?:\.\d+)?)(?=\s?(?:{tables.COUNTED}"
                rf")(?!\w))"), r"\1 to \2"),
    (re.compile(r"(?<![-–\w/.,$£€:])(\d{1,3})\s?[-–]\s?(\d{1,3})(?=\s[a-z]{2})"), _range),
    (re.compile(r"(?<=[A-Za-z]\s)(?<!from\s)(\d{1,2})\s?[-–]\s?(\d{1,2})(?=[.,;:!?)]*\s*$)"), _range),
    (re.compile(r"(?<=\d)\s?–\s?(?=\d)"), " to "),
    (re.compile(r"(?<=\d)\s?/\s?(hour|day|night|week|month|year|person|kg|lb)\b"), _per),
    # telephone numbers that the grammar takes for sums
    (re.compile(r"\+\d{1,3}(?:[\s.-]?\(\d{2,4}\)|[\s.-]\d{2,4})(?:[\s.-]\d{2,4}){1,4}\b"),
     lambda m: "plus " + _telephone(m)),
    (re.compile(r"(?<!\w)\(\d{3}\)\s?\d{3}[-\s]\d{4}(?![\d-])"), _telephone),
    (re.compile(r"(?<![\d-])\d{3}-\d{4}(?![\d-])"), _telephone),
    (re.compile(r"(?<![\w.,:/-])0\d+(?![\w:/-]|[.,]\d)"), _leading_zero),
    (re.compile(r"\b(ISBN(?:-1[03])?:?\s+)(\d[\d -]{8,15}[\dX])\b"), _isbn),
    # powers, formulas, comparisons
    (re.compile(r"\bmc(?:²|\^2)(?!\w)"), "m c squared"),
    (re.compile(r"(?<![\w.])(?<!\d )(\d+|[a-zA-Z])(?:([⁺⁻]?[⁰¹²³⁴-⁹]+|ⁿ)|\^([+-]?\d+|[a-z]\b))(?!\w)"), _power),
    (re.compile(r"(?<![\w₀-₉])(?:[A-Z][a-z]?[₀-₉]*|\((?:[A-Z][a-z]?[₀-₉]*)+\)[₀-₉]*)+[⁺⁻]?(?<=[₀-₉⁺⁻]"
                r")(?:[A-Z][a-z]?)*(?!\w)"), _formula),
    (re.compile(r"(?<=[a-z]{3})[⁰¹²³⁴-⁹]+(?!\w)|(?<=[a-z][.,!?])[⁰¹²³⁴-⁹]+(?!\w)"), ""),
    (re.compile(r"(?<=[\w)])\s+<\s+(?=[\w($-])|(?<=\d)<(?=\d)"), " is less than "),
    (re.compile(r"(?<=[\w)])\s+>\s+(?=[\w($-])|(?<=\d)>(?=\d)"), " is greater than "),
    (re.compile(r"(?<=[\w)])\s+=\s+(?=[\w(+√-])"), _equals),
    # names of files, of programs' variables, and camel case
    (re.compile(rf"\b([\w-]+)\.({any_of(tables.EXTENSIONS)})\b(?!\.?[\w/@])", re.I), _file),
    (re.compile(r"(?<=[a-z0-9])_+(?=[a-z0-9])", re.I), " "),
    (re.compile(r"(?<![\w-])_+(?=\w)|(?<=\w)_+(?![\w-])"), ""),
    (re.compile(r"\b[A-Za-z][a-z]+(?:[A-Z][a-z]+)+\b"), _camel),
    # signs beside numbers
    (re.compile(rf"(?<=\d)m(?=\s(?:{tables.MILLIONS})\b)"), " million"),
    (re.compile(r"(?<=\d)\s?km/h\b"), " kilometers per hour"),
    (re.compile(r"(?<![\w$£€¥])(\d+(?:\.\d+)?)bn\b"), r"\1 billion"),
    (re.compile(r"(?<![\w.,])([$£€¥]?\d+(?:\.\d+)?)\s?tn\b"), r"\1 trillion"),
    (re.compile(r"(?<=\d)\s?(hrs|mins|secs|yrs)\b(?!\.)"), lambda m: " " + tables.PLURALS[m[1]]),
    (re.compile(r"(?<![^\s(])\+(?=\d+(?:\.\d+)?\s?%)"), "plus "),
    (re.compile(r"\b(USD|EUR|GBP)\s?(?=\d)"), lambda m: tables.CURRENCIES[m[1]]),
    (re.compile(r"(?<![\w.,])(\d+(?:[.,]\d+)*)\s?(USD|EUR|GBP)\b"), lambda m: tables.CURRENCIES[m[2]] + m[1]),
    (re.compile(r"(?<!\w)[~≈]\s?(?=[\d$£€])"), "about "),
    (re.compile(r"(?<![$£€\d.,])(\d+(?:[.,]\d+)*)m\b(?!/)"), r"\1 meters"),
    (re.compile(r"(?<![\d.,:])(\d+ (?:by|x) \d+) m\b"), r"\1 meters"),
    (re.compile(r"\b(\d{1,2})(?= may [a-z])"), _cardinal),
    (re.compile(f"(?<![{_GREEK}])[{_GREEK}](?![{_GREEK}])"), _greek),
    # not after a code that ends with a digit
    (re.compile(r"(?<![\w.,])(\d+(?:[.,]\d+)*)\s?(L|W|GB|MB|TB)\b(?!\.\s*[A-Z])"),
     lambda m: f"{m[1]} {tables.SYMBOLS[m[2]]}"),
    (re.compile(r"(?<=\d)K(?=\s+(?:people|users|dollars|a year|views|words))"), " thousand"),
]  # fmt: skip
_AFTER: list[Rule] = [
    (re.compile(r"(?<=\w)\s?'\s(s|t|d|m|ll|re|ve)\b"), r"'\1"),
    (re.compile(r"\betcetera\b"), "et cetera"),
    (re.compile(r"\s?[|\\^~]+\s?"), " "),
    (re.compile(r" {2,}"), " "),
]
