"""One recording to clips of a data set.

recording → decode → speech → sounds and silences → clips → transcript → checks → wavs/ID.wav
"""

import os
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from nuanced_speech import audio
from nuanced_speech.analysis.speech_gate import GateConfig, GatedRecording, SpeechGate, speech_in
from nuanced_speech.audio.fades import fade_ends
from nuanced_speech.audio.resampling import to_16k
from nuanced_speech.core.constants import WHISPER_SAMPLE_RATE
from nuanced_speech.core.errors import UserError
from nuanced_speech.models.whisper import Transcript, WhisperModel
from nuanced_speech.text.g2p import phonemize
from nuanced_speech.tts import ljspeech, quality_filters
from nuanced_speech.tts.clips import Clip, ClipJob, ClipOutcome, PrepareConfig, Rejection
from nuanced_speech.tts.decode import decode
from nuanced_speech.tts.normalise import normalise
from nuanced_speech.tts.split import Span, find_sounds, pad_clip, split_at_pauses
from nuanced_speech.tts.transcript_split import split_transcript

PEAK_DB = -1.0
# Seconds.
_SHORTEST_OTHER = 0.25


class Preparer:
    """Does one recording after the other; loads Whisper when first needed."""

    def __init__(self, config: PrepareConfig, gate: SpeechGate | None = None) -> None:
        self.config, self.gate = config, gate or SpeechGate()
        self.longest = config.limits.max_seconds - 2 * config.pad

    @property
    def listener(self) -> WhisperModel:
        return _listener(self.config.whisper)

    def __call__(self, job: ClipJob, progress: Callable[[float], None]) -> ClipOutcome:
        """Write the clips of a recording.

        Args:
            job: the recording.
            progress: called with the share that is done.
        """
        file = shown(job.path, self.config.source)
        try:
            wave, full_scale, notes = decode(job.path, self.config.sample_rate)
        except UserError as error:
            unreadable = Rejection(None, None, f"unreadable: {_without_path(str(error), job.path)}")
            return ClipOutcome(file, job.fingerprint, rejected=[unreadable])
        notes = [_without_path(note, job.path) for note in notes]
        speech, sounds, other = self._speech(wave)
        if not sounds:
            return ClipOutcome(
                file, job.fingerprint, rejected=[Rejection(None, None, "silent: no speech found")], notes=notes
            )
        spans = [Span(sounds[0].start, sounds[-1].end)]
        if not job.text or spans[0].seconds > self.longest:
            spans = split_at_pauses(speech, self.config.sample_rate, self.config.limits.min_seconds, self.longest)
        # what is judged is the recording, what is heard and kept is its speech
        reasons = [self._complaint(wave, full_scale, span) for span in spans]
        clips, rejected = self._clips(job, speech, spans, reasons, progress)
        rejected += [Rejection(round(span.start, 3), round(span.end, 3), "other sound than speech") for span in other]
        return ClipOutcome(file, job.fingerprint, clips, rejected, notes)

    def _speech(self, wave: np.ndarray) -> tuple[np.ndarray, list[Span], list[Span]]:
        """``wave [T]`` with silence for other sound than speech, as the gate of conversions finds it; the sounds in it;
        and where the other sound was. It is as it was where there is none."""
        rate, language = self.config.sample_rate, self.config.language
        whole = audio.resample(wave, rate, audio.SAMPLE_RATE)
        gated = speech_in(whole, self.gate, lambda loud: self.listener.transcribe(to_16k(loud), language))
        if not gated.has_speech:
            return wave, [], []
        sounds = find_sounds(wave, rate)
        gaps = _gaps(gated, sounds)
        if gaps:
            wave = _silenced(wave, rate, gaps)
            sounds = find_sounds(wave, rate)
        return wave, sounds, gaps

    def _clips(
        self,
        job: ClipJob,
        wave: np.ndarray,
        spans: list[Span],
        reasons: list[str | None],
        progress: Callable[[float], None],
    ) -> tuple[list[Clip], list[Rejection]]:
        whole = Span(spans[0].start, spans[-1].end)
        shared = bool(job.text) and len(spans) > 1
        transcripts: dict[int, Transcript] = {}
        language = self.config.language
        for number, (span, reason) in enumerate(zip(spans, reasons, strict=True)):
            # a clip that cannot be kept has words of a shared transcript all the same
            if shared or (reason is None and (self.config.check or not job.text)):
                language = language or self._language(wave, whole)
                clip = self._levelled(wave, span)
                clip = audio.resample(clip, self.config.sample_rate, WHISPER_SAMPLE_RATE)
                transcripts[number] = self.listener.transcribe(clip, language)
            progress((number + 1) / len(spans))
        texts: list[str | None] = (
            [job.text] if job.text else [transcripts[k].text if k in transcripts else None for k in range(len(spans))]
        )
        if shared:
            assert job.text and language
            texts = split_transcript(job.text, [transcripts[k].text for k in range(len(spans))], language)
        clips: list[Clip] = []
        rejected: list[Rejection] = []
        for number, (span, reason, text) in enumerate(zip(spans, reasons, texts, strict=True)):
            if reason is None and text is None:
                reason = "transcript cannot be cut here: Whisper recognises other words around this clip"
            if reason is None and number in transcripts:
                if job.text:
                    reason = quality_filters.transcript_mismatch(str(text), transcripts[number], self.config.limits)
                else:
                    reason = quality_filters.confidence_problem(transcripts[number], self.config.limits)
            if reason is None:
                language = language or self._language(wave, whole)
                clip_or_reason = self._written(f"{job.prefix}-{number + 1:04d}", wave, span, str(text), language)
                if isinstance(clip_or_reason, Clip):
                    clips.append(clip_or_reason)
                else:
                    reason = clip_or_reason
            if reason is not None:
                rejected.append(Rejection(round(span.start, 3), round(span.end, 3), reason))
        return clips, rejected

    def _complaint(self, wave: np.ndarray, full_scale: float, span: Span) -> str | None:
        rate, limits = self.config.sample_rate, self.config.limits
        inner = wave[round(span.start * rate) : round(span.end * rate)] / np.float32(full_scale)
        return quality_filters.length_problem(span, self.longest, limits) or quality_filters.sound_problem(
            inner, rate, limits
        )

    def _language(self, wave: np.ndarray, whole: Span) -> str:
        rate = self.config.sample_rate
        start = round(whole.start * rate)
        return self.listener.language(audio.resample(wave[start : start + 30 * rate], rate, WHISPER_SAMPLE_RATE))

    def _levelled(self, wave: np.ndarray, span: Span) -> np.ndarray:
        """The clip with its silence, at the wanted loudness."""
        clip = pad_clip(wave, self.config.sample_rate, span, self.config.pad)
        gain_db = self.config.loudness - audio.active_level_db(clip, self.config.sample_rate)
        peak_db = 20 * np.log10(max(float(np.abs(clip).max()), 1e-5))
        return clip * np.float32(10 ** (min(gain_db, PEAK_DB - peak_db) / 20))

    def _written(self, name: str, wave: np.ndarray, span: Span, text: str, language: str) -> Clip | str:
        """The clip, whose file is written, or the reason why it cannot be kept."""
        text = ljspeech.one_line(text)
        normalised = ljspeech.one_line(normalise(text, language))
        phonemes = _phonemes(normalised, language)
        letters = sum(c.isalpha() for c in phonemes or normalised)
        if letters == 0:
            return "no words: its transcript has none"
        rate = letters / span.seconds
        reason = quality_filters.rate_problem(rate, "phonemes" if phonemes else "letters", self.config.limits)
        if reason:
            return reason
        clip = self._levelled(wave, span)
        audio.write(ljspeech.wav_path(self.config.out, name), clip, self.config.sample_rate, comment="")
        seconds = len(clip) / self.config.sample_rate
        start, end = round(span.start, 3), round(span.end, 3)
        return Clip(name, start, end, round(seconds, 3), text, normalised, language, phonemes, round(rate, 2))


