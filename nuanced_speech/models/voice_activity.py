"""Voice activity: how probable speech is in each 32 ms of a recording, and the stretches of speech that follow.

Silero VAD 6 (Silero Team 2020-2025, https://github.com/snakers4/silero-vad) runs in ONNX Runtime on one thread. Its
weights (MIT licence, see ``data/silero_vad.LICENSE.txt``) are the file ``silero_vad_16k_sequence.onnx`` of the PyPI
package ``silero-vad`` 6.2.3, unchanged: many frames in one call, and the same numbers as frame by frame.
"""

from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import soxr

from nuanced_speech.audio.resampling import resample
from nuanced_speech.core.constants import DATA, SAMPLE_RATE, WHISPER_SAMPLE_RATE
from nuanced_speech.core.progress import Progress

WEIGHTS = DATA / "silero_vad.onnx"
FRAME_SAMPLES = 512
"""Samples at 16 kHz of a frame."""
FRAME_SECONDS = FRAME_SAMPLES / WHISPER_SAMPLE_RATE
"""Length of a frame: 32 ms."""
_CONTEXT_SAMPLES = 64
_STATE_SHAPE = (1, 1, 128)
# Frames of one call: a minute, whose intermediate results take 20 MB.
_FRAMES_AT_ONCE = 1 << 11


@dataclass(frozen=True)
class ActivityState:
    """What a stream of audio leaves behind for the next chunk. Begin with ``ActivityState()``.

    Attributes:
        pending: samples ``[< 512]`` at 16 kHz that do not fill a frame yet.
        context: the last 64 samples before them; None at the beginning.
        hidden: state of the network ``[1, 1, 128]``; None at the beginning.
        cell: the same.
    """

    pending: np.ndarray | None = None
    context: np.ndarray | None = None
    hidden: np.ndarray | None = None
    cell: np.ndarray | None = None


@dataclass(frozen=True)
class SpeechStretch:
    """A stretch of speech in a recording, in seconds from its beginning."""

    start: float
    end: float


@dataclass(frozen=True)
class StretchConfig:
    """How probabilities become stretches of speech.

    Attributes:
        begins: probability that a frame of speech at least must have.
        ends: probability that all frames around it must have.
        shortest_seconds: speech that is shorter is none, before margins are added.
        pause_seconds: a pause that is shorter belongs to the speech around it.
        margin_seconds: what is kept before and after speech: soft first and last sounds have a low probability.
    """

    begins: float = 0.5
    ends: float = 0.35
    shortest_seconds: float = 0.064
    pause_seconds: float = 0.2
    margin_seconds: float = 0.2


class VoiceActivity:
    """Tells speech from silence and all other sound. Threads may share it; it takes about 1 MB.

    Example, of a stream::

        activity, state = VoiceActivity(), ActivityState()
        for chunk in chunks:  # of any length, at 16 kHz
            probabilities, state = activity(chunk, state)

    Example, of a recording: ``stretches(VoiceActivity().of_recording(wave, 24_000))``.
    """

    def __init__(self) -> None:
        self._session = _session()

    def __call__(
        self, samples: np.ndarray, state: ActivityState | None = None, progress: Progress | None = None
    ) -> tuple[np.ndarray, ActivityState]:
        """The frames that a chunk of a stream completes.

        Args:
            samples: ``[T]`` at 16 kHz, from -1 to 1, of any length, also 0.
            state: what the last call returned; None at the beginning of a stream.
            progress: called with the share that is done.

        Returns:
            probability of speech of each frame, float32 ``[(pending + T) // 512]``, and the state for the next chunk.
        """
        state = state or ActivityState()
        samples = np.asarray(samples, np.float32)
        if state.pending is not None:
            samples = np.concatenate([state.pending, samples])
        context = np.zeros(_CONTEXT_SAMPLES, np.float32) if state.context is None else state.context
        hidden = np.zeros(_STATE_SHAPE, np.float32) if state.hidden is None else state.hidden
        cell = np.zeros(_STATE_SHAPE, np.float32) if state.cell is None else state.cell
        whole = len(samples) // FRAME_SAMPLES
        frames = samples[: whole * FRAME_SAMPLES].reshape(whole, FRAME_SAMPLES)
        parts = [np.zeros(0, np.float32)]
        for begin in range(0, whole, _FRAMES_AT_ONCE):
            block = frames[begin : begin + _FRAMES_AT_ONCE]
            before = np.concatenate([context[None], block[:-1, -_CONTEXT_SAMPLES:]])
            inputs = {"input": np.concatenate([before, block], axis=1), "h": hidden, "c": cell}
            probabilities, hidden, cell = self._session.run(["speech_probs", "hn", "cn"], inputs)
            parts.append(probabilities)
            if progress is not None:
                progress(min(1.0, (begin + _FRAMES_AT_ONCE) / whole))
            context = block[-1, -_CONTEXT_SAMPLES:]
        # copies, so that a state does not keep the whole chunk in memory
        pending = samples[whole * FRAME_SAMPLES :].copy()
        return np.concatenate(parts), ActivityState(pending, context.copy(), hidden, cell)

    def of_recording(
        self, wave: np.ndarray, sample_rate: int = WHISPER_SAMPLE_RATE, progress: Progress | None = None
    ) -> np.ndarray:
        """Probability of speech in each 32 ms of a whole recording, float32 ``[ceil(seconds / 0.032)]``.

        Args:
            wave: ``[T]``, from -1 to 1.
            sample_rate: of it, in Hz.
            progress: called with the share that is done.
        """
        wave = resample(wave, sample_rate, WHISPER_SAMPLE_RATE)
        return self(np.pad(wave, (0, -len(wave) % FRAME_SAMPLES)), progress=progress)[0]


