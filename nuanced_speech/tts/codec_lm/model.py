"""A decoder-only transformer over a speaker prompt, text tokens and then codec tokens.

As in VALL-E (Wang et al. 2023) speech is continued from tokens, and as in MusicGen (Copet et al. 2023) the codebooks
are predicted together, each one step behind the coarser one (``delay.py``). Rotary positions (Su et al. 2021).
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from nuanced_speech.core.files import replacing
from nuanced_speech.core.tensor_files import reading_model
from nuanced_speech.tts.codec_lm.delay import delayed, empty, end, undelayed
from nuanced_speech.tts.codec_lm.text import TextTable

PROMPT, TEXT, SPEECH = range(3)
Cache = list[tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class LMConfig:
    """The model's shape.

    Attributes:
        text_tokens: of the table.
        codebooks: the codec's first so many.
        entries: of each codebook.
        codec: its name, as ``tts codec`` takes it.
        fingerprint: of its codebooks.
    """

    text_tokens: int
    codebooks: int = 4
    entries: int = 1024
    width: int = 256
    layers: int = 4
    heads: int = 4
    dropout: float = 0.1
    codec: str = "speech"
    fingerprint: str = ""


class Attention(nn.Module):
    """Causal self-attention ``[B, S, C] -> [B, S, C]``."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor, cache: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """``cache`` holds keys and values ``[B, H, past, C / H]``; returns the output and the longer cache."""
        weights, value, cache = self.weights(x, cache)
        mixed = (weights.to(value.dtype) @ value).transpose(1, 2).flatten(2)
        return self.out(mixed), cache

    def weights(
        self, x: Tensor, cache: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, Tensor, tuple[Tensor, Tensor]]:
        """How much each step attends to each: ``[B, H, S, past + S]``; also values and cache."""
        query, key, value = (
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in self.qkv(x).chunk(3, dim=-1)
        )
        past = 0 if cache is None else cache[0].shape[2]
        query, key = rotated(query, past), rotated(key, past)
        if cache is not None:
            key, value = torch.cat([cache[0], key], 2), torch.cat([cache[1], value], 2)
        scores = (query @ key.transpose(2, 3)).float() * query.shape[-1] ** -0.5
        steps = torch.arange(key.shape[2], device=x.device)
        later = steps[None] > steps[past:, None]
        return scores.masked_fill(later, -torch.inf).softmax(-1), value, (key, value)


def rotated(x: Tensor, past: int) -> Tensor:
    """Queries or keys ``[B, H, S, D]``, each pair of numbers turned by an angle that grows with the position."""
    half = x.shape[-1] // 2
    rates = 10000.0 ** (-torch.arange(half, device=x.device) / half)
    angles = torch.arange(past, past + x.shape[2], device=x.device)[:, None] * rates
    cosine, sine = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    a, b = x[..., :half], x[..., half:]
    return torch.cat([a * cosine - b * sine, a * sine + b * cosine], -1)


class Layer(nn.Module):
    """Attention and a feed-forward network, each with its norm before it."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.forward_norm = nn.LayerNorm(width)
        self.feed_forward = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, cache: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """``[B, S, C] -> [B, S, C]`` and the cache of its attention."""
        mixed, cache = self.attention(self.norm(x), cache)
        x = x + self.dropout(mixed)
        return x + self.dropout(self.feed_forward(self.forward_norm(x))), cache


@dataclass(frozen=True)
class Utterance:
    """What the model learns from, or (without ``codes``) is asked to continue.

    Attributes:
        text: the table's tokens ``[T]``.
        codes: ``[K, F]``.
        prompt: codes ``[K, P]`` of other speech of the same speaker; P may be 0.
    """

    text: Tensor
    codes: Tensor
    prompt: Tensor


