"""Symbols that the adapter never heard, aligned by their kin."""

import numpy as np

from nuanced_speech.core.symbols import vocabulary
from nuanced_speech.dsp.alignment import align_phonemes
from nuanced_speech.dsp.kin import KIN, KIN_COST, with_kin

VOCAB = vocabulary()


def log_probabilities(*heard: tuple[str, int]) -> np.ndarray:
    """Symbols and for how many units each is what the adapter hears, all others next to impossible."""
    rows = np.full((sum(units for _, units in heard), 178), -12.0)
    at = 0
    for symbol, units in heard:
        rows[at : at + units, VOCAB[symbol] if symbol else 0] = -0.1
        at += units
    return rows


def test_a_symbol_lasts_as_long_as_its_kin_is_heard() -> None:
    rows = log_probabilities(("", 2), ("k", 3), ("ɜ", 8), ("l", 4), ("n", 5), ("", 2))
    ids = np.array([0, *(VOCAB[symbol] for symbol in "kœln"), 0])
    alone, _ = align_phonemes(rows, ids)
    kin, fit = align_phonemes(with_kin(rows), ids)
    assert alone[2] == 1
    assert kin.tolist() == [2, 3, 8, 4, 5, 2]
    assert fit > -1


def test_what_is_known_stays_and_nothing_falls() -> None:
    rows = np.log(np.random.default_rng(0).dirichlet(np.ones(178), 20))
    before, raised = rows.copy(), with_kin(rows)
    assert np.array_equal(rows, before)
    others = [number for symbol, number in VOCAB.items() if symbol not in KIN]
    assert np.array_equal(raised[:, others], rows[:, others])
    assert (raised >= rows).all()
    assert np.array_equal(raised[:, VOCAB["ø"]], np.maximum(rows[:, VOCAB["ø"]], raised[:, VOCAB["ø"]]))
    assert raised[0, VOCAB["ç"]] >= rows[0, VOCAB["ʃ"]] - KIN_COST


def test_kin_are_sounds_that_american_english_has() -> None:
    english = set("ɪᵻʌəɜOIAWYʊuiæɑɔɛTtdkɡpbfvszʃʒʧʤhwjɹlmnŋθð")
    assert {symbol for kin in KIN.values() for symbol in kin} <= english
    assert set(KIN).isdisjoint(english)
