"""A server under load: first byte, throughput, failures, clicks, memory.

    python benchmarks/serve_load.py http://127.0.0.1:8880 --pid 1234 [--minutes 60]

``--pid`` is the server's process, whose memory and open files are read before and after. With ``--minutes``, eight
clients ask for speech, conversions and transcripts for so long instead, without a pause between; each minute leaves a
line, and the last ones compare memory and open files with those after the first fifth of the time.
"""

from __future__ import annotations

import argparse
import itertools
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np

RATE = 24_000
CLIP = Path(__file__).parent.parent / "tests" / "data" / "clip.flac"
FIRST = "Good morning."
TEXTS = (
    "Good morning. The train to the coast leaves at nine. Bring your umbrella.",
    "Nobody expected rain on Thursday, and yet everyone had come by bicycle.",
    "She opened the old book. A letter fell out, and it was addressed to her.",
    "We were away a year ago. Now the early morning is ours again.",
)
# A step between two samples at a border that is this many times the largest of its neighbourhood is a click.
CLICK, NEIGHBOURHOOD = 3.0, 240


@dataclass(frozen=True)
class Reception:
    """One answer: seconds to the first byte and to the last, seconds of audio, and what was wrong."""

    first: float
    last: float
    audio: float
    failed: bool
    wrong_type: bool
    clicks: int


