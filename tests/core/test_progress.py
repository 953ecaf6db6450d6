"""The share of the whole that a part of the work reports."""

from __future__ import annotations

import pytest

from nuanced_speech.core.progress import part_of


def test_a_part_goes_from_its_start_to_its_end() -> None:
    shares: list[float] = []
    part = part_of(shares.append, 0.2, 0.6)
    assert part is not None
    for share in (0.0, 0.5, 1.0):
        part(share)
    assert shares == pytest.approx([0.2, 0.4, 0.6])


def test_parts_of_parts() -> None:
    shares: list[float] = []
    inner = part_of(part_of(shares.append, 0.5, 1.0), 0.0, 0.5)
    assert inner is not None
    inner(1.0)
    assert shares == pytest.approx([0.75])


def test_nobody_is_told() -> None:
    assert part_of(None, 0.0, 1.0) is None
