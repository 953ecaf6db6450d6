"""Written numbers, dates, money and signs of German, Russian and the languages without a grammar, as spoken words."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from helpers import DATA, benchmark

from nuanced_speech.text.frontend import spoken_text
from nuanced_speech.text.g2p import phonemize
from nuanced_speech.text.languages import MAPPED_LANGUAGES
from nuanced_speech.text.numbers import number_words, plural
from nuanced_speech.text.readings import german, plain


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("Das kostet 1.000 Euro.", "Das kostet eintausend Euro."),
        ("Es sind 1.500 Menschen und 1 Katze.", "Es sind eintausendfünfhundert Menschen und eine Katze."),
        ("Er zahlte 5,2 Mio. €.", "Er zahlte fünf Komma zwei Millionen Euro."),
        ("1 Mio. Euro, $5.2M", "eine Million Euro, fünf Komma zwei Millionen Dollar"),
        ("19,99 € und 0,02 €", "neunzehn Euro neunundneunzig Cent und zwei Cent"),
        ("Er fährt 120 km/h.", "Er fährt einhundertzwanzig Kilometer pro Stunde."),
        ("Das ist Nr. 7.", "Das ist Nummer sieben."),
        ("Am 3.5.2024 war Freitag.", "Am dritten Mai zweitausendvierundzwanzig war Freitag."),
        ("Der 3. Oktober 1990", "Der dritte Oktober neunzehnhundertneunzig"),
        ("Er kommt am 5.", "Er kommt am fünften."),
        ("in der 3. Klasse, im 20. Jahrhundert", "in der dritten Klasse, im zwanzigsten Jahrhundert"),
        ("Es war 1984.", "Es war neunzehnhundertvierundachtzig."),
        ("Die 1990er Jahre", "Die neunzehnhundertneunziger Jahre"),
        ("Um 14:30 stand es 2:1.", "Um vierzehn Uhr dreißig stand es zwei zu eins."),
        ("Es sind -5 °C und 3,5 %.", "Es sind minus fünf Grad Celsius und drei Komma fünf Prozent."),
        ("von 8-10 Uhr", "von acht bis zehn Uhr"),
        ("Mo.-Fr. 8:00-18:00 Uhr", "Montag bis Freitag acht Uhr bis achtzehn Uhr"),
        ("10-20 Leute, 12 x 5, 3-16-1", "zehn bis zwanzig Leute, zwölf mal fünf, drei, eins sechs, eins"),
        ("Wir gehen am 24.12.", "Wir gehen am vierundzwanzigsten Dezember."),
        ("Er sagte: 'Nr. 5 lebt.'", 'Er sagte: "Nummer fünf lebt."'),
        (
            "Er ist 12. Sie ist mit Karl V. Das ist alles usw. Dann",
            "Er ist zwölf. Sie ist mit Karl dem Fünften. Das ist alles und so weiter. Dann",
        ),
        ("z. B. Kap. 3, S. 12 usw.", "zum Beispiel Kapitel drei, Seite zwölf und so weiter."),
        ("10 m² CO₂", "zehn Quadratmeter CO zwei"),
        ("Sie ist 1,80 m groß.", "Sie ist ein Meter achtzig groß."),
        ("Heinrich VIII. hatte sechs Frauen.", "Heinrich der Achte hatte sechs Frauen."),
        ("unter Ludwig XIV", "unter Ludwig dem Vierzehnten"),
        ("Die Frauen Heinrichs VIII. starben.", "Die Frauen Heinrichs des Achten starben."),
        (
            "Elisabeth II. und die Zeit Katharinas II. ist",
            "Elisabeth die Zweite und die Zeit Katharinas der Zweiten ist",
        ),
        (
            "von Königin Viktoria I. und Zar Boris III. bis",
            "von Königin Viktoria der Ersten und Zar Boris der Dritte bis",
        ),
        ("Raum IV, Teil I.", "Raum vier, Teil eins."),
        ("Papst Johannes Paul II.", "Papst Johannes Paul der Zweite."),
        ("Der II. Weltkrieg, Kapitel IV", "Der zweite Weltkrieg, Kapitel vier"),
        ("I. Müller nimmt Vitamin C.", "I. Müller nimmt Vitamin C."),
        (
            "Es dauert 5 min. Er nahm 10 St. mit, min. 2.",
            "Es dauert fünf Minuten. Er nahm zehn Stück mit, minimal zwei.",
        ),
        ("Mo. bis Fr. offen, am Fr. zu", "Montag bis Freitag offen, am Freitag zu"),
    ],
)
def test_german(written: str, words: str) -> None:
    assert spoken_text(written, "de") == words


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("Это стоит 1 000 руб.", "Это стоит одна тысяча рублей."),
        ("Цена 5,2 млн €.", "Цена пять целых две десятых миллиона евро."),
        ("Он едет 120 км/ч.", "Он едет сто двадцать километров в час."),
        (
            "1 %, 2 %, 2,5 %, 25 %",
            "один процент, два процента, две целых пять десятых процента, двадцать пять процентов",
        ),
        ("-5 °C и 10 м²", "минус пять градусов Цельсия и десять квадратных метров"),
        ("3 мая 2024 г. он ушёл.", "третьего мая две тысячи двадцать четвёртого года он ушёл."),
        ("В 1984 году", "В тысяча девятьсот восемьдесят четвёртом году"),
        ("с 1990 по 2000 гг. жил", "с тысяча девятьсот девяностого по двухтысячный год жил"),
        ("В 5-м классе, 90-е годы", "В пятом классе, девяностые годы"),
        ("в XIX веке Генрих VIII", "в девятнадцатом веке Генрих Восьмой"),
        ("при Петре I и Екатерине II", "при Петре Первом и Екатерине Второй"),
        ("Указ Николая II. Он", "Указ Николая Второго. Он"),
        ("21 книга, 2 книги, 22 дома", "двадцать одна книга, две книги, двадцать два дома"),
        ("Это 5 руб. Потом ещё 2 руб. и т. д. Конец", "Это пять рублей. Потом ещё два рубля и так далее. Конец"),
        ("№ 7, стр. 12, т. е. и т. д.", "номер семь, страница двенадцать, то есть и так далее."),
        ("в 14:01", "в четырнадцать часов одна минута"),
        ("Скажи им. Всё ок. Рост 5 см. Да", "Скажи им. Всё ок. Рост пять сантиметров. Да"),
        ("См. стр. 5, школа им. Пушкина, акад. Павлов", "Смотри страница пять, школа имени Пушкина, академик Павлов"),
    ],
)
def test_russian(written: str, words: str) -> None:
    assert spoken_text(written, "ru") == words


@pytest.mark.parametrize(
    ("language", "written", "words"),
    [
        ("nl", "1.234,5 of -3 of 25 %", "duizendtweehonderdvierendertig komma vijf of min drie of vijfentwintig "
         "procent"),
        ("pl", "To 2,5 i 22 %.", "To dwa przecinek pięć i dwadzieścia dwa procent."),
        ("cs", "1 %, 3 %, 5 %, 2,5 %", "jedno procento, tři procenta, pět procent, dva celá pět procenta"),
        ("uk", "21 % і 22 %", "двадцять один відсоток і двадцять два відсотки"),
        ("tr", "2,5 ve %20", "iki virgül beş ve yüzde yirmi"),
        ("ko", "1,234.5", "천이백삼십사 점 오"),
        ("vi", "2,5 và -17", "hai phẩy năm và âm mười bảy"),
        ("sv", "v1.2, 3.5.2024, 10:30, 5-6", "v1.2, tredje maj tvåtusentjugofyra, tio trettio, fem till sex"),
        ("pl", "Jest 3. maja.", "Jest 3. maja."),
        ("hr", "Ima 1.234.567 ljudi, 2,5 i 10.30.", "Ima 1234567 ljudi, 2,5 i 10.30."),
        ("lb", "abc 007", "abc 007"),
        # num2words has no word for so many decimals
        ("hu", "Ez 3,1415 volt.", "Ez 3,1415 volt."),
    ],
)  # fmt: skip
def test_languages_without_a_grammar(language: str, written: str, words: str) -> None:
    assert spoken_text(written, language) == words


def test_all_languages_of_the_table_say_numbers() -> None:
    assert set(MAPPED_LANGUAGES) >= plain.LANGUAGES
    for language in plain.SIGNS:
        said = spoken_text("x 21 %, 1000 x", language)
        assert not any(c.isdigit() or c == "%" for c in said), said


def test_numbers_and_their_nouns() -> None:
    assert number_words("1.234,50", "de") == "eintausendzweihundertvierunddreißig Komma fünf null"
    assert number_words("0301", "de") == "null drei null eins" and number_words("5", "haw") == "5"
    assert number_words("0,0000001", "cs") == "0,0000001"
    forms = [plural(count, "1", "2", "5", ",") for count in ("1", "11", "21", "4", "14", "25", "1,5")]
    assert forms == ["1", "5", "1", "2", "5", "5", ","]


@pytest.mark.parametrize(("language", "text"), [("ru", "{} тонн"), ("ru", "{} т"), ("uk", "{} %"), ("de", "{} Euro")])
def test_numbers_of_any_length_are_read_digit_by_digit_at_once(language: str, text: str) -> None:
    one, began = number_words("1", language), time.process_time()
    said = spoken_text(text.format("1" * 5000), language)
    assert said.startswith(f"{one} {one} {one}") and not re.search(r"\d", said)
    assert time.process_time() - began < 10


def test_most_cases_of_another_project_are_read_rightly() -> None:
    """Test cases of NeMo-text-processing: their phonemes are those of a listed reading, stress and marks aside."""

    def sounds(text: str, language: str, written: bool) -> str:
        return re.sub(r"[^\w]|[ˈˌ]", "", phonemize(text, language, written=written))

    lines = (DATA / "written_text.tsv").read_text(encoding="utf-8").splitlines()[1:]
    wrong = []
    for line in lines:
        language, _, written, *readings = line.split("\t")
        if language == "de":
            # numbers in one word, as German writes them
            readings = [german.after_grammar(reading) for reading in readings]
        heard = sounds(written, language, True)
        if heard not in [sounds(reading, language, False) for reading in readings]:
            wrong.append((line, spoken_text(written, language)))
    assert len(lines) == 56 and len(wrong) <= 1, wrong


def test_cases_of_the_other_project_are_read_from_its_own_folders(tmp_path: Path) -> None:
    normalisation = benchmark("text_normalisation")
    folder, seen = tmp_path / "all" / "en" / "data_text_normalization", tmp_path / "seen"
    folder.mkdir(parents=True)
    seen.mkdir()
    (folder / "test_cases_date.txt").write_text(
        "1 May~may first~the first of may\n2 May~may second\n", encoding="utf-8"
    )
    (folder / "test_cases_normalize_with_audio.txt").write_text("~7\nseven\n~8\neight\nocho\n", encoding="utf-8")
    (seen / "en.tsv").write_text("date\t2 May\tmay second\n", encoding="utf-8")
    assert normalisation.languages_of(tmp_path / "all") == ["en"] == normalisation.languages_of(seen)
    cases = normalisation.read_cases(tmp_path / "all", "en", seen)
    assert [(case.kind, case.written, case.readings) for case in cases] == [
        ("date", "1 May", ["may first", "the first of may"]),
        ("normalize_with_audio", "7", ["seven"]),
        ("normalize_with_audio", "8", ["eight", "ocho"]),
    ]
    assert len(normalisation.read_cases(tmp_path / "all", "en")) == 4
