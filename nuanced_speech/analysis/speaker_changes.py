"""Places of a recording where another person begins to speak, by speaker embeddings of windows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from nuanced_speech.audio.segmentation import Segment, with_bounds
from nuanced_speech.core.constants import SAMPLE_RATE, SPEAKER_DIM, WHISPER_SAMPLE_RATE
from nuanced_speech.models.speaker_encoder import HOP_LENGTH, LEVEL_DB, SpeakerEncoder

_FRAMES_PER_SECOND = WHISPER_SAMPLE_RATE // HOP_LENGTH
_BATCH = 64


@dataclass(frozen=True)
class ChangeConfig:
    """Settings of the search for changes. Times are of speech, pauses left out.

    Attributes:
        window_seconds: length of a window; shorter ones tell voices apart badly.
        step_seconds: distance of windows.
        side_seconds: speech that there must be on either side of a change.
        contexts: speech on either side that is compared, at most, and the cosine of both sides' mean embeddings below
            which there is a change (docs/experiments.md); a short context finds a short turn between two others.
        turn: cosine of both sides, of the first context at most and up to the next turn, below which there is a change
            where another network finds a turn.
        turn_seconds: how far its place, which is more exact, may lie from that of a change that the embeddings find.
    """

    window_seconds: float = 1.2
    step_seconds: float = 0.2
    side_seconds: float = 1.4
    contexts: tuple[tuple[float, float], ...] = ((4.0, 0.67), (2.6, 0.6))
    turn: float = 0.8
    turn_seconds: float = 1.7

    @property
    def window(self) -> int:
        """Frames of 10 ms in a window."""
        return round(self.window_seconds * _FRAMES_PER_SECOND)

    @property
    def step(self) -> int:
        """Frames between the begins of windows."""
        return round(self.step_seconds * _FRAMES_PER_SECOND)

    @property
    def crossing(self) -> int:
        """Windows that a change falls into, less one."""
        return self.window // self.step

    def windows(self, seconds: float) -> int:
        """Number of windows in so much speech."""
        return (round(seconds * _FRAMES_PER_SECOND) - self.window) // self.step + 1


class SpeakerChanges:
    """Finds changes of speaker, and cuts segments there. Threads may share it.

    Args:
        encoder: speaker encoder.
        config: settings.
        turns: times at which the speaker may have changed, by another network; none by default.
    """

    def __init__(
        self,
        encoder: SpeakerEncoder,
        config: ChangeConfig | None = None,
        turns: Callable[[np.ndarray], list[float]] | None = None,
    ) -> None:
        self.encoder, self.config, self.turns = encoder, config or ChangeConfig(), turns

    def __call__(self, wave: np.ndarray) -> list[float]:
        """Times in ``wave [T]`` at 24 kHz, in seconds, at which another speaker begins, to about 0.3 s.

        A speaker of less than 1.4 s of speech is not noticed, and neither are people who speak at the same time.
        """
        frames, embeddings = self._windows(wave)
        changes = _changes(embeddings, 0, self.config)
        bounds, config = [0, *changes, len(embeddings)], self.config
        places = [
            _place(embeddings, begin, change, end, config)
            for begin, change, end in zip(bounds, changes, bounds[2:], strict=False)
        ]
        times = [float(frames[round(place)]) / _FRAMES_PER_SECOND for place in places]
        candidates = [] if self.turns is None else self.turns(wave)
        edges = [0.0, *candidates, np.inf]
        turns = [
            turn
            for begin, turn, end in zip(edges, candidates, edges[2:], strict=False)
            if self._likeness(begin, turn, end, frames, embeddings) < config.turn
        ]
        further = (time for time in times if all(abs(time - turn) > config.turn_seconds for turn in turns))
        return sorted([*turns, *further])

    def split(self, wave: np.ndarray, segments: Sequence[Segment]) -> list[Segment]:
        """The segments of ``wave [T]`` at 24 kHz, cut at changes of speaker too; without any, as they are."""
        return with_bounds(wave, segments, self(wave))

    def _likeness(self, begin: float, time: float, end: float, frames: np.ndarray, embeddings: np.ndarray) -> float:
        """Cosine of both sides of a time, between times before and after it, all in seconds; 1 where a side has no
        window of its own."""
        config = self.config
        first, place, last = (int(np.searchsorted(frames, t * _FRAMES_PER_SECOND)) for t in (begin, time, end))
        context = round(config.contexts[0][0] * _FRAMES_PER_SECOND)
        one = self._sum(embeddings, max(first, place - context), place)
        other = self._sum(embeddings, place, min(place + context, last))
        norms = np.linalg.norm(one) * np.linalg.norm(other)
        return float(one @ other / norms) if norms > 0 else 1.0

    def _sum(self, embeddings: np.ndarray, begin: int, end: int) -> np.ndarray:
        """Sum of the embeddings of the windows that lie between two frames of speech, ``[256]``."""
        step = self.config.step
        total: np.ndarray = embeddings[-(-begin // step) : max((end - self.config.window) // step + 1, 0)].sum(0)
        return total

    @torch.no_grad()
    def _windows(self, wave: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Frames of 10 ms that hold speech, and embeddings ``[N, 256]`` of windows of them, each at the usual level."""
        config = self.config
        frames, mel = self.encoder.spoken_mel(wave, SAMPLE_RATE)
        if len(mel) < config.window:
            return frames, np.zeros((0, SPEAKER_DIM), np.float32)
        windows = mel.unfold(0, config.window, config.step).transpose(1, 2)
        embeddings = []
        for batch in windows.split(_BATCH):
            level = batch.mean((1, 2), keepdim=True)
            embeddings.append(self.encoder(batch * (10 ** (LEVEL_DB / 10) / level)).cpu().numpy())
        return frames, np.concatenate(embeddings)


