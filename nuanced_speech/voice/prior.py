"""A Gaussian prior over the stock voices, which keeps styles near real voices.

Sums such as ``a + 3*(b - c)`` leave the region that Kokoro was trained on. A style that is farther from the mean than
any stock voice is from the other stock voices is drawn back along a straight line.
"""

from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor

from nuanced_speech.core.constants import TIMBRE_DIM
from nuanced_speech.voice.stock import HELD_OUT, stock_voices, style_of

# Share by which correlations shrink towards zero: 54 voices do not determine a covariance of 128 x 128.
SHRINKAGE = 0.5
# The same for the coordinates of a search: a new voice may differ in what all stock voices have in common.
ROOM = 0.3
_HALVES = (slice(0, TIMBRE_DIM), slice(TIMBRE_DIM, None))


def near_real(pack: Tensor, parts: Sequence[Tensor] = ()) -> Tensor:
    """A pack whose timbre and prosody are each drawn back to the region of real voices if they are outside.

    Args:
        pack: ``[510, 256]``.
        parts: packs of the voices that it is made of; the result may be as far out as the farthest of them.
    """
    mean = torch.stack(list(stock_voices().values())).mean(0)
    near = pack.clone()
    of_parts = [distances(style_of(part)) for part in parts]
    for number, distance in enumerate(distances(style_of(pack))):
        limit = max([1.0, *(part[number] for part in of_parts)])
        if distance > limit:
            half = _HALVES[number]
            # one share for all rows, so that their differences shrink alike
            near[:, half] = torch.lerp(mean[:, half], pack[:, half], limit / distance)
    return near


def distances(style: Tensor) -> tuple[float, float]:
    """Distances of the timbre and of the prosody of a style ``[256]`` from the mean voice; 1 is the farthest voice."""
    scaled = []
    for number, half in enumerate(_HALVES):
        voices, limit = _half(number)
        scaled.append(float(_distances(voices, style[None, half])[0]) / limit)
    return scaled[0], scaled[1]


@lru_cache
def coordinates(prosody: bool) -> tuple[Tensor, Tensor]:
    """Mean ``[128]`` and basis ``[128, 128]`` of timbres, or of prosodies: ``mean + z @ basis``.

    With standard normal ``z`` these vary as the stock voices do, and a little more where those hardly differ.
    The voices of ``HELD_OUT`` are not used."""
    half = _HALVES[prosody]
    voices = torch.stack([style_of(pack)[half] for name, pack in stock_voices().items() if name not in HELD_OUT])
    mean, std = voices.mean(0), voices.std(0)
    variances, directions = torch.linalg.eigh(_correlation((voices - mean) / std, ROOM))
    return mean, (std[:, None] * directions * variances.sqrt()).T


@lru_cache
def _half(number: int) -> tuple[Tensor, float]:
    """One half of the stock voices' styles ``[54, 128]``, and the largest distance of one voice from all others."""
    voices = torch.stack([style_of(pack)[_HALVES[number]] for pack in stock_voices().values()])
    left_out = [_distances(torch.cat([voices[:k], voices[k + 1 :]]), voices[k : k + 1])[0] for k in range(len(voices))]
    return voices, float(max(left_out))


def _distances(voices: Tensor, styles: Tensor) -> Tensor:
    """Mahalanobis distances ``[B]`` of ``styles [B, 128]`` from the mean of ``voices [N, 128]``."""
    mean, std = voices.mean(0), voices.std(0)
    covariance = _correlation((voices - mean) / std, SHRINKAGE)
    scaled = ((styles - mean) / std).T
    return (scaled * torch.linalg.solve(covariance, scaled)).sum(0).sqrt()


def _correlation(scaled: Tensor, shrinkage: float) -> Tensor:
    """Correlations ``[128, 128]`` between the numbers of voices ``[N, 128]``, shrunk towards zero."""
    correlation = torch.cov(scaled.T)
    return torch.lerp(correlation, torch.eye(len(correlation)), shrinkage)
