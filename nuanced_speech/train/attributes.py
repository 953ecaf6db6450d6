"""Which directions of the style space make a voice lower, quicker, brighter …

Read top to bottom: Kokoro speaks the same sentences with every stock voice and with mixtures of them, each
kept as it is made, so that an interrupted run goes on; the speech is measured; a ridge regression from style to
measurement is fitted, and judged on stock voices that no sample of its training held a share of.
"""

import json
import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import scipy.linalg
import torch
from safetensors.torch import save_file
from torch import Tensor

from nuanced_speech.core import precision
from nuanced_speech.core.constants import SAMPLE_RATE, TIMBRE_DIM
from nuanced_speech.core.files import replacing
from nuanced_speech.core.progress import step_bar
from nuanced_speech.core.tensor_files import read_tensors
from nuanced_speech.models.kokoro import Kokoro
from nuanced_speech.models.speaker_encoder import SpeakerEncoder
from nuanced_speech.train.checkpoint import settings_of
from nuanced_speech.train.configs import AttributesConfig
from nuanced_speech.train.corpus import pack_audio, unpack_audio
from nuanced_speech.train.loop import Report
from nuanced_speech.train.shards import keep_settings
from nuanced_speech.voice.stock import stock_voices, style_of
from nuanced_speech.voice.style import Style
from nuanced_speech.voicemaking.attributes import ATTRIBUTES, NAMES, SpeechSample, StockAttributes, measure
from nuanced_speech.voicemaking.directions import Directions
from nuanced_speech.voicemaking.profile import sentence_phonemes, speak

log = logging.getLogger(__name__)
PER_SHARD = 10
FOLDS = 9
# Ridge of the regression on whitened styles, per sample, and of the logistic regression of the sex.
RIDGE, SEX_RIDGE = 0.3, 0.01
# Share of their variance that styles may deviate by in any direction.
ROOM = 0.3


def shares(config: AttributesConfig) -> Tensor:
    """Shares of the stock voices in every sample, ``[N, 2, 54]``, for timbre and prosody: the voices alone, then
    mixtures of two, some beyond their ends; half of these have a prosody of other voices."""
    rng = np.random.default_rng(config.seed)
    voices = len(stock_voices())

    def mixture() -> Tensor:
        one, other = rng.choice(voices, 2, replace=False)
        row, share = torch.zeros(voices), float(rng.uniform(-0.4, 0.5))
        row[one], row[other] = 1 - share, share
        return row

    rows = [torch.stack([one, one]) for one in torch.eye(voices)]
    for _ in range(config.mixtures):
        timbre = mixture()
        rows.append(torch.stack([timbre, mixture() if rng.random() < 0.5 else timbre]))
    return torch.stack(rows)


def mixed(row: Tensor) -> Tensor:
    """The pack ``[510, 256]`` of shares ``[2, 54]``."""
    packs = torch.stack(list(stock_voices().values()))
    timbre, prosody = torch.einsum("hv,vrs->hrs", row, packs).chunk(2, dim=-1)
    return torch.cat([timbre[0], prosody[1]], -1)


def speak_all(config: AttributesConfig, rows: Tensor, dtype: torch.dtype) -> None:
    """Say the sentences with every sample of ``rows [N, 2, 54]`` that is not there yet."""
    starts = range(0, len(rows), PER_SHARD)
    missing = [k for k in starts if not _shard(config.out, k, dtype).exists()]
    kokoro = Kokoro() if missing else None
    for start in step_bar(missing, "speaking", len(starts), done=len(starts) - len(missing), unit="shard"):
        assert kokoro is not None
        tensors: dict[str, Tensor] = {}
        for k in range(start, min(start + PER_SHARD, len(rows))):
            speech = speak(kokoro, mixed(rows[k]), sentence_phonemes(), seed=k, dtype=dtype)
            tensors |= {f"{k}.{name}": torch.from_numpy(np.asarray(value)) for name, value in vars(speech).items()}
            tensors[f"{k}.audio"] = pack_audio(tensors[f"{k}.audio"])
        with replacing(_shard(config.out, start, dtype)) as temporary:
            save_file(tensors, temporary)


