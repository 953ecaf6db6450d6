"""The whole chain: a recording and options → segments → features → target voice → resynthesis → one output."""

import logging
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nuanced_speech import audio
from nuanced_speech.adapt.voice_adaptation import VoiceAdapter
from nuanced_speech.analysis.analyzer import Analyzer, RecordingAnalyzer
from nuanced_speech.analysis.content import ContentEstimator
from nuanced_speech.analysis.features import SegmentFeatures
from nuanced_speech.analysis.overlapping_speech import OverlapFinder
from nuanced_speech.analysis.recorded_voice import RecordedVoice
from nuanced_speech.analysis.segmenter import Segmenter
from nuanced_speech.analysis.speaker_clustering import SpeakerClustering
from nuanced_speech.analysis.speech_gate import GatedRecording, SpeechGate, speech_in
from nuanced_speech.audio import Recording
from nuanced_speech.audio.declipping import declipped
from nuanced_speech.audio.level import gain_of
from nuanced_speech.audio.levelling import at_loudness
from nuanced_speech.audio.limiter import limited
from nuanced_speech.audio.segmentation import crossfade_join
from nuanced_speech.convert.conversion import Conversion, times_of
from nuanced_speech.convert.options import ConversionOptions, changed, is_recording
from nuanced_speech.convert.segments import resynthesis_options, spoken
from nuanced_speech.convert.sources import Reader, read_source
from nuanced_speech.convert.spooled_features import spooling
from nuanced_speech.convert.steps import READY, SPEAKING, Steps
from nuanced_speech.convert.streams import first_samples
from nuanced_speech.convert.text_language import text_language
from nuanced_speech.convert.transcript import in_recording, with_phonemes
from nuanced_speech.convert.transcription import RecordingTranscriber, Transcriber
from nuanced_speech.convert.voices import TargetVoices
from nuanced_speech.core.constants import SAMPLE_RATE
from nuanced_speech.core.errors import NoSpeechError
from nuanced_speech.core.files import check_apart
from nuanced_speech.core.jobs import ALONE, Spread
from nuanced_speech.core.progress import Progress
from nuanced_speech.core.timing import listening, stage, timed
from nuanced_speech.models.bank import ModelBank
from nuanced_speech.models.batched_decoder import batched, single
from nuanced_speech.models.decoder import KOKORO, Decoder, KokoroDecoder
from nuanced_speech.models.voice_activity import SpeechStretch
from nuanced_speech.models.whisper import Transcript
from nuanced_speech.synthesis.resynthesizer import ResynthesisOptions, Resynthesizer, SegmentSpeaker
from nuanced_speech.synthesis.target_voice import TargetVoice
from nuanced_speech.text.g2p import phoneme_chunks, phonemize
from nuanced_speech.text.languages import has_text_path
from nuanced_speech.voice.voice import Voice

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Prepared:
    """A source, analysed, and all that its resynthesis needs; ``samples`` are those that the gate let through."""

    source: np.ndarray
    gated: GatedRecording
    samples: int
    gain: float
    path: str
    transcript: Transcript | None
    language: str
    features: list[SegmentFeatures]
    voice: TargetVoice
    resynthesis: ResynthesisOptions
    overlaps: tuple[SpeechStretch, ...] = ()


