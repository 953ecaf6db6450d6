"""A voice from a description: words become target attributes, and these a style near the stock voices.

The stock voice that fits best is the start. Directions that are fitted to the stock voices give the step that changes
the requested attributes and little else. The result is measured, and the step is corrected once or twice.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from nuanced_speech.models.kokoro import Kokoro
from nuanced_speech.models.speaker_encoder import SpeakerEncoder
from nuanced_speech.voice.stock import stock_voices, style_of
from nuanced_speech.voicemaking.attributes import NAMES, SEX, StockAttributes, stock_attributes
from nuanced_speech.voicemaking.description_vocabulary import LEVEL, VoiceRequest
from nuanced_speech.voicemaking.directions import directions
from nuanced_speech.voicemaking.profile import SENTENCES, VoiceProfile, measure_profile, sentence_phonemes

# Farthest target, in standard deviations of all voices: no stock voice is farther out.
FARTHEST = 2.5
# Accents to choose from where the description names none: those of English.
ENGLISH = "ab"
# Cost of a start of the other sex: it is taken only where the accent has no other voice.
OTHER_SEX = 100.0
# Largest cost that the seed adds at random to a start, in standard deviations of an attribute.
RANDOM_COST = 0.3


@dataclass(frozen=True)
class Described:
    """A voice made from a description.

    Attributes:
        pack: ``[510, 256]``.
        start: the stock voice that it was made from.
        targets: requested attributes, NaN where nothing is requested ``[9]``.
        profile: measured attributes and embedding.
    """

    pack: Tensor
    start: str
    targets: np.ndarray
    profile: VoiceProfile


def target_attributes(request: VoiceRequest, stock: StockAttributes) -> np.ndarray:
    """Attributes ``[9]`` that a request requests, relative to voices of the sex; NaN where it requests nothing."""
    values = np.full(len(NAMES), np.nan)
    mean, spread = stock.typical(request.sex)
    (all_mean, all_spread) = stock.typical(None)
    for name, level in request.levels.items():
        k = NAMES.index(name)
        # a level of sex counts only as far as it exceeds that of the plain word
        beyond = np.sign(level) * (abs(level) / LEVEL - 1) if k == SEX else level
        target = mean[k] + beyond * spread[k]
        values[k] = np.clip(target, all_mean[k] - FARTHEST * all_spread[k], all_mean[k] + FARTHEST * all_spread[k])
    return values


def nearest_stock_voices(request: VoiceRequest, stock: StockAttributes, count: int, seed: int = 0) -> list[str]:
    """The stock voices of the requested accent that fit a request best, the best first.

    Args:
        request: the request.
        stock: attributes of the stock voices.
        count: largest number of voices.
        seed: random seed that changes the order of voices that fit about equally well.
    """
    goal = target_attributes(request, stock)
    missing = (stock.values - np.where(np.isfinite(goal), goal, stock.values)) / stock.spread
    costs = np.linalg.norm(missing, axis=1)
    if request.sex:
        costs = costs + np.where(stock.female == (request.sex == "f"), 0, OTHER_SEX)
    if seed:
        costs = costs + RANDOM_COST * np.random.default_rng(seed).random(len(costs))
    fitting = [k for k in np.argsort(costs) if stock.names[k][0] in (request.accent or ENGLISH)]
    return [stock.names[k] for k in fitting[:count]]


def make_voice(
    request: VoiceRequest,
    start: str,
    kokoro: Kokoro,
    encoder: SpeakerEncoder,
    corrections: int = 1,
    seed: int = 0,
    sentences: str = SENTENCES,
) -> Described:
    """A voice that fits a request, made from a stock voice.

    Args:
        request: result of ``description_vocabulary.parse_description``.
        start: name of the stock voice.
        kokoro, encoder: models that speak with the voice and embed its speech.
        corrections: number of measurements that correct the step.
        seed: random seed of the synthesizer's noise.
        sentences: English text that is measured.
    """
    stock, fitted = stock_attributes(), directions()
    requested = target_attributes(request, stock)
    asked = np.isfinite(requested)
    begin = stock.values[stock.names.index(start)]
    goal = np.where(asked, requested, begin)
    pack = stock_voices()[start]
    style = style_of(pack, len(sentence_phonemes(sentences=sentences))).double().numpy()
    change = goal - begin
    british = start[0] == "b"
    best: Described | None = None
    for _ in range(corrections + 1):
        step = fitted.step(style, change, asked, stock.spread)
        moved = pack + torch.from_numpy(step).float()
        profile = measure_profile(kokoro, encoder, moved, british, seed, sentences)
        candidate = Described(moved, start, requested, profile)
        if best is None or _missed(candidate, stock) < _missed(best, stock):
            best = candidate
        change = change + goal - np.where(np.isfinite(profile.attributes), profile.attributes, goal)
    assert best is not None
    return best


def _missed(described: Described, stock: StockAttributes) -> float:
    """Squared distance of the requested attributes from the measured ones, in standard deviations.

    Infinite where the voice does not speak."""
    away = (described.profile.attributes - described.targets) / stock.spread
    missed = np.square(away[np.isfinite(described.targets)]).sum()
    return float(missed) if np.isfinite(missed) else float("inf")
