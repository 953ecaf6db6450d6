"""The whole chain: a recording and options → segments → features → target voice → resynthesis → one output."""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nuanced_speech import audio
from nuanced_speech.adapt.voice_adaptation import VoiceAdapter
from nuanced_speech.analysis.analyzer import Analyzer
from nuanced_speech.analysis.content import ContentEstimator
from nuanced_speech.analysis.features import SegmentFeatures, gain_of
from nuanced_speech.analysis.prepared_segment import to_16k
from nuanced_speech.analysis.speaker_clustering import SpeakerClustering
from nuanced_speech.audio import SYNTHETIC, Recording
from nuanced_speech.audio.segmentation import crossfade_join, segment
from nuanced_speech.convert.options import ConversionOptions
from nuanced_speech.convert.text_language import text_language
from nuanced_speech.convert.voices import TargetVoices
from nuanced_speech.core.constants import SAMPLE_RATE, SECONDS_PER_UNIT, SEMITONES
from nuanced_speech.core.files import check_apart
from nuanced_speech.core.progress import Progress, part_of
from nuanced_speech.core.timing import stage, timed
from nuanced_speech.dsp.kin import with_kin
from nuanced_speech.dsp.pitch import median_log_f0
from nuanced_speech.models.bank import ModelBank
from nuanced_speech.models.whisper import Transcript
from nuanced_speech.synthesis.resynthesizer import Delivery, Resynthesizer
from nuanced_speech.synthesis.target_voice import TargetVoice
from nuanced_speech.text.dictionary import Dictionary
from nuanced_speech.text.g2p import phoneme_chunks, phonemize
from nuanced_speech.text.languages import MAPPED_LANGUAGES, has_text_path


@dataclass(frozen=True)
class Conversion:
    """A converted recording.

    Attributes:
        audio: ``[T]`` float32 at 24 kHz, as long as the source unless words or rhythm are new; empty if it was streamed
            to a file.
        source: the source as it was read, ``[T]`` at 24 kHz.
        path: ``direct`` or ``text``.
        seconds: processing time by stage.
        transcript: of the source, where the path needed it.
        language: of the source, ISO 639-1.
        sample_rate: in Hz.
        comment: that the output is synthetic, and in which voice; written into the file.
    """

    audio: np.ndarray
    source: np.ndarray
    path: str
    seconds: dict[str, float]
    transcript: Transcript | None = None
    language: str = "en"
    sample_rate: int = SAMPLE_RATE
    comment: str = SYNTHETIC

    @property
    def rtf(self) -> float:
        """Processing time over the source's length, without the loading of models."""
        spent = sum(value for name, value in self.seconds.items() if name != "load")
        return spent / (len(self.source) / self.sample_rate)

    def save(self, path: str | Path) -> None:
        """Write WAV, FLAC or OGG by the name."""
        audio.write(path, self.audio, self.sample_rate, self.comment)


@dataclass(frozen=True)
class _Prepared:
    """A source, analysed, and all that its resynthesis needs."""

    source: np.ndarray
    gain: float
    path: str
    transcript: Transcript | None
    language: str
    features: list[SegmentFeatures]
    voice: TargetVoice
    delivery: Delivery


