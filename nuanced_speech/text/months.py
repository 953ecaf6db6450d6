"""Names of the months, as a date has them."""

MONTHS = {
    language: tuple(names.split())
    for language, names in {
        "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
        "en": "January February March April May June July August September October November December",
        "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
        "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
        "it": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
        "pt": "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
        "ru": "января февраля марта апреля мая июня июля августа сентября октября ноября декабря",
    }.items()
}
"""Twelve names for each language (ISO 639-1)."""


def short_months(language: str, forms: str) -> dict[str, str]:
    """The names of months by their short forms.

    Args:
        language: ISO 639-1.
        forms: short forms of the twelve months, separated by spaces; several of one month by commas, ``-`` for none.
    """
    months = zip(forms.split(), MONTHS[language], strict=True)
    return {form: name for some, name in months if some != "-" for form in some.split(",")}
