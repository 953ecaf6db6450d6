"""A segment's features and a target voice to audio: content, melody and loudness → decoder → post chain."""

import logging
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from nuanced_speech.analysis.content import ContentEstimator
from nuanced_speech.analysis.features import SegmentFeatures, mean_style
from nuanced_speech.analysis.recorded_voice import source_of
from nuanced_speech.core import memory
from nuanced_speech.core.constants import FRAMES_PER_UNIT
from nuanced_speech.core.errors import UserError
from nuanced_speech.core.timing import stage
from nuanced_speech.dsp.alignment import align_phonemes, warp_frames
from nuanced_speech.dsp.loudness import low_cut
from nuanced_speech.dsp.octave_repair import repair_octaves
from nuanced_speech.dsp.pitch import median_log_f0, transpose
from nuanced_speech.dsp.spectral_balance import CLOSE, USUAL
from nuanced_speech.models.bank import ModelBank
from nuanced_speech.models.decoder import Decoder, KokoroDecoder
from nuanced_speech.synthesis.effects import EffectReference, apply
from nuanced_speech.synthesis.speaker_eq import SPEAKER_EQ, SpeakerEqConfig, fit_speaker_eq
from nuanced_speech.synthesis.target_voice import TargetVoice
from nuanced_speech.voice.stock import nearest_stock_timbre
from nuanced_speech.voice.style import Style

# How much faster or slower than Kokoro new words may be spoken.
PACE_LIMITS = (0.5, 2.0)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ResynthesisOptions:
    """How segments are spoken.

    Attributes:
        keep: what stays as in the recording: ``f0``, ``rhythm``, ``energy``. Kokoro predicts the rest.
        octaves: transposition of the recording's melody, to the target voice's range and by what was asked for.
        pitch_shift: what was asked for alone, in octaves: transposition of a melody that Kokoro predicts.
        seed: of the harmonic source.
    """

    keep: frozenset[str] = frozenset(("f0", "rhythm", "energy"))
    octaves: float = 0.0
    pitch_shift: float = 0.0
    seed: int = 0


@dataclass(frozen=True)
class Rendered:
    """Audio ``[600 * units]`` at 24 kHz of a segment, and the voice with the equaliser that may have been fitted."""

    audio: np.ndarray
    voice: TargetVoice


class SegmentSpeaker(Protocol):
    """What speaks segments again: a ``Resynthesizer``, or what takes its place; its methods are explained there."""

    @property
    def decoder(self) -> Decoder: ...

    def with_decoder(self, decoder: Decoder) -> "SegmentSpeaker": ...

    def from_content(self, features: SegmentFeatures, voice: TargetVoice, options: ResynthesisOptions) -> Rendered: ...

    def from_phonemes(self, features: SegmentFeatures, voice: TargetVoice, options: ResynthesisOptions) -> Rendered: ...

    def from_text(
        self, texts: Iterable[str], features: Sequence[SegmentFeatures], voice: TargetVoice, options: ResynthesisOptions
    ) -> Iterator[np.ndarray]: ...


