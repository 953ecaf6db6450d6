"""Signs and units of Spanish, French, Italian and Portuguese that the grammars leave."""

import re

# What a sign says between words or after a number.
WORDS: dict[str, dict[str, str]] = {
    "fr": {
        "€": "euros", "$": "dollars", "£": "livres", "%": "pour cent", "°C": "degrés", "°": "degrés", "&": "et",
        "+": "plus",
        "=": "égale", "<": "inférieur à", ">": "supérieur à", "×": "fois", "÷": "divisé par", "@": "arobase",
        "#": "numéro", "±": "plus ou moins", "§": "paragraphe", "/": "sur", "≤": "inférieur ou égal à",
        "≥": "supérieur ou égal à", "≠": "différent de", "²": "au carré", "³": "au cube",
    },
    "es": {
        "€": "euros", "$": "dólares", "£": "libras", "%": "por ciento", "°C": "grados", "°":
        "grados", "&": "y", "+": "más",
        "=": "es igual a", "<": "es menor que", ">": "es mayor que", "×": "por", "÷": "entre", "@": "arroba",
        "#": "número", "±": "más o menos", "§": "párrafo", "≤": "es menor o igual que", "≥": "es mayor o igual que",
        "≠": "es distinto de", "²": "al cuadrado", "³": "al cubo",
    },
    "it": {
        "€": "euro", "$": "dollari", "£": "sterline", "%": "per cento", "°C": "gradi", "°": "gradi", "&": "e",
        "+": "più",
        "=": "uguale a", "<": "minore di", ">": "maggiore di", "×": "per", "÷": "diviso", "@": "chiocciola",
        "#": "numero", "±": "più o meno", "§": "paragrafo", "≤": "minore o uguale a", "≥": "maggiore o uguale a",
        "≠": "diverso da", "²": "al quadrato", "³": "al cubo",
    },
    "pt": {
        "€": "euros", "$": "dólares", "£": "libras", "%": "por cento", "°C": "graus", "°": "graus",
        "&": "e", "+": "mais",
        "=": "é igual a", "<": "é menor que", ">": "é maior que", "×": "vezes", "÷": "dividido por", "@": "arroba",
        "#": "número", "±": "mais ou menos", "§": "parágrafo", "≤": "é menor ou igual a", "≥": "é maior ou igual a",
        "≠": "é diferente de", "²": "ao quadrado", "³": "ao cubo",
    },
}  # fmt: skip
_DEGREES = {"C": "Celsius", "F": "Fahrenheit"}
_FRENCH_UNITS = {
    "km/h": "kilomètres-heure", "km": "kilomètres", "cm": "centimètres", "mm": "millimètres", "m": "mètres",
    "kg": "kilos", "mg": "milligrammes", "g": "grammes", "cl": "centilitres", "ml": "millilitres", "l": "litres",
    "h": "heures", "min": "minutes", "s": "secondes",
}  # fmt: skip


def before_grammar(sentence: str, language: str) -> str:
    """A sentence with French times and units, for which there is no grammar, in words."""
    sentence = re.sub(r"(?<=\d)\s?–\s?(?=\d)", "-", sentence)
    sentence = re.sub(r"(?<=\d)\s?°\s?(?=[CF]\b)", " °", sentence)
    if language == "pt":
        # its grammar takes a point before a comma for a spoken one
        return re.sub(r"(?<![\d.,])\d{1,3}(?:\.\d{3})+(?=,\d)", lambda m: m[0].replace(".", ""), sentence)
    if language == "it":
        # its grammar says one degree for many
        return re.sub(r"(?<=\d) ?°([CF])\b", lambda m: f" gradi {_DEGREES[m[1]]}", sentence)
    if language != "fr":
        return sentence
    sentence = re.sub(r"\bI(er|ᵉʳ|ers)\b", "premier", re.sub(r"\bI(?:ère|re)\b", "première", sentence))
    sentence = re.sub(r"([$€£])\s?(\d+(?:[.,\s]\d+)*)", r"\2 \1", sentence)
    sentence = re.sub(r"(\d),(\d\d)\s?([$€£])", lambda m: f"{m[1]} {WORDS['fr'][m[3]]} {m[2]}", sentence)
    sentence = re.sub(r"\b([01]?\d|2[0-3])\s?[h:]\s?([0-5]\d)\b", _french_time, sentence)
    units = "|".join(map(re.escape, sorted(_FRENCH_UNITS, key=len, reverse=True)))
    return re.sub(rf"(?<=\d)\s?({units})(?![\w'’²³/])", lambda m: " " + _FRENCH_UNITS[m[1]], sentence)


def _french_time(match: re.Match[str]) -> str:
    hour, minute = int(match[1]), int(match[2])
    hours = "une heure" if hour == 1 else f"{hour} heures"
    return f"{hours} {minute}" if minute else hours


def after_grammar(sentence: str, language: str) -> str:
    """A sentence with the signs that are left as words."""
    for sign, words in WORDS[language].items():
        if sign in sentence and sign != "/":
            sentence = sentence.replace(sign, f" {words} ")
    sentence = re.sub(r"\s?[|\\^~_]+\s?", " ", sentence)
    return re.sub(r"\s+(?=[,.;:!?…)])", "", re.sub(r" {2,}", " ", sentence)).strip() if "  " in sentence else sentence
