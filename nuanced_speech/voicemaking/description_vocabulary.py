"""Words for voices: parses a description into levels of attributes, by lists of words.

Levels are in standard deviations of Kokoro's voices. ``_PAIRS`` has words about a single attribute; two words that move
it both ways contradict each other. ``MANNERS`` has ways of speaking that change several attributes; their levels add
up, and words about a single attribute take precedence.
"""

import difflib
import re
from dataclasses import dataclass, field

from nuanced_speech.core.errors import UserError

LEVEL = 1.2

# Words for low and for high values, by attribute.
_PAIRS: dict[str, tuple[str, str]] = {
    "sex": (
        "man male men masculine manly gentleman guy bloke lad he him his father dad grandfather grandpa granddad uncle "
        "king prince wizard sir baritone bass tenor boy husband brother monk lord",
        "woman female women feminine womanly lady girl gal she her hers mother mum mom mama grandmother grandma granny "
        "nana aunt queen princess witch madam soprano alto contralto wife sister nun",
    ),
    "age": (
        "young younger youthful teenage teenager teen adolescent girl boy lad child childlike kid juvenile girlish "
        "boyish",
        "old older elderly aged ageing aging ancient senior mature grandmother grandma granny nana grandfather grandpa "
        "granddad wizard witch retired",
    ),
    "pitch": (
        "low lower deep bass baritone contralto low-pitched sonorous booming gravelly",
        "high higher high-pitched squeaky shrill soprano tenor piping child childlike kid girlish boyish boy",
    ),
    "movement": (
        "monotone monotonous flat level robotic robot deadpan expressionless",
        "lively expressive animated melodic melodious sing-song singsong varied dramatic theatrical lilting vivid",
    ),
    "pace": (
        "slow slower slowly unhurried leisurely deliberate measured drawling low-speed ponderous",
        "fast faster quick quickly rapid rapidly hurried hasty brisk briskly speedy breathless rushed swift",
    ),
    "energy": (
        "gentle gently even low-energy subdued restrained tender",
        "energetic energy high-energy powerful strong intense dynamic forceful vigorous punchy emphatic commanding",
    ),
    "brightness": (
        "dark darker dull muffled mellow velvety smoky",
        "bright brighter crisp sharp brilliant sparkling shrill piercing crystalline",
    ),
    "warmth": (
        "thin thinner cold cool tinny nasal icy reedy",
        "warm warmer rich full round rounded resonant velvety creamy full-bodied sonorous",
    ),
    "breathiness": (
        "clear clean clearly firm pressed ringing solid",
        "breathy whispery whisper whispering whispered airy husky hoarse raspy wispy smoky breathless",
    ),
}  # fmt: skip
# Factors of words that mean more or less than one level.
_DEGREES_OF_WORDS = {
    ("sex", "tenor"): 0.6, ("pitch", "tenor"): 0.4, ("sex", "boy"): 0.6, ("sex", "girl"): 1.0, ("pitch", "bass"): 1.6,
    ("pitch", "boy"): 1.6, ("pitch", "child"): 1.6, ("pitch", "kid"): 1.6, ("pitch", "childlike"): 1.6,
    ("age", "child"): 2.0, ("age", "kid"): 2.0, ("age", "boy"): 1.5, ("age", "mature"): 0.5,
    ("age", "elderly"): 1.5, ("age", "ancient"): 2.0, ("age", "old"): 1.2, ("age", "teenage"): 1.2,
    ("pitch", "baritone"): 0.6, ("pitch", "gravelly"): 1.2, ("pitch", "squeaky"): 1.8,
    ("pitch", "shrill"): 1.4, ("pitch", "booming"): 1.4, ("breathiness", "whispery"): 1.8,
    ("breathiness", "whisper"): 2.2, ("breathiness", "whispering"): 2.2, ("breathiness", "whispered"): 2.2,
    ("movement", "robotic"): 1.6, ("movement", "robot"): 1.6, ("movement", "monotone"): 1.4,
    ("movement", "theatrical"): 1.4, ("movement", "dramatic"): 1.4, ("breathiness", "breathless"): 0.8,
}  # fmt: skip

