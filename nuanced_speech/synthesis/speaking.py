"""Parts of a text to sound: several are spoken at once, and what was made is cut apart, levelled and timed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain, groupby, islice, pairwise

import numpy as np
import torch

from nuanced_speech.audio.fades import fade_ends
from nuanced_speech.audio.level import active_level_db
from nuanced_speech.audio.limiter import limit
from nuanced_speech.audio.loudness import BROADCAST_LUFS, gain_to, loudness
from nuanced_speech.core import memory, precision
from nuanced_speech.core.constants import MAX_PHONEMES, SAMPLE_RATE, SAMPLES_PER_UNIT, SECONDS_PER_UNIT
from nuanced_speech.core.jobs import ALONE, Spread, in_order
from nuanced_speech.dsp.time_stretch import respaced
from nuanced_speech.models.decoder import Decoder
from nuanced_speech.models.decoder_voice import DecoderVoice
from nuanced_speech.models.kokoro import Kokoro
from nuanced_speech.synthesis.delivery import FittedDelivery
from nuanced_speech.synthesis.speaking_config import SPEAKING, SpeakingConfig
from nuanced_speech.synthesis.speeds import SpeedRange
from nuanced_speech.synthesis.utterances import Part, phoneme_strings, utterances
from nuanced_speech.voice.stock import style_of
from nuanced_speech.voice.style import Style
from nuanced_speech.voice.voice import Voice


@dataclass(frozen=True)
class Levelling:
    """Limits of the gain that brings utterances to one loudness.

    Attributes:
        step_db: largest step of the active level between two utterances; 0.9 dB is not noticed.
        gain_db: largest gain, so that an almost silent utterance does not change its neighbours.
        target_lufs: loudness of the first utterance of each voice (ITU-R BS.1770), since stock voices differ by 11 dB;
            None leaves it as Kokoro speaks it.
    """

    step_db: float = 0.9
    gain_db: float = 6.0
    target_lufs: float | None = BROADCAST_LUFS


LEVELLING = Levelling()


@dataclass(frozen=True)
class TimedText:
    """Words and their times in seconds from the beginning of the text."""

    text: str
    start: float
    end: float


@dataclass(frozen=True)
class Position:
    """Where speech goes on after some utterances. All numbers are exact in JSON.

    Attributes:
        utterances: number that are spoken.
        now: end of what is spoken, in units.
        before: pause that follows, in units.
        level: active level of the last part, dB; None before the first.
        begun: voices that have spoken, as the text names them; None is the voice of the whole.
    """

    utterances: int
    now: int
    before: int
    level: float | None
    begun: tuple[str | None, ...] = ()


@dataclass(frozen=True)
class SpokenSentence:
    """A sentence, or a part of a long one.

    Attributes:
        audio: ``[T]`` at 24 kHz with the pause before the sentence; the next one's audio follows without a gap.
        sentence: number of the sentence in the text.
        words: words with their times from the beginning of the whole text.
        share: share of the text up to the end of this part, 0 to 1.
        utterance: number of the run of Kokoro that made it.
        after: where speech goes on; only of the last part of an utterance.
    """

    audio: np.ndarray
    sentence: int
    words: list[TimedText]
    share: float
    utterance: int
    after: Position | None = None


@dataclass(frozen=True)
class SpeakingSettings:
    """How a text is spoken.

    Attributes:
        packs: voice packs by the name in the text; None for the voice of the whole.
        speed: speed of the whole.
        pause: seconds between sentences; other pauses are relative to this one.
        lead: seconds of silence before the first sentence.
        seed: random seed of the synthesizer's noise.
        fast: decode in bfloat16 where the processor computes that faster.
        levelling: limits of the gain between utterances.
        kokoro_speeds: speeds that Kokoro speaks itself, by the same names as the packs.
        speed_limits: slowest and fastest speed.
        deliveries: melody, pace and loudness to take on, by the same names as the packs.
        voices: the voices, by the same names, with what they have for a fast decoder.
        spread: how many utterances are made at the same time.
        config: how parts are put together and cut apart.
    """

    packs: Mapping[str | None, Style]
    speed: float
    pause: float
    lead: float
    seed: int
    fast: bool
    levelling: Levelling
    kokoro_speeds: Mapping[str | None, SpeedRange]
    speed_limits: tuple[float, float]
    deliveries: Mapping[str | None, FittedDelivery]
    voices: Mapping[str | None, Voice]
    spread: Spread = ALONE
    config: SpeakingConfig = SPEAKING


@dataclass(frozen=True)
class _Uttered:
    """What Kokoro spoke at once: parts, each with its audio and the times of its words."""

    number: int
    voice: str | None
    parts: list[tuple[Part, np.ndarray, list[TimedText]]]


@torch.no_grad()
def speak_parts(
    first: Part,
    rest: Iterator[Part],
    kokoro: Kokoro,
    decoder: Decoder,
    settings: SpeakingSettings,
    start: Position | None = None,
) -> Iterator[SpokenSentence]:
    """Parts of a text spoken, each as soon as it is made; those before ``start`` are left out.

    Kokoro gives content and prosody, and the decoder the sound.
    """
    start = start or Position(0, 0, round(settings.lead / SECONDS_PER_UNIT), None)
    now, before, level, begun = start.now, start.before, start.level, {*start.begun}
    groups = utterances(first, rest, settings.config.utterances)
    # by the text from its beginning: a text that goes on is spoken with as many threads as before
    beginning = [*islice(groups, settings.spread.jobs)]
    spread = settings.spread.fitted(len(beginning))
    numbered = islice(enumerate(chain(beginning, groups)), start.utterances, None)

    @torch.no_grad()
    def uttered(item: tuple[int, list[Part]]) -> _Uttered:
        number, group = item
        return _Uttered(number, group[0].voice, _spoken(kokoro, decoder, group, settings))

    for utterance in in_order(uttered, numbered, spread):
        number, parts = utterance.number, utterance.parts
        delivery = settings.deliveries.get(utterance.voice)
        active_db = active_level_db(parts[0][1], SAMPLE_RATE)
        if level is None and delivery is not None:
            gain = _gain_to(delivery.level_db - active_db, [wave for _, wave, _ in parts])
        elif delivery is None and settings.levelling.target_lufs is not None and utterance.voice not in begun:
            whole = np.concatenate([wave for _, wave, _ in parts])
            gain = gain_to(settings.levelling.target_lufs, loudness(whole, SAMPLE_RATE))
        else:
            gain = np.float32(10 ** (gain_db(level, active_db, settings.levelling) / 20))
        begun.add(utterance.voice)
        level = active_level_db(parts[-1][1] * gain, SAMPLE_RATE)
        for part, wave, words in parts:
            silence = np.zeros(before * SAMPLES_PER_UNIT, np.float32)
            begin = now + before
            timed = [
                replace(w, start=(begin + w.start) * SECONDS_PER_UNIT, end=(begin + w.end) * SECONDS_PER_UNIT)
                for w in words
            ]
            now = begin + len(wave) // SAMPLES_PER_UNIT
            silent = settings.pause * settings.config.pauses.after(part.end) if part.pause is None else part.pause
            before = round(silent / SECONDS_PER_UNIT)
            after = Position(number + 1, now, before, level, tuple(begun)) if part is parts[-1][0] else None
            audio = np.concatenate([silence, limit(wave * gain)])
            yield SpokenSentence(audio, part.sentence, timed, part.share, number, after)


def _spoken(
    kokoro: Kokoro, decoder: Decoder, group: list[Part], settings: SpeakingSettings
) -> list[tuple[Part, np.ndarray, list[TimedText]]]:
    """Parts that are spoken at once, at their speed, each with its audio and the times of its words."""
    delivery = settings.deliveries.get(group[0].voice)
    speed = settings.speed * group[0].speed * (1.0 if delivery is None else delivery.speed)
    slowest, fastest = settings.speed_limits
    speeds = settings.kokoro_speeds[group[0].voice]
    kokoro_speed, factor = speeds.split(min(max(speed, slowest), fastest))
    parts = [_stretched(*part, factor) for part in _utter(kokoro, decoder, group, kokoro_speed, settings)]
    memory.give_back()
    return parts


def _stretched(
    part: Part, wave: np.ndarray, words: list[TimedText], factor: float
) -> tuple[Part, np.ndarray, list[TimedText]]:
    """A part spoken faster by a factor, in whole units, and the times of its words in it."""
    units = len(wave) // SAMPLES_PER_UNIT
    target = max(round(units / factor), 1)
    if not units or target == units:
        return part, wave, words
    wave, places = respaced(wave, SAMPLE_RATE, target * SAMPLES_PER_UNIT)

    def moved(unit: float) -> float:
        return places.to_target(unit * SAMPLES_PER_UNIT) / SAMPLES_PER_UNIT

    return part, wave, [replace(w, start=moved(w.start), end=moved(w.end)) for w in words]


def gain_db(before: float | None, after: float, limits: Levelling = LEVELLING) -> float:
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
    kokoro: Kokoro, decoder: Decoder, group: list[Part], speed: float, settings: SpeakingSettings
) -> Iterator[tuple[Part, np.ndarray, list[TimedText]]]:
    """Parts that are spoken at once and cut apart again, each with its audio and the times of its words.

    The times are in units from the beginning of the part."""
    phonemes, config = phoneme_strings(group), settings.config
    if sum(map(len, phonemes)) > MAX_PHONEMES:
        raise AssertionError("an utterance is longer than Kokoro's context")
    ids = kokoro.tokens("".join(phonemes))[None]
    voice = group[0].voice
    style = style_of(settings.packs[voice], ids.shape[1] - 2)[None]
    content, prosody = kokoro.content_and_prosody(ids, style.vector, speed=speed)
    with precision.autocast(kokoro.device, None if settings.fast else torch.float32):
        f0 = settings.deliveries[voice].melody(prosody.f0) if voice in settings.deliveries else prosody.f0
        decoder_voice = DecoderVoice.of_voice(style.decoder[0], settings.voices[voice])
        audio = decoder(content, f0, prosody.energy, decoder_voice, settings.seed)
    wave = audio[0].float().cpu().numpy()
    ends = np.maximum(np.cumsum(prosody.durations[0].cpu().numpy()) - config.lag, 0)
    loud = _loud(wave, config.quiet_db)
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
        start = begin + max(int(audible[0]) - config.margin, 0) if len(audible) else begin
        stop = begin + min(int(audible[-1]) + 1 + config.margin, end - begin) if len(audible) else end
        timed = [
            TimedText(w.text, max(a, start) - start, min(b, stop) - start)
            for w, (a, b) in zip(part.words, part_spans, strict=True)
        ]
        cut = wave[start * SAMPLES_PER_UNIT : stop * SAMPLES_PER_UNIT]
        yield part, fade_ends(cut, min(config.fade, len(cut))), timed
        done += len(part.words)


def _loud(wave: np.ndarray, quiet_db: float) -> np.ndarray:
    """Whether each unit is loud: at most so far below the level of the speech."""
    power = np.square(wave.reshape(-1, SAMPLES_PER_UNIT)).mean(1)
    return power > 10 ** ((active_level_db(wave, SAMPLE_RATE) - quiet_db) / 10)


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
