"""How the learning rate goes over a training."""

import math


def warm_cosine(step: int, steps: int, warmup: int) -> float:
    """Share of the highest learning rate at a step: linear warm-up, then half a cosine down to a hundredth."""
    progress = max(step - warmup, 0) / max(steps - warmup, 1)
    return min((step + 1) / warmup, 1) * (0.01 + 0.99 * (1 + math.cos(math.pi * progress)) / 2)
