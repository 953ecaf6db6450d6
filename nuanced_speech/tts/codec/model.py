"""A small codec for speech that was trained here: 16 kHz, 50 frames a second, 8 codebooks of 1024 entries (4 kbit/s).

The design is EnCodec's (Défossez et al. 2022): convolutional encoder, residual vector quantisation, convolutional
decoder. So that one CPU core can train it, nearly all of its width is at frame rate: the encoder reads a log mel
spectrogram, which is a strided convolution that needs not be learned (spectral codecs: Langman et al. 2024), and the
decoder ends in an inverse Fourier transform (Vocos, Siuzdak 2023). In between are ConvNeXt blocks (Liu et al. 2022).
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

from nuanced_speech.core.files import replacing
from nuanced_speech.core.tensor_files import reading_model
from nuanced_speech.dsp.mel import MelConfig, mel_bank
from nuanced_speech.tts.codec.quantise import ResidualVectorQuantiser

WEIGHTS = Path(__file__).parents[2] / "data" / "codec.safetensors"
# About the mean and spread of log mel magnitudes of speech.
MEL_CENTRE, MEL_SPREAD = -4.0, 3.0
# Highest magnitude of speech within [-1, 1]: n_fft / 2 is that of a full-scale sine.
LOUDEST = 6.0
# Of quantiser training only, not shipped.
TRAINING_ONLY = ("quantiser.counts", "quantiser.sums")


@dataclass(frozen=True)
class CodecConfig:
    """The network's shape.

    Attributes:
        sample_rate: Hz.
        hop_length: samples of a frame of codes.
        n_fft: samples of a Fourier frame, of the analysis and the synthesis; their hop is half of ``hop_length``.
        n_mels: bands of the encoder's input.
        width: channels.
        expansion: how much wider a block is inside.
        encoder_blocks, decoder_blocks, fine_blocks: ConvNeXt blocks; the last are at twice the frame rate.
        codebooks, entries, dim: of the quantiser.
    """

    sample_rate: int = 16000
    hop_length: int = 320
    n_fft: int = 640
    n_mels: int = 80
    width: int = 256
    expansion: int = 2
    encoder_blocks: int = 2
    decoder_blocks: int = 2
    fine_blocks: int = 3
    codebooks: int = 8
    entries: int = 1024
    dim: int = 64


class Block(nn.Module):
    """ConvNeXt on ``[B, F, C]``: a depthwise convolution over time, then a layer that mixes channels."""

    def __init__(self, width: int, expansion: int, kernel: int = 7) -> None:
        super().__init__()
        self.depthwise = nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=width)
        self.norm = nn.LayerNorm(width)
        self.wide = nn.Linear(width, width * expansion)
        self.narrow = nn.Linear(width * expansion, width)
        self.scale = nn.Parameter(torch.full((width,), 0.2))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """``mask [B, F, 1]`` is 1 where a frame counts: the others are zero before and after."""
        mixed = self.depthwise(x.transpose(1, 2)).transpose(1, 2)
        return (x + self.scale * self.narrow(F.gelu(self.wide(self.norm(mixed))))) * mask


class Encoder(nn.Module):
    """Waveform ``[B, T]`` to vectors ``[B, F, D]``."""

    window: Tensor

    def __init__(self, config: CodecConfig) -> None:
        super().__init__()
        self.config = config
        hop = config.hop_length // 2
        self.mel = MelConfig(config.sample_rate, config.n_fft, hop, config.n_mels, 0.0, config.sample_rate / 2)
        self.stem = nn.Conv1d(config.n_mels, config.width, 4, stride=2, padding=1)
        self.stem_norm = nn.LayerNorm(config.width)
        self.blocks = nn.ModuleList(Block(config.width, config.expansion) for _ in range(config.encoder_blocks))
        self.norm = nn.LayerNorm(config.width)
        self.out = nn.Linear(config.width, config.dim)
        self.register_buffer("window", torch.hann_window(config.n_fft), persistent=False)

    def log_mel(self, wave: Tensor) -> Tensor:
        """Log mel spectrogram ``[B, n_mels, 2F]``, about zero mean, with zeros around the waveform."""
        edge = (self.mel.n_fft - self.mel.hop_length) // 2
        stft = torch.stft(
            F.pad(wave, (edge, edge)),
            self.mel.n_fft,
            self.mel.hop_length,
            window=self.window,
            center=False,
            return_complex=True,
        )
        bands = mel_bank(self.mel).to(wave.device) @ stft.abs()
        return (bands.clamp(min=self.mel.floor).log() - MEL_CENTRE) / MEL_SPREAD

    def forward(self, wave: Tensor, mask: Tensor) -> Tensor:
        """``mask [B, F, 1]`` as for a block."""
        fine = mask.repeat_interleave(2, 1).transpose(1, 2)
        x = self.stem_norm(self.stem(self.log_mel(wave) * fine).transpose(1, 2)) * mask
        for block in self.blocks:
            x = block(x, mask)
        return self.out(self.norm(x))


class Decoder(nn.Module):
    """Vectors ``[B, F, D]`` to a waveform ``[B, F * hop_length]``."""

    window: Tensor

    def __init__(self, config: CodecConfig) -> None:
        super().__init__()
        self.config = config
        width, expansion = config.width, config.expansion
        self.stem = nn.Conv1d(config.dim, width, 5, padding=2)
        self.blocks = nn.ModuleList(Block(width, expansion) for _ in range(config.decoder_blocks))
        self.upsample = nn.Linear(width, 2 * width)
        self.fine_blocks = nn.ModuleList(Block(width, expansion) for _ in range(config.fine_blocks))
        self.norm = nn.LayerNorm(width)
        self.out = nn.Linear(width, config.n_fft + 2)
        self.register_buffer("window", torch.hann_window(config.n_fft), persistent=False)

    def forward(self, vectors: Tensor, mask: Tensor) -> Tensor:
        """``mask [B, F, 1]`` as for a block."""
        x = self.stem((vectors * mask).transpose(1, 2)).transpose(1, 2) * mask
        for block in self.blocks:
            x = block(x, mask)
        fine = mask.repeat_interleave(2, 1)
        x = self.upsample(x).reshape(x.shape[0], -1, x.shape[2]) * fine
        for block in self.fine_blocks:
            x = block(x, fine)
        magnitude, phase = self.out(self.norm(x)).float().chunk(2, -1)
        spectrum = torch.polar(magnitude.clamp(max=LOUDEST).exp(), phase) * fine
        return self.overlap_add(torch.fft.irfft(spectrum, self.config.n_fft) * self.window)

    def overlap_add(self, frames: Tensor) -> Tensor:
        """Sum windowed frames ``[B, F, n_fft]`` half a ``hop_length`` apart to ``[B, F * hop_length / 2]``."""
        hop = self.config.hop_length // 2
        overlap = self.config.n_fft // hop
        pieces = frames.unflatten(-1, (overlap, hop))
        # the sum of the squared windows is 3/8 of the overlap everywhere
        shifted = [F.pad(pieces[:, :, k], (0, 0, k, overlap - 1 - k)) for k in range(overlap)]
        wave = torch.stack(shifted).sum(0).flatten(1) / (0.375 * overlap)
        edge = (self.config.n_fft - hop) // 2
        return wave[:, edge : wave.shape[1] - edge]


class SpeechCodec(nn.Module):
    """Waveform to codes and back; ``load`` reads the one that is shipped.

    Attributes:
        sample_rate: Hz.
        hop_length: samples of a frame.
        codebooks, entries: how many, and how many entries each has.
    """

    def __init__(self, config: CodecConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or CodecConfig()
        if config.n_fft % (config.hop_length // 2) or config.hop_length % 2:
            raise ValueError("n_fft must be a multiple of half of hop_length")
        self.encoder = Encoder(config)
        self.quantiser = ResidualVectorQuantiser(config.codebooks, config.entries, config.dim)
        self.decoder = Decoder(config)

    @property
    def sample_rate(self) -> int:
        return self.config.sample_rate

    @property
    def hop_length(self) -> int:
        return self.config.hop_length

    @property
    def codebooks(self) -> int:
        return self.config.codebooks

    @property
    def entries(self) -> int:
        return self.config.entries

    def frames(self, samples: int) -> int:
        """How many frames a waveform of so many samples has; the last may be padded with silence."""
        return -(-samples // self.hop_length)

    def padded(self, wave: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """``wave [B, T]``, silent beyond ``lengths [B]`` and up to whole frames, and the mask of its frames."""
        lengths = torch.full((len(wave),), wave.shape[1], device=wave.device) if lengths is None else lengths
        wave = wave.masked_fill(torch.arange(wave.shape[1], device=wave.device) >= lengths[:, None], 0.0)
        frames = self.frames(wave.shape[1])
        counts = -(-lengths // self.hop_length)
        mask = (torch.arange(frames, device=wave.device) < counts[:, None]).unsqueeze(-1)
        return F.pad(wave, (0, frames * self.hop_length - wave.shape[1])), mask.to(wave.dtype)

    @torch.no_grad()
    def encode(self, wave: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Codes ``[B, K, F]`` of ``wave [B, T]`` in [-1, 1] at ``sample_rate``.

        ``lengths [B]`` are the items' samples where the batch is padded: an item's codes are those it gets alone,
        and 0 beyond its end.
        """
        padded, mask = self.padded(wave, lengths)
        codes = self.quantiser(self.encoder(padded, mask)).codes
        return codes * mask[:, None, :, 0].long()

    @torch.no_grad()
    def decode(self, codes: Tensor, frames: Tensor | None = None) -> Tensor:
        """Waveform ``[B, F * hop_length]`` of codes ``[B, K, F]``; K may be any number of the first codebooks.

        ``frames [B]`` are the items' frames where the batch is padded: beyond them is silence.

        Raises:
            ValueError: codes of another shape or range.
        """
        check_codes(codes, self.codebooks, self.entries)
        frames = torch.full((len(codes),), codes.shape[2], device=codes.device) if frames is None else frames
        mask = torch.arange(codes.shape[2], device=codes.device) < frames[:, None]
        return self.decoder(self.quantiser.lookup(codes), mask.unsqueeze(-1).float())

    def codebook_vectors(self) -> Tensor:
        """The entries ``[K, N, D]``."""
        return self.quantiser.entries

    def save(self, path: Path, **about: str) -> None:
        """Write the weights as fp16, with the shape and ``about`` in the file's header.

        Raises:
            UserError: the path cannot be written.
        """
        state = {
            name: value.detach().half().contiguous()
            for name, value in self.state_dict().items()
            if name not in TRAINING_ONLY
        }
        with replacing(path) as temporary:
            save_file(state, temporary, {"config": json.dumps(asdict(self.config)), **about})

    @classmethod
    def load(cls, path: Path = WEIGHTS) -> "SpeechCodec":
        """The codec of a file that ``save`` wrote, on the CPU, in evaluation mode.

        Raises:
            UserError: the file is missing, damaged or not a codec.
        """
        with reading_model(path, "codec", "nuanced-speech tts codec train FOLDER") as file:
            codec = cls(CodecConfig(**file.config()))
            empty = {name: value for name, value in codec.state_dict().items() if name in TRAINING_ONLY}
            codec.load_state_dict(file.floats() | empty)
        return codec.eval().requires_grad_(False)


def check_codes(codes: Tensor, codebooks: int, entries: int) -> None:
    """Refuse codes that a codec cannot decode.

    Raises:
        ValueError: not whole numbers ``[B, K, F]`` from 0 to ``entries - 1`` with 1 to ``codebooks`` for K.
    """
    if codes.dim() != 3 or codes.is_floating_point() or not 1 <= codes.shape[1] <= codebooks or codes.shape[2] == 0:
        raise ValueError(f"codes [B, 1 to {codebooks}, F] are needed, not {codes.dtype} {list(codes.shape)}")
    if int(codes.min()) < 0 or int(codes.max()) >= entries:
        raise ValueError(f"codes go from {int(codes.min())} to {int(codes.max())}, not 0 to {entries - 1}")
