"""The main job: a recording in, the same delivery out, in the same voice or another.

recording → pieces → Whisper features → content ┐
                   → F0, N ─────────────────────┼→ Kokoro's decoder → pieces joined → recording
                   → style, or a voice ─────────┘
"""

import hashlib
import logging
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from nuanced_speech import audio
from nuanced_speech.adapt.speaker_eq import Tinting
from nuanced_speech.analysis.analyzer import Heard, gain_of, mean_style, speaker_of, to_whisper
from nuanced_speech.analysis.speaker_clustering import same_speaker
from nuanced_speech.audio.io import SYNTHETIC
from nuanced_speech.audio.segmentation import crossfade_join, segment
from nuanced_speech.core.constants import SAMPLE_RATE, SECONDS_PER_UNIT, SEMITONES
from nuanced_speech.core.errors import UserError
from nuanced_speech.core.progress import Progress, part_of
from nuanced_speech.dsp.pitch import median_log_f0
from nuanced_speech.dsp.spectral_balance import long_term_spectrum
from nuanced_speech.models.whisper import Transcript, check_language
from nuanced_speech.synthesis.resynthesizer import Manner, Speaking, Target
from nuanced_speech.text.g2p import phoneme_chunks, phonemize
from nuanced_speech.text.languages import LANGUAGES
from nuanced_speech.voice.stock import PACK_SUFFIXES
from nuanced_speech.voice.voice import Voice

KEEP = ("f0", "rhythm", "energy")
PATHS = ("auto", "direct", "text")
RECORDING_SUFFIXES = {".wav", ".flac", ".ogg", ".mp3", ".aiff", ".aif", ".opus", ".m4a"}

log = logging.getLogger(__name__)


@dataclass
class Conversion:
    """What came out.

    Attributes:
        audio: ``[T]`` float32 at 24 kHz, as long as the source (but for new words); empty if it was streamed to a file.
        source: the source as it was read, ``[T]`` at 24 kHz.
        transcript: what Whisper heard in the source, where the path needed it.
        path: ``direct`` or ``text``.
        seconds: processing time by stage.
        comment: that the output is synthetic, and in which voice; written into the file.
    """

    audio: np.ndarray
    source: np.ndarray
    path: str
    seconds: dict[str, float]
    transcript: Transcript | None = None
    sample_rate: int = SAMPLE_RATE
    comment: str = SYNTHETIC

    @property
    def rtf(self) -> float:
        """Processing time over the source's length; loading of models left out."""
        spent = sum(value for stage, value in self.seconds.items() if stage != "load")
        return spent / (len(self.source) / self.sample_rate)

    def save(self, path: str | Path) -> None:
        """Write WAV, FLAC or OGG by the name."""
        audio.write(path, self.audio, self.sample_rate, self.comment)


