"""What is heard in a recording: features, melody, loudness and speaker of each piece, and the style they add up to.

recording → pieces → Whisper features → content
                   → windows of pieces → phonemes
                   → F0, N
                   → speaker embedding → timbre; the style is refined through the synthesizer on request
"""

import logging
import math
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

from nuanced_speech import audio
from nuanced_speech.adapt.refinement import Passage, expected_seconds
from nuanced_speech.adapt.refinement import refine as refine_timbre
from nuanced_speech.adapt.style_inversion import TRIAL_STEPS, explain, log_mel
from nuanced_speech.analysis.speaker_clustering import same_speaker, settle
from nuanced_speech.audio.segmentation import Segment, segment
from nuanced_speech.core.constants import (
    FEATURE_FRAMES_PER_UNIT,
    SAMPLES_PER_UNIT,
    SECONDS_PER_UNIT,
    STYLE_DIM,
    TIMBRE_DIM,
)
from nuanced_speech.core.errors import UserError
from nuanced_speech.core.progress import Progress
from nuanced_speech.dsp.alignment import MIN_FIT, align_phonemes, decode_phonemes, word_centres
from nuanced_speech.dsp.energy import energy
from nuanced_speech.dsp.f0 import f0 as track_f0
from nuanced_speech.dsp.pitch import median_log_f0
from nuanced_speech.dsp.spectral_balance import SpectralBalance, measure_balance
from nuanced_speech.models.attentive_style_encoder import AttentiveEncoder, together
from nuanced_speech.models.content_adapter import ContentAdapter
from nuanced_speech.models.kokoro import Kokoro, spread, timbre_of
from nuanced_speech.models.phoneme_recognizer import SILENCE_SECONDS, Recogniser, with_silence
from nuanced_speech.models.speaker_encoder import EMBEDDING_DIM, SpeakerEncoder
from nuanced_speech.models.style_encoder import StyleEncoder
from nuanced_speech.models.timbre_extension import Extension
from nuanced_speech.models.timbre_surrogate import TimbreSurrogate
from nuanced_speech.models.whisper import WINDOW_SECONDS, Listener

# Active level of Kokoro's own speech, median of its training corpus here: N is an absolute level, so the source is
# brought to this one before it is measured.
KOKORO_LEVEL_DB = -24.0
# Predicted N minus N measured on what the decoder makes of it.
ENERGY_OFFSET = 0.6
# Share of the recognised phonemes' text features in the direct path's, the rest being the regression. Measured on 8 to
# 10 clips: 0 devoices (log-F0 correlation 0.84); between 0.5 and 1 there is little to choose.
SHARPNESS = 0.75
# Share of the extension that is used. On 5 clips, in their own voice: 0 gives a SECS of 0.86, an OVRL of 2.90 and
# a P.808 of 3.81, 1 gives 0.90, 3.10 and 3.50 (the recordings themselves have 3.57). On 15: 0.5 gives 0.880, 3.09 and
# 3.68, 0.4 gives 0.876, 3.11 and 3.73. Since timbres start at the encoders', on 49 (direct path): 0.4 gives 0.883, 3.12
# and 3.69, 0.35 gives 0.881, 3.12 and 3.72. With 0.3 and cleaner timbres, the balance being followed more closely, they
# are 0.893, 3.14 and 3.75 (50).
EXTENT = 0.3
# What Whisper hears at once in the longest window, without the silence that follows.
WINDOW_UNITS = int((WINDOW_SECONDS - SILENCE_SECONDS) / SECONDS_PER_UNIT)
# Of a recording so much is used to refine its voice.
REFINE_SECONDS = 30.0

log = logging.getLogger(__name__)


@dataclass
class Heard:
    """One piece of the ``source [T]``, analysed after a ``gain``: at 40 Hz ``content [512, T]``, Kokoro's text features
    as the adapter regresses them, and log probabilities ``[T, 178]`` of its phonemes; at 80 Hz ``f0``, ``n`` and
    balance; style ``[256]`` (``[256 + K]`` once it is settled and extended), speaker embedding ``[256]`` (NaN where
    nothing is heard). A refined voice has one ``wanted`` too, which the colour of what is spoken is brought nearer to.
    """

    piece: Segment
    content: Tensor
    log_probabilities: np.ndarray
    f0: np.ndarray
    n: np.ndarray
    style: Tensor
    speaker: np.ndarray
    balance: SpectralBalance
    source: np.ndarray
    gain: float
    phonemes: str = ""
    wanted: Tensor | None = None

    @property
    def units(self) -> int:
        return self.piece.units


