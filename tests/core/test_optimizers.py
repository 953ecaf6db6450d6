"""Optimizers without torch's compiler."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from nuanced_speech.core.optimizers import LBFGS, Adam


@pytest.mark.parametrize(
    ("ours", "theirs", "settings"),
    [(LBFGS, torch.optim.LBFGS, {"max_iter": 20, "line_search_fn": "strong_wolfe"}), (Adam, torch.optim.Adam, {})],
)
def test_the_steps_are_torchs(ours: type, theirs: type, settings: dict) -> None:
    def descended(kind: type) -> torch.Tensor:
        x = torch.linspace(-2, 2, 9, requires_grad=True)
        optimizer = kind([x], **settings)

        def cost() -> torch.Tensor:
            optimizer.zero_grad()
            loss = ((x**2 - 1) ** 2).sum() + x.sin().sum()
            loss.backward()
            return loss

        for _ in range(3):
            optimizer.step(cost)
        return x.detach()

    assert torch.equal(descended(ours), descended(theirs))


# A search for a timbre and an equaliser, in a process of its own; a line for each module that was imported needlessly.
_FIRST_CONVERSION = """
import sys
import torch
from nuanced_speech import audio
from nuanced_speech.models.speaker_encoder import SpeakerEncoder
from nuanced_speech.models.timbre_surrogate import TimbreSurrogate
from nuanced_speech.synthesis.speaker_eq import fit_speaker_eq
from nuanced_speech.models.bank import ModelBank
from nuanced_speech.models.voice_pitch import pitch_of
from nuanced_speech.voice.stock import voice_pack
from nuanced_speech.voice.style import Style
wave = audio.read(sys.argv[1])[:72000]
encoder = SpeakerEncoder()
embedding = torch.from_numpy(encoder.embed(wave, 24000))
TimbreSurrogate.load().find(embedding[None], torch.tensor([7.0]), steps=2)
fit_speaker_eq(encoder, wave, embedding)
pitch_of(ModelBank().kokoro, Style.from_vector(voice_pack("af_heart")))
print(*(name for name in ("torch._dynamo", "spacy") if name in sys.modules))
"""


def test_a_conversion_imports_neither_a_compiler_nor_a_parser(clip: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _FIRST_CONVERSION, str(clip)], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []
