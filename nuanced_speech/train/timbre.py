"""Fit the surrogate that finds a speaker's timbre.

Read top to bottom: Kokoro speaks with random timbres, and a speaker encoder says whom it hears; the surrogate is fitted
to that; then, round by round, Kokoro speaks with the timbres that the surrogate finds for real speakers, so that it
learns where it was too hopeful. Every sample is kept as it is made, and an interrupted run goes on.
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from tqdm import tqdm

from nuanced_speech import audio
from nuanced_speech.errors import UserError
from nuanced_speech.kokoro import TIMBRE_DIM, VOICED_HZ, Kokoro, spread
from nuanced_speech.prosody.delivery import median_log_f0
from nuanced_speech.prosody.f0 import f0 as track_f0
from nuanced_speech.speaker import SpeakerEncoder
from nuanced_speech.style.timbre import F0_CENTRE, TimbreSurrogate
from nuanced_speech.style.voices import HELD_OUT, stock_voices, style_of
from nuanced_speech.text import phonemize
from nuanced_speech.train.corpus import SENTENCES, read, read_sentences

PER_SHARD = 10
# Of a recording so much is heard: more hardly moves the embedding.
SECONDS = 12
PRIORS = 0.02, 0.3
BATCH, LR, NOISE = 64, 1e-3, 0.15


@dataclass
class TimbreConfig:
    """``recordings`` is a folder of many speakers; ``corpora`` of ``train corpus`` are samples that cost nothing."""

    recordings: Path
    out: Path
    corpora: list[Path] = field(default_factory=list)
    random: int = 700
    rounds: int = 4
    per_round: int = 250
    epochs: int = 40
    seed: int = 0


@dataclass
class Samples:
    """What was spoken and whom it sounded like: timbres ``[N, 128]``, log2 F0 ``[N]``, embeddings ``[N, 256]``."""

    timbre: Tensor
    log_f0: Tensor
    embedding: Tensor

    def __len__(self) -> int:
        return len(self.timbre)

    @classmethod
    def joined(cls, parts: list["Samples"]) -> "Samples":
        """All samples of several."""
        return cls(*(torch.cat([getattr(p, name) for p in parts]) for name in ("timbre", "log_f0", "embedding")))


def train(config: TimbreConfig) -> Path:
    """Make the samples that are missing, fit, and write ``timbre.safetensors`` to ``out``.

    Raises:
        UserError: no recording with a voice in the folder.
    """
    config.out.mkdir(parents=True, exist_ok=True)
    encoder, kokoro = SpeakerEncoder(), Kokoro()
    heard = config.out / f"speakers-{config.recordings.resolve().name}.safetensors"
    speakers = hear_speakers(config.recordings, heard, encoder)
    for corpus in config.corpora:
        hear_corpus(corpus, config.out / f"corpus-{corpus.resolve().name}.safetensors", encoder)
    sentences = [s for s in read_sentences(SENTENCES) if 25 < len(s) < 60]
    for turn in range(config.rounds + 1):
        shards = range(-(-(config.per_round if turn else config.random) // PER_SHARD))
        missing = [k for k in shards if not _shard(config.out, turn, k).exists()]
        # of earlier rounds only, so that a resumed run ends where an uninterrupted one does
        surrogate = fit(read_samples(config.out, turn), config) if turn and missing else None
        name = f"speakers, round {turn}" if turn else "random timbres"
        for k in tqdm(missing, name, len(shards), initial=len(shards) - len(missing), unit="shard"):
            rng = np.random.default_rng([config.seed, turn, k])
            if surrogate is None:
                timbre, log_f0 = random_timbres(rng), None
            else:
                timbre, log_f0 = near_speakers(surrogate, speakers, rng)
            write(_shard(config.out, turn, k), speak(kokoro, encoder, timbre, log_f0, sentences, rng))
    surrogate = fit(read_samples(config.out, config.rounds + 1), config)
    path = config.out / "timbre.safetensors"
    surrogate.save(path)
    return path


def random_timbres(rng: np.random.Generator) -> Tensor:
    """Timbres ``[10, 128]`` between the stock voices' mixtures and points spread as the voices are, and wider."""
    voices = torch.stack([style_of(p)[:TIMBRE_DIM] for name, p in stock_voices().items() if name not in HELD_OUT])
    centre, deviations = voices.mean(0), voices - voices.mean(0)
    timbres = []
    for _ in range(PER_SHARD):
        one, other = (deviations[k] for k in rng.integers(len(voices), size=2))
        voice = one if rng.random() < 0.5 else torch.lerp(one, other, float(rng.random()))
        # a Gaussian with the voices' covariance, without computing it
        weights = torch.from_numpy(rng.standard_normal(len(voices))).float()
        wander = weights @ deviations / (len(voices) - 1) ** 0.5
        noise = torch.from_numpy(rng.standard_normal(TIMBRE_DIM)).float() * voices.std(0)
        share = float(rng.random())
        timbres.append(centre + (1 - share) * voice + 1.2 * share * wander + 0.15 * noise)
    return torch.stack(timbres)


