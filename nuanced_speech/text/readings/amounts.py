"""Amounts, results, times and telephone numbers that the grammars of several languages misread, rule by rule.

English, German and Russian have most of theirs in their own modules.
"""

import re
from collections.abc import Callable
from functools import partial

from nuanced_speech.text.numbers import words
from nuanced_speech.text.readings.rules import Rule, applied

_MONEY = {
    "es": {"€": "euros", "$": "dólares", "£": "libras"},
    "fr": {"€": "euros", "$": "dollars", "£": "livres"},
    "it": {"€": "euro", "$": "dollari", "£": "sterline"},
    "pt": {"€": "euros", "$": "dólares", "£": "libras", "R$": "reais", "US$": "dólares"},
}
# Short forms of millions and milliards: their words, of one and of more, and what stands before a currency.
_LARGE = {
    "es": ({"M": ("millón", "millones")}, "de "),
    "fr": ({"M": ("million", "millions"), "Md": ("milliard", "milliards"), "Mds": ("milliard", "milliards")}, "d'"),
    "it": ({"M": ("milione", "milioni"), "mln": ("milione", "milioni"), "mld": ("miliardo", "miliardi")}, "di "),
    "pt": ({"mi": ("milhão", "milhões"), "bi": ("bilhão", "bilhões"), "M": ("milhão", "milhões")}, "de "),
}
_NUMBER = r"\d{1,3}(?:\.\d{3})+|\d+(?:,\d+)?"
_JAPANESE_DIGITS = str.maketrans("0123456789", "零一二三四五六七八九")
_CHINESE_DIGITS = str.maketrans("0123456789", "零幺二三四五六七八九")
_JAPANESE_UNITS = {
    "km": "キロメートル", "cm": "センチメートル", "mm": "ミリメートル", "m": "メートル", "kg": "キログラム",
    "mg": "ミリグラム", "g": "グラム", "L": "リットル", "ml": "ミリリットル", "mL": "ミリリットル",
    "km/h": "キロメートル毎時",
}  # fmt: skip
_COUNTED_IN_CHINESE = "个位名只条张本件天倍杯家台辆块斤种间座句双瓶周岁"


def before_grammar(sentence: str, language: str) -> str:
    """A sentence with what the grammar of its language would misread in words, or as it reads it rightly."""
    if language in _ROUND:
        # "5." would be an ordinal in German
        sentence = re.sub(r"(?<=\d)[.,][-–](\.?)(?![\w-])", lambda m: m[1] and f" {m[1]}", sentence)
    return applied(_BEFORE.get(language, ()), sentence)


def after_grammar(sentence: str, language: str) -> str:
    """A sentence with the signs and forms that the grammar of its language left."""
    return applied(_AFTER.get(language, ()), sentence)


def _large(language: str) -> list[Rule]:
    """ "5,2 M€", "€ 5,2 mln" and "R$ 5,2 mi"."""
    forms, of = _LARGE[language]
    signs = "|".join(map(re.escape, sorted(_MONEY[language], key=len, reverse=True)))
    short = "|".join(sorted(forms, key=len, reverse=True))

    def spoken(number: int, form: int, sign: int, match: re.Match[str]) -> str:
        one, many = forms[match[form]]
        return f"{match[number]} {one if match[number] == '1' else many} {of}{_MONEY[language][match[sign]]}"

    return [
        (re.compile(rf"(?<![\w.,])({_NUMBER})\s?({short})\.?\s?(?:d[ie]\s)?({signs})"), partial(spoken, 1, 2, 3)),
        (
            re.compile(rf"(?<!\w)({signs})\s?({_NUMBER})\s?({short})\b\.?(?=\s+\w|[,;:)]|\W*$)"),
            partial(spoken, 2, 3, 1),
        ),
    ]


