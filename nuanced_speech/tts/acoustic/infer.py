"""Text to speech with an acoustic model and a vocoder.

text → sentences → phonemes → acoustic model → mel → vocoder → sentences again, between pauses
"""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from nuanced_speech import audio
from nuanced_speech.audio.fades import fade_ends
from nuanced_speech.audio.gate import active_frames, frame_levels
from nuanced_speech.core.errors import UserError
from nuanced_speech.core.symbols import vocabulary
from nuanced_speech.dsp.mel import MEL
from nuanced_speech.synthesis.speaking_config import PAUSES
from nuanced_speech.synthesis.text_to_speech import PAUSE_LIMIT
from nuanced_speech.text.g2p import phoneme_chunks
from nuanced_speech.text.sentences import sentences
from nuanced_speech.tts.acoustic.interface import AcousticModel, AcousticOutput
from nuanced_speech.tts.vocoders import Vocoder, speak

SPEED_LIMITS = (0.5, 2.0)
# Phonemes spoken in one go: the models learned from sentences.
LONGEST = 200
# Silence at the ends: decibels below the speech, seconds of it that stay, seconds of the fades.
QUIET_DB, MARGIN, FADE = 40.0, 0.05, 0.01


@dataclass(frozen=True)
class Piece:
    """Phonemes to speak in one go, and the seconds of pause after them."""

    phonemes: str
    pause: float


@dataclass(frozen=True)
class SpokenPiece:
    """A piece: ``audio [T]`` at the mel's rate, the pause before it included, its log mel ``[frames, 80]``, its
    phonemes and which of them each step or frame is of: weights ``[steps, T]`` that sum to 1."""

    audio: np.ndarray
    mel: np.ndarray
    phonemes: str
    alignment: np.ndarray

    @property
    def seconds(self) -> float:
        """Length of the mel."""
        return len(self.mel) * MEL.hop_length / MEL.sample_rate


def pieces_of(words: str, language: str = "en", pause: float = 0.4) -> list[Piece]:
    """The sentences of a text, long ones in parts.

    Raises:
        UserError: nothing to speak, a language without phonemes, a pause out of range.
    """
    if not 0 <= pause <= PAUSE_LIMIT:
        raise UserError(f"a pause of {pause:g} is not possible: give 0 to {PAUSE_LIMIT:g} seconds")
    pieces: list[Piece] = []
    for sentence in sentences(words):
        parts = phoneme_chunks(sentence.text, language, LONGEST)
        pieces += [Piece(part, pause * PAUSES.part) for part in parts[:-1]]
        pieces.append(Piece(parts[-1], pause * PAUSES.after(sentence.end)))
    if not pieces:
        raise UserError(f"nothing speakable in the text {words.strip()[:60]!r}: give at least one word")
    return pieces


def token_ids(phonemes: str, strict: bool = False) -> Tensor:
    """Ids ``[T]`` of Kokoro's vocabulary, a 0 at both ends; unknown characters are left out, or complained of.

    Raises:
        UserError: an unknown character where ``strict``; no phoneme at all.
    """
    symbols = vocabulary()
    unknown = sorted({p for p in phonemes if p not in symbols})
    if strict and unknown:
        raise UserError(f"no phoneme of the vocabulary: {' '.join(unknown)}; write IPA as misaki does, e.g. həlˈO")
    ids = [symbols[p] for p in phonemes if p in symbols]
    if not any(p.isalpha() and p in symbols for p in phonemes):
        raise UserError(f"nothing speakable in the phonemes {phonemes[:60]!r}: give at least one")
    return torch.tensor([0, *ids, 0])


def mel_of(model: AcousticModel, ids: Tensor, embedding: Tensor, speed: float = 1.0) -> AcousticOutput:
    """What the model makes of ids ``[T]``; warns where it did not come to an end.

    Raises:
        UserError: a speed out of range.
    """
    if not SPEED_LIMITS[0] <= speed <= SPEED_LIMITS[1]:
        raise UserError(f"a speed of {speed:g} is not possible: give {SPEED_LIMITS[0]} to {SPEED_LIMITS[1]:g}")
    device = model.mean.device
    output = model.speak(ids.to(device), embedding.to(device), speed)
    if not output.ended:
        warnings.warn(
            f"the model found no end and was stopped after {len(output.mel) * MEL.hop_length / MEL.sample_rate:.0f} s:"
            " it is not trained enough, or the text is unlike what it learned from",
            stacklevel=2,
        )
    return output


def stream(
    pieces: list[Piece],
    model: AcousticModel,
    vocoder: Vocoder,
    embedding: Tensor,
    speed: float = 1.0,
    seed: int = 0,
    advance: Callable[[float], None] = lambda share: None,
) -> Iterator[SpokenPiece]:
    """Speech piece by piece; ``seed`` is that of the dropout that Tacotron 2 keeps when speaking.

    Raises:
        UserError: a speed out of range, a vocoder of other mels.
    """
    if vocoder.mel != MEL:
        raise UserError("this vocoder was trained on other mel spectrograms than the acoustic model: give another")
    torch.manual_seed(seed)
    silence = 0.0
    for number, piece in enumerate(pieces, 1):
        ids = token_ids(piece.phonemes)
        output = mel_of(model, ids, embedding, speed)
        mel = output.mel.float().cpu().numpy()
        wave = speak(mel.T, vocoder)
        before = np.zeros(round(silence * MEL.sample_rate), np.float32)
        yield SpokenPiece(
            np.concatenate([before, trimmed(wave)]),
            mel,
            "".join(p for p in piece.phonemes if p in vocabulary()),
            (hard_alignment(output.durations) if output.alignment is None else output.alignment).float().cpu().numpy(),
        )
        silence = piece.pause
        advance(number / len(pieces))


def hard_alignment(durations: Tensor) -> Tensor:
    """Durations ``[T]`` as weights ``[frames, T]``: 1 where a frame is of a phoneme."""
    return torch.eye(len(durations), device=durations.device).repeat_interleave(durations, dim=0)


def trimmed(wave: np.ndarray, sample_rate: int = MEL.sample_rate) -> np.ndarray:
    """``wave [T]`` without the silence at its ends, faded in and out."""
    hop = sample_rate // 100
    level_db = audio.active_level_db(wave, sample_rate)
    active = np.flatnonzero(active_frames(frame_levels(wave, hop), QUIET_DB, level_db))
    if not len(active):
        return wave
    margin = round(MARGIN * sample_rate)
    wave = wave[max(active[0] * hop - margin, 0) : (active[-1] + 1) * hop + margin]
    length = min(round(FADE * sample_rate), len(wave) // 2)
    return fade_ends(wave, length)
