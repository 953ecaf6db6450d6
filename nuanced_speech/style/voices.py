"""Kokoro's 54 stock voices and mixtures of them.

A voice pack is ``[510, 256]``: row ``n - 1`` is the style for a text of ``n`` phonemes, its first 128 numbers the
timbre (decoder), its last 128 the prosody (predictor).
"""

import difflib
import re
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

from nuanced_speech.errors import UserError

STOCK_FILE = Path(__file__).parent.parent / "data" / "voices.safetensors"
PACK_ROWS, STYLE_DIM = 510, 256
PACK_SUFFIXES = (".pt", ".safetensors", ".npz")
# A text of about two sentences: the row to take where the number of phonemes is not known.
TYPICAL_PHONEMES = 120
# Kept out of everything that trains weights, so that figures on them are figures on unheard voices.
HELD_OUT = (
    "af_nova", "af_river", "am_liam", "am_puck", "bf_lily", "bm_lewis", "hm_psi", "if_sara", "jf_nezumi", "zm_yunxi",
)  # fmt: skip


@lru_cache
def stock_voices() -> dict[str, Tensor]:
    """All stock voices by name, each ``[510, 256]`` float32."""
    return {name: pack.float() for name, pack in sorted(load_file(STOCK_FILE).items())}


def voice_pack(voice: str) -> Tensor:
    """The pack ``[510, 256]`` of a stock voice, of a mixture or of a file.

    Args:
        voice: ``af_heart``; ``af_heart:0.7,bm_george:0.3`` (weights are normalised to sum to 1); or the path of a
            ``.pt``, ``.safetensors`` or ``.npz`` file that holds one array of 510 rows of 256.

    Raises:
        UserError: an unknown name, a weight that is not a positive number, or a file that is not a voice pack.
    """
    if voice.endswith(PACK_SUFFIXES):
        return read_pack(Path(voice))
    packs, weights = [], []
    for part in voice.split(","):
        name, _, weight = part.strip().partition(":")
        packs.append(_stock(name.strip()))
        if weight and not re.fullmatch(r"\s*\d*\.?\d+\s*", weight):
            raise UserError(f"the weight {weight!r} of {name} is not a positive number: write {name}:0.5")
        weights.append(float(weight or 1))
    if sum(weights) <= 0:
        raise UserError(f"the weights of {voice!r} sum to zero: give at least one voice a positive weight")
    shares = torch.tensor(weights) / sum(weights)
    return torch.einsum("v,vrs->rs", shares, torch.stack(packs))


def style_of(pack: Tensor, phonemes: int = TYPICAL_PHONEMES) -> Tensor:
    """The pack's style ``[256]`` for a text of so many phonemes."""
    return pack[min(max(phonemes, 1), len(pack)) - 1]


def nearest_stock_timbre(timbre: Tensor) -> Tensor:
    """The stock voices' timbre ``[128]`` that differs least from one, in their standard deviations."""
    stock = torch.stack([style_of(pack)[: len(timbre)] for pack in stock_voices().values()]).to(timbre.device)
    return stock[((stock - timbre) / stock.std(0)).square().sum(1).argmin()]


def read_pack(path: Path) -> Tensor:
    """A voice pack file as ``[510, 256]`` float32.

    Raises:
        UserError: the file is missing, unreadable or holds something else.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such voice pack")
    try:
        array = _first_array(path)
        pack = torch.as_tensor(array).float().reshape(-1, STYLE_DIM)
    except Exception as error:
        reason = type(error).__name__
        raise UserError(f"{path}: not a voice pack ({reason}); give one of Kokoro's voice files") from None
    if len(pack) != PACK_ROWS or not bool(torch.isfinite(pack).all()):
        raise UserError(f"{path}: not a voice pack: needs {PACK_ROWS} rows of {STYLE_DIM} finite numbers")
    return pack


def _first_array(path: Path) -> Tensor | np.ndarray:
    if path.suffix == ".pt":
        return torch.load(path, map_location="cpu", weights_only=True)
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as arrays:
            return arrays[arrays.files[0]]
    return next(iter(load_file(path).values()))


def _stock(name: str) -> Tensor:
    voices = stock_voices()
    if name not in voices:
        near = [known for known in voices if name and (known[3:] == name or known.startswith(name))]
        near = list(dict.fromkeys(near + difflib.get_close_matches(name, voices)))[:3]
        hint = f"did you mean {' or '.join(near)}?" if near else f"choose from {', '.join(voices)}"
        raise UserError(f"unknown voice {name!r}: {hint}")
    return voices[name]
