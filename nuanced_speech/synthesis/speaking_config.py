"""How the parts of a text are put together to utterances and cut apart again."""

from dataclasses import dataclass

from nuanced_speech.synthesis.utterances import UTTERANCES, UtteranceConfig


@dataclass(frozen=True)
class Pauses:
    """Pauses relative to the pause between sentences: after a part of a long sentence, and so on."""

    part: float = 0.3
    sentence: float = 1.0
    line: float = 1.2
    paragraph: float = 2.0

    def after(self, end: str) -> float:
        """The pause after a part of a text that ends so, as ``Part.end`` says."""
        return float(getattr(self, end))


PAUSES = Pauses()


@dataclass(frozen=True)
class SpeakingConfig:
    """Settings of speaking a text.

    Attributes:
        utterances: how much is spoken at once.
        pauses: between parts.
        lag: units by which Kokoro's durations lag behind its audio: with this value the voicing of the phonemes agrees
            best with the predicted F0 (five voices, twelve sentences each). The kokoro package has the same value.
        quiet_db: units that are quieter than the speech by more count as silence.
        margin: silence that is kept around a sentence, in units.
        fade: length of the fades, in samples.
    """

    utterances: UtteranceConfig = UTTERANCES
    pauses: Pauses = PAUSES
    lag: int = 3
    quiet_db: float = 40.0
    margin: int = 2
    fade: int = 240


SPEAKING = SpeakingConfig()
