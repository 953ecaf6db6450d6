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
        ("en", "Rm. 204, max. 8/day, every 4-6 hrs, +0.4% y/y.",
         ["Room two hundred and four, maximum eight per day, every four to six hours, "
          "plus zero point four percent year on year."]),
        ("en", "It made €2.3tn from 17:00 UTC.",
         ["It made two point three trillion euros from seventeen hundred UTC."]),
        ("en", "A 24-7 line, a 9-5 job, a 50-50 chance, the 80's, #012.",
         ["A twenty four seven line, a nine to five job, a fifty fifty chance, the eighties, number zero one two."]),
        ("en", "It left 42nd St. in the rain at 3:05 p.m. EST.",
         ["It left forty second Street in the rain at three o five PM EST."]),
        ("en", "He ran for 5 min. 3 left.", ["He ran for five minutes. three left."]),
        ("es", "Ganó 3-1. Hace 2-3 días pagó 3,5 €/mes en 28001 Madrid.",
         ["Ganó tres a uno.",
          "Hace dos a tres días pagó tres euros cincuenta céntimos por mes en veintiocho mil uno Madrid."]),
        ("fr", "Le PSG a gagné 3-1 au XXe s. et 10 km².",
         ["Le PSG a gagné trois à un au vingtième siècle et 10 kilomètres carrés."]),
        ("fr", "Il a 3,5 M d'habitants, soit +0,4 %.",
         ["Il a trois virgule cinq millions d'habitants, soit plus zéro virgule quatre pour cent."]),
        ("it", "Il Milan ha vinto 3-1 alle 17.45.", ["Il Milan ha vinto tre a uno alle diciassette e quarantacinque."]),
        ("it", "Via Roma n. 12, 20121 Milano.", ["Via Roma numero dodici, ventimilacentoventuno Milano."]),
        ("pt", "O Benfica ganhou por 3-1, +0,4%.",
         ["O Benfica ganhou por três a um, mais zero vírgula quatro por cento."]),
        ("de", "Das steht auf S. 12 ff., 2:0 n. V., zzgl. 19 % MwSt.",
         ["Das steht auf Seite zwölf folgende, zwei zu null nach Verlängerung, zuzüglich neunzehn Prozent "
          "Mehrwertsteuer."]),
        ("de", "Nach 5 Min. Fahrt.", ["Nach fünf Minuten Fahrt."]),
        ("hi", "गति 12 किमी/घंटा है।", ["गति बारह किलोमीटर प्रति घंटा है।"]),
        ("ja", "千代田区1-2-3、2026-3-1", ["千代田区一の二の三、 二千二十六年三月一日"]),
        ("zh", "￥1250.75，比分是3:1，电话010-12345678。",
         ["一千二百五十点七五元， 比分是三比一， 电话零幺零， 幺二三四五六七八。"]),
        ("nl", "Het kost € 1.250,75 incl. 21% om 9.15 uur.",
         ["Het kost duizendtweehonderdvijftig komma zeven vijf euro inclusief eenentwintig procent om negen uur "
          "vijftien."]),
        ("pl", "Jest 3 marca 2026 r. o godz. 9:15, 5 zł przy ul. Długiej.",
         ["Jest trzy marca dwa tysiące dwadzieścia sześć roku o godzinie dziewięć piętnaście, pięć złotych "
          "przy ulicy Długiej."]),
        ("sv", "Kl. 9.15 kostar det 5 kr, t.ex. 1,85 m.",
         ["Klockan nio femton kostar det fem kronor, till exempel ett komma åtta fem meter."]),
        ("tr", "No: 12, 5 TL.", ["Numara oniki, beş lira."]),
        ("uk", "Це 2026 р. о 9:15.", ["Це дві тисячі двадцять шість року о дев'ять п'ятнадцять."]),
        # words after a date were lost
        ("fr", "Le 11 novembre 1918 à 11 h. M. Macron arrive.",
         ["Le onze novembre mille neuf cent dix-huit à onze heures.", "monsieur Macron arrive."]),
        ("fr", "Voir p. 12-15 et 8-10 h, 12.5 degrés, 1 voiture.",
         ["Voir p. douze à quinze et huit à dix heures, douze virgule cinq degrés, une voiture."]),
        # commas after numbers were spoken
        ("es", "Los números 12, 13 y 14.", ["Los números doce, trece y catorce."]),
        ("it", "Ho 3, 4 o 5 figli e 1 figlia.", ["Ho tre, quattro o cinque figli e una figlia."]),
        ("de", "Version 2.0.1, IP 3.", ["Version zwei Punkt null Punkt eins, IP drei."]),
        ("es", "Vinieron 200 personas y 1 día (1939-1945).",
         ["Vinieron doscientas personas y un día "
          "(mil novecientos treinta y nueve a mil novecientos cuarenta y cinco)."]),
        ("de", "1 Frau, 1 Verein.", ["eine Frau, ein Verein."]),
        ("de", "Am 3. 4. 2025 kam er.", ["Am dritten April zweitausendfünfundzwanzig kam er."]),
        ("en", "The question I asked. Chapter I read. Book I of three.",
         ["The question I asked.", "Chapter I read.", "Book one of three."]),
        ("en", "It is $1.5-2m, $5-10 or £30k/yr.",
         ["It is one point five to two million dollars, five to ten dollars or thirty thousand pounds per year."]),
        ("zh", "我用Google搜索，1-2天，以3:30为准，5号楼。",
         ["我用Google 搜索， 一到两天， 以三点三十分为准， 五号楼。"]),
        ("hi", "मैंने Google पर 3 बार खोजा।", ["मैंने Google पर तीन बार खोजा।"]),
        ("cs", "Přijdu do 15.12. ve 3 hodiny.", ["Přijdu do 15.12. ve tři hodiny."]),
        ("ru", "Это стоит 1250,50 руб.", ["Это стоит одна тысяча двести пятьдесят рублей пятьдесят копеек."]),
        ("da", "Det koster 5 kr., tak.", ["Det koster fem kroner, tak."]),
        ("hu", "20%-kal több.", ["húsz százalékkal több."]),
        ("ru", "Звоните по тел. 12.", ["Звоните по телефону двенадцать."]),
    ],
)  # fmt: skip
def test_amounts(language: str, written: str, spoken: list[str]) -> None:
    assert list(spoken_sentences(written, language)) == spoken


@pytest.mark.parametrize(
    "text",
    ["<!-- -->" * 40 + "a", "[voice:" + " " * 5000, "no. 5 " * 500, "?!" * 5000, "\n " * 8000 + "a", "*a " * 1300,
     "a" + " " * 20_000 + "a", "\u200d" * 20_000],
)  # fmt: skip
def test_repetitions_end(text: str) -> None:
    # each of these once took minutes, or the square of its length
    assert all(spoken_sentences(text, "en")) or not text.strip()
