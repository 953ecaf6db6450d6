"""Short forms, currencies and words beside times of the languages that have no grammar."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class ShortForms:
    """What a language writes short.

    Attributes:
        anywhere: forms with their full stops, such as ``t.ex.``, and their words.
        before_number: forms without the full stop that they have before a number.
        after_number: the same after one.
        money: what a currency's sign or name says after its number.
        clock: words after which ``9.15`` is a time.
    """

    anywhere: dict[str, str] = field(default_factory=dict)
    before_number: dict[str, str] = field(default_factory=dict)
    after_number: dict[str, str] = field(default_factory=dict)
    money: dict[str, str] = field(default_factory=dict)
    clock: tuple[str, ...] = ()


SHORT_FORMS = {
    "nl": ShortForms(
        {
            "d.w.z.": "dat wil zeggen", "o.a.": "onder andere", "i.p.v.": "in plaats van",
            "m.b.t.": "met betrekking tot", "a.u.b.": "alstublieft", "bijv.": "bijvoorbeeld",
            "bv.": "bijvoorbeeld", "enz.": "enzovoort",
            "incl.": "inclusief", "excl.": "exclusief", "evt.": "eventueel", "t/m": "tot en met",
        },
        {"blz": "bladzijde", "nr": "nummer", "tel": "telefoon", "art": "artikel", "ca": "circa", "max": "maximaal",
         "min": "minimaal", "p": "pagina", "hfst": "hoofdstuk"},
        {"mln": "miljoen", "mld": "miljard", "jr": "jaar"},
        {"€": "euro", "EUR": "euro", "$": "dollar", "£": "pond"},
    ),
    "pl": ShortForms(
        {
            "m.in.": "między innymi", "tzn.": "to znaczy", "np.": "na przykład", "itd.": "i tak dalej",
            "itp.": "i tym podobne", "tzw.": "tak zwany", "o godz.": "o godzinie", "ul.": "ulicy",
            "św.": "święty", "wg": "według",
        },
        {"godz": "godzina", "ul": "ulica", "nr": "numer", "str": "strona", "tel": "telefon", "ok": "około",
         "al": "aleja", "pl": "plac", "rozdz": "rozdział", "art": "artykuł", "pkt": "punkt", "ust": "ustęp"},
        {"r": "roku", "tys": "tysięcy", "mln": "milionów", "mld": "miliardów", "gr": "groszy", "godz": "godzin",
         "proc": "procent"},
        {"zł": "złotych", "PLN": "złotych", "€": "euro", "EUR": "euro", "$": "dolarów", "£": "funtów"},
        ("o godzinie", "godzina"),
    ),
    "cs": ShortForms(
        {"např.": "například", "atd.": "a tak dále", "tj.": "to je", "tzv.": "takzvaný", "apod.": "a podobně"},
        {"č": "číslo", "str": "strana", "ul": "ulice", "tel": "telefon", "cca": "cirka", "kap": "kapitola"},
        {"hod": "hodin", "mil": "milionů", "tis": "tisíc", "mld": "miliard"},
        {"Kč": "korun", "CZK": "korun", "€": "euro", "$": "dolarů", "£": "liber"},
    ),
    "sk": ShortForms(
        {"napr.": "napríklad", "atď.": "a tak ďalej", "t. j.": "to jest", "tzv.": "takzvaný", "apod.": "a podobne"},
        {"č": "číslo", "str": "strana", "ul": "ulica", "tel": "telefón", "cca": "cirka", "kap": "kapitola"},
        {"hod": "hodín", "mil": "miliónov", "tis": "tisíc", "mld": "miliárd"},
        {"€": "eur", "EUR": "eur", "$": "dolárov", "£": "libier"},
    ),
    "sv": ShortForms(
        {"t.ex.": "till exempel", "bl.a.": "bland annat", "osv.": "och så vidare", "dvs.": "det vill säga",
         "m.m.": "med mera", "fr.o.m.": "från och med", "t.o.m.": "till och med"},
        {"kl": "klockan", "ca": "cirka", "nr": "nummer", "s": "sidan", "kap": "kapitel", "tel": "telefon"},
        {"kr": "kronor", "mn": "miljoner", "mdr": "miljarder", "st": "stycken", "tim": "timmar"},
        {"kr": "kronor", "SEK": "kronor", "€": "euro", "$": "dollar", "£": "pund"},
        ("klockan",),
    ),
    "da": ShortForms(
        {"f.eks.": "for eksempel", "bl.a.": "blandt andet", "osv.": "og så videre", "dvs.": "det vil sige",
         "m.m.": "med mere"},
        {"kl": "klokken", "ca": "cirka", "nr": "nummer", "s": "side", "kap": "kapitel", "tlf": "telefon"},
        {"kr": "kroner", "mio": "millioner", "mia": "milliarder"},
        {"kr": "kroner", "DKK": "kroner", "€": "euro", "$": "dollar", "£": "pund"},
        ("klokken",),
    ),
    "fi": ShortForms(
        {"esim.": "esimerkiksi", "jne.": "ja niin edelleen", "mm.": "muun muassa", "ks.": "katso"},
        {"klo": "kello", "n": "noin", "nro": "numero", "s": "sivu", "puh": "puhelin"},
        {"milj": "miljoonaa", "mrd": "miljardia"},
        {"€": "euroa", "EUR": "euroa", "$": "dollaria", "£": "puntaa"},
        ("kello",),
    ),
    "hu": ShortForms(
        {"pl.": "például", "stb.": "és így tovább", "ún.": "úgynevezett", "ill.": "illetve"},
        {"kb": "körülbelül", "tel": "telefon"},
        {"db": "darab", "sz": "szám"},
        {"Ft": "forint", "HUF": "forint", "€": "euró", "$": "dollár", "£": "font"},
    ),
    "ro": ShortForms(
        {"de ex.": "de exemplu", "ș.a.": "și altele", "etc.": "et cetera"},
        {"nr": "numărul", "str": "strada", "tel": "telefon", "pag": "pagina", "cca": "circa", "cap": "capitolul"},
        {"mil": "milioane", "mld": "miliarde"},
        {"lei": "lei", "RON": "lei", "€": "euro", "$": "dolari", "£": "lire"},
    ),
    "tr": ShortForms(
        {"vb.": "ve benzeri", "vs.": "vesaire", "örn.": "örneğin", "yy.": "yüzyıl", "sn.": "sayın"},
        {"no": "numara", "tel": "telefon", "s": "sayfa"},
        {},
        {"TL": "lira", "₺": "lira", "€": "avro", "$": "dolar", "£": "sterlin"},
    ),
    "uk": ShortForms(
        {"напр.": "наприклад", "та ін.": "та інші", "т. д.": "так далі", "див.": "дивись"},
        {"вул": "вулиця", "буд": "будинок", "кв": "квартира", "стор": "сторінка", "тел": "телефон", "ст": "стаття",
         "каб": "кабінет"},
        {"р": "року", "рр": "років", "тис": "тисяч", "млн": "мільйонів", "млрд": "мільярдів", "грн": "гривень",
         "хв": "хвилин"},
        {"₴": "гривень", "грн": "гривень", "€": "євро", "$": "доларів", "£": "фунтів"},
    ),
    "id": ShortForms(
        {"dll.": "dan lain-lain", "dsb.": "dan sebagainya", "yg": "yang", "dgn": "dengan"},
        {"no": "nomor", "hlm": "halaman", "Jl": "jalan"},
        {},
        {"Rp": "rupiah", "€": "euro", "$": "dolar", "£": "pound"},
        ("pukul",),
    ),
    "vi": ShortForms({}, {}, {}, {"đ": "đồng", "₫": "đồng", "VND": "đồng", "€": "ơ rô", "$": "đô la", "£": "bảng"}),
    "ko": ShortForms({}, {}, {}, {"₩": "원", "€": "유로", "$": "달러", "£": "파운드"}),
    "ca": ShortForms(
        {"p. ex.": "per exemple", "etc.": "etcètera"},
        {"núm": "número", "pàg": "pàgina", "tel": "telèfon"},
        {},
        {"€": "euros", "$": "dòlars", "£": "lliures"},
    ),
}  # fmt: skip
_NORWEGIAN = ShortForms(
    {"f.eks.": "for eksempel", "bl.a.": "blant annet", "osv.": "og så videre", "dvs.": "det vil si", "m.m.": "med mer"},
    {"kl": "klokken", "ca": "cirka", "nr": "nummer", "s": "side", "kap": "kapittel", "tlf": "telefon"},
    {"kr": "kroner", "mill": "millioner", "mrd": "milliarder"},
    {"kr": "kroner", "NOK": "kroner", "€": "euro", "$": "dollar", "£": "pund"},
    ("klokken",),
)
SHORT_FORMS |= {"no": _NORWEGIAN, "nn": _NORWEGIAN}

# Of every language what these say, in their order; the last stands behind a bar.
_UNITS = ("m", "km", "cm", "kg", "g", "l", "km/h")


def _units(words: str) -> dict[str, str]:
    plain, _, speed = words.partition("|")
    return dict(zip(_UNITS, [*plain.split(), speed], strict=True))


UNITS = {
    "nl": _units("meter kilometer centimeter kilo gram liter|kilometer per uur"),
    "pl": _units("metrów kilometrów centymetrów kilogramów gramów litrów|kilometrów na godzinę"),
    "cs": _units("metrů kilometrů centimetrů kilogramů gramů litrů|kilometrů za hodinu"),
    "sk": _units("metrov kilometrov centimetrov kilogramov gramov litrov|kilometrov za hodinu"),
    "sv": _units("meter kilometer centimeter kilo gram liter|kilometer i timmen"),
    "da": _units("meter kilometer centimeter kilo gram liter|kilometer i timen"),
    "fi": _units("metriä kilometriä senttimetriä kiloa grammaa litraa|kilometriä tunnissa"),
    "hu": _units("méter kilométer centiméter kilogramm gramm liter|kilométer per óra"),
    "ro": _units("metri kilometri centimetri kilograme grame litri|kilometri pe oră"),
    "tr": _units("metre kilometre santimetre kilogram gram litre|kilometre"),
    "id": _units("meter kilometer sentimeter kilogram gram liter|kilometer per jam"),
    "ca": _units("metres quilòmetres centímetres quilos grams litres|quilòmetres per hora"),
    "uk": {"м": "метрів", "км": "кілометрів", "см": "сантиметрів", "кг": "кілограмів", "г": "грамів", "л": "літрів",
           "км/год": "кілометрів на годину"},
    "vi": {"m": "mét", "km": "ki lô mét", "cm": "xen ti mét", "kg": "ki lô gam", "g": "gam", "l": "lít",
           "km/h": "ki lô mét trên giờ"},
    "ko": {"m": "미터", "km": "킬로미터", "cm": "센티미터", "kg": "킬로그램", "g": "그램", "l": "리터",
           "km/h": "킬로미터"},
}  # fmt: skip
UNITS |= {"no": UNITS["da"], "nn": UNITS["da"]}
