"""Text to speech of any length with any voice, with the times of all words.

text → sentences → words with phonemes → utterances that Kokoro speaks at once → sentences again, with pauses between

Kokoro adds silence before and after an utterance, and between its sentences. All of this silence is replaced by pauses
that depend on the text, so that joins inside and between utterances sound alike. Times are counted in Kokoro's units of
25 ms.
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

from nuanced_speech.audio.level import active_level_db
from nuanced_speech.core import memory, precision
from nuanced_speech.core.constants import MAX_PHONEMES, SAMPLE_RATE, SAMPLES_PER_UNIT, SECONDS_PER_UNIT, TIMBRE_DIM
from nuanced_speech.core.errors import UserError
from nuanced_speech.models.kokoro import Kokoro, spread
from nuanced_speech.synthesis.delivery import Delivery, FittedDelivery, fit_delivery
from nuanced_speech.synthesis.utterances import Part, phoneme_strings, text_parts, utterances
from nuanced_speech.voice.stock import VOICE_LANGUAGES, iso_639, style_of
from nuanced_speech.voice.voice import Voice

SHORT_NAMES = {"en": "en-us", "pt": "pt-br"}
SPEED_LIMITS = (0.5, 2.0)
PAUSE_LIMIT = 10.0
DEFAULT_PAUSE = 0.4
# Pauses relative to the pause between sentences.
PAUSES = {"part": 0.3, "sentence": 1.0, "line": 1.2, "paragraph": 2.0}
# Units by which Kokoro's durations lag behind its audio: with this value the voicing of the phonemes agrees best with
# the predicted F0 (five voices, twelve sentences each). The kokoro package has the same value.
LAG = 3
# Units that are quieter than the speech by more count as silence.
QUIET_DB = 40.0
# Silence that is kept around a sentence, in units, and the length of the fades, in samples.
MARGIN_UNITS = 2
FADE = 240


@dataclass(frozen=True)
class Levelling:
    """Limits of the gain that brings utterances to one loudness.

    Attributes:
        step_db: largest step of the active level between two utterances; 0.9 dB is not noticed.
        gain_db: largest gain, so that an almost silent utterance does not change its neighbours.
    """

    step_db: float = 0.9
    gain_db: float = 6.0


LEVELLING = Levelling()


@dataclass(frozen=True)
class TimedText:
    """Words and their times in seconds from the beginning of the text."""

    text: str
    start: float
    end: float


@dataclass(frozen=True)
class SpokenSentence:
    """A sentence, or a part of a long one.

    Attributes:
        audio: ``[T]`` at 24 kHz with the pause before the sentence; the next one's audio follows without a gap.
        sentence: number of the sentence in the text.
        words: words with their times from the beginning of the whole text.
        share: share of the text up to the end of this part, 0 to 1.
        utterance: number of the run of Kokoro that made it.
    """

    audio: np.ndarray
    sentence: int
    words: list[TimedText]
    share: float
    utterance: int


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
    levelling: Levelling = LEVELLING,
    delivery: Delivery | None = None,
    speed_limits: tuple[float, float] = SPEED_LIMITS,
) -> Iterator[SpokenSentence]:
    """Text to speech, sentence by sentence, each as soon as it is made. Memory does not grow with the text.

    Args:
        text: text of any length. ``[word](/ipa/)`` gives a pronunciation; emoji are not spoken.
        voice: a voice, or a text or path for ``Voice.load``.
        language: one of ``voice.stock.VOICE_LANGUAGES``; the voice's when None.
        speed: 0.5 to 2.
        pause: seconds between sentences; other pauses are relative to this one.
        seed: random seed of the synthesizer's noise.
        device: device for Kokoro, if none is given.
        fast: decode in bfloat16 where the processor computes that faster (about 1.5 times); elsewhere no difference.
        kokoro: a synthesizer that is loaded already.
        levelling: limits of the gain between utterances.
        delivery: melody, pace, loudness and tone to take on; ``speed`` comes on top of its pace.
        speed_limits: slowest and fastest speed.

    Raises:
        UserError: before anything is spoken: an unknown voice or language, a speed or pause out of range, a text
            without anything to speak.
    """
    if not speed_limits[0] <= speed <= speed_limits[1]:
        raise UserError(f"speed: a speed of {speed:g} is not possible: give {speed_limits[0]} to {speed_limits[1]:g}")
    if not 0 <= pause <= PAUSE_LIMIT:
        raise UserError(f"pause: a pause of {pause:g} is not possible: give 0 to {PAUSE_LIMIT:g} seconds")
    chosen = Voice.load(voice)
    code = language_of(chosen, language)
    parts = text_parts(text, iso_639(code), code == "en-gb")
    try:
        first = next(parts)
    except StopIteration:
        raise UserError(f"nothing speakable in the text {text.strip()[:60]!r}: give at least one word") from None
    synthesizer = kokoro or kokoro_on(device)
    if fast and precision.fast_dtype(synthesizer.device) == torch.float32:
        precision.say_no_faster()
    pack = chosen.pack.to(synthesizer.device)
    fitted = None if delivery is None else fit_delivery(delivery, synthesizer, pack)
    if fitted is not None:
        pack, speed = fitted.pack, speed * fitted.speed
    return _stream(first, parts, synthesizer, pack, speed, pause, seed, fast, levelling, fitted)


def language_of(voice: Voice, language: str | None = None) -> str:
    """The language to speak: the one given, else the voice's, else American English.

    A stock voice in the name or the recipe of a voice tells whether its English is British.

    Raises:
        UserError: an unknown language.
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
    raise UserError(f"language: unknown language {language!r}: choose from {', '.join(VOICE_LANGUAGES.values())}")


