"""``nuanced-speech tts pretrained``."""

from pathlib import Path
from typing import Annotated

import typer

from nuanced_speech.core.errors import UserError


def pretrained(
    text: Annotated[str, typer.Argument(help="Text to say, or (MusicGen) a description of the music.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="WAV, FLAC, OGG, Opus, MP3 or M4A, by its name.")],
    model: Annotated[
        str,
        typer.Option(
            help="A Bark, VITS (MMS) or MusicGen model of huggingface.co, suno/bark-small, facebook/mms-tts-eng or "
            "facebook/musicgen-small say, or a local folder that holds one. Weights are taken as safetensors only."
        ),
    ] = "facebook/mms-tts-eng",
    speaker: Annotated[str | None, typer.Option(help="Voice preset of Bark (v2/en_speaker_6, …).")] = None,
    seconds: Annotated[float | None, typer.Option(help="MusicGen: how long; 5 s by default.")] = None,
    device: Annotated[str, typer.Option(help="Device (cpu, cuda, cuda:1, …).")] = "cpu",
    seed: Annotated[int, typer.Option(help="The same seed gives the same sound.")] = 0,
) -> None:
    """Speak, or make music, with a pretrained model.

    Examples:

      nuanced-speech tts pretrained "Hello there." out.wav --model facebook/mms-tts-eng

      nuanced-speech tts pretrained "Well, [laughs] hello!" out.wav --model suno/bark-small --speaker v2/en_speaker_6

      nuanced-speech tts pretrained "slow piano, rain outside" out.wav --model facebook/musicgen-small --seconds 8
    """
    from nuanced_speech import audio

    audio.check_writable(out)
    if not text.strip():
        raise UserError("there is nothing to say in the text: give some words")
    if seconds is not None and not 0.1 <= seconds <= 30:
        raise UserError(f"--seconds {seconds:g}: MusicGen makes 0.1 to 30 s")
    from nuanced_speech.core.device import check_device

    check_device(device)
    from nuanced_speech.tts.pretrained import PretrainedConfig, speak

    wave, rate = speak(text, PretrainedConfig(model, speaker, seconds, seed, device))
    audio.write(out, wave, rate)
