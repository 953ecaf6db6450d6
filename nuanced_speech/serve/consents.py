"""Consents of speakers to the cloning of their voices.

They are kept in memory only: the recording itself is never kept, and a voice that is made with a consent has its words.
"""

import secrets
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nuanced_speech.serve.errors import ApiError


@dataclass(frozen=True, eq=False)
class Consent:
    """A consent.

    Attributes:
        id, name, language, created_at: as the API tells them.
        embedding: speaker embedding of the recording ``[256]``.
        digest: sha256 of its samples.
        words: transcript of the recording.
    """

    id: str
    name: str
    language: str
    created_at: int
    embedding: np.ndarray
    digest: str
    words: str

    def shown(self) -> dict[str, Any]:
        """What the API tells."""
        return {
            "object": "audio.voice_consent", "id": self.id, "name": self.name, "language": self.language,
            "created_at": self.created_at,
        }  # fmt: skip


class ConsentStore:
    """The consents that were given since the server started. Threads may share it.

    Args:
        most: largest number of them; the oldest makes room.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._consents: OrderedDict[str, Consent] = OrderedDict()
        self._lock = threading.Lock()

    def add(self, name: str, language: str, embedding: np.ndarray, digest: str, words: str) -> Consent:
        """A new consent."""
        consent = Consent(f"cons_{secrets.token_hex(12)}", name, language, int(time.time()), embedding, digest, words)
        with self._lock:
            self._consents[consent.id] = consent
            while len(self._consents) > self.most:
                self._consents.popitem(last=False)
        return consent

    def get(self, consent_id: str, param: str = "consent") -> Consent:
        """A consent by its id.

        Raises:
            ApiError: there is none.
        """
        with self._lock:
            if consent_id not in self._consents:
                raise ApiError(
                    404, f"there is no consent {consent_id[:60]!r}: make one first", param, "consent_not_found"
                )
            return self._consents[consent_id]

    def rename(self, consent_id: str, name: str) -> Consent:
        """The consent with another name.

        Raises:
            ApiError: there is none.
        """
        changed = replace(self.get(consent_id, "consent_id"), name=name)
        with self._lock:
            self._consents[consent_id] = changed
        return changed

    def delete(self, consent_id: str) -> None:
        """Forget a consent.

        Raises:
            ApiError: there is none.
        """
        self.get(consent_id, "consent_id")
        with self._lock:
            self._consents.pop(consent_id, None)

    def page(self, after: str | None, limit: int) -> tuple[list[Consent], bool]:
        """At most ``limit`` consents after the one with an id, the oldest first; and whether there are more."""
        with self._lock:
            consents = list(self._consents.values())
        ids = [consent.id for consent in consents]
        start = ids.index(after) + 1 if after in ids else 0
        return consents[start : start + limit], len(consents) > start + limit
