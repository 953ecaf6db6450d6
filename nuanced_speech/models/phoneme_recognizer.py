"""Recognises phonemes without a text: Whisper's decoder, trained to write phonemes instead of letters.

Whisper (Radford et al. 2022) recognises a word where a frame of sound alone is ambiguous, because its decoder knows the
words before it. That decoder stays as it is but for changes of low rank (LoRA, Hu et al. 2021) and for what it writes:
pronounced words and parts of words, which begin as what Whisper knows of those that sound so, and Kokoro's symbols,
which are learned from speech whose phonemes are known, so that a word that no lexicon holds is written as it sounded.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

from nuanced_speech.core.constants import DATA, WHISPER_SAMPLE_RATE
from nuanced_speech.core.files import replacing
from nuanced_speech.core.tensor_files import reading_model
from nuanced_speech.models.content_adapter import Attention, KeysValues
from nuanced_speech.models.phoneme_tokenizer import END, SYMBOLS, PhonemeTokenizer
from nuanced_speech.models.whisper import WhisperModel

WEIGHTS = DATA / "recogniser.safetensors"
# Whisper's decoder always had silence after what was said: without it, it may not notice the end.
SILENCE_SECONDS = 1.5
# Strings that are followed at once when phonemes are written.
BEAMS = 5


@dataclass(frozen=True)
class PhonemeRecognizerConfig:
    """``whisper`` is the model whose decoder is changed, ``rank`` that of the change of every matrix."""

    whisper: str = "base"
    rank: int = 32


class LowRankLinear(nn.Module):
    """A linear layer that stays, and a change of low rank that begins as none."""

    def __init__(self, linear: nn.Linear, rank: int) -> None:
        super().__init__()
        self.linear = linear.requires_grad_(False)
        self.down = nn.Parameter(torch.randn(rank, linear.in_features) / linear.in_features**0.5)
        self.up = nn.Parameter(torch.zeros(linear.out_features, rank))

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x) + F.linear(F.linear(x, self.down), self.up)

    @torch.no_grad()
    def merged(self) -> nn.Linear:
        """The one layer that does the same."""
        self.linear.weight += self.up @ self.down
        return self.linear


class Block(nn.Module):
    """A block of Whisper's decoder: attention to its own output, attention to the recording, two layers."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.attn, self.attn_ln = Attention(width, heads), nn.LayerNorm(width)
        self.cross_attn, self.cross_attn_ln = Attention(width, heads), nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.mlp_ln = nn.LayerNorm(width)

    def forward(
        self,
        x: Tensor,
        audio: KeysValues,
        past: KeysValues | None = None,
        causal: Tensor | None = None,
        audio_mask: Tensor | None = None,
    ) -> tuple[Tensor, KeysValues]:
        """``x [B, S, D]`` to the same, and keys and values of all that is written; ``audio`` is of B items or one."""
        y = self.attn_ln(x)
        present = self.attn.keys_values(y)
        if past is not None:
            present = torch.cat([past[0], present[0]], 2), torch.cat([past[1], present[1]], 2)
        x = x + self.attn(y, present, causal)
        # strings that listen to the same recording ask it as one: keys and values of a long one are read once
        y = self.cross_attn_ln(x).reshape(len(audio[0]), -1, x.shape[-1])
        x = x + self.cross_attn(y, audio, audio_mask).reshape(x.shape)
        return x + self.mlp(self.mlp_ln(x)), present


class Tokens(nn.Module):
    """A row for every token ``[V, D]``: those of Kokoro's symbols are learned, those of words stay but for a change of
    low rank."""

    words: Tensor
    prior: Tensor
    table: Tensor | None

    def __init__(self, rows: Tensor, prior: Tensor, rank: int) -> None:
        super().__init__()
        self.register_buffer("prior", prior, False)
        self.symbols = nn.Parameter(rows[:SYMBOLS].clone())
        self.register_buffer("words", rows[SYMBOLS:].clone(), False)
        self.down = nn.Parameter(torch.randn(rank, rows.shape[1]) / rows.shape[1] ** 0.5)
        self.up = nn.Parameter(torch.zeros(len(rows) - SYMBOLS, rank))
        self.register_buffer("table", None, False)

    def forward(self) -> Tensor:
        if self.table is not None:
            return self.table
        return torch.cat([self.symbols, self.words + self.up @ self.down])

    def logits(self, x: Tensor, table: Tensor) -> Tensor:
        """Logits of the next token, ``[..., D]`` to ``[..., V]``, by the rows that ``forward`` gave."""
        return F.linear(x, table).float() + self.prior

    @torch.no_grad()
    def merge(self) -> None:
        """Make the change a part of the rows."""
        self.table = self()


