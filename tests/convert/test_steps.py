"""Progress of a conversion: forward only, from its first step to its last, inside segments too."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from nuanced_speech.convert.options import ConversionOptions
from nuanced_speech.convert.steps import READY, SPEAKING, Steps
from nuanced_speech.core.constants import SAMPLE_RATE
from nuanced_speech.core.timing import stage

MEASURED = ("features", "content", "style", "f0", "energy")


def spoken() -> Iterator[np.ndarray]:
    for _ in range(2):
        for name in SPEAKING:
            with stage(name):
                pass
        yield np.zeros(SAMPLE_RATE, np.float32)


@pytest.mark.parametrize("options", [{"path": "direct"}, {}, {"refine": 3}, {"voice": "a.wav", "refine": 3}])
def test_every_stage_moves_the_bar_forward(options: dict[str, object]) -> None:
    shares: list[float] = []
    made: list[float] = []
    chosen = ConversionOptions(**options)  # type: ignore[arg-type]
    steps = Steps(shares.append, chosen)
    ready = steps.stages("ready", READY)
    for name in READY:
        ready.ended(name)
    transcribed = steps.part("transcription")
    assert transcribed is not None
    transcribed(0.5)
    transcribed(1.0)
    direct = chosen.path == "direct"
    analysis = steps.analysis(2, recognised=direct)
    for number in range(2):
        for name in MEASURED:
            analysis.ended(name)
        analysis((number + 1) / 2)
    analysis.ended("phonemes")
    assert [*steps.stages("speaking", SPEAKING, 2).over(spoken(), made.append)]
    assert shares == sorted(set(shares)) and shares[-1] == pytest.approx(1.0)
    # reading, overlaps, models; ten measurements; phonemes or two windows of words; eight stages of speaking
    assert len(shares) == 3 + 10 + (1 if direct else 2) + 8
    assert made == [1.0, 2.0]


def test_nobody_need_listen() -> None:
    steps = Steps(None, ConversionOptions())
    assert steps.part("ready") is None
    assert len([*steps.stages("speaking", SPEAKING, 2).over(spoken())]) == 2
