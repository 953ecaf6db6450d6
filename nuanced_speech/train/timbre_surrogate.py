"""Fit the surrogate that finds a speaker's timbre.

Read top to bottom: Kokoro says again what real speakers said, to their melody and rhythm, with random timbres; a
speaker encoder embeds it, and its cleanness is measured; the surrogate is fitted to that; then, round by
round, Kokoro speaks with the timbres that the surrogate finds for the speakers, so that it learns where it was too
hopeful. Every sample is kept as it is made, and an interrupted run goes on.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from nuanced_speech import audio
from nuanced_speech.audio.level import gain_of
from nuanced_speech.core import precision
from nuanced_speech.core.constants import ENERGY_OFFSET, FRAMES_PER_UNIT, TIMBRE_DIM, VOICED_HZ
from nuanced_speech.core.errors import UserError
from nuanced_speech.core.progress import step_bar
from nuanced_speech.dsp.energy import energy
from nuanced_speech.dsp.f0 import f0 as track_f0
from nuanced_speech.dsp.harmonicity import harmonics_to_noise
from nuanced_speech.dsp.octave_repair import octave_drops
from nuanced_speech.dsp.pitch import median_log_f0, transpose
from nuanced_speech.models.kokoro import Kokoro, spread
from nuanced_speech.models.speaker_encoder import SpeakerEncoder
from nuanced_speech.models.timbre_surrogate import TimbreSurrogate
from nuanced_speech.train.checkpoint import settings_of
from nuanced_speech.train.configs import TimbreConfig
from nuanced_speech.train.corpus import read, shards_in
from nuanced_speech.train.descent import descend
from nuanced_speech.train.schedule import WarmCosine, set_rates
from nuanced_speech.train.shards import files_setting, keep_settings
from nuanced_speech.train.timbre_samples import BETTER, TimbreSamples, cleanness, read_samples, shard_path, write
from nuanced_speech.voice.stock import HELD_OUT, stock_styles
from nuanced_speech.voice.style import Style

# Length of a recording that is analysed: more hardly moves the embedding.
SECONDS = 12
# A sample: 3 s, of which at least this share is voiced if a few attempts find such a place.
UNITS, VOICED, ATTEMPTS = 120, 0.35, 20
# A timbre is tried on the passage whose pitch is nearest of so many.
PASSAGES = 12
# Ends of what the weights of prior and cleanness are drawn from in the rounds.
PRIORS, CLEANNESSES = (0.02, 0.2), (0.03, 0.3)
BATCH, LR, DECAY, NOISE = 64, 1e-3, 0.05, 0.15
# Cleanness is measured on 3 s, and so is noisy: its networks are held smoother.
CLEAN_DECAY, CLEAN_NOISE, CLEAN_EPOCHS = 0.3, 1.0, 2.5


@dataclass(frozen=True)
class SurrogatePassage:
    """What a speaker said, as Kokoro takes it: token ids and durations ``[P]``, F0 in Hz and N ``[2T]``, and the median
    of its log2 F0; and who it sounds like, ``[256]``."""

    ids: Tensor
    durations: Tensor
    f0: np.ndarray
    n: np.ndarray
    log_f0: float
    embedding: Tensor


def train(config: TimbreConfig, kokoro: Kokoro | None = None) -> Path:
    """Make the samples that are missing, fit, and write ``timbre.safetensors`` to ``out``.

    Args:
        config: which samples, and how to fit.
        kokoro: speaks the samples; loaded if omitted.

    Raises:
        UserError: no speech in the folder; ``config.embeddings`` are not weights of a surrogate; the samples that are
            there were made with other settings.
    """
    if config.embeddings:
        TimbreSurrogate.load(config.embeddings)  # hours before it is needed
    config.out.mkdir(parents=True, exist_ok=True)
    keep_settings(config.out, settings(config), "round-*.safetensors", "corpus-*.safetensors")
    encoder, kokoro = SpeakerEncoder(), kokoro or Kokoro()
    passages = read_passages(config.speech, encoder)
    for corpus in config.corpora:
        read_corpus(corpus, config.out / f"corpus-{corpus.resolve().name}.safetensors", encoder)
    for turn in range(config.rounds + 1):
        shards = range(-(-(config.per_round if turn else config.random) // config.per_shard))
        missing = [k for k in shards if not shard_path(config.out, turn, k).exists()]
        # of earlier rounds only, so that a resumed run ends where an uninterrupted one does
        surrogate = fit(read_samples(config.out, turn), config) if turn and missing else None
        name = f"speakers, round {turn}" if turn else "random timbres"
        for k in step_bar(missing, name, len(shards), done=len(shards) - len(missing), unit="shard"):
            rng = np.random.default_rng([config.seed, turn, k])
            log_f0: list[float] | None
            if surrogate is None:
                timbre, log_f0 = random_timbres(rng, config.per_shard), None
            else:
                timbre, log_f0 = near_speakers(surrogate, passages, rng, config.per_shard)
            write(shard_path(config.out, turn, k), speak(kokoro, encoder, timbre, log_f0, passages, rng))
    surrogate = fit(read_samples(config.out, config.rounds + 1), config)
    path = config.out / "timbre.safetensors"
    surrogate.save(path)
    return path


def settings(config: TimbreConfig) -> dict[str, str]:
    """All that shapes a sample. Not the number of rounds: a round depends on those before it alone."""
    corpora = [f"{folder.resolve().name}: {files_setting(shards_in(folder))}" for folder in config.corpora]
    return settings_of(config, "speech", "corpora", "embeddings", "rounds") | {
        "speech": files_setting(shards_in(config.speech)),
        "corpora": ", ".join(corpora) or "none",
        "embeddings": "none" if config.embeddings is None else files_setting([config.embeddings]),
    }


def random_timbres(rng: np.random.Generator, count: int) -> Tensor:
    """Timbres ``[count, 128]`` between the stock voices' mixtures and points spread as the voices are, and wider."""
    voices = torch.stack([style.timbre for style in stock_styles(HELD_OUT)])
    centre, deviations = voices.mean(0), voices - voices.mean(0)
    timbres = []
    for _ in range(count):
        one, other = (deviations[k] for k in rng.integers(len(voices), size=2))
        voice = one if rng.random() < 0.5 else torch.lerp(one, other, float(rng.random()))
        # a Gaussian with the voices' covariance, without computing it
        weights = torch.from_numpy(rng.standard_normal(len(voices))).float()
        wander = weights @ deviations / (len(voices) - 1) ** 0.5
        noise = torch.from_numpy(rng.standard_normal(TIMBRE_DIM)).float() * voices.std(0)
        share = float(rng.random())
        timbres.append(centre + (1 - share) * voice + 1.2 * share * wander + 0.15 * noise)
    return torch.stack(timbres)


