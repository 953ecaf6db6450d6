"""Telephone numbers, ranges, dates in digits, dollars of several countries, and the gender of numbers."""

from __future__ import annotations

import pytest

from nuanced_speech.text.frontend import spoken_text


@pytest.mark.parametrize(
    ("language", "written", "spoken"),
    [
        ("es", "Llámame al 612 345 678.", "Llámame al seis uno dos, tres cuatro cinco, seis siete ocho."),
        ("es", "El teléfono es 91 123 45 67.", "El teléfono es nueve uno, uno dos tres, cuatro cinco, seis siete."),
        ("es", "Hay 612 345 678 habitantes.",
         "Hay seiscientos doce millones trescientos cuarenta y cinco mil seiscientos setenta y ocho habitantes."),
        ("es", "+34 612 345 678", "más treinta y cuatro seis uno dos tres cuatro cinco seis siete ocho"),
        ("it", "Chiamami al 02 1234567.", "Chiamami al zero due, uno due tre quattro cinque sei sette."),
        ("it", "Il numero è +39 347 123 4567.",
         "Il numero è più tre nove, tre quattro sette, uno due tre, quattro cinque sei sette."),
        ("it", "Numero verde 800 123 456.", "Numero verde otto zero zero, uno due tre, quattro cinque sei."),
        ("fr", "Appelez le 0 800 123 456.",
         "Appelez le zéro, huit cents, cent vingt-trois, quatre cent cinquante-six."),
        ("pt", "Ligue para 912 345 678.", "Ligue para nove um dois, três quatro cinco, seis sete oito."),
        ("pt", "(11) 91234-5678", "um um nove um dois três quatro cinco seis sete oito"),
        ("hi", "मेरा नंबर +91 98765 43210 है.", "मेरा नंबर प्लस नौ एक, नौ आठ सात छह पाँच, चार तीन दो एक शून्य है."),
        ("de", "Rufen Sie (030) 123456 an.", "Rufen Sie null drei null, eins zwei drei vier fünf sechs an."),
        ("de", "Nummer 030/2024", "Nummer null dreißig zweitausendvierundzwanzig"),
        ("en", "Call 020 7946 0958.", "Call zero two zero, seven nine four six, zero nine five eight."),
    ],
)  # fmt: skip
def test_telephone_numbers_are_no_millions(language: str, written: str, spoken: str) -> None:
    assert spoken_text(written, language) == spoken


@pytest.mark.parametrize(
    ("language", "written", "spoken"),
    [
        ("en", "Open 8.00-16.00.", "Open eight o'clock to sixteen o'clock."),
        ("en", "Prices: 5.00-10.00.", "Prices: five point zero zero to ten point zero zero."),
        ("ru", "В 2020-2025 гг.", "В две тысячи двадцатом – две тысячи двадцать пятом годах"),
        ("es", "Abierto de 8.00-16.00.", "Abierto de ocho a dieciséis."),
        ("ru", "Это займёт 3-4 дня.", "Это займёт три четыре дня."),
        ("ru", "Скидка 10–15 %.", "Скидка десять пятнадцать процентов."),
        ("ru", "Счёт 3-1.", "Счёт три-1."),
        ("nl", "Open van 8.00-16.00 uur.", "Open van acht uur tot zestien uur."),
        ("nl", "Het kost 3-4 dagen, 10–15 %.", "Het kost drie tot vier dagen, tien tot vijftien procent."),
        ("pl", "To zajmie 3-4 dni.", "To zajmie trzy cztery dni."),
        ("sv", "Öppet kl. 9-17.", "Öppet klockan nio till sjutton."),
        ("fi", "Avoinna klo 9.15-16.30.", "Avoinna kello yhdeksän viisitoista – kuusitoista kolmekymmentä."),
        # no ranges
        ("pl", "Kod 00-950, wynik 2-1.", "Kod 00-950, wynik 2-1."),
        ("nl", "Bel 06-12345678.", "Bel 06-12345678."),
    ],
)
def test_ranges(language: str, written: str, spoken: str) -> None:
    assert spoken_text(written, language) == spoken


@pytest.mark.parametrize(
    ("language", "written", "spoken"),
    [
        ("nl", "Op 12-04-2024.", "Op twaalf april tweeduizendvierentwintig."),
        ("pl", "Od 12.04.2024 r. do 1.5.2025", "Od dwanaście kwietnia dwa tysiące dwadzieścia cztery roku do "
         "jeden maja dwa tysiące dwadzieścia pięć roku"),
        ("cs", "Dne 12. 4. 2024 v 8:00.", "Dne 12. dubna dva tisíce dvacet čtyři v osm."),
        ("sv", "Den 3 mars 2024 och 2024-04-12.",
         "Den tredje mars tvåtusentjugofyra och tolfte april tvåtusentjugofyra."),
        ("vi", "ngày 15/01/2024", "ngày mười lăm tháng một năm hai nghìn không trăm hai mươi bốn"),
        ("da", "Den 12.04.2024.", "Den 12. april totusinde og fireogtyve."),
        ("el", "12/04/2024", "12 Απριλίου 2024"),
        ("ko", "2024-04-12", "2024년 4월 12일"),
        ("pl", "192.168.1.10", "192.168.1.10"),
        ("fi", "Hinta 3.5.", "Hinta 3.5."),
    ],
)  # fmt: skip
def test_dates_in_digits_of_languages_without_a_grammar(language: str, written: str, spoken: str) -> None:
    assert spoken_text(written, language) == spoken


@pytest.mark.parametrize(
    ("language", "written", "spoken"),
    [
        ("en", "A$5, C$1, US$3.50, HK$20 and R$ 2", "five Australian dollars, one Canadian dollar, three US dollars "
         "fifty cents, twenty Hong Kong dollars and two Brazilian reais"),
        ("en", "A$5.2bn", "five point two billion Australian dollars"),
        ("de", "Es kostet A$5 oder CHF 5.-.", "Es kostet fünf australische Dollar oder fünf Franken."),
        ("de", "Das kostet 5,-. Oder 12,-!", "Das kostet fünf. Oder zwölf!"),
        ("fr", "Cela coûte A$5.", "Cela coûte cinq dollars australiens."),
        ("es", "Cuesta US$3.50.", "Cuesta tres dólares estadounidenses con cincuenta centavos."),
        ("pt", "Tenho R$ 20.", "Tenho vinte reais."),
        ("sv", "$45 miljarder och $2,5 mn", "fyrtiofem miljarder dollar och två komma fem miljoner dollar"),
    ],
)  # fmt: skip
def test_dollars_of_several_countries(language: str, written: str, spoken: str) -> None:
    assert spoken_text(written, language) == spoken


@pytest.mark.parametrize(
    ("language", "written", "spoken"),
    [
        ("es", "Hay 21 casas y 31 personas.", "Hay veintiuna casas y treinta y una personas."),
        ("es", "Son 21 días y 31 problemas.", "Son veintiún días y treinta y un problemas."),
        ("pt", "São 2 casas e 22 pessoas.", "São duas casas e vinte e duas pessoas."),
        ("pt", "São 2 dias, 1 casa e 1 dia.", "São dois dias, uma casa e um dia."),
        ("fr", "Il y a 21 maisons et 21 jours.", "Il y a vingt et une maisons et vingt et un jours."),
    ],
)
def test_numbers_agree_with_their_nouns(language: str, written: str, spoken: str) -> None:
    assert spoken_text(written, language) == spoken
