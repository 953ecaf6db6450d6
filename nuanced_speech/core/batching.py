"""Items of different lengths in batches that memory bounds, and calls of several threads that are answered together."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar, cast

Request = TypeVar("Request")
Result = TypeVar("Result")


def batches(lengths: Sequence[int], budget: int) -> list[list[int]]:
    """Numbers of items in groups of about the same length, the longest first.

    Args:
        lengths: of the items.
        budget: largest length of a group with its padding; an item that is longer is a group of its own.
    """
    groups: list[list[int]] = []
    for number in sorted(range(len(lengths)), key=lambda k: -lengths[k]):
        # the first of a group is the longest, and the others are padded to it
        if groups and lengths[groups[-1][0]] * (len(groups[-1]) + 1) <= budget:
            groups[-1].append(number)
        else:
            groups.append([number])
    return groups


@dataclass
class _Ticket(Generic[Request, Result]):
    """A request, and what came of it."""

    request: Request
    done: bool = False
    result: Result | None = None
    error: BaseException | None = None

    def taken(self) -> Result:
        if self.error is not None:
            raise self.error
        return cast(Result, self.result)


class Gathered(Generic[Request, Result]):
    """A function of one request that several threads call, which is computed for several requests at once.

    One thread computes at a time, with all the requests that wait; those that come meanwhile are next. A lone thread
    never waits, and the longer a computation takes, the more requests the next one has.

    Args:
        answer: the results of requests, in their order. What it raises, all of their callers get.
    """

    def __init__(self, answer: Callable[[list[Request]], list[Result]]) -> None:
        self._answer = answer
        self._changed = threading.Condition()
        self._waiting: list[_Ticket[Request, Result]] = []
        self._busy = False

    def __call__(self, request: Request) -> Result:
        """The result of one request."""
        own: _Ticket[Request, Result] = _Ticket(request)
        with self._changed:
            self._waiting.append(own)
            self._changed.wait_for(lambda: own.done or not self._busy)
            if own.done:
                return own.taken()
            together, self._waiting, self._busy = self._waiting, [], True
        try:
            results = self._answer([ticket.request for ticket in together])
            for ticket, result in zip(together, results, strict=True):
                ticket.result = result
        except BaseException as error:
            for ticket in together:
                ticket.error = error
        with self._changed:
            for ticket in together:
                ticket.done = True
            self._busy = False
            self._changed.notify_all()
        return own.taken()
