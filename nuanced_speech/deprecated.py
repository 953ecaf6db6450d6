"""Public names of the release before, which still work and warn. The next release removes this module."""

import warnings
from pathlib import Path
from typing import Any

from nuanced_speech.voice import voice as current
from nuanced_speech.voicemaking.cloning import clone


class _AnyVoice(type):
    """Makes every plain ``Voice`` an instance of the deprecated subclass, so that ``isinstance`` keeps its meaning."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, current.Voice)


class Voice(current.Voice, metaclass=_AnyVoice):
    """``voice.voice.Voice`` with the method ``clone``, which ``nuanced_speech.clone_voice`` replaces."""

    @classmethod
    def clone(cls, recordings: list[str | Path], name: str, *, consent: str, **options: Any) -> current.Voice:
        """Deprecated: use ``nuanced_speech.clone_voice``, which takes the same arguments.

        Raises:
            UserError: as ``voicemaking.cloning.clone``.
        """
        warnings.warn(
            "Voice.clone is deprecated and goes with the next release: call nuanced_speech.clone_voice",
            DeprecationWarning,
            stacklevel=2,
        )
        return clone(recordings, name, consent=consent, **options).voice