class PhonemeRecognizer(nn.Module):
    """Features of Whisper's encoder to Kokoro's phonemes.

    Args:
        whisper: the Whisper model whose decoder it begins as; it is copied.
        tokenizer: what it can write.
    """

    prompt: Tensor
    position: Tensor

    def __init__(
        self, whisper: WhisperModel, tokenizer: PhonemeTokenizer, config: PhonemeRecognizerConfig | None = None
    ) -> None:
        super().__init__()
        self.config, self.tokenizer = config or PhonemeRecognizerConfig(whisper.name), tokenizer
        decoder, dims = whisper.model.decoder, whisper.model.dims
        self.blocks = nn.ModuleList(Block(dims.n_text_state, dims.n_text_head) for _ in range(dims.n_text_layer))
        self.blocks.load_state_dict(decoder.blocks.state_dict())
        self.ln = nn.LayerNorm(dims.n_text_state)
        self.ln.load_state_dict(decoder.ln.state_dict())
        self.tokens = Tokens(tokenizer.initial_embeddings(whisper), tokenizer.prior(), self.config.rank)
        # what Whisper's decoder begins with to write down English without times
        prompt = whisper.english_tokenizer.sot_sequence_including_notimestamps
        self.register_buffer("prompt", decoder.token_embedding.weight[list(prompt)].clone(), False)
        self.register_buffer("position", decoder.positional_embedding.detach().clone(), False)
        self.requires_grad_(False)

    @property
    def _blocks(self) -> list[Any]:
        return list(self.blocks)

    @property
    def max_tokens(self) -> int:
        """Largest number of tokens that can be written."""
        return len(self.position) - len(self.prompt)

    def forward(self, features: Tensor, frames: Tensor, tokens: Tensor) -> Tensor:
        """What it expects at each place of strings that are known.

        Args:
            features: ``[B, F, D]``, of Whisper's encoder after its last norm.
            frames: how many rows of each are an item's own, ``[B]``.
            tokens: token ids ``[B, P]``, without a zero in front.

        Returns:
            logits ``[B, P + 1, V]``: row k before token k, the last one after all of them.
        """
        audio_mask = torch.arange(features.shape[1], device=features.device) < frames[:, None]
        table = self.tokens()
        x = torch.cat([self.prompt.expand(len(tokens), -1, -1), table[tokens]], 1)
        x = x + self.position[: x.shape[1]]
        causal = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool, device=x.device).tril()
        for block in self._blocks:
            x, _ = block(x, block.cross_attn.keys_values(features), None, causal, audio_mask[:, None, None])
        return self.tokens.logits(self.ln(x[:, len(self.prompt) - 1 :]), table)

    def transcribe(self, features: Tensor, limit: int) -> str:
        """The most probable phonemes of ``features [F, D]``; arguments as in ``search``."""
        return self.tokenizer.phonemes(self.search(features, limit))

    @torch.no_grad()
    def search(self, features: Tensor, limit: int, beams: int = BEAMS) -> list[int]:
        """The most probable tokens of ``features [F, D]``, by beam search over so many strings; none where there is no
        speech, of ``limit`` symbols at most, spaces among them.

        Strings are compared by their log probability over the root of their symbols, ones that are unfinished too: by
        the sum alone, longer ones would always lose, and by the mean per symbol, a long word that is one token would
        win against anything that was said in a second, and win again the more often it is written.
        """
        audio = [block.cross_attn.keys_values(features[None]) for block in self._blocks]
        past: list[KeysValues | None] = [None] * len(self.blocks)
        causal = torch.ones(len(self.prompt), len(self.prompt), dtype=torch.bool, device=features.device).tril()
        x, ids = (self.prompt + self.position[: len(self.prompt)])[None], features.new_zeros(1, 0, dtype=torch.long)
        sizes = torch.tensor(self.tokenizer.sizes, device=features.device)
        scores, symbols = features.new_zeros(1), sizes.new_zeros(1)
        finished: list[tuple[float, list[int]]] = []
        table = self.tokens()
        ends = torch.arange(len(table), device=features.device) == END
        for length in range(1, self.max_tokens + 1):
            for k, block in enumerate(self._blocks):
                x, past[k] = block(x, audio[k], past[k], causal if length == 1 else None)
            totals = scores[:, None] + self.tokens.logits(self.ln(x[:, -1]), table).log_softmax(-1)
            counts = symbols[:, None] + sizes
            worth = (totals / counts.sqrt()).where(ends | (counts <= limit), -torch.inf)
            worths, places = worth.flatten().topk(2 * beams)
            rows, tokens = places // len(table), places % len(table)
            ended = tokens == END
            for value, row in zip(worths[ended].tolist(), rows[ended].tolist(), strict=True):
                finished.append((value, ids[row].tolist()))
            going_on = ~ended & worths.isfinite()
            worths, places, rows, tokens = (y[going_on][:beams] for y in (worths, places, rows, tokens))
            if not len(worths) or (len(finished) >= beams and max(finished)[0] > float(worths[0])):
                break
            scores, symbols = totals.flatten()[places], counts.flatten()[places]
            ids = torch.cat([ids[rows], tokens[:, None]], 1)
            past = [(kept[0][rows], kept[1][rows]) for kept in past if kept is not None]
            x = (table[tokens] + self.position[len(self.prompt) + length - 1])[:, None]
        return max(finished)[1] if finished else ids[0].tolist()

    def add_low_rank(self) -> None:
        """Put a change of low rank on every matrix, for training; everything else stays."""
        for module, name in list(_linears(self.blocks)):
            setattr(module, name, LowRankLinear(getattr(module, name), self.config.rank))
        self.tokens.requires_grad_(True)
        self.ln.requires_grad_(True)

    def merge_low_rank(self) -> None:
        """Make the changes a part of the matrices: as fast as Whisper's own."""
        for parent in list(self.blocks.modules()):
            for name, child in list(parent.named_children()):
                if isinstance(child, LowRankLinear):
                    setattr(parent, name, child.merged())
        self.tokens.merge()

    def trained_state(self) -> dict[str, Tensor]:
        """What training changes: all that has to be saved beside Whisper itself."""
        return {name: value.detach() for name, value in self.named_parameters() if value.requires_grad}

    def save(self, path: Path, **metadata: str) -> None:
        """Write the changes as fp16 safetensors; the old file stays until the new is whole."""
        state = {name: value.half().contiguous() for name, value in self.trained_state().items()}
        with replacing(path) as temporary:
            described = {"config": json.dumps(asdict(self.config)), "lexicon": self.tokenizer.json()}
            save_file(state, temporary, described | metadata)

    @classmethod
    def load(cls, whisper: WhisperModel, path: Path = WEIGHTS) -> "PhonemeRecognizer":
        """A recogniser that ``save`` wrote, on top of the Whisper model that it was trained with.

        Raises:
            UserError: no such file, not a recogniser, or one of another Whisper model.
        """
        command, beside = "nuanced-speech train recogniser", sum(value.numel() for value in whisper.model.parameters())
        with reading_model(path, "phoneme recogniser", command, beside) as file:
            config = PhonemeRecognizerConfig(**file.config())
            if config.whisper != whisper.name:
                raise ValueError(f"it is one for Whisper {config.whisper}, not {whisper.name}")
            recogniser = cls(whisper, PhonemeTokenizer.from_json(file.metadata["lexicon"]), config)
            recogniser.add_low_rank()
            recogniser.load_trained_state(file.floats())
        recogniser.merge_low_rank()
        return recogniser.eval().requires_grad_(False).to(whisper.device)

    def load_trained_state(self, state: dict[str, Tensor]) -> None:
        """Set what ``trained_state`` gave.

        Raises:
            ValueError: they do not fit.
        """
        if set(state) != set(self.trained_state()):
            raise ValueError("its tensors are not those of a recogniser")
        self.load_state_dict(state, strict=False)


def with_silence(wave: np.ndarray) -> np.ndarray:
    """A waveform ``[T]`` at 16 kHz with the silence after it that the recogniser needs."""
    return np.pad(wave, (0, round(SILENCE_SECONDS * WHISPER_SAMPLE_RATE)))


def _linears(blocks: nn.Module) -> Iterator[tuple[nn.Module, str]]:
    for parent in blocks.modules():
        for name, child in parent.named_children():
            if isinstance(child, nn.Linear):
                yield parent, name
