"""The style of speech that Kokoro itself could have made."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from helpers import CLIP

from nuanced_speech import audio
from nuanced_speech.adapt import style_inversion as module
from nuanced_speech.adapt.refinement import Passage
from nuanced_speech.adapt.style_inversion import InversionConfig, invert_prosody, invert_style, log_mel, shape_distance
from nuanced_speech.core.constants import TIMBRE_DIM
from nuanced_speech.models.kokoro import Kokoro, spread
from nuanced_speech.voice.prior import coordinates
from nuanced_speech.voice.stock import HELD_OUT, stock_voices, style_of
from nuanced_speech.voice.style import Style

PHONEMES = "ðə ɹˈɪvəɹ ɹˈOz kwˈɪkli"


@torch.no_grad()
def spoken(kokoro: Kokoro, style: Style) -> tuple[torch.Tensor, Passage]:
    """A waveform ``[T]``, and all that there is to know of it."""
    ids = kokoro.tokens(PHONEMES)
    encoded = kokoro.encode_text(ids[None])
    prosody = kokoro.predict(encoded, style.vector[None])
    content = spread(encoded.content, prosody.durations)
    wave = kokoro.decode(content, prosody.f0, prosody.energy, style.decoder[None], seed=7)[0]
    return wave, Passage(content, prosody.f0[0], prosody.energy[0], log_mel(wave), ids, prosody.durations[0])


def likeness(found: torch.Tensor, style: torch.Tensor) -> float:
    return float(F.cosine_similarity(found, style, dim=0))


CONFIG = InversionConfig(crop_units=40)


@pytest.mark.slow
def test_the_style_of_what_kokoro_said_is_found_again(kokoro: Kokoro) -> None:
    own, start = (Style.from_vector(style_of(stock_voices()[name])) for name in ("af_heart", "af_bella"))
    _, said = spoken(kokoro, own)
    told: list[int] = []
    found = invert_style(kokoro, start, [said], 5, told.append, config=CONFIG)
    assert found is not None and told == [0, 5]
    assert likeness(found.timbre, own.timbre) > likeness(start.timbre, own.timbre) + 0.02
    assert likeness(found.prosody, own.prosody) > likeness(start.prosody, own.prosody) + 0.02
    # without words there is nothing to go by
    assert invert_style(kokoro, start, [replace(said, ids=None, durations=None)], 5, config=CONFIG) is None


@pytest.mark.slow
def test_steps_that_lead_nowhere_are_thrown_away(kokoro: Kokoro) -> None:
    style = Style.from_vector(style_of(stock_voices()["af_heart"]))
    _, said = spoken(kokoro, style)
    found = invert_style(kokoro, style, [said], 2, config=replace(CONFIG, timbre_step=20.0))
    assert found is not None
    torch.testing.assert_close(found.timbre, style.timbre, atol=1e-4, rtol=0)


def test_the_shape_of_a_spectrum_has_no_level_and_its_distance_a_gradient() -> None:
    wave = torch.from_numpy(audio.read(CLIP)[:48_000])
    wanted = log_mel(wave)
    assert wanted.shape == (160, module.BANDS)
    assert float(shape_distance(wanted, wanted)) == 0
    louder = wave * torch.linspace(0.5, 3.0, len(wave))
    assert float(shape_distance(log_mel(louder), wanted)) < 0.1
    darker = torch.from_numpy(np.convolve(wave.numpy(), np.ones(8, np.float32) / 8, "same")).requires_grad_()
    away = shape_distance(log_mel(darker), wanted)
    assert float(away.detach()) > 0.3
    away.backward()
    assert darker.grad is not None
    nearer = darker.detach() - 1e-3 * darker.grad / darker.grad.norm()
    assert float(shape_distance(log_mel(nearer), wanted)) < float(away.detach())


def test_the_prosody_of_the_words_is_found_again(kokoro: Kokoro) -> None:
    own, start = (Style.from_vector(style_of(stock_voices()[name])) for name in ("bm_lewis", "af_sarah"))
    _, said = spoken(kokoro, own)
    found = invert_prosody(kokoro, start.prosody, [said], 12)
    assert likeness(found, own.prosody) > likeness(start.prosody, own.prosody) + 0.08


def test_coordinates_are_those_of_the_voices_that_are_not_held_out() -> None:
    for number, half in enumerate((slice(0, TIMBRE_DIM), slice(TIMBRE_DIM, None))):
        mean, basis = coordinates(bool(number))
        voices = torch.stack([style_of(v)[half] for name, v in stock_voices().items() if name not in HELD_OUT])
        torch.testing.assert_close(mean, voices.mean(0))
        z = torch.linalg.solve(basis.T, (voices - mean).T)
        torch.testing.assert_close((mean[:, None] + basis.T @ z).T, voices, atol=1e-3, rtol=0)
        # 44 voices vary in 43 of the 128 directions; the others have room left
        assert 0.2 < float(z.square().mean()) < 0.5
