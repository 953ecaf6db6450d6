"""Spanish, French, Italian and Portuguese short forms, versions, names of files and programs, and capitals.

The tables are in ``readings.romance_tables``.
"""

import re
import unicodedata
from functools import lru_cache, partial

from nuanced_speech.text.numbers import number_words, words
from nuanced_speech.text.readings import tables
from nuanced_speech.text.readings.romance_tables import FILE_WORDS, FORMS, SAINTS, SYLLABLES, Forms
from nuanced_speech.text.readings.rules import Rule, any_of, applied, at_end, camel_split, outside_addresses

LANGUAGES = frozenset(FORMS)
_NAME = r"[A-ZÀ-Þ][\w'’]"
_NUMBER = r"(?:\d|[IVXLC]+\b)"


def before_grammar(sentence: str, language: str) -> str:
    """A sentence with its short forms in words, and the names of files and programs as they are said."""
    if not re.search(r"[.#+_/°ªº\d]|[a-z][A-Z]|\b[A-Z][a-z]{1,3}[ -][A-Z]|[a-z]d ", sentence):
        return sentence
    return outside_addresses(sentence, partial(applied, _rules(language)))


def after_grammar(sentence: str, language: str) -> str:
    """A sentence with its acronyms in letters, where the language does not say them as words."""
    said = re.findall(r"[^\W\d_]+", sentence)
    # in a sentence in capitals, all are words
    if len(said) >= 3 and sum(word.isupper() for word in said) >= 0.8 * len(said):
        return sentence
    return re.sub(r"(?<![\w.&])[A-ZÀ-Þ]{2,5}(?![\w&]|\.\w)", partial(_capitals, language), sentence)


def _capitals(language: str, match: re.Match[str]) -> str:
    word, forms = match[0], FORMS[language]
    if re.fullmatch("[IVX]+", word) or word in forms.names.split():
        return word
    if word in forms.letters.split() or not pronounceable(word, language):
        return " ".join(word)
    return word


def pronounceable(word: str, language: str) -> bool:
    """Whether a word can be one of the language; one without a vowel is left to espeak-ng, which says its letters."""
    plain = unicodedata.normalize("NFD", word.lower()).encode("ascii", "ignore").decode()
    return not re.search("[aeiouy]", plain) or _word(language).fullmatch(plain) is not None


@lru_cache
def _word(language: str) -> re.Pattern[str]:
    begin, middle, end = SYLLABLES[language]
    return re.compile(rf"(?:{begin})?[aeiouy]+(?:(?:{middle})(?:{begin})[aeiouy]+)*(?:{end})")


@lru_cache
def _rules(language: str) -> list[Rule]:
    forms = FORMS[language]
    pointless = [form for form in forms.anywhere if re.search(r"\.\w{2,}$", form)]
    anywhere, by_name = partial(_short, forms.anywhere), partial(_short, forms.before_name)
    days = any_of(forms.days)
    return [
        (re.compile(rf"(?<![\w.])(?:{any_of(forms.literals)})(?![\w#+])"), lambda m: forms.literals[m[0]]),
        (re.compile(r"(?<=\d)\s?([ap])\.\sm\.(?!\w)"), r" \1.m."),
        *_saints(language),
        (re.compile(rf"(?<=\d)\s?({any_of(forms.after_number)})\.(?!\w)"),
         lambda m: " " + _short(forms.after_number, m)),
        (re.compile(rf"\b(\d{{1,2}}(?:º|°|er)?\s+(?:de\s+)?)({any_of(forms.months)})\.", re.I),
         lambda m: m[1] + forms.months[m[2].lower()] + ("." if at_end(m) else "")),
        (re.compile(rf"(?<![\w.])(?<!\d )({days})\.(?=,?\s+\d)", re.I),
         lambda m: forms.days[m[1].lower()]),
        (re.compile(rf"(?<![\w.])({days})\.?(\s?[-–]\s?|\s(?:a|al|à|au|e|y|et)\s)({days})\.", re.I),
         partial(_days, forms)),
        (re.compile(rf"(?<![\w.])({any_of(forms.anywhere)})\.(?!\w)"), anywhere),
        (re.compile(rf"(?<![\w.])({any_of(pointless)})(?![\w.])"), anywhere),
        (re.compile(rf"(?<![\w.])({any_of(forms.before_name)})\.(?=\s+(?:{_NAME}|et\sM))"), by_name),
        (re.compile(r"(?<![\w.])(?:[A-Z]\.){2,}(?!\w)"), _letters),
        (re.compile(rf"(?<![\w.])({any_of(forms.unpointed)})(?=[-\s]+[A-ZÀ-Þ])"), lambda m: forms.unpointed[m[1]]),
        (re.compile(rf"(?<![\w.])({any_of(forms.before_number)})\.\s*(?={_NUMBER})"),
         lambda m: forms.before_number[m[1]] + " "),
        (re.compile(rf"(?<![\w.])({any_of(forms.numbers)})\s*(?={_NUMBER})"), lambda m: forms.numbers[m[1]] + " "),
        *_telephones(language),
        (re.compile(rf"(?:\b({forms.version})\s+)?\bv\.?\s?(\d+(?:\.\d+)*)\b(?!\.\d)", re.I),
         partial(_version, language)),
        (re.compile(r"(?<![\w.,-])()(\d+(?:\.\d+){2,3})(?![\w,-]|\.\d)"), partial(_version, language)),
        (re.compile(rf"(?<![\w.-])([\w-]+)\.({any_of(tables.EXTENSIONS)})\b(?!\.?[\w/@])", re.I),
         partial(_file, forms.point)),
        (re.compile(r"(?<=[^\W_])_+(?=[^\W_])"), " "),
        (re.compile(r"\b[A-Za-z][a-zß-ÿ]+(?:[A-ZÀ-Þ][a-zß-ÿ]+)+\b"), _camel),
        *(_ITALIAN if language == "it" else ()),
    ]  # fmt: skip


