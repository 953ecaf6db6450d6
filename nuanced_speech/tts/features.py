"""The ETTS data format: one ``.npz`` an utterance, with all inputs and targets of an acoustic model.

======================  ==================  =====================================================================
key                     shape and type      what
======================  ==================  =====================================================================
``phonemes``            ``(T,)`` int        ids of Kokoro's phoneme vocabulary, 0 (silence) at both ends
``embedding``           ``(256,)`` float    the speaker, length 1 (``nuanced_speech.models.speaker_encoder``)
``mel``                 ``(frames, 80)``    log mel spectrogram, float (``nuanced_speech.dsp.mel``)
``durations``           ``(T,)`` int        optional: mel frames of each phoneme, summing to ``frames``
======================  ==================  =====================================================================
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nuanced_speech.core.constants import SPEAKER_DIM
from nuanced_speech.core.errors import UserError
from nuanced_speech.core.files import replacing
from nuanced_speech.core.numpy_files import read_arrays
from nuanced_speech.core.reading import read_object
from nuanced_speech.core.symbols import vocabulary
from nuanced_speech.dsp.mel import MEL

# Beside the utterances: what they were made of and how.
SETTINGS = "settings.json"


@dataclass(frozen=True)
class Example:
    """One utterance.

    Attributes:
        phonemes: int64 ``[T]``.
        embedding: float32 ``[256]``.
        mel: float32 ``[frames, 80]``.
        durations: int64 ``[T]`` in mel frames, or None where they are unknown.
        name: of its file, for messages.
    """

    phonemes: np.ndarray
    embedding: np.ndarray
    mel: np.ndarray
    durations: np.ndarray | None = None
    name: str = ""


def save(path: Path, example: Example) -> None:
    """Write one utterance, whole or not at all.

    Raises:
        UserError: the example is not what the format asks for, or the path cannot be written.
    """
    check(example, path)
    arrays = {
        "phonemes": example.phonemes.astype(np.int64),
        "embedding": example.embedding.astype(np.float32),
        "mel": example.mel.astype(np.float32),
    }
    if example.durations is not None:
        arrays["durations"] = example.durations.astype(np.int64)
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]


def load(path: Path) -> Example:
    """Read and check one utterance.

    Raises:
        UserError: names the file and what is wrong with it.
    """
    arrays = read_arrays(path, "an .npz file that can be read", "make it again with: nuanced-speech tts features")
    missing = [key for key in ("phonemes", "embedding", "mel") if key not in arrays]
    if missing:
        raise UserError(f"{path}: no {' and no '.join(missing)} in it; it is not of the ETTS format")
    values = {key: arrays[key] for key in ("phonemes", "embedding", "mel", "durations") if key in arrays}
    example = Example(**values, name=path.stem)
    check(example, path)
    return example


def check(example: Example, path: Path) -> None:
    """Refuse an example that no model could learn from.

    Raises:
        UserError: names the file, the key and what it should be.
    """
    for key, ranks, kinds, what in (
        ("phonemes", 1, "iu", "whole numbers of shape (T,)"),
        ("embedding", 1, "f", f"floating-point numbers of shape ({SPEAKER_DIM},)"),
        ("mel", 2, "f", f"floating-point numbers of shape (frames, {MEL.n_mels})"),
        ("durations", 1, "iu", "whole numbers of shape (T,)"),
    ):
        value = getattr(example, key)
        if value is None:
            continue
        if value.ndim != ranks or value.dtype.kind not in kinds:
            raise UserError(f"{path}: {key} is {value.dtype} of shape {value.shape}; it must be {what}")
        if value.size == 0:
            raise UserError(f"{path}: {key} is empty")
        if not np.isfinite(value).all():
            raise UserError(f"{path}: {key} holds numbers that are not finite")
    if example.embedding.shape != (SPEAKER_DIM,):
        raise UserError(f"{path}: embedding has {len(example.embedding)} numbers; it must have {SPEAKER_DIM}")
    if example.mel.shape[1] != MEL.n_mels:
        raise UserError(f"{path}: mel is of shape {example.mel.shape}; it must be (frames, {MEL.n_mels})")
    last = max(vocabulary().values())
    if example.phonemes.min() < 0 or example.phonemes.max() > last:
        raise UserError(
            f"{path}: phonemes go from {example.phonemes.min()} to {example.phonemes.max()}, not 0 to {last}"
        )
    if example.durations is not None:
        if example.durations.shape != example.phonemes.shape:
            raise UserError(f"{path}: {len(example.durations)} durations for {len(example.phonemes)} phonemes")
        if example.durations.min() < 0 or example.durations.sum() != len(example.mel):
            raise UserError(f"{path}: durations must be 0 or more and sum to the {len(example.mel)} frames of mel")


def begin(folder: Path, settings: dict[str, str]) -> None:
    """Make the folder of a data set, or see that what is in it was made with the same settings.

    Raises:
        UserError: it was not, or the folder cannot be made.
    """
    path = folder / SETTINGS
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{folder}: cannot be used as a folder of features ({error.strerror})") from error
    remedy = f"remove {folder} and make the features again"
    saved = read_object(path, "settings of features", remedy) if path.exists() else None
    if saved is None:
        if any(folder.glob("*.npz")):
            raise UserError(f"{folder} holds .npz files already, made by nobody knows what; name another folder")
        with replacing(path) as temporary:
            temporary.write_text(json.dumps(settings, indent=1), encoding="utf-8")
        return
    changed = [f"{key} was {saved.get(key)}, now {value}" for key, value in settings.items() if saved.get(key) != value]
    if changed:
        raise UserError(f"{folder} was made with other settings: {'; '.join(changed)}; restore them or name another")


def find(folder: Path) -> list[Path]:
    """The ``.npz`` files of a data set, in order.

    Raises:
        UserError: there is none.
    """
    paths = sorted(folder.glob("*.npz"))
    if not paths:
        raise UserError(f"{folder}: no .npz file in it; make some with: nuanced-speech tts features DATASET {folder}")
    return paths
