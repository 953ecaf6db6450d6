"""Reference speech of the training recipe: each sentence spoken once by Kokoro in a voice of a list, and encoded once.

Speech and features are kept on disk, one file a sentence, under a name that depends on everything that shaped it.
A second run, or one that was interrupted, speaks only what is missing.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from nuanced_speech.audio.resampling import resample
from nuanced_speech.core.constants import (
    FRAMES_PER_UNIT,
    SAMPLE_RATE,
    SAMPLES_PER_UNIT,
    WHISPER_SAMPLE_RATE,
)
from nuanced_speech.core.errors import reading
from nuanced_speech.core.files import replacing
from nuanced_speech.core.progress import step_bar
from nuanced_speech.core.tensor_files import read_tensors
from nuanced_speech.models.kokoro import Kokoro
from nuanced_speech.models.whisper import WhisperModel
from nuanced_speech.text.g2p import phonemize
from nuanced_speech.train.augment import augment
from nuanced_speech.train.corpus import read_shard, shards_in
from nuanced_speech.train.settings import TrainConfig
from nuanced_speech.voice.stock import style_of, voice_pack
from nuanced_speech.voice.style import Style

PAUSE_SECONDS = 0.25
# Never trained on: it chooses the best weights in voices of the list, and measures the others.
UNSEEN_SENTENCE = "Would you mind if I opened the window for a moment, before the others come back?"


@dataclass(frozen=True)
class ReferenceSegment:
    """One sentence as its voice speaks it. T is its length in units of 25 ms.

    Attributes:
        ids: tokens ``[P]``.
        style: the voice's style for a text of this length ``[256]``.
        durations, soft_durations: units for each token ``[P]``, whole and before rounding.
        f0, energy: the curves it was spoken with ``[2T]``.
        audio: ``[600 * T]``.
        features: Whisper's ``[frames, width]``.
        crop_starts: first unit of each crop ``[K]``.
        crop_audio: each crop decoded by itself ``[K, samples]``: the decoder normalises over whatever it is given, so
            a cut out of ``audio`` would not be what the true style yields in training.
    """

    ids: Tensor
    style: Tensor
    durations: Tensor
    soft_durations: Tensor
    f0: Tensor
    energy: Tensor
    audio: Tensor
    features: Tensor
    crop_starts: Tensor
    crop_audio: Tensor


@dataclass(frozen=True)
class ReferenceSpeech:
    """All that was spoken for a run.

    Attributes:
        segments: what is trained on, with the text and the voice of each.
        listed: a sentence that is not trained on, by each voice of the list.
        others: the same sentence by each voice of ``other_voices``, which are never trained on.
    """

    texts: list[str]
    voices: list[str]
    segments: list[ReferenceSegment]
    listed: list[ReferenceSegment]
    others: list[ReferenceSegment]
    other_voices: list[str]


def deal_voices(voices: Sequence[str], count: int, seed: int) -> list[str]:
    """A random voice for each sentence; none is used again before all were used."""
    rng = np.random.default_rng(seed)
    rounds = -(-count // len(voices))
    return [voices[k] for _ in range(rounds) for k in rng.permutation(len(voices))][:count]


class ReferenceSpeaker:
    """Speaks and encodes sentences, or reads them from the cache.

    Args:
        kokoro, listener: the models, frozen.
        cache: folder for what was spoken; made when needed.
        crops: pieces of each sentence to prepare for training.
        crop_seconds: their length; sentences that are shorter are one crop.
    """

    def __init__(self, kokoro: Kokoro, listener: WhisperModel, cache: Path, crops: int, crop_seconds: float) -> None:
        self.kokoro, self.listener, self.cache = kokoro, listener, cache
        self.crops, self.crop_units = crops, max(1, round(crop_seconds * SAMPLE_RATE / SAMPLES_PER_UNIT))
        # kokoro's weights may come from different sources: their embeddings tell them apart
        weights = kokoro.model.text_encoder.embedding.weight.detach().cpu().numpy().tobytes()
        self._models = hashlib.sha256(weights).hexdigest() + listener.name

    def speak(self, text: str, voice: str, crops: bool = True) -> ReferenceSegment:
        """A sentence in a voice, with its crops unless they are not needed. Tensors are on the CPU.

        Raises:
            UserError: an unknown voice, or a text that cannot be spoken in one piece.
        """
        pack = voice_pack(voice)
        shape = f"{self.crops} {self.crop_units}" if crops else "whole"
        key = hashlib.sha256(f"1|{text}|{voice}|{shape}|{self._models}".encode() + pack.numpy().tobytes())
        path = self.cache / f"{key.hexdigest()[:24]}.safetensors"
        if path.is_file():
            return read_segment(path)
        segment = self._speak(text, voice, pack, crops)
        self.cache.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            save_file(
                {f.name: getattr(segment, f.name).cpu().contiguous() for f in fields(ReferenceSegment)}, temporary
            )
        return read_segment(path)

    @torch.no_grad()
    def _speak(self, text: str, voice: str, pack: Tensor, crops: bool) -> ReferenceSegment:
        phonemes = phonemize(text, british=voice.startswith("b"))
        ids = self.kokoro.tokens(phonemes)[None]
        style = style_of(pack, ids.shape[1] - 2)[None].to(ids.device)
        content, prosody = self.kokoro.content_and_prosody(ids, style)
        timbre = Style.from_vector(style).timbre
        audio = self.kokoro.decode(content, prosody.f0, prosody.energy, timbre)
        features = self.listener.features(resample(audio[0].cpu().numpy(), SAMPLE_RATE, WHISPER_SAMPLE_RATE))
        units = int(prosody.units)
        length = min(self.crop_units, units)
        # evenly over the sentence and away from its silent ends
        count = 0 if not crops else self.crops if length < units else 1
        starts = [round((units - length) * (k + 1) / (count + 1)) for k in range(count)]
        pieces = [
            self.kokoro.decode(
                cut(content, start, length),
                cut(prosody.f0, start * FRAMES_PER_UNIT, length * FRAMES_PER_UNIT),
                cut(prosody.energy, start * FRAMES_PER_UNIT, length * FRAMES_PER_UNIT),
                timbre,
            )[0]
            for start in starts
        ]
        return ReferenceSegment(
            ids[0],
            style[0],
            prosody.durations[0],
            prosody.soft_durations[0],
            prosody.f0[0],
            prosody.energy[0],
            audio[0],
            features,
            torch.tensor(starts, dtype=torch.long),
            torch.stack(pieces) if pieces else audio.new_zeros(0, 0),
        )


def cut(x: Tensor, start: int, length: int) -> Tensor:
    """A stretch of the last axis."""
    return x[..., start : start + length]


def speak_all(
    speaker: ReferenceSpeaker, texts: list[str], config: TrainConfig, unseen: str = UNSEEN_SENTENCE
) -> ReferenceSpeech:
    """Every sentence in a random voice of the list, and an unseen sentence by every voice, with a progress bar."""
    voices = deal_voices(config.voices, len(texts), config.seed)
    other_voices = [voice for voice in config.held_out if voice not in config.voices]
    jobs = [(text, voice, True) for text, voice in zip(texts, voices, strict=True)]
    jobs += [(unseen, voice, False) for voice in (*config.voices, *other_voices)]
    segments = [speaker.speak(*job) for job in step_bar(jobs, "speaking", unit="segment")]
    first, second = len(texts), len(texts) + len(config.voices)
    return ReferenceSpeech(texts, voices, segments[:first], segments[first:second], segments[second:], other_voices)


def join(waves: list[Tensor]) -> np.ndarray:
    """Waveforms ``[T]`` one after the other with a short pause between them."""
    pause = torch.zeros(round(PAUSE_SECONDS * SAMPLE_RATE))
    return torch.cat([piece for wave in waves for piece in (wave, pause)][:-1]).numpy()


def segment_list(speech: ReferenceSpeech) -> list[dict[str, Any]]:
    """What ``join`` put where: start and end in seconds, voice and text of each segment."""
    start, rows = 0.0, []
    for text, voice, segment in zip(speech.texts, speech.voices, speech.segments, strict=True):
        end = start + len(segment.audio) / SAMPLE_RATE
        rows.append({"start": round(start, 3), "end": round(end, 3), "voice": voice, "text": text})
        start = end + PAUSE_SECONDS
    return rows


def corpus_vectors(folder: Path, listener: WhisperModel) -> tuple[Tensor, Tensor]:
    """Mean Whisper features and true styles of a generated corpus.

    Every utterance is encoded twice, clean and through a random room, microphone and noise: recordings are not as clean
    as Kokoro. The features are kept in a folder beside the shards.

    Returns:
        features ``[N, 2, width]`` (clean, augmented) and styles ``[N, 256]``.

    Raises:
        UserError: the folder holds no shard.
    """
    shards = shards_in(folder)
    cache = folder / f"mean-features-{listener.name}"
    cache.mkdir(exist_ok=True)
    vectors = []
    for shard in step_bar(shards, "features of the corpus", unit="shard"):
        path = cache / shard.name
        if not path.is_file():
            utterances = read_shard(shard)
            means = []
            for k, utterance in enumerate(utterances):
                rng = np.random.default_rng([int(shard.stem.split("-")[1]), k])
                wave = resample(utterance.audio.numpy(), SAMPLE_RATE, WHISPER_SAMPLE_RATE)
                waves = wave, augment(wave, WHISPER_SAMPLE_RATE, rng)
                means.append(torch.stack([listener.features(w).mean(0).cpu() for w in waves]))
            styles = torch.stack([utterance.style for utterance in utterances])
            with replacing(path) as temporary:
                save_file({"features": torch.stack(means), "styles": styles}, temporary)
        vectors.append(read_tensors(path, "features of a corpus", "remove it and run again"))
    return torch.cat([v["features"] for v in vectors]), torch.cat([v["styles"] for v in vectors])


def read_segment(path: Path) -> ReferenceSegment:
    """A sentence that ``ReferenceSpeech`` keeps.

    Raises:
        UserError: the file is damaged.
    """
    tensors = read_tensors(path, "a spoken sentence", "remove it and run again")
    with reading(path, "a spoken sentence", "remove it and run again"):
        return ReferenceSegment(**tensors)
