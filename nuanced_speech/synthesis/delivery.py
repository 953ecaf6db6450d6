"""New words in the delivery of a recording: its melody, pace, loudness and tone, in any voice.

A recording is measured against what a voice makes of the same phonemes by itself: how much wider its melody is, and how
much faster it is spoken. These ratios then hold for any other words.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from nuanced_speech import audio
from nuanced_speech.analysis.analyzer import Analyzer, RecordingAnalyzer
from nuanced_speech.analysis.features import SegmentFeatures, mean_speaker, mean_style
from nuanced_speech.analysis.usual_pitch import usual_log_f0
from nuanced_speech.core.constants import SAMPLE_RATE, SECONDS_PER_UNIT, VOICED_HZ
from nuanced_speech.core.errors import NoSpeechError, UserError
from nuanced_speech.dsp.pitch import median_log_f0
from nuanced_speech.models.bank import ModelBank
from nuanced_speech.models.kokoro import Kokoro
from nuanced_speech.text.g2p import phonemize
from nuanced_speech.voice.stock import style_of
from nuanced_speech.voice.style import Style

NO_VOICE = "{name}: there is no voice in the recording: give a recording of speech"


@dataclass(frozen=True)
class DeliveryConfig:
    """Limits of what a voice takes on.

    Attributes:
        seconds: length of the recording, from its start, that is measured.
        tone: share of the recording's prosody style; the rest is the voice's own.
        lift: largest move of the melody away from the voice's usual pitch, octaves.
        widening: smallest and largest ratio of the melody's range.
        pace: smallest and largest ratio of the speed.
        level_db: lowest and highest active level, dBFS.
        stand_in: spoken in place of the recording's own words where no phonemes were recognised.
        quantiles: between which a melody's range lies: single frames that were tracked wrong do not count.
        end_frames: voiced frames of 12.5 ms at the end of a recording that tell whether its melody rises: a last
            syllable or two.
    """

    seconds: float = 30.0
    tone: float = 0.5
    lift: float = 0.7
    widening: tuple[float, float] = (0.4, 2.2)
    pace: tuple[float, float] = (0.5, 2.0)
    level_db: tuple[float, float] = (-40.0, -16.0)
    stand_in: str = "We were away a year ago, and now the early morning is ours."
    quantiles: tuple[float, float] = (0.1, 0.9)
    end_frames: int = 20


@dataclass(frozen=True, eq=False)
class Delivery:
    """How a recording was spoken.

    Attributes:
        lift: octaves of its median F0 above the speaker's usual pitch.
        f0_range: from the 10th to the 90th percentile of its F0, octaves.
        level_db: active level, dBFS.
        prosody: prosody half of its style ``[128]``.
        phonemes: recognised phonemes of each segment that has some.
        units: lengths of these segments, in 25 ms units.
        log_f0: median F0, log2 Hz; NaN where it is unknown.
        rise: octaves by which F0 ends above its median; negative where it falls.
    """

    lift: float
    f0_range: float
    level_db: float
    prosody: Tensor
    phonemes: tuple[str, ...]
    units: tuple[int, ...]
    log_f0: float = float("nan")
    rise: float = 0.0

    @property
    def rate(self) -> float:
        """Phonemes a second; NaN where none were recognised."""
        sounds = sum(symbol.isalpha() for string in self.phonemes for symbol in string)
        return sounds / (sum(self.units) * SECONDS_PER_UNIT) if self.units else float("nan")


@dataclass(frozen=True, eq=False)
class FittedDelivery:
    """A delivery as a certain voice takes it on.

    Attributes:
        pack: voice pack ``[rows, 256 + K]`` with the tone.
        speed: factor of the voice's speed.
        centre: median F0 of this pack, log2 Hz.
        target: median F0 that is wanted, log2 Hz.
        widening: ratio of the melody's range.
        level_db: active level, dBFS.
    """

    pack: Tensor
    speed: float
    centre: float
    target: float
    widening: float
    level_db: float

    def melody(self, f0: Tensor) -> Tensor:
        """Predicted F0 in Hz, of any shape, moved to the target and widened; unvoiced frames stay as they are."""
        moved = torch.exp2(self.target + (torch.log2(f0.clamp(min=VOICED_HZ)) - self.centre) * self.widening)
        return torch.where(f0 > VOICED_HZ, moved, f0)


class DeliveryAnalyzer:
    """Measures the delivery of recordings. Threads may share it.

    Args:
        models: bank of models.
        config: limits.
        analyzer: measures segments; made of ``models`` if omitted.
    """

    def __init__(
        self, models: ModelBank, config: DeliveryConfig = DeliveryConfig(), analyzer: RecordingAnalyzer | None = None
    ) -> None:
        self.models, self.config = models, config
        self.analyzer: RecordingAnalyzer = analyzer or Analyzer(models)

    @torch.no_grad()
    def __call__(self, recording: str | Path | np.ndarray) -> Delivery:
        """The delivery of a file, or of ``[T]`` at 24 kHz.

        Raises:
            UserError: as ``audio.read``, or nothing voiced in the recording.
        """
        wave = recording if isinstance(recording, np.ndarray) else audio.read(recording)
        wave = wave[: round(self.config.seconds * SAMPLE_RATE)]
        try:
            features = self.analyzer(wave, phonemes=True)
        except NoSpeechError:
            raise UserError(NO_VOICE.format(name="like")) from None
        return measure_delivery(wave, features, config=self.config)


def measure_delivery(
    wave: np.ndarray,
    features: Sequence[SegmentFeatures],
    name: str = "like",
    config: DeliveryConfig = DeliveryConfig(),
) -> Delivery:
    """The delivery of a recording that is analysed.

    Args:
        wave: ``[T]`` at 24 kHz.
        features: of all its segments, with phonemes.
        name: of the recording, for messages.
        config: how its range and its end are measured.

    Raises:
        UserError: nothing voiced in the recording.
    """
    f0 = np.concatenate([item.f0 for item in features])
    speaker = mean_speaker(features)
    if speaker is None or not (f0 > 0).any():
        raise UserError(NO_VOICE.format(name=name))
    recognised = [item for item in features if item.phonemes]
    centre = median_log_f0(f0)
    return Delivery(
        lift=centre - usual_log_f0(speaker.cpu().numpy()),
        f0_range=_f0_range(f0, config),
        level_db=audio.active_level_db(wave, SAMPLE_RATE),
        prosody=mean_style(features).prosody.cpu(),
        phonemes=tuple(item.phonemes for item in recognised),
        units=tuple(_spoken_units(item) for item in recognised),
        log_f0=centre,
        rise=median_log_f0(f0[f0 > 0][-config.end_frames :]) - centre,
    )


@torch.no_grad()
def fit_delivery(
    delivery: Delivery,
    kokoro: Kokoro,
    pack: Tensor,
    config: DeliveryConfig = DeliveryConfig(),
    own: bool = False,
) -> FittedDelivery:
    """A delivery for the voice of a pack ``[rows, 256 + K]``.

    Args:
        delivery: how a recording was spoken.
        kokoro: the synthesizer.
        pack: the voice.
        config: limits.
        own: the voice is that of the recording itself: its pitch is taken as it is.
    """
    pack = pack.to(kokoro.device)
    phonemes = delivery.phonemes or (phonemize(config.stand_in),)
    style = Style.from_vector(pack)
    toned = replace(style, prosody=torch.lerp(style.prosody, delivery.prosody.to(pack), config.tone)).vector
    f0, units = _read(kokoro, phonemes, toned)
    centre, own_range = median_log_f0(f0), _f0_range(f0, config)
    speed = units / sum(delivery.units) if delivery.units else 1.0
    if own:
        target = delivery.log_f0
    else:
        usual, _ = _read(kokoro, phonemes, pack)
        target = median_log_f0(usual) + float(np.clip(delivery.lift, -config.lift, config.lift))
    return FittedDelivery(
        pack=toned,
        speed=float(np.clip(speed, *config.pace)),
        centre=centre,
        target=target,
        widening=float(np.clip(delivery.f0_range / max(own_range, 1e-3), *config.widening)),
        level_db=float(np.clip(delivery.level_db, *config.level_db)),
    )


def _read(kokoro: Kokoro, phonemes: tuple[str, ...], pack: Tensor) -> tuple[np.ndarray, int]:
    """F0 in Hz ``[frames]``, and the length in units, of phoneme strings that a voice reads by itself."""
    curves, units = [], 0
    for string in phonemes:
        ids = kokoro.tokens(string)[None]
        prosody = kokoro.predict(kokoro.encode_text(ids), style_of(pack, ids.shape[1] - 2)[None])
        curves.append(prosody.voiced_f0()[0])
        # the two zeros around a string are silence
        units += int(prosody.durations[0, 1:-1].sum())
    return np.concatenate(curves), units


def _f0_range(f0: np.ndarray, config: DeliveryConfig) -> float:
    """Octaves between the outer quantiles of the voiced frames of ``f0 [frames]``."""
    low, high = np.quantile(np.log2(f0[f0 > 0]), config.quantiles)
    return float(high - low)


def _spoken_units(features: SegmentFeatures) -> int:
    """Length of a segment from its first to its last voiced frame, in 25 ms units."""
    voiced = np.flatnonzero(features.f0 > 0)
    return max(1, round((voiced[-1] - voiced[0] + 1) / 2)) if len(voiced) else features.units