def _gaps(gated: GatedRecording, sounds: Sequence[Span]) -> list[Span]:
    """Where the gate closed and a sound is to be heard; what reaches in by less is the edge of a word, or a click."""
    gaps = [Span(begin / audio.SAMPLE_RATE, end / audio.SAMPLE_RATE) for begin, end in gated.gaps]
    return [
        gap
        for gap in gaps
        if any(min(one.end, gap.end) - max(one.start, gap.start) > _SHORTEST_OTHER for one in sounds)
    ]


def _silenced(wave: np.ndarray, sample_rate: int, gaps: Sequence[Span]) -> np.ndarray:
    """``wave [T]`` with silence in its gaps, faded as the gate fades them."""
    wave, fade = wave.copy(), round(GateConfig().fade_seconds * sample_rate)
    for gap in gaps:
        begin, end = round(gap.start * sample_rate), min(round(gap.end * sample_rate), len(wave))
        first, last = max(begin - fade, 0), min(end + fade, len(wave))
        wave[first:begin] = fade_ends(wave[first:begin], 0, begin - first)
        wave[end:last] = fade_ends(wave[end:last], last - end, 0)
        wave[begin:end] = 0
    return wave


@lru_cache(maxsize=1)
def _listener(name: str) -> WhisperModel:
    return WhisperModel(name)


def _phonemes(text: str, language: str) -> str:
    try:
        return phonemize(text, language)
    except UserError:
        return ""


def shown(path: Path, source: Path) -> str:
    """The name of a file in tables: with / on every system, and UTF-8 whatever its bytes are."""
    return os.fsencode(path.relative_to(source).as_posix()).decode("utf-8", "replace")


def _without_path(message: str, path: Path) -> str:
    return message.removeprefix(str(path)).lstrip(": ")
