"""The style of speech that Kokoro could have made itself, by analysis and synthesis.

Kokoro speaks a recording again, and the style changes until the result sounds like the recording. For the timbre half,
Kokoro speaks a few seconds from the recording's phonemes, melody and loudness, and the shapes of the spectra are
compared frame by frame. For the prosody half, the predictor's melody, loudness and durations of the same words are
compared. Speech that Kokoro did not make always leaves a distance that no timbre explains, and a timbre that tries gets
harsh: a few steps show which it is.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from nuanced_speech.adapt.refinement import CROP_UNITS, Passage, hold_out, random_crop
from nuanced_speech.core.constants import HOP_LENGTH, SEMITONES, VOICED_HZ
from nuanced_speech.dsp.stft_loss import STFTLoss
from nuanced_speech.models.kokoro import Kokoro
from nuanced_speech.voice.prior import coordinates
from nuanced_speech.voice.style import Style

N_FFT, BANDS = 1024, 64


@dataclass(frozen=True)
class InversionConfig:
    """Settings of the search.

    Attributes:
        trial_steps: steps after which the search decides whether Kokoro made the recording.
        synthetic_distance: largest distance after them that Kokoro's own speech has; people leave more than 1
            (docs/experiments.md).
        timbre_step, prosody_step: first step sizes of Adam, in standard deviations of voices; they shrink to zero.
        crop_units: length of what is spoken at a step, in 25 ms units.
        check_every: steps between checks on the held-back passage.
        prior: cost of a mean squared deviation of one standard deviation, beside a distance.
        quiet: log units below the loudest moment from which a moment says little; 4 are 35 dB.
    """

    trial_steps: int = 5
    synthetic_distance: float = 0.75
    timbre_step: float = 0.3
    prosody_step: float = 0.15
    crop_units: int = CROP_UNITS
    check_every: int = 5
    prior: float = 0.02
    quiet: float = 4.0


def invert_style(
    kokoro: Kokoro,
    style: Style,
    passages: Sequence[Passage],
    steps: int,
    report: Callable[[int], None] = lambda _step: None,
    seed: int = 0,
    config: InversionConfig = InversionConfig(),
) -> Style | None:
    """The style with which Kokoro speaks a recording as it is; None where Kokoro cannot have made the recording, or its
    phonemes are unknown.

    Args:
        kokoro: the synthesizer.
        style: to start from; its extension stays.
        passages: of the recording; of those whose words are known, the second longest is held back where there are
            several, and the timbre that explains it best wins.
        steps: of Adam; each costs about three times the synthesis of 3.2 s.
        report: called after each check with the step.
        seed: of the crops and of the harmonic source.
        config: settings of the search.
    """
    with_phonemes = [p for p in passages if p.ids is not None]
    if not with_phonemes:
        return None
    held_out, searched = hold_out(with_phonemes, config.crop_units)
    rng, trial = np.random.default_rng(seed), min(config.trial_steps, steps)
    descent = _Descent(style.timbre, False, config.timbre_step, steps, config.prior)

    def distance(passage: Passage, seed: int) -> Tensor:
        decoder = replace(style, timbre=descent.half).decoder[None]
        wave = kokoro.decode(passage.content, passage.f0[None], passage.energy[None], decoder, seed=seed)
        return shape_distance(log_mel(wave[0]), passage.mel, config.quiet)

    best, timbre = np.inf, style.timbre
    for step in range(steps + 1):
        if step % config.check_every == 0 or step in (trial, steps):
            with torch.no_grad():
                remaining = float(distance(held_out, seed))
            report(step)
            if remaining < best:
                best, timbre = remaining, descent.half.detach()
            if step == trial and best > config.synthetic_distance:
                return None
            if step == steps:
                break
        with torch.enable_grad():
            descent.step(distance(random_crop(searched, rng, config.crop_units), int(rng.integers(1 << 31))))
    prosody = invert_prosody(kokoro, style.prosody, with_phonemes, steps, config)
    return Style(timbre, prosody, style.extension)


def invert_prosody(
    kokoro: Kokoro,
    prosody: Tensor,
    passages: Sequence[Passage],
    steps: int,
    config: InversionConfig = InversionConfig(),
) -> Tensor:
    """The prosody ``[128]`` with which Kokoro speaks the words of passages as they were spoken.

    The search takes ``steps`` steps from ``prosody``.

    Distances are in semitones, log units of N and units of 25 ms. A step costs a small part of one of the timbre's.
    """
    with torch.no_grad():
        texts = [(p, kokoro.encode_text(p.ids[None])) for p in passages if p.ids is not None]
    descent = _Descent(prosody, True, config.prosody_step, steps, config.prior)
    for step in range(steps):
        passage, text = texts[step % len(texts)]
        assert passage.ids is not None and passage.durations is not None
        with torch.enable_grad():
            style = Style.of_prosody(descent.half[None])
            predicted = kokoro.predict(text, style.vector, durations=passage.durations[None])
            voiced = passage.f0 > VOICED_HZ
            melody = SEMITONES * (predicted.f0[0].clamp(min=VOICED_HZ) / passage.f0.clamp(min=VOICED_HZ)).log2()[voiced]
            # the length of the silence around it says nothing of the speaker
            pace = (predicted.soft_durations[0] - passage.durations)[passage.ids != 0]
            descent.step(_distance(melody) + _distance(predicted.energy[0] - passage.energy) + _distance(pace))
    return descent.half.detach()


def log_mel(wave: Tensor) -> Tensor:
    """Log magnitudes ``[T / 300, BANDS]`` of a waveform ``[T]`` at 24 kHz, T a multiple of 300, with gradients."""
    return _stft(wave.device).magnitude(wave[None])[0].log().T[:-1]


def shape_distance(mel: Tensor, target: Tensor, quiet: float = InversionConfig.quiet) -> Tensor:
    """Mean squared difference of log magnitudes ``[frames, BANDS]``, less each moment's mean difference, in moments
    less than ``quiet`` log units below the loudest; a scalar, with gradients."""
    level = target.mean(1)
    gap = (mel - target)[level > level.max() - quiet]
    return (gap - gap.mean(1, keepdim=True)).square().mean()


class _Descent:
    """Half of a style, on its way along the directions in which voices differ, held near where it began."""

    def __init__(self, start: Tensor, prosody: bool, step_size: float, steps: int, prior: float) -> None:
        self.mean, self.basis = (x.to(start.device) for x in coordinates(prosody))
        self.home = torch.linalg.solve(self.basis.T, start - self.mean)
        self.z, self.prior = self.home.clone().requires_grad_(), prior
        self.optimizer = torch.optim.Adam([self.z], step_size)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimizer, lambda step: 1 - step / (steps + 1))

    @property
    def half(self) -> Tensor:
        """``[128]``, with gradients where they are enabled."""
        return self.mean + self.z @ self.basis

    def step(self, distance: Tensor) -> None:
        """Against the gradient of a distance of what was made of ``half``."""
        self.optimizer.zero_grad()
        (distance + self.prior * (self.z - self.home).square().mean()).backward()
        self.optimizer.step()
        self.schedule.step()


@lru_cache
def _stft(device: torch.device) -> STFTLoss:
    return STFTLoss(N_FFT, HOP_LENGTH, N_FFT, BANDS).to(device)


def _distance(x: Tensor) -> Tensor:
    """Of what should be zero: squared where it is small, not where it is large; zero of nothing."""
    return F.huber_loss(x, torch.zeros_like(x), reduction="sum") / max(x.numel(), 1)
