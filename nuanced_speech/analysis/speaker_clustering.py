"""Which pieces of a recording are of the same speaker, and what voice each piece gets."""

import torch
import torch.nn.functional as F
from torch import Tensor

from nuanced_speech.core.constants import TIMBRE_DIM
from nuanced_speech.models.timbre_extension import Extension
from nuanced_speech.models.timbre_surrogate import F0_CENTRE, TimbreSurrogate

# Where speakers are the same, in cosine, and how gradual that is: steep, or many pieces of one speaker would outweigh
# a few of another. Of LibriSpeech in pieces of 2 to 4 s (longer), 95 % of one speaker's cosines lie above 0.70 (0.81),
# of two speakers' below 0.64 (0.70).
SAME_SPEAKER, UNSURE = 0.7, 0.025
# Of a timbre that converts, more than of one that is kept as a voice: some likeness is given by the spectral balance.
CONVERTED_CLEANNESS = 0.05


def same_speaker(embeddings: Tensor) -> Tensor:
    """How surely the speakers of pieces are the same, 0 to 1 ``[P, P]``, from embeddings ``[P, 256]`` of length 1."""
    return torch.sigmoid((embeddings @ embeddings.T - SAME_SPEAKER) / UNSURE)


def settle(
    styles: Tensor,
    embeddings: Tensor,
    log_f0: Tensor,
    units: Tensor,
    surrogate: TimbreSurrogate | None,
    extension: Extension | None = None,
    foreign: bool = False,
) -> Tensor:
    """A style for every piece, shared by those that sound like the same speaker.

    What is known of a piece becomes the mean over all pieces, weighted by length and by how surely the speaker is the
    same, so a voice does not wander from piece to piece and a second speaker keeps his own.

    Args:
        styles: as the style encoder has them, ``[P, 256]``.
        embeddings: speaker embeddings ``[P, 256]`` of length 1; NaN where nothing is heard.
        log_f0: median F0, log2 Hz ``[P]``; NaN where nothing is voiced.
        units: lengths ``[P]``.
        surrogate: finds the timbre half of the styles; without it the style encoder's stays.
        extension: adds what it knows of the speakers.
        foreign: the voices are to say other recordings than their own. The search for a timbre starts at the nearest
            stock voice's then, at the style encoder's otherwise.

    Returns:
        styles ``[P, 256]``; with an extension, where anything is heard, ``[P, 256 + K]``.
    """
    heard = embeddings.isfinite().all(1)
    if not bool(heard.any()):
        return (units / units.sum() @ styles).expand_as(styles)
    whole = F.normalize(units[heard] @ embeddings[heard], dim=0)
    embeddings = torch.where(heard[:, None], embeddings, whole)
    weights = units * same_speaker(embeddings)
    weights = weights / weights.sum(1, keepdim=True)
    styles = weights @ styles
    if surrogate is None:
        return styles
    voiced = weights * log_f0.isfinite()
    pitch = voiced @ log_f0.nan_to_num() / voiced.sum(1)
    speakers = F.normalize(weights @ embeddings, dim=1)
    start = None if foreign else styles[:, :TIMBRE_DIM]
    timbre = surrogate.find(speakers, pitch.nan_to_num(F0_CENTRE), cleanness=CONVERTED_CLEANNESS, start=start)
    more = [extension(speakers)] if extension is not None else []
    return torch.cat([timbre, styles[:, TIMBRE_DIM:], *more], 1)
