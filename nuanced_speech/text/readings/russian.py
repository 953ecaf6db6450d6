"""Russian readings: numbers by num2words in the case, gender and number that the words beside them ask for.

NeMo's Russian grammar gives many readings of each number and leaves the choice to a recording, so it is not used.
"""

import re
from collections.abc import Callable, Iterable

from nuanced_speech.text.months import MONTHS
from nuanced_speech.text.numbers import MAX_DIGITS, last_two_digits, month_name, number_words, plural, words
from nuanced_speech.text.readings import roman

Rule = tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]

_MONTHS = MONTHS["ru"]
_ABBREVIATIONS = {
    "т. е.": "то есть", "т. к.": "так как", "т. д.": "так далее", "т. п.": "тому подобное", "т. н.": "так называемый",
    "др.": "другие", "напр.": "например", "ул.": "улица", "пр.": "прочее", "проф.": "профессор", "акад.": "академик",
    "н. э.": "нашей эры",
}  # fmt: skip
# Those after which a sentence may end; the others stand before a name or a clause.
_LAST = frozenset(("т. д.", "т. п.", "др.", "пр.", "н. э."))
_BEFORE_NUMBER = {
    "№": "номер", "стр.": "страница", "гл.": "глава", "рис.": "рисунок", "табл.": "таблица", "ст.": "статья",
    "п.": "пункт", "д.": "дом", "кв.": "квартира", "т.": "том", "§": "параграф", "#": "номер", "ок.": "около",
}  # fmt: skip
# Stems of what is named after people: after these, "им." is "имени"; elsewhere it is "them" at the end of a sentence.
NAMED_AFTER = (
    "[Шш]кол|[Тт]еатр|[Зз]авод|[Уу]ниверситет|[Ии]нститут|[Бб]иблиотек|[Мм]узе|[Пп]арк|[Уу]лиц|[Пп]лощад|[Аа]кадеми|"
    "[Цц]ентр|[Бб]ольниц|[Сс]тадион|[Кк]онсерватори|[Фф]абрик|[Кк]луб|[Кк]олхоз|[Пп]реми|[Уу]чилищ|[Кк]олледж|"
    "[Гг]имнази|[Лл]ице|[Аа]эропорт|[Сс]танци|[Кк]анал|МГУ|ДК"
)
# What is counted: gender, and its forms after 1, 2 to 4, 5 and more, and decimals.
_UNITS = {
    "%": ("m", "процент процента процентов процента"), "₽": ("m", "рубль рубля рублей рубля"),
    "руб.": ("m", "рубль рубля рублей рубля"), "руб": ("m", "рубль рубля рублей рубля"),
    "р.": ("m", "рубль рубля рублей рубля"), "коп.": ("f", "копейка копейки копеек копейки"),
    "$": ("m", "доллар доллара долларов доллара"), "USD": ("m", "доллар доллара долларов доллара"),
    "€": ("m", "евро евро евро евро"), "EUR": ("m", "евро евро евро евро"), "£": ("m", "фунт фунта фунтов фунта"),
    "км/ч": ("m", "километр километра километров километра"), "м/с": ("m", "метр метра метров метра"),
    "км²": ("m", "километр километра километров километра"), "м²": ("m", "метр метра метров метра"),
    "м³": ("m", "метр метра метров метра"), "км": ("m", "километр километра километров километра"),
    "м": ("m", "метр метра метров метра"), "см": ("m", "сантиметр сантиметра сантиметров сантиметра"),
    "мм": ("m", "миллиметр миллиметра миллиметров миллиметра"),
    "кг": ("m", "килограмм килограмма килограммов килограмма"),
    "г": ("m", "грамм грамма граммов грамма"), "мг": ("m", "миллиграмм миллиграмма миллиграммов миллиграмма"),
    "т": ("f", "тонна тонны тонн тонны"), "л": ("m", "литр литра литров литра"),
    "мл": ("m", "миллилитр миллилитра миллилитров миллилитра"), "ч": ("m", "час часа часов часа"),
    "мин": ("f", "минута минуты минут минуты"), "сек": ("f", "секунда секунды секунд секунды"),
    "°C": ("m", "градус градуса градусов градуса"), "°": ("m", "градус градуса градусов градуса"),
    "Вт": ("m", "ватт ватта ватт ватта"), "кВт": ("m", "киловатт киловатта киловатт киловатта"),
    "ГБ": ("m", "гигабайт гигабайта гигабайт гигабайта"), "МБ": ("m", "мегабайт мегабайта мегабайт мегабайта"),
}  # fmt: skip
_ADDED = {
    "км/ч": "в час", "м/с": "в секунду", "°C": "Цельсия", "м²": "квадратный квадратных квадратных квадратных",
    "км²": "квадратный квадратных квадратных квадратных", "м³": "кубический кубических кубических кубических",
}  # fmt: skip
_SCALES = {
    "тыс.": ("f", "тысяча тысячи тысяч тысячи"), "млн": ("m", "миллион миллиона миллионов миллиона"),
    "млрд": ("m", "миллиард миллиарда миллиардов миллиарда"), "трлн": ("m", "триллион триллиона триллионов триллиона"),
}  # fmt: skip
# Endings that are written after an ordinal in digits: case, gender, more than one.
_ENDINGS = {
    "й": ("n", "m", False), "ый": ("n", "m", False), "ой": ("n", "m", False), "ий": ("n", "m", False),
    "я": ("n", "f", False), "ая": ("n", "f", False), "е": ("n", "n", False), "ое": ("n", "n", False),
    "го": ("g", "m", False), "ого": ("g", "m", False), "его": ("g", "m", False), "му": ("d", "m", False),
    "ому": ("d", "m", False), "м": ("p", "m", False), "ом": ("p", "m", False), "ю": ("a", "f", False),
    "ую": ("a", "f", False), "х": ("g", "m", True), "ых": ("g", "m", True), "ые": ("n", "m", True),
    "ми": ("i", "m", True), "ым": ("i", "m", False),
}  # fmt: skip
# Forms of the words after an ordinal in digits or Roman numerals, and the case that each stands in.
_FORMS = {
    "год": "n", "года": "g", "году": "p", "годом": "i", "годы": "N", "годов": "G", "годах": "P", "годам": "D",
    "век": "n", "века": "g", "веке": "p", "веком": "i", "веку": "d", "столетие": "n", "столетия": "g",
    "столетии": "p", "съезд": "n", "съезда": "g", "съезде": "p",
}  # fmt: skip
_NEUTER = frozenset(("столетие",))
_YEARS = {"г.": "год", "гг.": "годы", "в.": "век"}
# Stems of rulers' names, and the case that an ending of theirs stands for.
_KINGS = (
    "Александр|Алексе|Борис|Васили|Вильгельм|Генрих|Георг|Григори|Иван|Иоанн|Карл|Людовик|Михаил|Наполеон|Никола|Павел|"
    "Павл|Пётр|Петр|Рамзес|Ричард|Сигизмунд|Фёдор|Федор|Филипп|Франциск|Фридрих|Эдуард|Яков"
)
_QUEENS = "Анн|Екатерин|Елизавет|Мари|Изабелл|Виктори|Маргарит"
_KINGS_CASES = {
    "": "n", "й": "n", "а": "g", "я": "g", "у": "d", "ю": "d", "ом": "i", "ем": "i", "е": "p", "и": "p",
}  # fmt: skip
_QUEENS_CASES = {
    "а": "n", "я": "n", "ы": "g", "и": "g", "е": "d", "у": "a", "ю": "a", "ой": "i", "ей": "i",
}  # fmt: skip
SIGNS = {"&": "и", "+": "плюс", "=": "равно", "<": "меньше", ">": "больше", "×": "умножить на", "@": "собака"}
_NUMBER = r"[1-9]\d{0,2}(?:[. ]\d{3})+(?![. ]?\d)(?:,\d+)?|\d+(?:,\d+)?"


