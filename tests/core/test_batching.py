"""Batches of items of different lengths, and calls of several threads that are answered together."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from nuanced_speech.core.batching import Gathered, batches


def test_items_of_about_one_length_are_together_and_padding_counts() -> None:
    lengths = [5, 90, 40, 6, 41, 200, 4]
    groups = batches(lengths, 100)
    assert groups == [[5], [1], [4, 2], [3, 0, 6]]
    assert all(len(group) == 1 or max(lengths[k] for k in group) * len(group) <= 100 for group in groups)
    assert batches([], 100) == []


def test_what_waits_is_answered_together() -> None:
    seen: list[list[int]] = []
    begun, go = threading.Event(), threading.Event()

    def answer(requests: list[int]) -> list[int]:
        seen.append(sorted(requests))
        begun.set()
        assert go.wait(20)
        return [10 * request for request in requests]

    gathered = Gathered(answer)
    with ThreadPoolExecutor(5) as pool:
        first = pool.submit(gathered, 0)
        assert begun.wait(20)
        others = [pool.submit(gathered, number) for number in range(1, 5)]
        while len(gathered._waiting) < 4:
            threading.Event().wait(0.001)
        go.set()
        assert [future.result(20) for future in (first, *others)] == [0, 10, 20, 30, 40]
    assert seen == [[0], [1, 2, 3, 4]]


def test_all_callers_get_an_error_and_the_next_are_answered() -> None:
    def answer(requests: list[int]) -> list[float]:
        return [1 / request for request in requests]

    gathered = Gathered(answer)
    with pytest.raises(ZeroDivisionError):
        gathered(0)
    assert gathered(2) == 0.5


def test_ctrl_c_breaks_off_its_own_thread_alone() -> None:
    seen: list[list[int]] = []
    begun, go = threading.Event(), threading.Event()

    def answer(requests: list[int]) -> list[int]:
        seen.append(sorted(requests))
        if len(seen) == 1:
            begun.set()
            assert go.wait(20)
        if len(seen) == 2:
            raise KeyboardInterrupt
        return [10 * request for request in requests]

    gathered = Gathered(answer)
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(gathered, 0)
        assert begun.wait(20)
        others = [pool.submit(gathered, number) for number in (1, 2)]
        while len(gathered._waiting) < 2:
            threading.Event().wait(0.001)
        go.set()
        assert first.result(20) == 0
        broken = [isinstance(other.exception(20), KeyboardInterrupt) for other in others]
    left = 2 if broken[0] else 1
    assert sum(broken) == 1 and others[left - 1].result() == 10 * left
    assert seen == [[0], [1, 2], [left]] and gathered(5) == 50
