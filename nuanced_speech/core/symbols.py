"""Kokoro's phoneme symbols and marks."""

import json
from functools import lru_cache

from nuanced_speech.core.constants import DATA

# Symbols that have no sound.
PUNCTUATION = ';:,.!?—…"()“”'
CONFIG = DATA / "kokoro_config.json"


@lru_cache
def vocabulary() -> dict[str, int]:
    """Token id of every phoneme symbol and punctuation mark; 0 stands at both ends of a string."""
    return json.loads(CONFIG.read_text(encoding="utf-8"))["vocab"]
