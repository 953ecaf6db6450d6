"""Train the extension of timbres on real speech, by analysis and synthesis.

Read top to bottom: every recording, as it is, slower and faster (other speakers, Ko et al. 2015), is analysed once into
phonemes and their durations, melody, loudness, timbre and speaker embedding; then Kokoro says passages of it again.
Spectra are compared with the recording's, and whom it sounds like with the speaker, also where one says what another
said. A discriminator, to which stock voices are what is real, keeps it from getting harsh.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from tqdm import tqdm

from nuanced_speech import audio
from nuanced_speech.adapt.refinement import CROP_UNITS, at_whisper_rate, embed
from nuanced_speech.analysis.features import ENERGY_OFFSET, gain_of
from nuanced_speech.core.constants import FRAMES_PER_UNIT, SAMPLES_PER_UNIT
from nuanced_speech.core.errors import UserError
from nuanced_speech.dsp.energy import energy
from nuanced_speech.dsp.f0 import f0 as track_f0
from nuanced_speech.dsp.pitch import median_log_f0
from nuanced_speech.dsp.stft_loss import STFTLoss
from nuanced_speech.models.kokoro import Kokoro, spread
from nuanced_speech.models.speaker_encoder import SpeakerEncoder
from nuanced_speech.models.timbre_extension import Extension
from nuanced_speech.models.timbre_surrogate import TimbreSurrogate
from nuanced_speech.train import checkpoint
from nuanced_speech.train.content_adapter import faster
from nuanced_speech.train.corpus import Utterance, read
from nuanced_speech.train.discriminators import Discriminators
from nuanced_speech.train.losses import discriminator_loss, generator_loss
from nuanced_speech.train.schedule import warm_cosine
from nuanced_speech.voice.stock import nearest_stock_timbre

SPEEDS = (1.0, 0.88, 1.14)
# Windows in samples of 16 kHz, which most recordings have, and mel bands.
RESOLUTIONS = ((256, 40), (512, 60), (1024, 100))
# What is no louder than a band's quietest tenth by so much (log magnitude) is the recording's noise: nobody wants it.
NOISE = 1.0
JUDGES_LR = 5e-4


@dataclass
class ExtensionTraining:
    """How to train. ``speech`` is what ``train real`` made of recordings of many speakers, each a speaker."""

    speech: Path
    out: Path
    device: str = "cpu"
    steps: int = 500
    batch_size: int = 10
    # so many more say what another speaker said
    crossed: int = 5
    lr: float = 1e-3
    warmup: int = 50
    likeness_weight: float = 2.0
    adversarial_weight: float = 0.1
    decay: float = 0.01
    held_out: int = 20
    checkpoint_every: int = 250
    seed: int = 0


@dataclass
class Speaker:
    """A recording and what was heard in it.

    Attributes:
        recording, speed: which recording, and how much faster it is played.
        wave: ``[600 * T]`` at Kokoro's level.
        ids, durations: phonemes, ``[P]``, the durations of 25 ms summing to T.
        f0, energy: ``[2T]``, as the decoder takes them.
        timbre: ``[128]``, what the surrogate found.
        embeddings: of the whole, of the first half and of the second, ``[3, 256]``.
    """

    recording: int
    speed: float
    wave: Tensor
    ids: Tensor
    durations: Tensor
    f0: Tensor
    energy: Tensor
    timbre: Tensor
    embeddings: Tensor

    @property
    def units(self) -> int:
        return int(self.durations.sum())

    @property
    def log_f0(self) -> float:
        return float(self.f0[self.f0 > 0].log2().median())


def prepare(config: ExtensionTraining) -> Path:
    """Analyse every recording at every speed, once; ``OUT/heard.safetensors``.

    Raises:
        UserError: no speech in the folder, or no voice in it.
    """
    path = config.out / "heard.safetensors"
    if path.exists():
        return path
    encoder, surrogate = SpeakerEncoder(), TimbreSurrogate.load()
    rows: list[dict[str, Tensor]] = []
    for utterance in tqdm(read(config.speech), "hearing speakers"):
        heard = [_hear(utterance, speed, encoder) for speed in SPEEDS]
        if all(heard):
            # resampled again when it is read
            heard[0]["audio"] = (utterance.audio.clamp(-1, 1) * 32767).to(torch.int16)
            rows += heard
    if not rows:
        seconds = CROP_UNITS * SAMPLES_PER_UNIT / audio.SAMPLE_RATE
        raise UserError(f"{config.speech}: nothing with a voice in it that is {seconds:g} s long")
    pitch = torch.tensor([median_log_f0(row["f0"].numpy()) for row in rows])
    timbres = surrogate.find(torch.stack([row["embeddings"][0] for row in rows]), pitch)
    tensors = {f"{k}.{name}": value.contiguous() for k, row in enumerate(rows) for name, value in row.items()}
    config.out.mkdir(parents=True, exist_ok=True)
    with audio.replacing(path) as temporary:
        save_file(tensors | {"timbres": timbres}, temporary)
    return path


def _hear(utterance: Utterance, speed: float, encoder: SpeakerEncoder) -> dict[str, Tensor]:
    """All that is kept of a recording played faster; nothing where it holds too little voice."""
    durations = faster(utterance.durations, speed)
    wave = _at_speed(utterance.audio.numpy(), speed, int(durations.sum()))
    half = len(wave) // 2
    embeddings = [encoder.embed(x, audio.SAMPLE_RATE) for x in (wave, wave[:half], wave[half:])]
    f0 = track_f0(wave, audio.SAMPLE_RATE)
    known = [x for x in embeddings if x is not None]
    if len(known) < len(embeddings) or not f0.any() or int(durations.sum()) < CROP_UNITS:
        return {}
    return {
        "speed": torch.tensor(speed),
        "ids": utterance.ids.to(torch.int16),
        "durations": durations.to(torch.int16),
        "f0": torch.from_numpy(f0),
        "energy": torch.from_numpy(energy(wave)) + ENERGY_OFFSET,
        "embeddings": torch.from_numpy(np.stack(known)),
    }


def _at_speed(wave: np.ndarray, speed: float, units: int) -> np.ndarray:
    """A recording played faster, at Kokoro's level and exactly so many units long."""
    heard = audio.resample(wave, round(audio.SAMPLE_RATE * speed), audio.SAMPLE_RATE)[: units * SAMPLES_PER_UNIT]
    heard = np.pad(heard, (0, units * SAMPLES_PER_UNIT - len(heard)))
    return heard * np.float32(gain_of(heard))


