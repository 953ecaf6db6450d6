"""What a block is measured for."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch

from nuanced_speech.analysis.content import ContentEstimator
from nuanced_speech.core.constants import SAMPLES_PER_UNIT
from nuanced_speech.live.block_analysis import StretchAnalyzer
from nuanced_speech.models.bank import ModelBank
from nuanced_speech.models.whisper_stream import WhisperStream


class Regressed:
    """What an adapter gives, with phonemes that nobody may ask for."""

    content = torch.ones(1, 512, 24)

    @property
    def logits(self) -> torch.Tensor:
        raise LookupError("phonemes")


@pytest.mark.parametrize("sharpness", [0.0, 0.5])
def test_phonemes_are_read_only_where_they_are_mixed_in(sharpness: float) -> None:
    models = cast(ModelBank, SimpleNamespace(content_adapter=lambda *_: Regressed(), device="cpu"))
    whisper = cast(WhisperStream, lambda *_: torch.zeros(30, 8))
    analyzer = StretchAnalyzer(models, ContentEstimator(models, sharpness), whisper)

    def measured() -> Any:
        return analyzer(np.zeros(24 * SAMPLES_PER_UNIT, np.float32), 0, slice(8, 20))

    if sharpness:
        with pytest.raises(LookupError, match="phonemes"):
            measured()
    else:
        assert measured().content.shape == (1, 512, 12) and (measured().content == 1).all()