def _place(embeddings: np.ndarray, begin: int, change: int, end: int, config: ChangeConfig) -> float:
    """Frame of speech of a change: windows before it are nearer to one speaker, those after it to the other.

    Args:
        embeddings: of windows ``[N, 256]``.
        begin, end: windows between which both speakers are.
        change: window with which the second one begins, about.
        config: settings.
    """
    context, crossing = config.windows(config.contexts[0][0]), config.crossing
    before = embeddings[max(begin, change - crossing + 1 - context) : change - crossing + 1].sum(0)
    after = embeddings[change : min(change + context, end)].sum(0)
    first, last = max(begin, change - 2 * crossing), min(change + crossing, end)
    nearer = embeddings[first:last] @ (after / np.linalg.norm(after) - before / np.linalg.norm(before))
    split = int(np.concatenate([[0.0], np.cumsum(nearer)]).argmin())
    return max((first + split - 0.5) * config.step + config.window / 2, 0.0)


def _changes(embeddings: np.ndarray, first: int, config: ChangeConfig) -> list[int]:
    """Windows with which another speaker begins: the clearest one, and those on both sides of it.

    Args:
        embeddings: of windows ``[N, 256]``, the first of which has the number ``first``.
        config: settings.
    """
    side, crossing = config.windows(config.side_seconds), config.crossing
    places = np.arange(crossing + side - 1, len(embeddings) - side + 1)
    if not len(places):
        return []
    sums = np.concatenate([np.zeros((1, SPEAKER_DIM)), np.cumsum(embeddings, 0, np.float64)])
    excess = np.min([_likeness(sums, places, crossing, config.windows(s)) - least for s, least in config.contexts], 0)
    best = int(excess.argmin())
    if excess[best] >= 0:
        return []
    change = int(places[best])
    before = _changes(embeddings[: change - crossing + 1], first, config)
    return [*before, first + change, *_changes(embeddings[change:], first + change, config)]


def _likeness(sums: np.ndarray, places: np.ndarray, crossing: int, context: int) -> np.ndarray:
    """Cosines of the windows before and after places, without those that cross them; ``sums [N + 1, 256]`` are of all
    windows up to one."""
    end = places - crossing + 1
    left = sums[end] - sums[np.maximum(end - context, 0)]
    right = sums[np.minimum(places + context, len(sums) - 1)] - sums[places]
    cosines: np.ndarray = (left * right).sum(1) / np.linalg.norm(left, axis=1) / np.linalg.norm(right, axis=1)
    return cosines
