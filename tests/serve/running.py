"""A server that tests talk to."""

from __future__ import annotations

from dataclasses import dataclass

from nuanced_speech.serve.services import Services


@dataclass(frozen=True)
class Running:
    """A server that answers: its address, and its parts."""

    url: str
    services: Services