class CodecLM(nn.Module):
    """Text to codes.

    Attributes:
        table: between Whisper's tokens and the model's.
    """

    def __init__(self, config: LMConfig, table: TextTable) -> None:
        super().__init__()
        if len(table) != config.text_tokens:
            raise ValueError(f"a table of {config.text_tokens} tokens is needed, not {len(table)}")
        self.config, self.table = config, table
        width = config.width
        self.text = nn.Embedding(config.text_tokens, width)
        self.codes = nn.ModuleList(nn.Embedding(config.entries + 2, width) for _ in range(config.codebooks))
        self.kind = nn.Embedding(3, width)
        self.start = nn.Parameter(torch.zeros(width))
        for table_of_vectors in (self.text, self.kind, *self.codes):
            nn.init.normal_(table_of_vectors.weight, std=0.1)
        self.layers = nn.ModuleList(Layer(width, config.heads, config.dropout) for _ in range(config.layers))
        self.norm = nn.LayerNorm(width)
        self.heads = nn.ModuleList(nn.Linear(width, config.entries + 1) for _ in range(config.codebooks))

    def prefix(self, text: Tensor, prompt: Tensor) -> Tensor:
        """What comes before the speech, as vectors ``[P' + T + 1, C]``: prompt, text, the sign to start."""
        parts = [self.text(text) + self.kind.weight[TEXT], self.start[None]]
        if prompt.shape[1]:
            rows = delayed(prompt, self.config.entries).to(text.device)
            parts.insert(0, self.spoken(rows) + self.kind.weight[PROMPT])
        return torch.cat(parts)

    def spoken(self, rows: Tensor) -> Tensor:
        """Vectors ``[..., S, C]`` of delayed codes ``[..., K, S]``: the sum over codebooks."""
        return torch.stack([table(row) for table, row in zip(self.codes, rows.unbind(-2), strict=True)]).sum(0)

    def forward(self, x: Tensor, cache: Cache | None = None) -> tuple[Tensor, Cache]:
        """Logits ``[B, S, K, entries + 1]`` of what follows each of ``x [B, S, C]``, and the cache to go on with."""
        kept = []
        for number, layer in enumerate(self.layers):
            x, past = layer(x, None if cache is None else cache[number])
            kept.append(past)
        x = self.norm(x)
        return torch.stack([head(x) for head in self.heads], 2), kept

    def losses(self, batch: Sequence[Utterance]) -> Tensor:
        """Cross entropy of each codebook ``[K]``, the mean over all codes of the batch and its ends."""
        sequences, expected = [], []
        for item in batch:
            rows = delayed(item.codes, self.config.entries).to(item.text.device)
            before = self.prefix(item.text, item.prompt)
            embedded = self.spoken(rows[:, :-1]) + self.kind.weight[SPEECH]
            sequences.append(torch.cat([before, embedded]))
            # of what is before the speech nothing is predicted
            target = F.pad(rows, (len(before) - 1, 0), value=empty(self.config.entries))
            expected.append(target.T)
        # padding comes after an item, where no earlier step looks
        logits, _ = self(pad_sequence(sequences, batch_first=True))
        targets = pad_sequence(expected, batch_first=True, padding_value=empty(self.config.entries))
        return torch.stack(
            [
                F.cross_entropy(
                    logits[:, :, k].flatten(0, 1).float(),
                    targets[:, :, k].flatten(),
                    ignore_index=empty(self.config.entries),
                )
                for k in range(self.config.codebooks)
            ]
        )

    @torch.no_grad()
    def generate(
        self,
        text: Tensor,
        prompt: Tensor | None = None,
        temperature: float = 0.8,
        top_k: int = 50,
        max_frames: int = 1000,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Codes ``[K, F]`` of text tokens ``[T]``, in the voice of prompt codes ``[K, P]``.

        ``temperature`` 0 takes the likeliest code always; ``top_k`` is how many of the likeliest are drawn from. It
        ends where the first codebook does, or after ``max_frames``.
        """
        codebooks, entries = self.config.codebooks, self.config.entries
        prompt = torch.zeros(codebooks, 0, dtype=torch.long) if prompt is None else prompt
        x = self.prefix(text, prompt)[None]
        cache: Cache | None = None
        rows: list[Tensor] = []
        frames = max_frames
        # after the first codebook has ended the others still have their last codes to say
        while len(rows) < frames + codebooks - 1:
            logits, cache = self(x, cache)
            step = len(rows)
            row = torch.full((codebooks,), empty(entries), dtype=torch.long)
            for k in range(codebooks):
                if k <= step < k + frames:
                    # the first codebook alone decides on the end, and says something before it
                    choices = entries + (k == 0 and step > 0)
                    row[k] = draw(logits[0, -1, k, :choices].float(), temperature, top_k, generator)
                elif step == k + frames:
                    row[k] = end(entries)
            if int(row[0]) == end(entries) and frames > step:
                frames = step
            rows.append(row)
            x = (self.spoken(row[:, None].to(text.device)) + self.kind.weight[SPEECH])[None]
        return undelayed(torch.stack(rows, 1), frames)

    def save(self, path: Path, **about: str) -> None:
        """Write the weights as fp16, with shape, table and ``about`` in the file's header.

        Raises:
            UserError: the path cannot be written.
        """
        state = {name: value.detach().half().contiguous().cpu() for name, value in self.state_dict().items()}
        header = {"config": json.dumps(asdict(self.config)), "tokens": json.dumps(self.table.tokens)}
        with replacing(path) as temporary:
            save_file(state, temporary, header | about)

    @classmethod
    def load(cls, path: Path) -> "CodecLM":
        """The model of a file that ``save`` wrote, on the CPU, in evaluation mode.

        Raises:
            UserError: the file is missing, damaged or not a codec language model.
        """
        with reading_model(path, "codec language model", "nuanced-speech tts codec-lm train") as file:
            model = cls(LMConfig(**file.config()), TextTable(file.config("tokens")))
            model.load_state_dict(file.floats())
        return model.eval().requires_grad_(False)

    def attention_maps(self, x: Tensor) -> Iterator[Tensor]:
        """The attention ``[B, H, S, S]`` of each layer over ``x [B, S, C]``, for pictures."""
        for layer in self.layers:
            yield layer.attention.weights(layer.norm(x))[0]  # type: ignore[union-attr, operator]
            x, _ = layer(x)


def draw(logits: Tensor, temperature: float, top_k: int, generator: torch.Generator | None = None) -> Tensor:
    """One of ``logits [N]``."""
    if temperature <= 0 or top_k == 1:
        return logits.argmax()
    best, numbers = logits.topk(min(top_k, len(logits)))
    chosen = torch.multinomial((best / temperature).softmax(-1).cpu(), 1, generator=generator)
    return numbers[chosen.to(numbers.device)][0]
