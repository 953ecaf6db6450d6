"""Speeds that Kokoro speaks cleanly, by voice; what is beyond comes from stretching its speech in time."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from nuanced_speech.core.constants import DATA
from nuanced_speech.voice.voice import Voice

# Written by ``benchmarks/speed.py --table``: voice, slowest and fastest speed.
TABLE = DATA / "speeds.tsv"


@dataclass(frozen=True)
class SpeedRange:
    """Speeds that Kokoro speaks itself.

    Attributes:
        slowest, fastest: limits; faster, Kokoro loses first words (``benchmarks/speed.py`` measures it).
    """

    slowest: float = 0.8
    fastest: float = 1.3

    def split(self, speed: float) -> tuple[float, float]:
        """Kokoro's part of a speed, and the factor that remains."""
        kokoro_speed = min(max(speed, self.slowest), self.fastest)
        return kokoro_speed, speed / kokoro_speed


KOKORO_SPEEDS = SpeedRange()
"""Of a voice that was not measured: a mixture, a clone, a file."""


def speed_range(voice: Voice, measured: Mapping[str, SpeedRange] | None = None) -> SpeedRange:
    """The speeds that Kokoro speaks itself in a voice; ``measured`` are stock voices', the packaged ones if omitted."""
    table = measured_speeds() if measured is None else measured
    return table.get(voice.name, KOKORO_SPEEDS) if voice.provenance.kind == "stock" else KOKORO_SPEEDS


@lru_cache
def measured_speeds(path: Path = TABLE) -> dict[str, SpeedRange]:
    """The stock voices that were measured; others have the usual speeds."""
    lines = path.read_text(encoding="utf-8").splitlines()
    rows = (line.split("\t") for line in lines if line.strip() and not line.startswith("#"))
    return {voice: SpeedRange(float(slowest), float(fastest)) for voice, slowest, fastest in rows}
