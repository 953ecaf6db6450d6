"""Voices that the page made and nobody has asked to keep: they are in memory only."""

import secrets
import threading
from collections import OrderedDict

from nuanced_speech.serve.errors import ApiError
from nuanced_speech.voice.voice import Voice


class DraftStore:
    """The newest drafts. Threads may share it.

    Args:
        most: largest number of them; the oldest makes room.
    """

    def __init__(self, most: int = 20) -> None:
        self.most = most
        self._drafts: OrderedDict[str, Voice] = OrderedDict()
        self._lock = threading.Lock()

    def add(self, voice: Voice) -> str:
        """Remember a voice; returns its id."""
        name = f"draft_{secrets.token_hex(12)}"
        with self._lock:
            self._drafts[name] = voice
            while len(self._drafts) > self.most:
                self._drafts.popitem(last=False)
        return name

    def get(self, name: str) -> Voice:
        """A draft by its id.

        Raises:
            ApiError: there is none.
        """
        with self._lock:
            voice = self._drafts.get(name)
        if voice is None:
            raise ApiError(404, "draft: the server no longer has this voice: make it again", "draft", "draft_not_found")
        return voice
