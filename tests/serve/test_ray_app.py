"""The server on a real, local Ray cluster."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator

import httpx
import pytest
from pydantic import ValidationError

from nuanced_speech.core.errors import UserError

ray = pytest.importorskip("ray", reason="the extra ray is not installed")
serve = pytest.importorskip("ray.serve", reason="the extra ray is not installed")

from nuanced_speech.serve.ray_app import TOKEN, RayServeSettings, app  # noqa: E402 (it imports Ray)

SECRET = "a secret"
SETTINGS = RayServeSettings(token=SECRET, whisper="tiny.en", warm=False, max_replicas=1)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The address of a server with one replica."""
    ending = signal.getsignal(signal.SIGTERM)
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_worker_niceness": "0"}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    ray.init("local", num_cpus=2, object_store_memory=80 << 20, include_dashboard=False, log_to_driver=False)
    serve.start(http_options={"host": "127.0.0.1", "port": port})
    serve.run(app(SETTINGS))
    yield f"http://127.0.0.1:{port}"
    serve.shutdown()
    ray.shutdown()
    # Ray leaves a handler of its own
    signal.signal(signal.SIGTERM, ending)


@pytest.mark.slow
def test_a_replica_answers_as_the_server_does(address: str) -> None:
    named = {"Authorization": f"Bearer {SECRET}"}
    health = httpx.get(f"{address}/health", timeout=60)
    assert (health.status_code, health.json()["status"]) == (200, "healthy")
    asked = {"model": "tts-1", "voice": "af_heart", "input": "Yes.", "response_format": "pcm"}
    assert httpx.post(f"{address}/v1/audio/speech", json=asked, timeout=60).status_code == 401
    spoken = httpx.post(f"{address}/v1/audio/speech", json=asked, headers=named, timeout=120)
    assert spoken.status_code == 200 and 0.3 < len(spoken.content) / 2 / 24_000 < 3
    wrong = httpx.post(f"{address}/v1/audio/speech", json={**asked, "voice": "nobody"}, headers=named, timeout=60)
    assert wrong.status_code == 400 and "nobody" in wrong.json()["error"]["message"]


def test_a_cluster_needs_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(TOKEN, raising=False)
    with pytest.raises(UserError, match=f"token: .* set {TOKEN}"):
        app(RayServeSettings())
    monkeypatch.setenv(TOKEN, "of the environment")
    config = RayServeSettings(hosts="speech.example.org, other.example.org", decoder="fast").config()
    assert config.token == "of the environment" and config.hosts == ("speech.example.org", "other.example.org")
    assert config.decoder == "fast"


def test_settings_reach_ray() -> None:
    # what the command line of Ray gives is text
    settings = RayServeSettings.model_validate({"token": SECRET, "cpus": "2", "max_replicas": "3", "gpus": "0.5"})
    deployment = app(settings)._bound_deployment
    assert deployment.ray_actor_options == {"num_cpus": 2, "num_gpus": 0.5}
    assert (deployment.max_ongoing_requests, deployment.max_queued_requests) == (8, 32)
    (scaling,) = (deployment._deployment_config.autoscaling_config,)
    assert (scaling.min_replicas, scaling.max_replicas, scaling.target_ongoing_requests) == (1, 3, 2)


def test_settings_that_are_not_possible_are_refused() -> None:
    with pytest.raises(UserError, match="min_replicas: 5 is more than"):
        app(RayServeSettings(token=SECRET, min_replicas=5))
    for wrong in ({"cpus": 0}, {"max_queued_requests": 0}, {"replica": 2}):
        with pytest.raises(ValidationError, match=next(iter(wrong))):
            RayServeSettings.model_validate(wrong)