def train(config: AttributesConfig, report: Report = log.info) -> Path:
    """Speak, measure, fit, report how well it does on voices that it was not fitted to, and write
    ``attributes.safetensors`` to ``out``.

    Raises:
        UserError: the samples that are there were made with other settings.
    """
    config.out.mkdir(parents=True, exist_ok=True)
    keep_settings(config.out, settings_of(config), "spoken-*.safetensors")
    rows = shares(config)
    fast = precision.fast_dtype()
    speak_all(config, rows, fast)
    measured, embeddings = measure_samples(config, rows, fast)
    stock, values = describe_stock(measured, embeddings)
    # bfloat16 noise counts as breathiness, so voices measured in float32 are compared with these
    voices = rows[: len(stock.names)]
    speak_all(config, voices, torch.float32)
    exact = stock.measured_as(*measure_samples(config, voices, torch.float32))
    correlations, within = held_out(rows, values, stock.names)
    report(table(correlations, within))
    directions = replace(fit(rows, values, list(range(len(stock.names)))), correlations=correlations)
    path = config.out / "attributes.safetensors"
    save(path, stock, exact, directions)
    return path


def measure_samples(config: AttributesConfig, samples: Tensor, dtype: torch.dtype) -> tuple[np.ndarray, np.ndarray]:
    """The measurements ``[N, 7]`` and speaker embeddings ``[N, 256]`` of all samples."""
    encoder = SpeakerEncoder()
    measured, embeddings = [], []
    rows = range(len(samples))
    for start in step_bar(rows[::PER_SHARD], "measuring", unit="shard"):
        tensors = read_tensors(_shard(config.out, start, dtype), "spoken samples", "remove it and run again")
        for k in rows[start : start + PER_SHARD]:
            audio, f0, energy, pace = (tensors[f"{k}.{name}"] for name in ("audio", "f0", "energy", "pace"))
            speech = SpeechSample(unpack_audio(audio).numpy(), f0.numpy(), energy.numpy(), float(pace))
            embedding = encoder.embed(speech.audio, SAMPLE_RATE)
            assert embedding is not None
            measured.append(measure(speech))
            embeddings.append(embedding)
    return np.stack(measured), np.stack(embeddings)


def describe_stock(measured: np.ndarray, embeddings: np.ndarray) -> tuple[StockAttributes, np.ndarray]:
    """The stock voices, which come first among the samples, and all attributes of all samples ``[N, 9]``."""
    names = list(stock_voices())
    first = slice(len(names))
    stock = StockAttributes(names, np.zeros((len(names), len(NAMES))), embeddings[first], np.zeros(1))
    sex = logistic(stock.embeddings, stock.female)
    # age is relative to the stock voices, so that they come first, without it
    ageless = np.concatenate([np.zeros((len(names), 2)), measured[first]], 1)
    ageless[:, 0] = embeddings[first] @ sex[:-1] + sex[-1]
    values = replace(stock, values=ageless, sex=sex).complete(measured, embeddings)
    return replace(stock, values=values[first], sex=sex), values