def _ends(match: re.Match[str]) -> bool:
    """Whether a sentence ends where a match does: nothing follows, or a capital."""
    return bool(re.match(r"[\s\"')»]*(?:$|(?<=\s)[A-ZА-ЯЁ])", match.string[match.end() :]))


def in_words(sentence: str) -> str:
    """A sentence with its numbers, signs and abbreviations in words."""
    if not re.search(r"[\d№%&+=<>@.]|[IVX]", sentence):
        return sentence
    for pattern, reading in _RULES:
        sentence = pattern.sub(reading, sentence)
    for sign, reading in SIGNS.items():
        sentence = sentence.replace(sign, f" {reading} ")
    return re.sub(r" {2,}", " ", sentence)


def _ordinal(number: int, case: str = "n", gender: str = "m", many: bool = False) -> str:
    return words(number, "ru", to="ordinal", case=case, gender=gender, plural=many)


def _date(match: re.Match[str]) -> str:
    parts = match.groupdict()
    day = int(parts["day"])
    month = month_name(day, parts["month"], _MONTHS)
    if month is None:
        return match[0]
    reading = f"{_ordinal(day, 'g', 'n')} {month}"
    if parts["year"]:
        reading += f" {_ordinal(int(parts['year']), 'g')}" + (" года" if parts.get("word") else "")
    return reading