@lru_cache(maxsize=1)
def kokoro_on(device: str) -> Kokoro:
    """The synthesizer on a device, loaded once."""
    return Kokoro().to(device)


@torch.no_grad()
def _stream(
    first: Part,
    rest: Iterator[Part],
    kokoro: Kokoro,
    pack: Tensor,
    speed: float,
    pause: float,
    seed: int,
    fast: bool,
    levelling: Levelling,
    delivery: FittedDelivery | None,
) -> Iterator[SpokenSentence]:
    now, before = 0, 0
    level: float | None = None
    for number, group in enumerate(utterances(first, rest)):
        parts = list(_utter(kokoro, group, pack, speed, seed, fast, delivery))
        memory.give_back()
        active_db = active_level_db(parts[0][1], SAMPLE_RATE)
        if level is None and delivery is not None:
            gain = _gain_to(delivery.level_db - active_db, [wave for _, wave, _ in parts])
        else:
            gain = np.float32(10 ** (_gain_db(level, active_db, levelling) / 20))
        level = active_level_db(parts[-1][1] * gain, SAMPLE_RATE)
        for part, wave, words in parts:
            silence = np.zeros(before * SAMPLES_PER_UNIT, np.float32)
            start = now + before
            timed = [
                replace(w, start=(start + w.start) * SECONDS_PER_UNIT, end=(start + w.end) * SECONDS_PER_UNIT)
                for w in words
            ]
            yield SpokenSentence(np.concatenate([silence, wave * gain]), part.sentence, timed, part.share, number)
            now = start + len(wave) // SAMPLES_PER_UNIT
            before = round(pause * PAUSES[part.end] / SECONDS_PER_UNIT)


def _gain_db(before: float | None, after: float, limits: Levelling = LEVELLING) -> float:
    """The smallest gain, in dB, for an utterance of active level ``after`` that follows one of level ``before``."""
    if before is None:
        return 0.0
    step = after - before
    gain = np.clip(step, -limits.step_db, limits.step_db) - step
    return float(np.clip(gain, -limits.gain_db, limits.gain_db))


def _gain_to(gain_db: float, waves: list[np.ndarray]) -> np.float32:
    """A gain as a factor, at most so large that no sample of the waves is clipped."""
    peak = max(float(np.abs(wave).max()) for wave in waves)
    return np.float32(min(10 ** (gain_db / 20), 0.98 / max(peak, 1e-6)))


