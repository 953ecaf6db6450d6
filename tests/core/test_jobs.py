"""Work on several items at the same time."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import torch

from nuanced_speech.core.errors import UserError
from nuanced_speech.core.jobs import ALONE, Spread, as_done, in_order, spread_of, spread_of_one


def test_results_in_order_of_items_that_are_worked_on_at_the_same_time() -> None:
    both, taken = threading.Barrier(2, timeout=20), []

    def items() -> Iterator[int]:
        for number in range(8):
            taken.append(number)
            yield number

    def work(number: int) -> tuple[int, int]:
        both.wait()
        return number, torch.get_num_threads()

    before = torch.get_num_threads()
    results = in_order(work, items(), Spread(2, 3))
    assert next(results) == (0, 3) and len(taken) <= 5
    assert [*results] == [(number, 3) for number in range(1, 8)]
    assert torch.get_num_threads() == before


def test_results_as_they_are_done() -> None:
    second = threading.Event()

    def work(number: int) -> int:
        assert number or second.wait(20)
        return number

    results = as_done(work, range(2), Spread(2))
    assert next(results) == 1
    second.set()
    assert [*results] == [0]


def test_alone_an_item_is_taken_when_the_one_before_is_done() -> None:
    for way in (in_order, as_done):
        here = way(lambda number: (number, threading.current_thread()), iter(range(3)), ALONE)
        assert [*here] == [(number, threading.main_thread()) for number in range(3)]


def test_what_is_under_way_is_told_to_stop_and_what_waits_is_dropped() -> None:
    stopped, begun, both = threading.Event(), [], threading.Barrier(2, timeout=20)

    def work(number: int) -> None:
        begun.append(number)
        both.wait()
        if number == 1:
            raise KeyboardInterrupt
        assert stopped.wait(20)

    with pytest.raises(KeyboardInterrupt):
        [*as_done(work, range(9), Spread(2), stopped.set)]
    assert sorted(begun) == [0, 1]
    stopped.clear()
    with pytest.raises(KeyboardInterrupt):
        [*in_order(work, (1, 0), Spread(2), stopped.set)]
    assert sorted(begun) == [0, 0, 1, 1]


def test_what_has_begun_is_given_before_an_error_of_the_items() -> None:
    def items() -> Iterator[int]:
        yield from range(3)
        raise UserError("no more")

    results = in_order(str, items(), Spread(2))
    assert [next(results) for _ in range(3)] == ["0", "1", "2"]
    with pytest.raises(UserError, match="no more"):
        next(results)


def test_a_device_decides_how_work_is_spread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 8)
    assert spread_of("cpu") == Spread(4, 2) and spread_of("cpu", 1) == ALONE and spread_of("cpu", 3) == Spread(3, 2)
    assert spread_of("cpu", batch_seconds=20) == Spread(16, 2, 20)
    assert spread_of("cpu", 2, 20) == Spread(2, 4, 20)
    for device, given in (("cpu", ()), ("cuda", (None, 0.0)), ("cuda", (1,))):
        assert spread_of_one(device, *given) == ALONE
    assert spread_of_one("cuda") == spread_of("cuda") and spread_of_one("cpu", 3) == spread_of("cpu", 3)
    assert spread_of("cuda") == Spread(16, 2, 60) and spread_of("cuda", 1) == ALONE
    # fewer items than jobs: each has more threads, a lone one all
    assert Spread(4, 2).fitted(3) == Spread(3, 2) and Spread(4, 2).fitted(2) == Spread(2, 4)
    assert Spread(4, 2).fitted(1) == ALONE and Spread(4, 2).fitted(9) == Spread(4, 2)
    assert Spread(16, 8, 60).fitted(2) == Spread(2, 8, 60)
    for jobs, seconds in ((0, None), (2, -1.0), (2, float("nan")), (2, float("inf"))):
        with pytest.raises(UserError, match="is not possible"):
            spread_of("cpu", jobs, seconds)
