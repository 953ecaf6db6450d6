"""German readings that the grammar lacks: grouped numbers, dates and ordinals in their case, money, years, rulers."""

import re
from collections.abc import Callable

from nuanced_speech.text.months import MONTHS, short_months
from nuanced_speech.text.numbers import MAX_DIGITS, month_name, number_words, words
from nuanced_speech.text.readings import tables
from nuanced_speech.text.readings.roman import value

Rule = tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]

_MONTHS = MONTHS["de"]
_SHORT_MONTHS = short_months("de", "Jan,Jän Feb,Febr Mär,Mrz Apr - Jun Jul Aug Sep,Sept Okt Nov Dez")
_ABBREVIATIONS = {
    "z. B.": "zum Beispiel", "d. h.": "das heißt", "u. a.": "unter anderem", "i. d. R.": "in der Regel",
    "u. U.": "unter Umständen", "z. T.": "zum Teil", "v. a.": "vor allem", "o. ä.": "oder ähnlich",
    "u. Ä.": "und Ähnliches", "s. o.": "siehe oben", "s. u.": "siehe unten", "v. Chr.": "vor Christus",
    "n. Chr.": "nach Christus", "i. A.": "im Auftrag", "m. E.": "meines Erachtens", "usw.": "und so weiter",
    "usf.": "und so fort", "etc.": "et cetera", "bzw.": "beziehungsweise", "ca.": "circa", "evtl.": "eventuell",
    "ggf.": "gegebenenfalls", "inkl.": "inklusive", "exkl.": "exklusive", "zzgl.": "zuzüglich", "vgl.": "vergleiche",
    "bspw.": "beispielsweise", "sog.": "sogenannte", "geb.": "geboren", "gest.": "gestorben", "Dr.": "Doktor",
    "Prof.": "Professor", "Hr.": "Herr", "Hrn.": "Herrn", "Fr.": "Frau", "Frl.": "Fräulein", "Dipl.": "Diplom",
    "Ing.": "Ingenieur", "St.": "Sankt", "Tel.": "Telefon", "Mio.": "Millionen", "Mrd.": "Milliarden",
    "Tsd.": "Tausend", "Jh.": "Jahrhundert", "Jhd.": "Jahrhundert", "Jhdt.": "Jahrhundert", "Std.": "Stunden",
    "Str.": "Straße", "str.": "straße", "Abt.": "Abteilung", "Hbf.": "Hauptbahnhof", "max.": "maximal",
    "min.": "minimal", "mind.": "mindestens", "insb.": "insbesondere", "allg.": "allgemein", "verh.": "verheiratet",
    "n. V.": "nach Verlängerung", "MwSt.": "Mehrwertsteuer", "abzgl.": "abzüglich",
}  # fmt: skip
BEFORE_NUMBER = {
    "Nr.": "Nummer", "Nrn.": "Nummern", "S.": "Seite", "Kap.": "Kapitel", "Abb.": "Abbildung", "Bd.": "Band",
    "Abs.": "Absatz", "Art.": "Artikel", "Tab.": "Tabelle", "Aufl.": "Auflage", "§": "Paragraf", "§§": "Paragrafen",
    "Hausnr.": "Hausnummer", "Z.": "Zeile", "Jg.": "Jahrgang", "№": "Nummer", "#": "Nummer",
}  # fmt: skip
_CURRENCIES = {
    "€": ("Euro", "Cent"), "EUR": ("Euro", "Cent"), "$": ("Dollar", "Cent"), "US$": ("US-Dollar", "Cent"),
    "USD": ("US-Dollar", "Cent"), "£": ("Pfund", "Pence"), "GBP": ("Pfund", "Pence"), "CHF": ("Franken", "Rappen"),
    "¥": ("Yen", ""),
}  # fmt: skip
_SCALES = {
    "Mio.": "Millionen", "Mio": "Millionen", "Mill.": "Millionen", "M": "Millionen", "Mrd.": "Milliarden",
    "Mrd": "Milliarden", "Tsd.": "tausend", "Tsd": "tausend", "Million": "Million", "Millionen": "Millionen",
    "Milliarde": "Milliarde", "Milliarden": "Milliarden", "million": "Million", "millionen": "Millionen",
}  # fmt: skip
SIGNS = {
    "€": "Euro", "$": "Dollar", "£": "Pfund", "%": "Prozent", "‰": "Promille", "°C": "Grad Celsius", "°": "Grad",
    "&": "und", "+": "plus", "=": "gleich", "<": "kleiner als", ">": "größer als", "×": "mal", "÷": "geteilt durch",
    "@": "at", "#": "Nummer", "±": "plus minus", "§": "Paragraf", "≤": "kleiner oder gleich",
    "≥": "größer oder gleich", "≠": "ungleich", "²": "Quadrat", "³": "hoch drei",
}  # fmt: skip
# Words after which an ordinal ends in -en, and the prepositions after which "der" is a dative.
_EN = "am|vom|zum|beim|im|ab|seit|den|dem|des|einem|einen|eines|einer|diesem|diesen|dieses|dieser|jedem|jeden|letzten|"
_EN += "seinem|seinen|seines|seiner|ihrem|ihren|ihres|ihrer|meinem|meinen|meiner|unserem|unseren|unserer|zur|bis|ins"
_DATIVE = "in|an|auf|aus|bei|mit|nach|seit|von|vor|hinter|über|unter|neben|zwischen|während|wegen|trotz|zu|gegenüber|ab"
_FEMININE = (
    r"(?:(?!\w*(?:ein|rmin|amin|gazin|enzin|uin|Name|Junge|Ende|Auge|Käse|Kunde|Löwe|Affe|Hase)\b)"
    r"[A-ZÄÖÜ]\w*(?:ung|heit|keit|schaft|ion|tät|ik|ur|ei|in|e|liga|frau|mutter|tochter|stadt|nacht|hand)|"
    r"Liga|Frau|Mutter|Tochter|Stadt|Nacht|Hand|Person|Woche|Uhr)"
)
_LOW = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
_NUMBER = r"\d{1,3}(?:[.' ]\d{3})+(?![.' ]?\d)(?:,\d+)?|\d+(?:,\d+)?"
_YEAR_LIKE = r"(?:1[1-9]\d\d)"
_TITLE = "König|Kaiser|Papst|Zar|Königin|Kaiserin|Zarin|Herzog|Fürst|Prinz|Sultan|Pharao"
_KINGS = tables.words(
    "Adolf Albert Albrecht Alexander Alfons Amenophis August Benedikt Bonifatius Carlos Christian Clemens Darius "
    "Eberhard Edmund Eduard Erich Ernst Felipe Ferdinand Franz Franziskus Friedrich Georg Gregor Gustav Hadrian Harald "
    "Heinrich Innozenz Iwan Jakob Johann Johannes Josef Joseph Julius Karl Konrad Leo Leopold Lothar Ludwig Maximilian "
    "Mehmed Michael Murad Napoleon Nikolaus Olaf Oskar Otto Paul Paulus Peter Philipp Pius Ptolemaios "
    "Rainier Ramses Richard Rudolf Selim Sigismund Sixtus Stanislaus Süleyman Thutmosis Ulrich Urban Viktor Wilhelm "
    "Willem Xerxes"
)
_QUEENS = tables.words(
    "Anna Beatrix Christina Elisabeth Isabella Juliana Katharina Kleopatra Margarethe Maria Viktoria"
)
_ROMAN_ORDINAL = r"(?=[IVX])(?:X{0,3})(?:IX|IV|V?I{0,3})"


