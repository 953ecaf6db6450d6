"""A voice from a description: words to attributes, attributes to a style near the stock voices.

The stock voice that fits best is the start. Directions fitted to the stock voices say which step changes what was asked
for and little else; what the result sounds like is measured, and the step corrected once or twice by what is missing.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from nuanced_speech.models.kokoro import Kokoro
from nuanced_speech.models.speaker_encoder import SpeakerEncoder
from nuanced_speech.voice.stock import stock_voices, style_of
from nuanced_speech.voicemaking.attributes import NAMES, SEX, StockAttributes, stock_attributes
from nuanced_speech.voicemaking.description_vocabulary import LEVEL, Wish
from nuanced_speech.voicemaking.directions import directions
from nuanced_speech.voicemaking.profile import Portrait, portrait, sentence_phonemes

# What is farther away than this many standard deviations of all voices is not aimed at: no voice is.
FARTHEST = 2.5
# Which accents are spoken where the description leaves it open: those whose language it is in.
ENGLISH = "ab"
# What it costs to begin with a voice of the other sex: only where an accent has no other.
OTHER_SEX = 100.0
# How much the seed may change which start is best, in standard deviations of an attribute.
WHIM = 0.3


@dataclass
class Described:
    """A voice made from a description.

    Attributes:
        pack: ``[510, 256]``.
        start: the stock voice that it began with.
        targets: what the attributes should be, NaN where nothing was asked ``[9]``.
        portrait: what it says, measured.
    """

    pack: Tensor
    start: str
    targets: np.ndarray
    portrait: Portrait


def targets(wish: Wish, stock: StockAttributes) -> np.ndarray:
    """Attribute values ``[9]`` that a wish asks for, NaN where it asks nothing; a woman's is low among women's."""
    values = np.full(len(NAMES), np.nan)
    mean, spread = stock.typical(wish.sex)
    (all_mean, all_spread) = stock.typical(None)
    for name, level in wish.levels.items():
        k = NAMES.index(name)
        # of the sex only what goes beyond being called so
        beyond = np.sign(level) * (abs(level) / LEVEL - 1) if k == SEX else level
        wanted = mean[k] + beyond * spread[k]
        values[k] = np.clip(wanted, all_mean[k] - FARTHEST * all_spread[k], all_mean[k] + FARTHEST * all_spread[k])
    return values


def starts(wish: Wish, stock: StockAttributes, count: int, seed: int = 0) -> list[str]:
    """So many stock voices of the accent asked for that fit the wish best, the best first; ``seed`` varies the order of
    those that fit about equally well."""
    wanted = targets(wish, stock)
    asked = np.isfinite(wanted)
    missing = (stock.values - np.where(asked, wanted, stock.values)) / stock.spread
    costs = np.linalg.norm(missing, axis=1)
    if wish.sex:
        costs = costs + np.where(stock.female == (wish.sex == "f"), 0, OTHER_SEX)
    if seed:
        costs = costs + WHIM * np.random.default_rng(seed).random(len(costs))
    fitting = [k for k in np.argsort(costs) if stock.names[k][0] in (wish.accent or ENGLISH)]
    return [stock.names[k] for k in fitting[:count]]


def make(
    wish: Wish, start: str, kokoro: Kokoro, encoder: SpeakerEncoder, corrections: int = 1, seed: int = 0
) -> Described:
    """The voice that a wish asks for, beginning with a stock voice.

    Args:
        wish: of ``lexicon.understand``.
        start: name of the stock voice.
        kokoro, encoder: to hear what it sounds like.
        corrections: times that it is spoken, measured and corrected.
        seed: of the synthesizer's noise.
    """
    stock, fitted = stock_attributes(), directions()
    wanted = targets(wish, stock)
    asked = np.isfinite(wanted)
    begin = stock.values[stock.names.index(start)]
    goal = np.where(asked, wanted, begin)
    pack = stock_voices()[start]
    style = style_of(pack, len(sentence_phonemes())).double().numpy()
    change = goal - begin
    british = start[0] == "b"
    best: Described | None = None
    for _ in range(corrections + 1):
        step = fitted.step(style, change, asked, stock.spread)
        moved = pack + torch.from_numpy(step).float()
        heard = portrait(kokoro, encoder, moved, british, seed)
        made = Described(moved, start, wanted, heard)
        if best is None or _missed(made, stock) < _missed(best, stock):
            best = made
        change = change + goal - np.where(np.isfinite(heard.attributes), heard.attributes, goal)
    assert best is not None
    return best


def _missed(described: Described, stock: StockAttributes) -> float:
    """How far what was asked for is from what was measured, in standard deviations; infinite if nothing was said."""
    away = (described.portrait.attributes - described.targets) / stock.spread
    missed = np.square(away[np.isfinite(described.targets)]).sum()
    return float(missed) if np.isfinite(missed) else float("inf")
