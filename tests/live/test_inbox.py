"""Unit: nuanced_speech.live.inbox."""

import threading

import numpy as np
import pytest

from nuanced_speech.core.constants import SAMPLE_RATE
from nuanced_speech.live.inbox import Inbox, InboxCounts


def test_all_that_waits_is_taken_in_order_with_its_place() -> None:
    inbox = Inbox(seconds=1)
    assert inbox.put(np.full(3, 1.0)) and inbox.put(np.full(2, 2.0)) and not inbox.put(np.zeros(0))
    start, samples = inbox.take() or pytest.fail("nothing waits")
    assert start == 0 and samples.dtype == np.float32 and samples.tolist() == [1, 1, 1, 2, 2]
    inbox.put(np.full(4, 3.0))
    start, samples = inbox.take() or pytest.fail("nothing waits")
    assert start == 5 and samples.tolist() == [3, 3, 3, 3]


def test_what_is_changed_after_it_was_put_is_not_changed_here() -> None:
    inbox, samples = Inbox(seconds=1), np.ones(3, np.float32)
    inbox.put(samples)
    samples[:] = 0
    assert (inbox.take() or pytest.fail("nothing waits"))[1].tolist() == [1, 1, 1]


def test_the_oldest_is_left_out_where_too_much_waits() -> None:
    inbox, second = Inbox(seconds=2), SAMPLE_RATE
    for value in range(4):
        inbox.put(np.full(second, float(value)))
    assert inbox.counts == InboxCounts(taken=4 * second, left_out=2 * second, waiting=2 * second)
    start, samples = inbox.take() or pytest.fail("nothing waits")
    assert start == 2 * second and set(samples.tolist()) == {2, 3}
    # one piece that is longer than what may wait is no reason to lose it
    inbox.put(np.zeros(3 * second))
    assert inbox.counts.waiting == 3 * second


def test_after_the_end_what_waits_can_be_taken_and_nothing_comes() -> None:
    inbox = Inbox(seconds=1)
    inbox.put(np.ones(3))
    inbox.close()
    assert not inbox.put(np.ones(3))
    assert inbox.take() is not None and inbox.take() is None and not inbox.stopped


def test_after_a_stop_nothing_is_taken() -> None:
    inbox = Inbox(seconds=1)
    inbox.put(np.ones(3))
    inbox.stop()
    assert inbox.stopped and inbox.take() is None and inbox.counts.waiting == 0


@pytest.mark.parametrize("end", [Inbox.close, Inbox.stop])
def test_who_waits_is_woken_by_the_end(end) -> None:
    inbox, taken = Inbox(seconds=1), []
    thread = threading.Thread(target=lambda: taken.append(inbox.take()))
    thread.start()
    end(inbox)
    thread.join(timeout=10)
    assert not thread.is_alive() and taken == [None]
