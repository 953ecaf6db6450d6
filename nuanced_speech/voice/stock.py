"""Kokoro's 54 stock voices, the user's own voices, and sums of them.

A voice pack is ``[510, 256]``: row ``n - 1`` is the style for a text of ``n`` phonemes, its first 128 numbers the
timbre (decoder), its last 128 the prosody (predictor).
"""

import difflib
import os
import re
from collections.abc import Container
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

import torch
from platformdirs import user_data_path
from safetensors.torch import load_file
from torch import Tensor

from nuanced_speech.core import tensor_files
from nuanced_speech.core.constants import DATA, PACK_ROWS, STYLE_DIM
from nuanced_speech.core.errors import UserError, reading
from nuanced_speech.core.numpy_files import read_arrays
from nuanced_speech.voice import adaptation, frames
from nuanced_speech.voice.expression import Weights, is_arithmetic, voice_weights
from nuanced_speech.voice.style import Style

Pack = TypeVar("Pack", Tensor, Style)

STOCK_FILE = DATA / "voices.safetensors"
PACK_SUFFIXES = (".pt", ".safetensors", ".npz")
# Row of a pack to take where the number of phonemes is not known: about two sentences.
TYPICAL_PHONEMES = 120
# Numbers of a voice, which lie within 3 in all stock voices, and the types that they may be kept in.
LARGEST_STYLE = 1e4
_NUMBERS = (torch.float32, torch.float16, torch.bfloat16, torch.float64)
# Language of a stock voice, by the first letter of its name.
VOICE_LANGUAGES = {
    "a": "en-us", "b": "en-gb", "e": "es", "f": "fr", "h": "hi", "i": "it", "j": "ja", "p": "pt-br", "z": "zh",
}  # fmt: skip
# Names that a voice of the user may have.
NAME = r"[^\W\d][\w-]*"
# Folder that keeps the user's own voices, and that is searched for their names, as is ``user_folder()``.
OWN_FOLDER = Path("voices")
USER_FOLDER = "NUANCED_SPEECH_VOICES"
# Voices that no training uses, so that figures on them are figures on unseen voices.
HELD_OUT = (
    "af_nova", "af_river", "am_liam", "am_puck", "bf_lily", "bm_lewis", "hm_psi", "if_sara", "jf_nezumi", "zm_yunxi",
)  # fmt: skip


def iso_639(language: str) -> str:
    """The ISO 639 code of a language of ``VOICE_LANGUAGES``: ``en`` of ``en-gb``."""
    return language.split("-")[0]


@lru_cache
def stock_voices() -> dict[str, Tensor]:
    """All stock voices by name, each ``[510, 256]`` float32."""
    return {name: pack.float() for name, pack in sorted(load_file(STOCK_FILE).items())}


def voice_pack(voice: str) -> Tensor:
    """The pack ``[510, 256]`` of a voice that is given as text.

    Args:
        voice: a stock voice (``af_heart``); an own voice (``me``, see ``own_voices``); a ``.pt``, ``.safetensors`` or
            ``.npz`` file with 510 rows of 256 and nothing else; a mixture, whose weights are normalised to sum to 1
            (``af_heart:0.7,me:0.3``); or a sum whose weights sum to 1 (``me + 0.5*(af_nicole - af_sarah)``).

    Raises:
        UserError: an unknown name, a weight that is not a positive number, a sum that cannot be read, or a file that is
            not a voice pack.
    """
    weights = parts_of(voice)
    total = torch.zeros(PACK_ROWS, STYLE_DIM)
    for name, weight in weights.items():
        total = total.add(named_pack(name), alpha=weight)
    return total


def parts_of(voice: str) -> Weights:
    """The weight of every voice, by name or file, in what ``voice_pack`` takes; they sum to 1.

    Raises:
        UserError: as ``voice_pack``, but for names and files, which are not looked up.
    """
    if voice in stock_voices() or own_voice(voice) or (voice.endswith(PACK_SUFFIXES) and Path(voice).is_file()):
        return {voice: 1.0}
    if is_arithmetic(voice):
        return voice_weights(voice)
    weights: Weights = {}
    for part in voice.split(","):
        name, _, weight = (text.strip() for text in part.strip().partition(":"))
        if weight and not re.fullmatch(r"\d*\.?\d+", weight):
            raise UserError(f"the weight {weight!r} of {name} is not a positive number: write {name}:0.5")
        weights[name] = weights.get(name, 0.0) + float(weight or 1)
    if sum(weights.values()) <= 0:
        raise UserError(f"the weights of {voice!r} sum to zero: give at least one voice a positive weight")
    return {name: weight / sum(weights.values()) for name, weight in weights.items()}


