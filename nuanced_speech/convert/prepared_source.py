"""A recording that is analysed and ready to be spoken again."""

from dataclasses import dataclass

import numpy as np

from nuanced_speech import audio
from nuanced_speech.analysis.features import SegmentFeatures
from nuanced_speech.analysis.speech_gate import GatedRecording
from nuanced_speech.convert.options import ConversionOptions, is_recording
from nuanced_speech.core.constants import SEMITONES
from nuanced_speech.dsp.pitch import median_log_f0
from nuanced_speech.models.voice_activity import SpeechStretch
from nuanced_speech.models.whisper import Transcript
from nuanced_speech.synthesis.resynthesizer import ResynthesisOptions
from nuanced_speech.synthesis.target_voice import TargetVoice
from nuanced_speech.voice.voice import Voice


@dataclass(frozen=True)
class PreparedSource:
    """A source, analysed, and all that its resynthesis needs.

    Attributes:
        source: the recording, float32 ``[T]`` at 24 kHz.
        gated: its speech.
        samples: number of samples that the gate let through.
        gain: factor by which the analysis made it louder.
        path: ``text``, ``direct``, or ``none`` where there is no speech.
        transcript: None on the direct path.
        language: ISO 639-1 code.
        features: of its segments.
        voice: what it is spoken in.
        resynthesis: how it is spoken.
        overlaps: stretches in which two people speak at once.
    """

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


def silent_source(source: np.ndarray, gated: GatedRecording, options: ConversionOptions) -> PreparedSource:
    """A source without speech, whose options are checked all the same.

    Raises:
        UserError: a recording or a voice of the options that cannot be read.
    """
    recordings = [str(options.voice)] if options.voice is not None and is_recording(options.voice) else []
    for recording in (*recordings, *options.more):
        audio.read(recording)
    if options.voice is not None and not recordings:
        Voice.load(options.voice)
    resynthesis, language = ResynthesisOptions(frozenset(options.keep), seed=options.seed), options.language or "en"
    return PreparedSource(source, gated, 0, 1.0, "none", None, language, [], TargetVoice.own(None), resynthesis)


def resynthesis_options(
    options: ConversionOptions, features: list[SegmentFeatures], target: TargetVoice | None
) -> ResynthesisOptions:
    """How to speak, the melody moved to the target's range."""
    shift = options.pitch_shift / SEMITONES
    move = 0.0
    if target is not None:
        move = target.log_f0 - median_log_f0(np.concatenate([f.f0 for f in features]))
    return ResynthesisOptions(frozenset(options.keep), shift + (0.0 if np.isnan(move) else move), shift, options.seed)
