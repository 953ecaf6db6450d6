"""Dollars and other currencies that are told apart by letters before their sign, such as A$5 and HK$20."""

import re
from functools import lru_cache

from nuanced_speech.text.readings.rules import any_of

# By language: a dollar, dollars, a cent and cents; then of which country, by letters, in their place before the noun
# (a form that ends with a space) or after it. A form for one and one for more stand beside a bar.
_NOUNS = {
    "de": ("Dollar", "Dollar", "Cent", "Cent"),
    "en": ("dollar", "dollars", "cent", "cents"),
    "es": ("dólar", "dólares", "centavo", "centavos"),
    "fr": ("dollar", "dollars", "cent", "cents"),
    "it": ("dollaro", "dollari", "centesimo", "centesimi"),
    "pt": ("dólar", "dólares", "centavo", "centavos"),
}
_COUNTRIES = {
    "de": {"A": "australische ", "C": "kanadische ", "US": "US-", "NZ": "Neuseeland-", "HK": "Hongkong-",
           "S": "Singapur-"},
    "en": {"A": "Australian ", "C": "Canadian ", "US": "US ", "NZ": "New Zealand ", "HK": "Hong Kong ",
           "S": "Singapore "},
    "es": {"A": " australiano| australianos", "C": " canadiense| canadienses",
           "US": " estadounidense| estadounidenses", "NZ": " neozelandés| neozelandeses", "HK": " de Hong Kong",
           "S": " de Singapur"},
    "fr": {"A": " australien| australiens", "C": " canadien| canadiens", "US": " américain| américains",
           "NZ": " néo-zélandais", "HK": " de Hong Kong", "S": " de Singapour"},
    "it": {"A": " australiano| australiani", "C": " canadese| canadesi", "US": " americano| americani",
           "NZ": " neozelandese| neozelandesi", "HK": " di Hong Kong", "S": " di Singapore"},
    "pt": {"A": " australiano| australianos", "C": " canadense| canadenses", "US": " americano| americanos",
           "NZ": " neozelandês| neozelandeses", "HK": " de Hong Kong", "S": " de Singapura"},
}  # fmt: skip
_LETTERS = {"AU": "A", "CA": "C", "CAD": "C", "AUD": "A", "SG": "S"}
# Letters that stand for another currency.
_REAIS = {"de": ("Real", "Reais"), "en": ("Brazilian real", "Brazilian reais"), "es": ("real", "reales"),
          "fr": ("réal", "réaux"), "it": ("real", "real")}  # fmt: skip
_SCALES = {
    "de": ("Mio", "Mrd", "Millionen", "Milliarden", "Million", "Milliarde"),
    "en": ("million", "billion", "trillion", "thousand", "m", "bn", "tn", "k"),
    "es": ("millones", "millón", "mil"), "fr": ("millions", "million", "milliards", "milliard"),
    "it": ("milioni", "milione", "miliardi", "mila"), "pt": ("milhões", "milhão", "bilhões", "bilhão", "mil"),
}  # fmt: skip
_ENGLISH_SCALES = {"m": "million", "bn": "billion", "tn": "trillion", "k": "thousand"}
_OF = {"es": " de", "fr": " de", "it": " di", "pt": " de"}


def in_words(sentence: str, language: str) -> str:
    """A sentence with these amounts as a number and the words of its currency."""
    if language not in _COUNTRIES or "$" not in sentence:
        return sentence
    return _pattern(language).sub(lambda match: _spoken(match, language), sentence)


@lru_cache
def _pattern(language: str) -> re.Pattern[str]:
    # Mexico and Peru have a point before the decimals
    part, comma = (r"\.(?P<part>\d+)", ",") if language == "en" else (r"[.,](?P<part>\d{1,2})(?!\d)", r"\.")
    letters = any_of([*_COUNTRIES[language], *_LETTERS, *(["R"] if language in _REAIS else [])])
    number = rf"\d{{1,3}}(?:[{comma} ]\d{{3}})+|\d+"
    return re.compile(
        rf"(?<![\w$])(?P<land>{letters})\$\s?(?P<whole>{number})(?:{part})?"
        rf"(?:\s?(?P<scale>{any_of(_SCALES[language])})\b)?(?![\w]|[.,]\d)"
    )


def _spoken(match: re.Match[str], language: str) -> str:
    whole, part, scale = match["whole"], match["part"], match["scale"]
    one, many, cent, cents = _NOUNS[language]
    if match["land"] == "R":
        one, many = _REAIS[language]
        country = ""
    else:
        country = _COUNTRIES[language][_LETTERS.get(match["land"], match["land"])]
    single = whole == "1" and not part and not scale
    form = country.partition("|")[0] if single or "|" not in country else country.partition("|")[2]
    noun = one if single else many
    currency = form + noun if form.endswith((" ", "-")) else noun + form
    if scale:
        scale = _ENGLISH_SCALES.get(scale, scale) if language == "en" else scale
        of = _OF.get(language, "") if scale not in ("mil", "mila") else ""
        point = "." if language == "en" else ","
        return f"{whole}{point + part if part else ''} {scale}{of} {currency}"
    if part and len(part) == 2 and int(part):
        link = {"es": " con", "it": " e", "pt": " e"}.get(language, "")
        return f"{whole} {currency}{link} {int(part)} {cent if int(part) == 1 else cents}"
    if part and int(part):
        return f"{whole}{'.' if language == 'en' else ','}{part} {currency}"
    return f"{whole} {currency}"