@dataclass
class Hearing:
    """All models that listen, and the synthesizer, loaded when first needed and kept.

    Args:
        whisper: size of the Whisper model that transcribes (text path and reports).
        device: ``cpu``, ``cuda`` …
        adapter: weights to use in place of the packaged ones.
        encoder: style encoder of ``train_v2_multispeech.py`` that gives the whole style; otherwise the packaged ones
            give its prosody half, and the timbre half is found by its likeness to the speaker.
    """

    whisper: str = "base"
    device: str = "cpu"
    adapter: Path | None = None
    encoder: Path | None = None
    _seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float), repr=False)

    @cached_property
    def kokoro(self) -> Kokoro:
        """The synthesizer."""
        kokoro = Kokoro().to(self.device)
        if self.extension is not None:
            kokoro.extend(EXTENT * self.extension.columns)
        return kokoro

    @cached_property
    def content(self) -> ContentAdapter:
        """Whisper features to text features, and the aligner."""
        adapter = ContentAdapter.load(self.adapter) if self.adapter else ContentAdapter.load()
        return adapter.to(self.device)

    @cached_property
    def recogniser(self) -> Recogniser:
        """English phonemes of the direct path."""
        return Recogniser.load(self.listener)

    @cached_property
    def style_encoder(self) -> StyleEncoder:
        """Whisper features to a style."""
        return StyleEncoder.load(self.encoder).to(self.device)

    @cached_property
    def attentive(self) -> AttentiveEncoder | None:
        """A second opinion on the style, which errs in another way; None where an encoder was given."""
        return None if self.encoder else AttentiveEncoder.load().to(self.device)

    @cached_property
    def speaker_encoder(self) -> SpeakerEncoder:
        """Who is speaking."""
        return SpeakerEncoder().to(self.device)

    @cached_property
    def timbre(self) -> TimbreSurrogate | None:
        """Who is speaking to a timbre; None where an encoder was given, whose timbre it is then."""
        return None if self.encoder else TimbreSurrogate.load().to(self.device)

    @cached_property
    def extension(self) -> Extension | None:
        """What a timbre cannot say of who is speaking; None where an encoder was given, as for the timbre."""
        return None if self.encoder else Extension.load().to(self.device)

    @cached_property
    def listener(self) -> Listener:
        """The Whisper model whose features the adapter and the encoder were trained on."""
        return Listener(self.content.config.whisper, self.device)

    @cached_property
    def transcriber(self) -> Listener:
        """The Whisper model that writes down words."""
        return self.listener if self.whisper == self.listener.name else Listener(self.whisper, self.device)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self._seconds[name] += time.perf_counter() - started

    def hear(self, wave: np.ndarray, gain: float, piece: Segment, phonemes: bool = False) -> Heard:
        """Everything that is measured on a piece; its English phonemes, as they sound by themselves, on request."""
        units = piece.units
        own = _stretch(wave, gain, piece)
        with self.stage("features"):
            layers = self.listener.features(with_silence(to_whisper(own)), range(1, self.listener.depth + 1))
            layers = layers.unflatten(-1, (self.listener.depth, -1))
            last = self.listener.output_norm(layers[:, -1])
            frames = math.ceil(units * FEATURE_FRAMES_PER_UNIT)
            style = self.style_encoder(last[None, :frames])[0]
            if self.attentive is not None:
                style = (style + self.attentive(together(layers[:frames])[None])[0]) / 2
        with self.stage("content"):
            middle = layers[None, :frames, self.content.config.layer - 1]
            regressed = self.content(middle, torch.tensor([units], device=self.device))
            log_probabilities = regressed.logits[0].T.log_softmax(-1).cpu().numpy()
        said = ""
        if phonemes:
            with self.stage("phonemes"):
                said = self.recogniser.write(last, units)
        with self.stage("style"):
            speaker = self.speaker_encoder.embed(own, audio.SAMPLE_RATE)
        with self.stage("f0"):
            curve = track_f0(own, audio.SAMPLE_RATE)
        with self.stage("energy"):
            n = energy(own)
            bands = measure_balance(own)
        unheard = np.full(EMBEDDING_DIM, np.nan, np.float32)
        speaker = unheard if speaker is None else speaker
        content = regressed.content[0].half()
        return Heard(piece, content, log_probabilities, curve, n, style, speaker, bands, wave, gain, said)

    def hear_all(self, wave: np.ndarray, phonemes: bool = False) -> list[Heard]:
        """All pieces of a recording ``[T]`` at 24 kHz; their phonemes, on request, as if they were English: of another
        language they fit badly, and are left out then."""
        return self.hear_pieces(wave, gain_of(wave), segment(wave), phonemes)

    def hear_pieces(
        self,
        wave: np.ndarray,
        gain: float,
        pieces: list[Segment],
        phonemes: bool = False,
        progress: Progress | None = None,
    ) -> list[Heard]:
        """The same of a recording that is cut already; ``progress`` is told which share of it is heard.

        Phonemes are those of windows of several pieces, all else is heard piece by piece.
        """
        heard: list[Heard] = []
        for those in _within(pieces, WINDOW_UNITS):
            alone = len(those) == 1
            for piece in those:
                heard.append(self.hear(wave, gain, piece, phonemes and alone))
                if progress is not None:
                    progress(len(heard) / len(pieces))
            if phonemes and not alone:
                with self.stage("phonemes"):
                    self._write_window(wave, gain, heard[-len(those) :])
        return heard

    def _write_window(self, wave: np.ndarray, gain: float, heard: list[Heard]) -> None:
        """Write down the phonemes of pieces that follow each other, heard as one: a word is understood by those before
        it. A piece has the words whose middle it holds, margins included; where they do not fit, what it is by itself.
        """
        pieces = [h.piece for h in heard]
        whole = Segment(pieces[0].start, pieces[-1].end, pieces[0].first, pieces[-1].last)
        bounds = pairwise([whole.first, *(piece.start for piece in pieces[1:]), whole.last])
        rows = [
            h.log_probabilities[start - h.piece.first : end - h.piece.first]
            for h, (start, end) in zip(heard, bounds, strict=True)
        ]
        try:
            words, middles = word_centres(np.concatenate(rows), self._phonemes_of(wave, gain, whole))
        except UserError as error:
            log.debug("%d pieces cannot be written down together: %s", len(heard), error)
            words, middles = [], np.zeros(0)
        for item in heard:
            inside = range(item.piece.first - whole.first, item.piece.last - whole.first)
            item.phonemes = " ".join(w for w, at in zip(words, middles, strict=True) if int(at) in inside)
            if self._aligned(item) is None:
                item.phonemes = self._phonemes_of(wave, gain, item.piece)

    def _phonemes_of(self, wave: np.ndarray, gain: float, piece: Segment) -> str:
        """English phonemes of a piece as it sounds by itself."""
        features = self.listener.features(with_silence(to_whisper(_stretch(wave, gain, piece))))
        return self.recogniser.write(features, piece.units)

    def settle_styles(self, heard: list[Heard], foreign: bool = False) -> None:
        """Pieces that sound like the same speaker share a style; those of another speaker keep theirs. A voice in which
        other recordings are said is ``foreign`` to them."""
        with self.stage("style"):
            embeddings = torch.from_numpy(np.stack([h.speaker for h in heard])).to(self.device)
            log_f0, units = (
                torch.tensor(values, device=self.device)
                for values in ([median_log_f0(h.f0) for h in heard], [float(h.units) for h in heard])
            )
            styles = torch.stack([h.style for h in heard])
            styles = settle(styles, embeddings, log_f0, units, self.timbre, self.extension, foreign)
        for item, style in zip(heard, styles, strict=True):
            item.style = style

    def refine(
        self, heard: list[Heard], steps: int, seed: int, progress: Progress | None, more: Sequence[Heard] = ()
    ) -> tuple[Tensor, bool]:
        """Bring the main speaker's style nearer to the recording, in every piece that is his; returns his style, and
        whether Kokoro could have said it all itself, which tells of his prosody too (``style.explain``). What is heard
        ``more`` of him in other recordings helps, and who is main is not asked there."""
        every = [*heard, *more]
        embeddings = torch.from_numpy(np.stack([h.speaker for h in every])).to(self.device)
        known = embeddings.isfinite().all(1)
        if not bool(known[: len(heard)].any()):
            log.warning("nothing to refine: no voice in the recording")
            return heard[0].style, False
        embeddings = embeddings.nan_to_num()
        units = torch.tensor([float(h.units) for h in every], device=self.device) * known
        same = same_speaker(embeddings) * known
        main = int((same @ units * known)[: len(heard)].argmax())
        own = sorted((h for h, share in zip(every, same[main], strict=True) if share >= 0.5), key=lambda h: -h.units)
        before, speaker = heard[main].style, normalize((same[main] * units) @ embeddings, dim=0)
        with self.stage("refine"):
            passages: list[Passage] = []
            for item in own:
                if sum(p.units for p in passages) * SECONDS_PER_UNIT < REFINE_SECONDS:
                    passages.append(self._passage(item))
            total = TRIAL_STEPS + steps
            seconds = expected_seconds(self.kokoro, timbre_of(before), passages, total)
            log.info("the voice is refined: about %d s, or less where nothing is gained any more", round(seconds))
            told = progress if progress is not None else lambda _share: None
            found = explain(self.kokoro, before, passages, steps, lambda step: told(step / total), seed)
            explained = found is not None
            if found is None:
                timbre = refine_timbre(
                    self.kokoro,
                    self.speaker_encoder,
                    self.timbre or TimbreSurrogate.load().to(self.device),
                    timbre_of(before),
                    speaker,
                    passages,
                    steps,
                    lambda step, _likeness: told((TRIAL_STEPS + step) / total),
                    seed,
                )
                found = torch.cat([timbre[:TIMBRE_DIM], before[TIMBRE_DIM:STYLE_DIM], timbre[TIMBRE_DIM:]])
            told(1.0)
        for item, share in zip(every, same[main], strict=True):
            item.style = item.style + share * (found - before)
            item.wanted = speaker if share >= 0.5 else None
        return heard[main].style, explained

    def _passage(self, heard: Heard) -> Passage:
        """What refinement needs of a piece. Where its phonemes are known, its content is theirs alone, or the timbre
        would make up for what is blurred in the regression."""
        sound = np.nan_to_num(_stretch(heard.source, heard.gain, heard.piece))
        measured = (heard.f0, heard.n + ENERGY_OFFSET, sound)
        f0, energy, sound = (torch.from_numpy(x).float().to(self.device) for x in measured)
        mel = log_mel(sound)
        if (aligned := self._aligned(heard)) is None:
            return Passage(self.content_of(heard), f0, energy, mel)
        ids, durations = (torch.from_numpy(x).to(self.device) for x in aligned)
        return Passage(self._content_of_phonemes(ids, durations), f0, energy, mel, ids, durations)

    def content_of(self, heard: Heard) -> Tensor:
        """Kokoro's text features ``[1, 512, T]`` as they were heard.

        The regression alone is blurred where several sounds may have been meant, and a blurred vowel loses its voice.
        What Kokoro's own text encoder makes of the phonemes is sharp, and sometimes sharply wrong. Where the piece's
        phonemes are not known, or cannot be what was said, they are those of every 25 ms by itself.
        """
        found = self._aligned(heard) or decode_phonemes(heard.log_probabilities)
        recognised = self._content_of_phonemes(*(torch.from_numpy(x).to(self.device) for x in found))
        return torch.lerp(heard.content[None].float(), recognised, SHARPNESS)

    def _content_of_phonemes(self, ids: Tensor, durations: Tensor) -> Tensor:
        """What Kokoro's text encoder makes of token ids ``[P]``, so many units each: ``[1, 512, T]``."""
        return spread(self.kokoro.encode_content(ids)[None], durations[None])

    def _aligned(self, heard: Heard) -> tuple[np.ndarray, np.ndarray] | None:
        """Token ids ``[P]`` and durations ``[P]`` of a piece's phonemes; None where they cannot be what was said."""
        if not heard.phonemes:
            return None
        try:
            ids = self.kokoro.tokens(heard.phonemes).cpu().numpy()
            durations, fit = align_phonemes(heard.log_probabilities, ids)
        except UserError as error:
            log.debug("the phonemes of a piece do not fit: %s", error)
            return None
        return (ids, durations) if fit >= MIN_FIT else None


