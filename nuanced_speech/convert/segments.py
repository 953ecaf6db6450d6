"""The segments of one recording, spoken one after the other, or several at the same time, and how they are spoken."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from nuanced_speech.analysis.features import SegmentFeatures
from nuanced_speech.convert.options import ConversionOptions
from nuanced_speech.core.constants import SEMITONES
from nuanced_speech.core.jobs import ALONE, Spread, in_order
from nuanced_speech.core.timing import stage
from nuanced_speech.dsp.pitch import median_log_f0
from nuanced_speech.synthesis.resynthesizer import Rendered, ResynthesisOptions
from nuanced_speech.synthesis.target_voice import TargetVoice

Speak = Callable[[SegmentFeatures, TargetVoice], Rendered]


def spoken(
    speak: Speak, features: Sequence[SegmentFeatures], voice: TargetVoice, spread: Spread = ALONE
) -> Iterator[np.ndarray]:
    """Audio ``[600 * units]`` of each segment, in their order.

    An equaliser is fitted to the first segment with enough speech, and the segments after it need it: until then, one
    comes after the other whatever the spread.

    Args:
        speak: speaks a segment in a voice, and gives the voice with the equaliser that it may have fitted. Threads
            may share it.
        features: of the segments.
        voice: to speak in.
        spread: how many at the same time.
    """
    left = iter(features)
    while spread.jobs == 1 or (voice.speaker is not None and voice.equalizer is None):
        item = next(left, None)
        if item is None:
            return
        rendered = speak(item, voice)
        # with the equaliser, once there is one
        voice = rendered.voice
        yield rendered.audio
    several = in_order(lambda item: speak(item, voice).audio, left, spread)
    while True:
        # what the threads take is no time of this one: it waits for them
        with stage("decode"):
            wave = next(several, None)
        if wave is None:
            return
        yield wave


def resynthesis_options(
    options: ConversionOptions, features: list[SegmentFeatures], target: TargetVoice | None
) -> ResynthesisOptions:
    """How to speak the segments of a recording, the melody moved to the target's range."""
    shift = options.pitch_shift / SEMITONES
    move = 0.0
    if target is not None:
        move = target.log_f0 - median_log_f0(np.concatenate([f.f0 for f in features]))
    return ResynthesisOptions(frozenset(options.keep), shift + (0.0 if np.isnan(move) else move), shift, options.seed)
