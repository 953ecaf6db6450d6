"""``nuanced-speech live``: a voice that is converted while it speaks."""

import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from nuanced_speech.cli.arguments import Device, SynthesisSeed
from nuanced_speech.cli.live_line import live_line
from nuanced_speech.core.errors import UserError

if TYPE_CHECKING:
    import numpy as np

    from nuanced_speech.live.config import LiveConfig
    from nuanced_speech.live.session import LiveFigures
    from nuanced_speech.live.streams import LiveStream

console = Console(stderr=True)

Voice = Annotated[
    str | None,
    typer.Option(
        help="Voice of the output: a stock voice (af_heart), one of your own, a mix, a voice pack file or a recording. "
        "Your own voice if omitted."
    ),
]
Mode = Annotated[
    str,
    typer.Option(help="Mode: phrase (at each pause, best quality) or block (a fraction of a second behind)."),
]
Pitch = Annotated[float, typer.Option(metavar="SEMITONES", help="Interval by which the melody is raised.")]
Input = Annotated[str | None, typer.Option(help="Microphone: number or part of a name. The system's own if omitted.")]
Output = Annotated[
    str | None,
    typer.Option(help="Speaker, or a virtual cable that calls use as microphone. The system's own if omitted."),
]
Devices = Annotated[bool, typer.Option("--devices", help="List of the sound devices; nothing is converted.")]
Block = Annotated[
    float,
    typer.Option(
        min=0.1,
        max=2.0,
        metavar="SECONDS",
        help="Length of a block, rounded to tenths. Blocks grow on slow machines.",
    ),
]
BlockOrPhrase = Annotated[
    str | None,
    typer.Option(
        "--decoder",
        metavar="kokoro|fast|FILE",
        help="Decoder that makes the sound (see convert). Kokoro's for phrases and the fast one for blocks if omitted.",
    ),
]
Source = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Recording that plays in real time in place of a microphone.")
]
Write = Annotated[
    Path | None, typer.Option(metavar="FILE", help="File for the output, at the times when it was played.")
]


def live(
    voice: Voice = None,
    mode: Mode = "phrase",
    pitch_shift: Pitch = 0.0,
    input: Input = None,
    output: Output = None,
    devices: Devices = False,
    block: Block = 0.3,
    decoder: BlockOrPhrase = None,
    source: Source = None,
    write: Write = None,
    seed: SynthesisSeed = 0,
    device: Device = "cpu",
) -> None:
    """Convert a voice while it speaks, from the microphone to the speaker. Ctrl-C ends it.

    Examples:

      nuanced-speech live --voice af_heart

      nuanced-speech live --voice am_michael --output "virtual cable"

      nuanced-speech live --voice af_heart --source in.wav --write out.wav
    """
    # imported here, since torch takes seconds to import and --help does not need it
    from nuanced_speech.live import devices as sound_devices

    if devices:
        typer.echo(sound_devices.listed())
        return
    from nuanced_speech import audio
    from nuanced_speech.cli.checks import find_models
    from nuanced_speech.convert.converter import Converter
    from nuanced_speech.convert.options import ConversionOptions
    from nuanced_speech.core.device import check_device
    from nuanced_speech.live.config import BlockConfig, LiveConfig
    from nuanced_speech.live.engine import LiveEngine
    from nuanced_speech.models.bank import ModelBank
    from nuanced_speech.models.decoder import load_decoder

    check_device(device)
    config = LiveConfig(mode, block=BlockConfig(seconds=block, largest_seconds=max(1.6, block)))  # type: ignore[arg-type]
    _check_output(write, source, voice)
    find_models()
    wave = None
    if source is None:
        sound_devices.sound()
    else:
        wave = audio.read(source)
    options = ConversionOptions(voice=voice, path="direct", pitch_shift=pitch_shift, seed=seed)
    models = ModelBank(device)
    chosen = None if decoder is None else load_decoder(decoder, models)
    engine = LiveEngine(Converter(models, decoder=chosen), chosen)
    stream = engine.stream(options, config)
    engine.load()
    if wave is not None:
        _play(stream, config, wave, write)
    else:
        _converse(stream, config, input, output, write)


def _check_output(write: Path | None, source: Path | None, voice: str | None) -> None:
    """Find out before anything is loaded whether the output can be written.

    Raises:
        UserError: it cannot, or it is what is read.
    """
    if write is None:
        return
    from nuanced_speech import audio
    from nuanced_speech.core.files import check_apart

    audio.check_writable(write)
    check_apart(write, source, voice)


def _play(stream: "LiveStream", config: "LiveConfig", wave: "np.ndarray", write: Path | None) -> None:
    """A recording ``[T]`` in place of the microphone."""
    from nuanced_speech import audio
    from nuanced_speech.live.playback import play_through
    from nuanced_speech.live.recorder import recorder

    console.print(f"playing {len(wave) / audio.SAMPLE_RATE:.0f} s in real time", highlight=False)
    played = failure = None
    with recorder(write) as record:
        try:
            played = play_through(stream, wave, config, lambda loop: live_line(lambda: loop.status), record)
        except UserError as error:
            failure = error
    # what was recorded before is kept
    if failure is not None:
        raise failure
    assert played is not None
    _tell(played.figures, played.gaps)


def _converse(
    stream: "LiveStream", config: "LiveConfig", microphone: str | None, speaker: str | None, write: Path | None
) -> None:
    """From the microphone to the speaker, until Ctrl-C."""
    from nuanced_speech.live.devices import duplex
    from nuanced_speech.live.loop import LiveLoop
    from nuanced_speech.live.recorder import recorder

    # the sound device's thread must not wait for a disk, so that the file is written in this one
    played: deque[np.ndarray] = deque()
    loop = LiveLoop(stream, config, played.append)
    slow = False
    with recorder(write) as record:

        def write_played() -> None:
            while played:
                record(played.popleft())

        try:
            with duplex(loop.feed, loop, microphone, speaker):
                console.print("listening: speak; Ctrl-C ends it")
                with live_line(lambda: loop.status, microphone=True):
                    while loop.running and not slow:
                        time.sleep(0.2)
                        write_played()
                        slow = loop.status.figures.lost_seconds > 0
        except KeyboardInterrupt:
            pass
        figures = loop.close()
        write_played()
        record(loop.take(len(loop)))
    # what was recorded before is kept
    if loop.failure is not None:
        raise loop.failure
    if slow:
        raise UserError("this machine cannot follow: choose the mode phrase, or a longer block")
    _tell(figures, loop.status.gaps)


def _tell(figures: "LiveFigures", gaps: int) -> None:
    taken, given = figures.taken_seconds, figures.given_seconds
    largest, busy = figures.largest_delay_seconds, figures.busy_seconds
    console.print(
        f"{taken:.1f} s in, {given:.1f} s out, {busy:.1f} s of computing, at most {largest:.2f} s after a phrase or "
        f"block had come in; {gaps} gaps",
        highlight=False,
        soft_wrap=True,
    )