class ActivityStream:
    """Probability of speech in each 32 ms of a stream at 24 kHz. For one thread at a time."""

    def __init__(self) -> None:
        self._activity, self._state = VoiceActivity(), ActivityState()
        self._resampler = soxr.ResampleStream(SAMPLE_RATE, WHISPER_SAMPLE_RATE, 1, "float32")

    def __call__(self, samples: np.ndarray) -> np.ndarray:
        """Probabilities of the frames that ``samples [T]``, which follow those of the last call, complete."""
        resampled = self._resampler.resample_chunk(np.asarray(samples, np.float32))
        probabilities, self._state = self._activity(resampled, self._state)
        return probabilities


def stretches(probabilities: np.ndarray, config: StretchConfig | None = None) -> list[SpeechStretch]:
    """The stretches of speech in a recording, in order, without overlap.

    A stretch is where the probability stays at ``ends`` or above, if it rises to ``begins`` somewhere.

    Args:
        probabilities: of speech in each 32 ms, ``[frames]``.
        config: thresholds and lengths.
    """
    config = config or StretchConfig()
    joined: list[tuple[int, int]] = []
    for first, last in runs(np.asarray(probabilities) >= config.ends):
        if joined and (first - joined[-1][1]) * FRAME_SECONDS < config.pause_seconds:
            joined[-1] = joined[-1][0], last
        else:
            joined.append((first, last))
    shortest = config.shortest_seconds / FRAME_SECONDS
    speech = [
        (first, last)
        for first, last in joined
        if last - first >= shortest and probabilities[first:last].max() >= config.begins
    ]
    if not speech:
        return []
    # margins meet in the middle of a pause that is shorter than two of them
    middles = [(before[1] + after[0]) / 2 for before, after in pairwise(speech)]
    bounds = [0.0, *middles, float(len(probabilities))]
    margin = config.margin_seconds / FRAME_SECONDS
    return [
        SpeechStretch(max(first - margin, begin) * FRAME_SECONDS, min(last + margin, end) * FRAME_SECONDS)
        for (first, last), (begin, end) in zip(speech, pairwise(bounds), strict=True)
    ]


def speech_in(wave: np.ndarray, sample_rate: int, config: StretchConfig | None = None) -> list[SpeechStretch]:
    """The stretches of speech in a recording ``[T]``; none where nobody speaks."""
    return stretches(VoiceActivity().of_recording(wave, sample_rate), config)


def runs(flags: np.ndarray) -> list[tuple[int, int]]:
    """Where flags ``[frames]`` are set: the first of each run and the one after its last."""
    padded = np.concatenate([[False], flags, [False]])
    edges = np.flatnonzero(padded[1:] != padded[:-1])
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


@cache
def _session() -> Any:
    """The network in ONNX Runtime; one for the process, since it keeps no state."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # one frame takes a fraction of a millisecond: more threads only wait for each other
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(WEIGHTS, options, providers=["CPUExecutionProvider"])