def _of_a_form(match: re.Match[str]) -> str:
    """An ordinal before "год" or "век", in the case of that word."""
    word = match["word"]
    preposition = re.search(r"\b([Вв]о?)\s+$", match.string[: match.start()])
    if word in _YEARS:
        single = _YEARS[word]
        case = "p" if preposition else "n"
        word = {"год": "году", "век": "веке", "годы": "годах"}[single] if preposition else single
        case = case.upper() if single == "годы" else case
    else:
        case = _FORMS[word]
    number = roman.value(match["number"]) if match["number"].isalpha() else int(match["number"])
    reading = _ordinal(number, case.lower(), "n" if word in _NEUTER else "m", case.isupper())
    stop = "." if match["word"].endswith(".") and _ends(match) else ""
    return f"{reading} {word}{stop}"


def _with_ending(match: re.Match[str]) -> str:
    # decades are more than one year: "1990-е"
    form = ("n", "m", True) if match[2] == "е" and match[1].endswith("0") else _ENDINGS[match[2]]
    return _ordinal(int(match[1]), *form)


def _gender(number: str, noun: str) -> str:
    """The gender of a noun in the form that a number ending in 1 or 2 asks for: "21 книга", "2 книги"."""
    last = last_two_digits(number)
    if last % 10 == 1 and last != 11:
        return "f" if re.search("[ая]$", noun) else "n" if re.search("[ое]$", noun) else "m"
    return "f" if last % 10 == 2 and last != 12 and re.search("[ыи]$", noun) else "m"


def _king(match: re.Match[str]) -> str:
    case = _KINGS_CASES[match[2]]
    return f"{match[1]}{match[2]} {_ordinal(roman.value(match[3]), case).capitalize()}"


def _queen(match: re.Match[str]) -> str:
    case = _QUEENS_CASES[match[2]]
    return f"{match[1]}{match[2]} {_ordinal(roman.value(match[3]), case, 'f').capitalize()}"


def _cardinal(number: str, gender: str = "m") -> str:
    """A number in the nominative; decimals are feminine by themselves: "две целых пять десятых"."""
    digits = re.sub(r"\D", "", number)
    if "," in number or number[0] == "0" or gender == "m" or len(digits) > MAX_DIGITS:
        return number_words(number, "ru")
    return words(int(digits), "ru", gender=gender)


def _counted(match: re.Match[str]) -> str:
    number, scale, unit = match["number"], match["scale"], match["unit"] or match["first"]
    sign = "минус " if match["minus"] else ""
    stop = "." if unit and unit.endswith(".") and _ends(match) else ""
    if scale is None and unit is None:
        noun = re.match(r"\s+([а-яё]{3,})(?!\w)", match.string[match.end() :])
        return sign + _cardinal(number, _gender(number, noun[1]) if noun and "," not in number else "m")
    gender, forms = _SCALES[scale] if scale else _UNITS[unit]
    reading = f"{_cardinal(number, gender)} {plural(number, *_four(forms))}"
    if scale and unit:
        reading += " " + _four(_UNITS[unit][1])[2]
    added = _ADDED.get(unit, "") if unit else ""
    if " " in added and not added.startswith("в "):
        adjective = plural("5" if scale else number, *_four(added))
        head, _, last = reading.rpartition(" ")
        return f"{sign}{head} {adjective} {last}{stop}"
    return f"{sign}{reading} {added}".rstrip() + stop


def _four(forms: str) -> tuple[str, str, str, str]:
    one, few, many, part = forms.split()
    return one, few, many, part


def _time(match: re.Match[str]) -> str:
    hour, minute = int(match[1]), int(match[2])
    hours = f"{words(hour, 'ru')} {plural(match[1], 'час', 'часа', 'часов', 'часа')}"
    if not minute:
        return hours
    return f"{hours} {words(minute, 'ru', gender='f')} {plural(match[2], 'минута', 'минуты', 'минут', 'минуты')}"


def _telephone(match: re.Match[str]) -> str:
    groups = re.findall(r"\d+", match[0])
    readings = [
        " ".join(["ноль"] * (len(g) - len(g.lstrip("0"))) + ([words(int(g), "ru")] if int(g) else [])) for g in groups
    ]
    return ("плюс " if match[0][0] == "+" else "") + " ".join(readings)


_SPACELESS = {short.replace(" ", ""): (reading, short in _LAST) for short, reading in _ABBREVIATIONS.items()}


def _abbreviation(match: re.Match[str]) -> str:
    reading, last = _SPACELESS[re.sub(r"\s", "", match[1])]
    at_end = not match.string[match.end() :].strip(" \"')»")
    return reading + ("." if at_end or (last and _ends(match)) else "")