def near_speakers(surrogate: TimbreSurrogate, speakers: Samples, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Timbres ``[10, 128]`` found for random speakers with priors of random weight, and their pitch ``[10]``."""
    chosen = torch.from_numpy(rng.integers(len(speakers), size=PER_SHARD))
    priors = torch.from_numpy(np.exp(rng.uniform(np.log(PRIORS[0]), np.log(PRIORS[1]), PER_SHARD))).float()
    log_f0 = speakers.log_f0[chosen]
    timbre = surrogate.find(speakers.embedding[chosen], log_f0, priors)
    noise = torch.from_numpy(rng.standard_normal(timbre.shape) * rng.uniform(0, 0.1, (PER_SHARD, 1))).float()
    return timbre + noise * surrogate.basis.norm(dim=1), log_f0


@torch.no_grad()
def speak(
    kokoro: Kokoro,
    encoder: SpeakerEncoder,
    timbre: Tensor,
    log_f0: Tensor | None,
    sentences: list[str],
    rng: np.random.Generator,
) -> Samples:
    """Say a random sentence with each timbre ``[N, 128]``, at a median of about ``log_f0 [N]`` or of any height."""
    packs = [pack for name, pack in stock_voices().items() if name not in HELD_OUT]
    rows: list[tuple[Tensor, float, Tensor]] = []
    for k, voice in enumerate(timbre):
        ids = kokoro.tokens(phonemize(sentences[rng.integers(len(sentences))]))[None]
        style = torch.cat([voice, style_of(packs[rng.integers(len(packs))])[TIMBRE_DIM:]])[None]
        encoded = kokoro.encode_text(ids)
        prosody = kokoro.predict(encoded, style)
        voiced = prosody.f0 > VOICED_HZ
        predicted = float(prosody.f0[voiced].log2().median()) if bool(voiced.any()) else F0_CENTRE
        move = rng.normal(0, 0.25) if log_f0 is None else float(log_f0[k]) - predicted + rng.normal(0, 0.06)
        f0 = torch.where(voiced, prosody.f0 * 2**move, prosody.f0)
        with torch.autocast("cpu", torch.bfloat16):
            content = spread(encoded.content, prosody.durations)
            wave = kokoro.decode(content, f0, prosody.energy, style[:, :TIMBRE_DIM], seed=int(rng.integers(1 << 31)))
        embedding = encoder.embed(wave[0].float().numpy(), audio.SAMPLE_RATE)
        if embedding is not None:
            rows.append((voice, predicted + move, torch.from_numpy(embedding)))
    timbres, pitches, embeddings = zip(*rows, strict=True)
    return Samples(torch.stack(timbres), torch.tensor(pitches), torch.stack(embeddings))


def hear_speakers(recordings: Path, cache: Path, encoder: SpeakerEncoder) -> Samples:
    """Embedding and pitch of every recording in a folder, its timbre unknown (zeros); kept in a file.

    Raises:
        UserError: no recording with a voice.
    """
    if cache.exists():
        return _read(cache)
    paths = audio.recordings_in(recordings)
    rows = []
    for path in tqdm(paths, "hearing speakers"):
        try:
            wave = audio.read(path)[: SECONDS * audio.SAMPLE_RATE]
        except UserError as error:
            tqdm.write(f"left out: {error}")
            continue
        embedding = encoder.embed(wave, audio.SAMPLE_RATE)
        log_f0 = median_log_f0(track_f0(wave, audio.SAMPLE_RATE))
        if embedding is not None and np.isfinite(log_f0):
            rows.append((log_f0, torch.from_numpy(embedding)))
    if not rows:
        raise UserError(f"{recordings}: no recordings with a voice there")
    pitches, embeddings = zip(*rows, strict=True)
    samples = Samples(torch.zeros(len(rows), TIMBRE_DIM), torch.tensor(pitches), torch.stack(embeddings))
    write(cache, samples)
    return samples


def hear_corpus(corpus: Path, cache: Path, encoder: SpeakerEncoder) -> None:
    """Whom every utterance of a corpus sounds like, kept in a file."""
    if cache.exists():
        return
    rows = []
    for utterance in tqdm(read(corpus), f"hearing {corpus.name}"):
        embedding = encoder.embed(utterance.audio.numpy(), audio.SAMPLE_RATE)
        voiced = utterance.f0[utterance.f0 > VOICED_HZ]
        if embedding is not None and len(voiced):
            rows.append((utterance.style[:TIMBRE_DIM], float(voiced.log2().median()), torch.from_numpy(embedding)))
    if not rows:
        raise UserError(f"{corpus}: no voice in this corpus")
    timbres, pitches, embeddings = zip(*rows, strict=True)
    write(cache, Samples(torch.stack(timbres), torch.tensor(pitches), torch.stack(embeddings)))


def fit(samples: Samples, config: TimbreConfig) -> TimbreSurrogate:
    """Each member on its own: cosine loss, AdamW, a cosine schedule, noise on the timbres."""
    torch.manual_seed(config.seed)
    surrogate = TimbreSurrogate()
    surrogate.calibrate(samples.timbre)
    scale = surrogate.basis.norm(dim=1)
    for member in range(len(surrogate.members)):
        rng = np.random.default_rng([config.seed, member])
        network = surrogate.members[member]
        steps = config.epochs * len(samples) // BATCH
        optimizer = torch.optim.AdamW(network.parameters(), LR, weight_decay=0.05)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max(steps, 1))
        for _ in tqdm(range(steps), f"fitting {member + 1} of {len(surrogate.members)}", leave=False):
            batch = torch.from_numpy(rng.integers(len(samples), size=BATCH))
            timbre = samples.timbre[batch]
            timbre = timbre + NOISE * scale * torch.from_numpy(rng.standard_normal(timbre.shape)).float()
            loss = (
                1
                - (surrogate.of_member(member, timbre, samples.log_f0[batch]) * samples.embedding[batch]).sum(-1).mean()
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return surrogate.eval().requires_grad_(False)


def read_samples(folder: Path, before: int) -> Samples:
    """Those of the corpora, of random timbres and of the rounds before one."""
    paths = [*sorted(folder.glob("corpus-*.safetensors"))]
    paths += [p for p in sorted(folder.glob("round-*.safetensors")) if int(p.stem.split("-")[1]) < before]
    return Samples.joined([_read(path) for path in paths])


def write(path: Path, samples: Samples) -> None:
    """Keep samples in a file, whole or not at all."""
    with audio.replacing(path) as temporary:
        save_file({name: value.float().contiguous() for name, value in vars(samples).items()}, temporary)


def _read(path: Path) -> Samples:
    return Samples(**load_file(path))


def _shard(folder: Path, turn: int, number: int) -> Path:
    return folder / f"round-{turn}-{number:05d}.safetensors"
