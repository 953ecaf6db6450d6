"""Times of phonemes: forced alignment of a phoneme string to the adapter's phoneme probabilities, and the most probable
string where neither text nor language is known (both Viterbi)."""

import logging

import numpy as np

from nuanced_speech.core.constants import FRAMES_PER_UNIT, MAX_PHONEMES, SECONDS_PER_UNIT
from nuanced_speech.core.errors import UserError
from nuanced_speech.core.symbols import PUNCTUATION, vocabulary

# Marks that take no time of their own where speech is too fast for every symbol to have a frame.
OPTIONAL = frozenset(PUNCTUATION + "ˈˌːʰʲ ")
_SKIP_COST = 3.0
# Nats a frame; phonemes that fit worse do not belong to the recording.
MIN_FIT = -1.5
# What a change of symbol costs, in nats, when the string is not known: fewer, longer symbols instead of flicker.
_CHANGE_COST = 1.5

log = logging.getLogger(__name__)


def forced_align(log_probabilities: np.ndarray, ids: np.ndarray, optional: np.ndarray) -> np.ndarray:
    """Durations that make a phoneme string most probable, by a Viterbi search.

    Args:
        log_probabilities: ``[T, symbols]``, one row for every 25 ms.
        ids: token ids ``[P]``, a zero on each side.
        optional: True for tokens that may last no time at all, ``[P]``. The first and last token must not be.

    Returns:
        units for each token ``[P]``, summing to T; 0 only for optional tokens.

    Raises:
        UserError: fewer frames than tokens that need one.
    """
    frames, tokens = len(log_probabilities), len(ids)
    too_short = UserError(
        f"{tokens} phonemes cannot be said in {frames * SECONDS_PER_UNIT:.1f} s: the text does not match the recording"
    )
    if frames < int((~optional).sum()):
        raise too_short
    emission = log_probabilities[:, ids]
    steps = [np.zeros(tokens), np.zeros(tokens), np.where(optional, -_SKIP_COST, -np.inf)]
    # moving on by two passes over the token between: its cost stands at the token that is reached
    steps[2] = np.concatenate([[-np.inf] * 2, steps[2][1:-1]])[:tokens]
    score = np.full(tokens, -np.inf)
    score[0] = emission[0, 0]
    moves = np.zeros((frames, tokens), np.int8)
    for t in range(1, frames):
        candidates = np.full((3, tokens), -np.inf)
        for move in range(min(3, tokens)):
            candidates[move, move:] = score[: tokens - move] + steps[move][move:]
        moves[t] = candidates.argmax(0)
        score = candidates.max(0) + emission[t]
    if not np.isfinite(score[-1]):  # of optional tokens in a row only every other one can be passed over
        raise too_short
    durations = np.zeros(tokens, np.int64)
    token = tokens - 1
    for t in range(frames - 1, -1, -1):
        durations[token] += 1
        token -= int(moves[t, token])
    return durations


def decode_phonemes(log_probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The most probable phoneme string of which every change costs something.

    Args:
        log_probabilities: ``[T, symbols]``, one row for every 25 ms.

    Returns:
        token ids ``[P]``, no two alike in a row, a zero on each side; units for each ``[P]``, summing to T, of which
        the two zeros may have 0.
    """
    frames, symbols = log_probabilities.shape
    score, unchanged = log_probabilities[0], np.arange(symbols)
    came_from = np.zeros((frames, symbols), np.int64)
    for t in range(1, frames):
        best = int(score.argmax())
        changed = score[best] - _CHANGE_COST
        came_from[t] = np.where(score >= changed, unchanged, best)
        score = np.maximum(score, changed) + log_probabilities[t]
    path = np.zeros(frames, np.int64)
    path[-1] = score.argmax()
    for t in range(frames - 1, 0, -1):
        path[t - 1] = came_from[t, path[t]]
    starts = np.flatnonzero(np.diff(path, prepend=-1))
    ids, durations = path[starts], np.diff(starts, append=frames)
    first, last = int(ids[0] != 0), int(ids[-1] != 0)
    return np.pad(ids, (first, last)), np.pad(durations, (first, last))


def align_phonemes(log_probabilities: np.ndarray, ids: np.ndarray) -> tuple[np.ndarray, float]:
    """Durations of token ids ``[P]`` in ``[T, symbols]``, marks being optional, and how well they fit: the mean log
    probability of the aligned symbols.

    Raises:
        UserError: too many phonemes for so few frames.
    """
    durations = forced_align(log_probabilities, ids, optional_tokens(ids))
    fit = log_probabilities[np.arange(len(log_probabilities)), np.repeat(ids, durations)].mean()
    return durations, float(fit)


def fitting_alignment(log_probabilities: np.ndarray, phonemes: str) -> tuple[np.ndarray, np.ndarray] | None:
    """Token ids ``[P]``, a zero on each side, and durations ``[P]`` of a phoneme string that fits ``[T, symbols]``.

    None where it does not fit, has no symbol of the vocabulary, or is longer than Kokoro takes.
    """
    ids = token_ids(phonemes)
    if not 0 < len(ids) - 2 <= MAX_PHONEMES:
        return None
    try:
        durations, fit = align_phonemes(log_probabilities, ids)
    except UserError as error:
        log.debug("the phonemes of a segment do not fit: %s", error)
        return None
    return (ids, durations) if fit >= MIN_FIT else None


def token_ids(phonemes: str) -> np.ndarray:
    """Token ids ``[P]`` of a phoneme string, a zero on each side; symbols outside the vocabulary are dropped."""
    vocab = vocabulary()
    return np.array([0, *(vocab[symbol] for symbol in phonemes if symbol in vocab), 0])


def word_centres(log_probabilities: np.ndarray, phonemes: str) -> tuple[list[str], np.ndarray]:
    """The words of a phoneme string, and where in the rows ``[T, symbols]`` the middle of each is, ``[words]``.

    Raises:
        UserError: too many phonemes for so few frames.
    """
    vocab = vocabulary()
    words = "".join(symbol for symbol in phonemes if symbol in vocab).split()
    if not words:
        return [], np.zeros(0)
    ids = token_ids(" ".join(words))
    ends = np.cumsum(align_phonemes(log_probabilities, ids)[0])
    # a word's tokens lie between two spaces, or a space and one of the zeros
    edges = np.flatnonzero(np.isin(ids, [0, vocab[" "]]))
    return words, (ends[edges[:-1]] + ends[edges[1:] - 1]) / 2


def optional_tokens(ids: np.ndarray) -> np.ndarray:
    """True for stress marks, spaces and punctuation ``[P]``."""
    vocab = vocabulary()
    return np.isin(ids, [vocab[symbol] for symbol in OPTIONAL if symbol in vocab])


def warp_frames(source: np.ndarray, target: np.ndarray, frames_per_unit: int = FRAMES_PER_UNIT) -> np.ndarray:
    """For every 80 Hz frame of a new rhythm, the source's frame at the same place within the same phoneme.

    Args:
        source, target: durations of the same phonemes in 25 ms units, ``[P]``.
        frames_per_unit: of the contour that is warped.

    Returns:
        indices ``[2 * sum(target)]`` into ``[2 * sum(source)]``.
    """
    ends = [np.concatenate([[0], np.cumsum(durations)]) * frames_per_unit for durations in (source, target)]
    frames = np.arange(ends[1][-1]) + 0.5
    place = np.interp(frames, ends[1], ends[0])
    return np.clip(place.astype(int), 0, max(ends[0][-1] - 1, 0))