def _letters(match: re.Match[str]) -> str:
    """The letters of an acronym with points; capitals by themselves could be Roman numerals."""
    return " ".join(match[0].lower().split(".")).strip() + ("." if at_end(match) else "")


def _days(forms: Forms, match: re.Match[str]) -> str:
    first, last = (forms.days[match[place].lower()] for place in (1, 3))
    return f"{first}{match[2]}{last}" + ("." if at_end(match) else "")


def _short(table: dict[str, str], match: re.Match[str]) -> str:
    reading = _spaceless(tuple(table.items()))[re.sub(r"\s", "", match[1])]
    if reading == "dom" and re.match(r"\s+\w+a\b", match.string[match.end() :]):
        reading = "dona"
    return reading + ("." if at_end(match) and match[0].endswith(".") else "")


@lru_cache
def _spaceless(table: tuple[tuple[str, str], ...]) -> dict[str, str]:
    return {form.replace(" ", ""): reading for form, reading in table}


def _saints(language: str) -> list[Rule]:
    rules: list[Rule] = []
    for word, names in SAINTS[language].items():
        pattern = re.compile(rf"(?<![\w.])S\.\s?(?=(?:{'|'.join(names.split())})\b)")
        rules.append((pattern, word if word.endswith("'") else word + " "))
    if language == "pt":
        rules.append((re.compile(rf"\b([NnDd]a|[Pp]ela|à)\s+R\.(?=\s+{_NAME})"), r"\1 rua"))
    return rules


def _telephones(language: str) -> list[Rule]:
    """Digits one by one after the word for a telephone; French says them in pairs, as they are written."""
    if language == "fr":
        return []
    pattern = r"\b(teléfono|telefono|cellulare|telefone)(:?\s+)(\+?[\d(][\d\s()./-]{5,}\d)"
    return [(re.compile(pattern, re.I), partial(_telephone, language))]


def _telephone(language: str, match: re.Match[str]) -> str:
    groups = (" ".join(words(int(digit), language) for digit in group) for group in re.findall(r"\d+", match[3]))
    return match[1] + match[2] + ("+ " if match[3][0] == "+" else "") + ", ".join(groups)


def _version(language: str, match: re.Match[str]) -> str:
    numbers, forms = match[2].split("."), FORMS[language]
    named = match[1] or match[0][0] in "vV"
    if not named and not _of_a_version(numbers, language):
        return match[0]
    return (f"{match[1] or forms.version} " if named else "") + f" {forms.point} ".join(
        number_words(number, language) for number in numbers
    )


def _of_a_version(numbers: list[str], language: str) -> bool:
    """Whether numbers between points are no thousands, date, telephone number, or address that the grammar reads."""
    if len(numbers[0]) <= 3 and all(len(number) == 3 for number in numbers[1:]):
        return False
    if len(numbers) == 3 and int(numbers[0]) <= 31 and 1 <= int(numbers[1]) <= 12 and len(numbers[2]) in (2, 4):
        return False
    if len(numbers) == 4 and (language != "fr" or all(len(number) == 2 for number in numbers)):
        return False
    return max(map(len, numbers)) <= 3


def _file(point: str, match: re.Match[str]) -> str:
    stem, extension = camel_split(re.sub(r"[_-]+", " ", match[1]).strip()), match[2].lower()
    said = extension if extension in FILE_WORDS else re.sub(r"(?<=\D)(?=\d)", " ", extension.upper())
    return f"{stem} {point} {said}"


def _camel(match: re.Match[str]) -> str:
    word = match[0]
    name = word in tables.CAMEL_NAMES or re.match(r"(?:Mc|Mac|De|Del|Della|La|Le|Lo|Di|Da|Van|Fitz|O)[A-Z]", word)
    return word if name else camel_split(word)


def _italian_ordinal(match: re.Match[str]) -> str:
    ordinal = words(int(match[1]), "it", to="ordinal")
    return ordinal[:-1] + "a" if match[2] == "ª" else ordinal


def _italian_date(match: re.Match[str]) -> str:
    day, month = int(match[1]), int(match[2])
    if not (1 <= day <= 31 and 1 <= month <= 12):
        return match[0]
    months = [*dict.fromkeys(FORMS["it"].months.values())]
    return f"{'primo' if day == 1 else day} {months[month - 1]} {match[3]}"


_RANKED = (
    "piano|posto|secolo|capitolo|anniversario|giorno|anno|classificato|premio|tempo|turno|livello|articolo|comma|"
    "gennaio|febbraio|marzo|aprile|maggio|giugno|luglio|agosto|settembre|ottobre|novembre|dicembre"
)
_ITALIAN: list[Rule] = [
    # its grammar has no dates, and no times after these words
    (re.compile(r"(?<![\w./-])(\d{1,2})[./-](\d{1,2})[./-]((?:1|2)\d{3})(?![\w/-]|\.\d)"), _italian_date),
    (
        re.compile(r"\b((?:[Oo]re|[Aa]lle|[Dd]alle)\s+\d{1,2})[.,:]([0-5]\d)\b(?![.,:]\d)"),
        lambda m: m[1] + (f" e {m[2]}" if int(m[2]) else ""),
    ),
    (re.compile(rf"\b(\d{{1,3}})([ºª]|°(?=\s+(?:{_RANKED})\b))(?!\w)"), _italian_ordinal),
]
