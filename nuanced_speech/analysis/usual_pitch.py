"""The pitch that a speaker usually has, guessed from the sound of the voice alone.

Stock voices with a similar speaker embedding have a similar pitch, whatever mood a recording is in.
"""

from functools import lru_cache

import numpy as np
from safetensors import safe_open

from nuanced_speech.core.constants import DATA

# Cosines are spread over little more than 0.1: this sharpness leaves about five voices with a say.
SHARPNESS = 40.0
# Column of the stock voices' measured attributes that is the median F0 in log2 Hz.
_PITCH = 2


def usual_log_f0(embedding: np.ndarray) -> float:
    """Usual median F0 in log2 Hz of a speaker with an embedding ``[256]`` of length 1."""
    embeddings, pitch = _stock()
    weights = np.exp(SHARPNESS * (embeddings @ embedding))
    return float(weights @ pitch / weights.sum())


@lru_cache
def _stock() -> tuple[np.ndarray, np.ndarray]:
    """Embeddings ``[54, 256]`` and median F0 in log2 Hz ``[54]`` of the stock voices."""
    with safe_open(DATA / "attributes.safetensors", "pt") as file:
        embeddings, values = (
            file.get_tensor(f"stock.{name}_float32").float().numpy() for name in ("embeddings", "values")
        )
    return embeddings, values[:, _PITCH]
