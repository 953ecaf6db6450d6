"""The timbre that sounds like a given speaker, found without synthesizing anything.

A surrogate, a few small networks, predicts the speaker embedding of what Kokoro would say with a timbre at a pitch, and
how clean it would be. It is fast and smooth, so gradient descent on its input finds the clean timbre whose predicted
embedding is nearest to a recording's. It starts at the stock voice that would sound most like the speaker, a Gaussian
prior holds it near, and the networks, which were fitted apart, have to agree, so that it cannot exploit the mistakes of
one.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

from nuanced_speech.core.constants import DATA, SPEAKER_DIM, TIMBRE_DIM
from nuanced_speech.core.files import replacing
from nuanced_speech.core.optimizers import LBFGS
from nuanced_speech.core.tensor_files import reading_model
from nuanced_speech.voice.stock import stock_styles

WEIGHTS = DATA / "timbre.safetensors"
MEMBERS, HIDDEN, DROPOUT = 4, 384, 0.15
CLEAN_HIDDEN, CLEAN_DROPOUT = 64, 0.3
# log2 Hz: middle and spread of voices.
F0_CENTRE, F0_SPREAD = 7.3, 0.45
# Of L-BFGS: one speaker's search ends after two dozen, that of a dozen speakers at once after four.
STEPS = 60
# What a mean squared deviation of one standard deviation costs, and what a standard deviation of cleanness is worth, in
# cosine similarity. On 4.5 s of twenty recordings of five speakers (ten for the 0) a cleanness of 0, 0.03 and 0.06 gave
# a SECS of 0.78, 0.77 and 0.76, an OVRL of 2.7, 2.86 and 2.87, and 27, 16 and 13 % of the voiced frames were not.
PRIOR, CLEANNESS = 0.05, 0.03
# The same for what the 128 numbers themselves deviate by from timbres that were given to start from. PRIOR leaves free
# what voices hardly differ in, which is audible all the same.
NEARNESS = 0.01


def _network(hidden: int, dropout: float, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(TIMBRE_DIM + 1, hidden),
        nn.GELU(),
        nn.Dropout(dropout),
        nn.Linear(hidden, hidden),
        nn.GELU(),
        nn.Dropout(dropout),
        nn.Linear(hidden, outputs),
    )


def _stacked(networks: Iterable[Any]) -> Callable[[Tensor], Tensor]:
    """Networks of one shape as one function, ``[B, inputs]`` to ``[members, B, outputs]``, without their dropout.

    One product computes all of them: small networks spend most of their time in calls."""
    layers = [[m for m in network if isinstance(m, nn.Linear)] for network in networks]
    members = len(layers)
    weights = [torch.stack([layer.weight.T for layer in column]) for column in zip(*layers, strict=True)]
    biases = [torch.stack([layer.bias for layer in column])[:, None] for column in zip(*layers, strict=True)]

    def run(x: Tensor) -> Tensor:
        x = torch.baddbmm(biases[0], x.expand(members, *x.shape), weights[0])
        for weight, bias in zip(weights[1:], biases[1:], strict=True):
            x = torch.baddbmm(bias, F.gelu(x), weight)
        return x

    return run


class TimbreSurrogate(nn.Module):
    """Timbre and pitch to the speaker embedding of what Kokoro says with them, and to how clean it is.

    Attributes:
        mean, basis: of Kokoro's timbres, ``[128]`` and ``[128, 128]``: ``mean + basis @ z`` with standard normal ``z``
            has their mean and covariance.
    """

    mean: Tensor
    basis: Tensor

    def __init__(self, hidden: int = HIDDEN, members: int = MEMBERS) -> None:
        super().__init__()
        self.members = nn.ModuleList(_network(hidden, DROPOUT, SPEAKER_DIM) for _ in range(members))
        self.clean = nn.ModuleList(_network(CLEAN_HIDDEN, CLEAN_DROPOUT, 1) for _ in range(members))
        self.register_buffer("mean", torch.zeros(TIMBRE_DIM))
        self.register_buffer("basis", torch.eye(TIMBRE_DIM))

    @torch.no_grad()
    def calibrate(self, timbres: Tensor) -> None:
        """Set mean and basis from timbres ``[N, 128]``; directions in which they hardly differ get a little room."""
        self.mean.copy_(timbres.mean(0))
        scale = timbres.std(0)
        variances, directions = torch.linalg.eigh(torch.cov(((timbres - self.mean) / scale).T))
        self.basis.copy_(scale[:, None] * directions * variances.clamp(min=1e-3).sqrt())

    def timbre(self, z: Tensor) -> Tensor:
        """Timbres ``[B, 128]`` from whitened ones ``[B, 128]``."""
        return self.mean + z @ self.basis.T

    def whitened(self, timbre: Tensor) -> Tensor:
        """The inverse of ``timbre``."""
        return torch.linalg.solve(self.basis, (timbre - self.mean).T).T

    @torch.no_grad()
    def nearest(self, embeddings: Tensor, log_f0: Tensor) -> Tensor:
        """Timbres ``[B, 128]`` of the stock voices that would sound most like speakers; arguments as in ``find``."""
        stock = torch.stack([style.timbre for style in stock_styles()]).to(self.mean.device)
        best = [
            (self(stock, pitch.expand(len(stock))).mean(0) @ embedding).argmax()
            for embedding, pitch in zip(embeddings, log_f0, strict=True)
        ]
        return stock[torch.stack(best)]

    def forward(self, timbre: Tensor, log_f0: Tensor) -> Tensor:
        """Every member's embeddings ``[members, B, 256]``, of length 1, of timbres ``[B, 128]`` at a median F0 of
        ``log_f0 [B]`` in log2 Hz."""
        return torch.stack([self.of_member(k, timbre, log_f0) for k in range(len(self.members))])

    def of_member(self, member: int, timbre: Tensor, log_f0: Tensor) -> Tensor:
        """One member's embeddings ``[B, 256]``."""
        return F.normalize(self.members[member](self._inputs(timbre, log_f0)), dim=-1)

    def cleanness(self, timbre: Tensor, log_f0: Tensor) -> Tensor:
        """How clean the speech will be, all members' opinion ``[B]``: 0 on average, 1 a standard deviation better."""
        return torch.stack([self.cleanness_of_member(k, timbre, log_f0) for k in range(len(self.clean))]).mean(0)

    def cleanness_of_member(self, member: int, timbre: Tensor, log_f0: Tensor) -> Tensor:
        """One member's opinion ``[B]``."""
        return self.clean[member](self._inputs(timbre, log_f0))[:, 0]

    def _inputs(self, timbre: Tensor, log_f0: Tensor) -> Tensor:
        scaled = (timbre - self.mean) / self.basis.norm(dim=1)
        return torch.cat([scaled, (log_f0[:, None] - F0_CENTRE) / F0_SPREAD], 1)

    @torch.enable_grad()
    def find(
        self,
        embeddings: Tensor,
        log_f0: Tensor,
        prior: float | Tensor = PRIOR,
        cleanness: float | Tensor = CLEANNESS,
        steps: int = STEPS,
        start: Tensor | None = None,
        nearness: float = NEARNESS,
    ) -> Tensor:
        """Timbres ``[B, 128]`` that sound like speakers.

        Args:
            embeddings: of the speakers, of length 1, ``[B, 256]``.
            log_f0: median F0 that they will be spoken with, log2 Hz ``[B]``.
            prior: weight of the squared distance to the start, one for all or ``[B]``.
            cleanness: weight of clean speech, one for all or ``[B]``.
            steps: of L-BFGS at most.
            start: other timbres than the nearest stock voice's to start from and stay nearer to, ``[B, 128]``.
            nearness: weight of the distance to ``start``, if it is given.
        """
        first = self.nearest(embeddings, log_f0) if start is None else start
        home, start_inputs = self.whitened(first), self._inputs(first, log_f0)
        nearness = 0.0 if start is None else nearness
        z = home.clone().requires_grad_()
        optimizer = LBFGS([z], max_iter=steps, line_search_fn="strong_wolfe")
        embed, clean = _stacked(self.members), _stacked(self.clean)

        def cost() -> Tensor:
            inputs = self._inputs(self.timbre(z), log_f0)
            likeness = (F.normalize(embed(inputs), dim=-1) * embeddings).sum(-1).mean(0)
            gain = likeness + cleanness * clean(inputs)[..., 0].mean(0)
            moved = (inputs - start_inputs)[:, :TIMBRE_DIM].square().mean(1)
            away = prior * (z - home).square().mean(1) + nearness * moved
            loss = (away - gain).sum()
            optimizer.zero_grad()
            loss.backward()
            return loss

        optimizer.step(cost)
        return self.timbre(z).detach()

    def save(self, path: Path) -> None:
        """Write the weights as fp16 safetensors; an old file stays until the new is whole."""
        state = {name: value.half().contiguous() for name, value in self.state_dict().items()}
        with replacing(path) as temporary:
            save_file(state, temporary)

    @classmethod
    def load(cls, path: Path = WEIGHTS) -> "TimbreSurrogate":
        """The surrogate of a file written by ``save``; the packaged one by default.

        Raises:
            UserError: no such file, or not a surrogate.
        """
        with reading_model(path, "timbre surrogate", "nuanced-speech train timbre") as file:
            state = file.floats()
            members = len({name.split(".")[1] for name in state if name.startswith("members.")})
            surrogate = cls(len(state["members.0.0.bias"]), members)
            surrogate.load_state_dict(state)
        return surrogate.eval().requires_grad_(False)