def _score(language: str, verbs: str, to: str) -> Rule:
    """A result after a word that says so."""
    pattern = rf"\b((?:{verbs})\w*\s+(?:[^\W\d]+\s+){{0,2}}?)(\d{{1,2}})\s?[-–]\s?(\d{{1,2}})(?![\w/-])"

    def spoken(match: re.Match[str]) -> str:
        # in words: the grammars take a one before a noun, or a day and a month
        return f"{match[1]}{words(int(match[2]), language)} {to} {words(int(match[3]), language)}"

    return re.compile(pattern, re.I), spoken


def _per(times: str, per: str) -> Rule:
    """What is paid or done in a time: "3 €/mes"."""
    return re.compile(rf"(?<=[\d€$£%])\s?/\s?({times})\b"), rf" {per} \1"


def _range(language: str, to: str) -> Rule:
    """Two numbers before a word; the grammars take them for a day and a month."""

    def spoken(match: re.Match[str]) -> str:
        return f"{words(int(match[1]), language)} {to} {words(int(match[2]), language)}"

    return re.compile(
        r"(?<![\w.,:/€$£-])(\d{1,3})\s?[-–]\s?(\d{1,3})(?=\s+[a-zß-ÿ]{2}|[.,;:!?)]*\s*$|[,;:!?)])"
    ), spoken


def _feminine_one(language: str, noun: str) -> Rule:
    """ "1" before a feminine noun."""
    return re.compile(rf"(?<![\w.,:/€$£+-])(?<!\d\s)1(?=\s+(?:{noun})\b)"), {"fr": "une", "pt": "uma"}.get(
        language, "una"
    )


def _postcode(language: str) -> Rule:
    """Five digits before a name; the grammars join them with the number before."""

    def spoken(match: re.Match[str]) -> str:
        return words(int(match[0]), language)

    return re.compile(r"(?<![\w.,:/-])[1-9]\d{4}(?=\s+[A-ZÀ-Þ][a-zß-ÿ])"), spoken


def _digits(language: str) -> Callable[[re.Match[str]], str]:
    def spoken(match: re.Match[str]) -> str:
        groups = (" ".join(words(int(digit), language) for digit in group) for group in re.findall(r"\d+", match[2]))
        return match[1] + ("plus " if match[2][0] == "+" else "") + ", ".join(groups)

    return spoken


def _french_area(match: re.Match[str]) -> str:
    unit = {"k": "kilomètres", "c": "centimètres", "m": "millimètres", None: "mètres"}[match[1]]
    return f" {unit} {'carrés' if match[2] == '²' else 'cubes'}"


def _chinese(number: int) -> str:
    """A number below a hundred."""
    digits = "零一二三四五六七八九"
    tens, ones = divmod(number, 10)
    return (digits[tens] if tens > 1 else "") + ("十" if tens else "") + (digits[ones] if ones or not tens else "")


def _italian_fraction(match: re.Match[str]) -> str:
    part = "mezzo" if match[2] == "2" else words(int(match[2]), "it", to="ordinal")
    return f"un {part}" if match[1] == "1" else f"{words(int(match[1]), 'it')} {part[:-1]}i"


def _roubles(match: re.Match[str]) -> str:
    ends = "." if match[0][-1] == "." and not match.string[match.end() :].strip() else ""
    return f"{match[1]} руб." + (f" {int(match[2])} коп." if int(match[2]) else ends)


def _ungrouped(match: re.Match[str]) -> str:
    return re.sub("[.,]", "", match[0])


def _japanese_telephone(match: re.Match[str]) -> str:
    return "、".join(group.translate(_JAPANESE_DIGITS) for group in match[0].split("-"))