def near_speakers(
    surrogate: TimbreSurrogate, passages: list[SurrogatePassage], rng: np.random.Generator, count: int
) -> tuple[Tensor, list[float]]:
    """Timbres ``[count, 128]`` found for random speakers with random weights of the search, and the speakers' pitch."""
    chosen = [passages[k] for k in rng.integers(len(passages), size=count)]
    prior, cleanness = (
        torch.from_numpy(np.exp(rng.uniform(np.log(low), np.log(high), count))).float()
        for low, high in (PRIORS, CLEANNESSES)
    )
    log_f0 = [p.log_f0 for p in chosen]
    embeddings = torch.stack([p.embedding for p in chosen])
    timbre = surrogate.find(embeddings, torch.tensor(log_f0), prior, cleanness)
    noise = torch.from_numpy(rng.standard_normal(timbre.shape) * rng.uniform(0, 0.1, (count, 1))).float()
    return timbre + noise * surrogate.basis.norm(dim=1), log_f0


@torch.no_grad()
def speak(
    kokoro: Kokoro,
    encoder: SpeakerEncoder,
    timbre: Tensor,
    log_f0: list[float] | None,
    passages: list[SurrogatePassage],
    rng: np.random.Generator,
) -> TimbreSamples:
    """Say 3 s of a random passage with each timbre ``[N, 128]``, at a median of ``log_f0`` or about the speaker's."""
    rows: list[tuple[Tensor, float, Tensor, Tensor]] = []
    for number, voice in enumerate(timbre):
        tried = [passages[k] for k in rng.integers(len(passages), size=PASSAGES)]
        if log_f0 is None:
            passage = tried[0]
            pitch = passage.log_f0 + rng.normal(0, 0.15)
        else:
            pitch = log_f0[number]
            passage = tried[int(np.argmin([abs(p.log_f0 - pitch) for p in tried]))]
        units = _place(passage, rng)
        frames = slice(units.start * FRAMES_PER_UNIT, units.stop * FRAMES_PER_UNIT)
        f0 = transpose(passage.f0[frames], pitch - passage.log_f0)
        content = spread(kokoro.encode_content(passage.ids)[None], passage.durations[None])[..., units]
        n = (passage.n[frames] + ENERGY_OFFSET).astype(np.float32)
        melody, level, seed = torch.from_numpy(f0)[None], torch.from_numpy(n)[None], int(rng.integers(1 << 31))
        with precision.autocast("cpu"):
            wave = kokoro.decode(content, melody, level, voice[None], seed=seed)[0].float().numpy()
        embedding = encoder.embed(wave, audio.SAMPLE_RATE)
        if embedding is not None:
            rows.append((voice, pitch, torch.from_numpy(embedding), measure(wave, f0)))
    timbres, pitches, embeddings, qualities = zip(*rows, strict=True)
    return TimbreSamples(torch.stack(timbres), torch.tensor(pitches), torch.stack(embeddings), torch.stack(qualities))


