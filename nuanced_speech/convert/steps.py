"""How far a conversion is: its steps in order, each with its share of the time, and the stages inside them."""

from collections.abc import Iterator, Mapping

import numpy as np

from nuanced_speech.convert.options import ConversionOptions, is_recording
from nuanced_speech.core.constants import SAMPLE_RATE
from nuanced_speech.core.progress import Progress, part_of
from nuanced_speech.core.timing import listening

# Shares of the time that stages take in their step, measured on a clip of five seconds (one thread).
READY = {"read": 0.1, "overlap": 0.1, "load": 0.8}
PHONEMES, PHONEMES_SHARE = "phonemes", 0.6
_MEASUREMENT = {"features": 0.45, "content": 0.15, "style": 0.25, "f0": 0.1, "energy": 0.05}
SPEAKING = {"text": 0.05, "content": 0.02, "decode": 0.85, "repair": 0.08}


class Steps:
    """Tells the progress of a conversion, from 0 to 1 and never backwards.

    Args:
        progress: is told the share that is done; None for nobody.
        options: of the conversion: they say which steps it has.
    """

    def __init__(self, progress: Progress | None, options: ConversionOptions) -> None:
        self._progress, self._told = progress, 0.0
        text, refined, other = options.chosen_path != "direct", options.refine > 0, options.voice is not None
        weights = {
            "ready": 10,
            "target": (60 if refined else 15 * is_recording(options.voice)) if options.voice is not None else 0,
            "transcription": 25 if text else 0,
            "analysis": 10 if text else 20,
            "refinement": 60 if refined and not other else 0,
            "speaking": 55 if text else 70,
        }
        ends = np.cumsum([*weights.values()]) / sum(weights.values())
        self._spans = dict(zip(weights, zip([0.0, *ends[:-1]], ends, strict=True), strict=True))

    def part(self, name: str) -> Progress | None:
        """Tells how far one step is."""
        return None if self._progress is None else part_of(self._tell, *self._spans[name])

    def analysis(self, segments: int, recognised: bool) -> "Stages":
        """Tells how far the analysis of so many segments is; ``recognised`` where it finds their phonemes too."""
        return Stages(self.part("analysis"), _MEASUREMENT, segments, PHONEMES, PHONEMES_SHARE if recognised else 0.0)

    def stages(self, name: str, shares: Mapping[str, float], parts: int = 1) -> "Stages":
        """Tells how far a step is that has so many parts of some stages each."""
        return Stages(self.part(name), shares, parts)

    def _tell(self, share: float) -> None:
        # rounded, since sums of shares differ in their last digits
        share = round(float(share), 6)
        if self._progress is not None and share > self._told:
            self._told = share
            self._progress(share)


class Stages:
    """Progress of a step by its parts, and inside them by their stages, to which it listens as a context.

    Args:
        progress: is told the share of the step; None for nobody.
        shares: of the time of one part, by stage.
        parts: number of parts.
        after, after_share: a stage that follows several parts, and its share of the time of all.
    """

    def __init__(
        self,
        progress: Progress | None,
        shares: Mapping[str, float],
        parts: int,
        after: str = "",
        after_share: float = 0.0,
    ) -> None:
        self._progress, self._shares, self._parts = progress, shares, parts
        self._after, self._after_share = after, after_share
        self._done = self._inside = self._followed = 0.0

    def __call__(self, share: float) -> None:
        """So much of the step is done."""
        self._done, self._inside = share, 0.0
        self._tell()

    def ended(self, stage: str) -> None:
        """A stage of the part under way has ended."""
        if stage == self._after:
            self._followed = self._done
        self._inside = min(self._inside + self._shares.get(stage, 0.0), 1.0)
        self._tell()

    def over(self, waves: Iterator[np.ndarray], made: Progress | None = None) -> Iterator[np.ndarray]:
        """Waves ``[T]`` at 24 kHz, one for each part; ``made`` is told the seconds of all that are there."""
        seconds, number = 0.0, 0
        while True:
            with listening(self.ended):
                wave = next(waves, None)
            if wave is None:
                return
            seconds, number = seconds + len(wave) / SAMPLE_RATE, number + 1
            if made is not None:
                made(seconds)
            self(number / max(self._parts, number))
            yield wave

    def _tell(self) -> None:
        if self._progress is not None:
            done = min(self._done + self._inside / self._parts, 1.0)
            self._progress((1 - self._after_share) * done + self._after_share * self._followed)