# Words that begin a sentence: before them a full stop is one.
_STARTERS = (
    "Er|Sie|Es|Wir|Ich|Ihr|Du|Man|Das|Die|Der|Den|Dem|Ein|Eine|Einen|Und|Aber|Doch|Dann|Danach|Im|In|Am|Um|Auf|Mit|Bei|Nach|"
    "Als|Wenn|Nun|Da|Dort|Hier|So|Dies\\w*|Sein\\w*|Ihr\\w+|Mein\\w*|Unser\\w*|Was|Wer|Wie|Warum|Auch|Nur|Für|Von"
)


def _ends(match: re.Match[str]) -> bool:
    """Whether a sentence ends where a match does."""
    rest = match.string[match.end() :]
    return not rest.strip(" \"')”’“»«") or bool(re.match(rf"\s+(?:{_STARTERS})\b", rest))


def before_grammar(sentence: str) -> str:
    """A sentence with what the German grammar misreads in words."""
    if not re.search(r"[\d₀-₉.€$£%§&IVX]", sentence):
        return sentence
    if re.fullmatch(r"\d{1,4}\.", sentence):
        return _ordinal(int(sentence[:-1]), "er")
    for pattern, reading in _BEFORE:
        sentence = pattern.sub(reading, sentence)
    return sentence


