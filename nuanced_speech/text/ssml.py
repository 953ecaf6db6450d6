"""SSML (W3C Speech Synthesis Markup Language 1.1) to text with the notation of ``text.notation``."""

import re
from dataclasses import dataclass, replace
from xml.etree import ElementTree

from nuanced_speech.core.errors import UserError
from nuanced_speech.text.notation import PAUSE_LIMIT, checked_speed, duration
from nuanced_speech.text.ssml_values import said_as

_STRENGTHS = {"none": 0.0, "x-weak": 0.1, "weak": 0.2, "medium": 0.4, "strong": 0.8, "x-strong": 1.2}
_RATES = {"x-slow": 0.5, "slow": 0.8, "medium": 1.0, "default": 1.0, "fast": 1.25, "x-fast": 1.6}
_SILENT = frozenset(("metadata", "meta", "lexicon", "desc", "mark"))


@dataclass(frozen=True)
class _State:
    """Where an element stands: the speed and the voice around it, and the language of the text."""

    speed: float
    voice: str | None
    language: str


def from_ssml(text: str, language: str = "en") -> str:
    """The text of a ``<speak>`` document: its breaks, pronunciations, substitutions, voices and rates as notation.

    ``say-as`` becomes what the front end reads so. Elements that are not known are read as their text.

    Args:
        text: the document.
        language: ISO 639-1, of what ``say-as`` says.

    Raises:
        UserError: no well-formed XML, another root than ``speak``, a document type (whose entities could be of any
            length), a pause that is no length of time, a rate that is no number or out of range, or an alphabet other
            than IPA.
    """
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise UserError("ssml: a document type is not read: begin with <speak>")
    try:
        # half a character (a lone surrogate) becomes �
        whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        root = ElementTree.fromstring(whole.strip())
    except ElementTree.ParseError as error:
        line, column = error.position
        raise UserError(f"ssml: the text is no well-formed XML at line {line}, column {column + 1}") from error
    if _name(root) != "speak":
        raise UserError(f"ssml: the outermost element is <{_name(root)}>: it must be <speak>")
    try:
        words = _inside(root, _State(1.0, None, language))
    except RecursionError as error:
        raise UserError("ssml: its elements are nested too deeply: write them one after the other") from error
    return re.sub(r"[^\S\n]+", " ", re.sub(r"\s*\n\s*\n\s*", "\n\n", words)).strip()


def _name(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _inside(element: ElementTree.Element, state: _State) -> str:
    parts = [_flat(element.text)]
    for child in element:
        parts += [_spoken(child, state), _flat(child.tail)]
    return "".join(parts)


def _flat(text: str | None) -> str:
    return re.sub(r"\s+", " ", text or "")


def _spoken(element: ElementTree.Element, state: _State) -> str:
    name = _name(element)
    if name in _SILENT:
        return ""
    if name == "break":
        return f"[pause:{_pause(element):g}s]"
    if name == "phoneme":
        return _phoneme(element)
    if name == "sub":
        return element.get("alias") or _plain(element)
    if name == "say-as":
        kind, form = element.get("interpret-as", ""), element.get("format", "")
        return said_as(_plain(element).strip(), kind, form, state.language)
    if name == "prosody":
        inner = checked_speed(state.speed * _rate(element.get("rate", "")))
        words = _inside(element, replace(state, speed=inner))
        return words if inner == state.speed else f"[speed:{inner:g}]{words}[speed:{state.speed:g}]"
    if name == "voice" and element.get("name"):
        words = _inside(element, replace(state, voice=element.get("name")))
        return f"[voice:{element.get('name')}]{words}[voice{':' + state.voice if state.voice else ''}]"
    words = _inside(element, state)
    if name == "p":
        return f"\n\n{words.strip()}\n\n"
    if name == "s":
        words = words.strip()
        return f" {words}{'' if not words or words[-1] in '.!?…。！？।' else '.'} "
    return words


def _plain(element: ElementTree.Element) -> str:
    return "".join(element.itertext())


def _pause(element: ElementTree.Element) -> float:
    time = element.get("time")
    if time is not None:
        return min(duration(time.lstrip("+")), PAUSE_LIMIT)
    return _STRENGTHS.get(element.get("strength", "medium"), _STRENGTHS["medium"])


def _phoneme(element: ElementTree.Element) -> str:
    alphabet, phonemes = element.get("alphabet", "ipa"), element.get("ph", "")
    if alphabet.lower() != "ipa":
        raise UserError(f"ssml: the alphabet {alphabet!r} of a phoneme is not known: write it in ipa")
    word = re.sub(r"[\[\]]", "", _plain(element)).strip() or "…"
    phonemes = re.sub(r"[()/\[\]]", "", phonemes)
    return f"[{word}](/{phonemes}/)" if phonemes else word


def _rate(text: str) -> float:
    text = text.strip()
    if not text or text in _RATES:
        return _RATES.get(text, 1.0)
    match = re.fullmatch(r"([+-]?)(\d+(?:\.\d+)?)(%?)", text)
    if match is None:
        raise UserError(f"ssml: {text[:20]!r} is no rate: write slow, fast or a percentage")
    number = float(match[2]) / (100 if match[3] else 1)
    return 1 + number if match[1] == "+" else 1 - number if match[1] == "-" else number
