"""Kokoro-82M as a differentiable synthesizer, with the weights of the ``kokoro`` package.

The package's own forward pass takes one sentence and forbids gradients. This module runs the same networks with the
same weights on batches of different lengths (masks where the package has none), takes durations, F0 and energy from
outside, and lets gradients through.

Rates: one duration unit is 600 samples = 25 ms; F0 and energy run at two frames per unit (80 Hz).
Source of the architecture: StyleTTS 2 (Li et al. 2023) and iSTFTNet (Kaneko et al. 2022), as packaged in ``kokoro``.
"""

import copy
import json
from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from nuanced_speech.core import tensor_files
from nuanced_speech.core.cache import cache_folder
from nuanced_speech.core.constants import FRAMES_PER_UNIT, MAX_PHONEMES, VOICED_HZ
from nuanced_speech.core.device import without_cudnn
from nuanced_speech.core.errors import UserError, reading
from nuanced_speech.core.symbols import CONFIG, vocabulary
from nuanced_speech.models.kokoro_layers import (
    Condition,
    generate,
    length_mask,
    mask_or_none,
    masked,
    masked_lstm,
    predict_curve,
    residual_block,
)
from nuanced_speech.models.kokoro_networks import AdaptiveNorm, KokoroNetworks
from nuanced_speech.voice.style import Style


@dataclass(frozen=True)
class TextFeatures:
    """What Kokoro knows of a batch of phoneme strings before any style.

    Attributes:
        content: text-encoder output ``[B, 512, P]``, the decoder's ``asr`` before it is spread over time.
        prosody: projected ALBERT output ``[B, 512, P]``, the predictor's input.
        lengths: phonemes per item, the two zeros included, ``[B]``.
    """

    content: Tensor
    prosody: Tensor
    lengths: Tensor

    @property
    def mask(self) -> Tensor:
        """True where an item has a phoneme, ``[B, P]``."""
        return length_mask(self.lengths, self.content.shape[-1])


@dataclass(frozen=True)
class Prosody:
    """Output of the predictor.

    Attributes:
        soft_durations: in 25 ms units before rounding, ``[B, P]``; carries gradients to the style.
        durations: whole units, at least 1 for each phoneme, 0 in the padding, ``[B, P]``.
        f0: Hz, about 0 where unvoiced, ``[B, 2T]``.
        energy: log energy N, ``[B, 2T]``.
        units: length of each item in 25 ms units, ``[B]``.
    """

    soft_durations: Tensor
    durations: Tensor
    f0: Tensor
    energy: Tensor
    units: Tensor

    def voiced_f0(self) -> np.ndarray:
        """F0 ``[B, 2T]`` in Hz, what is about 0 made 0."""
        curves = self.f0.cpu().numpy()
        return np.where(curves > VOICED_HZ, curves, 0.0)


@dataclass(frozen=True)
class SynthesizedBatch:
    """A synthesized batch: ``audio [B, 600 * T]``, zero beyond each item's end, and the prosody it was made from."""

    audio: Tensor
    prosody: Prosody


def spread(features: Tensor, durations: Tensor) -> Tensor:
    """Repeat each phoneme's column for as many units as it lasts.

    Args:
        features: ``[B, C, P]``.
        durations: whole units ``[B, P]``, 0 in the padding.

    Returns:
        ``[B, C, T]`` with T the longest item's sum, zero beyond each item's end.
    """
    items = [x.repeat_interleave(d, dim=-1).T for x, d in zip(features, durations, strict=True)]
    return nn.utils.rnn.pad_sequence(items, batch_first=True).transpose(1, 2)


