"""The server on a Ray cluster, by Ray Serve: one address, several replicas with models of their own, more under load.

    NUANCED_SPEECH_TOKEN=… serve run nuanced_speech.serve.ray_app:app max_replicas=4 cpus=2

A replica is the application of ``nuanced-speech serve``. Requests are not joined into batches, for which
``docs/scale.md`` has the reason.
"""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

# before Ray is imported: it would report its use
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field
from ray import serve
from ray.serve.config import AutoscalingConfig, BackpressureConfig

from nuanced_speech.core import threads
from nuanced_speech.core.errors import UserError
from nuanced_speech.core.surroundings import Surroundings
from nuanced_speech.serve.app import create_app, engine_of
from nuanced_speech.serve.config import QueueConfig, ServeConfig, default_voices_folder

if TYPE_CHECKING:
    from ray.serve import Application

TOKEN = "NUANCED_SPEECH_TOKEN"
# Any address: the one that Ray's proxies listen on is among Ray's own settings.
_HOST = "0.0.0.0"
_RETRY_SECONDS = 2.0


class RayServeSettings(BaseModel):
    """Settings of the server on a cluster. ``serve run`` takes each as ``name=value``.

    Attributes:
        token: secret that each request must name; the environment variable NUANCED_SPEECH_TOKEN if None.
        hosts: names under which clients may address the server, separated by commas.
        origins: addresses of web pages that may use the server, separated by commas.
        voices: folder of voices that the server was asked to keep, which all machines see; the user's own if None.
        whisper: Whisper model for transcripts.
        decoder: ``kokoro``, ``fast``, or a fast decoder's file, which all machines see.
        device: device of the models.
        warm: speak, transcribe and measure once at start, so that the first request waits for nothing.
        cpus: processors of each replica, and its threads.
        gpus: GPUs of each replica; a fraction shares one.
        min_replicas: number of replicas without load.
        max_replicas: number of replicas at most.
        workers: requests that a replica works on at the same time.
        target_ongoing_requests: requests for each replica, under way or waiting, above which there are to be more
            replicas.
        max_ongoing_requests: requests that are sent to a replica before one is answered.
        max_queued_requests: requests that wait for a replica at each proxy; further ones get status 429.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    token: str | None = Field(default=None, repr=False)
    hosts: str = ""
    origins: str = ""
    voices: str | None = None
    whisper: str = "base"
    decoder: str = "kokoro"
    device: str = "cpu"
    warm: bool = True
    cpus: float = Field(default=1.0, gt=0)
    gpus: float = Field(default=0.0, ge=0)
    min_replicas: int = Field(default=1, ge=1)
    max_replicas: int = Field(default=4, ge=1)
    workers: int = Field(default=1, ge=1)
    target_ongoing_requests: float = Field(default=2.0, gt=0)
    max_ongoing_requests: int = Field(default=8, ge=1)
    max_queued_requests: int = Field(default=32, ge=1)

    def config(self) -> ServeConfig:
        """Settings of each replica.

        Raises:
            UserError: no token.
        """
        token = self.token or os.environ.get(TOKEN)
        if not token:
            raise UserError(f"token: a cluster can be reached from other machines: set {TOKEN} to a secret")
        return ServeConfig(
            host=_HOST, token=token, hosts=_listed(self.hosts), origins=_listed(self.origins),
            voices=Path(self.voices) if self.voices else default_voices_folder(), whisper=self.whisper,
            decoder=self.decoder, device=self.device, warm=self.warm,
            # Ray bounds what waits
            queue=replace(QueueConfig(), workers=self.workers, waiting=self.max_ongoing_requests),
        )  # fmt: skip


def app(settings: RayServeSettings) -> "Application":
    """The application for ``serve run`` and ``serve.run``.

    Raises:
        UserError: no token; more replicas at least than at most.
    """
    if settings.min_replicas > settings.max_replicas:
        raise UserError(f"min_replicas: {settings.min_replicas} is more than max_replicas, {settings.max_replicas}")
    config = settings.config()
    replica = serve.ingress(_replica(config, max(1, int(settings.cpus)), Surroundings.here()))()
    deployment = serve.deployment(
        replica,
        name="nuanced-speech",
        ray_actor_options={"num_cpus": settings.cpus, "num_gpus": settings.gpus},
        max_ongoing_requests=settings.max_ongoing_requests,
        max_queued_requests=settings.max_queued_requests,
        backpressure_config=BackpressureConfig(status_code=429, retry_after_s=_RETRY_SECONDS),
        autoscaling_config=AutoscalingConfig(
            min_replicas=settings.min_replicas,
            max_replicas=settings.max_replicas,
            target_ongoing_requests=settings.target_ongoing_requests,
        ),
        graceful_shutdown_timeout_s=config.shutdown_seconds,
    )
    return deployment.bind()  # type: ignore[attr-defined]


def _replica(config: ServeConfig, thread_count: int, surroundings: Surroundings) -> Callable[[], FastAPI]:
    """What makes the application in the process of a replica, its models loaded."""

    def build() -> FastAPI:
        surroundings.enter()
        threads.limit(thread_count)
        engine = engine_of(config)
        engine.load(config.warm)
        return create_app(config, engine)

    return build


def _listed(names: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in names.split(",") if part.strip())