class Converter(Speaking):
    """Listens, and speaks again; see ``Hearing`` for the arguments.

    Example:
        ``Converter().convert("in.wav", voice="af_heart").save("out.wav")``
    """

    # the last recording that served as a voice, with what it was asked for: many are said in the same
    _served: tuple[tuple, Target] | None = None
    # what was heard in the last other recordings of a voice
    _others: dict[tuple, list[Heard]] | None = None

    def load(self, path: str = "direct") -> None:
        """Load what a conversion needs, so that it is not counted as part of one."""
        with self.stage("load"):
            _ = self.kokoro, self.content, self.listener.model
            _ = self.style_encoder, self.attentive, self.speaker_encoder, self.timbre
            if path == "direct":
                _ = self.recogniser
            else:
                _ = self.transcriber.model
                phonemize("ready")

    @torch.no_grad()
    def convert(
        self,
        source: str | Path | np.ndarray,
        voice: str | Path | Voice | None = None,
        *,
        keep: tuple[str, ...] = KEEP,
        path: str = "auto",
        text: str | None = None,
        pitch_shift: float = 0.0,
        language: str | None = None,
        refine: int = 0,
        more: Sequence[str | Path] = (),
        seed: int = 0,
        output: str | Path | None = None,
        progress: Progress | None = None,
    ) -> Conversion:
        """Speak a recording again.

        Args:
            source: a file, or ``[T]`` at 24 kHz.
            voice: a ``Voice``, or what ``Voice.load`` takes, or a recording; the source's own voice when None.
            keep: which of ``f0``, ``rhythm`` and ``energy`` are the source's; the rest is what Kokoro would do.
            path: ``direct`` (no text), ``text``, or ``auto``: text, which keeps more words, where the source's
                language has a text path, else direct.
            text: other words to say in the source's manner.
            pitch_shift: semitones on top of everything else.
            language: of the source, ISO 639-1; when None, found by Whisper where the path transcribes, else English.
            refine: steps of gradient descent that bring the voice, the source's own or a recording's, nearer to it;
                each takes three times the synthesis of 3.2 s.
            more: other recordings of that voice, by which it is known better; they are not converted.
            seed: of the harmonic source's noise, and of the passages that refinement tries.
            output: stream the result to this file instead of returning it.
            progress: called with the share that is done.

        Raises:
            UserError: what ``audio.read`` says of bad recordings; unknown voice, part or path; parts that the path
                cannot replace; a language without text path.
        """
        self._seconds.clear()
        path = _choose_path(path, keep, text)
        if language is not None:
            check_language(language)
        if not math.isfinite(pitch_shift) or abs(pitch_shift) > 4 * SEMITONES:
            raise UserError(f"--pitch-shift {pitch_shift}: give semitones between -48 and 48")
        if refine < 0 or (refine and voice is not None and not _is_recording(voice)):
            raise UserError(f"--refine {refine}: give a number of steps, and a recording as the voice or none")
        if output is not None:
            audio.check_writable(output)
            if not isinstance(source, np.ndarray) and _same_file(source, output):
                raise UserError(f"{output} is the input itself: give the output another name")
        if more and voice is not None and not _is_recording(voice):
            raise UserError("--more: other recordings serve the input's own voice, or one that is a recording")
        with self.stage("read"):
            wave = source if isinstance(source, np.ndarray) else audio.read(source)
            gain = gain_of(wave)
            others = {str(recording): audio.read(recording) for recording in more}
        self.load(path)
        target = self._voice(voice, others, refine, seed, part_of(progress, 0.0, 0.4)) if voice is not None else None
        begin = 0.4 if refine and target is not None else 0.0
        pieces = segment(wave)
        transcript = None
        if path != "direct":
            if len(pieces) > 1:
                with self.stage("load"):
                    _compile_word_times()
            with self.stage("transcribe"):
                # word times cost another pass of the decoder, and only say which piece a word is in
                transcript = self.transcriber.transcribe(to_whisper(wave), language, words=len(pieces) > 1)
            if path == "auto":
                path = "text" if transcript.language in LANGUAGES else "direct"
        spoken_language = language or (transcript.language if transcript else "en")
        by_ear = path == "direct" and spoken_language == "en"
        heard = self.hear_pieces(wave, gain, pieces, by_ear, part_of(progress, begin, begin + 0.2))
        known = [] if target is not None else self._more_of(heard, others, refine > 0)
        self.settle_styles(heard + known)
        if transcript is not None and path == "text":
            _give_phonemes(transcript, heard)
        begin += 0.2
        if refine and target is None:
            self.refine(heard, refine, seed, part_of(progress, begin, begin + 0.4), known)
            begin += 0.4
        rest = part_of(progress, begin, 1.0)
        octaves = pitch_shift / SEMITONES
        if target is not None:
            own = median_log_f0(np.concatenate([h.f0 for h in heard]))
            octaves += 0.0 if math.isnan(own) or math.isnan(target.log_f0) else target.log_f0 - own
        like = _wanted(heard) if target is None else target.speaker
        tinting = None if like is None else Tinting(self.speaker_encoder, like)
        manner = Manner(target, octaves, pitch_shift / SEMITONES, frozenset(keep), seed, tinting)
        in_time = text is None and "rhythm" in keep
        if text is not None:
            spoken = phoneme_chunks(text, spoken_language)
            waves = self.say(_reported(spoken, rest), heard, manner)
        elif path == "text":
            waves = (self.speak_text(h, manner) for h in _reported(heard, rest))
        else:
            waves = (self.speak_direct(h, manner) for h in _reported(heard, rest))
        waves = (wave / np.float32(gain) for wave in waves)
        stream = _limited(crossfade_join(pieces, waves), len(wave)) if in_time else waves
        comment = target.mark if target is not None else f"{SYNTHETIC}; voice: of the source (clone)"
        if output is None:
            converted = np.concatenate(list(stream))
        else:
            converted = np.zeros(0, np.float32)
            with audio.AudioWriter(output, audio.SAMPLE_RATE, comment) as writer:
                for chunk in stream:
                    writer.write(chunk)
        return Conversion(converted, wave, path, dict(self._seconds), transcript, comment=comment)

    def _more_of(self, heard: list[Heard], others: dict[str, np.ndarray], phonemes: bool) -> list[Heard]:
        """All that is heard in other recordings ``[T]``, by their names, but for those of another speaker."""
        own, found, before = speaker_of(heard), [], self._others or {}
        self._others = {}
        for name, wave in others.items():
            asked = _digest(wave), phonemes
            self._others[asked] = before.get(asked) or self.hear_all(wave, phonemes)
            # a style will be settled for each
            pieces = [replace(item) for item in self._others[asked]]
            other = speaker_of(pieces)
            if own is not None and other is not None and float(same_speaker(torch.stack([own, other]))[0, 1]) < 0.5:
                log.warning("%s is left out: it sounds like another speaker than the voice that is wanted", name)
            else:
                found += pieces
        return found

    def _voice(
        self,
        voice: str | Path | Voice,
        others: dict[str, np.ndarray],
        refine: int = 0,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> Target:
        """What to speak with: a voice, by name, mixture or pack file, or a recording, and others of the same voice."""
        if _is_recording(voice):
            wave = audio.read(Path(str(voice)))
            asked = (*map(_digest, (wave, *others.values())), refine, seed)
            if self._served is None or self._served[0] != asked:
                heard = self.hear_all(wave, refine > 0)
                more = self._more_of(heard, others, refine > 0)
                self._served = asked, self._voice_of_recording(heard, more, refine, seed, progress)
            return self._served[1]
        found = Voice.load(voice)
        pack = found.pack.to(self.device)
        return Target(pack, self.pitch_of(pack), found.mark)

    def _voice_of_recording(
        self, heard: list[Heard], more: list[Heard], refine: int, seed: int, progress: Progress | None
    ) -> Target:
        every = heard + more
        self.settle_styles(every, foreign=True)
        style = self.refine(heard, refine, seed, progress, more)[0] if refine else mean_style(every)
        return Target(
            style[None],
            median_log_f0(np.concatenate([h.f0 for h in every])),
            f"{SYNTHETIC}; voice: of a recording (clone)",
            long_term_spectrum([h.balance for h in every]),
            _wanted(heard) if refine else speaker_of(every),
        )


def _choose_path(path: str, keep: tuple[str, ...], text: str | None) -> str:
    """The path as asked for, ``text`` where nothing else will do.

    Raises:
        UserError: an unknown path or part, or a wish that the direct path cannot fulfil.
    """
    if path not in PATHS:
        raise UserError(f"unknown path {path!r}: choose one of {', '.join(PATHS)}")
    unknown = [part for part in keep if part not in KEEP]
    if unknown:
        raise UserError(f"cannot keep {unknown[0]!r}: choose from {', '.join(KEEP)}")
    if text is not None and not text.strip():
        raise UserError("--text is empty: give the words to say")
    needs_text = text is not None or set(keep) != set(KEEP)
    if path == "direct" and needs_text:
        what = "new words" if text is not None else "replacing " + ", ".join(p for p in KEEP if p not in keep)
        raise UserError(f"{what} needs the text path: use --path text")
    return "text" if needs_text else path


def _is_recording(voice: str | Path | Voice) -> bool:
    if isinstance(voice, Voice):
        return False
    name = str(voice)
    return not name.endswith(PACK_SUFFIXES) and (Path(name).is_file() or Path(name).suffix in RECORDING_SUFFIXES)


def _digest(wave: np.ndarray) -> bytes:
    return hashlib.sha256(wave.tobytes()).digest()


def _same_file(source: str | Path, output: str | Path) -> bool:
    return Path(output).exists() and Path(source).exists() and Path(output).samefile(source)


@cache
def _compile_word_times() -> None:
    """Whisper's word times need a function that numba compiles at its first call, for some seconds."""
    from whisper.timing import dtw

    dtw(torch.zeros(2, 2))


def _give_phonemes(transcript: Transcript, heard: list[Heard]) -> None:
    """Each word goes to the piece that holds its middle; all of them to the only piece."""
    words = [word for segment in transcript.segments for word in segment.words]
    for item in heard:
        start, end = item.piece.start * SECONDS_PER_UNIT, item.piece.end * SECONDS_PER_UNIT
        inside = (w.text for w in words if start <= (w.start + w.end) / 2 < end)
        text = transcript.text if len(heard) == 1 else " ".join(inside)
        if any(c.isalnum() for c in text):
            item.phonemes = phonemize(text, transcript.language)


def _wanted(heard: Sequence[Heard]) -> Tensor | None:
    """The speaker ``[256]`` that refinement followed; None without."""
    return next((h.wanted for h in heard if h.wanted is not None), None)


def _limited(stream: Iterator[np.ndarray], length: int) -> Iterator[np.ndarray]:
    """The first ``length`` samples of a stream."""
    for chunk in stream:
        yield chunk[:length]
        length -= len(chunk[:length])


def _reported(items: list, progress: Progress | None) -> Iterator:
    """The items, with the share that is done told after each."""
    for number, item in enumerate(items, 1):
        yield item
        if progress is not None:
            progress(number / len(items))
