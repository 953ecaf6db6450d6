"""A Gaussian prior over the stock voices, which keeps styles near real voices.

Sums such as ``a + 3*(b - c)`` leave the region that Kokoro was trained on. A style that is farther from the mean than
any stock voice is from the other stock voices is drawn back along a straight line.
"""

import json
from collections.abc import Sequence
from functools import lru_cache

import torch
from safetensors import safe_open
from torch import Tensor

from nuanced_speech.core.constants import DATA
from nuanced_speech.voice.stock import HELD_OUT, stock_styles, stock_voices, style_of
from nuanced_speech.voice.style import Style

# Share by which correlations shrink towards zero: 54 voices do not determine a covariance of 128 x 128.
SHRINKAGE = 0.5
# The same for the coordinates of a search: a new voice may differ in what all stock voices have in common.
ROOM = 0.3
# Of the regression of pitch on prosody, of 0.05 to 0.5 the best for voices left out; and the place of the pitch among
# the attributes of the stock voices (voicemaking.attributes).
RIDGE, PITCH_COLUMN = 0.1, 2


def near_real(pack: Tensor, parts: Sequence[Tensor] = ()) -> Tensor:
    """A pack whose timbre and prosody are each drawn back to the region of real voices if they are outside.

    The pitch of the prosody is held too: a difference of voices can stay near the others and yet creak at 40 Hz.

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
        share = min(limit / distance, 1.0) if distance > 0 else 1.0
        if number == 1:
            share = min(share, _share_in_pitch(style_of(half), style_of(centre), [style_of(part) for part in parts]))
        # one share for all rows, so that their differences shrink alike
        near.append(torch.lerp(centre, half, share) if share < 1 else half)
    return torch.cat(near, 1)


def pitch_hz(prosody: Tensor) -> float:
    """Median F0 of a voice, Hz, as its prosody ``[128]`` tells: linear, by ridge regression over the stock voices.

    Left out one by one, these are found with an error of 10 Hz, of a standard deviation of 55 Hz. Below 80 Hz it is too
    low rather than too high.
    """
    mean, std, weights, offset = _pitch_map()
    return float((prosody.cpu() - mean) / std @ weights) + offset


def _share_in_pitch(prosody: Tensor, centre: Tensor, parts: Sequence[Tensor]) -> float:
    """How much of the way from ``centre [128]`` to ``prosody [128]`` keeps the pitch in the range of real voices."""
    pitches = [pitch_hz(style.prosody) for style in stock_styles()]
    pitches += [pitch_hz(Style.from_vector(part).prosody) for part in parts]
    start, end = pitch_hz(centre), pitch_hz(prosody)
    lowest, highest = min(pitches), max(pitches)
    if lowest <= end <= highest:
        return 1.0
    return ((lowest if end < lowest else highest) - start) / (end - start)


@lru_cache
def _pitch_map() -> tuple[Tensor, Tensor, Tensor, float]:
    """Mean and standard deviation of prosodies ``[128]``, weights ``[128]`` and offset of ``pitch_hz``."""
    file = DATA / "attributes.safetensors"
    with safe_open(file, "pt") as opened:
        names, values = json.loads(opened.metadata()["names"]), opened.get_tensor("stock.values")
    hertz = 2 ** values[:, PITCH_COLUMN].float()
    prosody = torch.stack([Style.from_vector(style_of(stock_voices()[name])).prosody for name in names])
    mean, std = prosody.mean(0), prosody.std(0)
    scaled = (prosody - mean) / std
    kernel = scaled @ scaled.T / scaled.shape[1] + RIDGE * torch.eye(len(scaled))
    weights = scaled.T @ torch.linalg.solve(kernel, hertz - hertz.mean()) / scaled.shape[1]
    return mean, std, weights, float(hertz.mean())


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