class Converter:
    """Speaks recordings again. Threads may share it.

    Args:
        models: bank of all models; loaded when first needed.
        analyzer, speakers, adapter, resynthesizer, voices: the parts, made of ``models`` where they are omitted.

    Example:
        ``Converter().convert("in.wav", voice="af_heart").save("out.wav")``
    """

    def __init__(
        self,
        models: ModelBank | None = None,
        analyzer: Analyzer | None = None,
        speakers: SpeakerClustering | None = None,
        adapter: VoiceAdapter | None = None,
        resynthesizer: Resynthesizer | None = None,
        voices: TargetVoices | None = None,
    ) -> None:
        self.models = models = models or ModelBank()
        content = ContentEstimator(models)
        self.analyzer = analyzer or Analyzer(models)
        self.speakers = speakers or SpeakerClustering(models)
        self.adapter = adapter or VoiceAdapter(models, content)
        self.resynthesizer = resynthesizer or Resynthesizer(models, content)
        self.voices = voices or TargetVoices(models, self.analyzer, self.speakers, self.adapter)

    def load(self, path: str = "direct") -> None:
        """Load the models of a path, so that loading is not counted as part of a conversion."""
        models = self.models
        with stage("load"):
            _ = models.kokoro, models.content_adapter, models.feature_extractor.model, models.style_encoder
            _ = models.attentive_style_encoder, models.speaker_encoder
            _ = None if models.encoder else models.timbre_surrogate
            if path == "direct":
                _ = models.phoneme_recognizer
            else:
                _ = models.transcriber.model
                phonemize("ready")

    def convert(
        self,
        source: str | Path | np.ndarray | Recording,
        options: ConversionOptions | None = None,
        *,
        sample_rate: int | None = None,
        output: str | Path | None = None,
        progress: Progress | None = None,
        **changes: Any,
    ) -> Conversion:
        """Speak a recording again.

        Args:
            source: a file, an array (see ``audio.waveform``) with its ``sample_rate``, or a ``Recording``, which has
                both.
            sample_rate: of an array, Hz. Without it, an array is taken as 24 kHz with a warning, in this release only.
            options: what is wanted; the source's own voice with all of its delivery by default.
            output: stream the result to this file instead of returning it.
            progress: called with the share that is done, 0 to 1.
            changes: single options by their names in ``ConversionOptions``, such as ``voice="af_heart"``.

        Raises:
            UserError: what ``audio.read`` or ``audio.waveform`` says of bad recordings; options that are not possible;
                an unknown voice; a language without text path.
        """
        options, source = _options(options, changes), _source(source, sample_rate)
        if output is not None:
            audio.check_writable(output)
            read = [source, options.voice, *options.more]
            check_apart(output, *(path for path in read if isinstance(path, (str, Path))))
        with torch.no_grad(), timed() as seconds:
            prepared = self._prepare(source, options, progress)
            chunks = self._chunks(prepared, options, part_of(progress, _analysed(options), 1.0))
            comment = prepared.voice.mark
            if output is None:
                converted = np.concatenate(list(chunks))
            else:
                converted = np.zeros(0, np.float32)
                with audio.AudioWriter(output, SAMPLE_RATE, comment) as writer:
                    for chunk in chunks:
                        writer.write(chunk)
            return Conversion(
                converted,
                prepared.source,
                prepared.path,
                dict(seconds),
                prepared.transcript,
                prepared.language,
                comment=comment,
            )

    def stream(
        self,
        source: str | Path | np.ndarray | Recording,
        options: ConversionOptions | None = None,
        *,
        sample_rate: int | None = None,
        **changes: Any,
    ) -> Iterator[np.ndarray]:
        """The output of ``convert``, chunk by chunk as it is made: float32 ``[T]`` at 24 kHz each.

        The source is analysed as a whole before the first chunk.
        """
        options, source = _options(options, changes), _source(source, sample_rate)
        with torch.no_grad():
            prepared = self._prepare(source, options)
        yield from self._chunks(prepared, options)

    def _prepare(
        self, source: str | Path | np.ndarray, options: ConversionOptions, progress: Progress | None = None
    ) -> _Prepared:
        """Read, transcribe and analyse a source, and find the voice to speak it in."""
        with stage("read"):
            wave = source if isinstance(source, np.ndarray) else audio.read(source)
            gain = gain_of(wave)
            more = {str(recording): audio.read(recording) for recording in options.more}
        path = options.chosen_path
        self.load(path)
        target, begin = None, 0.0
        if options.voice is not None:
            target = self.voices.target(options, more, part_of(progress, 0.0, 0.4))
            begin = 0.4 if options.refine else 0.0
        segments = segment(wave)
        transcript = None if path == "direct" else self._transcribe(wave, options.language, len(segments) > 1)
        if path == "auto":
            path = "text" if transcript is not None and has_text_path(transcript.language) else "direct"
        language = options.language or (transcript.language if transcript else "en")
        recognise = path == "direct" and language == "en"
        features = self.analyzer(wave, segments, gain, recognise, part_of(progress, begin, begin + 0.2))
        further = self.voices.further(features, more, options.refine > 0) if target is None else []
        assigned = self.speakers.assign([*features, *further])
        features, further = assigned[: len(features)], assigned[len(features) :]
        if transcript is not None and path == "text":
            features = _with_phonemes(transcript, features, options.dictionary)
        if options.refine and target is None:
            refine_progress = part_of(progress, begin + 0.2, begin + 0.6)
            features = self.adapter(features, options.refine, options.seed, refine_progress, further).features
        voice = target or TargetVoice.own(next((f.reference for f in features if f.reference is not None), None))
        return _Prepared(wave, gain, path, transcript, language, features, voice, _delivery(options, features, target))

    def _transcribe(self, wave: np.ndarray, language: str | None, word_times: bool) -> Transcript:
        """Transcript of ``wave [T]``. Word times cost another pass of Whisper's decoder, and only say which segment a
        word is in."""
        if word_times:
            with stage("load"):
                _compile_word_times()
        with stage("transcribe"):
            return self.models.transcriber.transcribe(to_16k(wave), language, words=word_times)

    def _chunks(
        self, prepared: _Prepared, options: ConversionOptions, progress: Progress | None = None
    ) -> Iterator[np.ndarray]:
        """The output, chunk by chunk, at the source's level."""
        gain = np.float32(prepared.gain)
        if options.text is not None:
            language = text_language(options, prepared.language)
            texts = phoneme_chunks(options.text, language, dictionary=options.dictionary)
            reported = _reported(texts, progress)
            waves = self.resynthesizer.from_text(reported, prepared.features, prepared.voice, prepared.delivery)
        else:
            waves = self._segments(prepared, progress)
        levelled = (wave / gain for wave in waves)
        if not options.in_time:
            yield from levelled
            return
        yield from _limited(crossfade_join([f.segment for f in prepared.features], levelled), len(prepared.source))

    def _segments(self, prepared: _Prepared, progress: Progress | None) -> Iterator[np.ndarray]:
        """Audio ``[600 * units]`` of each segment."""
        voice = prepared.voice
        speak = self.resynthesizer.from_phonemes if prepared.path == "text" else self.resynthesizer.from_content
        for features in _reported(prepared.features, progress):
            rendered = speak(features, voice, prepared.delivery)
            # with the equaliser, once there is one
            voice = rendered.voice
            yield rendered.audio


