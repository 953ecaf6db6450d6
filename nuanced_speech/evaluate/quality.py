"""How clean and natural speech sounds to listeners, as networks predict it, on a scale of 1 to 5.

Sources: DNSMOS P.835 (Reddy et al. 2022) and P.808 (Reddy et al. 2021), package ``speechmos``; Distill-MOS (Stahl and
Gamper 2025), package ``distillmos``. Neither is needed for anything but measurement.
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


@dataclass
class Quality:
    """Predicted mean opinion scores; None where the package is not installed."""

    sig: float | None = None
    bak: float | None = None
    ovrl: float | None = None
    p808: float | None = None
    distill_mos: float | None = None


def quality(wave: np.ndarray, sample_rate: int, distill: bool = True) -> Quality:
    """Scores of ``wave [T]``; without ``distill`` the quick ones only."""
    wave = audio.resample(wave, sample_rate, audio.WHISPER_SAMPLE_RATE).clip(-1, 1)
    found = Quality()
    if find_spec("speechmos") and find_spec("onnxruntime"):
        from speechmos import dnsmos

        scores = dnsmos.run(wave, audio.WHISPER_SAMPLE_RATE)
        for name in ("sig", "bak", "ovrl", "p808"):
            setattr(found, name, float(scores[f"{name}_mos"]))
    if distill and find_spec("distillmos") and find_spec("xls_r_sqa"):
        with torch.no_grad():
            found.distill_mos = float(_distill_mos()(torch.from_numpy(wave)[None]))
    return found


@lru_cache(maxsize=1)
def _distill_mos() -> Any:
    # The package imports torchaudio only to read files, and torchaudio breaks beside a CPU build of PyTorch.
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
