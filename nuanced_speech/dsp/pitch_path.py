"""From a pitch network's scores to one melody at 80 Hz: the search for a path, on arrays alone.

The numbers of SwiftF0's frames, and those of ``dsp.f0``, are here because what runs without PyTorch needs them too.
"""

import numpy as np

from nuanced_speech.core.constants import FRAME_RATE, WHISPER_SAMPLE_RATE

# Hz: SwiftF0 was trained at Whisper's rate.
SAMPLE_RATE = WHISPER_SAMPLE_RATE
HOP_LENGTH = 256
N_FFTS = (1024, 2048, 512)
LOWEST_HZ, HIGHEST_HZ = 46.875, 2093.75
N_PITCHES = 95
PITCHES_HZ = np.geomspace(LOWEST_HZ, HIGHEST_HZ, N_PITCHES)
# A frame depends on so many frames before and after it: the convolutions' reach and half the longest window.
CONTEXT_FRAMES = 11
CEILING_HZ = 1050.0

# The network's voicing depends on the level: speech is brought to this one (RMS, dBFS) first.
LEVEL_DB = -20.0
# A frame this far below the speech is unvoiced, whatever the network scores.
QUIET_DB = 55.0
# Sum of the one-sided 1024-point power spectrum of a waveform with an RMS of 1, under a Hann window.
FULL_SCALE_POWER = 1024 * 1024 * 3 / 8 / 2

# A frame is a pause when its 200 to 4000 Hz lie this far below the loud frames and near the quietest.
PAUSE_BELOW_LOUD_DB = 15.0
PAUSE_ABOVE_QUIET_DB = 3.0
MIN_PAUSE_FRAMES = 10
# Power subtraction: twice the noise is removed, and a tenth of the magnitude always stays.
OVER_SUBTRACTION = 2.0
LEAST_GAIN = 0.1

# Viterbi costs in nats. A pitch step is 0.7 semitones; one step a frame is free.
_VOICING_BIAS = 0.5
_VOICING_CHANGE = 1.0
_PITCH_STEP = 0.5
_PITCH_JUMP = 10.0


def costs(pitch: np.ndarray, voicing: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Log-scores ``[n, states]`` and transitions ``[states, states]``; the last state is "unvoiced".

    The best of all pitches scores what the voicing scores, so that many rivals for the pitch do not make a frame
    unvoiced; where it lies above the ceiling, those below score less.
    """
    count = pitch.shape[1]
    voicing = np.clip(voicing + _VOICING_BIAS, -30, 30)
    frame = np.empty((len(pitch), count + 1), dtype=np.float32)
    frame[:, :count] = pitch - np.logaddexp(0, -voicing)[:, None]
    frame[:, count] = -np.logaddexp(0, voicing)
    distance = np.abs(np.subtract.outer(np.arange(count), np.arange(count)))
    change = np.full((count + 1, count + 1), -_VOICING_CHANGE, dtype=np.float32)
    change[:count, :count] = -np.minimum(_PITCH_STEP * np.maximum(distance - 1, 0), _PITCH_JUMP)
    change[count, count] = 0
    return frame, change


def best_path(frame: np.ndarray, change: np.ndarray) -> np.ndarray:
    """The states ``[n]`` of the best-scoring path."""
    states = np.arange(frame.shape[1])
    came_from = np.zeros(frame.shape, dtype=np.uint8)
    best = frame[0].astype(np.float64)
    # From-states run along the rows, where argmax is quickest.
    into = change.T.astype(np.float64)
    for index in range(1, len(frame)):
        candidates = into + best
        came_from[index] = candidates.argmax(1)
        best = candidates[states, came_from[index]] + frame[index]
    path = np.empty(len(frame), dtype=int)
    path[-1] = best.argmax()
    for index in range(len(frame) - 1, 0, -1):
        path[index - 1] = came_from[index, path[index]]
    return path


def hertz(pitch: np.ndarray, path: np.ndarray) -> np.ndarray:
    """The path in Hz ``[n]``, 0 where unvoiced: between the steps by the scores of the neighbouring ones."""
    count = pitch.shape[1]
    near = np.minimum(path, count - 1)[:, None] + np.arange(-1, 2)
    scores = np.take_along_axis(pitch, near.clip(0, count - 1), axis=1).astype(np.float64)
    scores[(near < 0) | (near >= count)] = -np.inf
    weight = np.exp(scores - scores.max(1, keepdims=True))
    log_hertz = (weight * np.log(PITCHES_HZ[near.clip(0, N_PITCHES - 1)])).sum(1) / weight.sum(1)
    return np.where(path < count, np.exp(log_hertz), 0.0)


def on_grid(contour: np.ndarray, frames: int) -> np.ndarray:
    """From 16 ms frames to ``[frames]`` of 12.5 ms: voicing from the nearest frame, log F0 interpolated."""
    position = np.arange(frames) / FRAME_RATE * SAMPLE_RATE / HOP_LENGTH
    position = np.minimum(position, len(contour) - 1)
    left = np.floor(position).astype(int)
    right = np.minimum(left + 1, len(contour) - 1)
    nearest = contour[np.where(position - left < 0.5, left, right)]
    both = (contour[left] > 0) & (contour[right] > 0)
    part = position - left
    between = np.exp((1 - part) * np.log(np.maximum(contour[left], 1)) + part * np.log(np.maximum(contour[right], 1)))
    return np.where(both, between, nearest).astype(np.float32)
