"""``clone_voice``: a voice from recordings, in one call."""

from collections.abc import Sequence
from pathlib import Path

from nuanced_speech.core.progress import Progress
from nuanced_speech.models.bank import ModelBank
from nuanced_speech.models.decoder import Decoder
from nuanced_speech.voice.voice import Voice
from nuanced_speech.voicemaking.cloning import CloningConfig, clone


def clone_voice(
    recordings: Sequence[str | Path],
    name: str,
    *,
    consent: str,
    language: str | None = None,
    refine: int = 0,
    one_speaker: bool = False,
    seed: int = 0,
    models: ModelBank | None = None,
    progress: Progress | None = None,
    config: CloningConfig = CloningConfig(),
    decoder: Decoder | None = None,
) -> Voice:
    """The voice of the speaker of some recordings. ``voicemaking.cloning.clone`` returns the measurements too.

    Example:
        ``clone_voice(["me1.wav", "me2.mp3"], "me", consent="my own voice").save("voices")``

    Args:
        recordings: files of any format and length, together at least three seconds of speech.
        name: name of the voice.
        consent: the speaker's agreement, in words; kept in the voice.
        language: ISO 639-1 code of the language that is spoken; detected when None.
        refine: largest number of steps of gradient descent through the synthesizer.
        one_speaker: skip the check that the recordings are of one speaker.
        seed: random seed of the refinement.
        models: bank of models that are loaded already; a new one if None.
        progress: called with the share of the work that is done, 0 to 1.
        config: settings of the searches.
        decoder: decoder to refine for; Kokoro's own if omitted.

    Raises:
        UserError: as ``voicemaking.cloning.clone``.
    """
    return clone(
        recordings,
        name,
        consent=consent,
        language=language,
        refine=refine,
        one_speaker=one_speaker,
        seed=seed,
        models=models,
        progress=progress,
        config=config,
        decoder=decoder,
    ).voice
