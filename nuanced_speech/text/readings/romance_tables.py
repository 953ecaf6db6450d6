"""Tables of the Spanish, French, Italian and Portuguese readings: short forms, names, versions and capitals.

A short form with a full stop is written here without the last one; a space in it may be missing in the text.
"""

from dataclasses import dataclass, field

from nuanced_speech.text.months import short_months


@dataclass(frozen=True)
class Forms:
    """What a language writes shortly, and the words for it.

    Attributes:
        anywhere: short forms that are no words otherwise.
        before_name: those that are one only before a word with a capital.
        before_number: those that are one only before a number.
        after_number: those that are one only after a number.
        unpointed: short forms without a full stop, before a word with a capital.
        numbers: short forms without a full stop, before a number.
        literals: written names, as they are said.
        point: said for the point of a version, a file and an address of a computer.
        version: said for the v of a version.
        letters: words in capitals that are said by letters though they could be words.
        names: words in capitals that are said as words though they look like letters.
        months: short names of months, beside a number.
        days: short names of days, before a number.
    """

    anywhere: dict[str, str]
    before_name: dict[str, str]
    before_number: dict[str, str]
    after_number: dict[str, str]
    unpointed: dict[str, str]
    numbers: dict[str, str]
    literals: dict[str, str]
    point: str
    version: str
    letters: str
    names: str = ""
    months: dict[str, str] = field(default_factory=dict)
    days: dict[str, str] = field(default_factory=dict)


def _capitalised(forms: dict[str, str]) -> dict[str, str]:
    """Short forms in small letters, and with a capital too."""
    return {form[0].upper() + form[1:]: words for form, words in forms.items()} | forms


_LITERALS = {
    "C#": "C sharp", "F#": "F sharp", "AC/DC": "A C D C", "TCP/IP": "TCP IP", "node.js": "node JS",
    "Node.js": "Node JS", "Vue.js": "Vue JS", "Next.js": "Next JS", "React.js": "React JS", "24/7": "24 7",
}  # fmt: skip
_LETTERS = "UE EE AI API URL CEO IP IA UI ISO "

