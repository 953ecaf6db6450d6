"""How far from the mean voice a style may be: a Gaussian over the stock voices.

Sums such as ``a + 3*(b - c)`` lead out of the region where Kokoro has been trained. A style that is farther from the
mean than any stock voice is from the others is drawn back along a straight line.
"""

from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor

from nuanced_speech.core.constants import TIMBRE_DIM
from nuanced_speech.voice.stock import HELD_OUT, stock_voices, style_of

# 54 voices do not determine 128 variances and their covariances: halfway to none.
SHRINKAGE = 0.5
# The same where a style is sought: what all other voices have in common may still be found in this one.
ROOM = 0.3
_HALVES = (slice(0, TIMBRE_DIM), slice(TIMBRE_DIM, None))


def near_real(pack: Tensor, parts: Sequence[Tensor] = ()) -> Tensor:
    """The pack, timbre and prosody each drawn back to the region of real voices if it is outside.

    Args:
        pack: ``[510, 256]``.
        parts: packs of voices that it is made of; it may be as far out as the farthest of them.
    """
    mean = torch.stack(list(stock_voices().values())).mean(0)
    near = pack.clone()
    of_parts = [distances(style_of(part)) for part in parts]
    for number, distance in enumerate(distances(style_of(pack))):
        limit = max([1.0, *(part[number] for part in of_parts)])
        if distance > limit:
            half = _HALVES[number]
            # one share for all rows: how they differ by the number of phonemes is drawn back with them
            near[:, half] = torch.lerp(mean[:, half], pack[:, half], limit / distance)
    return near


def distances(style: Tensor) -> tuple[float, float]:
    """Distance of timbre and of prosody of a style ``[256]`` from the mean voice; 1 is the farthest real voice."""
    found = []
    for number, half in enumerate(_HALVES):
        voices, limit = _half(number)
        found.append(float(_distances(voices, style[None, half])[0]) / limit)
    return found[0], found[1]


@lru_cache
def coordinates(prosody: bool) -> tuple[Tensor, Tensor]:
    """Timbres, or prosodies, as ``mean + z @ basis``, ``[128]`` and ``[128, 128]``: standard normal ``z`` vary as the
    stock voices do, in what these hardly differ in a little more. Voices that are held out have no say."""
    half = _HALVES[prosody]
    voices = torch.stack([style_of(pack)[half] for name, pack in stock_voices().items() if name not in HELD_OUT])
    mean, std = voices.mean(0), voices.std(0)
    variances, directions = torch.linalg.eigh(_correlation((voices - mean) / std, ROOM))
    return mean, (std[:, None] * directions * variances.sqrt()).T


@lru_cache
def _half(number: int) -> tuple[Tensor, float]:
    """That half of the stock voices' styles ``[54, 128]``, and the largest distance of one from all others."""
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
    """Of the 128 numbers of voices ``[N, 128]``, brought nearer to none."""
    correlation = torch.cov(scaled.T)
    return torch.lerp(correlation, torch.eye(len(correlation)), shrinkage)