MANNERS: dict[str, dict[str, float]] = {
    "calm calming relaxed relaxing soothing peaceful serene tranquil composed": {
        "pace": -0.8, "movement": -0.5, "energy": -0.5},
    "quiet soft softly soft-spoken hushed": {"energy": -0.6, "breathiness": 0.8, "brightness": -0.5},
    "loud": {"energy": 0.7, "brightness": 0.7, "breathiness": -0.6},
    "cheerful happy joyful merry jolly upbeat sunny playful bubbly": {
        "pitch": 0.6, "movement": 1.0, "pace": 0.4, "brightness": 0.6},
    "excited enthusiastic eager": {"pitch": 0.7, "movement": 1.0, "pace": 0.8, "energy": 0.8},
    "sad melancholic melancholy mournful gloomy sorrowful": {
        "pitch": -0.5, "movement": -0.8, "pace": -0.9, "brightness": -0.6},
    "tired sleepy drowsy weary bored": {"pitch": -0.4, "movement": -0.9, "pace": -0.9, "energy": -0.6},
    "angry furious stern harsh": {"energy": 1.0, "brightness": 0.8, "breathiness": -0.6},
    "nervous anxious shy timid": {"pitch": 0.5, "pace": 0.6, "breathiness": 0.5, "warmth": -0.3},
    "confident assertive self-assured": {"pitch": -0.3, "energy": 0.6, "breathiness": -0.6},
    "authoritative serious grave solemn dignified formal": {"pitch": -0.7, "movement": -0.4, "pace": -0.5},
    "friendly kind kindly caring pleasant sweet": {"movement": 0.5, "warmth": 0.7, "pitch": 0.2},
    "storyteller storytelling narrator narrating audiobook bedtime": {"pace": -0.5, "movement": 0.6, "warmth": 0.5},
    "newsreader newscaster announcer broadcaster radio presenter anchor": {
        "pace": 0.4, "breathiness": -0.8, "energy": 0.4},
    "teacher professor lecturer professional businesslike documentary": {"pace": -0.3, "breathiness": -0.6},
    "sultry sexy seductive sensual intimate": {"pitch": -0.7, "pace": -0.5, "breathiness": 1.0, "warmth": 0.4},
    "gruff rough growly grumpy": {"pitch": -0.9, "brightness": -0.4, "breathiness": 0.7},
    "santa hero giant": {"pitch": -1.2, "energy": 0.6, "warmth": 0.6},
    "fairy elf cartoon": {"pitch": 1.2, "movement": 1.0, "brightness": 0.6},
}  # fmt: skip

# First letter of the stock voices of an accent, by words for the accent.
ACCENTS = {
    "american usa yankee": "a",
    "british uk english london oxford bbc": "b",
    "spanish": "e",
    "french": "f",
    "indian hindi": "h",
    "italian": "i",
    "japanese": "j",
    "brazilian portuguese": "p",
    "chinese mandarin": "z",
}
ACCENT_NAMES = {
    "a": "American", "b": "British", "e": "Spanish", "f": "French", "h": "Hindi", "i": "Italian", "j": "Japanese",
    "p": "Brazilian", "z": "Mandarin",
}  # fmt: skip