class Converter:
    """Speaks recordings again. Threads may share it.

    Args:
        models: bank of all models; loaded when first needed.
        analyzer, speakers, adapter, resynthesizer, voices, gate, transcribe, segmenter, overlaps: the parts, made of
            ``models`` where they are omitted.
        reader: reads the files that are converted.
        decoder: makes the sound; Kokoro's own if omitted. ``models.fast_decoder.FastDecoder.load`` reads another.
        spread: segments of a recording at the same time, and their batches, such as ``core.jobs.spread_of`` gives.

    Example:
        ``Converter().convert("in.wav", voice="af_heart").save("out.wav")``
    """

    def __init__(
        self,
        models: ModelBank | None = None,
        analyzer: RecordingAnalyzer | None = None,
        speakers: SpeakerClustering | None = None,
        adapter: VoiceAdapter | None = None,
        resynthesizer: SegmentSpeaker | None = None,
        voices: TargetVoices | None = None,
        gate: SpeechGate | None = None,
        transcribe: Transcriber | None = None,
        segmenter: Segmenter | None = None,
        overlaps: OverlapFinder | None = None,
        reader: Reader = read_source,
        decoder: Decoder | None = None,
        spread: Spread = ALONE,
    ) -> None:
        self.models = models = models or ModelBank()
        decoder = decoder or KokoroDecoder(models)
        self.decoder = batched(decoder, spread.batch_seconds)
        self.reader, self.spread = reader, spread
        content = ContentEstimator(models)
        self.gate = gate or SpeechGate()
        self.transcribe: Transcriber = transcribe or RecordingTranscriber(models)
        self.segmenter = segmenter or Segmenter(models)
        self.overlaps = overlaps or OverlapFinder(models)
        self.analyzer: RecordingAnalyzer = analyzer or spooling(Analyzer(models, gate=self.gate), models.device)
        self.speakers = speakers or SpeakerClustering(models)
        self.adapter = adapter or VoiceAdapter(models, content, decoder=single(self.decoder))
        self.resynthesizer: SegmentSpeaker = resynthesizer or Resynthesizer(models, content, decoder=self.decoder)
        self.voices = voices or TargetVoices(models, self.analyzer, self.speakers, self.adapter)

    @property
    def settings(self) -> dict[str, str]:
        """What the outputs depend on besides the options, for their digest (``convert.archive.digest_of``)."""
        is_kokoro = self.decoder.digest == KOKORO
        return {"whisper": self.models.whisper} | ({} if is_kokoro else {"decoder": self.decoder.digest})

    def load(self, path: str = "direct") -> None:
        """Load the models of a path, so that loading is not counted as part of a conversion."""
        models = self.models
        with stage("load"):
            _ = models.kokoro, models.content_adapter, models.feature_extractor.model, models.style_encoder
            _ = models.attentive_style_encoder, models.speaker_encoder, models.speaker_segmentation
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
        made: Progress | None = None,
        **changes: Any,
    ) -> Conversion:
        """Speak a recording again.

        Args:
            source: a file, an array (see ``audio.waveform``) with its ``sample_rate``, or a ``Recording``, which has
                both.
            sample_rate: of an array, Hz. Without it, it is taken as 24 kHz with a warning, in this release only.
            options: what is wanted; the source's own voice with all of its delivery by default.
            output: stream the result to this file instead of returning it.
            progress: called with the share that is done, 0 to 1.
            made: called with the seconds of sound that are made.
            changes: single options by their names in ``ConversionOptions``, such as ``voice="af_heart"``.

        Raises:
            UserError: what ``audio.read`` or ``audio.waveform`` says of bad recordings; options that are not possible;
                an unknown voice; a language without text path.
        """
        options, source = changed(options, changes), _source(source, sample_rate)
        if output is not None:
            audio.check_writable(output, videos=True)
            read = [source, options.voice, *options.more]
            check_apart(output, *(path for path in read if isinstance(path, (str, Path))))
        with torch.no_grad(), timed() as seconds:
            steps = Steps(progress, options)
            prepared = self._prepare(source, options, steps)
            chunks = self._chunks(prepared, options, steps, made)
            comment = prepared.voice.mark
            if output is None:
                converted = np.concatenate(list(chunks))
            else:
                converted = np.zeros(0, np.float32)
                with audio.writer(output, None if isinstance(source, np.ndarray) else source, comment) as writer:
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
                overlaps=prepared.overlaps,
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
        options, source = changed(options, changes), _source(source, sample_rate)
        steps = Steps(None, options)
        with torch.no_grad():
            prepared = self._prepare(source, options, steps)
        yield from self._chunks(prepared, options, steps)

    def _prepare(self, source: str | Path | np.ndarray, options: ConversionOptions, steps: Steps) -> _Prepared:
        """Read, transcribe and analyse a source, and find the voice to speak it in."""
        ready = steps.stages("ready", READY)
        with listening(ready.ended), stage("read"):
            whole = source if isinstance(source, np.ndarray) else self.reader(source, options.channel)
            name = "the recording" if whole is source else str(source)
            gated = self._gated(declipped(whole, SAMPLE_RATE), options, name)
            if not gated.has_speech:
                return _silent(whole, gated, options)
            wave = gated.wave
            gain = gain_of(wave)
            more = {str(recording): audio.read(recording) for recording in options.more}
        path, target, transcript = options.chosen_path, None, None
        with listening(ready.ended):
            overlaps = self._overlaps(gated, name)
            self.load(path)
        if options.voice is not None:
            target = self.voices.target(options, more, steps.part("target"))
        segments = self.segmenter(wave)
        if path != "direct":
            transcript = self.transcribe(wave, options.language, len(segments) > 1, steps.part("transcription"))
        if path == "auto":
            path = "text" if transcript is not None and has_text_path(transcript.language) else "direct"
        language = options.language or (transcript.language if transcript else "en")
        recognise = path == "direct" and language == "en"
        analysis = steps.analysis(len(segments), recognise)
        with listening(analysis.ended):
            features = self.analyzer(wave, segments, gain, recognise, analysis)
        further = self.voices.further(features, more, options.refine > 0) if target is None else []
        assigned = self.speakers.assign([*features, *further])
        features, further = assigned[: len(features)], assigned[len(features) :]
        if transcript is not None and path == "text":
            features = with_phonemes(transcript, features, options.dictionary)
        adaptation = None
        if options.refine and target is None:
            adapted = self.adapter(features, options.refine, options.seed, steps.part("refinement"), further)
            features, adaptation = adapted.features, adapted.decoder
        speaker = next((f.reference for f in features if f.reference is not None), None)
        recorded = RecordedVoice([*features, *further], own=True)
        voice = target or TargetVoice.own(speaker, recorded, adaptation)
        transcript = None if transcript is None else in_recording(transcript, gated)
        resynthesis = resynthesis_options(options, features, target)
        # of hours, a second copy is held no longer than it is needed
        gated = replace(gated, wave=wave[:0].copy())
        return _Prepared(
            whole, gated, len(wave), gain, path, transcript, language, features, voice, resynthesis, overlaps
        )

    def _overlaps(self, gated: GatedRecording, name: str) -> tuple[SpeechStretch, ...]:
        """Where in a recording of some name two people speak at once; there is a warning where they do."""
        with stage("overlap"):
            stretches = self.overlaps(gated.wave)
        places = tuple(SpeechStretch(gated.seconds(one.start), gated.seconds(one.end)) for one in stretches)
        if places:
            log.warning("%s: two people speak at once (%s): one voice speaks for both", name, times_of(places))
        return places

    def _gated(self, wave: np.ndarray, options: ConversionOptions, name: str) -> GatedRecording:
        """The speech in ``wave [T]``, a source of some name. Where the gate is in doubt, Whisper decides.

        Raises:
            NoSpeechError: there is none, and the options are strict.
        """
        gated = speech_in(wave, self.gate, lambda loud: self.transcribe(loud, options.language, word_times=False))
        if not gated.has_speech:
            if options.strict:
                raise NoSpeechError(f"there is no speech in {name}")
            log.warning("there is no speech in %s: the output is silent", name)
        return gated.surrounded(self.gate.config) if options.in_time else gated

    def _chunks(
        self, prepared: _Prepared, options: ConversionOptions, steps: Steps, made: Progress | None = None
    ) -> Iterator[np.ndarray]:
        """The output, chunk by chunk, at the loudness that is wanted and without peaks."""
        chunks = self._unlimited(prepared, options, steps, made)
        return limited(chunks) if options.loudness is None else at_loudness(chunks, options.loudness)

    def _unlimited(
        self, prepared: _Prepared, options: ConversionOptions, steps: Steps, made: Progress | None
    ) -> Iterator[np.ndarray]:
        """The output, chunk by chunk, at the source's level."""
        if not prepared.gated.has_speech:
            yield np.zeros(len(prepared.source), np.float32)
            return
        gain = np.float32(prepared.gain)
        if options.text is not None:
            language = text_language(options, prepared.language)
            texts = phoneme_chunks(options.text, language, dictionary=options.dictionary)
            waves = self.resynthesizer.from_text(texts, prepared.features, prepared.voice, prepared.resynthesis)
            parts = len(texts)
        else:
            waves, parts = self._segments(prepared), len(prepared.features)
        levelled = (wave / gain for wave in steps.stages("speaking", SPEAKING, parts).over(waves, made))
        if not options.in_time:
            yield from levelled
            return
        joined = crossfade_join([f.segment for f in prepared.features], levelled)
        yield from prepared.gated.restored(first_samples(joined, prepared.samples))

    def _segments(self, prepared: _Prepared) -> Iterator[np.ndarray]:
        """Audio ``[600 * units]`` of each segment."""
        speak = self.resynthesizer.from_phonemes if prepared.path == "text" else self.resynthesizer.from_content
        spread = self.spread.fitted(len(prepared.features))
        yield from spoken(lambda f, v: speak(f, v, prepared.resynthesis), prepared.features, prepared.voice, spread)


def _silent(source: np.ndarray, gated: GatedRecording, options: ConversionOptions) -> _Prepared:
    """A source without speech, whose options are checked all the same."""
    recordings = [str(options.voice)] if options.voice is not None and is_recording(options.voice) else []
    for recording in (*recordings, *options.more):
        audio.read(recording)
    if options.voice is not None and not recordings:
        Voice.load(options.voice)
    resynthesis = ResynthesisOptions(frozenset(options.keep), 0.0, 0.0, options.seed)
    return _Prepared(
        source, gated, 0, 1.0, "none", None, options.language or "en", [], TargetVoice.own(None), resynthesis
    )


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
