"""A voice brought nearer to its recordings, through the synthesizer: its style sought by gradient descent."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

from nuanced_speech.adapt.decoder_adaptation import DecoderAdaptationConfig, SpokenPassage, adapt_decoder
from nuanced_speech.adapt.refinement import SYNTHESES_PER_STEP, Passage, RefinementConfig, expected_seconds, refine
from nuanced_speech.adapt.style_inversion import InversionConfig, invert_style, log_mel
from nuanced_speech.analysis.content import ContentEstimator
from nuanced_speech.analysis.features import SegmentFeatures
from nuanced_speech.core.constants import SECONDS_PER_UNIT
from nuanced_speech.core.progress import Progress
from nuanced_speech.core.timing import stage
from nuanced_speech.dsp.alignment import fitting_alignment
from nuanced_speech.models.bank import ModelBank
from nuanced_speech.models.decoder import Decoder
from nuanced_speech.models.decoder_voice import DecoderVoice
from nuanced_speech.models.fast_decoder import FastDecoder
from nuanced_speech.models.speaker_encoder import same_speaker
from nuanced_speech.voice.adaptation import DecoderAdaptation
from nuanced_speech.voice.style import Style

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Adapted:
    """An adapted voice.

    Attributes:
        features: the segments with the adapted style, as far as the main speaker says them.
        more: the segments of further recordings, likewise.
        style: of the main speaker.
        synthetic: whether Kokoro itself could have made the recordings; the prosody half is adapted only then.
        decoder: what the main speaker changes in a fast decoder, in place of the style; None for Kokoro's.
    """

    features: list[SegmentFeatures]
    more: list[SegmentFeatures]
    style: Style
    synthetic: bool
    decoder: DecoderAdaptation | None = None


@dataclass(frozen=True)
class AdaptationConfig:
    """Settings of adaptation.

    Attributes:
        seconds: so much of the recordings is used.
        refinement: search for the timbre of a person.
        inversion: search for the style of speech that Kokoro made.
        decoder: search for what a speaker changes in a fast decoder.
    """

    seconds: float = 30.0
    refinement: RefinementConfig = field(default_factory=RefinementConfig)
    inversion: InversionConfig = field(default_factory=InversionConfig)
    decoder: DecoderAdaptationConfig = field(default_factory=DecoderAdaptationConfig)


class VoiceAdapter:
    """Adapts the style of a recording's main speaker, or for a fast decoder that decoder to the speaker.

    Args:
        models: synthesizer, speaker encoder, timbre surrogate.
        content: text features of segments.
        config: settings of the searches.
        decoder: makes the sound; Kokoro's own if omitted.
    """

    def __init__(
        self,
        models: ModelBank,
        content: ContentEstimator | None = None,
        config: AdaptationConfig | None = None,
        decoder: Decoder | None = None,
    ) -> None:
        self.models, self.config, self.decoder = models, config or AdaptationConfig(), decoder
        self.content = content or ContentEstimator(models)

    @property
    def syntheses_per_step(self) -> int:
        """Syntheses of the same length that cost as much as a step of refinement."""
        return SYNTHESES_PER_STEP

    def __call__(
        self,
        features: Sequence[SegmentFeatures],
        steps: int,
        seed: int = 0,
        progress: Progress | None = None,
        more: Sequence[SegmentFeatures] = (),
    ) -> Adapted:
        """Adapt the main speaker's style in every segment that the speaker says.

        Args:
            features: of the recording, with their styles assigned.
            steps: of gradient descent, at most.
            seed: of crops and of the harmonic source.
            progress: called with the share of the steps that is done.
            more: of further recordings of the speaker. The main speaker is not looked for there.
        """
        every = [*features, *more]
        device = self.models.device
        embeddings = torch.stack([torch.from_numpy(f.speaker) for f in every]).to(device)
        audible = embeddings.isfinite().all(1)
        if not bool(audible[: len(features)].any()):
            log.warning("nothing to refine: there is no speech in the recording")
            return Adapted(list(features), list(more), features[0].style, False)
        embeddings = embeddings.nan_to_num()
        units = torch.tensor([float(f.units) for f in every], device=device) * audible
        same = same_speaker(embeddings) * audible
        main = int((same @ units * audible)[: len(features)].argmax())
        shares = same[main]
        speaker_segments = sorted(
            (f for f, share in zip(every, shares, strict=True) if share >= 0.5), key=lambda f: -f.units
        )
        before, speaker = features[main].style, normalize((shares * units) @ embeddings, dim=0)
        if isinstance(self.decoder, FastDecoder):
            with stage("refine"):
                result = self._adapted(self.decoder, before, speaker, speaker_segments, steps, seed, progress)
            marked = [
                replace(f, reference=speaker if share >= 0.5 else None) for f, share in zip(every, shares, strict=True)
            ]
            return Adapted(marked[: len(features)], marked[len(features) :], before, False, result)
        with stage("refine"):
            style, synthetic = self._search(before, speaker, self._passages(speaker_segments), steps, seed, progress)
        change = style.vector - before.vector
        adapted = [
            replace(
                f, style=Style.from_vector(f.style.vector + share * change), reference=speaker if share >= 0.5 else None
            )
            for f, share in zip(every, shares, strict=True)
        ]
        count = len(features)
        return Adapted(adapted[:count], adapted[count:], adapted[main].style, synthetic)

    def _adapted(
        self,
        decoder: FastDecoder,
        before: Style,
        speaker: Tensor,
        segments: list[SegmentFeatures],
        steps: int,
        seed: int,
        progress: Progress | None,
    ) -> DecoderAdaptation:
        """What the speaker of ``segments`` changes in a fast decoder."""
        passages = [SpokenPassage.of(item, self.content(item)) for item in self._used(segments)]
        report: Progress = progress if progress is not None else lambda _share: None
        adaptation = adapt_decoder(
            decoder,
            passages,
            DecoderVoice.single(before.timbre, speaker),
            steps,
            lambda step, _distance: report(step / steps),
            seed,
            self.config.decoder,
            self.models.speaker_encoder,
        )
        report(1.0)
        return adaptation

    def _search(
        self,
        before: Style,
        speaker: Tensor,
        passages: list[Passage],
        steps: int,
        seed: int,
        progress: Progress | None,
    ) -> tuple[Style, bool]:
        """The style after the search, and whether Kokoro could have made the passages."""
        kokoro, config = self.models.kokoro, self.config
        trial = config.inversion.trial_steps
        total = trial + steps
        seconds = expected_seconds(kokoro, before, passages, total, config.refinement.crop_units)
        log.info("the voice is refined: about %d s, or less where nothing is gained any more", round(seconds))
        report: Progress = progress if progress is not None else lambda _share: None
        style = invert_style(kokoro, before, passages, steps, lambda step: report(step / total), seed, config.inversion)
        synthetic = style is not None
        if style is None:
            style = refine(
                kokoro,
                self.models.speaker_encoder,
                self.models.timbre_surrogate,
                before,
                speaker,
                passages,
                steps,
                lambda step, _likeness: report((trial + step) / total),
                seed,
                config.refinement,
            )
        report(1.0)
        return style, synthetic

    def _passages(self, features: list[SegmentFeatures]) -> list[Passage]:
        """Passages of the longest segments, as many as are used."""
        return [self._passage(item) for item in self._used(features)]

    def _used(self, features: list[SegmentFeatures]) -> list[SegmentFeatures]:
        """The longest segments, as many as are used."""
        used: list[SegmentFeatures] = []
        for item in features:
            if sum(other.units for other in used) * SECONDS_PER_UNIT < self.config.seconds:
                used.append(item)
        return used

    def _passage(self, features: SegmentFeatures) -> Passage:
        """Passage of a segment. Its content is that of its phonemes alone where they are known: the timbre would make
        up for what is blurred in the regression."""
        device = self.models.device
        sound = torch.from_numpy(np.nan_to_num(features.wave)).float().to(device)
        curves = (features.f0, features.decoder_energy)
        f0, energy = (torch.from_numpy(curve).float().to(device) for curve in curves)
        mel = log_mel(sound)
        if (aligned := fitting_alignment(features.log_probabilities, features.phonemes)) is None:
            return Passage(self.content(features), f0, energy, mel)
        ids, durations = (torch.from_numpy(x).to(device) for x in aligned)
        return Passage(self.content.of_phonemes(ids, durations), f0, energy, mel, ids, durations)
