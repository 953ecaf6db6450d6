"""Which segments of a recording have the same speaker, and the style that each segment gets."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from nuanced_speech.analysis.features import SegmentFeatures
from nuanced_speech.core.timing import stage
from nuanced_speech.dsp.pitch import median_log_f0
from nuanced_speech.models.bank import ModelBank
from nuanced_speech.models.speaker_encoder import same_speaker
from nuanced_speech.models.timbre_extension import TimbreExtension
from nuanced_speech.models.timbre_surrogate import F0_CENTRE, TimbreSurrogate
from nuanced_speech.voice.style import Style

# Of a timbre that converts, more than of one that is kept as a voice: some likeness is given by the spectral balance.
CONVERTED_CLEANNESS = 0.05


class SpeakerClustering:
    """Gives segments that sound like one speaker one style; another speaker's segments keep another.

    Args:
        models: timbre surrogate and extension; a bank with a style encoder of its own uses neither.
    """

    def __init__(self, models: ModelBank) -> None:
        self.models = models

    @torch.no_grad()
    def assign(self, features: Sequence[SegmentFeatures], foreign: bool = False) -> list[SegmentFeatures]:
        """The same segments with their speakers' styles.

        Args:
            features: of one recording or of several.
            foreign: the styles are to speak other recordings than these.
        """
        device, bank = self.models.device, self.models
        with stage("style"):
            embeddings = torch.from_numpy(np.stack([f.speaker for f in features])).to(device)
            log_f0, units = (
                torch.tensor(values, device=device)
                for values in ([median_log_f0(f.f0) for f in features], [float(f.units) for f in features])
            )
            styles = Style.stack([f.style for f in features])
            surrogate = None if bank.encoder else bank.timbre_surrogate
            styles = shared_styles(styles, embeddings, log_f0, units, surrogate, bank.timbre_extension, foreign)
        return [replace(item, style=styles[number]) for number, item in enumerate(features)]


def shared_styles(
    styles: Style,
    embeddings: Tensor,
    log_f0: Tensor,
    units: Tensor,
    surrogate: TimbreSurrogate | None,
    extension: TimbreExtension | None = None,
    foreign: bool = False,
) -> Style:
    """A style for every piece, shared by those that sound like the same speaker.

    What is known of a piece becomes the mean over all pieces, weighted by length and by how surely the speaker is the
    same, so a voice does not wander from piece to piece and a second speaker keeps another.

    Args:
        styles: as the style encoder has them, a batch ``[P]``.
        embeddings: speaker embeddings ``[P, 256]`` of length 1; NaN where there is no speech.
        log_f0: median F0, log2 Hz ``[P]``; NaN where nothing is voiced.
        units: lengths ``[P]``.
        surrogate: finds the timbre half of the styles; without it the style encoder's stays.
        extension: adds what it knows of the speakers.
        foreign: the voices are to say other recordings than their own. The search for a timbre starts at the nearest
            stock voice's then, at the style encoder's otherwise.

    Returns:
        styles, a batch ``[P]``; with an extension where there is any speech.
    """
    audible = embeddings.isfinite().all(1)
    if not bool(audible.any()):
        return Style.from_vector((units / units.sum() @ styles.vector).expand_as(styles.vector))
    whole = F.normalize(units[audible] @ embeddings[audible], dim=0)
    embeddings = torch.where(audible[:, None], embeddings, whole)
    weights = units * same_speaker(embeddings)
    weights = weights / weights.sum(1, keepdim=True)
    styles = Style.from_vector(weights @ styles.vector)
    if surrogate is None:
        return styles
    voiced = weights * log_f0.isfinite()
    pitch = voiced @ log_f0.nan_to_num() / voiced.sum(1)
    speakers = F.normalize(weights @ embeddings, dim=1)
    start = None if foreign else styles.timbre
    timbre = surrogate.find(speakers, pitch.nan_to_num(F0_CENTRE), cleanness=CONVERTED_CLEANNESS, start=start)
    return Style(timbre, styles.prosody, styles.extension if extension is None else extension(speakers))
