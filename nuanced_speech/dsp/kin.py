"""Symbols of other languages, known by the English sounds that are nearest to them too.

The adapter learned mostly from English. It has met most of these symbols in an hour of eleven other languages, and some
never: to those it gives next to no probability anywhere, and an alignment would give them the shortest time there is.
So the probabilities of all are raised to those of their kin: the English symbols that an adapter of English alone takes
them for.
"""

import numpy as np

from nuanced_speech.core.symbols import vocabulary

KIN = {
    # vowels
    "a": "ɑæʌI", "e": "ɛAɪ", "o": "ɔOʊ", "y": "uiʊɪ", "ø": "ɜʊəɪ", "œ": "ɜʌɛə", "ɐ": "əʌɑ", "ɒ": "ɑɔ", "ɨ": "ɪᵻi",
    "ɯ": "ʊuɪ", "ɤ": "ʌəO", "ɚ": "ɜəɹ", "Q": "Oə", "ɥ": "wj", "ɰ": "wɡ",
    # consonants
    "r": "ɹTd", "ɾ": "ɹTd", "ɽ": "ɹTd", "ɻ": "ɹ", "ʁ": "ɹhɡ", "x": "hkɡ", "χ": "hkɡ", "ç": "hʃj", "ʝ": "jʒ", "ɣ": "ɡhw",
    "β": "vbw", "ɸ": "fh", "ʋ": "vw", "ɕ": "ʃs", "ʂ": "ʃs", "ʨ": "ʧt", "ʥ": "ʤd", "ꭧ": "ʧt", "ʦ": "tsʧ", "ʣ": "dzʤ",
    "S": "s", "ɲ": "nj", "ɳ": "n", "ɴ": "ŋn", "ʎ": "lj", "ʈ": "t", "ɖ": "d", "c": "ʧkt", "ɟ": "ʤɡd", "q": "k", "ʔ": "t",
    "ʲ": "j", "ʰ": "h",
}  # fmt: skip
# Nats that a kin's probability counts less than a symbol's own.
KIN_COST = 1.0


def with_kin(log_probabilities: np.ndarray, cost: float = KIN_COST) -> np.ndarray:
    """Log probabilities ``[T, symbols]`` in which no symbol of ``KIN`` is less probable than its kin, less the cost."""
    vocab, raised = vocabulary(), log_probabilities.copy()
    for symbol, kin in KIN.items():
        near = log_probabilities[:, [vocab[other] for other in kin]].max(1) - cost
        raised[:, vocab[symbol]] = np.maximum(raised[:, vocab[symbol]], near)
    return raised
