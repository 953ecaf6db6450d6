"""Predicted opinion scores: networks rate how clean and natural speech is, from 1 to 5.

Sources: DNSMOS P.835 (Reddy et al. 2022) and P.808 (Reddy et al. 2021), package ``speechmos``; Distill-MOS (Stahl and
Gamper 2025), package ``distillmos``. Only measurements need these packages.
"""

import sys
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from io import StringIO
from types import ModuleType
from typing import Any

import numpy as np
import torch

from nuanced_speech import audio


@dataclass(frozen=True)
class Quality:
    """Predicted mean opinion scores; None where the package is not installed."""

    sig: float | None = None
    bak: float | None = None
    ovrl: float | None = None
    p808: float | None = None
    distill_mos: float | None = None


def quality(wave: np.ndarray, sample_rate: int, distill: bool = True) -> Quality:
    """Scores of ``wave [T]``; without ``distill`` only the fast ones."""
    wave = audio.resample(wave, sample_rate, audio.WHISPER_SAMPLE_RATE).clip(-1, 1)
    scores: dict[str, float] = {}
    if find_spec("speechmos") and find_spec("onnxruntime"):
        from speechmos import dnsmos

        rated = dnsmos.run(wave, audio.WHISPER_SAMPLE_RATE)
        scores |= {name: float(rated[f"{name}_mos"]) for name in ("sig", "bak", "ovrl", "p808")}
    if distill and find_spec("distillmos") and find_spec("xls_r_sqa"):
        with torch.no_grad():
            scores["distill_mos"] = float(_distill_mos()(torch.from_numpy(wave)[None]))
    return Quality(**scores)


@lru_cache(maxsize=1)
def _distill_mos() -> Any:
    # an empty torchaudio: the package needs it only to read files, and it breaks beside a CPU build of PyTorch
    absent = "torchaudio" not in sys.modules
    if absent:
        sys.modules["torchaudio"] = ModuleType("torchaudio")
    try:
        from distillmos.sqa import ConvTransformerSQAModel
    finally:
        if absent:
            del sys.modules["torchaudio"]
    with redirect_stdout(StringIO()):
        return ConvTransformerSQAModel().eval()
