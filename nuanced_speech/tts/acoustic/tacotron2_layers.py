"""Layers of Tacotron 2, and its sizes: encoder, prenet, LSTM with zoneout, attention, postnet."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nuanced_speech.core.symbols import vocabulary
from nuanced_speech.dsp.mel import MEL
from nuanced_speech.models.kokoro_layers import length_mask


@dataclass(frozen=True)
class Tacotron2Config:
    """Sizes, the published ones by default.

    Attributes:
        symbols: of the phoneme vocabulary, 0 included.
        channels: of embedding, convolutions and encoder output (half of it each way).
        prenet, attention, decoder, postnet: widths.
        location_filters, location_kernel: of the attention's view of where it was.
        dropout, prenet_dropout, zoneout: shares; the prenet's dropout stays on when speaking, as published.
        reduction: frames a step.
        speaker: whether a speaker embedding is joined to the encoder's output.
        guided_attention: weight of the loss that wants the attention near the diagonal.
        guide_until: share of the training at which that weight has faded to 0, from half as much on; 0 for never.
            Speech is not a straight line, so a guide that stays ends up in the way.
        frame_dropout: share of the true frames before that the decoder does not get to see in training.
        longest: steps after which speaking stops if the stop token never comes.
    """

    symbols: int = max(vocabulary().values()) + 1
    channels: int = 512
    prenet: int = 256
    attention: int = 128
    decoder: int = 1024
    postnet: int = 512
    location_filters: int = 32
    location_kernel: int = 31
    dropout: float = 0.5
    prenet_dropout: float = 0.5
    zoneout: float = 0.1
    reduction: int = 1
    speaker: bool = True
    guided_attention: float = 0.0
    guide_until: float = 0.0
    frame_dropout: float = 0.0
    longest: int = 2000


class MaskedBatchNorm(nn.BatchNorm1d):
    """Batch normalisation ``[B, T, C]`` over what is not padding, so that padding does not move the statistics."""

    def over(self, x: Tensor, mask: Tensor) -> Tensor:
        """Normalised where ``mask [B, T]`` is True, else zero."""
        y = torch.zeros_like(x)
        y[mask] = self(x[mask]).to(y.dtype)
        return y


class ConvNorm(nn.Module):
    """Convolution over time and batch normalisation, ``[B, T, in]`` to ``[B, T, out]``."""

    def __init__(self, inputs: int, outputs: int, gain: Literal["relu", "tanh", "linear"]) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv1d(inputs, outputs, 5, padding=2), MaskedBatchNorm(outputs)
        nn.init.xavier_uniform_(self.conv.weight, nn.init.calculate_gain(gain))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        return self.norm.over(self.conv(x.transpose(1, 2)).transpose(1, 2), mask)


class Encoder(nn.Module):
    """Ids ``[B, T]`` to features ``[B, T, 512]``."""

    def __init__(self, config: Tacotron2Config) -> None:
        super().__init__()
        self.embedding = nn.Embedding(config.symbols, config.channels)
        self.layers = nn.ModuleList(ConvNorm(config.channels, config.channels, "relu") for _ in range(3))
        self.lstm = nn.LSTM(config.channels, config.channels // 2, batch_first=True, bidirectional=True)
        self.dropout = config.dropout

    def forward(self, phonemes: Tensor, lengths: Tensor) -> Tensor:
        mask = length_mask(lengths, phonemes.shape[1])
        x = self.embedding(phonemes) * mask[..., None]
        for layer in self.layers:
            x = F.dropout(layer(x, mask).relu(), self.dropout, self.training)
        packed = nn.utils.rnn.pack_padded_sequence(x, lengths.cpu(), batch_first=True, enforce_sorted=False)
        return nn.utils.rnn.pad_packed_sequence(self.lstm(packed)[0], True, 0.0, phonemes.shape[1])[0]


class Prenet(nn.Module):
    """A frame ``[..., 80]`` through two layers ``[..., 256]`` with dropout that is always on."""

    def __init__(self, config: Tacotron2Config) -> None:
        super().__init__()
        widths = (MEL.n_mels, config.prenet, config.prenet)
        self.layers = nn.ModuleList(nn.Linear(a, b, bias=False) for a, b in pairwise(widths))
        self.dropout = config.prenet_dropout

    def forward(self, frame: Tensor) -> Tensor:
        for layer in self.layers:
            frame = F.dropout(layer(frame).relu(), self.dropout, training=True)
        return frame


class ZoneoutLSTM(nn.Module):
    """An LSTM a step at a time whose state keeps some of its old values (Krueger et al. 2017).

    What enters is of two kinds: ``ahead`` numbers that are known before the first step (``inputs`` projects them, for
    all steps at once), and ``fed`` ones that only the step before brings. With the last hidden state those pass
    through ``recurrent``.
    """

    def __init__(self, ahead: int, fed: int, width: int, zoneout: float) -> None:
        super().__init__()
        self.inputs, self.recurrent = nn.Linear(ahead, 4 * width), nn.Linear(fed + width, 4 * width)
        self.width, self.zoneout = width, zoneout
        for layer in (self.inputs, self.recurrent):
            nn.init.uniform_(layer.weight, -(width**-0.5), width**-0.5)

    def start(self, like: Tensor) -> "Steps":
        """Before the first step of a batch of ``len(like)``."""
        # by the type of what is multiplied: converting the weights once, not at every step
        kind = torch.get_autocast_dtype(like.device.type) if torch.is_autocast_enabled(like.device.type) else like.dtype
        return Steps(self, self.recurrent.weight.detach().to(kind), like.new_zeros(len(like), self.width))


class Steps:
    """An LSTM on its way: its weights, its hidden state and cell ``[B, width]``, and what went through ``recurrent`` in
    each step."""

    def __init__(self, lstm: ZoneoutLSTM, weight: Tensor, start: Tensor) -> None:
        self.lstm, self.weight = lstm, weight
        self.hidden = self.cell = start
        self.entered: list[Tensor] = []

    def project(self, inputs: Tensor) -> Tensor:
        """``inputs`` of ``inputs [B, steps, ahead]``, with the gradient of ``recurrent`` hanging on it."""
        projected = self.lstm.inputs(inputs) + self.lstm.recurrent.bias
        return _Deferred.apply(projected, self.lstm.recurrent.weight, self.entered)

    def step(self, projected: Tensor, fed: Tensor | None = None) -> Tensor:
        """The next hidden state, from ``project`` of what enters ``[B, 4 * width]`` and what the last step brings."""
        old, cell = self.hidden, self.cell
        entering = old if fed is None else torch.cat([fed, old], 1)
        if self.lstm.training:
            self.entered.append(entering.detach())
        enter, forget, new, leave = (projected + F.linear(entering.to(self.weight.dtype), self.weight)).chunk(4, 1)
        next_cell = forget.sigmoid() * cell + enter.sigmoid() * new.tanh()
        self.hidden = self._kept(old, leave.sigmoid() * next_cell.tanh())
        self.cell = self._kept(cell, next_cell)
        return self.hidden

    def _kept(self, old: Tensor, new: Tensor) -> Tensor:
        share = self.lstm.zoneout
        if not self.lstm.training:
            return torch.lerp(new, old.to(new.dtype), share)
        return torch.where(torch.rand_like(new) < share, old, new)


class _Deferred(torch.autograd.Function):
    """Gives a weight that every step multiplies with its gradient all at once.

    The steps themselves use the weight without a gradient; else autograd would write the whole matrix at every one,
    which takes most of the time of a step. Forward nothing is changed; backward, all steps' gradients are here.
    """

    @staticmethod
    def forward(ctx: Any, projected: Tensor, weight: Tensor, entered: list[Tensor]) -> Tensor:
        ctx.entered, ctx.kind = entered, weight.dtype
        return projected.view_as(projected)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None]:
        entered = torch.stack(ctx.entered, 1).to(gradient.dtype).flatten(0, 1)
        return gradient, (gradient.flatten(0, 1).T @ entered).to(ctx.kind), None


class Attention(nn.Module):
    """Location-sensitive attention (Chorowski et al. 2015): where to look depends on where it looked before."""

    def __init__(self, config: Tacotron2Config, memory: int) -> None:
        super().__init__()
        size = config.attention
        self.query = nn.Linear(config.decoder, size, bias=False)
        self.memory = nn.Linear(memory, size, bias=False)
        kernel = config.location_kernel
        self.location = nn.Conv1d(2, config.location_filters, kernel, padding=kernel // 2, bias=False)
        self.placed = nn.Linear(config.location_filters, size, bias=False)
        self.energy = nn.Linear(size, 1, bias=False)

    def forward(self, query: Tensor, keys: Tensor, mask: Tensor, before: Tensor) -> Tensor:
        """Weights ``[B, T]`` that sum to 1, for a query ``[B, 1024]``, ``memory`` of the encoder's output
        ``[B, T, 128]``, and the last and the summed weights ``[B, 2, T]``."""
        placed = self.placed(self.location(before).transpose(1, 2))
        energy = self.energy((self.query(query)[:, None] + keys + placed).tanh())[..., 0]
        return energy.float().masked_fill(~mask, -torch.inf).softmax(1)


class Postnet(nn.Module):
    """Five convolutions that correct a mel ``[B, frames, 80]``."""

    def __init__(self, config: Tacotron2Config) -> None:
        super().__init__()
        widths = (MEL.n_mels, *[config.postnet] * 4, MEL.n_mels)
        gains: list[Literal["tanh", "linear"]] = ["tanh", "tanh", "tanh", "tanh", "linear"]
        layers = zip(pairwise(widths), gains, strict=True)
        self.layers = nn.ModuleList(ConvNorm(a, b, gain) for (a, b), gain in layers)
        self.dropout = config.dropout

    def forward(self, mel: Tensor, mask: Tensor) -> Tensor:
        x = mel * mask[..., None]
        for number, layer in enumerate(self.layers, 1):
            x = layer(x, mask)
            x = F.dropout(x.tanh() if number < len(self.layers) else x, self.dropout, self.training)
        return x * mask[..., None]