def logistic(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Weights ``[D + 1]``, the last the offset, of a logistic regression of truths ``[N]`` on ``x [N, D]``."""
    inputs, truth = torch.from_numpy(x).double(), torch.from_numpy(y).double()
    weights = torch.zeros(x.shape[1] + 1, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([weights], max_iter=500, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        log_odds = inputs @ weights[:-1] + weights[-1]
        value = torch.nn.functional.binary_cross_entropy_with_logits(log_odds, truth)
        value = value + SEX_RIDGE * weights[:-1].square().sum() / 2
        value.backward()
        return value

    optimizer.step(loss)
    return weights.detach().numpy()


def fit(rows: Tensor, values: np.ndarray, voices: list[int]) -> Directions:
    """Directions from samples that are made of these stock voices alone.

    Args:
        rows: shares of the voices ``[N, 2, 54]``.
        values: attributes ``[N, 9]``.
        voices: indices of those that may be used.
    """
    others = [k for k in range(rows.shape[-1]) if k not in voices]
    usable = ((rows[..., others] == 0).flatten(1).all(1) & torch.from_numpy(np.isfinite(values).all(1))).numpy()
    styles = sample_styles(rows[usable])
    stock_styles = sample_styles(torch.eye(rows.shape[-1])[voices][:, None].expand(-1, 2, -1))
    basis = scipy.linalg.block_diag(_basis(stock_styles[:, :TIMBRE_DIM]), _basis(stock_styles[:, TIMBRE_DIM:]))
    directions = Directions(
        stock_styles.mean(0), basis, np.zeros((len(NAMES), len(basis))), np.full(len(NAMES), np.nan)
    )
    z = directions.whitened(styles.T).T
    for k, attribute in enumerate(ATTRIBUTES):
        columns = slice(TIMBRE_DIM if attribute.prosodic else 0, None)
        x = z[:, columns] - z[:, columns].mean(0)
        y = values[usable, k] - values[usable, k].mean()
        directions.weights[k, columns] = np.linalg.solve(x.T @ x + RIDGE * len(x) * np.eye(x.shape[1]), x.T @ y)
    return directions


def _basis(styles: np.ndarray) -> np.ndarray:
    """Axes ``[D, D]`` of styles ``[V, D]``, each as long as their standard deviation along it, with some room in the
    directions in which the few voices do not differ."""
    variances, axes = np.linalg.eigh(np.cov(styles.T) + ROOM * np.diag(styles.var(0)))
    return axes * variances**0.5


def sample_styles(rows: Tensor) -> np.ndarray:
    """Styles ``[N, 256]``, for a text as long as the sentences, of shares ``[N, 2, 54]``."""
    count = len(sentence_phonemes())
    stock = Style.from_vector(torch.stack([style_of(pack, count) for pack in stock_voices().values()]))
    timbre, prosody = rows[:, 0] @ stock.timbre, rows[:, 1] @ stock.prosody
    return torch.cat([timbre, prosody], 1).double().numpy()


def held_out(rows: Tensor, values: np.ndarray, names: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Correlations ``[9]`` of predicted and measured attributes of the stock voices, each predicted by directions that
    no sample with a share of it was fitted to; over all voices, and within the sexes."""
    rng = np.random.default_rng(0)
    voices = len(names)
    predicted = np.zeros((voices, len(NAMES)))
    # em_santa and pm_santa are one voice: namesakes are held out together
    called = np.array([name[3:] for name in names])
    for fold in np.array_split(rng.permutation(np.unique(called)), FOLDS):
        held = np.flatnonzero(np.isin(called, fold))
        others = [k for k in range(voices) if k not in held]
        directions = fit(rows, values, others)
        for k in held:
            z = directions.whitened(sample_styles(rows[k : k + 1])[0])
            predicted[k] = values[others].mean(0) + directions.weights @ z
    measured = values[:voices]
    female = np.array([name[1] == "f" for name in names])

    def correlation(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.array([np.corrcoef(x, y)[0, 1] for x, y in zip(a.T, b.T, strict=True)])

    def centred(x: np.ndarray) -> np.ndarray:
        return x - np.where(female[:, None], x[female].mean(0), x[~female].mean(0))

    return correlation(predicted, measured), correlation(centred(predicted), centred(measured))


def table(correlations: np.ndarray, within: np.ndarray) -> str:
    """What ``held_out`` found, as Markdown."""
    rows = [f"| {name} | {r:.2f} | {w:.2f} |" for name, r, w in zip(NAMES, correlations, within, strict=True)]
    return "\n".join(["| attribute | correlation, voices held out | within a sex |", "|---|---|---|", *rows])


def save(path: Path, stock: StockAttributes, exact: StockAttributes, directions: Directions) -> None:
    """Write what ``voicemaking.attributes`` and ``voicemaking.directions`` load.

    ``exact`` holds the attributes of the stock voices as measured in float32.
    """
    tensors = {f"stock.{name}": getattr(stock, name) for name in ("values", "embeddings", "sex")}
    tensors |= {f"stock.{name}_float32": getattr(exact, name) for name in ("values", "embeddings")}
    tensors |= {f"directions.{name}": value for name, value in vars(directions).items()}
    with replacing(path) as temporary:
        state = {name: torch.from_numpy(value).float().contiguous() for name, value in tensors.items()}
        save_file(state, temporary, {"names": json.dumps(stock.names)})


def _shard(folder: Path, start: int, dtype: torch.dtype) -> Path:
    return folder / f"spoken-{precision.name_of(dtype)}-{start:05d}.safetensors"