def speak(client: httpx.Client, text: str, voice: str = "af_heart") -> Reception:
    """Ask for speech as PCM, and check it at the borders of the chunks."""
    body = {"model": "tts-1", "input": text, "voice": voice, "response_format": "pcm"}
    started, first, data, borders = time.perf_counter(), float("nan"), bytearray(), []
    with client.stream("POST", "/v1/audio/speech", json=body) as response:
        for chunk in response.iter_raw():
            first = time.perf_counter() - started if not data else first
            data += chunk
            borders.append(len(data) // 2)
        failed, kind = response.status_code != 200, response.headers.get("content-type")
    wave = np.frombuffer(bytes(data[: len(data) // 2 * 2]), "<i2") / 32768
    clicks = 0 if failed else sum(_clicks(wave, at) for at in borders[:-1])
    seconds = len(wave) / RATE
    return Reception(
        first, time.perf_counter() - started, seconds, failed or seconds < 0.3, kind != "audio/pcm", clicks
    )


def _clicks(wave: np.ndarray, at: int) -> bool:
    around = np.abs(np.diff(wave[max(0, at - NEIGHBOURHOOD) : at + NEIGHBOURHOOD]))
    if len(around) < NEIGHBOURHOOD:
        return False
    step, others = around[min(NEIGHBOURHOOD, at) - 1], np.sort(around)[-2]
    return bool(step > CLICK * others and step > 0.01)


def throughput(client: httpx.Client, clients: int, requests: int) -> tuple[float, list[Reception]]:
    """Seconds of audio per second with so many clients at once."""
    started = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        answers = list(pool.map(lambda k: speak(client, TEXTS[k % len(TEXTS)]), range(requests)))
    return sum(answer.audio for answer in answers) / (time.perf_counter() - started), answers


def memory(pid: int) -> tuple[float, int]:
    """Memory in MiB, and the number of open files, of a process on Linux."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    kilobytes = next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))
    return int(kilobytes) / 1024, len(list(Path(f"/proc/{pid}/fd").iterdir()))


@dataclass(frozen=True)
class Sample:
    """A moment under load: seconds since its start, memory in MiB, and open files of the server."""

    seconds: float
    mebibytes: float
    files: int


def ask(client: httpx.Client, number: int) -> bool:
    """Whether a request was answered rightly: speech, and each fourth time a conversion or a transcript."""
    if number % 4:
        answer = speak(client, TEXTS[number % len(TEXTS)])
        return not (answer.failed or answer.wrong_type)
    path, name, fields = (
        ("/v1/speech-to-speech/af_heart", "audio", {"path": "direct"}),
        ("/v1/audio/transcriptions", "file", {"model": "whisper-1"}),
    )[number // 4 % 2]
    response = client.post(path, data=fields, files={name: ("clip.flac", CLIP.read_bytes())})
    return response.status_code == 200 and len(response.content) > 20


def soak(client: httpx.Client, pid: int, minutes: float, clients: int = 8) -> None:
    """Keep so many clients busy for so long, and print how the server's memory and open files change."""
    numbers, answers, samples = itertools.count(), list[bool](), list[Sample]()
    began, over = time.monotonic(), threading.Event()

    def work() -> None:
        while not over.is_set():
            try:
                answers.append(ask(client, next(numbers)))
            except httpx.HTTPError:
                answers.append(False)

    print("| minute | requests | failures | memory, MiB | open files |\n|---|---|---|---|---|")
    with ThreadPoolExecutor(clients) as pool:
        before = memory(pid)
        jobs = [pool.submit(work) for _ in range(clients)]
        while (seconds := time.monotonic() - began) < 60 * minutes:
            time.sleep(min(5.0, 60 * minutes - seconds))
            samples.append(Sample(time.monotonic() - began, *memory(pid)))
            if samples[-1].seconds // 60 > seconds // 60:
                newest = samples[-1]
                row = (
                    f"{newest.seconds / 60:.0f}",
                    len(answers),
                    answers.count(False),
                    f"{newest.mebibytes:.0f}",
                    newest.files,
                )
                print("|", " | ".join(map(str, row)), "|", flush=True)
        over.set()
    for job in jobs:
        job.result()
    time.sleep(5)
    print(f"\n{len(answers)} requests, {clients} at a time: {answers.count(False)} failures")
    print(f"open files: {before[1]} before, {memory(pid)[1]} after")
    warm = [sample for sample in samples if sample.seconds > 12 * minutes]
    first, last = (
        float(np.median([sample.mebibytes for sample in part]))
        for part in (warm[: len(warm) // 4], warm[-len(warm) // 4 :])
    )
    print(f"memory: {first:.0f} MiB after warm-up, {last:.0f} MiB at the end ({last / first - 1:+.1%})")


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--pid", type=int)
    parser.add_argument("--requests", type=int, default=100)
    parser.add_argument("--minutes", type=float, help="Full load for so long, instead of all else.")
    parser.add_argument("--alone", type=int, default=12, help="Number of requests of a single client.")
    options = parser.parse_args()
    if options.minutes and not options.pid:
        parser.error("--minutes needs --pid: the server's memory is read")
    with httpx.Client(base_url=options.url, timeout=600, limits=httpx.Limits(max_connections=16)) as client:
        speak(client, FIRST)
        if options.minutes:
            soak(client, options.pid, options.minutes)
            return
        firsts = [speak(client, FIRST).first for _ in range(5)]
        print(f"first byte of {FIRST!r}: median {np.median(firsts):.2f} s, worst {max(firsts):.2f} s")
        longer = [speak(client, text).first for text in TEXTS]
        print(f"first byte of two sentences: median {np.median(longer):.2f} s, worst {max(longer):.2f} s")
        one, _ = throughput(client, 1, options.alone)
        before = memory(options.pid) if options.pid else None
        eight, answers = throughput(client, 8, options.requests)
        print(f"audio seconds per second: {one:.2f} with 1 client, {eight:.2f} with 8 ({eight / one:.2f} x)")
        print(
            f"{len(answers)} requests, 8 at a time: {sum(a.failed for a in answers)} failures, "
            f"{sum(a.wrong_type for a in answers)} wrong content types, {sum(a.clicks for a in answers)} clicks"
        )
        if before is not None:
            after = memory(options.pid)
            print(f"memory: {before[0]:.0f} MiB, then {after[0]:.0f} MiB; open files: {before[1]}, then {after[1]}")


if __name__ == "__main__":
    main()
