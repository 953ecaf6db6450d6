"""The folder for files that can be made or fetched again: models, unpacked grammars."""

import os
from pathlib import Path

import platformdirs


def cache_folder() -> Path:
    """The cache folder: ``NUANCED_SPEECH_CACHE``, else the platform's own place for caches. It may be missing."""
    chosen = os.environ.get("NUANCED_SPEECH_CACHE")
    return Path(chosen).expanduser() if chosen else platformdirs.user_cache_path("nuanced-speech", appauthor=False)
