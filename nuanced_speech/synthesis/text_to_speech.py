"""Text to speech of any length with any voice, and when each word is said.

text → sentences → words with phonemes → utterances that Kokoro speaks in one go → sentences again, between pauses

Kokoro gives silence of its own before and after an utterance, and between its sentences. All of it is cut away and
replaced by pauses that depend on what stands in the text, so that a join inside an utterance and one between two
sounds the same. Everything is counted in Kokoro's units of 25 ms.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import groupby, pairwise
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from nuanced_speech.audio.fades import fade_ends
from nuanced_speech.audio.level import active_level_db
from nuanced_speech.core import memory, precision
from nuanced_speech.core.constants import MAX_PHONEMES, SAMPLE_RATE, SAMPLES_PER_UNIT, TIMBRE_DIM
from nuanced_speech.core.errors import UserError
from nuanced_speech.models.kokoro import Kokoro, spread
from nuanced_speech.text.pronunciation import Word, pronounce
from nuanced_speech.text.sentences import sentences
from nuanced_speech.text.symbols import vocabulary
from nuanced_speech.voice.stock import VOICE_LANGUAGES, iso_639, style_of
from nuanced_speech.voice.voice import Voice

SHORT_NAMES = {"en": "en-us", "pt": "pt-br"}
SPEED_LIMITS = (0.5, 2.0)
PAUSE_LIMIT = 10.0
DEFAULT_PAUSE = 0.4
# Pauses in shares of the one between sentences.
PAUSES = {"part": 0.3, "sentence": 1.0, "line": 1.2, "paragraph": 2.0}
# Kokoro hurries through texts that are much longer, and a short one is spoken otherwise than it would be among others.
UTTERANCE = 250
LONGEST = 400
# Kokoro's durations lag so many units behind what is heard: best agreement of the phonemes' voicing with that of the
# predicted F0 (five voices, twelve sentences each); the kokoro package assumes the same.
LAG = 3
QUIET_DB = 40.0
# Kept of the silence around a sentence, and faded.
MARGIN_UNITS = 2
FADE = 240
# Of the active level, where one run of Kokoro follows another: what is heard as the same loudness.
LARGEST_STEP_DB = 0.9
# No run is made louder or quieter by more: one in which next to nothing is heard says nothing of the others.
LARGEST_GAIN_DB = 6.0
SECONDS_PER_UNIT = SAMPLES_PER_UNIT / SAMPLE_RATE


@dataclass(frozen=True)
class Timed:
    """Words and when they are said, in seconds from the beginning."""

    text: str
    start: float
    end: float


@dataclass(frozen=True)
class Spoken:
    """A sentence, or a part of a long one.

    Attributes:
        audio: ``[T]`` at 24 kHz, the pause before the sentence included; the next one's audio follows without a gap.
        sentence: number of the sentence in the text.
        words: with their times from the beginning of the whole text.
        share: how much of the text is spoken now, 0 to 1.
        utterance: number of the run of Kokoro that it came from.
    """

    audio: np.ndarray
    sentence: int
    words: list[Timed]
    share: float
    utterance: int


@dataclass(frozen=True)
class _Part:
    """Words between two pauses; ``end`` is that of ``sentences.Sentence``, ``share`` that of ``Spoken``."""

    words: list[Word]
    sentence: int
    end: str
    share: float

    @property
    def phonemes(self) -> str:
        return "".join(word.phonemes for word in self.words)


def speak(
    text: str,
    voice: str | Path | Voice = "af_heart",
    language: str | None = None,
    speed: float = 1.0,
    pause: float = DEFAULT_PAUSE,
    seed: int = 0,
    device: str = "cpu",
    fast: bool = False,
    kokoro: Kokoro | None = None,
) -> np.ndarray:
    """Text to speech ``[T]`` at 24 kHz; ``stream`` explains the arguments and errors."""
    return np.concatenate([s.audio for s in stream(text, voice, language, speed, pause, seed, device, fast, kokoro)])


def stream(
    text: str,
    voice: str | Path | Voice = "af_heart",
    language: str | None = None,
    speed: float = 1.0,
    pause: float = DEFAULT_PAUSE,
    seed: int = 0,
    device: str = "cpu",
    fast: bool = False,
    kokoro: Kokoro | None = None,
) -> Iterator[Spoken]:
    """Text to speech, sentence by sentence, as soon as each is there; memory does not grow with the text.

    Args:
        text: any length. ``[word](/ipa/)`` gives a pronunciation; emoji are not spoken.
        voice: a voice, or whatever ``Voice.load`` takes.
        language: one of ``style.voices.VOICE_LANGUAGES``; the voice's when None.
        speed: 0.5 to 2.
        pause: seconds between sentences; others are shares of it.
        seed: of the synthesizer's noise.
        device: where Kokoro runs, if it is not given.
        fast: decode in bfloat16 where the processor computes that faster (about 1.5 times); elsewhere no difference.
        kokoro: a synthesizer that is loaded already.

    Raises:
        UserError: before anything is spoken: an unknown voice or language, a speed or pause out of range, a text
            without anything to speak.
    """
    if not SPEED_LIMITS[0] <= speed <= SPEED_LIMITS[1]:
        raise UserError(f"a speed of {speed:g} is not possible: give {SPEED_LIMITS[0]} to {SPEED_LIMITS[1]:g}")
    if not 0 <= pause <= PAUSE_LIMIT:
        raise UserError(f"a pause of {pause:g} is not possible: give 0 to {PAUSE_LIMIT:g} seconds")
    chosen = Voice.load(voice)
    code = language_of(chosen, language)
    parts = _parts(text, iso_639(code), code == "en-gb")
    try:
        first = next(parts)
    except StopIteration:
        raise UserError(f"nothing speakable in the text {text.strip()[:60]!r}: give at least one word") from None
    synthesizer = kokoro or kokoro_on(device)
    if fast and precision.fast_dtype(synthesizer.device) == torch.float32:
        precision.say_no_faster()
    return _stream(first, parts, synthesizer, chosen.pack.to(synthesizer.device), speed, pause, seed, fast)


def language_of(voice: Voice, language: str | None = None) -> str:
    """The language to speak: the one given, else the voice's, else American English.

    Whether a voice's English is British, a stock voice in its name or recipe says.

    Raises:
        UserError: an unknown one.
    """
    if language is None and voice.provenance.language in ("", "en"):
        stock = re.search(r"\b([abefhijpz])[fm]_[a-z]", f"{voice.name} {voice.provenance.recipe}")
        if stock and (stock[1] in "ab" or not voice.provenance.language):
            return VOICE_LANGUAGES[stock[1]]
    code = (language or voice.provenance.language).lower().replace("_", "-")
    code = SHORT_NAMES.get(code, code)
    if code in VOICE_LANGUAGES.values():
        return code
    if language is None:
        return "en-us"
    raise UserError(f"unknown language {language!r}: choose from {', '.join(VOICE_LANGUAGES.values())}")


@lru_cache(maxsize=1)
def kokoro_on(device: str) -> Kokoro:
    """The synthesizer, loaded once."""
    return Kokoro().to(device)


def _parts(text: str, language: str, british: bool) -> Iterator[_Part]:
    """The sentences' words, long ones in parts; words without a phoneme of Kokoro's are joined to the one before."""
    known, number, read = vocabulary(), 0, 0
    total = sum(len(c) > 0 and not c.isspace() for c in text)
    for sentence in sentences(text):
        words: list[Word] = []
        for word in pronounce(sentence.text, language, british):
            phonemes = "".join(p for p in word.phonemes if p in known)
            if words and not any(p.isalpha() for p in phonemes):
                last = words.pop()
                gap = " " if last.phonemes.endswith(" ") and language not in ("ja", "zh") else ""
                words.append(Word(last.text + gap + word.text, last.phonemes + phonemes))
            elif any(p.isalpha() for p in phonemes):
                words.append(Word(word.text, phonemes))
        read += sum(not c.isspace() for c in sentence.text)
        chunks = list(_chunks(words))
        for chunk in chunks:
            end = sentence.end if chunk is chunks[-1] else "part"
            yield _Part(chunk, number, end, min(read / total, 1.0))
        number += sentence.end != "part"


def _chunks(words: list[Word]) -> Iterator[list[Word]]:
    """Words in lists that Kokoro can speak, cut after a mark where that leaves both sides some length."""
    words = [part for word in words for part in _cut_word(word)]
    while sum(len(word.phonemes) for word in words) > LONGEST:
        lengths = np.cumsum([len(word.phonemes) for word in words])
        fits = int(np.searchsorted(lengths, LONGEST, side="right"))
        marks = [k for k in range(1, fits + 1) if words[k - 1].phonemes.rstrip()[-1:] in ",;:—…"]
        at = next((k for k in reversed(marks) if lengths[k - 1] > LONGEST / 4), fits)
        yield words[:at]
        words = words[at:]
    if words:
        yield words


def _cut_word(word: Word) -> list[Word]:
    """A word that would fill an utterance on its own, in parts that fit; the text goes with the first."""
    pieces = [word.phonemes[k : k + LONGEST] for k in range(0, len(word.phonemes), LONGEST)]
    pieces = [piece for piece in pieces if any(p.isalpha() for p in piece)]
    return [Word(word.text if k == 0 else "", piece) for k, piece in enumerate(pieces)]


def _utterances(first: _Part, rest: Iterator[_Part]) -> Iterator[list[_Part]]:
    """Sentences of a paragraph together up to ``UTTERANCE`` phonemes; the first of all alone, so that it comes soon."""
    group = [first]
    for part in rest:
        room = UTTERANCE - len(part.phonemes) - sum(len(p.phonemes) + 1 for p in group)
        if group[-1].end != "sentence" or group[0] is first or room < 0:
            yield group
            group = []
        group.append(part)
    yield group


@torch.no_grad()
def _stream(
    first: _Part,
    rest: Iterator[_Part],
    kokoro: Kokoro,
    pack: Tensor,
    speed: float,
    pause: float,
    seed: int,
    fast: bool,
) -> Iterator[Spoken]:
    now, before = 0, 0
    level: float | None = None
    for number, group in enumerate(_utterances(first, rest)):
        parts = list(_utter(kokoro, group, pack, speed, seed, fast))
        memory.give_back()
        gain = np.float32(10 ** (_levelling(level, active_level_db(parts[0][1], SAMPLE_RATE)) / 20))
        level = active_level_db(parts[-1][1] * gain, SAMPLE_RATE)
        for part, wave, words in parts:
            silence = np.zeros(before * SAMPLES_PER_UNIT, np.float32)
            start = now + before
            timed = [
                replace(w, start=(start + w.start) * SECONDS_PER_UNIT, end=(start + w.end) * SECONDS_PER_UNIT)
                for w in words
            ]
            yield Spoken(np.concatenate([silence, wave * gain]), part.sentence, timed, part.share, number)
            now = start + len(wave) // SAMPLES_PER_UNIT
            before = round(pause * PAUSES[part.end] / SECONDS_PER_UNIT)


def _levelling(before: float | None, after: float) -> float:
    """The smallest gain, in dB, with which a run of active level ``after`` follows one that ended at ``before``."""
    if before is None:
        return 0.0
    step = after - before
    gain = np.clip(step, -LARGEST_STEP_DB, LARGEST_STEP_DB) - step
    return float(np.clip(gain, -LARGEST_GAIN_DB, LARGEST_GAIN_DB))


def _utter(
    kokoro: Kokoro, group: list[_Part], pack: Tensor, speed: float, seed: int, fast: bool
) -> Iterator[tuple[_Part, np.ndarray, list[Timed]]]:
    """Parts spoken in one go, each cut out again, with its words' times in units from its own beginning."""
    phonemes = _strings(group)
    if sum(map(len, phonemes)) > MAX_PHONEMES:
        raise AssertionError("an utterance is longer than Kokoro's context")
    ids = kokoro.tokens("".join(phonemes))[None]
    style = style_of(pack, ids.shape[1] - 2)[None]
    encoded = kokoro.encode_text(ids)
    prosody = kokoro.predict(encoded, style, speed=speed)
    content = spread(encoded.content, prosody.durations)
    with precision.autocast(kokoro.device, None if fast else torch.float32):
        audio = kokoro.decode(content, prosody.f0, prosody.energy, style[:, :TIMBRE_DIM], seed=seed)
    wave = audio[0].float().cpu().numpy()
    ends = np.maximum(np.cumsum(prosody.durations[0].cpu().numpy()) - LAG, 0)
    loud = _loud(wave)
    edges, position = [], 1
    for string in phonemes:
        said = [k for k, p in enumerate(string) if p.isalpha()]
        edges.append((int(ends[position + said[0] - 1]), int(ends[position + said[-1]])))
        position += len(string)
    # spaces and marks between two words are shared between them; what of it is silent is in neither
    between = [(before[1] + after[0]) // 2 for before, after in pairwise(edges)]
    bounds = pairwise([edges[0][0], *between, edges[-1][1]])
    spans = [_tight(loud, start, end) for start, end in bounds]
    cuts = [0, *_cuts(group, spans, loud), len(loud)]
    done = 0
    for part, begin, end in zip(group, cuts, cuts[1:], strict=False):
        own = spans[done : done + len(part.words)]
        heard = np.flatnonzero(loud[begin:end])
        start = begin + max(int(heard[0]) - MARGIN_UNITS, 0) if len(heard) else begin
        stop = begin + min(int(heard[-1]) + 1 + MARGIN_UNITS, end - begin) if len(heard) else end
        timed = [
            Timed(w.text, max(a, start) - start, min(b, stop) - start)
            for w, (a, b) in zip(part.words, own, strict=True)
        ]
        yield part, _faded(wave[start * SAMPLES_PER_UNIT : stop * SAMPLES_PER_UNIT]), timed
        done += len(part.words)


def _strings(group: list[_Part]) -> list[str]:
    """Phonemes of every word of some parts; a space only where the words have one, and between the parts."""
    words = [w.phonemes.rstrip() + " " if w is part.words[-1] else w.phonemes for part in group for w in part.words]
    return [*words[:-1], words[-1].rstrip()]


def _loud(wave: np.ndarray) -> np.ndarray:
    """Whether something is heard in each unit: at most 40 dB below the level of the speech."""
    power = np.square(wave.reshape(-1, SAMPLES_PER_UNIT)).mean(1)
    return power > 10 ** ((active_level_db(wave, SAMPLE_RATE) - QUIET_DB) / 10)


def _tight(loud: np.ndarray, start: int, end: int) -> tuple[int, int]:
    """A word's span ``[start, end)`` without the silence at its ends, at least one unit long."""
    end = min(max(end, start + 1), len(loud))
    start = min(start, end - 1)
    heard = np.flatnonzero(loud[start:end])
    return (start + int(heard[0]), start + int(heard[-1]) + 1) if len(heard) else (start, start + 1)


def _cuts(group: list[_Part], spans: list[tuple[int, int]], loud: np.ndarray) -> Iterator[int]:
    """Where one part ends and the next begins: the middle of the longest silence near the boundary."""
    last = -1
    for part in group[:-1]:
        last += len(part.words)
        begin, end = (spans[last][0] + spans[last][1]) // 2, (spans[last + 1][0] + spans[last + 1][1] + 1) // 2
        position, best, at = begin, 0, spans[last + 1][0]
        for heard, run in groupby(loud[begin:end]):
            length = len(list(run))
            if not heard and length > best:
                best, at = length, position + length // 2
            position += length
        yield at


def _faded(wave: np.ndarray) -> np.ndarray:
    return fade_ends(wave, min(FADE, len(wave)))
