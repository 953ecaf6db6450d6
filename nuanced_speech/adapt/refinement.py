"""A timbre brought nearer to its speaker by gradient descent through the synthesizer itself.

The surrogate's timbre is the start. At each step Kokoro speaks a few seconds of the speaker's own recording again, from
its content, melody and loudness, and the speaker encoder's cosine to the recording is raised. A prior holds the timbre
near the start, and the surrogate's prediction of how clean it will be keeps it from getting harsh. The best timbre on a
held-back passage is returned.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from nuanced_speech.core.constants import FRAMES_PER_UNIT, VOICED_HZ
from nuanced_speech.models.kokoro import Kokoro
from nuanced_speech.models.speaker_encoder import SpeakerEncoder
from nuanced_speech.models.timbre_surrogate import CLEANNESS, F0_CENTRE, PRIOR, TimbreSurrogate
from nuanced_speech.voice.style import Style

# 3.2 s: three windows of the speaker encoder.
CROP_UNITS = 128
# A step, forwards and backwards, costs about as much as so many syntheses of its 3.2 s.
SYNTHESES_PER_STEP = 3


@dataclass(frozen=True)
class RefinementConfig:
    """Settings of the search.

    Attributes:
        crop_units: length of what is spoken at a step, in 25 ms units.
        step_size: of Adam, in standard deviations of the stock voices' timbres.
        check_every: steps between checks on the held-back passage.
        patience: checks without a better timbre after which the search ends.
    """

    crop_units: int = CROP_UNITS
    step_size: float = 0.04
    check_every: int = 5
    patience: int = 3


@dataclass(frozen=True)
class Passage:
    """A passage of a recording, ``T`` units long.

    Attributes:
        content: ``[1, 512, T]``.
        f0: Hz ``[2T]``.
        energy: log energy N ``[2T]``.
        mel: log mel magnitudes ``[2T, 64]``.
        ids: token ids ``[P]``; None where the phonemes are unknown.
        durations: units of each token ``[P]``, likewise.
    """

    content: Tensor
    f0: Tensor
    energy: Tensor
    mel: Tensor
    ids: Tensor | None = None
    durations: Tensor | None = None

    @property
    def units(self) -> int:
        return self.content.shape[-1]

    def crop(self, start: int, units: int) -> "Passage":
        """``units`` units from ``start`` on, or what there is, without the phonemes."""
        frames = slice(start * FRAMES_PER_UNIT, (start + units) * FRAMES_PER_UNIT)
        content = self.content[..., start : start + units]
        return Passage(content, self.f0[frames], self.energy[frames], self.mel[frames])


def hold_out(passages: Sequence[Passage], units: int) -> tuple[Passage, list[Passage]]:
    """``units`` units from the middle of the second longest passage, and all other passages. A single passage gives
    both."""
    ordered = sorted(passages, key=lambda p: p.units, reverse=True)
    longest = ordered.pop(1) if len(ordered) > 1 else ordered[0]
    return longest.crop(max(longest.units - units, 0) // 2, units), ordered


def random_crop(passages: Sequence[Passage], rng: np.random.Generator, units: int) -> Passage:
    """``units`` units of one of the passages, of a long one more often."""
    weights = np.array([p.units for p in passages], float)
    passage = passages[rng.choice(len(passages), p=weights / weights.sum())]
    return passage.crop(int(rng.integers(max(passage.units - units, 0) + 1)), units)


@torch.no_grad()
def expected_seconds(
    kokoro: Kokoro, style: Style, passages: Sequence[Passage], steps: int, crop_units: int = CROP_UNITS
) -> float:
    """How long so many steps with passages take on this machine, by one synthesis."""
    passage, _ = hold_out(passages, crop_units)
    started = time.perf_counter()
    # on a GPU it is waited for by fetching what it makes
    kokoro.decode(passage.content, passage.f0[None], passage.energy[None], style.decoder[None]).cpu()
    return (time.perf_counter() - started) * SYNTHESES_PER_STEP * steps


def refine(
    kokoro: Kokoro,
    encoder: SpeakerEncoder,
    surrogate: TimbreSurrogate,
    style: Style,
    embedding: Tensor,
    passages: Sequence[Passage],
    steps: int,
    report: Callable[[int, float], None] = lambda _step, _likeness: None,
    seed: int = 0,
    config: RefinementConfig = RefinementConfig(),
) -> Style:
    """The style after at most so many steps, its timbre and extension changed; at least as like the speaker as before.

    Args:
        kokoro, encoder, surrogate: the models; the surrogate gives the units of distance, and its opinion of cleanness.
        style: to start from; its prosody stays.
        embedding: of the speaker, of length 1, ``[256]``.
        passages: of the speaker's recordings; the second longest is held back where there are several.
        steps: of Adam, each about three times the synthesis of 3.2 s.
        report: called after each check with the step and the held-back passage's cosine.
        seed: of the crops and of the harmonic source.
    """
    rng = np.random.default_rng(seed)
    held_out, searched = hold_out(passages, config.crop_units)
    log_f0 = _median_log_f0(passages)
    # of an extended timbre every number is varied, the timbre's own along the directions in which voices differ
    home = torch.cat([surrogate.whitened(style.timbre[None])[0], style.extension])
    z = home.clone().requires_grad_()
    optimizer = torch.optim.Adam([z], config.step_size)

    def style_at(z: Tensor) -> Style:
        whitened, extension = z.split((style.timbre.shape[-1], style.extension.shape[-1]))
        return replace(style, timbre=surrogate.timbre(whitened[None])[0], extension=extension)

    def likeness(passage: Passage, seed: int) -> Tensor:
        decoder = style_at(z).decoder[None]
        wave = kokoro.decode(passage.content, passage.f0[None], passage.energy[None], decoder, seed=seed)
        return encoder.embed_waves(wave)[0] @ embedding

    best, best_style, stale_checks = -1.0, style, 0
    for step in range(steps + 1):
        if step % config.check_every == 0 or step == steps:
            with torch.no_grad():
                similarity = float(likeness(held_out, seed))
            report(step, similarity)
            stale_checks = 0 if similarity > best else stale_checks + 1
            if similarity > best:
                best, best_style = similarity, Style.from_vector(style_at(z).vector.detach()) if step else style
            if stale_checks == config.patience or step == steps:
                break
        passage = random_crop(searched, rng, config.crop_units)
        with torch.enable_grad():
            clean = surrogate.cleanness(style_at(z).timbre[None], log_f0)[0]
            like = likeness(passage, int(rng.integers(1 << 31)))
            loss = PRIOR * (z - home).square().mean() - CLEANNESS * clean - like
            optimizer.zero_grad()
            loss.backward()
        optimizer.step()
    return best_style


def _median_log_f0(passages: Sequence[Passage]) -> Tensor:
    """Median log2 F0 ``[1]`` of all voiced frames; the usual one where there is none."""
    voiced = torch.cat([p.f0[p.f0 > VOICED_HZ] for p in passages])
    return voiced.log2().median()[None] if len(voiced) else voiced.new_full((1,), F0_CENTRE)
