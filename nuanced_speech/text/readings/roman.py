"""Roman numerals that are read as numbers: after rulers, popes, chapters, parts and wars, and before centuries."""

import re
from functools import lru_cache

from nuanced_speech.text.numbers import words

_NUMERAL = r"(?=[IVXLC])(?:C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})"
_YEAR = re.compile(r"\bM{1,2}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})\b")
_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}

# Words before a numeral that counts: "Chapter IV" is "chapter four".
_COUNTED = {
    "en": "act album annex appendix article book canto category chapter class division episode exhibit figure final "
    "fantasy generation grade group lesson level mark module movement number op opus paragraph part p"
    "hase psalm question "
    "round saturn apollo scene season section segment sonata sonnet stage step symphony table theorem"
    " tier title trial "
    "type unit volume vol war wave bowl rocky rambo saw godfather terminator alien olympiad",
    "fr": "acte chapitre livre tome volume partie article annexe phase classe type niveau titre scène guerre",
    "es": "acto capítulo libro tomo volumen parte artículo anexo fase clase tipo nivel título escena siglo",
    "it": "atto capitolo libro tomo volume parte articolo allegato fase classe tipo livello titolo scena",
    "pt": "ato capítulo livro tomo volume parte artigo anexo fase classe tipo nível título cena século",
}
# Words before a numeral that ranks: "Pope Pius XII", and names of rulers, which a single I, V or X follows too.
_RULERS = (
    "Adrian Alexander Alexandre Alfonso Amadeo Amadeus Baudouin Bela Benedict Benedicto Benedetto Boniface Bonifacio "
    "Boris Carl Carlo Carlos Carol Casimir Catherine Catalina Caterina Cathérine Charles Christian Clement Clemente "
    "Constantine Cyrus Darius David Edmund Edward Eduardo Elizabeth Isabel Elisabeth Enrique Eric Fel"
    "ipe Feodor Ferdinand "
    "Fernando Filippo Francesco Francis Francisco François Frederick Frederik Federico Friedrich Gabr"
    "iel George Gregory "
    "Gregorio Gustav Haakon Harald Henri Henry Innocent Innocenzo Isabella Ivan Jaime James Jean João"
    " John José Joseph "
    "Juan Julius Kenneth Ladislaus Leo León Leone Leopold Leopoldo Louis Luigi Luis Luís Ludwig Malcolm Manuel "
    "Margaret "
    "Margrethe Mary Maria Matthias Maximilian Mehmed Michael Mohammed Murad Napoleon Napoléon Napoleó"
    "n Napoleone Nicholas "
    "Nicolas Nicolás Olav Oscar Otto Paul Paulo Paolo Pablo Paulus Pedro Peter Philip Philippe Pierre"
    " Pietro Pio Pius Pie "
    "Pío Ptolemy Rainier Ramesses Ramses Rameses Richard Robert Rudolf Sam Selim Sigismund Sixtus Ste"
    "phen Suleiman Theodosius "
    "Thutmose Umberto Urban Urbano Victoria Vittorio Vladimir Wilhelm William Willem Xerxes"
)
_TITLES = {
    "en": "king queen pope emperor empress tsar czar prince princess duke earl count sultan pharaoh saint",
    "fr": "roi reine pape empereur impératrice tsar prince duc sultan",
    "es": "rey reina papa emperador emperatriz zar príncipe duque sultán",
    "it": "re regina papa imperatore imperatrice zar principe duca sultano",
    "pt": "rei rainha papa imperador imperatriz czar príncipe duque sultão dom",
}
_CENTURY = {
    "en": "century|centuries|dynasty|amendment|olympiad", "fr": "siècles?|dynastie|république|arrondissement",
    "es": "dinastía|república", "it": "secolo|secoli|dinastia|repubblica|legislatura", "pt": "dinastia",
}  # fmt: skip


# Articles before a numeral that ranks: "la XV edición"; a feminine one ends in -a or -as.
_BEFORE_RANKED = {
    "es": "[Ee]l|[Ll]a|[Dd]el|[Aa]l|[Ss]u|[Ee]st[ea]", "it": "[Ii]l|[Ll]a|[Dd]el(?:la)?|[Nn]el(?:la)?|[Aa]l(?:la)?",
    "pt": "[Oo]|[Aa]|[Dd][oa]|[Nn][oa]|[Aa]o|à",
}  # fmt: skip