def after_grammar(sentence: str) -> str:
    """A sentence with numbers in one word each, as German writes them, and with the signs that are left."""
    for pattern, reading in _AFTER:
        sentence = pattern.sub(reading, sentence)
    for sign, reading in SIGNS.items():
        if sign in sentence:
            sentence = sentence.replace(sign, f" {reading} ")
    return re.sub(r"\s+(?=[,.;:!?…)])", "", re.sub(r" {2,}", " ", sentence)).strip() if "  " in sentence else sentence


def _ordinal(number: int, ending: str) -> str:
    # num2words gives the form in -e
    stem = words(number, "de", to="ordinal").removesuffix("e")
    return ("ein" if stem.startswith(("hundert", "tausend")) else "") + stem + ending


def _ruler(match: re.Match[str]) -> str:
    """A ruler's name with the number in its case: "Heinrich der Achte", "von Heinrich dem Achten"."""
    name, numeral, preposition = match["name"], match["numeral"], match["preposition"] or ""
    names = {*_KINGS, *_QUEENS}
    genitive = name not in names and name[:-1] in names and name.endswith("s")
    title = re.search(rf"(?:{_TITLE})\s+(?:[A-ZÄÖÜ]\w+\s+)?$", match.string[: match.start("name")])
    if not (name in names or genitive or title):
        # "Raum IV" is no ruler
        stop = "." if match[0].endswith(".") else ""
        return match[0] if len(numeral) < 2 else f"{preposition}{name} {value(numeral)}{stop}"
    stem = _ordinal(value(numeral), "").capitalize()
    queen = name.removesuffix("s" if genitive else "") in _QUEENS or bool(title and "in " in title[0])
    if genitive:
        ranked = f"der {stem}en" if queen else f"des {stem}en"
    elif preposition:
        ranked = f"der {stem}en" if queen else f"dem {stem}en"
    else:
        ranked = f"die {stem}e" if queen else f"der {stem}e"
    return f"{preposition}{name} {ranked}" + ("." if match[0].endswith(".") and _ends(match) else "")


def _roman_ordinal(match: re.Match[str]) -> str:
    return f"{value(match[1])}."


def _counted(match: re.Match[str]) -> str:
    return f"{match[1]} {value(match[2])}"


def _inflected(match: re.Match[str]) -> str:
    """An ordinal with the ending that the words before it ask for."""
    before, after = match.string[: match.start()], match.string[match.end() :]
    return _ordinal(int(match[1]), _ending(before, after))


def _ending(before: str, after: str) -> str:
    if re.search(rf"(?<!\w)(?:{_EN})\s+$", before, re.I):
        return "en"
    if re.search(r"(?<!\w)der\s+$", before, re.I):
        return "en" if re.search(rf"(?<!\w)(?:{_DATIVE})\s+der\s+$", before, re.I) else "e"
    if re.search(r"(?<!\w)(?:die|das|diese|eine|keine|seine|ihre|meine|unsere)\s+$", before, re.I):
        return "e"
    return "e" if re.match(rf"\s+{_FEMININE}\b", after) else "er"


