"""A timbre brought nearer to its speaker by gradient descent through the synthesizer itself.

The surrogate's timbre is the start. At each step Kokoro says a few seconds of the speaker's own recording again, from
the content, melody and loudness that were heard in it, and the speaker encoder's cosine to the recording is raised. The
prior that holds it near the start, and the surrogate's opinion of how clean it will be, keep it from getting harsh; the
best timbre on a passage that is held back wins.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from nuanced_speech.core.constants import FRAMES_PER_UNIT, TIMBRE_DIM, VOICED_HZ
from nuanced_speech.models.kokoro import Kokoro
from nuanced_speech.models.speaker_encoder import LEVEL_DB, SpeakerEncoder
from nuanced_speech.models.timbre_surrogate import CLEANNESS, F0_CENTRE, PRIOR, TimbreSurrogate

# 3.2 s: three windows of the speaker encoder.
CROP_UNITS = 128
STEP_SIZE = 0.04
CHECK_EVERY = 5
# A step, forwards and backwards, costs about as much as so many syntheses of its 3.2 s.
SYNTHESES_PER_STEP = 3


@dataclass
class Passage:
    """What was said in a piece of a recording: ``content [1, 512, T]``, ``f0 [2T]`` in Hz, N ``energy [2T]`` and log
    ``mel [2T, 64]``; token ``ids [P]`` and their ``durations [P]``, where they are known."""

    content: Tensor
    f0: Tensor
    energy: Tensor
    mel: Tensor
    ids: Tensor | None = None
    durations: Tensor | None = None

    @property
    def units(self) -> int:
        return self.content.shape[-1]

    def crop(self, start: int) -> "Passage":
        """3.2 s from a unit on, or what there is, without the words."""
        frames = slice(start * FRAMES_PER_UNIT, (start + CROP_UNITS) * FRAMES_PER_UNIT)
        content = self.content[..., start : start + CROP_UNITS]
        return Passage(content, self.f0[frames], self.energy[frames], self.mel[frames])


def held_back(passages: Sequence[Passage]) -> tuple[Passage, list[Passage]]:
    """3.2 s from the middle of the second longest passage, and all other passages; of a single one, and itself."""
    ordered = sorted(passages, key=lambda p: p.units, reverse=True)
    held = ordered.pop(1) if len(ordered) > 1 else ordered[0]
    return held.crop(max(held.units - CROP_UNITS, 0) // 2), ordered


def any_crop(passages: Sequence[Passage], rng: np.random.Generator) -> Passage:
    """3.2 s of one of the passages, of a long one more often."""
    weights = np.array([p.units for p in passages], float)
    passage = passages[rng.choice(len(passages), p=weights / weights.sum())]
    return passage.crop(int(rng.integers(max(passage.units - CROP_UNITS, 0) + 1)))


@torch.no_grad()
def expected_seconds(kokoro: Kokoro, timbre: Tensor, passages: Sequence[Passage], steps: int) -> float:
    """How long so many steps with passages take on this machine, by one synthesis."""
    passage, _ = held_back(passages)
    started = time.perf_counter()
    # on a GPU it is waited for by fetching what it makes
    kokoro.decode(passage.content, passage.f0[None], passage.energy[None], timbre[None]).cpu()
    return (time.perf_counter() - started) * SYNTHESES_PER_STEP * steps


def refine(
    kokoro: Kokoro,
    encoder: SpeakerEncoder,
    surrogate: TimbreSurrogate,
    timbre: Tensor,
    embedding: Tensor,
    passages: Sequence[Passage],
    steps: int,
    report: Callable[[int, float], None] = lambda _step, _likeness: None,
    seed: int = 0,
) -> Tensor:
    """The timbre ``[128]``, or an extended one, after at most so many steps, at least as like as it was.

    Args:
        kokoro, encoder, surrogate: the models; the surrogate gives the units of distance, and its opinion of cleanness.
        timbre: to start from, ``[128]``, or ``[128 + K]`` if the synthesizer is extended.
        embedding: of the speaker, of length 1, ``[256]``.
        passages: of the speaker's recordings; the second longest is held back where there are several.
        steps: of Adam; each costs about three times the synthesis of 3.2 s.
        report: called after each check with the step and the held-back passage's cosine.
        seed: of the crops and of the harmonic source.
    """
    rng = np.random.default_rng(seed)
    held, tried = held_back(passages)
    voiced = torch.cat([p.f0[p.f0 > VOICED_HZ] for p in passages])
    log_f0 = voiced.log2().median()[None] if len(voiced) else torch.full((1,), F0_CENTRE, device=timbre.device)
    # of an extended timbre every number is varied, the timbre's own along the directions in which voices differ
    home = torch.cat([surrogate.whitened(timbre[None, :TIMBRE_DIM])[0], timbre[TIMBRE_DIM:]])
    z = home.clone().requires_grad_()
    optimizer = torch.optim.Adam([z], STEP_SIZE)

    def timbre_at(z: Tensor) -> Tensor:
        return torch.cat([surrogate.timbre(z[None, :TIMBRE_DIM])[0], z[TIMBRE_DIM:]])

    def likeness(passage: Passage, seed: int) -> Tensor:
        wave = kokoro.decode(passage.content, passage.f0[None], passage.energy[None], timbre_at(z)[None], seed=seed)
        return embed(encoder, wave)[0] @ embedding

    best, best_timbre, since = -1.0, timbre, 0
    for step in range(steps + 1):
        if step % CHECK_EVERY == 0 or step == steps:
            with torch.no_grad():
                found = float(likeness(held, seed))
            report(step, found)
            since = 0 if found > best else since + 1
            if found > best:
                best, best_timbre = found, timbre_at(z).detach() if step else timbre
            if since == 3 or step == steps:
                break
        passage = any_crop(tried, rng)
        with torch.enable_grad():
            clean = surrogate.cleanness(timbre_at(z)[None, :TIMBRE_DIM], log_f0)[0]
            like = likeness(passage, int(rng.integers(1 << 31)))
            loss = PRIOR * (z - home).square().mean() - CLEANNESS * clean - like
            optimizer.zero_grad()
            loss.backward()
        optimizer.step()
    return best_timbre


def embed(encoder: SpeakerEncoder, wave: Tensor) -> Tensor:
    """Speaker embeddings ``[B, 256]`` of ``wave [B, T]`` at 24 kHz, T a multiple of 3, with gradients."""
    heard = at_whisper_rate(wave)
    level = heard.square().mean(-1, keepdim=True).sqrt().clamp(min=1e-6)
    return encoder.whole(encoder.mel(heard * (10 ** (LEVEL_DB / 20) / level)))


def at_whisper_rate(wave: Tensor) -> Tensor:
    """``wave [B, T]`` at 24 kHz, T a multiple of 3, at 16 kHz ``[B, 2T / 3]``, with gradients."""
    length = wave.shape[-1] * 2 // 3
    return torch.fft.irfft(torch.fft.rfft(wave)[..., : length // 2 + 1], length) * (2 / 3)
