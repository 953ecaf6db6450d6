"""The server on a local Ray cluster under load: when a second replica starts, and what requests take before and after.

    python benchmarks/ray_autoscale.py [--clients 4] [--wait 300] [--load 900] [--decoder fast]

Clients ask for speech, each again as soon as it is answered, until a second replica answers too; then as long again as
that took, a minute at most. Ray Serve begins a replica when there have been more requests than
``target_ongoing_requests`` for each replica for 30 s, its own default. It is waited for ``--wait`` seconds; from then
on ``--load`` seconds until it has loaded its models, or twenty times what the first one needed, if that is more: on few
processors, which the first replica and the clients use too, the second one needs minutes. Every ten seconds a line
tells how it goes, so that a measurement that is broken off has its figures. Ends with status 1 where no second one
starts or a request fails.
"""

from __future__ import annotations

import argparse
import os
import socket
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_worker_niceness": "0"}

import httpx
import ray
from ray import serve
from ray.serve._private.common import ReplicaState

from nuanced_speech.serve.ray_app import RayServeSettings, app

SECRET = "a secret"
TELL_SECONDS = 10.0
# Times as long as the first replica's start that the second one's may take, beside requests.
LOADS = 20


@dataclass(frozen=True)
class Answer:
    """When a request was sent and answered, in seconds, and the status of its answer; 0 where none came."""

    begin: float
    end: float
    status: int


class Load:
    """Clients that ask again as soon as they are answered, in threads."""

    def __init__(self, address: str, clients: int) -> None:
        self.address, self.answers, self._stopped = address, list[Answer](), threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(number,)) for number in range(clients)]
        for thread in self._threads:
            thread.start()

    def _ask(self, client: int) -> None:
        asked = {"model": "tts-1", "voice": "af_heart", "input": f"Yes, number {client}.", "response_format": "pcm"}
        headers = {"Authorization": f"Bearer {SECRET}"}
        while not self._stopped.is_set():
            begin = time.monotonic()
            try:
                speech = f"{self.address}/v1/audio/speech"
                status = httpx.post(speech, json=asked, headers=headers, timeout=300).status_code
            except httpx.HTTPError:
                status = 0
            self.answers.append(Answer(begin, time.monotonic(), status))

    def stop(self) -> None:
        """Wait for the last answers."""
        self._stopped.set()
        for thread in self._threads:
            thread.join()


def replicas(*states: ReplicaState) -> int:
    """Number of replicas in one of these states."""
    deployments = [d for application in serve.status().applications.values() for d in application.deployments.values()]
    return sum(deployment.replica_states.get(state, 0) for deployment in deployments for state in states)


def until(true: Callable[[], bool], seconds: float, tell: Callable[[], None]) -> bool:
    """Wait until something is true, so many seconds at most; whether it is. ``tell`` is called every ten seconds."""
    begun = told = time.monotonic()
    while not true():
        now = time.monotonic()
        if now - begun >= seconds:
            return False
        if now - told >= TELL_SECONDS:
            told = now
            tell()
        time.sleep(0.5)
    return True


def rate(answers: list[Answer], seconds: float) -> str:
    """How many answers there were in a time, and how long one took."""
    if not answers:
        return "no answers"
    middle = median(answer.end - answer.begin for answer in answers)
    return f"{len(answers)} answers, {len(answers) / seconds:.2f} a second, median {middle:.1f} s"


def main() -> None:
    """Start a server of one replica, ask it for more than it can do, and wait for the second."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=4, help="Number of clients.")
    parser.add_argument("--wait", type=float, default=300.0, help="Seconds until the second replica is begun, at most.")
    parser.add_argument("--load", type=float, default=900.0, help="Seconds that its start may take from then on.")
    parser.add_argument("--decoder", default="fast", help="Decoder that makes the sound: kokoro, fast, or a file.")
    options = parser.parse_args()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    ray.init("local", num_cpus=2, object_store_memory=80 << 20, include_dashboard=False, log_to_driver=False)
    serve.start(http_options={"host": "127.0.0.1", "port": port})
    settings = RayServeSettings(
        token=SECRET, whisper="tiny.en", decoder=options.decoder, warm=False, max_replicas=2, target_ongoing_requests=1
    )
    begun = time.monotonic()
    serve.run(app(settings))
    loading = time.monotonic() - begun
    print(f"the first replica is ready after {loading:.0f} s", flush=True)
    good = measure(f"http://127.0.0.1:{port}", options.clients, options.wait, max(options.load, LOADS * loading))
    serve.shutdown()
    ray.shutdown()
    sys.exit(not good)


def measure(address: str, clients: int, wait: float, load_wait: float) -> bool:
    """Ask one replica until there are two, then both; print what answers took. Whether a second one started, and no
    request failed."""
    before = replicas(ReplicaState.RUNNING)
    load, begun = Load(address, clients), time.monotonic()

    def tell() -> None:
        seconds, starting = time.monotonic() - begun, replicas(ReplicaState.STARTING)
        running = replicas(ReplicaState.RUNNING)
        print(f"{seconds:.0f} s: {running} run, {starting} start; {rate([*load.answers], seconds)}", flush=True)

    try:
        asked = until(lambda: replicas(ReplicaState.STARTING, ReplicaState.RUNNING) > before, wait, tell)
        asking = time.monotonic()
        print(f"a second replica was begun: {f'after {asking - begun:.0f} s' if asked else 'no'}", flush=True)
        grown = asked and until(lambda: replicas(ReplicaState.RUNNING) > before, load_wait, tell)
        moment = time.monotonic()
        print(f"it is ready: {f'{moment - asking:.0f} s later' if grown else 'no'}", flush=True)
        if grown:
            time.sleep(min(moment - begun, 60))
    finally:
        load.stop()
    one = [answer for answer in load.answers if answer.end <= moment]
    two = [answer for answer in load.answers if answer.begin > moment]
    print(f"replicas: {before} before, {before + grown} after {moment - begun:.0f} s under {clients} clients")
    print(f"one: {rate(one, moment - begun)}")
    if grown:
        print(f"two: {rate(two, max((answer.end for answer in two), default=moment + 1) - moment)}")
    failed = [answer.status for answer in load.answers if answer.status != 200]
    print(f"failed: {len(failed)} of {len(load.answers)} {sorted(set(failed))}")
    return grown and not failed


if __name__ == "__main__":
    main()
