"""Which phonemes were said when: a beam search for the string that both the ear and the language find probable."""

from dataclasses import dataclass, field

import numpy as np

from nuanced_speech.kokoro import vocabulary
from nuanced_speech.phoneme_lm import PAUSE, PUNCTUATION, PhonemeLM

BEAM = 60
# A hypothesis this much less probable than the best one is given up, in nats.
WINDOW = 12.0
# What every symbol earns, in nats: the language model's cost would make the string too short.
BONUS = 0.3
# Log probability below which the ear only says "no".
FLOOR = -10.0
# Contexts to keep from piece to piece: about 100 MB.
REMEMBERED = 20_000
# Marks that may be meant without taking time, and what that costs, in nats.
SILENT = (" ", "ˈ", "ˌ", " ˈ", " ˌ")
SILENT_COST = 1.0


@dataclass
class Said:
    """A symbol, when it begins (a frame, or None where it takes no time), and what was said before."""

    symbol: int
    start: int | None
    before: "Said | None"


@dataclass
class Recogniser:
    """Phonemes from their probabilities in every 25 ms, with a language model."""

    model: PhonemeLM
    _moves: dict[tuple[int, ...], tuple[np.ndarray, np.ndarray]] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        vocab = vocabulary()
        self._tokens = np.array([vocab[symbol] for symbol in self.model.symbols])
        self._pause = self.model.symbols.index(PAUSE)
        self._pauses = np.array([0, *(vocab[symbol] for symbol in PUNCTUATION if symbol in vocab)])
        marks = [tuple(self.model.symbols.find(symbol) for symbol in marks) for marks in SILENT]
        self._silent: list[tuple[int, ...]] = [(), *(mark for mark in marks if min(mark) >= 0)]

    def __call__(self, log_probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The most probable phonemes.

        Args:
            log_probabilities: ``[T, symbols]`` over Kokoro's symbols, one row for every 25 ms.

        Returns:
            token ids ``[P]``, a zero on each side; units for each ``[P]``, summing to T, 0 for the two zeros where
            speech begins or ends at once and for marks that take no time.
        """
        if len(self._moves) > REMEMBERED:
            self._moves.clear()
            self.model.forget()
        heard = log_probabilities[:, self._tokens].copy()
        heard[:, self._pause] = np.logaddexp.reduce(log_probabilities[:, self._pauses], axis=1)
        heard = np.maximum(heard, FLOOR)
        contexts: list[tuple[int, ...]] = [(self._pause,)]
        scores, said = heard[0, [self._pause]], [Said(self._pause, 0, None)]
        for frame in range(1, len(heard)):
            moves, ways = zip(*(self._next(context) for context in contexts), strict=True)
            stay = scores + heard[frame, [context[-1] for context in contexts]]
            # a row for each hypothesis: every symbol that may follow, and in the last column the same one going on
            candidates = np.column_stack([scores[:, None] + np.stack(moves) + heard[frame], stay])
            best = np.argsort(-candidates, axis=None)[: 2 * BEAM]
            values = candidates.ravel()[best]
            kept: dict[tuple[int, ...], tuple[float, Said]] = {}
            for place, value in zip(best[values > values[0] - WINDOW], values, strict=False):
                row, symbol = divmod(int(place), candidates.shape[1])
                context, before = contexts[row], said[row]
                if symbol < len(self.model.symbols):
                    for mark in self._silent[ways[row][symbol]]:
                        context, before = (*context, mark), Said(mark, None, before)
                    context = (*context, symbol)[1 - self.model.order :]
                    before = Said(symbol, frame, before)
                # better ones come first
                kept.setdefault(context, (value, before))
                if len(kept) == BEAM:
                    break
            contexts = list(kept)
            scores, said = np.array([value for value, _ in kept.values()]), [before for _, before in kept.values()]
        return self._tokens_of(said[int(scores.argmax())], log_probabilities)

    def _next(self, context: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
        """What it costs to go on to each symbol ``[V]``, and through which of the silent marks ``[V]``."""
        if context not in self._moves:
            costs = []
            for marks in self._silent:
                cost, reached = 0.0, context
                for mark in marks:
                    allowed = mark != reached[-1]
                    cost += np.log(self.model.probabilities(reached)[mark]) - SILENT_COST if allowed else -np.inf
                    reached = (*reached, mark)
                following = np.log(self.model.probabilities(reached)) + BONUS + cost
                following[reached[-1]] = -np.inf
                costs.append(following)
            ways = np.argmax(costs, axis=0)
            self._moves[context] = np.max(costs, axis=0), ways
        return self._moves[context]

    def _tokens_of(self, said: Said, log_probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The string as token ids and units, each pause as the mark that it sounds most like."""
        ids, durations = [], []
        end = len(log_probabilities)
        last: Said | None = said
        while last is not None:
            start = end if last.start is None else last.start
            token = int(self._tokens[last.symbol])
            if last.symbol == self._pause:
                token = int(self._pauses[log_probabilities[start:end, self._pauses].sum(0).argmax()])
            ids.append(token)
            durations.append(end - start)
            end, last = start, last.before
        ids, durations = ids[::-1], durations[::-1]
        first, final = int(ids[0] != 0), int(ids[-1] != 0)
        return np.pad(ids, (first, final)), np.pad(durations, (first, final))