def gain_of(wave: np.ndarray) -> float:
    """What brings a recording to the loudness of Kokoro's own speech."""
    return 10 ** ((KOKORO_LEVEL_DB - audio.active_level_db(wave, audio.SAMPLE_RATE)) / 20)


def _stretch(wave: np.ndarray, gain: float, piece: Segment) -> np.ndarray:
    """A piece of a recording ``[T]``, as loud as Kokoro's speech: ``[600 * units]``."""
    own = wave[piece.samples]
    return np.pad(own, (0, piece.units * SAMPLES_PER_UNIT - len(own))) * np.float32(gain)


def _within(pieces: list[Segment], longest: int) -> Iterator[list[Segment]]:
    """The pieces in order, as many at once as there are in so many units, but one at least."""
    those = pieces[:1]
    for piece in pieces[1:]:
        if piece.last - those[0].first > longest:
            yield those
            those = []
        those.append(piece)
    yield those


def mean_style(heard: list[Heard]) -> Tensor:
    """The pieces' mean style ``[256]``, long pieces counting for more."""
    units = torch.tensor([float(h.units) for h in heard], device=heard[0].style.device)
    return units / units.sum() @ torch.stack([h.style for h in heard])


def speaker_of(heard: Sequence[Heard]) -> Tensor | None:
    """The pieces' mean speaker embedding ``[256]``, of length 1, long pieces counting for more; None where no voice is
    heard."""
    known = [h for h in heard if np.isfinite(h.speaker).all()]
    if not known:
        return None
    units = torch.tensor([float(h.units) for h in known])
    embeddings = torch.from_numpy(np.stack([h.speaker for h in known]))
    return normalize(units @ embeddings, dim=0).to(known[0].style.device)


def to_whisper(wave: np.ndarray) -> np.ndarray:
    """A waveform ``[T]`` at 24 kHz at Whisper's 16 kHz."""
    return audio.resample(wave, audio.SAMPLE_RATE, audio.WHISPER_SAMPLE_RATE)
