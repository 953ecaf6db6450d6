"""EnCodec (Défossez et al. 2022) as ``transformers`` has it, behind the same interface as the codec that is shipped."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nuanced_speech.core.errors import UserError
from nuanced_speech.tts.codec.model import check_codes
from nuanced_speech.tts.huggingface import hub_errors


class EnCodec(nn.Module):
    """A mono EnCodec model, at its highest bandwidth unless another is given in kbit/s.

    Raises:
        UserError: a stereo model, or one that cuts into chunks, or a bandwidth that it does not have.
    """

    def __init__(self, model: Any, bandwidth: float | None = None) -> None:
        super().__init__()
        config = model.config
        if config.audio_channels != 1 or config.chunk_length is not None:
            raise UserError("only mono EnCodec models can be used: take facebook/encodec_24khz")
        self.bandwidth = max(config.target_bandwidths) if bandwidth is None else bandwidth
        if self.bandwidth not in config.target_bandwidths:
            listed = ", ".join(f"{each:g}" for each in config.target_bandwidths)
            raise UserError(f"this EnCodec model has no bandwidth of {self.bandwidth:g} kbit/s: choose from {listed}")
        self.model = model.eval().requires_grad_(False)
        self.sample_rate, self.entries = int(config.sampling_rate), int(config.codebook_size)
        self.hop_length = int(config.hop_length)
        self.codebooks = int(model.quantizer.get_num_quantizers_for_bandwidth(self.bandwidth))

    @classmethod
    def load(cls, name: str = "facebook/encodec_24khz", bandwidth: float | None = None) -> "EnCodec":
        """From the hub, or from a local folder.

        Raises:
            UserError: the hub cannot be reached, no such model, no weights as safetensors, or not an EnCodec model.
        """
        from transformers import AutoConfig, EncodecModel

        with hub_errors(name) as place:
            kind = AutoConfig.from_pretrained(place).model_type
            if kind != "encodec":
                raise UserError(f"{name} is a {kind} model, not EnCodec: take facebook/encodec_24khz")
            model = EncodecModel.from_pretrained(place, use_safetensors=True)
        return cls(model, bandwidth)

    @torch.no_grad()
    def encode(self, wave: Tensor) -> Tensor:
        """Codes ``[B, K, ceil(T / hop_length)]`` of ``wave [B, T]``."""
        padded = F.pad(wave, (0, -wave.shape[1] % self.hop_length))
        return self.model.encode(padded[:, None], bandwidth=self.bandwidth).audio_codes[0]

    @torch.no_grad()
    def decode(self, codes: Tensor) -> Tensor:
        """Waveform ``[B, F * hop_length]`` of codes ``[B, K, F]`` of the first K codebooks.

        Raises:
            ValueError: codes of another shape or range.
        """
        check_codes(codes, self.codebooks, self.entries)
        wave = self.model.decode(codes[None], [None]).audio_values[:, 0]
        return wave[:, : codes.shape[2] * self.hop_length]

    def codebook_vectors(self) -> Tensor:
        """The entries ``[K, N, D]``."""
        return torch.stack([layer.codebook.embed for layer in self.model.quantizer.layers[: self.codebooks]])
