"""The style of speech that Kokoro could have made itself, by analysis and synthesis.

What was heard in a recording is said again, and the style changed until it sounds as it did. For the timbre half,
Kokoro says a few seconds from the phonemes, melody and loudness that were heard, and the shape of the spectrum is
compared from moment to moment; for the prosody half, the predictor's melody, loudness and durations of the same words
are. In speech of another maker there is always something left that no timbre explains, and one that tries gets harsh:
a few steps show which it is.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from nuanced_speech.adapt.refinement import CHECK_EVERY, Passage, any_crop, held_back
from nuanced_speech.core.constants import HOP_LENGTH, SEMITONES, STYLE_DIM, TIMBRE_DIM, VOICED_HZ
from nuanced_speech.dsp.stft_loss import STFTLoss
from nuanced_speech.models.kokoro import Kokoro
from nuanced_speech.voice.prior import coordinates

N_FFT, BANDS = 1024, 64
# Moments so many log units below the loudest say little: 35 dB.
QUIET = 4.0
# After so many steps the distance that is left tells who spoke: Kokoro in unheard voices leaves 0.2 to 0.5, people
# 1.1 to 1.8 (four recordings).
TRIAL_STEPS, EXPLAINED = 5, 0.75
# In standard deviations of voices; they shrink to none.
STEP_SIZE, PROSODY_STEP = 0.3, 0.15
# What a mean squared deviation of one standard deviation costs, beside a distance.
PRIOR = 0.02


def explain(
    kokoro: Kokoro,
    style: Tensor,
    passages: Sequence[Passage],
    steps: int,
    report: Callable[[int], None] = lambda _step: None,
    seed: int = 0,
) -> Tensor | None:
    """The style ``[256]``, or an extended one, with which Kokoro would say a recording as it is; None where it could
    not have said it, or the words are not known.

    Args:
        kokoro: the synthesizer.
        style: to start from, ``[256]``, or ``[256 + K]`` if the synthesizer is extended; what extends it stays.
        passages: of the recording; of those whose words are known, the second longest is held back where there are
            several, and the timbre that explains it best wins.
        steps: of Adam; each costs about three times the synthesis of 3.2 s. Whether it goes on is decided after five.
        report: called after each check with the step.
        seed: of the crops and of the harmonic source.
    """
    known = [p for p in passages if p.ids is not None]
    if not known:
        return None
    held, tried = held_back(known)
    rng, trial = np.random.default_rng(seed), min(TRIAL_STEPS, steps)
    descent = _Descent(style[:TIMBRE_DIM], False, STEP_SIZE, steps)

    def distance(passage: Passage, seed: int) -> Tensor:
        timbre = torch.cat([descent.found, style[STYLE_DIM:]])
        wave = kokoro.decode(passage.content, passage.f0[None], passage.energy[None], timbre[None], seed=seed)
        return shape_distance(log_mel(wave[0]), passage.mel)

    best, timbre = np.inf, style[:TIMBRE_DIM]
    for step in range(steps + 1):
        if step % CHECK_EVERY == 0 or step in (trial, steps):
            with torch.no_grad():
                left = float(distance(held, seed))
            report(step)
            if left < best:
                best, timbre = left, descent.found.detach()
            if step == trial and best > EXPLAINED:
                return None
            if step == steps:
                break
        with torch.enable_grad():
            descent.step(distance(any_crop(tried, rng), int(rng.integers(1 << 31))))
    prosody = prosody_of(kokoro, style[TIMBRE_DIM:STYLE_DIM], known, steps)
    return torch.cat([timbre, prosody, style[STYLE_DIM:]])


def prosody_of(kokoro: Kokoro, prosody: Tensor, passages: Sequence[Passage], steps: int) -> Tensor:
    """The prosody ``[128]``, after so many steps from one, with which Kokoro would say the words of passages, which are
    known, as they were. Distances are in semitones, log units of N and units of 25 ms; a step costs a small part of one
    of the timbre's.
    """
    with torch.no_grad():
        known = [(p, kokoro.encode_text(p.ids[None])) for p in passages if p.ids is not None]
    descent = _Descent(prosody, True, PROSODY_STEP, steps)
    for step in range(steps):
        passage, text = known[step % len(known)]
        assert passage.ids is not None and passage.durations is not None
        with torch.enable_grad():
            style = torch.cat([torch.zeros_like(prosody), descent.found])
            said = kokoro.predict(text, style[None], durations=passage.durations[None])
            voiced = passage.f0 > VOICED_HZ
            melody = SEMITONES * (said.f0[0].clamp(min=VOICED_HZ) / passage.f0.clamp(min=VOICED_HZ)).log2()[voiced]
            # how long the silence around it is, says nothing of the speaker
            pace = (said.soft_durations[0] - passage.durations)[passage.ids != 0]
            descent.step(_distance(melody) + _distance(said.energy[0] - passage.energy) + _distance(pace))
    return descent.found.detach()


def log_mel(wave: Tensor) -> Tensor:
    """Log magnitudes ``[T / 300, BANDS]`` of a waveform ``[T]`` at 24 kHz, T a multiple of 300, with gradients."""
    return _stft(wave.device).magnitude(wave[None])[0].log().T[:-1]


def shape_distance(mel: Tensor, wanted: Tensor) -> Tensor:
    """Mean squared difference of log magnitudes ``[frames, BANDS]``, less each moment's mean difference, in moments
    that are not quiet; a scalar, with gradients."""
    level = wanted.mean(1)
    gap = (mel - wanted)[level > level.max() - QUIET]
    return (gap - gap.mean(1, keepdim=True)).square().mean()


class _Descent:
    """Half of a style, on its way along the directions in which voices differ, held near where it began."""

    def __init__(self, start: Tensor, prosody: bool, step_size: float, steps: int) -> None:
        self.mean, self.basis = (x.to(start.device) for x in coordinates(prosody))
        self.home = torch.linalg.solve(self.basis.T, start - self.mean)
        self.z = self.home.clone().requires_grad_()
        self.optimizer = torch.optim.Adam([self.z], step_size)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimizer, lambda step: 1 - step / (steps + 1))

    @property
    def found(self) -> Tensor:
        """``[128]``, with gradients where they are enabled."""
        return self.mean + self.z @ self.basis

    def step(self, distance: Tensor) -> None:
        """Against the gradient of a distance of what was made of ``found``."""
        self.optimizer.zero_grad()
        (distance + PRIOR * (self.z - self.home).square().mean()).backward()
        self.optimizer.step()
        self.schedule.step()


@lru_cache
def _stft(device: torch.device) -> STFTLoss:
    return STFTLoss(N_FFT, HOP_LENGTH, N_FFT, BANDS).to(device)


def _distance(x: Tensor) -> Tensor:
    """Of what should be zero: squared where it is small, not where it is large; zero of nothing."""
    return F.huber_loss(x, torch.zeros_like(x), reduction="sum") / max(x.numel(), 1)
