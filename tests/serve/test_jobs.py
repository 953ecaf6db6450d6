"""The queue: order, refusal when it is full, an end when the client goes away, and slow clients."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from nuanced_speech.core.errors import UserError
from nuanced_speech.serve.config import QueueConfig
from nuanced_speech.serve.errors import ApiError
from nuanced_speech.serve.jobs import Job, JobQueue

SMALL = QueueConfig(workers=1, waiting=1, buffer_bytes=10, stalled_seconds=0.3)


async def never() -> bool:
    return False


async def always() -> bool:
    return True


def test_a_full_queue_says_when_to_come_again() -> None:
    async def main() -> None:
        queue, go = JobQueue(SMALL), threading.Event()

        def wait(job: Job[int]) -> int:
            go.wait(10)
            return 1

        first = [asyncio.ensure_future(queue.result(wait, never)) for _ in range(2)]
        await asyncio.sleep(0.1)
        with pytest.raises(ApiError) as refused:
            await queue.result(wait, never)
        assert refused.value.status == 429 and int(refused.value.headers["Retry-After"]) >= 1
        go.set()
        assert await asyncio.gather(*first) == [1, 1]
        assert await queue.result(wait, never) == 1
        queue.close()

    asyncio.run(main())


def test_pieces_come_before_the_work_ends_and_closing_ends_it() -> None:
    async def main() -> None:
        queue, made, ended = JobQueue(SMALL), [], threading.Event()

        def work(job: Job[bytes]) -> Iterator[bytes]:
            try:
                for k in range(1_000_000):
                    made.append(k)
                    yield b"x"
            finally:
                ended.set()

        pieces: Any = await queue.stream(work, never, len)
        assert [await anext(pieces) for _ in range(3)] == [b"x"] * 3
        await pieces.aclose()
        assert await asyncio.to_thread(ended.wait, 5)
        assert len(made) < 100
        queue.close()
        assert queue.stopped == 1 and queue.running == queue.waiting == 0

    asyncio.run(main())


def test_a_client_that_reads_nothing_is_given_up() -> None:
    async def main() -> None:
        queue = JobQueue(SMALL)
        pieces: Any = await queue.stream(lambda job: (b"x" * 6 for _ in range(100)), never, len)
        await asyncio.to_thread(queue.close)
        assert queue.stopped == 1
        # what was held back for it stays within the bound, and the piece that exceeds it
        assert len([piece async for piece in pieces]) <= 3

    asyncio.run(main())


def test_a_client_that_leaves_while_it_waits_stops_the_work() -> None:
    async def main() -> None:
        queue, checked = JobQueue(SMALL), []

        def work(job: Job[int]) -> int:
            for k in range(1000):
                job.check()
                checked.append(k)
                threading.Event().wait(0.01)
            return 1

        with pytest.raises(ApiError) as gone:
            await queue.result(work, always)
        assert gone.value.status == 499 and len(checked) < 200
        queue.close()

    asyncio.run(main())


def test_errors_come_before_the_stream_opens() -> None:
    async def main() -> None:
        queue = JobQueue(SMALL)

        def work(job: Job[bytes]) -> Iterator[bytes]:
            raise UserError("nothing speakable")
            yield b""

        with pytest.raises(UserError, match="nothing speakable"):
            await queue.stream(work, never, len)
        queue.close()

    asyncio.run(main())
