"""From recordings to the ETTS format: phonemes by G2P, durations by the aligner, speaker embedding, mel."""

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from nuanced_speech import audio
from nuanced_speech.core.constants import MAX_PHONEMES, SECONDS_PER_UNIT
from nuanced_speech.core.errors import UserError
from nuanced_speech.core.progress import step_bar
from nuanced_speech.core.symbols import vocabulary
from nuanced_speech.dsp.mel import MEL, mel_spectrogram
from nuanced_speech.models.content_adapter import ContentAdapter, align_content
from nuanced_speech.models.speaker_encoder import SpeakerEncoder
from nuanced_speech.models.whisper import WhisperModel
from nuanced_speech.text.g2p import phonemize
from nuanced_speech.train.corpus import read_shard
from nuanced_speech.tts import features, ljspeech
from nuanced_speech.tts.features import Example, save

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ExtractConfig:
    """What to read, where to write, and how to align.

    Attributes:
        dataset: folder as LJSpeech lays it out (``wavs/ID.wav``, ``metadata.csv``), or one that
            ``nuanced-speech train corpus`` or ``train real`` made.
        out: folder for the ``.npz`` files.
        language: of the texts.
        durations: align phonemes with the sound; English only, and not needed for Tacotron 2.
        min_log_probability: an utterance whose alignment fits worse is left out.
    """

    dataset: Path
    out: Path
    language: str = "en"
    durations: bool = True
    min_log_probability: float = -1.5


def extract(config: ExtractConfig) -> int:
    """Write the utterances of a data set that are not there yet, with a progress bar; how many there are then.

    Raises:
        UserError: no data set of a known layout there, or nothing of it could be used.
    """
    if config.durations and config.language != "en":
        raise UserError(f"phonemes cannot be aligned in {config.language!r}, only in English: turn durations off")
    laid_out, shards = (config.dataset / ljspeech.METADATA).is_file(), any(config.dataset.glob("shard-*.safetensors"))
    if not laid_out and not shards:
        raise UserError(
            f"{config.dataset}: no metadata.csv and no shards in it; make a data set with: nuanced-speech tts prepare"
            f" RECORDINGS {config.dataset}"
        )
    settings = {
        "dataset": str(config.dataset.resolve()),
        "language": config.language,
        "durations": str(config.durations),
        "min_log_probability": str(config.min_log_probability),
    }
    features.begin(config.out, settings)
    count = _from_ljspeech(config) if laid_out else _from_corpus(config)
    if not count:
        raise UserError(f"{config.dataset}: none of its utterances could be used")
    return count


def example(wave: np.ndarray, ids: Tensor, units: Tensor | None, encoder: SpeakerEncoder, name: str) -> Example | None:
    """All features of one utterance; None where it is silent.

    Args:
        wave: ``[T]`` at the mel's rate.
        ids: phoneme ids ``[P]``, 0 at both ends.
        units: how long each lasts in 25 ms units ``[P]``, or None.
    """
    embedding = encoder.embed(wave, MEL.sample_rate)
    if embedding is None:
        return None
    mel = mel_spectrogram(torch.from_numpy(wave)[None])[0].T.numpy()
    durations = None if units is None else to_frames(units.numpy(), len(mel))
    return Example(ids.numpy().astype(np.int64), embedding, mel, durations, name)


def to_frames(units: np.ndarray, frames: int) -> np.ndarray:
    """Durations ``[P]`` in 25 ms units as mel frames that sum to ``frames``: boundaries go to the nearest frame."""
    bounds = np.cumsum(units) * SECONDS_PER_UNIT * MEL.sample_rate / MEL.hop_length
    bounds = np.minimum(np.round(bounds), frames).astype(np.int64)
    bounds[-1] = frames
    return np.diff(bounds, prepend=0)


def _from_ljspeech(config: ExtractConfig) -> int:
    adapter = ContentAdapter.load() if config.durations else None
    listener = WhisperModel(adapter.config.whisper) if adapter else None
    tokens, encoder = vocabulary(), SpeakerEncoder()
    count = 0
    phonemize("one", config.language)  # a language that is not there is said once, not once a row
    for row in step_bar(ljspeech.read(config.dataset), "features"):
        name = row.id
        target = config.out / f"{name}.npz"
        recording = ljspeech.wav_path(config.dataset, name)
        if target.exists() and recording.exists() and target.stat().st_mtime >= recording.stat().st_mtime:
            count += 1
            continue
        try:
            wave = audio.read(recording, MEL.sample_rate)
            phonemes = phonemize(row.normalised, config.language)
            ids = torch.tensor([0, *(tokens[p] for p in phonemes if p in tokens), 0])
            if len(ids) > MAX_PHONEMES + 2:
                raise UserError(f"{name}: {len(ids) - 2} phonemes, more than {MAX_PHONEMES}")
            units = None
            if adapter and listener:
                resampled = audio.resample(wave, MEL.sample_rate, audio.WHISPER_SAMPLE_RATE)
                whisper_features = listener.features(resampled, (adapter.config.layer,))
                units, fit = align_content(adapter, whisper_features, ids, len(wave) / MEL.sample_rate)
                if fit < config.min_log_probability:
                    raise UserError(f"{name}: its text does not fit its sound ({fit:.2f})")
        except UserError as error:
            log.warning("left out: %s", error)
            continue
        made = example(wave, ids, units, encoder, name)
        if made:
            save(target, made)
            count += 1
    return count


def _from_corpus(config: ExtractConfig) -> int:
    encoder = SpeakerEncoder()
    count = 0
    for path in step_bar(sorted(config.dataset.glob("shard-*.safetensors")), "features"):
        for slot, utterance in enumerate(read_shard(path, ("audio", "ids", "durations"))):
            name = f"{config.dataset.name}-{path.stem[-5:]}-{slot:02d}"
            target = config.out / f"{name}.npz"
            if not target.exists():
                wave = audio.resample(utterance.audio.numpy(), audio.SAMPLE_RATE, MEL.sample_rate)
                made = example(wave, utterance.ids, utterance.durations, encoder, name)
                if made is None:
                    continue
                save(target, made)
            count += 1
    return count