FORMS = {
    "es": Forms(
        anywhere=_capitalised({
            "sr": "señor", "sra": "señora", "srta": "señorita", "sres": "señores", "dr": "doctor", "dra": "doctora",
            "prof": "profesor", "profa": "profesora", "lic": "licenciado", "ing": "ingeniero", "arq": "arquitecto",
            "mons": "monseñor", "sta": "santa", "sto": "santo", "gral": "general", "cnel": "coronel", "tte": "teniente",
            "pdte": "presidente", "excmo": "excelentísimo", "excma": "excelentísima", "av": "avenida",
            "avda": "avenida", "pza": "plaza", "p. ej": "por ejemplo", "aprox": "aproximadamente", "etc": "etcétera",
            "pág": "página", "págs": "páginas", "núm": "número", "núms": "números", "tel": "teléfono",
            "tfno": "teléfono", "izq": "izquierda", "dcha": "derecha", "cía": "compañía", "ltda": "limitada",
            "máx": "máximo", "mín": "mínimo", "depto": "departamento", "dpto": "departamento", "apdo": "apartado",
            "vs": "versus", "hnos": "hermanos", "ud": "usted", "uds": "ustedes", "vd": "usted", "vds": "ustedes",
        }) | {"a. C": "antes de Cristo", "d. C": "después de Cristo", "S. A": "sociedad anónima",
              "S. L": "sociedad limitada", "EE. UU": "Estados Unidos", "JJ. OO": "Juegos Olímpicos",
              "RR. HH": "recursos humanos"},
        before_name={"D": "don", "Cap": "capitán", "Sgto": "sargento", "Pl": "plaza", "Fdo": "firmado"},
        before_number=_capitalised({
            "p": "página", "pp": "páginas", "cap": "capítulo", "caps": "capítulos", "art": "artículo",
            "arts": "artículos", "fig": "figura", "figs": "figuras", "vol": "volumen", "vols": "volúmenes",
            "ed": "edición", "s": "siglo", "ss": "siglos", "sec": "sección", "tít": "título",
            "n": "número", "t": "tomo",
        }) | {"No": "número"},
        after_number={"hab": "habitantes", "min": "minutos", "seg": "segundos",
                      "ed": "edición", "págs": "páginas"},
        unpointed={"Dª": "doña", "D.ª": "doña", "Dña.": "doña", "Sr": "señor", "Sra": "señora", "Dr": "doctor",
                   "Dra": "doctora", "C/": "calle"},
        numbers=_capitalised({"n.º": "número", "nº": "número", "n°": "número", "n.°": "número"}),
        # the grammar takes the capitals of these for Roman numerals
        literals=_LITERALS | {"C++": "C más más", ".NET": "punto net", "CD": "ce de", "CDs": "ce des", "CV": "ce uve",
                              "DC": "de ce", "CC": "ce ce", "MC": "eme ce", "XL": "equis ele"},
        point="punto", version="versión", letters=_LETTERS + "PIB IBI OMS EEE", names="PSOE",
        months=short_months("es", "ene feb mar abr may jun jul ago sep,sept oct nov dic"),
        days=dict(lun="lunes", mar="martes", mié="miércoles", jue="jueves", vie="viernes", sáb="sábado",
                  dom="domingo"),
    ),
    "fr": Forms(
        anywhere=_capitalised({
            "p. ex": "par exemple", "c.-à-d": "c'est-à-dire", "av. J.-C": "avant Jésus-Christ",
            "apr. J.-C": "après Jésus-Christ", "etc": "et cetera", "env": "environ", "chap": "chapitre",
            "éd": "édition", "tél": "téléphone", "cf": "confère", "vs": "versus", "bibl": "bibliothèque",
            "dép": "département", "univ": "université", "prof": "professeur", "approx": "approximativement",
            "apt": "appartement",
        }) | {"MM": "messieurs", "max": "maximum"},
        before_name={"M": "monsieur", "av": "avenue", "Av": "avenue", "pl": "place", "Pl": "place", "Gal": "général",
                     "Cdt": "commandant", "Cap": "capitaine", "Lt": "lieutenant", "Dr": "docteur", "Mme": "madame",
                     "Mlle": "mademoiselle", "St": "saint", "Ste": "sainte", "Mgr": "monseigneur"},
        before_number=_capitalised({
            "p": "page", "pp": "pages", "art": "article", "fig": "figure", "vol": "volume", "t": "tome",
            "n": "numéro", "éd": "édition",
        }),
        after_number={"hab": "habitants", "min": "minutes", "sec": "secondes", "éd": "édition", "p": "pages"},
        unpointed={"Dr": "docteur", "Pr": "professeur", "Mgr": "monseigneur", "Me": "maître", "Mme": "madame",
                   "Mmes": "mesdames", "Mlle": "mademoiselle", "Mlles": "mesdemoiselles", "Cie": "compagnie",
                   "bd": "boulevard", "Bd": "boulevard", "St": "saint", "Ste": "sainte"},
        numbers=_capitalised({"n°": "numéro", "nº": "numéro", "nos": "numéros"}),
        literals=_LITERALS | {"C++": "C plus plus", ".NET": "point net"},
        point="point", version="version", letters=_LETTERS + "USA ONG OMS UMP IRM",
        names="FNAC SMIC",
        months=short_months("fr", "janv,jan févr,fév - avr - - juil - sept oct nov déc"),
        days=dict(lun="lundi", mar="mardi", mer="mercredi", jeu="jeudi", ven="vendredi", sam="samedi",
                  dim="dimanche"),
    ),
    "it": Forms(
        anywhere=_capitalised({
            "sig": "signor", "sig.ra": "signora", "sigg": "signori", "sig.na": "signorina", "dott": "dottor",
            "dott.ssa": "dottoressa", "dr": "dottor", "dr.ssa": "dottoressa", "prof": "professor",
            "prof.ssa": "professoressa", "proff": "professori", "ing": "ingegner", "avv": "avvocato",
            "geom": "geometra", "mons": "monsignor", "pag": "pagina", "pagg": "pagine", "ecc": "eccetera",
            "etc": "eccetera", "ad es": "ad esempio", "p. es": "per esempio", "tel": "telefono", "cell": "cellulare",
            "p.za": "piazza", "p.zza": "piazza", "v.le": "viale", "c.so": "corso", "l.go": "largo", "vs": "versus",
            "fam": "famiglia", "spett": "spettabile", "spett.le": "spettabile", "egr": "egregio",
            "gent.ma": "gentilissima", "gent.mo": "gentilissimo", "ca": "circa", "sec": "secolo", "F.lli": "fratelli",
        }) | {"a. C": "avanti Cristo", "d. C": "dopo Cristo", "S.p.A": "società per azioni", "S.r.l": "SRL",
              "N.B": "nota bene", "max": "massimo"},
        before_name={"on": "onorevole", "On": "onorevole", "sen": "senatore", "Sen": "senatore", "Gen": "generale",
                     "gen": "generale", "Col": "colonnello", "Cap": "capitano", "Ten": "tenente", "arch": "architetto",
                     "Arch": "architetto", "rag": "ragionier", "Rag": "ragionier", "Pres": "presidente"},
        before_number=_capitalised({
            "p": "pagina", "pp": "pagine", "n": "numero", "nn": "numeri", "nr": "numero", "cap": "capitolo",
            "capp": "capitoli", "art": "articolo", "artt": "articoli", "fig": "figura", "figg": "figure",
            "vol": "volume", "voll": "volumi", "ed": "edizione", "par": "paragrafo", "tab": "tabella", "int": "interno",
        }),
        after_number={"ab": "abitanti", "min": "minuti", "sec": "secondi", "ed": "edizione", "pagg": "pagine",
                      "pp": "pagine"},
        unpointed={"Sig": "signor", "Dott": "dottor"},
        numbers=_capitalised({"n°": "numero", "nº": "numero"}),
        literals=_LITERALS | {"C++": "C più più", ".NET": "punto net"},
        point="punto", version="versione", letters=_LETTERS + "OMS SMS",
        months=short_months("it", "gen feb mar apr mag giu lug ago set,sett ott nov dic"),
        days=dict(lun="lunedì", mar="martedì", mer="mercoledì", gio="giovedì", ven="venerdì", sab="sabato",
                  dom="domenica"),
    ),
    "pt": Forms(
        anywhere=_capitalised({
            "sr": "senhor", "sra": "senhora", "srta": "senhorita", "srs": "senhores", "sras": "senhoras",
            "dr": "doutor", "dra": "doutora", "drs": "doutores", "prof": "professor", "profa": "professora",
            "eng": "engenheiro", "enga": "engenheira", "arq": "arquiteto", "exmo": "excelentíssimo",
            "exma": "excelentíssima", "av": "avenida", "sta": "santa", "sto": "santo", "pág": "página",
            "págs": "páginas", "núm": "número", "etc": "et cetera", "p. ex": "por exemplo", "aprox": "aproximadamente",
            "tel": "telefone", "cia": "companhia", "ltda": "limitada", "séc": "século", "máx": "máximo",
            "mín": "mínimo", "obs": "observação", "depto": "departamento", "apto": "apartamento", "vs": "versus",
            "dep": "deputado", "pça": "praça",
        }) | {"a. C": "antes de Cristo", "d. C": "depois de Cristo", "S. A": "sociedade anônima",
              "V. Exa": "Vossa Excelência", "V. Sa": "Vossa Senhoria"},
        before_name={"D": "dom", "Gen": "general", "Cel": "coronel", "Cap": "capitão", "Ten": "tenente",
                     "Sgt": "sargento", "Pe": "padre", "Sen": "senador", "Gov": "governador", "Pres": "presidente"},
        before_number=_capitalised({
            "p": "página", "pp": "páginas", "cap": "capítulo", "art": "artigo", "arts": "artigos", "fig": "figura",
            "vol": "volume", "vols": "volumes", "ed": "edição", "n": "número", "sec": "seção", "tab": "tabela",
        }),
        after_number={"hab": "habitantes", "min": "minutos", "seg": "segundos", "ed": "edição", "págs": "páginas"},
        unpointed={"Sr.ª": "senhora", "Srª": "senhora", "sr.ª": "senhora", "Dr.ª": "doutora", "Drª": "doutora",
                   "Prof.ª": "professora", "Profª": "professora", "Eng.ª": "engenheira", "D.ª": "dona", "Dª": "dona",
                   "Sr": "senhor", "Sra": "senhora", "Dr": "doutor", "Dra": "doutora"},
        numbers=_capitalised({"n.º": "número", "nº": "número", "n°": "número", "n.°": "número"}),
        literals=_LITERALS | {"C++": "C mais mais", ".NET": "ponto net", "P&D": "P e D",
                              "km/h": "quilômetros por hora"},
        point="ponto", version="versão", letters=_LETTERS + "EUA ONG OMS USP",
        months=short_months("pt", "jan fev mar abr mai jun jul ago set out nov dez"),
        days=dict(seg="segunda", ter="terça", qua="quarta", qui="quinta", sex="sexta", sáb="sábado", dom="domingo"),
    ),
}  # fmt: skip
# Saints after "S." by the word that it stands for.
SAINTS = {
    "es": {
        "san": "Pedro Pablo Juan Marcos Mateo Lucas José Antonio Francisco Esteban Lorenzo Martín Miguel Nicolás Jorge "
        "Carlos Agustín Andrés Ignacio Isidro Sebastián Fernando Javier",
        "santa": "María Lucía Clara Catalina Teresa Rita Ana Bárbara Mónica",
    },
    "fr": {},
    "it": {
        "san": "Pietro Paolo Giovanni Marco Matteo Luca Giuseppe Francesco Lorenzo Martino Michele Nicola Giorgio "
        "Carlo Giacomo Benedetto Bernardo Gennaro Siro Bartolomeo Filippo Vincenzo Domenico Marino Remo",
        "santo": "Stefano", "sant'": "Antonio Andrea Agostino Ambrogio Angelo Anna Agata Agnese Elena",
        "santa": "Maria Lucia Chiara Caterina Teresa Rita Croce Monica Cecilia Margherita",
    },
    "pt": {
        "são": "Pedro Paulo João Marcos Mateus Lucas José Francisco Lourenço Martinho Miguel Nicolau Jorge Carlos "
        "Bento Bernardo Sebastião Vicente Tomé Luís Gonçalo",
        "santo": "Antônio António André Agostinho Amaro Ângelo Inácio Estêvão",
        "santa": "Maria Luzia Clara Catarina Teresa Rita Ana Bárbara Cruz Mónica Mônica",
    },
}  # fmt: skip
# Clusters that a word of the language can have: at its beginning or after a vowel's own consonant, between two vowels
# before such a beginning, and at its end.
SYLLABLES = {
    "es": ("[bcfgpk][lr]|[dt]r|ch|ll|rr|qu|[a-z]", "[bcdfglmnprstxz]?|[bdlnr]s", "[a-z]?|[lnrb]s"),
    "fr": ("[bcfgpkv][lr]|[dt]r|ch|ph|th|gn|qu|s[cpt]|st?r|[a-z]", "[a-z]?|[a-z]?s|[lmnr][a-z]",
           "[a-z]?|[lmnr][bcdfgkpqtv]s?|[a-z]s|[cs]t|[lrst]{2}"),
    "it": ("[bcfgpkv][lr]|[dt]r|ch|gh|gn|gl|qu|s[bcdfglmnpqrtv][rl]?|[a-z]", "[a-z]?", "[a-z]?"),
    "pt": ("[bcfgpkv][lr]|[dt]r|ch|lh|nh|rr|ss|qu|[a-z]", "[lmnrsxz]?|ns", "[a-z]?|ns"),
}  # fmt: skip
# Ends of file names that are said as words; the others are said by letters.
FILE_WORDS = frozenset(("zip", "doc", "gif", "mov", "tar", "wav", "log", "bat", "ini", "avi", "exe", "java", "toml"))