def value(numeral: str) -> int:
    """The number of a Roman numeral in its usual form."""
    digits = [_VALUES[letter] for letter in numeral]
    return sum(-d if d < following else d for d, following in zip(digits, [*digits[1:], 0], strict=True))


def in_digits(sentence: str, language: str) -> str:
    """A sentence with those Roman numerals in digits or words that are surely numerals."""
    if not re.search(r"[IVXLCM]", sentence):
        return sentence
    counted, ruled, century = _patterns(language)
    sentence = century.sub(lambda m: _rank(value(m[1]), language) + m[2], sentence)
    sentence = counted.sub(lambda m: f"{m[1]} {value(m[2])}", sentence)
    sentence = ruled.sub(lambda m: m[1] + " " + _ruler(value(m[2]), language), sentence)
    if language in _BEFORE_RANKED:
        sentence = re.sub(rf"\b({_BEFORE_RANKED[language]})\s+((?=[IVXLC]{{2}}){_NUMERAL})(?=\s+[a-zà-ÿ]{{3}})",
                          lambda m: f"{m[1]} {_agreeing(value(m[2]), m[1], language)}", sentence)  # fmt: skip
    if language == "fr":
        sentence = re.sub(rf"\b(?=[IVX])({_NUMERAL})(e|ème)\b", lambda m: f"{value(m[1])}{m[2]}", sentence)
    return _YEAR.sub(lambda m: str(value(m[0])) if len(m[0]) > 3 else m[0], sentence)


@lru_cache
def _patterns(language: str) -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    counted = "|".join(_COUNTED[language].split())
    titles, rulers = "|".join(_TITLES[language].split()), "|".join(_RULERS.split())
    # a lone I is a pronoun in English unless the sentence ends, or goes on as one about a ruler
    alone = (
        r"(?:[VX]|I(?=\s*(?:[^\w\s']|$|of\b|was\b|is\b|had\b|and\b|who\b|in\b|died\b|ruled\b|reigned\b|became\b)|'s))"
    )
    # "the question I asked"
    pronoun = r"(?!I\s+(?!of\b|in\b|and\b|is\b|was\b|to\b|or\b|at\b|on\b|for\b|by\b|with\b)[a-z'])"
    if language != "en":
        alone, pronoun = "[IVX]", ""
    # two letters and more after any name: "Ramses II"; titles may stand further in front: "Pope John Paul II"
    numeral = rf"(?:(?=[IVXLC]{{2}}){_NUMERAL}|{alone})"
    name = r"[A-ZÀ-Þ][\w'’-]*[a-zß-ÿ]"
    ruler = rf"(?i:{titles})\s+{name}(?:\s+{name})?|{rulers}"
    return (
        re.compile(rf"\b((?i:{counted})\.?)\s+(?![LC]\b){pronoun}({_NUMERAL})\b(?![\w'’]|-[A-Za-z])"),
        re.compile(rf"\b({ruler})(?<!Malcolm(?= X))\s+(?:the\s+)?({numeral})(?![\w]|-\w)"),
        re.compile(rf"\b({_NUMERAL})(?:e|è?me|th|º|ª)?(\s+(?:{_CENTURY[language]})\b)"),
    )


def _rank(number: int, language: str) -> str:
    if language == "en":
        ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
        return f"{number}{ending}"
    if language in ("fr", "it"):
        return _ordinal(number, language)
    return _ordinal(number, language) if number <= 10 else str(number)


def _ruler(number: int, language: str) -> str:
    if language == "en":
        return f"the {_rank(number, language)}"
    if language == "fr":
        return "premier" if number == 1 else str(number)
    return _ordinal(number, language) if number <= 10 or language == "it" else str(number)


def _agreeing(number: int, article: str, language: str) -> str:
    feminine = article.lower()[-1] in "aà"
    if language != "it":
        # the grammars know these
        return f"{number}{'.' if language == 'es' else ''}{'ª' if feminine else 'º'}"
    ordinal = _ordinal(number, language)
    return ordinal[:-1] + "a" if feminine else ordinal


def _ordinal(number: int, language: str) -> str:
    return words(number, language, to="ordinal")