DEGREES = {
    "very": 1.7, "extremely": 2.2, "really": 1.7, "super": 1.9, "so": 1.5, "too": 1.5, "highly": 1.7, "deeply": 1.7,
    "incredibly": 2.0, "unusually": 1.7, "much": 1.3, "more": 1.3, "quite": 1.0, "rather": 0.9, "fairly": 0.8,
    "pretty": 1.0, "moderately": 0.7, "slightly": 0.5, "somewhat": 0.5, "mildly": 0.5, "bit": 0.5, "little": 0.5,
    "touch": 0.5, "less": -0.5,
}  # fmt: skip
NEGATIONS = {"not", "no", "never", "without", "hardly", "isn't", "doesn't", "non", "nor", "neither"}
# Factor of a negated word: "not deep" is a little high.
NEGATED = -0.5
_SILENT = """
a an the and or but with of in on for from to at as is are be has have having that this who whose which it its like
voice voices speaker speech speak speaks speaking spoken talk talks talking tone sound sounds sounding person someone
somebody people adult human accent accented pitch pitched kind sort manner way style quality character reading reads
read telling tells please i want would should than one yet still also just almost always slight timbre delivery
english-speaking years year native middle
"""
SILENT = set(_SILENT.split())
_PHRASES = {
    r"middle[- ]aged": "mature", r"sing[- ]song": "sing-song", r"soft[- ]spoken": "soft-spoken",
    r"self[- ]assured": "self-assured", r"low[- ]pitch(ed)?": "low-pitched", r"high[- ]pitch(ed)?": "high-pitched",
    r"low[- ]energy": "low-energy", r"(high[- ]|full of )energy": "high-energy", r"full[- ]bodied": "full-bodied",
    r"story[- ]tell(er|ing)": "storyteller", r"news[- ]?(reader|caster)": "newsreader", r"\bkind of\b": "slightly",
    r"\bsort of\b": "slightly", r"audio[- ]book": "audiobook", r"well[- ]rounded": "rounded", r"grand[- ]ma": "grandma",
    r"\b(united kingdom|great britain|england)\b": "british", r"\b(united states|america)\b": "american",
    r"little (girl|boy)": r"child \1", r"(?<!a )\blittle energy\b": "not energetic",
    r"\b(american|british|indian) english\b": r"\1",
}  # fmt: skip


def _direct() -> dict[str, dict[str, float]]:
    words: dict[str, dict[str, float]] = {}
    for attribute, sides in _PAIRS.items():
        for sign, side in zip((-1, 1), sides, strict=True):
            for word in side.split():
                level = LEVEL * _DEGREES_OF_WORDS.get((attribute, word), 1.0)
                words.setdefault(word, {})[attribute] = sign * level
    return words


DIRECT = _direct()
_MANNERS = {word: levels for words, levels in MANNERS.items() for word in words.split()}
_ACCENTS = {word: letter for words, letter in ACCENTS.items() for word in words.split()}


@dataclass(frozen=True)
class VoiceRequest:
    """The content of a description.

    Attributes:
        levels: requested level by attribute, in standard deviations of the stock voices from their mean. The sign of
            ``sex`` gives the sex.
        accent: first letter of the stock voices with the requested accent, or None.
        unknown: words that were not understood.
    """

    levels: dict[str, float] = field(default_factory=dict)
    accent: str | None = None
    unknown: tuple[str, ...] = ()

    @property
    def sex(self) -> str | None:
        """``f``, ``m``, or None where the description leaves it open."""
        level = self.levels.get("sex")
        return None if level is None else "f" if level > 0 else "m"


def parse_description(description: str) -> VoiceRequest:
    """The request that a description in English expresses.

    Raises:
        UserError: no word was understood, or two words contradict each other.
    """
    reader = _Reader()
    for token in _tokens(description):
        reader.read(token)
    accent = reader.accent()
    request = VoiceRequest(reader.levels(), accent, tuple(reader.unknown))
    if not request.levels and request.accent is None:
        raise UserError(f"nothing understood in {description.strip()[:60]!r}; {known_words()}")
    return request