# Words in -a that are masculine.
_MASCULINE = (
    "d[ií]a|problema|programa|mapa|sistema|tema|clima|idioma|planeta|poema|drama|diploma|panorama|esquema|síntoma|cura|"
    "colega|artista|turista|poeta|pilota|papa|pianeta|cinema|dilemma|sintomo|schema|aroma|enigma|dogma|trauma|dentista"
)
# Languages that write "5.-" or "5,-" for an amount without a part.
_ROUND = frozenset(("de", "en", "fr", "it"))
_PLUS = r"(?<![^\s(])\+\s?(?=\d+(?:[.,]\d+)?\s?%)"
_BEFORE: dict[str, list[Rule]] = {
    "es": [
        _per("mes|día|año|hora|semana|noche|persona", "por"),
        _postcode("es"),
        _range("es", "a"),
        (re.compile(r"(?<![\d.,/-])([12]\d{3})\s?[-–]\s?([12]\d{3})(?![\d.,/-])"),
         lambda m: f"{words(int(m[1]), 'es')} a {words(int(m[2]), 'es')}"),
        _feminine_one("es", rf"(?!(?:{_MASCULINE})\b)\w+(?:a|ción|sión|dad|tad)"),
        (re.compile(_PLUS), "más "),
        (re.compile(r"\bc\.\s(?=1?\d{3}\b)"), "circa "),
        *_large("es"),
        (re.compile(r"\b((?:llam|marqu|marca)\w*\s+(?:al?\s+)?)"
                    r"((?:\+\d{1,3}\s)?\d{2,3}(?:[\s.-]\d{2,3}){2,3})(?![\w-]|[\s.]\d)", re.I),
         _digits("es")),
        _score("es", "gan[aóe]|qued[aóe]|perd[ií]|empat[aóe]|venc|derrot|victoria|result|marcador", "a"),
    ],
    "fr": [
        *_large("fr"),
        _per("mois|jour|an|heure|semaine|nuit|personne", "par"),
        _range("fr", "à"),
        (re.compile(r"(?<![\d.])0\d(?:\.\d\d){4}(?!\.?\d)"), lambda m: m[0].replace(".", " ")),
        (re.compile(r"(?<![\d.,])(?<!\d )0 (8\d\d) (\d{3}) (\d{3})(?! ?\d)"), r"0, \1, \2, \3"),
        (re.compile(r"\b(p\.|pp\.|pages?)\s?(\d{1,4})\s?[-–]\s?(\d{1,4})(?![\d-])"),
         lambda m: f"{'pages' if m[1][-1] == '.' else m[1]} {words(int(m[2]), 'fr')} à {words(int(m[3]), 'fr')}"),
        (re.compile(r"(?<![\d:/.-])(\d{1,2})\s?[-–]\s?(\d{1,2})(?=\s?(?:h|ans|km|kg|m|cm)\b|\s?[°%€])"),
         r"\1 à \2"),
        (re.compile(r"(?<![\d.,/-])(\d{1,3})\.(\d{1,2})(?=\s?(?:[%€°]|[a-zà-ÿ]{2,}))(?!\s(?:janv|fév|mars|avr|mai\b|juin|juil|ao))"),
         r"\1,\2"),
        _feminine_one("fr", r"\w+(?:tion|té|ette|ure|ance|ence|esse|ée|elle|ine|ille)s?"),
        (re.compile(_PLUS), "plus "),
        (re.compile(r"(?<=\d)\s?M\s(?=d['’]|de\s)"), " millions "),
        (re.compile(r"\b([XVI]+e)\s?s\.(?=[\s,;:)]|$)"), r"\1 siècle"),
        (re.compile(r"(?<=\d)\s?(k|c|m)?m([²³])"), _french_area),
        (re.compile(r"\b([Rr])dv\b"), lambda m: ("rendez" if m[1] == "r" else "Rendez") + "-vous"),
        (re.compile(r"(?<!\w)([Bb])(?:l?v)?d\.?\s+(?=(?:de|du|des)\s|[A-ZÀ-Þ])"),
         lambda m: ("boulevard " if m[1] == "b" else "Boulevard ")),
        _score("fr", "gagn|perd|batt|score|victoire|défaite|mèn|men[aé]|impos|inclin|emport|résultat|nul|par", "à"),
    ],
    "it": [
        *_large("it"),
        _per("mese|giorno|anno|ora|settimana|notte|persona", "a"),
        _postcode("it"),
        _range("it", "a"),
        (re.compile(r"(?<![\w/.,])1/2(?=\s[a-z])(?!\s(?:di|del|dello|della|dei|degli|delle)\b)"), "mezzo"),
        _feminine_one("it", rf"(?!(?:{_MASCULINE})\b)\w+(?:a|zione|sione|tà)"),
        (re.compile(_PLUS), "più "),
        (re.compile(r"\b((?:[Ss]ono le|[Aa]lle|[Dd]alle|[Oo]re|[Ll]e)\s)([01]?\d|2[0-3])\.([0-5]\d)\b(?![.,]\d)"),
         lambda m: f"{m[1]}{words(int(m[2]), 'it')}" + (f" e {words(int(m[3]), 'it')}" if int(m[3]) else "")),
        _score("it", "vin[tsc]|pers|perd|batt|pareggi|risultat|vittori|sconfitt|finit|per", "a"),
        (re.compile(r"(?<![\w/.,])([1-9])/([2-9])(?=\s(?:di|del|dello|della|dell|dei|degli|delle)\b)"),
         _italian_fraction),
        (re.compile(r"(?<=\d)\s?(ml[nd])\b\.?(?!\.)"), lambda m: f" {_LARGE['it'][0][m[1]][1]}"),
        # its grammar takes the point between groups for a spoken one
        (re.compile(r"(?<![\w.,/-])[1-9]\d{0,2}(?:\.\d{3})+(?![\w/-]|\.\d)"), _ungrouped),
    ],
    "pt": [
        *_large("pt"),
        _per("mês|dia|ano|hora|semana|noite|pessoa", "por"),
        _range("pt", "a"),
        _feminine_one("pt", rf"(?!(?:{_MASCULINE})\b)\w+(?:a|ção|são|dade)"),
        (re.compile(_PLUS), "mais "),
        _score("pt", "ganh|venc|perd|empat|derrot|vitória|resultado|placar|por", "a"),
    ],
    "hi": [
        (re.compile(r"(?<![\d/])(0?[1-9]|[12]\d|3[01])/(0?[1-9]|1[0-2])/((?:19|20)\d\d)(?![\d/])"), r"\1-\2-\3"),
        (re.compile(r"(?<=[\d\s])किमी/घंटा"), "किलोमीटर प्रति घंटा"),
        (re.compile(r"(?<=₹)\s?\d{1,3}(?:,\d{2})*,\d{3}(?!\d)"), _ungrouped),
        (re.compile(r"(?<=\d)\s?%"), " प्रतिशत"),
    ],
    "ja": [
        (re.compile("℡"), "電話"),
        # numbers of blocks and houses, no date
        (re.compile(r"(?<=[区町村市目郡])(\d{1,4})-(\d{1,4})(?:-(\d{1,4}))?(?![\d-])"),
         lambda m: "の".join(group for group in m.groups() if group)),
        (re.compile(r"(?<![\d-])0\d{1,4}-\d{1,4}-\d{3,4}(?![\d-])"), _japanese_telephone),
        (re.compile(r"[¥￥]\s?(\d{1,3}(?:,\d{3})+|\d+)"), lambda m: m[1].replace(",", "") + "円"),
        (re.compile(r"(?<![\d,])\d{1,3}(?:,\d{3})+(?![\d,])"), _ungrouped),
        (re.compile(r"(?<=\d)\s?(?:℃|°C)"), "度"),
        (re.compile(r"(?<=\d)\s?[%％]"), "パーセント"),
        (re.compile(rf"(?<=\d)\s?({'|'.join(sorted(_JAPANESE_UNITS, key=len, reverse=True))})(?![A-Za-z/])"),
         lambda m: _JAPANESE_UNITS[m[1]]),
    ],
    "zh": [
        (re.compile(r"(?<![\d-])0\d{2,3}-\d{7,8}(?![\d-])"),
         lambda m: "，".join(group.translate(_CHINESE_DIGITS) for group in m[0].split("-"))),
        (re.compile(r"[¥￥]\s?(\d{4,}(?:\.\d+)?|\d[\d,]*\.\d+)(?![\d万亿])"), lambda m: m[1].replace(",", "") + "元"),
        (re.compile(r"(比分[^\d]{0,4})(\d{1,3})\s?[:：–-]\s?(\d{1,3})(?![\d:：.])"), r"\1\2比\3"),
        (re.compile(r"(?<=以)(\d{1,3})\s?[:：-]\s?(\d{1,3})(?=[^\d]{0,3}(?:胜|负|赢|输|平|败|领先|落后))"), r"\1比\2"),
        (re.compile(r"(?<![\d.,:/-])(\d{1,4})\s?[-~–—]\s?(\d{1,4})(?=[\u4e00-\u9fff])(?!月)"), r"\1到\2"),
        (re.compile(r"(?<=QQ)(\s?[:：]?\s?)(\d{5,12})(?!\d)"), lambda m: m[1] + m[2].translate(_CHINESE_DIGITS)),
        (re.compile(r"(?<![\d月.-])(\d{1,2})号(?=[楼线门院店车房馆厅桌机库选])|(?<=[路街道巷弄])(\d{1,2})号"),
         lambda m: f"{_chinese(int(m[1] or m[2]))}号"),
        (re.compile(r"(?<![\d.-])1[3-9]\d[\s-]?\d{4}[\s-]?\d{4}(?![\d.])"),
         lambda m: re.sub(r"[\s-]", "", m[0]).translate(_CHINESE_DIGITS)),
        (re.compile(rf"(?<![第\d.,/:-])2(?=[{_COUNTED_IN_CHINESE}])"), "两"),
    ],
    "de": [
        (re.compile(r"\b((?:Tel|Telefon|Telefax|Fax|Handy|Mobil)(?:nummer)?(?:\.:?|:)?\s+)(\+?[\d(][\d\s()./-]{4,}\d)"),
         _digits("de")),
    ],
    "ru": [
        (re.compile(r"\bпо тел\.\s?(?=[+\d(])"), "по телефону "),
        (re.compile(r"(?<![\d,.])(\d[\d ]*),(\d\d)\s?(?:руб\b|₽)\.?(?!\s?\d)"), _roubles),
    ],
}  # fmt: skip
_AFTER: dict[str, list[Rule]] = {
    "es": [
        (re.compile(rf"\b(\w*(?:cient|quinient))os(?= (?!(?:{_MASCULINE})s?\b)\w+as\b)"), r"\1as"),
        (re.compile(rf"\b(veinti)ún(?= (?!(?:{_MASCULINE})s?\b)\w+(?:as|iones|dades)\b)"), r"\1una"),
        (re.compile(rf"\b(\w+ y) un(?= (?!(?:{_MASCULINE})s?\b)\w+(?:as|iones|dades)\b)"), r"\1 una"),
        (re.compile(r"\b(prim|terc)ero (?=(?:piso|puesto|capítulo|día|mes|año|siglo|lugar|grado|curso|premio|trimestre|"
                    r"semestre|párrafo|nivel|tiempo|tomo|hijo|libro|artículo|aniversario)\b)"), r"\1er "),
        (re.compile(r"\b((?:siglo|capítulo|tomo|número|artículo) veinti)ún\b"), r"\1uno"),
    ],
    "fr": [
        (re.compile(r"\b(vingt|trente|quarante|cinquante|soixante|quatre-vingt)( et |-)un"
                    r"(?= \w+(?:tions|tés|ettes|ures|ances|ences|esses|ées|elles|ines|illes|sonnes|isons|nutes)\b)"),
         r"\1\2une"),
    ],
    "pt": [
        (re.compile(rf"\bdois(?= (?!(?:{_MASCULINE})s?\b)\w+(?:as|ções|sões|dades)\b)"), "duas"),
        (re.compile(rf"\b(\w+ e) um(?= (?!(?:{_MASCULINE})s?\b)\w+(?:as|ções|sões|dades)\b)"), r"\1 uma"),
    ],
    "hi": [(re.compile(r"\bminus\b"), "माइनस")],
    "ja": [(re.compile(r"[-−](?=[零一二三四五六七八九十百点]+度)"), "マイナス")],
}  # fmt: skip
