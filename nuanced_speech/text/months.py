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
        "bg": "януари февруари март април май юни юли август септември октомври ноември декември",
        "ca": "gener febrer març abril maig juny juliol agost setembre octubre novembre desembre",
        "cs": "ledna února března dubna května června července srpna září října listopadu prosince",
        "da": "januar februar marts april maj juni juli august september oktober november december",
        "el": "Ιανουαρίου Φεβρουαρίου Μαρτίου Απριλίου Μαΐου Ιουνίου Ιουλίου Αυγούστου Σεπτεμβρίου Οκτωβρίου "
        "Νοεμβρίου Δεκεμβρίου",
        "fi": "tammikuuta helmikuuta maaliskuuta huhtikuuta toukokuuta kesäkuuta heinäkuuta elokuuta syyskuuta "
        "lokakuuta marraskuuta joulukuuta",
        "hr": "siječnja veljače ožujka travnja svibnja lipnja srpnja kolovoza rujna listopada studenoga prosinca",
        "hu": "január február március április május június július augusztus szeptember október november december",
        "id": "Januari Februari Maret April Mei Juni Juli Agustus September Oktober November Desember",
        "nl": "januari februari maart april mei juni juli augustus september oktober november december",
        "no": "januar februar mars april mai juni juli august september oktober november desember",
        "pl": "stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października listopada grudnia",
        "ro": "ianuarie februarie martie aprilie mai iunie iulie august septembrie octombrie noiembrie decembrie",
        "sk": "januára februára marca apríla mája júna júla augusta septembra októbra novembra decembra",
        "sl": "januarja februarja marca aprila maja junija julija avgusta septembra oktobra novembra decembra",
        "sr": "јануара фебруара марта априла маја јуна јула августа септембра октобра новембра децембра",
        "sv": "januari februari mars april maj juni juli augusti september oktober november december",
        "tr": "Ocak Şubat Mart Nisan Mayıs Haziran Temmuz Ağustos Eylül Ekim Kasım Aralık",
        "uk": "січня лютого березня квітня травня червня липня серпня вересня жовтня листопада грудня",
    }.items()
}
MONTHS |= {"nn": MONTHS["no"]}
"""Twelve names for each language (ISO 639-1)."""


def short_months(language: str, forms: str) -> dict[str, str]:
    """The names of months by their short forms.

    Args:
        language: ISO 639-1.
        forms: short forms of the twelve months, separated by spaces; several of one month by commas, ``-`` for none.
    """
    months = zip(forms.split(), MONTHS[language], strict=True)
    return {form: name for some, name in months if some != "-" for form in some.split(",")}
