"""``nuanced-speech tts train-vocoder`` and ``tts vocode``."""

from pathlib import Path
from typing import Annotated

import typer

from nuanced_speech.cli.config_options import options_of
from nuanced_speech.cli.launched import print_once
from nuanced_speech.cli.progress import bar
from nuanced_speech.core.errors import UserError
from nuanced_speech.tts.configs import VocoderTrainConfig


@options_of(VocoderTrainConfig, arguments=("folders",))
def train_vocoder(config: VocoderTrainConfig) -> None:
    """Train a vocoder; run again to go on from its checkpoint.

    As published, hifigan is --size paper --lr 2e-4 --frames 32, waveglow --size paper --lr 1e-4 --frames 62; both want
    a GPU and days.

    Example:

      nuanced-speech tts train-vocoder recordings/ --out models/my-vocoder

      nuanced-speech tts vocode in.wav out.wav --vocoder models/my-vocoder/vocoder.safetensors
    """
    from nuanced_speech.tts.vocoders.train import train

    print_once(train(config, report=print))


def vocode(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="MEL_OR_WAV",
            help="A mel spectrogram (.npz of the ETTS format, or .npy of shape (frames, 80)), or a recording to "
            "take it from: copy synthesis.",
        ),
    ],
    out: Annotated[Path, typer.Argument(help="File to write: WAV, FLAC, OGG, Opus, MP3 or M4A, by its name.")],
    vocoder: Annotated[
        str,
        typer.Option(
            help="Vocoder: default, griffin-lim, vocos (from the hub), or a file that tts train-vocoder wrote."
        ),
    ] = "default",
) -> None:
    """Speak a mel spectrogram.

    Examples:

      nuanced-speech tts vocode in.wav out.wav

      nuanced-speech tts vocode features/LJ001-0001.npz out.flac --vocoder griffin-lim
    """
    if source.resolve() == out.resolve():
        raise UserError(f"{out}: input and output are the same file; give the output another name")
    from nuanced_speech import audio
    from nuanced_speech.tts.vocoders import load, speak
    from nuanced_speech.tts.vocoders.mel_input import read_mel

    audio.check_writable(out)
    chosen = load(vocoder)
    mel = read_mel(source, chosen.mel)
    with bar(source.name) as advance:
        wave = speak(mel, chosen, advance)
    audio.write(out, wave, chosen.mel.sample_rate)
