"""Settings of live conversion."""

from dataclasses import dataclass
from typing import Literal, get_args

from nuanced_speech.core.errors import UserError

Mode = Literal["phrase", "block"]


@dataclass(frozen=True)
class PhraseConfig:
    """Where a phrase begins and ends.

    Attributes:
        begins: probability of speech from which a phrase begins.
        ends: probability below which it pauses.
        pause_seconds: pause that ends it.
        longest_seconds: length after which it is cut at its quietest place, so that no one waits longer.
        margin_seconds: sound that is kept before and after it.
        shortest_seconds: speech that is shorter is a click or a cough.
    """

    begins: float = 0.5
    ends: float = 0.35
    pause_seconds: float = 0.35
    longest_seconds: float = 6.0
    margin_seconds: float = 0.15
    shortest_seconds: float = 0.1


@dataclass(frozen=True)
class BlockConfig:
    """How a stream is cut into blocks.

    Attributes:
        seconds: length of a block, rounded to tenths, 0.25 to 0.3.
        largest_seconds: length, rounded so too, up to which blocks grow where the machine cannot follow.
        context_seconds: sound before a block that is analysed with it; Whisper's encoder carries more.
        look_ahead_seconds: sound after a block that is analysed with it.
        own_seconds: speech after which a voice that is the speaker's own is known.
        pitch_seconds: voiced speech before a melody is moved to the target voice's range by its own median.
        level_seconds: speech that says how loud the speaker is.
        usual_seconds: speech that says what envelopes the speaker usually has, for decoders that follow the source.
        reserve_seconds: silence that a player puts before the first sound, so that nothing breaks when a phrase begins:
            the fast decoder looks 0.12 s ahead, the effects hold 0.05 s, and the rest is for computing.
        threads: threads that compute a block. It is so small that more of them mostly wait for each other, and for the
            sound cards and sockets that share the processors: the longest blocks took half as long again.
        speech: probability from which a frame may be speech; lower than where a phrase begins, since a lost sound is
            worse than a breath that is spoken again.
    """

    seconds: float = 0.3
    largest_seconds: float = 1.6
    context_seconds: float = 1.2
    look_ahead_seconds: float = 0.2
    own_seconds: float = 3.0
    pitch_seconds: float = 20.0
    level_seconds: float = 10.0
    usual_seconds: float = 10.0
    reserve_seconds: float = 0.4
    threads: int = 1
    speech: float = 0.2


@dataclass(frozen=True)
class LiveConfig:
    """What is wanted of a live conversion.

    Attributes:
        mode: ``phrase`` (at a pause, a second or more behind, as good as a file's conversion) or ``block`` (a fraction
            of a second behind).
        phrase, block: settings of both.
        waiting_seconds: sound that may wait before the oldest of it is left out.

    Raises:
        UserError: another mode.
    """

    mode: Mode = "phrase"
    phrase: PhraseConfig = PhraseConfig()
    block: BlockConfig = BlockConfig()
    waiting_seconds: float = 30.0

    @property
    def reserve_seconds(self) -> float:
        """Silence that a player puts before the first sound: none before a phrase, which comes as a whole."""
        return self.block.reserve_seconds if self.mode == "block" else 0.0

    @property
    def threads(self) -> int | None:
        """Threads that compute; None for as many as there are, which a phrase is done sooner with."""
        return self.block.threads if self.mode == "block" else None

    def __post_init__(self) -> None:
        if self.mode not in get_args(Mode):
            raise UserError(f"mode: {self.mode!r} is no mode: give phrase or block")