class Kokoro(nn.Module):
    """The synthesizer. Weights are frozen; gradients reach whatever is passed in.

    Args:
        path: a safetensors file of converted weights; found by ``nuanced_speech.weights`` when absent.

    Raises:
        UserError: the weights cannot be found, or the file does not hold this model.
    """

    def __init__(self, path: Path | None = None) -> None:
        super().__init__()
        if path is None:
            from nuanced_speech.weights.catalog import find

            path = find("kokoro")
        config = json.loads(CONFIG.read_text(encoding="utf-8"))
        self.vocab = vocabulary()
        self.model = _load(config, path)
        self._columns: dict[Any, Tensor] = {}
        self.eval().requires_grad_(False)

    @property
    def device(self) -> torch.device:
        return self.model.bert_encoder.weight.device

    @property
    def _norms(self) -> list[AdaptiveNorm]:
        return [m for m in self.model.decoder.modules() if isinstance(m, AdaptiveNorm)]

    @property
    def gains(self) -> int:
        """How many gains and offsets a timbre sets, in all adaptive norms of the decoder."""
        return sum(norm.fc.out_features for norm in self._norms)

    def extended(self, columns: Tensor) -> "Kokoro":
        """This synthesizer, its weights shared, with timbres that are longer by ``K`` numbers.

        A timbre of 128 numbers is spoken as before. Gradients reach the columns.

        Args:
            columns: what each further number adds to the gains and offsets of the adaptive norms, ``[gains, K]``.
        """
        sizes = [norm.fc.out_features for norm in self._norms]
        other = copy.copy(self)
        other._columns = dict(zip(self._norms, columns.split(sizes), strict=True))
        return other

    def tokens(self, phonemes: str) -> Tensor:
        """Token ids ``[P + 2]`` of a phoneme string, a zero on each side; symbols outside the vocabulary are dropped.

        Raises:
            UserError: nothing to speak is left, or more than 510 phonemes are.
        """
        ids = [self.vocab[p] for p in phonemes if p in self.vocab]
        if not ids:
            raise UserError(f"no phoneme in {phonemes!r} is in Kokoro's vocabulary: give text with speakable words")
        if len(ids) > MAX_PHONEMES:
            raise UserError(f"{len(ids)} phonemes in one piece, Kokoro takes at most {MAX_PHONEMES}: split the text")
        return torch.tensor([0, *ids, 0], device=self.device)

    def phonemes(self, ids: Iterable[int]) -> str:
        """The phoneme string of token ids; what is no phoneme is dropped."""
        symbols = {number: symbol for symbol, number in self.vocab.items()}
        return "".join(symbols.get(number, "") for number in ids)

    def encode_text(self, ids: Tensor, lengths: Tensor | None = None) -> TextFeatures:
        """Text features of token ids ``[B, P]`` (zero-padded; ``lengths [B]`` where items differ)."""
        if lengths is None:
            lengths = torch.full((len(ids),), ids.shape[1], device=ids.device)
        padding = ~length_mask(lengths, ids.shape[1])
        hidden = self.model.bert(ids, ~padding)
        prosody = self.model.bert_encoder(hidden).transpose(1, 2)
        content = self.model.text_encoder(ids, lengths, padding)
        return TextFeatures(content, prosody, lengths)

    def encode_content(self, ids: Tensor) -> Tensor:
        """The content half of ``encode_text`` alone, for one string ``[P]``: ``[512, P]``."""
        length = torch.tensor([len(ids)], device=ids.device)
        nothing = torch.zeros(1, len(ids), dtype=torch.bool, device=ids.device)
        return self.model.text_encoder(ids[None], length, nothing)[0]

    def predict(
        self,
        text: TextFeatures,
        style: Tensor,
        speed: float = 1.0,
        durations: Tensor | None = None,
        f0: Tensor | None = None,
        energy: Tensor | None = None,
    ) -> Prosody:
        """Durations, F0 and energy for a style ``[B, 256]``; any of them can be forced instead.

        ``speed`` divides the predicted durations. ``durations`` is ``[B, P]`` in whole units, ``f0`` and ``energy``
        ``[B, 2T]``.
        """
        predictor, half = self.model.predictor, Style.from_vector(style).prosody
        s = Condition(half)
        descends = torch.is_grad_enabled() and (style.requires_grad or text.prosody.requires_grad)
        with without_cudnn() if descends else nullcontext():
            hidden = predictor.text_encoder(text.prosody, half, text.lengths, ~text.mask)
            x = masked_lstm(predictor.lstm, hidden, text.lengths)
            soft = torch.sigmoid(predictor.duration_proj(x)).sum(-1) / speed * text.mask
            if durations is None:
                durations = soft.detach().round().clamp(min=1).long() * text.mask
            units = durations.sum(-1)
            if f0 is None or energy is None:
                frames = spread(hidden.transpose(1, 2), durations)
                shared = masked_lstm(predictor.shared, frames.transpose(1, 2), units).transpose(1, 2)
                mask = mask_or_none(units, shared.shape[-1])
                if f0 is None:
                    f0 = predict_curve(predictor.F0, predictor.F0_proj, shared, s, mask)
                if energy is None:
                    energy = predict_curve(predictor.N, predictor.N_proj, shared, s, mask)
        return Prosody(soft, durations, f0, energy, units)

    def content_and_prosody(
        self,
        ids: Tensor,
        style: Tensor,
        lengths: Tensor | None = None,
        speed: float = 1.0,
        durations: Tensor | None = None,
        f0: Tensor | None = None,
        energy: Tensor | None = None,
    ) -> tuple[Tensor, Prosody]:
        """All but the voice that a decoder needs of token ids ``[B, P]`` in styles ``[B, 256]``.

        See ``encode_text`` for ``lengths``, and ``predict`` for what can be forced.

        Returns:
            content ``[B, 512, T]``, spread over time, and prosody.
        """
        text = self.encode_text(ids, lengths)
        prosody = self.predict(text, style, speed, durations, f0, energy)
        return spread(text.content, prosody.durations), prosody

    def decode(
        self,
        content: Tensor,
        f0: Tensor,
        energy: Tensor,
        timbre: Tensor,
        units: Tensor | None = None,
        seed: int = 0,
    ) -> Tensor:
        """Waveform from content spread over time.

        Args:
            content: ``[B, 512, T]`` at 40 Hz.
            f0: Hz ``[B, 2T]``, 0 where unvoiced.
            energy: N ``[B, 2T]``.
            timbre: ``[B, 128]``, the first half of the style; ``[B, 128 + K]`` of an ``extended`` one.
            units: ``[B]``, each item's own length where it is not T.
            seed: for the harmonic source's random phases and noise; every item of a batch draws the same as alone.

        Returns:
            audio ``[B, 600 * max(units)]``, zero beyond each item's end.
        """
        decoder, s = self.model.decoder, Condition(timbre, self._columns)
        length = content.shape[-1]
        if units is None:
            units = torch.full((len(content),), length, device=content.device)
        elif int(units.max()) < length:
            length = int(units.max())
            content, f0, energy = (x[..., : length * rate] for x, rate in ((content, 1), (f0, 2), (energy, 2)))
        mask = mask_or_none(units, length)
        fine = mask_or_none(units * FRAMES_PER_UNIT, length * FRAMES_PER_UNIT)
        content, f0, energy = masked(content, mask), masked(f0, fine), masked(energy, fine)
        f0_coarse = decoder.F0_conv(f0[:, None])
        energy_coarse = decoder.N_conv(energy[:, None])
        x = residual_block(decoder.encode, torch.cat([content, f0_coarse, energy_coarse], 1), s, mask)
        side = torch.cat([decoder.asr_res(content), f0_coarse, energy_coarse], 1)
        for block in decoder.decode:
            x = residual_block(block, torch.cat([x, side], 1), s, mask)
        return generate(decoder.generator, x, s, f0, units, seed)

    def forward(
        self,
        ids: Tensor,
        style: Tensor,
        lengths: Tensor | None = None,
        speed: float = 1.0,
        durations: Tensor | None = None,
        f0: Tensor | None = None,
        energy: Tensor | None = None,
        seed: int = 0,
    ) -> SynthesizedBatch:
        """Speak token ids ``[B, P]`` in styles ``[B, 256]``; see ``predict`` for what can be forced."""
        content, prosody = self.content_and_prosody(ids, style, lengths, speed, durations, f0, energy)
        audio = self.decode(content, prosody.f0, prosody.energy, Style.from_vector(style).decoder, prosody.units, seed)
        return SynthesizedBatch(audio, prosody)


def _load(config: dict[str, Any], path: Path) -> KokoroNetworks:
    """The networks with the weights of a file, built without running their initialisers."""
    with torch.device("meta"):
        model = KokoroNetworks(config)
    with reading(path, "Kokoro's weights", "give another file, or none"):
        # what the cache keeps was checked when it was converted
        state = tensor_files.load(path, checked=path.is_relative_to(cache_folder())).tensors
    try:
        missing, unknown = model.load_state_dict(state, strict=False, assign=True)
    except RuntimeError as error:
        raise UserError(f"{path} does not hold Kokoro's weights (tensors of other shapes)") from error
    if missing or unknown:
        raise UserError(f"{path} does not hold Kokoro's weights ({len(missing)} missing, {len(unknown)} unknown)")
    return model