def _options(options: ConversionOptions | None, changes: dict[str, Any]) -> ConversionOptions:
    if options is not None and not isinstance(options, ConversionOptions):
        warnings.warn("give the voice by its name: voice=…", DeprecationWarning, stacklevel=3)
        options = ConversionOptions(voice=options)
    return replace(options or ConversionOptions(), **changes)


def _source(source: str | Path | np.ndarray | Recording, sample_rate: int | None) -> str | Path | np.ndarray:
    """A file as it is, an array as ``[T]`` at 24 kHz."""
    if isinstance(source, (str, Path)):
        return source
    if isinstance(source, Recording):
        return audio.waveform(source.audio, source.sample_rate)
    if sample_rate is None:
        what = "give the array's sample_rate=…, or a Recording; the next release takes 24 kHz no longer for granted"
        warnings.warn(what, DeprecationWarning, stacklevel=3)
        sample_rate = SAMPLE_RATE
    return audio.waveform(source, sample_rate)


def _analysed(options: ConversionOptions) -> float:
    """Share of the work that is done when a source is analysed."""
    return 0.6 if options.refine else 0.2


def _delivery(options: ConversionOptions, features: list[SegmentFeatures], target: TargetVoice | None) -> Delivery:
    """How to speak, the melody moved to the target's range."""
    shift = options.pitch_shift / SEMITONES
    move = 0.0
    if target is not None:
        move = target.log_f0 - median_log_f0(np.concatenate([f.f0 for f in features]))
    return Delivery(frozenset(options.keep), shift + (0.0 if np.isnan(move) else move), shift, options.seed)


@cache
def _compile_word_times() -> None:
    """Whisper's word times need a function that numba compiles at its first call, for some seconds."""
    from whisper.timing import dtw

    dtw(torch.zeros(2, 2))


def _with_phonemes(
    transcript: Transcript, features: list[SegmentFeatures], dictionary: Dictionary | None
) -> list[SegmentFeatures]:
    """Segments with the phonemes of the words whose middle they hold; a single segment has all words."""
    words = [word for piece in transcript.segments for word in piece.words]
    with_phonemes = []
    for item in features:
        start, end = item.segment.start * SECONDS_PER_UNIT, item.segment.end * SECONDS_PER_UNIT
        inside = (w.text for w in words if start <= (w.start + w.end) / 2 < end)
        text = transcript.text if len(features) == 1 else " ".join(inside)
        if any(c.isalnum() for c in text):
            item = replace(item, phonemes=phonemize(text, transcript.language, dictionary=dictionary))
            if transcript.language in MAPPED_LANGUAGES:
                item = replace(item, log_probabilities=with_kin(item.log_probabilities))
        with_phonemes.append(item)
    return with_phonemes


def _limited(stream: Iterator[np.ndarray], length: int) -> Iterator[np.ndarray]:
    """The first ``length`` samples of a stream."""
    for chunk in stream:
        yield chunk[:length]
        length -= len(chunk[:length])


def _reported(items: Sequence[Any], progress: Progress | None) -> Iterator[Any]:
    """The items; the share that is done is reported after each."""
    for number, item in enumerate(items, 1):
        yield item
        if progress is not None:
            progress(number / len(items))