def load_speakers(path: Path) -> list[Speaker]:
    """All that ``prepare`` wrote, in order: a recording's speeds one after the other."""
    tensors, speakers, recording = load_file(path), list[Speaker](), -1
    for k, timbre in enumerate(tensors["timbres"]):
        if f"{k}.audio" in tensors:
            recorded, recording = tensors[f"{k}.audio"].float().numpy() / 32767, recording + 1
        ids, durations = (tensors[f"{k}.{name}"].long() for name in ("ids", "durations"))
        f0, loudness, embeddings = (tensors[f"{k}.{name}"] for name in ("f0", "energy", "embeddings"))
        speed = float(tensors[f"{k}.speed"])
        wave = torch.from_numpy(_at_speed(recorded, speed, int(durations.sum())))
        speakers.append(Speaker(recording, speed, wave, ids, durations, f0, loudness, timbre, embeddings))
    return speakers


class Passages:
    """Batches of passages of 3.2 s, and whom they should sound like."""

    def __init__(self, kokoro: Kokoro, speakers: list[Speaker], device: str) -> None:
        self.speakers, self.device = speakers, device
        self.stock = [nearest_stock_timbre(s.timbre) for s in speakers]
        with torch.no_grad():
            self.contents = [kokoro.encode_content(s.ids.to(device)).half() for s in speakers]

    def draw(self, said: list[int], by: list[int], rng: np.random.Generator, known: int | None = None) -> "Batch":
        """A random passage of each speaker of ``said``, in the voice of the one in the same place of ``by``, of whom
        a random part is known, or the one of the number ``known``."""
        rows = []
        for one, other in zip(said, by, strict=True):
            source, target = self.speakers[one], self.speakers[other]
            start = int(rng.integers(source.units - CROP_UNITS + 1))
            frames = slice(start * FRAMES_PER_UNIT, (start + CROP_UNITS) * FRAMES_PER_UNIT)
            samples = slice(start * SAMPLES_PER_UNIT, (start + CROP_UNITS) * SAMPLES_PER_UNIT)
            octaves = target.log_f0 - source.log_f0 if one != other else 0.0
            content = spread(self.contents[one][None], source.durations.to(self.device)[None])[0]
            rows.append(
                (
                    content[:, start : start + CROP_UNITS].float(),
                    source.f0[frames] * 2**octaves,
                    source.energy[frames],
                    source.wave[samples],
                    target.timbre,
                    self.stock[other],
                    target.embeddings[int(rng.integers(3)) if known is None else known],
                    target.embeddings[0 if known is None else 2],
                )
            )
        return Batch(*(torch.stack(column).to(self.device) for column in zip(*rows, strict=True)))


