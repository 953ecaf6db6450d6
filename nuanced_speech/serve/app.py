"""The application: all routes behind the checks, and the errors in one shape."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.middleware.cors import CORSMiddleware

from nuanced_speech.core.version import __version__
from nuanced_speech.dialogue.choice import language_model
from nuanced_speech.models.bank import ModelBank
from nuanced_speech.models.decoder import load_decoder
from nuanced_speech.serve.config import ServeConfig
from nuanced_speech.serve.engine import Engine
from nuanced_speech.serve.errors import add_handlers
from nuanced_speech.serve.metrics import Observer, template_of
from nuanced_speech.serve.routes import (
    models,
    page_convert,
    page_files,
    page_voices,
    realtime,
    reply,
    speech,
    speech_to_speech,
    status,
    transcriptions,
    translations,
    voices,
)
from nuanced_speech.serve.security import Security
from nuanced_speech.serve.services import Services

FAMILIES = (
    speech, transcriptions, translations, speech_to_speech, voices, reply, realtime, models, status,
    page_files, page_convert, page_voices,
)  # fmt: skip


def engine_of(config: ServeConfig) -> Engine:
    """What computes, with one bank of models.

    Raises:
        UserError: the decoder cannot be read.
    """
    models, chosen = (
        ModelBank(config.device, config.whisper),
        partial(language_model, config.llm_url, config.llm_model, config.llm_key),
    )
    return Engine(models, config.fast, language_model=chosen, decoder=load_decoder(config.decoder, models))


def create_app(config: ServeConfig, engine: Engine | None = None) -> FastAPI:
    """The application of a server.

    Args:
        config: settings.
        engine: what computes; made of a bank of models of its own, which loads them when needed, if omitted.
    """
    services = Services.made(config, engine or engine_of(config))

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        services.decoder.start()
        yield
        await run_in_threadpool(services.queue.close)
        await run_in_threadpool(services.decoder.close)

    app = FastAPI(title="Nuanced Speech", version=__version__, lifespan=lifespan, docs_url=None, redoc_url=None)
    routers: list[Any] = [family.router(services) for family in FAMILIES]
    for router in routers:
        app.include_router(router)
    add_handlers(app)
    # the last one added is the outermost: a browser asks, without a token, whether it may send one
    app.add_middleware(Security, config=config)
    if config.origins:
        app.add_middleware(CORSMiddleware, allow_origins=config.origins, allow_methods=["*"], allow_headers=["*"])
    routes = [route for router in routers for route in router.routes]
    app.add_middleware(Observer, metrics=services.metrics, template=template_of(routes))
    app.state.services = services
    return app