def user_folder() -> Path:
    """Folder of voices that are found from everywhere: ``NUANCED_SPEECH_VOICES``, else one among the user's data."""
    chosen = os.environ.get(USER_FOLDER)
    return Path(chosen).expanduser() if chosen else user_data_path("nuanced-speech", appauthor=False) / "voices"


def own_voices(folder: Path | None = None) -> dict[str, Path]:
    """The user's own voices by name; of several formats the one with a provenance.

    Files with the name of a stock voice are left out, since that name means the stock voice.

    Args:
        folder: the only one to look in; None: ``voices/`` and then ``user_folder()``.
    """
    voices: dict[str, Path] = {}
    for place in [user_folder(), OWN_FOLDER] if folder is None else [folder]:
        files = [path for path in place.glob("[!.]*") if path.suffix in PACK_SUFFIXES and path.is_file()]
        files.sort(key=lambda path: (path.stem, path.suffix == ".safetensors"))
        voices |= {path.stem: path for path in files if path.stem not in stock_voices()}
    return dict(sorted(voices.items()))


def own_voice(name: str) -> Path | None:
    """The file of the user's own voice of this name; None where there is none."""
    return own_voices().get(name)


def named_pack(name: str) -> Tensor:
    """The pack ``[510, 256]`` of one stock voice, own voice, or file.

    Raises:
        UserError: as ``voice_pack``.
    """
    if name.endswith(PACK_SUFFIXES):
        return read_pack(Path(name))
    path = None if name in stock_voices() else own_voice(name)
    return read_pack(path) if path else _stock(name)


def style_of(pack: Pack, phonemes: int = TYPICAL_PHONEMES) -> Pack:
    """The pack's style for a text of this number of phonemes: ``[256]`` of a tensor, or a ``Style``."""
    return pack[min(max(phonemes, 1), len(pack)) - 1]


def stock_styles(without: Container[str] = ()) -> list[Style]:
    """The style of every stock voice for a text of typical length, but of those ``without`` names."""
    return [Style.from_vector(style_of(pack)) for name, pack in stock_voices().items() if name not in without]


def nearest_stock_timbre(timbre: Tensor) -> Tensor:
    """The stock voice's timbre ``[128]`` that is nearest to a timbre ``[128]``, in standard deviations of all."""
    stock = torch.stack([style.timbre for style in stock_styles()]).to(timbre.device)
    return stock[((stock - timbre) / stock.std(0)).square().sum(1).argmin()]


def read_pack(path: Path) -> Tensor:
    """A voice pack file as ``[510, 256]`` float32.

    Raises:
        UserError: the file is missing, unreadable or holds something else.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such voice pack")
    with reading(path, "a voice pack", "give a file with one voice"):
        pack = _first_array(path)
        # before any conversion: a file of a few bytes may describe a tensor of any size
        if pack.numel() == PACK_ROWS * STYLE_DIM and pack.dtype in _NUMBERS:
            pack = pack.float().reshape(PACK_ROWS, STYLE_DIM)
            if bool((pack.abs() <= LARGEST_STYLE).all()):
                return pack
    raise UserError(f"{path}: not a voice pack: needs {PACK_ROWS} rows of {STYLE_DIM} finite numbers")


def _first_array(path: Path) -> Tensor:
    if path.suffix == ".pt":
        return torch.as_tensor(tensor_files.load_pickle(path))
    if path.suffix == ".npz":
        # eight bytes a number at most
        arrays = read_arrays(path, "a voice pack", "give a file with one voice", 8 * PACK_ROWS * STYLE_DIM)
        (array,) = arrays.values()
        return torch.as_tensor(array)
    beside = (adaptation.PREFIX, frames.PREFIX)
    (pack,) = (tensor for name, tensor in load_file(path).items() if not name.startswith(beside))
    return pack


def _stock(name: str) -> Tensor:
    voices = stock_voices()
    if name not in voices:
        all_names = [*own_voices(), *voices]
        near = [other for other in all_names if name and (other[3:] == name or other.startswith(name))]
        near = list(dict.fromkeys(near + difflib.get_close_matches(name, all_names)))[:3]
        hint = f"did you mean {' or '.join(near)}?" if near else f"choose from {', '.join(all_names)}"
        if "-" in name and name.split("-")[0] in voices:
            hint = "write spaces around a minus"
        raise UserError(f"unknown voice {name!r}: {hint}")
    return voices[name]