def measure(wave: np.ndarray, f0: np.ndarray) -> Tensor:
    """Quality ``[3]`` of ``wave [T]`` that was spoken with a melody of F0 in Hz; NaN where it has no voice."""
    tracked = track_f0(wave, audio.SAMPLE_RATE)[: len(f0)]
    voiced = f0[: len(tracked)] > 0
    missed = np.mean(tracked[voiced] == 0) if voiced.any() else np.nan
    ratio = harmonics_to_noise(wave, audio.SAMPLE_RATE, f0)
    return torch.tensor([float(octave_drops(f0, tracked).any()), missed, ratio], dtype=torch.float32)


def _place(passage: SurrogatePassage, rng: np.random.Generator) -> slice:
    """3 s of a passage with enough voice in them, in units."""
    units = int(passage.durations.sum())
    for _ in range(ATTEMPTS):
        start = int(rng.integers(max(units - UNITS, 0) + 1))
        place = slice(start, min(start + UNITS, units))
        if np.mean(passage.f0[place.start * FRAMES_PER_UNIT : place.stop * FRAMES_PER_UNIT] > 0) > VOICED:
            break
    return place


def read_passages(speech: Path, encoder: SpeakerEncoder) -> list[SurrogatePassage]:
    """Everything that was said, each passage a speaker; those without a voice are left out.

    Raises:
        UserError: nothing there, or no voice in it.
    """
    passages = []
    for utterance in step_bar(read(speech), "analysing speakers"):
        wave = utterance.audio.numpy()
        embedding = encoder.embed(wave[: SECONDS * audio.SAMPLE_RATE], audio.SAMPLE_RATE)
        wave = wave * np.float32(gain_of(wave))
        f0 = track_f0(wave, audio.SAMPLE_RATE)
        log_f0 = median_log_f0(f0)
        if embedding is not None and np.isfinite(log_f0):
            speaker = torch.from_numpy(embedding)
            passages.append(SurrogatePassage(utterance.ids, utterance.durations, f0, energy(wave), log_f0, speaker))
    if not passages:
        raise UserError(f"{speech}: no voice in this speech")
    return passages


