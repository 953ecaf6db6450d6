"""Instructions for the manner of speaking, in the words of descriptions: "calm and slow, a bit lower"."""

from dataclasses import dataclass, replace

import numpy as np
import torch

from nuanced_speech.core.errors import UserError
from nuanced_speech.voice.stock import style_of
from nuanced_speech.voice.voice import Voice
from nuanced_speech.voicemaking.attributes import NAMES, stock_attributes
from nuanced_speech.voicemaking.description_vocabulary import parse_description
from nuanced_speech.voicemaking.directions import directions

# The voice says who speaks: instructions change how, not sex and age.
KEPT = ("sex", "age")


@dataclass(frozen=True)
class Instructed:
    """A voice that follows instructions.

    Attributes:
        voice: the voice, changed.
        levels: change of each attribute, in standard deviations of the stock voices; empty where nothing was
            understood.
    """

    voice: Voice
    levels: dict[str, float]


def instructed(voice: Voice, instructions: str) -> Instructed:
    """A voice that speaks in the manner of some instructions; words that are not understood have no effect.

    Args:
        voice: the voice.
        instructions: words for pitch, melody, pace, energy, brightness, warmth, breathiness and manners.
    """
    try:
        wish = parse_description(instructions)
    except UserError:
        return Instructed(voice, {})
    levels = {name: level for name, level in wish.levels.items() if name not in KEPT}
    if not levels:
        return Instructed(voice, {})
    stock = stock_attributes()
    change = np.array([levels.get(name, 0.0) for name in NAMES]) * stock.spread
    asked = np.array([name in levels for name in NAMES])
    style = style_of(voice.pack).double().cpu().numpy()
    # the prior alone would move the voice towards the mean: only what the words add to that counts
    nothing = np.zeros_like(change)
    steps = [directions().step(style, changed, asked, stock.spread) for changed in (change, nothing)]
    step = steps[0] - steps[1]
    return Instructed(replace(voice, pack=voice.pack + torch.from_numpy(step).to(voice.pack)), levels)
