"""Block mode: every block is converted when it, and a little of what follows it, has come in."""

import math
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from nuanced_speech.audio.level import gain_of
from nuanced_speech.audio.limiter import Limiter
from nuanced_speech.core.constants import ENERGY_OFFSET, FRAME_RATE, SAMPLE_RATE, SAMPLES_PER_UNIT, UNITS_PER_SECOND
from nuanced_speech.core.threads import limit_here
from nuanced_speech.dsp.pitch import transpose
from nuanced_speech.dsp.spectral_balance import CLOSE, USUAL
from nuanced_speech.live.block_analysis import GRAIN, BlockAnalyzer, StretchAnalyzer
from nuanced_speech.live.block_decoders import BlockDecoder
from nuanced_speech.live.block_effects import BlockEffects
from nuanced_speech.live.config import BlockConfig
from nuanced_speech.live.live_voice import LiveVoice, MelodyRange
from nuanced_speech.live.phrases import FRAME
from nuanced_speech.live.source_memory import SourceMemory
from nuanced_speech.live.streams import LiveAudio
from nuanced_speech.models.voice_activity import ActivityStream


class BlockStream:
    """Converts a stream block by block. The output is as long as the input, with silence where nobody speaks.

    Args:
        analyze: measures blocks.
        make_decoder: decoder of a stretch of speech in a voice.
        voice: voice to speak in; None for the speaker's own, which ``know`` finds when there is enough speech.
        know: voice of the speaker of some speech ``[T]`` at 24 kHz; called in another thread.
        config: lengths.
        pitch_shift: octaves by which the melody is moved besides.
    """

    def __init__(
        self,
        analyze: BlockAnalyzer,
        make_decoder: Callable[[LiveVoice], BlockDecoder],
        voice: LiveVoice | None,
        know: Callable[[np.ndarray], LiveVoice],
        config: BlockConfig = BlockConfig(),
        pitch_shift: float = 0.0,
    ) -> None:
        self.analyze, self.make_decoder, self.config = analyze, make_decoder, config
        self.pitch_shift = pitch_shift
        self._know, self._voice = know, voice
        self._known: Future[LiveVoice] | None = None
        self._thread = ThreadPoolExecutor(1, "own-voice", limit_here, (config.threads,))
        self._decoder: BlockDecoder | None = None
        self._stretch: StretchAnalyzer | None = None
        self._origin = 0  # first unit of that stretch
        self._effects, self._limiter = BlockEffects(), Limiter()  # of what that decoder makes
        self._melody = MelodyRange(np.nan if voice is None else voice.log_f0, _frames(config.pitch_seconds))
        self._source = SourceMemory(_units(config.usual_seconds))
        self._activity, self._speech = ActivityStream(), np.zeros(0, bool)
        self._held, self._start = np.zeros(0, np.float32), 0  # of what is held, in the stream
        self._next = 0  # first sample of the next block
        self._made = 0  # samples that were given out
        self._heard = np.zeros(0, np.float32)  # newest speech

    @property
    def known(self) -> bool:
        """Whether the voice to speak in is known yet."""
        return self._voice is not None

    def __call__(self, samples: np.ndarray) -> Iterator[LiveAudio]:
        """Audio of all blocks that ``samples`` complete; more than a block waits only where the machine is slow, and is
        then converted at once, up to the largest block."""
        self._take(samples)
        ahead = round(self.config.look_ahead_seconds * SAMPLE_RATE)
        least, most = (_grains(seconds) for seconds in (self.config.seconds, self.config.largest_seconds))
        while (waiting := (self._end - ahead - self._next) // SAMPLES_PER_UNIT) >= least:
            yield self._block(min(waiting // GRAIN * GRAIN, most))

    def finish(self) -> Iterator[LiveAudio]:
        """The rest: the last block, filled up with silence, and what the decoder still holds."""
        missing = -(self._end - self._next) % SAMPLES_PER_UNIT
        end = self._end
        self._take(np.zeros(missing, np.float32))
        if units := (self._end - self._next) // SAMPLES_PER_UNIT:
            yield self._block(units)
        if self._decoder is not None:
            yield self._given(self._ended(), 0)
        self._thread.shutdown(wait=False, cancel_futures=True)
        assert self._made >= end

    @property
    def _end(self) -> int:
        return self._start + len(self._held)

    def _take(self, samples: np.ndarray) -> None:
        self._held = np.concatenate([self._held, np.asarray(samples, np.float32)])
        self._speech = np.concatenate([self._speech, self._activity(samples) >= self.config.speech])

    def _block(self, units: int) -> LiveAudio:
        """The next block, analysed with what was before it and what is there of what follows."""
        begin, end = self._next, self._next + units * SAMPLES_PER_UNIT
        self._next = end
        block = self._held[begin - self._start : end - self._start]
        speech = self._spoken(begin, end)
        if speech:
            self._heard = np.concatenate([self._heard, block])[-round(self.config.level_seconds * SAMPLE_RATE) :]
        voice = self._own_voice()
        wave = self._silent(units) if voice is None or not speech else self._converted(voice, begin, units)
        context = _grains(self.config.context_seconds) * SAMPLES_PER_UNIT
        self._forget(end - context)
        return self._given(wave, units)

    def _converted(self, voice: LiveVoice, begin: int, units: int) -> np.ndarray:
        before = min(_grains(self.config.context_seconds), (begin - self._start) // SAMPLES_PER_UNIT)
        window = self._held[begin - before * SAMPLES_PER_UNIT - self._start :]
        window = window[: len(window) // SAMPLES_PER_UNIT * SAMPLES_PER_UNIT]
        gain = np.float32(gain_of(self._heard))
        begins = self._decoder is None
        if self._decoder is None or self._stretch is None:
            self._decoder, self._limiter = self.make_decoder(voice), Limiter()
            self._effects = BlockEffects(voice.own, CLOSE if self._decoder.follows_source else USUAL)
            self._stretch, self._origin = self.analyze.stretch(), begin // SAMPLES_PER_UNIT - before
        start = begin // SAMPLES_PER_UNIT - before - self._origin
        block, follows = slice(before, before + units), self._decoder.follows_source
        window = window * gain
        features = self._stretch(window, start, block, follows)
        f0 = transpose(features.f0, self._melody(features.f0, begins) + self.pitch_shift)
        source = self._source(features, voice)
        self._effects.hear(
            window[before * SAMPLES_PER_UNIT : (before + units) * SAMPLES_PER_UNIT], features.energy - ENERGY_OFFSET
        )
        wave = self._decoder(features.content, f0, features.energy, source)
        return self._limiter.push(self._effects.push(wave) / gain)

    def _silent(self, units: int) -> np.ndarray:
        """A block in which nobody speaks, after what the decoder still holds."""
        rest = np.zeros(0, np.float32) if self._decoder is None else self._ended()
        return np.concatenate([rest, np.zeros(units * SAMPLES_PER_UNIT, np.float32)])

    def _ended(self) -> np.ndarray:
        assert self._decoder is not None
        rest = self._effects.finish(self._decoder.finish()) / np.float32(gain_of(self._heard))
        self._decoder = None
        return np.concatenate([self._limiter.push(rest), self._limiter.finish()])

    def _given(self, wave: np.ndarray, units: int) -> LiveAudio:
        start = self._made
        self._made += len(wave)
        until = min(self._end, self._next + round(self.config.look_ahead_seconds * SAMPLE_RATE))
        return LiveAudio(wave, start, until, units / UNITS_PER_SECOND)

    def _spoken(self, begin: int, end: int) -> bool:
        """Whether there may be speech in a block, or just before or after it."""
        return bool(self._speech[max(begin // FRAME - 3, 0) : end // FRAME + 4].any())

    def _own_voice(self) -> LiveVoice | None:
        if self._voice is None and self._known is None:
            if len(self._heard) >= self.config.own_seconds * SAMPLE_RATE:
                self._known = self._thread.submit(self._know, self._heard)
        elif self._voice is None and self._known is not None and self._known.done():
            self._voice = self._known.result()
        return self._voice

    def _forget(self, before: int) -> None:
        count = min(max(before - self._start, 0), len(self._held)) // SAMPLES_PER_UNIT * SAMPLES_PER_UNIT
        self._held, self._start = self._held[count:], self._start + count


def _units(seconds: float) -> int:
    return round(seconds * UNITS_PER_SECOND)


def _grains(seconds: float) -> int:
    """Units, a multiple of ``GRAIN``; a half is rounded up, as people expect of tenths."""
    return max(math.floor(seconds * UNITS_PER_SECOND / GRAIN + 0.5), 1) * GRAIN


def _frames(seconds: float) -> int:
    return round(seconds * FRAME_RATE)
