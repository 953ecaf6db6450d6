"""What the training recipe minimises: the distance of Kokoro's rendering in a predicted style from its reference.

Durations are the reference's, because spectra of two renderings that drift apart in time say nothing about the style;
for the same reason the crops are decoded with the reference's F0 and energy (and from audio no gradient reaches F0
through the harmonic source). That leaves the prosody half of the style to losses of its own on what the predictor
makes of it: durations before rounding, F0 and energy.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from nuanced_speech.core.constants import FRAMES_PER_UNIT, SAMPLES_PER_UNIT, VOICED_HZ
from nuanced_speech.dsp.stft_loss import MultiResolutionSTFTLoss
from nuanced_speech.models.kokoro import Kokoro, Prosody, TextFeatures, spread
from nuanced_speech.models.kokoro_layers import length_mask
from nuanced_speech.train.references import ReferenceSegment, cut
from nuanced_speech.voice.style import Style

ENERGY_SCALE = 0.1


@dataclass(frozen=True)
class RenderLoss:
    """Scalars of a batch: STFT loss and its parts, and the L1 distances of log durations, log F0 and energy."""

    stft: Tensor
    convergence: Tensor
    log_magnitude: Tensor
    durations: Tensor
    f0: Tensor
    energy: Tensor

    @property
    def prosody(self) -> Tensor:
        """Their sum, energy scaled to the size of the others: its deviation is 4 to 7, theirs about 0.3."""
        return self.durations + self.f0 + ENERGY_SCALE * self.energy

    def figures(self) -> dict[str, float]:
        """All of it as plain numbers, for the log."""
        return {f.name: getattr(self, f.name).item() for f in fields(self)}


def render_loss(
    kokoro: Kokoro,
    stft: MultiResolutionSTFTLoss,
    segments: Sequence[ReferenceSegment],
    style: Tensor,
    crops: Sequence[int],
) -> RenderLoss:
    """Render one crop of each segment in the styles ``[B, 256]`` and compare; means over the batch.

    ``crops`` says which of its prepared crops to take of each segment.
    """
    device = style.device
    text, prosody = _predict(kokoro, segments, style)
    content = spread(text.content, prosody.durations)
    starts = [int(s.crop_starts[k]) for s, k in zip(segments, crops, strict=True)]
    lengths = [s.crop_audio.shape[1] // SAMPLES_PER_UNIT for s in segments]
    pieces = [cut(x, a, n).T for x, a, n in zip(content, starts, lengths, strict=True)]
    f0, energy = (
        pad_sequence(
            [
                cut(getattr(s, name), a * FRAMES_PER_UNIT, n * FRAMES_PER_UNIT)
                for s, a, n in zip(segments, starts, lengths, strict=True)
            ],
            batch_first=True,
        ).to(device)
        for name in ("f0", "energy")
    )
    units = torch.tensor(lengths, device=device)
    content = pad_sequence(pieces, batch_first=True).transpose(1, 2)
    audio = kokoro.decode(content, f0, energy, Style.from_vector(style).timbre, units)
    target = pad_sequence([s.crop_audio[k] for s, k in zip(segments, crops, strict=True)], batch_first=True)
    spectral = stft(audio, target.to(device), units * SAMPLES_PER_UNIT)
    distances = _prosody_distances(prosody, text.mask, segments)
    return RenderLoss(spectral.total, spectral.convergence, spectral.log_magnitude, *distances)


@torch.no_grad()
def resynthesize(kokoro: Kokoro, segment: ReferenceSegment, style: Tensor) -> Tensor:
    """A whole segment ``[600 * T]`` in a style ``[256]``: its durations, F0 and energy as the style has them."""
    ids, durations = (x[None].to(kokoro.device) for x in (segment.ids, segment.durations))
    return kokoro(ids, style[None].to(kokoro.device), durations=durations).audio[0].cpu()


def _predict(kokoro: Kokoro, segments: Sequence[ReferenceSegment], style: Tensor) -> tuple[TextFeatures, Prosody]:
    """Text features, and what the predictor says of a style when the durations are the reference's."""
    ids = pad_sequence([s.ids for s in segments], batch_first=True).to(style.device)
    durations = pad_sequence([s.durations for s in segments], batch_first=True).to(style.device)
    lengths = torch.tensor([len(s.ids) for s in segments], device=style.device)
    with torch.no_grad():
        text = kokoro.encode_text(ids, lengths)
    return text, kokoro.predict(text, style, durations=durations)


def _prosody_distances(
    prosody: Prosody, mask: Tensor, segments: Sequence[ReferenceSegment]
) -> tuple[Tensor, Tensor, Tensor]:
    """Mean absolute differences of log durations, of log F0 where the reference is voiced, and of energy."""
    device = mask.device
    soft, f0, energy = (
        pad_sequence([getattr(s, name) for s in segments], batch_first=True).to(device)
        for name in ("soft_durations", "f0", "energy")
    )
    frames = length_mask(prosody.units * FRAMES_PER_UNIT, f0.shape[1])
    # an average over each item first: a batch is worth the mean of its items, however long they are
    return (
        _masked_mean((prosody.soft_durations.clamp(min=0.1).log() - soft.clamp(min=0.1).log()).abs(), mask),
        _masked_mean(
            (prosody.f0.clamp(min=VOICED_HZ).log() - f0.clamp(min=VOICED_HZ).log()).abs(),
            frames & (f0 > VOICED_HZ),
        ),
        _masked_mean((prosody.energy - energy).abs(), frames),
    )


def _masked_mean(x: Tensor, mask: Tensor) -> Tensor:
    return ((x * mask).sum(-1) / mask.sum(-1).clamp(min=1)).mean()