def _date(match: re.Match[str]) -> str:
    """A date in digits, or with the name of its month."""
    parts = match.groupdict()
    day = int(parts["day"])
    month = month_name(day, parts["month"], _MONTHS)
    if month is None:
        return match[0]
    name = _SHORT_MONTHS.get(month.rstrip(".").capitalize(), month)
    reading = f"{_ordinal(day, _ending(match.string[: match.start()], ' Tag'))} {name}"
    return f"{reading} {_year(int(parts['year']))}" if parts["year"] else reading


def _year(number: int) -> str:
    return words(number, "de", to="year")


def _year_words(match: re.Match[str]) -> str:
    return _year(int(match[1]))


def _decade(match: re.Match[str]) -> str:
    return _year(int(match[1])) + "er" + match[2]


def _amount(number: str) -> str:
    return "ein" if number == "1" else number_words(number, "de")


def _money(match: re.Match[str]) -> str:
    parts = match.groupdict()
    sign = parts.get("first") or parts.get("last") or ""
    number, scale = re.sub(r"[,.]-+$|,—$", "", parts["number"]), (parts.get("scale") or "").strip()
    unit, cents = _CURRENCIES[sign]
    number = number[:-1] if re.fullmatch(r"\d+,\d\d0", number) else number
    if scale:
        scale_forms = _SCALES[scale]
        if number == "1" and scale_forms.startswith("Milli"):
            return f"eine {'Million' if scale_forms.startswith('Millio') else 'Milliarde'} {unit}"
        # dollars are written with a point too: $5.2M
        number = number.replace(".", ",") if re.fullmatch(r"\d+\.\d{1,2}", number) else number
        return f"{_amount(number)} {scale_forms} {unit}"
    if re.fullmatch(r"[\d.' ]*\d[.,]\d\d", number) and cents:
        whole, part = number[:-3], int(number[-2:])
        if not part:
            return f"{_amount(whole)} {unit}"
        if set(whole) == {"0"}:
            return _small_coins(part, cents)
        return f"{_amount(whole)} {unit} {_small_coins(part, cents)}"
    return f"{_amount(number)} {unit}"


def _small_coins(count: int, unit: str) -> str:
    return f"{_amount(str(count))} {'Penny' if count == 1 and unit == 'Pence' else unit}"


def _code(match: re.Match[str]) -> str:
    """Digits one by one, group by group."""
    return ", ".join(" ".join(words(int(digit), "de") for digit in group) for group in match[0].split("-"))


def _plain_number(match: re.Match[str]) -> str:
    return re.sub(r"[.' ](?=\d{3})", "", match[0])


def _one(match: re.Match[str]) -> str:
    return "eine" if re.match(rf"\s+{_FEMININE}\b", match.string[match.end() :]) else "ein"


def _abbreviation(table: dict[str, str]) -> Callable[[re.Match[str]], str]:
    spaceless = {short.replace(" ", ""): reading for short, reading in table.items()}

    def in_full(match: re.Match[str]) -> str:
        ends = _ends(match) and match[1].endswith(".")
        return spaceless[re.sub(r"\s", "", match[1])] + ("." if ends else "")

    return in_full


def _short_forms(table: dict[str, str]) -> str:
    # "z. B." is written "z.B." too
    forms = sorted(table, key=len, reverse=True)
    return "|".join(re.escape(form).replace(r"\ ", r"\s?") for form in forms)