@dataclass
class Batch:
    """As the decoder takes them: ``content [B, 512, T]``, ``f0`` and ``energy [B, 2T]``, ``timbre [B, 128]`` and
    that of the stock voice nearest to it; recordings ``wave [B, 600 * T]``; embeddings ``known``, ``wanted [B, 256]``.
    """

    content: Tensor
    f0: Tensor
    energy: Tensor
    wave: Tensor
    timbre: Tensor
    stock: Tensor
    known: Tensor
    wanted: Tensor


def noise_of(wave: Tensor, spectra: list[STFTLoss]) -> list[Tensor]:
    """What the quietest tenth of a recording ``[T]`` does not exceed, in log mel magnitudes of each resolution."""
    return [s.magnitude(at_whisper_rate(wave[None])).log()[0].quantile(0.1, -1) for s in spectra]


def spectral_distance(spectra: list[STFTLoss], wave: Tensor, wanted: Tensor, noise: list[Tensor]) -> Tensor:
    """Mean L1 distance of log mel magnitudes; where the recording holds only noise, of what is louder than it."""
    losses = []
    for spectrum, floor in zip(spectra, noise, strict=True):
        spoken, heard = (spectrum.magnitude(x).log() for x in (wave, wanted))
        apart = spoken - heard
        losses.append(torch.where(heard > floor[..., None] + NOISE, apart.abs(), apart.relu()).mean())
    return torch.stack(losses).mean()


