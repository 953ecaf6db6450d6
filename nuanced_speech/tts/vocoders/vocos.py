"""Vocos (Siuzdak 2023) with its published weights, where the hub can be reached: ConvNeXt blocks at frame rate, and an
inverse STFT at the end. It has a mel of its own: 24 kHz, 100 bands."""

import hashlib
from pathlib import Path

import torch
from torch import Tensor, nn

from nuanced_speech.core import tensor_files
from nuanced_speech.core.constants import SAMPLE_RATE
from nuanced_speech.core.errors import UserError, reading
from nuanced_speech.core.network import hub_answers
from nuanced_speech.dsp.mel import MelConfig
from nuanced_speech.tts.vocoders.convnext import ConvNeXtBlock

REPOSITORY, FILE = "charactr/vocos-mel-24khz", "pytorch_model.bin"
VOCOS_MEL = MelConfig(sample_rate=SAMPLE_RATE, n_mels=100, fmax=SAMPLE_RATE / 2, floor=1e-7, centred=True, htk=True)
LOUDEST = 100.0


class Backbone(nn.Module):
    """Mel ``[B, 100, frames]`` to features ``[B, frames, width]``."""

    def __init__(self, n_mels: int, width: int, hidden: int, blocks: int) -> None:
        super().__init__()
        self.embed = nn.Conv1d(n_mels, width, 7, padding=3)
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.convnext = nn.ModuleList(ConvNeXtBlock(width, hidden, scale=1 / blocks) for _ in range(blocks))
        self.final_layer_norm = nn.LayerNorm(width, eps=1e-6)

    def forward(self, mel: Tensor) -> Tensor:
        x = self.norm(self.embed(mel).transpose(1, 2)).transpose(1, 2)
        for block in self.convnext:
            x = block(x)
        return self.final_layer_norm(x.transpose(1, 2))


class InverseSTFTHead(nn.Module):
    """Features ``[B, frames, width]`` to waveform ``[B, (frames - 1) * hop_length]`` by log magnitudes and phases."""

    def __init__(self, width: int, mel: MelConfig) -> None:
        super().__init__()
        self.mel = mel
        self.out = nn.Linear(width, mel.n_fft + 2)

    def forward(self, x: Tensor) -> Tensor:
        log_magnitude, phase = self.out(x).transpose(1, 2).chunk(2, 1)
        spectrum = torch.polar(log_magnitude.exp().clamp(max=LOUDEST), phase)
        window = torch.hann_window(self.mel.n_fft, device=x.device)
        return torch.istft(spectrum, self.mel.n_fft, self.mel.hop_length, window=window)


class Vocos(nn.Module):
    """Mel ``[B, 100, frames]`` of ``VOCOS_MEL`` to waveform ``[B, (frames - 1) * 256]`` at 24 kHz; module names are
    those of the published weights."""

    def __init__(self, width: int = 512, hidden: int = 1536, blocks: int = 8, mel: MelConfig = VOCOS_MEL) -> None:
        super().__init__()
        self.mel = mel
        self.backbone = Backbone(mel.n_mels, width, hidden, blocks)
        self.head = InverseSTFTHead(width, mel)

    def forward(self, mel: Tensor) -> Tensor:
        return self.head(self.backbone(mel))

    @classmethod
    def load(cls, path: Path) -> "Vocos":
        """From the published file, whose buffers (windows, mel bank) are made here instead.

        Raises:
            UserError: not such a file.
        """
        with reading(path, "the weights of Vocos", "remove it, and it is fetched again"):
            state = tensor_files.load_pickle(path)
            weights = {name: value for name, value in state.items() if name.startswith(("backbone.", "head.out."))}
            model = cls()
            model.load_state_dict(weights)
            tensor_files.check_finite(model.state_dict())
        return model.eval().requires_grad_(False)

    @classmethod
    def pretrained(cls) -> "Vocos":
        """From the hub's cache, or the hub.

        Raises:
            UserError: neither has it, or the file is not the one that the hub announces.
        """
        from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url
        from huggingface_hub.utils import HfHubHTTPError

        online = hub_answers()
        try:
            path = Path(hf_hub_download(REPOSITORY, FILE, local_files_only=not online))
        except (OSError, ValueError, HfHubHTTPError) as error:
            raise UserError(
                f"the vocoder {REPOSITORY} cannot be had from the hub ({type(error).__name__}): connect to the network,"
                " or use the packaged vocoder"
            ) from error
        try:
            # offline: the cache was checked when it was filled
            announced = get_hf_file_metadata(hf_hub_url(REPOSITORY, FILE)).etag if online else None
        except (OSError, ValueError, HfHubHTTPError):
            announced = None
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        if announced and len(announced) == len(digest) and announced != digest:
            raise UserError(f"{path}: its sha256 is {digest}, the hub announces {announced}; delete it and try again")
        return cls.load(path)