def _any(table: Iterable[str]) -> str:
    forms = sorted(table, key=len, reverse=True)
    return "|".join(re.escape(form).replace(r"\ ", r"\s?") for form in forms)


_UNIT, _SCALE, _WORD = (_any(table) for table in (_UNITS, _SCALES, (*_FORMS, *_YEARS)))
_ROMAN = r"(?=[IVX])X{0,3}(?:IX|IV|V?I{0,3})"
_RULES: list[Rule] = [
    (re.compile(rf"\b({_KINGS})({'|'.join(_KINGS_CASES)})\s+({_ROMAN})(?!\w)"), _king),
    (re.compile(rf"\b({_QUEENS})({'|'.join(_QUEENS_CASES)})\s+({_ROMAN})(?!\w)"), _queen),
    (re.compile(rf"(?<!\w)(?P<number>{_ROMAN})\s+(?P<word>{_WORD})(?!\w)"), _of_a_form),
    # dates and years
    (re.compile(r"\b([Сс])\s+(\d{4})\s+по\s+(\d{4})\s+(?:гг?\.|год(?:ы)?\b)"),
     r"\1 \2-го по \3-й год"),
    (re.compile(r"\b([Вв])\s+(\d{4})\s?[-–—]\s?(\d{4})\s?(?:гг\.|годах\b)"), r"\1 \2-м – \3-м годах"),
    (re.compile(r"(?<!\w)(\d{4})\s?[-–—]\s?(\d{4})\s?(?:гг\.|годов\b)"), r"\1-го – \2-го годов"),
    (re.compile(r"(?<![\w.,/-])(?P<day>\d{1,2})[./](?P<month>\d{1,2})[./](?P<year>\d{4})(?P<word>\s?г(?:\.|ода)(?!\w))?"
                r"(?![\w/])"), _date),
    (re.compile(r"(?<![\w.,/-])(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})(?![\w-])"), _date),
    (re.compile(rf"(?<![\w.,/-])(?P<day>\d{{1,2}})\s+(?P<month>{'|'.join(_MONTHS)})\b(?:\s+(?P<year>\d{{4}})(?!\d)"
                rf"(?P<word>\s?г(?:\.|ода)(?!\w))?)?"), _date),
    (re.compile(rf"(?<![\w.,/-])(?P<number>\d{{1,4}})\s?(?P<word>{_WORD})(?!\w)"), lambda m: _of_years(m)),
    (re.compile(rf"(?<![\w.,/])(\d{{1,4}})-({'|'.join(sorted(_ENDINGS, key=len, reverse=True))})(?!\w)"), _with_ending),
    # abbreviations
    (re.compile(rf"(?<!\w)({_any(_BEFORE_NUMBER)})\s*(?=\d)"), lambda m: _BEFORE_NUMBER[m[1]] + " "),
    (re.compile(rf"(?<![\w])({_any(_ABBREVIATIONS)})(?!\w)"), _abbreviation),
    # "им" and "тел" are words too, and "170 см" are centimetres
    (re.compile(rf"\b((?:{NAMED_AFTER})\w*)\s+им\.(?=\s+[А-ЯЁ])"), r"\1 имени"),
    (re.compile(r"(?<!\w)тел\.(?=:?\s*[+(\d])"), "телефон"),
    (re.compile(r"(?<!\w)(?<!\d)(?<!\d\s)([Сс])м\.(?=\s+[\w§№])"), r"\1мотри"),
    # times and telephone numbers
    (re.compile(r"(?<![\w.,:/-])([01]?\d|2[0-4]):([0-5]\d)(?![\w:])"), _time),
    (re.compile(r"(?<![\w-])\+?\d[ -]\(?\d{3}\)?[ -]\d{3}-?\d{2}-?\d{2}(?![\w-])"), _telephone),
    # numbers with what they count
    (re.compile(r"(?<=\d)\s?[–—]\s?(?=\d)"), " до "),
    (re.compile(rf"(?<![\w.,:/@#+])(?<!\d[ -])(?P<first>[$€£])?(?P<minus>[-−](?=\d))?(?P<number>{_NUMBER})"
                rf"(?:\s?(?P<scale>{_SCALE})\.?(?!\w))?(?:\s?(?P<unit>{_UNIT})(?![\w/²³]))?(?![\w/@]|[.,:]\d)"),
     _counted),
]  # fmt: skip


def _of_years(match: re.Match[str]) -> str:
    """A year or a century; "2 года" and "5 годов" are numbers of years."""
    if len(match["number"]) < 3 and not match["word"].startswith(("век", "столет", "съезд", "в.")):
        return match[0]
    return _of_a_form(match)