def train(config: ExtensionTraining) -> Path:
    """Train, resuming from ``out``'s checkpoint if there is one, and write ``extension.safetensors`` there.

    Raises:
        UserError: no speech in the folder, or too little.
    """
    config.out.mkdir(parents=True, exist_ok=True)
    speakers = load_speakers(prepare(config))
    device = config.device
    torch.manual_seed(config.seed)
    kokoro, encoder = Kokoro().to(device), SpeakerEncoder().to(device)
    passages = Passages(kokoro, speakers, device)
    held_out = [k for k, s in enumerate(speakers) if s.recording < config.held_out and s.speed == 1]
    used = [k for k, s in enumerate(speakers) if s.recording >= config.held_out]
    if not used:
        raise UserError(f"{config.speech}: no more than {config.held_out} recordings, which are held out: add others")
    spectra = [STFTLoss(n, n // 4, n, mels, audio.WHISPER_SAMPLE_RATE).to(device) for n, mels in RESOLUTIONS]
    noise = [noise_of(s.wave.to(device), spectra) for s in speakers]

    extension = Extension(kokoro.gains).to(device)
    extension.calibrate(torch.stack([speakers[k].embeddings[0] for k in used]).to(device))
    judges = Discriminators().to(device)
    optimizer = torch.optim.AdamW(extension.parameters(), config.lr, (0.8, 0.99), weight_decay=config.decay)
    judging = torch.optim.AdamW(judges.parameters(), JUDGES_LR, (0.8, 0.99))
    parts: dict[str, Any] = {"extension": extension, "judges": judges, "optimizer": optimizer, "judging": judging}
    path = config.out / "extension_checkpoint.pt"
    first = 0
    if path.exists():
        state = checkpoint.load(path)
        for name, part in parts.items():
            part.load_state_dict(state[name])
        first = state["step"]

    def speak(kokoro: Kokoro, batch: Batch, timbre: Tensor, seed: int) -> Tensor:
        return kokoro.decode(batch.content, batch.f0, batch.energy, timbre, seed=seed)

    bar = tqdm(range(first, config.steps), "training", initial=first, total=config.steps)
    for step in bar:
        # everything random depends on the step alone, so that a resumed run ends where an uninterrupted one does
        rng = np.random.default_rng([config.seed, step])
        torch.manual_seed(int(rng.integers(1 << 31)))
        said = [used[k] for k in rng.integers(len(used), size=config.batch_size + config.crossed)]
        by = said[: config.batch_size] + [used[k] for k in rng.integers(len(used), size=config.crossed)]
        batch, seed = passages.draw(said, by, rng), int(rng.integers(1 << 31))
        floors = [torch.stack([noise[one][k] for one in said[: config.batch_size]]) for k in range(len(RESOLUTIONS))]
        optimizer.param_groups[0]["lr"] = config.lr * warm_cosine(step, config.steps, config.warmup)
        extension.train()
        extended = kokoro.extended(extension.columns)
        wave = speak(extended, batch, torch.cat([batch.timbre, extension(batch.known)], 1), seed)
        like = (embed(encoder, wave) * batch.wanted).sum(-1).mean()
        own = slice(config.batch_size)
        apart = spectral_distance(spectra, at_whisper_rate(wave[own]), at_whisper_rate(batch.wave[own]), floors)
        loss = apart - config.likeness_weight * like
        report = {"spectra": apart.detach(), "cosine": like.detach()}
        if config.adversarial_weight:
            with torch.no_grad():
                clean = speak(kokoro, batch, batch.stock, seed)
            judged = discriminator_loss(judges(clean)[0], judges(wave.detach())[0])
            judging.zero_grad()
            judged.backward()
            judging.step()
            fooled = generator_loss(judges(wave)[0])
            loss = loss + config.adversarial_weight * fooled
            report |= {"judged": judged.detach(), "fooled": fooled.detach()}
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(extension.parameters(), 1.0)
        optimizer.step()
        bar.set_postfix({name: f"{float(value):.3f}" for name, value in report.items()}, refresh=False)
        if step == 0 or (step + 1) % config.checkpoint_every == 0 or step + 1 == config.steps:
            checkpoint.save(path, {name: part.state_dict() for name, part in parts.items()} | {"step": step + 1})
            own_voice, others = likeness(kokoro, encoder, extension, passages, held_out)
            tqdm.write(f"step {step + 1}: held out, cosine in own voice {own_voice:.3f}, in others' {others:.3f}")
    weights = config.out / "extension.safetensors"
    extension.save(weights, steps=str(config.steps), speakers=str(len(used)))
    return weights


@torch.no_grad()
def likeness(
    kokoro: Kokoro, encoder: SpeakerEncoder, extension: Extension, passages: Passages, speakers: list[int]
) -> tuple[float, float]:
    """Mean cosine to the second half of a speaker's recording, the first being known: of the speaker's own passages,
    and of those of the next speaker."""
    extension.eval()
    kokoro = kokoro.extended(extension.columns)
    found = []
    for turn in (0, 1):
        rng, cosines = np.random.default_rng(0), []
        for k, speaker in enumerate(speakers):
            batch = passages.draw([speakers[(k + turn) % len(speakers)]], [speaker], rng, 1)
            timbre = torch.cat([batch.timbre, extension(batch.known)], 1)
            wave = kokoro.decode(batch.content, batch.f0, batch.energy, timbre)
            cosines.append(float((embed(encoder, wave) * batch.wanted).sum()))
        found.append(float(np.mean(cosines)))
    return found[0], found[1]
