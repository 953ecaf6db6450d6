"""The server on a local Ray cluster under load: when a second replica starts, and what requests take before and after.

    python benchmarks/ray_autoscale.py [--clients 4] [--wait 600] [--decoder fast]

Clients ask for speech, each again as soon as it is answered, until a second replica answers too or ``--wait`` seconds
have gone by; then as long again as one took. Ray Serve starts a replica when there have been more requests than
``target_ongoing_requests`` for each replica for 30 s, its own default. On few processors, which the first replica and
the clients use too, the second one needs minutes to load its models. Ends with status 1 where no second one starts or a
request fails.
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


def until(true: Callable[[], bool], seconds: float) -> bool:
    """Wait until something is true, so many seconds at most; whether it is."""
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.5)
    return true()


def main() -> None:
    """Start a server of one replica, ask it for more than it can do, and wait for the second."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=4, help="Number of clients.")
    parser.add_argument("--wait", type=float, default=600.0, help="Longest wait for the second replica, in seconds.")
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
    serve.run(app(settings))
    before = replicas(ReplicaState.RUNNING)
    load, begun = Load(f"http://127.0.0.1:{port}", options.clients), time.monotonic()
    asked = until(lambda: replicas(ReplicaState.STARTING, ReplicaState.RUNNING) > before, options.wait)
    asking = time.monotonic()
    grown = until(lambda: replicas(ReplicaState.RUNNING) > before, options.wait - (asking - begun))
    moment = time.monotonic()
    if grown:
        time.sleep(min(moment - begun, 60))
    load.stop()
    serve.shutdown()
    ray.shutdown()
    one = [a.end - a.begin for a in load.answers if a.end <= moment]
    two = [a.end - a.begin for a in load.answers if a.begin > moment]
    failed = [a.status for a in load.answers if a.status != 200]
    print(f"a second replica was begun: {f'after {asking - begun:.0f} s' if asked else 'no'}")
    print(f"replicas: {before} before, {before + grown} after {moment - begun:.0f} s under {options.clients} clients")
    for name, waits, seconds in (("one", one, moment - begun), ("two", two, load.answers[-1].end - moment)):
        if waits:
            print(f"{name}: {len(waits)} answers, {len(waits) / seconds:.2f} a second, median {median(waits):.1f} s")
    print(f"failed: {len(failed)} of {len(load.answers)} {sorted(set(failed))}")
    sys.exit(bool(failed) or not grown)


if __name__ == "__main__":
    main()