def _utter(
    kokoro: Kokoro,
    group: list[Part],
    pack: Tensor,
    speed: float,
    seed: int,
    fast: bool,
    delivery: FittedDelivery | None = None,
) -> Iterator[tuple[Part, np.ndarray, list[TimedText]]]:
    """Parts that are spoken at once and cut apart again, each with its audio and the times of its words.

    The times are in units from the beginning of the part."""
    phonemes = phoneme_strings(group)
    if sum(map(len, phonemes)) > MAX_PHONEMES:
        raise AssertionError("an utterance is longer than Kokoro's context")
    ids = kokoro.tokens("".join(phonemes))[None]
    style = style_of(pack, ids.shape[1] - 2)[None]
    encoded = kokoro.encode_text(ids)
    prosody = kokoro.predict(encoded, style, speed=speed)
    content = spread(encoded.content, prosody.durations)
    with precision.autocast(kokoro.device, None if fast else torch.float32):
        f0 = prosody.f0 if delivery is None else delivery.melody(prosody.f0)
        audio = kokoro.decode(content, f0, prosody.energy, style[:, :TIMBRE_DIM], seed=seed)
    wave = audio[0].float().cpu().numpy()
    ends = np.maximum(np.cumsum(prosody.durations[0].cpu().numpy()) - LAG, 0)
    loud = _loud(wave)
    edges, position = [], 1
    for string in phonemes:
        sounds = [k for k, p in enumerate(string) if p.isalpha()]
        edges.append((int(ends[position + sounds[0] - 1]), int(ends[position + sounds[-1]])))
        position += len(string)
    # the time of spaces and marks is divided between the words beside them; silence is removed below
    between = [(before[1] + after[0]) // 2 for before, after in pairwise(edges)]
    bounds = pairwise([edges[0][0], *between, edges[-1][1]])
    spans = [_tight(loud, start, end) for start, end in bounds]
    cuts = [0, *_cuts(group, spans, loud), len(loud)]
    done = 0
    for part, begin, end in zip(group, cuts, cuts[1:], strict=False):
        part_spans = spans[done : done + len(part.words)]
        audible = np.flatnonzero(loud[begin:end])
        start = begin + max(int(audible[0]) - MARGIN_UNITS, 0) if len(audible) else begin
        stop = begin + min(int(audible[-1]) + 1 + MARGIN_UNITS, end - begin) if len(audible) else end
        timed = [
            TimedText(w.text, max(a, start) - start, min(b, stop) - start)
            for w, (a, b) in zip(part.words, part_spans, strict=True)
        ]
        yield part, _faded(wave[start * SAMPLES_PER_UNIT : stop * SAMPLES_PER_UNIT]), timed
        done += len(part.words)


def _loud(wave: np.ndarray) -> np.ndarray:
    """Whether each unit is loud: at most 40 dB below the level of the speech."""
    power = np.square(wave.reshape(-1, SAMPLES_PER_UNIT)).mean(1)
    return power > 10 ** ((active_level_db(wave, SAMPLE_RATE) - QUIET_DB) / 10)


def _tight(loud: np.ndarray, start: int, end: int) -> tuple[int, int]:
    """The span ``[start, end)`` of a word without the silence at its ends, at least one unit long."""
    end = min(max(end, start + 1), len(loud))
    start = min(start, end - 1)
    audible = np.flatnonzero(loud[start:end])
    return (start + int(audible[0]), start + int(audible[-1]) + 1) if len(audible) else (start, start + 1)


def _cuts(group: list[Part], spans: list[tuple[int, int]], loud: np.ndarray) -> Iterator[int]:
    """Boundaries between parts: the middle of the longest silence near each, in units."""
    last = -1
    for part in group[:-1]:
        last += len(part.words)
        begin, end = (spans[last][0] + spans[last][1]) // 2, (spans[last + 1][0] + spans[last + 1][1] + 1) // 2
        position, best, at = begin, 0, spans[last + 1][0]
        for audible, run in groupby(loud[begin:end]):
            length = len(list(run))
            if not audible and length > best:
                best, at = length, position + length // 2
            position += length
        yield at


def _faded(wave: np.ndarray) -> np.ndarray:
    length = min(FADE, len(wave))
    ramp = np.linspace(0.0, 1.0, length, dtype=np.float32)
    wave = wave.copy()
    wave[:length] *= ramp
    wave[len(wave) - length :] *= ramp[::-1]
    return wave
