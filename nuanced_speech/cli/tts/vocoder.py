"""``nuanced-speech tts train-vocoder`` and ``tts vocode``."""

from pathlib import Path
from typing import Annotated

import typer

from nuanced_speech.cli.config_options import options_of
from nuanced_speech.cli.launched import print_once
from nuanced_speech.core.errors import UserError
from nuanced_speech.tts.configs import VocoderTrainConfig

# A full-scale sine has about 3.
LOUDEST_LOG_MEL = 6.0


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

    audio.check_writable(out)
    chosen = load(vocoder)
    audio.write(out, speak(read_mel(source, chosen.mel), chosen), chosen.mel.sample_rate)


def read_mel(path: Path, config):  # type: ignore[no-untyped-def]
    """Mel ``[80, frames]``, float32 numpy, of a file: ``.npz``, ``.npy`` or sound.

    Raises:
        UserError: the file cannot be read, or its mel is not of the vocoder's kind.
    """
    import numpy as np
    import torch

    from nuanced_speech import audio
    from nuanced_speech.core.numpy_files import read_array
    from nuanced_speech.dsp.mel import MEL, mel_spectrogram
    from nuanced_speech.tts import features

    if path.suffix not in (".npz", ".npy"):
        wave = audio.read(path, config.sample_rate)
        return mel_spectrogram(torch.from_numpy(wave)[None], config)[0].numpy()
    if config != MEL:
        raise UserError(
            f"{path}: this vocoder has a mel of its own kind; give it a recording, or use --vocoder default"
        )
    if path.suffix == ".npz":
        return checked(path, features.load(path).mel.T)
    mel = read_array(path, "an .npy file that can be read", "give a mel of shape (frames, bands) in one")
    if (
        mel.ndim != 2
        or not mel.size
        or mel.shape[1] != MEL.n_mels
        or mel.dtype.kind != "f"
        or not np.isfinite(mel).all()
    ):
        raise UserError(
            f"{path}: {mel.dtype} of shape {mel.shape}; a mel is finite floats of shape (frames, {MEL.n_mels})"
        )
    return checked(path, mel.T.astype(np.float32))


def checked(path: Path, mel):  # type: ignore[no-untyped-def]
    """The mel ``[80, frames]``, unless no sound within [-1, 1] can have it."""
    if mel.max() > LOUDEST_LOG_MEL:
        raise UserError(f"{path}: values up to {mel.max():.1f} are no natural logarithms of magnitudes of sound")
    return mel