def read_corpus(corpus: Path, cache: Path, encoder: SpeakerEncoder) -> None:
    """Speaker embeddings of every utterance of a corpus, kept in a file."""
    if cache.exists():
        return
    rows = []
    for utterance in step_bar(read(corpus), f"analysing {corpus.name}"):
        embedding = encoder.embed(utterance.audio.numpy(), audio.SAMPLE_RATE)
        voiced = utterance.f0[utterance.f0 > VOICED_HZ]
        if embedding is not None and len(voiced):
            timbre = Style.from_vector(utterance.style).timbre
            rows.append((timbre, float(voiced.log2().median()), torch.from_numpy(embedding)))
    if not rows:
        raise UserError(f"{corpus}: no voice in this corpus")
    timbres, pitches, embeddings = zip(*rows, strict=True)
    unknown = torch.full((len(rows), len(BETTER)), torch.nan)
    write(cache, TimbreSamples(torch.stack(timbres), torch.tensor(pitches), torch.stack(embeddings), unknown))


def fit(samples: TimbreSamples, config: TimbreConfig) -> TimbreSurrogate:
    """Each member on its own: the cosine of embeddings, and the squared error of cleanness where it was measured.

    Raises:
        UserError: ``config.embeddings`` are not weights of a surrogate.
    """
    torch.manual_seed(config.seed)
    if config.embeddings:
        kept = TimbreSurrogate.load(config.embeddings)
        surrogate = TimbreSurrogate(members=len(kept.members))
        surrogate.members, surrogate.mean, surrogate.basis = kept.members, kept.mean, kept.basis
    else:
        surrogate = TimbreSurrogate()
        surrogate.calibrate(samples.timbre)
    scale = surrogate.basis.norm(dim=1)
    clean = cleanness(samples.quality)
    every, measured = torch.arange(len(samples)), torch.nonzero(clean.isfinite())[:, 0]

    def noisy(batch: Tensor, noise: float, rng: np.random.Generator) -> Tensor:
        timbre = samples.timbre[batch]
        return timbre + noise * scale * torch.from_numpy(rng.standard_normal(timbre.shape)).float()

    for k in step_bar(range(len(surrogate.members)), "fitting", leave=False):
        rng = np.random.default_rng([config.seed, k])

        def away(batch: Tensor, k: int = k, rng: np.random.Generator = rng) -> Tensor:
            embeddings = surrogate.of_member(k, noisy(batch, NOISE, rng), samples.log_f0[batch])
            return 1 - (embeddings * samples.embedding[batch]).sum(-1).mean()

        def wrong(batch: Tensor, k: int = k, rng: np.random.Generator = rng) -> Tensor:
            predicted = surrogate.cleanness_of_member(k, noisy(batch, CLEAN_NOISE, rng), samples.log_f0[batch])
            return (predicted - clean[batch]).square().mean()

        if not config.embeddings:
            _descend(surrogate.members[k], away, every, config.epochs, DECAY, rng)
        _descend(surrogate.clean[k], wrong, measured, int(config.epochs * CLEAN_EPOCHS), CLEAN_DECAY, rng)
    return surrogate.eval().requires_grad_(False)


def _descend(
    network: nn.Module,
    loss: Callable[[Tensor], Tensor],
    rows: Tensor,
    epochs: int,
    decay: float,
    rng: np.random.Generator,
) -> None:
    """Fit a network to random batches of rows.

    Not a recipe of ``train.loop``: a fit of a round takes seconds and is made again of the samples that are kept, so it
    has no checkpoint, no log and no measurement on the way.
    """
    steps = epochs * len(rows) // BATCH
    optimizer = torch.optim.AdamW(network.parameters(), LR, weight_decay=decay)
    schedule = WarmCosine(steps, warmup=1, last=0.0, begins=0)
    for step in range(steps):
        set_rates(optimizer, LR * schedule(step))
        batch = rows[torch.from_numpy(rng.integers(len(rows), size=BATCH))]
        descend(optimizer, network.parameters(), loss(batch), math.inf)
