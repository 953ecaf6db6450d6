"""Tables of the English readings."""

from nuanced_speech.text import months


def words(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


# Written names that are no words.
LITERALS = {
    "WW1": "World War one", "WWI": "World War one", "WW2": "World War two", "WWII": "World War two",
    "C#": "C sharp", "F#": "F sharp", "C++": "C plus plus", ".NET": "dot net", "ASP.NET": "A S P dot net",
    "VB.NET": "V B dot net", "node.js": "node J S", "Node.js": "Node J S", "Vue.js": "View J S", "Next.js": "Next J S",
    "React.js": "React J S", "AC/DC": "AC DC", "TCP/IP": "TCP IP", "I/O": "I O", "A/C": "A C", "N/A": "N A",
    "n/a": "N A", "y/y": "year on year", "q/q": "quarter on quarter",
    "w/o": "without", "w/": "with", "b/c": "because", "24/7": "twenty four seven", "24-7": "twenty four seven",
    "9/11": "nine eleven",
    "50/50": "fifty fifty", "20/20": "twenty twenty", "and/or": "and or", "R&B": "R and B", "R&D": "R and D",
    "Q&A": "Q and A", "AT&T": "A T and T", "B&B": "B and B", "M&M": "M and M", "PhD": "P H D", "007": "double oh seven",
    "a.k.a.": "also known as", "A.K.A.": "also known as", "i.e.": "that is", "e.g.": "for example",
    "km/h": "kilometers per hour", "kph": "kilometers per hour", "m/s": "meters per second", "km/s":
    "kilometers per second", "mph": "miles per hour", "±": " plus or minus ", "'n'": "and", "+/-": " plus or minus ",
    "<=": " at most ",
    ">=": " at least ", "!=": " is not ", "->": " to ", "=>": " to ", "<3": " love ", "×": " times ",
    "÷": " divided by ",
    "≤": " is at most ", "≥": " is at least ", "≠": " is not equal to ", "≈": " is about ", "∞": " infinity ",
    "√": " the square root of ", "→": " to ", "←": " from ", "™": "", "®": "", "©": " copyright ", "•": " ", "·": " ",
    "…": "...", "℃": "°C", "℉": "°F", "№": "No. ", "‰": " per mille ", "¢": " cents", "∑": " the sum of ", "∈": " in ",
    "∅": " the empty set ",
}  # fmt: skip

# Abbreviations with a full stop, and those that are one only before a name or a number.
ABBREVIATIONS = {
    "Prof": "Professor", "Sgt": "Sergeant", "Cpl": "Corporal",
    "Pvt": "Private", "Capt": "Captain", "Cmdr": "Commander", "Maj": "Major", "Messrs": "Messieurs", "Jr": "Junior",
    "Sr": "Senior", "Hon": "Honorable", "Inc": "Incorporated", "Ltd": "Limited", "Corp": "Corporation",
    "Bros": "Brothers", "Assn": "Association", "Dept": "Department", "Univ": "University", "approx": "approximately",
    "dept": "department", "est": "established", "vs": "versus", "Ca": "circa", "reg": "regular", "avg": "average",
    "incl": "including",
    "excl": "excluding", "misc": "miscellaneous", "cf": "compare", "viz": "namely", "Blvd": "Boulevard",
    "Ave": "Avenue", "Rd": "Road", "Hwy": "Highway", "Mt": "Mount", "Ft": "Fort", "Ph.D": "P H D", "M.D": "M D",
    "B.A": "B A", "M.A": "M A", "B.Sc": "B S C", "M.Sc": "M S C", "etc": "et cetera", "et al": "and others",
    **months.short_months("en", "Jan Feb - Apr - - - Aug Sept,Sep Oct Nov Dec"),
    "Tues": "Tuesday", "Tue": "Tuesday", "Thurs": "Thursday", "Thur": "Thursday",
    "Thu": "Thursday", "Mon": "Monday", "Fri": "Friday",
}  # fmt: skip
# Days that are one before a date, a time or another day; "Wed", "Sat" and "Sun" are words too.
DAYS = {
    "Mon": "Monday", "Tue": "Tuesday", "Tues": "Tuesday", "Wed": "Wednesday", "Weds": "Wednesday", "Thu": "Thursday",
    "Thur": "Thursday", "Thurs": "Thursday", "Fri": "Friday", "Sat": "Saturday", "Sun": "Sunday",
}  # fmt: skip
MONTHS = months.MONTHS["en"]
BEFORE_NAME = {
    "St": "Saint", "Dr": "Doctor", "Gen": "General", "Col": "Colonel", "Lt": "Lieutenant", "Sen": "Senator",
    "Rep": "Representative", "Gov": "Governor", "Pres": "President", "Rev": "Reverend", "Adm": "Admiral",
    "Fr": "Father",
    "Br": "Brother", "Supt": "Superintendent", "Sec": "Secretary", "Amb": "Ambassador",
}  # fmt: skip
BEFORE_NUMBER = {
    "No": "number", "no": "number", "Nos": "numbers", "nos": "numbers", "p": "page", "pp": "pages", "pg": "page",
    "vol": "volume", "Vol": "Volume", "vols": "volumes", "ch": "chapter", "Ch": "Chapter", "chap": "chapter",
    "fig": "figure", "Fig": "Figure", "figs": "figures", "Figs": "Figures", "eq": "equation", "Eq": "Equation",
    "sec": "section", "Sec": "Section", "art": "article", "Art": "Article", "ed": "edition", "col": "column",
    "l": "line", "ll": "lines", "v": "verse", "vv": "verses", "ca": "circa", "c": "circa", "Mar": "March",
    "Jun": "June",
    "Jul": "July", "tel": "telephone", "Tel": "Telephone", "ext": "extension", "Ext": "Extension", "op": "opus",
    "Op": "Opus", "app": "appendix", "App": "Appendix", "para": "paragraph", "Apt": "Apartment", "apt": "apartment",
    "Rm": "Room", "rm": "room", "Ste": "Suite", "Bldg": "Building", "max": "maximum", "Max": "Maximum",
    "min": "minimum", "Min": "Minimum",
}  # fmt: skip
AFTER_NUMBER = {
    "ft": "feet", "in": "inches", "lb": "pounds", "lbs": "pounds", "oz": "ounces", "yd": "yards", "yds": "yards",
    "mi": "miles", "tbsp": "tablespoons", "tsp": "teaspoons", "hr": "hours", "hrs": "hours", "min": "minutes",
    "mins": "minutes", "sec": "seconds",
    "secs": "seconds", "gal": "gallons", "pt": "pints", "qt": "quarts", "ed": "edition",
}  # fmt: skip
# Short before a word in small letters.
BEFORE_SMALL = {
    "min": "minimum", "max": "maximum", "Min": "Minimum", "Max": "Maximum", "temp": "temperature",
    "Temp": "Temperature",
}  # fmt: skip
TIMES = {"yr": "year", "mo": "month", "hr": "hour", "wk": "week"}
PLURALS = {"hrs": "hours", "mins": "minutes", "secs": "seconds", "yrs": "years"}
SYMBOLS = {"L": "liters", "W": "watts", "GB": "gigabytes", "MB": "megabytes", "TB": "terabytes"}
STREETS = {"St": "Street", "Dr": "Drive"}

# Words in which a change of case is no border of words.
CAMEL_NAMES = frozenset((
    "YouTube", "LinkedIn", "PayPal", "MacBook", "LaTeX", "JavaScript", "TypeScript", "GitHub", "GitLab", "WhatsApp",
    "FedEx", "PlayStation", "OpenAI", "DeepMind", "PowerPoint", "WordPress", "HarperCollins", "BioNTech", "SpaceX",
    "TikTok", "SoundCloud", "AirPods", "FaceTime", "iPhone", "iPad", "iPod", "iMac", "iCloud", "iTunes", "iOS", "macOS",
    "eBay", "eBook", "eBooks", "MySQL", "PostgreSQL", "NumPy", "SciPy", "PyTorch", "TensorFlow", "DevOps", "McDonald",
))  # fmt: skip
EXTENSIONS = {
    "pdf": "P D F", "txt": "T X T", "doc": "doc", "docx": "doc X", "xls": "X L S", "xlsx": "X L S X", "ppt": "P P T",
    "pptx": "P P T X", "csv": "C S V", "tsv": "T S V", "json": "jason", "xml": "X M L", "html": "H T M L",
    "htm": "H T M",
    "css": "C S S", "js": "J S", "ts": "T S", "py": "pie", "rb": "R B", "rs": "R S", "cpp": "C P P", "sh": "S H",
    "jpg": "jay peg", "jpeg": "jay peg", "png": "P N G", "gif": "gif", "svg": "S V G", "bmp": "B M P",
    "mp3": "M P three",
    "mp4": "M P four", "wav": "wave", "flac": "flack", "ogg": "ogg", "avi": "A V I", "mov": "M O V", "mkv": "M K V",
    "zip": "zip", "gz": "G Z", "tar": "tar", "exe": "E X E", "dll": "D L L", "ini": "I N I", "yaml": "yamel",
    "yml": "yamel", "toml": "tommel", "md": "M D", "log": "log", "bat": "bat", "epub": "E pub", "java": "java",
}  # fmt: skip
# Acronyms, said letter by letter, that are words in small letters.
ACRONYMS = words(
    "US IT WHO AM PM ID SAT ACT LED PET ICE ERA CIS IRA MIT PA MA ME OR IN HI OH LA AL AD BC CE DO MD PC TV "
    "CD DVD EU UN "
    "UK USA FBI CIA NBA NFL BBC CNN ABC NBC AI IQ UV IV ER CEO CFO CTO COO GDP HIV DNA RNA MRI CAT EEG ECG "
    "HTML CSS SQL "
    "API URL USB CPU GPU ATM RIP FAQ DIY VIP PR HR TA RA GPS PS PIE CAP MAD CAR DOE DOT FED SEC FAA FCC EPA"
)
# Words that scores stand beside, and words before and after a range.
SCORES = (
    "ended|won|win|wins|lost|lose|loses|beat|beats|beaten|defeated|score|scored|drew|draw|lead|led|leading|"
    "trailed|tied|victory|defeat|final|ahead|by"
)
RANGES = (
    "pages?|pp|years?|ages?|aged|between|verses?|chapters?|lines?|items?|questions?|figures?|tables?|"
    "sections?|rows?|steps?|days?|weeks?|grades?|levels?|rooms?"
)
COUNTED = (
    "days?|years?|months?|weeks?|hours?|minutes?|seconds?|people|times|percent|per cent|%|miles?|meters?|"
    "metres?|pages?|points?|degrees?|dollars?|euros?|pounds?|players?|students?|children|items?|°"
)
# What is counted by the million, so that "10m" before it is no length.
MILLIONS = (
    "people|users|followers|viewers|readers|listeners|subscribers|customers|visitors|views|downloads|copies|jobs|"
    "households|children|voters|players|patients|tourists|passengers|shares|tonnes|barrels|dollars|euros|pounds"
)
CURRENCY_WORDS = {"$": "dollars", "€": "euros", "£": "pounds"}
CURRENCIES = {"USD": "$", "EUR": "€", "GBP": "£"}
