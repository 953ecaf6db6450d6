"""``nuanced-speech serve``: an HTTP server that speaks, transcribes, converts and clones."""

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from nuanced_speech.cli.arguments import Decoder, Device, Whisper
from nuanced_speech.cli.language_model import LlmModel, LlmUrl, named_language_model
from nuanced_speech.core.errors import UserError

console = Console()
TOKEN = "NUANCED_SPEECH_TOKEN"

Host = Annotated[str, typer.Option(help="Address to listen on. Any but this machine's own needs a token.")]
Port = Annotated[int, typer.Option(help="Port to listen on. A free one is chosen for 0.")]
Token = Annotated[
    str | None,
    typer.Option(help=f"Secret that every request must name. The environment variable {TOKEN} is read if omitted."),
]
AllowHost = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME", help="Another name under which clients may address the server. May be repeated."),
]
AllowOrigin = Annotated[
    list[str] | None,
    typer.Option(metavar="URL", help="Web page's origin that may use the server. May be repeated."),
]
Voices = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR", help="Folder of the voices that clients ask to keep. The user's data folder if omitted."
    ),
]
Workers = Annotated[
    int | None, typer.Option(min=1, help="Requests that are worked on at once. Two to four, by the cores, if omitted.")
]
Queue = Annotated[int, typer.Option(min=0, help="Requests that may wait. Further ones are refused with status 429.")]
MaxCharacters = Annotated[int, typer.Option(min=1, help="Longest text of a request.")]
MaxUpload = Annotated[int, typer.Option(min=1, metavar="MIB", help="Largest request.")]
Fast = Annotated[
    bool, typer.Option("--fast", help="Decoder in bfloat16: faster on newer processors, slightly less exact.")
]


def serve(
    host: Host = "127.0.0.1",
    port: Port = 8880,
    token: Token = None,
    allow_host: AllowHost = None,
    allow_origin: AllowOrigin = None,
    voices: Voices = None,
    workers: Workers = None,
    queue: Queue = 32,
    max_characters: MaxCharacters = 20_000,
    max_upload: MaxUpload = 26,
    whisper: Whisper = "base",
    fast: Fast = False,
    decoder: Decoder = "kokoro",
    llm_url: LlmUrl = None,
    llm_model: LlmModel = None,
    device: Device = "cpu",
) -> None:
    """Serve speech, transcripts, conversion and voices over HTTP, for clients of OpenAI and ElevenLabs.

    Examples:

      nuanced-speech serve

      nuanced-speech serve --host 0.0.0.0 --token "$(openssl rand -hex 16)"
    """
    _require_packages()
    # imported here, since torch takes seconds to import and --help does not need it
    from nuanced_speech.core.device import check_device
    from nuanced_speech.dialogue.choice import language_model
    from nuanced_speech.models.whisper import check_size
    from nuanced_speech.serve.config import MIB, Limits, QueueConfig, ServeConfig, default_voices_folder

    check_device(device)
    check_size(whisper)
    llm = named_language_model(llm_url, llm_model)
    if llm_url is not None or llm_model is not None:
        language_model(*llm)
    config = ServeConfig(
        host=host,
        port=port,
        token=token or os.environ.get(TOKEN) or None,
        hosts=tuple(allow_host or ()),
        origins=tuple(allow_origin or ()),
        voices=voices or default_voices_folder(),
        whisper=whisper,
        device=device,
        fast=fast,
        decoder=decoder,
        llm_url=llm.url,
        llm_model=llm.model,
        llm_key=llm.key,
        limits=Limits(body_bytes=max_upload * MIB, characters=max_characters),
        queue=QueueConfig(workers=workers or QueueConfig().workers, waiting=queue),
    )
    from nuanced_speech.serve.server import serve as run

    run(config, lambda url: console.print(f"ready: {url}", highlight=False))


def _require_packages() -> None:
    if any(
        find_spec(name) is None for name in ("fastapi", "uvicorn", "av", "prometheus_client", "multipart", "websockets")
    ):
        raise UserError('the server needs packages of its own: pip install "nuanced-speech[serve]"')