_MONTH = "|".join((*_MONTHS, *(f"{short}\\." for short in _SHORT_MONTHS)))
_SIGN = "|".join(map(re.escape, sorted(_CURRENCIES, key=len, reverse=True)))
_SCALE = "|".join(map(re.escape, sorted(_SCALES, key=len, reverse=True)))
_RANKED = "Weltkrieg|Jahrhundert|Quartal|Internationale|Abteilung|Klasse|Etage|Stock|Akt|Teil"
_COUNTED = "Kapitel|Band|Teil|Akt|Szene|Buch|Artikel|Klasse|Stufe|Phase|Weltkrieg|Typ|Abschnitt|Satz|Hartz|Louis"
_DAYS = {
    "Mo": "Montag", "Di": "Dienstag", "Mi": "Mittwoch", "Do": "Donnerstag", "Fr": "Freitag", "Sa": "Samstag",
    "So": "Sonntag",
}  # fmt: skip
_DAY = "|".join(_DAYS)
_UNITS = {"min": "Minuten", "Min": "Minuten", "Std": "Stunden", "Sek": "Sekunden", "St": "Stück"}
_BEFORE: list[Rule] = [
    # the grammar takes a word with a quote after its full stop for an address
    (re.compile(r"(?<!\w)'|'(?!\w)"), '"'),
    (re.compile(rf"\b({_DAY})\.?\s?[-–]\s?({_DAY})(?:\.|\b)"), lambda m: f"{_DAYS[m[1]]} bis {_DAYS[m[2]]}"),
    (re.compile(rf"\b({_DAY})\.\s+bis\s+({_DAY})\."), lambda m: f"{_DAYS[m[1]]} bis {_DAYS[m[2]]}"),
    (re.compile(rf"(?<=\b[Aa]m )({_DAY})\."), lambda m: _DAYS[m[1]] + ("." if _ends(m) else "")),
    # after a number, these are no "minimal" and no "Sankt"
    (re.compile(r"(?<=\d)\s?(Min|Std|Sek|min|St)\."), lambda m: f" {_UNITS[m[1]]}" + ("." if _ends(m) else "")),
    # "S. 12 ff."
    (re.compile(r"(?<=\d)\s?ff?\."), lambda m: " folgende" + ("." if _ends(m) else "")),
    (re.compile(r"\bs\.\s(?=(?:S|Abb|Kap|Abs|Nr|Tab)\.)"), "siehe "),
    (re.compile(r"(?<=[\d€$£%])\s?/\s?(Tag|Woche|Monat|Jahr|Stunde|Nacht|Person|kg)\b"),
     lambda m: " pro " + ("Kilogramm" if m[1] == "kg" else m[1])),
    # the grammar takes seconds for many digits in a row
    (re.compile(rf"(?<![\w.,])\d{{{MAX_DIGITS + 1},}}(?!\w)"), lambda m: number_words(m[0], "de")),
    (re.compile(r"(?<![\w.,])1 Mio\.?(?=\s)"), "eine Million"),
    (re.compile(r"(?<![\w.,])1 Mrd\.?(?=\s)"), "eine Milliarde"),
    (re.compile(r"(?<=[a-zäöüß])str\.(?=\s+\w)"), "straße"),
    (re.compile(r"\b([A-Z][A-Za-z]*)([₀-₉]+)"), lambda m: f"{m[1]} {m[2].translate(_LOW)} "),
    (re.compile(r"(?<!\w)(0\d{2,5})/(?=\d{3})"), r"\1 "),
    (re.compile(r"(?<![\w.,])([12]),(\d\d) m(?=\s+(?:groß|hoch|lang|breit|tief))"), r"\1 Meter \2"),
    (re.compile(rf"(?<!\w)({_short_forms(_ABBREVIATIONS)})(?!\w)"), _abbreviation(_ABBREVIATIONS)),
    (re.compile(rf"(?<!\w)({_short_forms(BEFORE_NUMBER)})\s*(?=\d|[IVX]+\b)"), lambda m: BEFORE_NUMBER[m[1]] + " "),
    # Roman numerals: chapters, rulers, and ordinals ("II. Weltkrieg", "XIX. Jahrhundert")
    (re.compile(rf"\b({_COUNTED})\s+({_ROMAN_ORDINAL})\b(?![\w'’-]|\.\s)"), _counted),
    (re.compile(rf"(?P<preposition>\b(?i:von|mit|bei|nach|unter|zu|aus|seit|vor)\s+(?:(?:{_TITLE})\s+)?"
                rf"(?:[A-ZÄÖÜ][a-zäöüß]+\s+)?)?\b(?P<name>[A-ZÄÖÜ][a-zäöüß]{{2,}})\s+"
                rf"(?P<numeral>(?=[IVX]){_ROMAN_ORDINAL})(?:\.(?!\s+(?:Jahrhundert|Weltkrieg|Internationale|Quartal))"
                rf"|(?=[\s,;:!?)]|$))"), _ruler),
    (re.compile(rf"(?<![\w.])((?=[IVX]{{2}}){_ROMAN_ORDINAL}|[IVX](?=\.\s+(?:{_RANKED})))\.(?=\s+[A-ZÄÖÜa-zäöü])"),
     _roman_ordinal),
    # dates
    (re.compile(r"(?<![\w.,/-])(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})(?![\w-])"), _date),
    (re.compile(r"(?<![\w.,/-])(?P<day>\d{1,2})\.\s?(?P<month>\d{1,2})\.\s?(?P<year>\d{4})(?![\w.]\w)"), _date),
    (re.compile(r"(?<![\w.,/-])(?P<day>\d{1,2})\.\s?(?P<month>\d{1,2})\.(?P<year>)(?=\s+[a-zäöü]|,|\s+(?:um|ist))"),
     _date),
    (re.compile(rf"(?<![\w.,/-])(?P<day>\d{{1,2}})\.\s?(?P<month>(?i:{_MONTH}))(?:\s+(?P<year>\d{{4}}))?(?![\w])"),
     _date),
    (re.compile(r"(?:(?<=\b[Aa]m )|(?<=om )|(?<=is )|(?<=um )|(?<=en ))(?P<day>\d{1,2})\.\s?(?P<month>\d{1,2})\."
                r"(?P<year>)(?!\s?\d)"), lambda m: _date(m) + ("." if _ends(m) else "")),
    # money
    (re.compile(rf"(?<!\w)(?P<first>{_SIGN})\s?(?P<number>\d+\.\d{{1,2}}(?!\d)|(?:{_NUMBER}))(?P<scale>\s?(?:{_SCALE})"
                rf"(?!\w))?"), _money),
    (re.compile(rf"(?<![\w.,])(?P<number>(?:{_NUMBER})(?:,-+|,—)?)(?P<scale>\s?(?:{_SCALE}))?\s?(?P<last>{_SIGN}|EUR)"
                rf"(?![\w])"), _money),
    # years, then other numbers
    (re.compile(rf"(?<!^)(?<![\w.,:/$€£+-])({_YEAR_LIKE})(?![\w:/@]|[.,-]\d|\s?(?:%|[km]?m²?\b|k?g\b|°|Euro|Meter|Gramm|"
                rf"Kilo|Liter|MB\b|GB\b))"), _year_words),
    (re.compile(r"(?<![\w.,:/@+-])[1-9]\d{0,2}(?:[.' ]\d{3})+(?![.' ]?\d)(?!\w)"), _plain_number),
    (re.compile(r"(?<![\w.,:/-])(\d+)\s?[-–]\s?(\d+)(?=\s?(?:%|Prozent|Uhr|Jahr|Tag|Woche|Monat|Stunde|Minute|Sekunde|"
                r"Euro|€|km|m\b|cm|kg|g\b|Grad|°|Mal\b|Personen|Menschen|Kinder|Meter))"), r"\1 bis \2"),
    (re.compile(r"(\b(?:Seiten?|Kapitel|Nummern?|Paragrafen?|Zeilen?)\s+)(\d+)\s?[-–]\s?(\d+)\b"), r"\1\2 bis \3"),
    (re.compile(r"(?<=\d)\s?–\s?(?=\d)"), " bis "),
    (re.compile(r"(?<=:\d\d)\s?-\s?(?=\d?\d:\d\d)"), " bis "),
    (re.compile(r"(?<![\w.,:/-])(?<!\) )(?<!\+\d\d )(\d+)-(\d+)(?![\w-])"), r"\1 bis \2"),
    (re.compile(r"(?<![\w-])(?<!\) )\d+(?:-\d+){2,}(?![\w-])"), _code),
    (re.compile(r"(?<=\d)\s?x\s?(?=\d)"), " mal "),
    (re.compile(r"(?<![\w.,:/-])(\d{1,3}):(\d{1,3})(?![\w:]|\s?(?:Uhr|h\b))(?<!:[0-5]\d)"), r"\1 zu \2"),
    (re.compile(r"(?<![\w.,:/-])([01]?\d|2[0-4]):([0-5]\d)(?![\w:,]|\s?(?:Uhr|h\b|min|Minuten))"), r"\1:\2 Uhr"),
    (re.compile(rf"(?<![\w.,:/$€£-])({_YEAR_LIKE}|20\d\d|\d0)er(n?)\b"), _decade),
    (re.compile(rf"(?<![\w.,:/-])(\d{{1,4}})\.(?=\s+[\wÄÖÜäöü])(?!\s+(?:{_STARTERS})\b)"
                r"(?!\s+(?:und|oder|bis)\s+\d+[^.\d])"), _inflected),
    # at the end, a full stop; a day after "am"
    (re.compile(r"(?<=\bam )(\d{1,2})\.(?=\s*$)"), lambda m: _inflected(m) + "."),
    (re.compile(rf"(?<![\d.,])(\d+)\.(?=[\s\"')”’“»«]*$|\s+(?:{_STARTERS})\b)"), r"\1 ."),
    (re.compile(r"(?<![\w.,:/-])(?<!Nummer )(?<!Seite )1(?=\s+[A-ZÄÖÜ][a-zäöüß]+)(?!\s+(?:Uhr|und)\b)"), _one),
]  # fmt: skip
# Nouns that the grammar writes in small letters.
_NOUNS = (
    "uhr|prozent|komma|punkt|million(?:en)?|milliarden?|billion(?:en)?|billiarden?|minuten?|sekunden?|stunden?|grad|"
    "celsius|fahrenheit|kelvin|(?:kilo|zenti|milli|mikro|nano|dezi)?meter|(?:kilo|milli)?gramm|(?:milli)?liter|tonnen?|"
    "(?:kilo|mega)?watt|volt|ampere|(?:kilo|mega|giga|tera)byte|nummer"
)
_UNDER_TEN = "ein|eins|eine|zwei|drei|vier|fünf|sechs|sieben|acht|neun"
_TENS = "zwanzig|dreißig|vierzig|fünfzig|sechzig|siebzig|achtzig|neunzig"
_WORD = rf"(?:(?:{_UNDER_TEN}|zehn|elf|zwölf|(?:drei|vier|fünf|sech|sieb|acht|neun)zehn|(?:[a-zü]+und)?(?:{_TENS})))"
_HUNDREDS = rf"(?:(?:{_UNDER_TEN})hundert\w*|{_WORD})"
_AFTER: list[Rule] = [
    (re.compile(rf"\b({_UNDER_TEN}) und (?={_TENS})"), r"\1und"),
    (re.compile(rf"\b({_UNDER_TEN}) hundert"), r"\1hundert"),
    (re.compile(rf"\b((?:{_UNDER_TEN})hundert) (?={_WORD}(?:s?te|tel|stel|\b)|erste)"), r"\1"),
    (re.compile(rf"\b({_HUNDREDS}) tausend"), r"\1tausend"),
    (re.compile(rf"(?<=tausend) (?={_HUNDREDS}(?:s?te|\b)|erste)"), ""),
    (re.compile(r"(?<=\w)\s+\.(?=[\s\"')”’“»«]*$|\s+[A-ZÄÖÜ])"), "."),
    (re.compile(r"\bquadrat (?=\w*meter)"), "Quadrat"),
    (re.compile(r"\bkubik (?=\w*meter)"), "Kubik"),
    (re.compile(rf"(?<![\w.])(?:{_NOUNS})\b"), lambda m: m[0].capitalize()),
]  # fmt: skip
