"""The prosody half of a voice, so that Kokoro speaks in a speaker's pitch range and at the speaker's pace.

It is a mixture of the stock voices' prosodies, and so stays among real ones. Its weights descend the gradient through
Kokoro's predictor until the melody of the speaker's own sentences has the recordings' distribution, and their length.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from nuanced_speech.core.constants import SEMITONES, VOICED_HZ
from nuanced_speech.models.kokoro import Kokoro, TextFeatures
from nuanced_speech.voice.style import Style

# Units for each phoneme in plausible speech; outside, the transcript is wrong.
_PLAUSIBLE = (1.2, 12.0)


@dataclass(frozen=True)
class ProsodyFitConfig:
    """Settings of the search.

    Attributes:
        steps: of Adam.
        step_size: of Adam, in logits of the voices' weights.
        left_out: stock voices that have no share. A whisper's melody is noise.
        pace_weight: semitones that a pace counts that is wrong by a factor of e: a fifth of the pace is as much as one.
        middle: part of the distribution of F0 that counts, since F0 is anything where voicing begins and ends.
        tolerance: how much worse than the best stock voice another may fit, in semitones, and still have a share at the
            start.
    """

    steps: int = 20
    step_size: float = 0.3
    left_out: frozenset[str] = frozenset({"af_nicole"})
    pace_weight: float = 5.0
    middle: tuple[float, float] = (0.1, 0.9)
    tolerance: float = 0.5


@dataclass(frozen=True)
class TimedSentence:
    """Phonemes, and how many 25 ms units the speaker took for them, if that is known."""

    phonemes: str
    units: int | None = None

    @property
    def plausible(self) -> bool:
        """Whether the transcript can be right."""
        return self.units is None or _PLAUSIBLE[0] < self.units / max(len(self.phonemes), 1) < _PLAUSIBLE[1]


class ProsodyFit:
    """How well prosodies fit a speaker.

    Args:
        kokoro: the synthesizer.
        sentences: to try them on.
        log_f0: of the speaker's voiced frames, log2 Hz ``[N]``.
        packs: voices to mix, ``[V, 510, 256]``.
        config: what counts, and how much.
    """

    def __init__(
        self,
        kokoro: Kokoro,
        sentences: list[TimedSentence],
        log_f0: np.ndarray,
        packs: Tensor,
        config: ProsodyFitConfig = ProsodyFitConfig(),
    ) -> None:
        ids = [kokoro.tokens(sentence.phonemes) for sentence in sentences]
        lengths = torch.tensor([len(x) for x in ids], device=kokoro.device)
        padded = torch.nn.utils.rnn.pad_sequence(ids, batch_first=True)
        self.kokoro, self.config = kokoro, config
        with torch.no_grad():
            self.text: TextFeatures = kokoro.encode_text(padded, lengths)
        rows = (lengths.cpu() - 3).clamp(max=packs.shape[1] - 1)
        self.prosodies = Style.from_vector(packs).prosody[:, rows].to(kokoro.device)
        self.melody = self._middle(torch.from_numpy(log_f0).float().to(kokoro.device))
        # the zeros at both ends are silence, which was cut out of the recordings
        timed = torch.tensor([sentence.units is not None for sentence in sentences], device=kokoro.device)
        self.timed = (padded != 0) & timed[:, None]
        self.units = float(sum(sentence.units or 0 for sentence in sentences))

    def loss(self, prosodies: Tensor) -> Tensor:
        """Misfit in semitones of a prosody for each sentence ``[S, 128]``.

        The melody's part is the distance of the distributions of log F0 (Wasserstein 1), which a wrong median and a
        wrong range raise alike.
        """
        predicted = self.kokoro.predict(self.text, Style.of_prosody(prosodies).vector)
        voiced = self._middle(predicted.f0[predicted.f0 > VOICED_HZ].log2())
        if not len(voiced):
            return prosodies.sum() * 0 + SEMITONES
        place = torch.linspace(0, len(self.melody) - 1, len(voiced), device=voiced.device).round().long()
        misfit = SEMITONES * (voiced - self.melody[place]).abs().mean()
        if self.units:
            pace = (predicted.soft_durations[self.timed].sum() / self.units).log().abs()
            misfit = misfit + self.config.pace_weight * pace
        return misfit

    def _middle(self, values: Tensor) -> Tensor:
        """The middle of a distribution, sorted, from ``values [N]``."""
        first, last = (round(share * len(values)) for share in self.config.middle)
        return values.sort().values[first:last]


def fit_prosody(
    kokoro: Kokoro,
    sentences: list[TimedSentence],
    log_f0: np.ndarray,
    packs: Tensor,
    progress: Callable[[float], None] | None = None,
    config: ProsodyFitConfig = ProsodyFitConfig(),
) -> Tensor:
    """Weights ``[V]``, at least 0 and summing to 1, of the mixture of prosodies that fits best.

    Arguments as ``ProsodyFit``; ``progress`` is called with the share that is done.
    """
    # from one sentence it is plain which voices to begin with
    fit, first = (ProsodyFit(kokoro, some, log_f0, packs, config) for some in (sentences, sentences[:1]))
    steps = len(packs) + 3 * config.steps
    alone = []
    with torch.no_grad():
        for number, prosodies in enumerate(first.prosodies):
            alone.append(first.loss(prosodies))
            if progress is not None:
                progress(number / steps)
    misfits = torch.stack(alone)
    logits = ((misfits.min() - misfits) / config.tolerance).requires_grad_()
    optimizer = torch.optim.Adam([logits], config.step_size)
    best, best_weights = float("inf"), logits.detach().softmax(0)
    for step in range(config.steps):
        with torch.enable_grad():
            weights = logits.softmax(0)
            loss = fit.loss(torch.einsum("v,vsd->sd", weights, fit.prosodies))
            optimizer.zero_grad()
            loss.backward()
        if loss.item() < best:
            best, best_weights = loss.item(), weights.detach().clone()
        optimizer.step()
        if progress is not None:
            progress((len(packs) + 3 * (step + 1)) / steps)
    return best_weights.cpu()
