"""A delivery in a few words, for a language model: "fast, loud, rising, high above this voice's usual pitch"."""

from dataclasses import dataclass

from nuanced_speech.synthesis.delivery import Delivery


@dataclass(frozen=True)
class ToneScale:
    """Bounds between words: below the first and above the last a word is said, between them nothing.

    Attributes:
        rate: phonemes a second.
        level_db: active level, dBFS.
        rise: octaves by which F0 ends above its median.
        f0_range: octaves from the 10th to the 90th percentile of F0.
        lift: octaves above the speaker's usual pitch.
        far: octaves from which a lift is a great one.
    """

    rate: tuple[float, float] = (9.0, 14.0)
    level_db: tuple[float, float] = (-36.0, -20.0)
    rise: tuple[float, float] = (-0.3, 0.1)
    f0_range: tuple[float, float] = (0.35, 1.0)
    lift: tuple[float, float] = (-0.2, 0.25)
    far: float = 0.5


def tone_words(delivery: Delivery, scale: ToneScale = ToneScale()) -> tuple[str, ...]:
    """Words for what is unusual about a delivery; none for a plain one."""
    words = [
        _word(delivery.rate, scale.rate, "slow", "fast"),
        _word(delivery.level_db, scale.level_db, "quiet", "loud"),
        _word(delivery.rise, scale.rise, "falling", "rising"),
        _word(delivery.f0_range, scale.f0_range, "flat", "lively"),
    ]
    side = _word(delivery.lift, scale.lift, "below", "above")
    if side:
        great = {"below": "far ", "above": "high "}[side] if abs(delivery.lift) > scale.far else ""
        words.append(f"{great}{side} this voice's usual pitch")
    return tuple(word for word in words if word)


def _word(value: float, bounds: tuple[float, float], low: str, high: str) -> str:
    """The word for a value; none between the bounds, or where the value is unknown (NaN)."""
    return low if value < bounds[0] else high if value > bounds[1] else ""
