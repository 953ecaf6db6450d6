"""What SSML's say-as says, and how it is read."""

from __future__ import annotations

import pytest

from nuanced_speech.text.frontend import spoken_text
from nuanced_speech.text.ssml import from_ssml


def said(kind: str, text: str, language: str = "en", form: str = "") -> str:
    written = from_ssml(f'<speak><say-as interpret-as="{kind}" format="{form}">{text}</say-as></speak>', language)
    return spoken_text(written, language)


@pytest.mark.parametrize(
    ("kind", "text", "form", "words"),
    [
        ("date", "04/05/2024", "mdy", "april fifth, twenty twenty four"),
        ("date", "04/05/2024", "dmy", "may fourth, twenty twenty four"),
        ("date", "2024-04-05", "ymd", "april fifth, twenty twenty four"),
        ("date", "20240405", "yyyymmdd", "april fifth, twenty twenty four"),
        ("date", "5.4.98", "dmy", "april fifth, nineteen ninety eight"),
        ("date", "9/22", "md", "september twenty second"),
        ("date", "5/2024", "my", "may twenty twenty four"),
        ("date", "1984", "y", "nineteen eighty four"),
        ("time", "2:30pm", "hms12", "two thirty PM"),
        ("time", "14:05:00", "hms24", "fourteen o five"),
        ("time", "1'21\"", "", "one minute twenty one seconds"),
        ("fraction", "3/20", "", "three twentieths"),
        ("fraction", "1/2", "", "one half"),
        ("fraction", "2+1/2", "", "two and a half"),
        ("fraction", "1 3/4", "", "one and three quarters"),
        ("unit", "10kg", "", "ten kilograms"),
        ("unit", "6ft", "", "six feet"),
        ("ordinal", "23", "", "twenty third"),
        ("ordinal", "XI", "", "eleventh"),
        ("cardinal", "1984", "", "one thousand nine hundred and eighty-four"),
        ("cardinal", "12,345", "", "twelve thousand three hundred and forty five"),
        ("cardinal", "XIV", "", "fourteen"),
        ("telephone", "+1 (781) 771-7777", "1", "plus one, seven eight one, seven seven one, seven seven seven seven"),
        ("digits", "1984", "", "one nine eight four"),
        ("characters", "ab-1@", "", "A, B, dash, one, at"),
        ("date", "45/45/2024", "mdy", spoken_text("45/45/2024")),
        ("nothing", "as it is", "", "as it is"),
    ],
)
def test_english(kind: str, text: str, form: str, words: str) -> None:
    assert said(kind, text, "en", form) == words


@pytest.mark.parametrize(
    ("language", "date", "ordinal", "cardinal"),
    [
        ("de", "fünfter April neunzehnhundertachtundneunzig", "dreiundzwanzigster",
         "eintausendneunhundertvierundachtzig"),
        ("es", "cinco de abril de mil novecientos noventa y ocho", "vigesimotercero",
         "mil novecientos ochenta y cuatro"),
        ("fr", "cinq avril mille neuf cent quatre-vingt-dix-huit", "vingt-troisième",
         "mille neuf cent quatre-vingt-quatre"),
        ("it", "cinque aprile mille novecento novantotto", "ventitreesimo", "millenovecentottantaquattro"),
        ("pt", "cinco de abril de mil novecentos e noventa e oito", "vigésimo terceiro",
         "mil novecentos e oitenta e quatro"),
        ("ru", "пятого апреля тысяча девятьсот девяносто восьмого года", "двадцать третий",
         "одна тысяча девятьсот восемьдесят четыре"),
    ],
)  # fmt: skip
def test_other_languages(language: str, date: str, ordinal: str, cardinal: str) -> None:
    assert said("date", "04/05/98", language, "mdy") == date
    assert said("ordinal", "23", language) == ordinal
    assert said("cardinal", "1984", language) == cardinal


@pytest.mark.parametrize(
    ("language", "number", "words"),
    [
        ("en", "3.125", "three point one two five"),
        ("en", "3,125", "three thousand one hundred and twenty-five"),
        ("de", "3,125", spoken_text("3,125", "de")),
        ("de", "3.125", "dreitausendeinhundertfünfundzwanzig"),
    ],
)
def test_marks_in_numbers(language: str, number: str, words: str) -> None:
    assert said("cardinal", number, language) == words
    assert "thousand" not in said("ordinal", "3.125", "en")
