"""A Gaussian prior over the stock voices, which keeps styles near real voices.

Sums such as ``a + 3*(b - c)`` leave the region that Kokoro was trained on. A style that is farther from the mean than
any stock voice is from the other stock voices is drawn back along a straight line.
"""

from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor

from nuanced_speech.voice.stock import HELD_OUT, stock_styles, stock_voices, style_of
from nuanced_speech.voice.style import Style

# Share by which correlations shrink towards zero: 54 voices do not determine a covariance of 128 x 128.
SHRINKAGE = 0.5
# The same for the coordinates of a search: a new voice may differ in what all stock voices have in common.
ROOM = 0.3


def near_real(pack: Tensor, parts: Sequence[Tensor] = ()) -> Tensor:
    """A pack whose timbre and prosody are each drawn back to the region of real voices if they are outside.

    Args:
        pack: ``[510, 256]``.
        parts: packs of the voices that it is made of; the result may be as far out as the farthest of them.
    """
    mean = torch.stack(list(stock_voices().values())).mean(0)
    of_parts = [distances(style_of(part)) for part in parts]
    near = []
    for number, (half, centre) in enumerate(zip(_halves(pack), _halves(mean), strict=True)):
        distance = distances(style_of(pack))[number]
        limit = max([1.0, *(part[number] for part in of_parts)])
        # one share for all rows, so that their differences shrink alike
        near.append(torch.lerp(centre, half, limit / distance) if distance > limit else half)
    return torch.cat(near, 1)


def distances(style: Tensor) -> tuple[float, float]:
    """Distances of the timbre and of the prosody of a style ``[256]`` from the mean voice; 1 is the farthest voice."""
    timbre, prosody = (
        float(_distances(voices, half)[0]) / limit
        for half, (voices, limit) in zip(_halves(style[None]), (_stock_half(False), _stock_half(True)), strict=True)
    )
    return timbre, prosody


@lru_cache
def coordinates(prosody: bool) -> tuple[Tensor, Tensor]:
    """Mean ``[128]`` and basis ``[128, 128]`` of timbres, or of prosodies: ``mean + z @ basis``.

    With standard normal ``z`` these vary as the stock voices do, and a little more where those hardly differ.
    The voices of ``HELD_OUT`` are not used."""
    voices = torch.stack([style.prosody if prosody else style.timbre for style in stock_styles(HELD_OUT)])
    mean, std = voices.mean(0), voices.std(0)
    variances, directions = torch.linalg.eigh(_correlation((voices - mean) / std, ROOM))
    return mean, (std[:, None] * directions * variances.sqrt()).T


def _halves(vectors: Tensor) -> tuple[Tensor, Tensor]:
    """Timbres and prosodies ``[N, 128]`` of packed styles ``[N, 256]``."""
    styles = Style.from_vector(vectors)
    return styles.timbre, styles.prosody


@lru_cache
def _stock_half(prosody: bool) -> tuple[Tensor, float]:
    """One half of the stock voices' styles ``[54, 128]``, and the largest distance of one voice from all others."""
    voices = torch.stack([style.prosody if prosody else style.timbre for style in stock_styles()])
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
