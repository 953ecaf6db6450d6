"""Short forms, versions, names of files and programs, and capitals in Spanish, French, Italian and Portuguese."""

from __future__ import annotations

import pytest

from nuanced_speech.text.frontend import spoken_text
from nuanced_speech.text.readings.romance import LANGUAGES, pronounceable
from nuanced_speech.text.sentences import split_sentences


@pytest.mark.parametrize(
    ("language", "written", "words"),
    [
        (
            "es",
            "La Dra. Ruiz y el Sr. Gil, pág. 12, núm. 5.",
            "La doctora Ruiz y el señor Gil, página doce, número cinco.",
        ),
        ("es", "S. Pedro, Sta. Ana y D. Juan, etc.", "san Pedro, santa Ana y don Juan, etcétera."),
        ("es", "s. XX, el 50 a. C. y EE. UU.", "siglo veinte, el cincuenta antes de Cristo y Estados Unidos."),
        ("es", "Llegó el XI concurso, la XV edición.", "Llegó el undécimo concurso, la decimoquinta edición."),
        (
            "fr",
            "M. Dupont, Mme Blanc et Mgr Vert, p. 5.",
            "monsieur Dupont, madame Blanc et monseigneur Vert, page cinq.",
        ),
        (
            "fr",
            "chap. 3, t. II, n° 7, env. 20 km.",
            "chapitre trois, tome deux, numéro sept, environ vingt kilomètres.",
        ),
        ("fr", "bd Voltaire, av. J.-C., etc.", "boulevard Voltaire, avant Jésus-Christ, et cetera."),
        ("fr", "Le XVe arrondissement, la XIIe édition", "Le quinzième arrondissement, la douzième édition"),
        ("it", "Il sig. Rossi e la dott.ssa Neri, pag. 12.", "Il signor Rossi e la dottoressa Neri, pagina dodici."),
        ("it", "S. Pietro, S. Anna, 44 a.C., ecc.", "san Pietro, sant'Anna, quarantaquattro avanti Cristo, eccetera."),
        ("it", "1° piano, 3ª classe, a 20° C", "primo piano, terza classe, a venti gradi Celsius"),
        ("pt", "O Sr. Silva, a Sr.ª Lima e a Dra. Reis.", "O senhor Silva, a senhora Lima e a doutora Reis."),
        ("pt", "D. Pedro e D. Maria na R. Augusta, S. Paulo", "dom Pedro e dona Maria na rua Augusta, são Paulo"),
        ("pt", "a Cia. Ltda. e o séc. XX", "a companhia limitada e o século vinte"),
        # numbers beside marks, which the Portuguese grammar alone refuses
        ("pt", "Custa R$ 5,00, às 10h30.", "Custa cinco vírgula zero zero reais, às dez horas e trinta."),
        ("pt", "Tem 12 (ou 13); 5%!", "Tem doze (ou treze); cinco por cento!"),
        ("pt", "Ligue (11) 2345-6789.", "Ligue um um dois três quatro cinco seis sete oito nove."),
        ("pt", "seg. a sex., das 9h às 18h", "segunda a sexta, das nove horas às dezoito horas"),
        ("es", "El CD y el No. 5.", "El ce de y el número cinco."),
        # a month and a day beside a number; a sentence that ends with a short form
        ("it", "lun. 5 gen. 2024", "lunedì cinque gennaio duemila ventiquattro"),
        ("fr", "Il vient lun. 5 janv.", "Il vient lundi cinq janvier."),
        ("es", "A las 5:02 p. m. sale la R. Gil.", "A las cinco y dos de la tarde sale la R. Gil."),
        ("it", "Il 25/04/2024, ore 8.30.", "Il venticinque aprile duemila ventiquattro, ore otto e trenta."),
        (
            "fr",
            "M. et Mme Blanc, Mlle Y. et l'art. L. 5",
            "monsieur et madame Blanc, mademoiselle Y. et l'article L. cinq",
        ),
        ("es", "C.P. 28 en los U.S.A.", "c p veintiocho en los u s a."),
        # no short forms: an initial, a word, a sentence that ends with a number
        ("es", "R. Gil come sin parar. Tiene 5.", "R. Gil come sin parar. Tiene cinco."),
        ("fr", "Il s'appelle Max. Me voici.", "Il s'appelle Max. Me voici."),
    ],
)
def test_short_forms(language: str, written: str, words: str) -> None:
    assert spoken_text(written, language) == words


