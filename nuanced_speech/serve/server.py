"""Runs the application until the process is told to stop; requests in progress are finished then."""

import socket
from collections.abc import Callable

import uvicorn

from nuanced_speech.core.errors import UserError
from nuanced_speech.serve.app import create_app, engine_of
from nuanced_speech.serve.config import ServeConfig
from nuanced_speech.serve.engine import Engine

Ready = Callable[[str], None]


def serve(config: ServeConfig, ready: Ready) -> None:
    """Load the models, and serve until SIGINT or SIGTERM.

    Args:
        config: settings.
        ready: called once with the server's address, when it answers requests.

    Raises:
        UserError: the address is taken or not this machine's; weights that cannot be found.
    """
    with listening(config) as sock:
        engine = engine_of(config)
        engine.load(config.warm)
        Server(config, ready, engine).run(sockets=[sock])


LARGEST_EVENT = 1 << 20
"""Bytes of an event of a WebSocket: 16 s of sound."""


class Server(uvicorn.Server):
    """A server that says when it answers.

    Args:
        config: settings.
        ready: called with the server's address.
        engine: what computes.
    """

    def __init__(self, config: ServeConfig, ready: Ready, engine: Engine) -> None:
        app = create_app(config, engine)
        self.app = app
        super().__init__(
            uvicorn.Config(
                app, config.host, config.port, log_config=None, access_log=False, server_header=False,
                timeout_graceful_shutdown=config.shutdown_seconds, ws="websockets-sansio", ws_max_size=LARGEST_EVENT,
                # the tested ones, also where another package (ray[serve]) has brought uvloop and httptools
                lifespan="on", loop="asyncio", http="h11",
            )
        )  # fmt: skip
        self.ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and say so."""
        await super().startup(sockets)
        if self.started and sockets:
            host, port = sockets[0].getsockname()[:2]
            self.ready(f"http://{f'[{host}]' if ':' in host else host}:{port}")


def listening(config: ServeConfig) -> socket.socket:
    """A socket on the address, taken before the models are loaded.

    Raises:
        UserError: it cannot be taken.
    """
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((config.host, config.port))
    except OSError as error:
        sock.close()
        raise UserError(f"port: cannot listen on {config.host}:{config.port} ({error.strerror})") from None
    return sock