class Resynthesizer:
    """Speaks segments again. Threads may share it.

    Args:
        models: synthesizer and speaker encoder.
        content: text features of segments that are spoken without text.
        cleaner: shares of the nearest stock timbre that are tried, in order, where a timbre drops an octave.
        decoder: makes the sound; Kokoro's own if omitted.
        equalizer: settings of the equaliser that is fitted to the first segment.
    """

    def __init__(
        self,
        models: ModelBank,
        content: ContentEstimator | None = None,
        cleaner: Sequence[float] = (0.35, 0.7, 1.0),
        decoder: Decoder | None = None,
        equalizer: SpeakerEqConfig = SPEAKER_EQ,
    ) -> None:
        self.models, self.cleaner, self.equalizer = models, tuple(cleaner), equalizer
        self.decoder = decoder or KokoroDecoder(models)
        self.content = content or ContentEstimator(models)

    def with_decoder(self, decoder: Decoder) -> "Resynthesizer":
        """The same, but for what makes the sound."""
        return Resynthesizer(self.models, self.content, self.cleaner, decoder, self.equalizer)

    @torch.no_grad()
    def from_content(self, features: SegmentFeatures, voice: TargetVoice, options: ResynthesisOptions) -> Rendered:
        """A segment without text, as long as it was."""
        with stage("content"):
            content = self.content(features)
        f0 = transpose(features.f0, options.octaves)
        style, whole = voice.style(features), slice(None)
        return self._decode(content, f0, features.decoder_energy, style, voice, options.seed, features, whole)

    @torch.no_grad()
    def from_phonemes(self, features: SegmentFeatures, voice: TargetVoice, options: ResynthesisOptions) -> Rendered:
        """A segment by its phonemes, each as long as in the recording unless rhythm is not kept.

        Where they are unknown, or do not fit the recording, it is spoken without text.
        """
        if not features.phonemes:
            return self.from_content(features, voice, options)
        kokoro = self.models.kokoro
        with stage("text"):
            ids = kokoro.tokens(features.phonemes)
            try:
                aligned, _ = align_phonemes(features.log_probabilities, ids.cpu().numpy())
            except UserError as error:
                log.warning("a piece is converted without its text: %s", error)
                return self.from_content(features, voice, options)
            style = voice.style(features, len(ids) - 2)
            forced = torch.from_numpy(aligned).to(kokoro.device)[None] if "rhythm" in options.keep else None
            content, prosody = kokoro.content_and_prosody(ids[None], style.vector[None], durations=forced)
            frames = warp_frames(aligned, prosody.durations[0].cpu().numpy())
        if "f0" in options.keep:
            f0 = transpose(features.f0[frames], options.octaves)
        else:
            f0 = transpose(prosody.voiced_f0()[0], options.pitch_shift)
        if "energy" in options.keep:
            energy, followed = features.decoder_energy[frames], frames
        else:
            energy, followed = prosody.energy[0].cpu().numpy(), None
        return self._decode(content, f0, energy, style, voice, options.seed, features, followed)

    @torch.no_grad()
    def from_text(
        self, texts: Iterable[str], features: Sequence[SegmentFeatures], voice: TargetVoice, options: ResynthesisOptions
    ) -> Iterator[np.ndarray]:
        """New words, as phoneme strings, in the recording's delivery: its style, pace and centre of melody.

        Yields:
            audio ``[T]`` at 24 kHz of each string.
        """
        kokoro, source_style = self.models.kokoro, mean_style(features)
        speed = self._pace(features, source_style) if "rhythm" in options.keep else 1.0
        centre = median_log_f0(np.concatenate([f.f0 for f in features])) + options.octaves
        for phonemes in texts:
            with stage("text"):
                ids = kokoro.tokens(phonemes)[None]
                style = source_style if voice.pack is None else voice.style(features[0], ids.shape[1] - 2)
                content, prosody = kokoro.content_and_prosody(ids, style.vector[None], speed=speed)
            f0 = prosody.voiced_f0()[0]
            move = centre - median_log_f0(f0) if "f0" in options.keep else options.pitch_shift
            f0 = transpose(f0, 0.0 if math.isnan(move) else move)
            energy = prosody.energy[0].cpu().numpy()
            yield self._decode(content, f0, energy, style, voice, options.seed).audio

    def _pace(self, features: Sequence[SegmentFeatures], style: Style) -> float:
        """How much faster the recording was spoken than Kokoro would speak the same words in its style."""
        kokoro, source_units, predicted = self.models.kokoro, 0.0, 0.0
        for item in features:
            if item.phonemes:
                ids = kokoro.tokens(item.phonemes)[None]
                prosody = kokoro.predict(kokoro.encode_text(ids), style.vector[None])
                source_units += item.units
                predicted += float(prosody.units[0])
        return float(np.clip(predicted / source_units, *PACE_LIMITS)) if source_units else 1.0

    def _decode(
        self,
        content: Tensor,
        f0: np.ndarray,
        energy: np.ndarray,
        style: Style,
        voice: TargetVoice,
        seed: int,
        features: SegmentFeatures | None = None,
        followed: slice | np.ndarray | None = None,
    ) -> Rendered:
        """Audio ``[600 * units]`` of ``content [1, 512, units]``, ``f0`` and ``energy [2 * units]``.

        Where frames of the segment at 80 Hz are ``followed``, in their order, the decoder is given their envelopes, if
        it follows a source, and the post chain their loudness and balance.
        """
        decoder_voice = voice.decoder_voice(style, features, self.decoder.uses_recordings)
        source, reference = None, None
        if features is not None and followed is not None:
            follows, own = self.decoder.follows_source and decoder_voice.reference is not None, voice.pack is None
            if follows:
                source = source_of(features, followed, decoder_voice.reference if own else None)
            # what is made of the recording's envelopes is near enough to be brought nearer
            reference = EffectReference.of(features, followed, CLOSE if follows and own else USUAL)

        def decode(units: slice, timbre: Tensor) -> np.ndarray:
            frames = _frames(units)
            melody, level = (
                torch.from_numpy(x[frames].astype(np.float32))[None].to(content.device) for x in (f0, energy)
            )
            part = None if source is None else replace(source, envelope=source.envelope[:, frames])
            spoken = replace(decoder_voice, timbre=timbre[None])
            wave = self.decoder(content[..., units], melody, level, spoken, seed, part)
            return low_cut(wave[0].cpu().numpy())

        def render(units: slice, timbre: Tensor) -> np.ndarray:
            wave = decode(units, timbre)
            if features is None or reference is None:
                return wave
            return apply(voice.effects(features), wave, reference[_frames(units)])

        with stage("decode"):
            wave = decode(slice(0, content.shape[-1]), style.decoder)
            if features is not None and reference is not None:
                rendered = self.finish(wave, features, reference, voice)
                wave, voice = rendered.audio, rendered.voice
        if not self.decoder.drops_octaves:
            memory.give_back()
            return Rendered(wave, voice)
        with stage("repair"):
            # a stock voice's timbre has no extension
            nearest, nothing = nearest_stock_timbre(style.timbre), torch.zeros_like(style.extension)
            stock = replace(style, timbre=nearest, extension=nothing).decoder
            timbres = [torch.lerp(style.decoder, stock, share) for share in self.cleaner]
            wave = repair_octaves(wave, f0[: content.shape[-1] * FRAMES_PER_UNIT], timbres, render=render)
            memory.give_back()
        return Rendered(wave, voice)

    def finish(
        self, wave: np.ndarray, features: SegmentFeatures, reference: EffectReference, voice: TargetVoice
    ) -> Rendered:
        """Decoded audio ``wave [300 * frames]`` after the post chain.

        A voice that wants an equaliser and has none gets it here, fitted to this audio, if there is enough speech in
        it; the voice that is returned keeps it for the segments that follow.
        """
        finished = apply(voice.effects(features), wave, reference)
        if voice.speaker is None or voice.equalizer is not None or not voice.equalized(features):
            return Rendered(finished, voice)
        equalizer = fit_speaker_eq(self.models.speaker_encoder, finished, voice.speaker, self.equalizer)
        if equalizer is None:
            return Rendered(finished, voice)
        voice = replace(voice, equalizer=equalizer)
        return Rendered(apply(voice.effects(features), wave, reference), voice)


def _frames(units: slice) -> slice:
    return slice(units.start * FRAMES_PER_UNIT, units.stop * FRAMES_PER_UNIT)
