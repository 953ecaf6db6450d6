"""Amounts, results, times and telephone numbers that a grammar reads wrongly."""

from __future__ import annotations

import pytest

from nuanced_speech.text.frontend import spoken_sentences


@pytest.mark.parametrize(
    ("language", "written", "spoken"),
    [
        ("en", "E = mc² and 3 × 4 = 12.", ["E equals m c squared and three times four equals twelve."]),
        ("en", "It goes 20km/h.", ["It goes twenty kilometers per hour."]),
        ("en", "10m people watched it.", ["ten million people watched it."]),
        ("en", "He ran 10m.", ["He ran ten meters."]),
        ("en", "It is closed 9-11am today.", ["It is closed nine to eleven AM today."]),
        ("en", "WW2 began in 1939.", ["World War two began in nineteen thirty nine."]),
        ("en", "ISBN 978-3-16-148410-0 is it.",
         ["ISBN nine seven eight, three, one six, one four eight four one zero, zero is it."]),
        ("en", "It has 2.5bn views, see Eq. (4), for EUR 15 or 20 USD.",
         ["It has two point five billion views, see Equation (four), for fifteen euros or twenty dollars."]),
        ("it", "I 3/4 della torta, 1/2 del vino.", ["I tre quarti della torta, un mezzo del vino."]),
        ("es", "Llame al 91 123 45 67.", ["Llame al nueve uno, uno dos tres, cuatro cinco, seis siete."]),
        ("es", "Ganaron 3-2 en el siglo XXI.", ["Ganaron tres a dos en el siglo veintiuno."]),
        ("es", "El 3 de mayo.", ["El tres de mayo."]),
        ("es", "Costó 5,2 M€ en el 3.º piso.", ["Costó cinco coma dos millones de euros en el tercer piso."]),
        ("fr", "Il a payé 5,2 M€ et 1 Md€.", ["Il a payé cinq virgule deux millions d'euros et un milliard d'euros."]),
        ("fr", "Elle habite bd. Voltaire.", ["Elle habite boulevard Voltaire."]),
        ("it", "Costa 1.500 euro o 5,2 mln €.", ["Costa mille cinquecento euro o cinque virgola due milioni di euro."]),
        ("pt", "Pagou R$ 5,2 mi ontem.", ["Pagou cinco vírgula dois milhões de reais ontem."]),
        ("de", "Tel. 030/123456", ["Telefon null drei null, eins zwei drei vier fünf sechs"]),
        ("hi", "₹5,000 और 50% छात्र", ["पाँच हज़ार रुपए और पचास प्रतिशत छात्र"]),
        ("ja", "気温は-5℃です。", ["気温はマイナス五度です。"]),
        ("ja", "¥1,980で50%、03-1234-5678、10km",
         ["千九百八十円で五十パーセント、 零三、 一二三四、 五六七八、 十キロメートル"]),
        ("zh", "2个人，第2个，电话13812345678。", ["两个人， 第二个， 电话幺三八幺二三四五六七八。"]),
        ("nl", "Dhr. Jansen komt om 10:30 uur bij -5 °C.",
         ["Dhr. Jansen komt om tien uur dertig bij min vijf graden Celsius."]),
        ("pl", "Jest -5°C o 10:30.", ["Jest minus pięć stopni Celsjusza o dziesięć trzydzieści."]),
        ("tr", "II. Mehmet geldi. Hava -5°C.", ["II. Mehmet geldi.", "Hava eksi beş derece."]),
        ("ru", "Звоните по тел. 12.", ["Звоните по телефону двенадцать."]),
    ],
)  # fmt: skip
def test_amounts(language: str, written: str, spoken: list[str]) -> None:
    assert list(spoken_sentences(written, language)) == spoken
