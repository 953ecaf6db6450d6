"""What was heard, said again: a piece and a manner → content, melody and loudness → Kokoro's decoder → audio."""

import logging
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from nuanced_speech.adapt.speaker_eq import Tinting
from nuanced_speech.analysis.analyzer import ENERGY_OFFSET, Heard, Hearing, mean_style
from nuanced_speech.core import memory
from nuanced_speech.core.constants import FRAMES_PER_UNIT, TIMBRE_DIM, VOICED_HZ
from nuanced_speech.core.errors import UserError
from nuanced_speech.dsp.alignment import align_phonemes, warp_frames
from nuanced_speech.dsp.loudness import amplify, expander_gain, low_cut, match_loudness
from nuanced_speech.dsp.octave_repair import repair_octaves
from nuanced_speech.dsp.pitch import median_log_f0, transpose
from nuanced_speech.dsp.spectral_balance import SpectralBalance, follow_balance, match_balance
from nuanced_speech.models.kokoro import spread, timbre_of
from nuanced_speech.text.g2p import phonemize
from nuanced_speech.voice.stock import nearest_stock_timbre, style_of

# How far a timbre is moved to the nearest stock voice's where it drops an octave: no further than it takes.
CLEANER = (0.35, 0.7, 1.0)
PACE_LIMITS = (0.5, 2.0)
PITCH_SENTENCE = "We were away a year ago, and now the early morning is ours."

log = logging.getLogger(__name__)


@dataclass
class Target:
    """What to speak with: ``pack [510, 256]`` or one row, median of its melody in log2 Hz, mark of what it speaks; of a
    recording also its colour, log energies ``[BANDS]``, and its speaker's embedding ``[256]``."""

    pack: Tensor
    log_f0: float
    mark: str
    colour: np.ndarray | None = None
    speaker: Tensor | None = None


@dataclass
class Manner:
    """How to speak: a target voice or the source's own; octaves to move the source's melody by, to the target's range
    and as was asked, and of these what was asked, ``pitch_shift``, where Kokoro makes up the melody; what to keep of
    the source; seed; and what brings the voice nearer to its recording, if it is known by one."""

    target: Target | None
    octaves: float
    pitch_shift: float
    keep: frozenset[str]
    seed: int
    tinting: Tinting | None


@dataclass
class _Loudness:
    """How loud, ``n [frames]``, and in which bands; in the source's own voice where there is no target; like whom,
    where that is asked."""

    n: np.ndarray
    balance: SpectralBalance
    target: Target | None
    tinting: Tinting | None

    def give(self, wave: np.ndarray, frames: slice) -> np.ndarray:
        """``wave [300 * frames]`` as loud, as bright and of the colour that it should be."""
        if self.target is None:
            wave = match_balance(wave, self.balance[frames])
        else:
            wave = follow_balance(wave, self.balance[frames], self.target.colour)
        loud = self._as_loud(wave, frames)
        return loud if self.tinting is None else self._as_loud(self.tinting.give(wave, loud), frames)

    def _as_loud(self, wave: np.ndarray, frames: slice) -> np.ndarray:
        return amplify(match_loudness(wave, self.n[frames]), expander_gain(self.n)[frames])


