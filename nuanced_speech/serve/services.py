"""The parts that the routes share."""

from dataclasses import dataclass

from nuanced_speech.serve.config import ServeConfig
from nuanced_speech.serve.consents import ConsentStore
from nuanced_speech.serve.engine import Engine
from nuanced_speech.serve.jobs import JobQueue
from nuanced_speech.serve.metrics import Metrics
from nuanced_speech.serve.uploads import UploadDecoder
from nuanced_speech.serve.voices import VoiceStore


@dataclass(frozen=True)
class Services:
    """Models, queue, decoder, stores and counters of one server."""

    config: ServeConfig
    engine: Engine
    queue: JobQueue
    decoder: UploadDecoder
    voices: VoiceStore
    consents: ConsentStore
    metrics: Metrics

    @classmethod
    def made(cls, config: ServeConfig, engine: Engine) -> "Services":
        """The parts of a server with a configuration."""
        queue = JobQueue(config.queue, engine.share)
        metrics = Metrics(lambda: queue.waiting, lambda: queue.running, lambda: queue.stopped)
        limits = config.limits
        return cls(
            config, engine, queue, UploadDecoder(limits.decode_seconds),
            VoiceStore(config.voices, limits.custom_voices), ConsentStore(limits.consents), metrics,
        )  # fmt: skip
