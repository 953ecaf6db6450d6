"""Items of different lengths in batches that memory bounds, and calls of several threads that are answered together."""

import threading
from collections.abc import Callable, Sequence
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


class _Ticket(Generic[Request, Result]):
    """A request, and what came of it; written by the thread that computes."""

    def __init__(self, request: Request) -> None:
        self.request, self.done = request, False
        self.result: Result | None = None
        self.error: Exception | None = None

    def outcome(self) -> Result:
        """The result; the error is raised."""
        if self.error is not None:
            raise self.error
        return cast(Result, self.result)


class Gathered(Generic[Request, Result]):
    """A function of one request that several threads call, which is computed for several requests at once.

    One thread computes at a time, with all the requests that wait; those that come meanwhile are next. A lone thread
    never waits, and the longer a computation takes, the more requests the next one has.

    Args:
        answer: the results of requests, in their order. An error that it raises, all of their callers get; Ctrl-C
            breaks off its own thread alone, and another one computes again.
    """

    def __init__(self, answer: Callable[[list[Request]], list[Result]]) -> None:
        self._answer = answer
        self._changed = threading.Condition()
        self._waiting: list[_Ticket[Request, Result]] = []
        # the ticket of the thread that computes
        self._busy: object = None

    def __call__(self, request: Request) -> Result:
        """The result of one request."""
        ticket: _Ticket[Request, Result] = _Ticket(request)
        together: list[_Ticket[Request, Result]] = []
        try:
            with self._changed:
                self._waiting.append(ticket)
                self._changed.wait_for(lambda: ticket.done or not self._busy)
                if not ticket.done:
                    self._busy, together, self._waiting = ticket, self._waiting, []
            if together:
                self._compute(together)
        finally:
            with self._changed:
                if self._busy is ticket:
                    self._busy = None
                # where this thread is broken off, another computes the rest
                undone = [other for other in together if not other.done]
                self._waiting = [other for other in undone + self._waiting if other is not ticket]
                self._changed.notify_all()
        return ticket.outcome()

    def _compute(self, together: list[_Ticket[Request, Result]]) -> None:
        """Answer requests, all of them or none."""
        try:
            results = self._answer([ticket.request for ticket in together])
            for ticket, result in zip(together, results, strict=True):
                ticket.result = result
        except Exception as error:
            for ticket in together:
                ticket.error = error
        for ticket in together:
            ticket.done = True