@pytest.mark.parametrize(
    ("language", "version", "file", "names"),
    [
        ("es", "versión dos punto cero punto uno", "informe final punto PDF", "C sharp, punto net, node JS, mi Casa"),
        ("fr", "version deux point zéro point un", "informe final point PDF", "C sharp, point net, node JS, mi Casa"),
        ("it", "versione due punto zero punto uno", "informe final punto PDF", "C sharp, punto net, node JS, mi Casa"),
        ("pt", "versão dois ponto zero ponto um", "informe final ponto PDF", "C sharp, ponto net, node JS, mi Casa"),
    ],
)
def test_versions_files_and_programs(language: str, version: str, file: str, names: str) -> None:
    assert spoken_text("v2.0.1", language) == version
    assert spoken_text("informe_final.pdf", language) == file
    assert spoken_text("C#, .NET, node.js, miCasa", language) == names


def test_numbers_with_points_that_are_no_versions() -> None:
    assert spoken_text("1.234.567", "es").startswith("un millón")
    assert spoken_text("12.05.2024", "es").startswith("doce")
    assert "punto" not in spoken_text("Tel. 91.234.56.78", "es")
    assert spoken_text("192.168.0.1", "fr") == "cent quatre-vingt-douze point cent soixante-huit point zéro point un"


@pytest.mark.parametrize(
    ("language", "written", "words"),
    [
        ("es", "El DNI y la OTAN son MUY útiles.", "El D N I y la OTAN son MUY útiles."),
        ("fr", "L'ONU et la RATP", "L'ONU et la R A T P"),
        ("it", "La CGIL e la NATO", "La C G I L e la NATO"),
        ("pt", "O IBGE e a OTAN nos EUA", "O I B G E e a OTAN nos E U A"),
        ("es", "EL DNI ES NUEVO", "EL DNI ES NUEVO"),
        ("it", "il capitolo XIV di MMXX", "il capitolo quattordici di duemila venti"),
    ],
)
def test_capitals_are_words_or_letters(language: str, written: str, words: str) -> None:
    assert spoken_text(written, language) == words


def test_words_are_pronounceable() -> None:
    words = {
        "es": "casa abstracto transporte obligación luz reloj instrucción club mayo perspectiva guerra llueve",
        "fr": "temps maison structure théâtre gnome vingt arbre corps psaume trois",
        "it": "casa strada gnocchi sbaglio chiesa costruzione quando sport",
        "pt": "casa estrada transporte pneu trabalho guerra ônibus",
    }
    assert set(words) == LANGUAGES
    for language, text in words.items():
        said = [word for word in text.split() if len(word) <= 5]
        assert [word for word in said if not pronounceable(word, language)] in ([], ["sport"], ["vingt"], ["pneu"])


def test_telephone_numbers_are_said_digit_by_digit() -> None:
    assert spoken_text("Tel. 912 345 678", "es") == "teléfono nueve uno dos, tres cuatro cinco, seis siete ocho"
    assert spoken_text("Tel. 02 123", "it").startswith("telefono")


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("es", "El Excmo. Sr. Gral. Gil y la Sta. María, en la Av. Mayor."),
        ("es", "En el 50 a. C. y el 20 d. C. hubo uno."),
        ("fr", "Mgr. Vert et le Gal. Blanc, t. II."),
        ("it", "Il dott. Verdi e l'avv. Neri, pag. 12."),
        ("pt", "O Exmo. Sr. Dep. Silva, séc. XX."),
    ],
)
def test_sentences_do_not_break_after_short_forms(language: str, text: str) -> None:
    assert list(split_sentences(text, language)) == [text]


def test_sentences_break_after_words_that_are_short_forms_elsewhere() -> None:
    assert list(split_sentences("She went on. They left. He has ten. Ann ate.", "en")) == [
        "She went on.", "They left.", "He has ten.", "Ann ate.",
    ]  # fmt: skip
    assert list(split_sentences("Mide 3 m. Es alto.", "es")) == ["Mide 3 m.", "Es alto."]
