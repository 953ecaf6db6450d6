"""Unit: nuanced_speech.core.threads."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import torch

from nuanced_speech.core import threads


def test_a_thread_is_limited_and_others_are_not() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        with ThreadPoolExecutor(1, "limited", threads.limit_here, (1,)) as limited, ThreadPoolExecutor(1) as other:
            assert limited.submit(torch.get_num_threads).result() == 1
            assert other.submit(torch.get_num_threads).result() == 3
            assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def test_a_thread_computes_with_one_thread_at_least() -> None:
    with pytest.raises(ValueError, match="threads"):
        threads.limit_here(0)


def test_threads_that_are_limited_at_once_leave_the_number_of_later_ones() -> None:
    before, both = torch.get_num_threads(), Barrier(2)
    torch.set_num_threads(3)

    def limited() -> int:
        both.wait(10)
        for _ in range(20):
            threads.limit_here(1)
        return torch.get_num_threads()

    try:
        with ThreadPoolExecutor(2) as pool:
            assert [run.result() for run in [pool.submit(limited) for _ in range(2)]] == [1, 1]
        with ThreadPoolExecutor(1) as later:
            assert later.submit(torch.get_num_threads).result() == 3
    finally:
        torch.set_num_threads(before)
