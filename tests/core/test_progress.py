"""The share of the whole that a part of the work reports, and the sum of several."""

from __future__ import annotations

import pytest

from nuanced_speech.core.progress import Shares, part_of


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


def test_shares_of_several_are_added_up_until_they_are_dropped_and_stopped() -> None:
    told: list[float] = []
    shares = Shares(told.append)
    first, second = shares.of("first"), shares.of(2)
    first(0.5)
    second(0.25)
    first(1.0)
    shares.drop("first")
    shares.drop("unknown")
    second(0.5)
    assert told == [0.5, 0.75, 1.25, 0.5]
    shares.stop()
    with pytest.raises(KeyboardInterrupt):
        second(1.0)
    assert len(told) == 4