class Speaking(Hearing):
    """Listens, and says pieces of what it heard again; see ``Hearing`` for the arguments."""

    def pitch_of(self, pack: Tensor) -> float:
        """Median F0, log2 Hz, of a sentence in a voice ``[510, 256]``."""
        ids = self.kokoro.tokens(phonemize(PITCH_SENTENCE))[None]
        prosody = self.kokoro.predict(self.kokoro.encode_text(ids), style_of(pack, ids.shape[1] - 2)[None])
        return median_log_f0(_voiced(prosody.f0[0]))

    def speak_direct(self, heard: Heard, manner: Manner) -> np.ndarray:
        """A piece without text: ``[600 * units]``."""
        with self.stage("content"):
            content = self.content_of(heard)
        f0 = transpose(heard.f0, manner.octaves)
        loudness = self._loudness(heard, manner)
        return self._decode(content, f0, heard.n + ENERGY_OFFSET, self._style(heard, manner), manner.seed, loudness)

    def speak_text(self, heard: Heard, manner: Manner) -> np.ndarray:
        """A piece by its phonemes, each as long as the speaker made it unless rhythm is not kept."""
        if not heard.phonemes:
            return self.speak_direct(heard, manner)
        with self.stage("text"):
            ids = self.kokoro.tokens(heard.phonemes)
            try:
                aligned, _ = align_phonemes(heard.log_probabilities, ids.cpu().numpy())
            except UserError as error:
                log.warning("a piece is converted without its text: %s", error)
                return self.speak_direct(heard, manner)
            own = torch.from_numpy(aligned).to(self.device)
            encoded = self.kokoro.encode_text(ids[None])
            style = self._style(heard, manner, len(ids) - 2)
            forced = own[None] if "rhythm" in manner.keep else None
            prosody = self.kokoro.predict(encoded, style[None], durations=forced)
            durations = prosody.durations[0]
            content = spread(encoded.content, durations[None])
            source_frame = warp_frames(aligned, durations.cpu().numpy())
        n = heard.n[source_frame]
        if "f0" in manner.keep:
            f0 = transpose(heard.f0[source_frame], manner.octaves)
        else:
            f0 = transpose(_voiced(prosody.f0[0]), manner.pitch_shift)
        if "energy" in manner.keep:
            loudness = self._loudness(heard, manner, source_frame)
            return self._decode(content, f0, n + ENERGY_OFFSET, style, manner.seed, loudness)
        return self._decode(content, f0, prosody.energy[0].cpu().numpy(), style, manner.seed, None)

    def say(self, pieces: Iterator[str], heard: list[Heard], manner: Manner) -> Iterator[np.ndarray]:
        """Other words, as phonemes, in the source's manner: its style, pace and the centre of its melody."""
        own_style = mean_style(heard)
        speed = self._pace(heard, own_style) if "rhythm" in manner.keep else 1.0
        centre = median_log_f0(np.concatenate([h.f0 for h in heard])) + manner.octaves
        for phonemes in pieces:
            with self.stage("text"):
                ids = self.kokoro.tokens(phonemes)[None]
                style = own_style if manner.target is None else style_of(manner.target.pack, ids.shape[1] - 2)
                encoded = self.kokoro.encode_text(ids)
                prosody = self.kokoro.predict(encoded, style[None], speed=speed)
                content = spread(encoded.content, prosody.durations)
            f0 = _voiced(prosody.f0[0])
            move = centre - median_log_f0(f0) if "f0" in manner.keep else manner.pitch_shift
            f0 = transpose(f0, 0.0 if math.isnan(move) else move)
            yield self._decode(content, f0, prosody.energy[0].cpu().numpy(), style, manner.seed, None)

    def _style(self, heard: Heard, manner: Manner, phonemes: int | None = None) -> Tensor:
        if manner.target is None:
            return heard.style
        return style_of(manner.target.pack, *([] if phonemes is None else [phonemes]))

    def _loudness(self, heard: Heard, manner: Manner, frames: slice | np.ndarray = slice(None)) -> _Loudness:
        """What is heard of a piece, or of some of its frames, in their order."""
        tinting = manner.tinting if manner.target is not None or heard.wanted is not None else None
        return _Loudness(heard.n[frames], heard.balance[frames], manner.target, tinting)

    def _pace(self, heard: list[Heard], style: Tensor) -> float:
        """How much faster the source was spoken than Kokoro would say the same words in its style."""
        own = predicted = 0.0
        for item in heard:
            if item.phonemes:
                ids = self.kokoro.tokens(item.phonemes)[None]
                prosody = self.kokoro.predict(self.kokoro.encode_text(ids), style[None])
                own += item.units
                predicted += float(prosody.units[0])
        return float(np.clip(predicted / own, *PACE_LIMITS)) if own else 1.0

    def _decode(
        self, content: Tensor, f0: np.ndarray, n: np.ndarray, style: Tensor, seed: int, loudness: _Loudness | None
    ) -> np.ndarray:
        """One item ``[600 * units]``, its loudness and balance corrected to the wanted ones where there are any."""
        timbre = timbre_of(style)

        def speak(units: slice, timbre: Tensor) -> np.ndarray:
            frames = slice(units.start * FRAMES_PER_UNIT, units.stop * FRAMES_PER_UNIT)
            melody, level = (torch.from_numpy(x[frames].astype(np.float32))[None].to(self.device) for x in (f0, n))
            wave = self.kokoro.decode(content[..., units], melody, level, timbre[None], seed=seed)[0].cpu().numpy()
            wave = low_cut(wave)
            return wave if loudness is None else loudness.give(wave, frames)

        with self.stage("decode"):
            wave = speak(slice(0, content.shape[-1]), timbre)
        with self.stage("mend"):
            # of a stock voice there is no more to say than its timbre
            stock = F.pad(nearest_stock_timbre(style[:TIMBRE_DIM]), (0, len(timbre) - TIMBRE_DIM))
            cleaner = [torch.lerp(timbre, stock, share) for share in CLEANER]
            wave = repair_octaves(wave, f0[: content.shape[-1] * FRAMES_PER_UNIT], cleaner, render=speak)
            memory.give_back()
        return wave


def _voiced(f0: Tensor) -> np.ndarray:
    """Predicted F0 ``[2T]`` in Hz with what is about 0 made 0."""
    curve = f0.cpu().numpy()
    return np.where(curve > VOICED_HZ, curve, 0.0)