class _Reader:
    """Reads a description token by token; degrees and negations apply to the next word that is understood."""

    def __init__(self) -> None:
        self.words: dict[str, dict[str, float]] = {}
        """Level of each word, by attribute."""
        self.manner: dict[str, float] = {}
        self.accents: dict[str, str] = {}
        self.unknown: list[str] = []
        self._reset()

    def read(self, token: str) -> None:
        if not token[0].isalnum():
            self._reset()
        elif token in NEGATIONS or token.endswith("n't"):
            self.negated = True
        elif token in DEGREES:
            self.degree = DEGREES[token]
        # small words may stand between ("not a deep voice"), except "manner", which could be read as "man"
        elif token not in SILENT or token in _MANNERS:
            word = _entry(token)
            if word is None:
                # degree and negation are kept for the next word: "not a particularly deep voice"
                self.unknown.append(token)
            else:
                self._add(word, token)
                self._reset()

    def accent(self) -> str | None:
        if len(self.accents) > 1:
            one, other = list(self.accents.values())[:2]
            raise UserError(f"{one!r} and {other!r} contradict each other: a voice has one accent; leave one out")
        return next(iter(self.accents), None)

    def levels(self) -> dict[str, float]:
        levels: dict[str, float] = {}
        for attribute, words in self.words.items():
            low = next((word for word, level in words.items() if level < 0), None)
            high = next((word for word, level in words.items() if level > 0), None)
            if low and high:
                raise UserError(f"{low!r} and {high!r} contradict each other in {attribute}: leave one out")
            levels[attribute] = max(words.values(), key=abs)
        for attribute, level in self.manner.items():
            levels.setdefault(attribute, level)
        return levels

    def _add(self, word: str, token: str) -> None:
        if word in _ACCENTS:
            if self.negated:
                self.unknown.append(f"not {token}")
            else:
                self.accents.setdefault(_ACCENTS[word], token)
            return
        factor = NEGATED if self.negated else self.degree
        as_written = f"not {token}" if self.negated else token
        for attribute, level in DIRECT.get(word, {}).items():
            self.words.setdefault(attribute, {})[as_written] = level * factor
        for attribute, level in _MANNERS.get(word, {}).items():
            self.manner[attribute] = self.manner.get(attribute, 0.0) + level * factor

    def _reset(self) -> None:
        self.degree, self.negated = 1.0, False


def known_words() -> str:
    """A line that lists the words that are understood."""
    some = {name: f"{name} ({low.split()[0]}, {high.split()[0]})" for name, (low, high) in _PAIRS.items()}
    manners = ", ".join(words.split()[0] for words in MANNERS)
    accents = ", ".join(name for name in ACCENT_NAMES.values())
    return (
        f"words for {', '.join(some.values())}, manners ({manners}) and accents ({accents}) are, with very, a bit, not"
    )


def suggestion(word: str) -> str | None:
    """A word that is understood and is spelled like this one, or None."""
    near = difflib.get_close_matches(word, [*DIRECT, *_MANNERS, *_ACCENTS], 1, 0.75)
    return near[0] if near else None


def _tokens(description: str) -> list[str]:
    text = description.lower().replace("’", "'")
    for pattern, word in _PHRASES.items():
        text = re.sub(pattern, word, text)
    return re.findall(r"[^\W_]+(?:['-][^\W_]+)*|[,;.:!?/]", text)


def _entry(token: str) -> str | None:
    """The entry of a word or of its stem (slowly, deeper, lowest, warmish, storytellers), or None."""
    stems = [token]
    for suffix in ("ly", "er", "est", "ish", "s", "'s", "r", "st"):
        if token.endswith(suffix) and len(token) > len(suffix) + 2:
            stem = token[: -len(suffix)]
            stems += [stem, stem + "e"]
            if stem[-1] == stem[-2]:
                stems.append(stem[:-1])
            if stem.endswith("i"):
                stems.append(stem[:-1] + "y")
    stems += token.split("-") if "-" in token else []
    return next((stem for stem in stems if stem in DIRECT or stem in _MANNERS or stem in _ACCENTS), None)
