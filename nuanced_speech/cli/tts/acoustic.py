"""``nuanced-speech tts train`` and ``tts infer``."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nuanced_speech.cli.config_options import options_of
from nuanced_speech.core.errors import UserError
from nuanced_speech.tts.configs import AcousticTrainConfig, LMTrainConfig

if TYPE_CHECKING:
    from torch import Tensor

    from nuanced_speech.tts.acoustic.infer import Piece
    from nuanced_speech.tts.acoustic.interface import AcousticModel
    from nuanced_speech.tts.vocoders import Vocoder

DEFAULT_SPEAKER = "af_heart"


FLAGS = "--guided-attention, --frame-dropout, --reduction and --one-voice"


GuideUntil = Annotated[
    float,
    typer.Option(
        metavar="SHARE",
        help="Share of the training after which guided attention is gone; it fades from half of it on. "
        "0 keeps it (tacotron2).",
    ),
]
StartFrom = Annotated[
    str | None,
    typer.Option(
        metavar="WEIGHTS",
        help="Fine-tune these: the file of an earlier training, or 'packaged' for the ETTS model that is shipped.",
    ),
]


@options_of(AcousticTrainConfig, left_out=("model", "out", "settings", "start_from"))
def train(
    config: AcousticTrainConfig,
    model: Annotated[str, typer.Option(help="Model: etts, tacotron2 or codec-lm.")] = "etts",
    out: Annotated[
        Path | None, typer.Option(help="Folder of checkpoint, weights and TensorBoard; models/tts-MODEL by default.")
    ] = None,
    guided_attention: Annotated[
        bool,
        typer.Option("--guided-attention", help="Guided attention: a loss that draws it to the diagonal (tacotron2)."),
    ] = False,
    guide_until: GuideUntil = 0.5,
    frame_dropout: Annotated[
        float,
        typer.Option(
            metavar="SHARE", help="Share of the true frames that are hidden from the decoder, such as 0.25 (tacotron2)."
        ),
    ] = 0.0,
    reduction: Annotated[int, typer.Option(help="Frames of a decoder step; 2 or 3 align sooner (tacotron2).")] = 1,
    one_voice: Annotated[
        bool, typer.Option("--one-voice", help="No speaker embedding, as published (tacotron2).")
    ] = False,
    start_from: StartFrom = None,
) -> None:
    """Train a model from phonemes and a speaker to mel spectrograms.

    Examples:

      nuanced-speech tts dummy data/dummy && nuanced-speech tts train --data data/dummy --steps 200

      nuanced-speech tts train --model tacotron2 --data data/ljspeech --guided-attention --batch-size 32

      nuanced-speech tts train --data data/mine --start-from packaged --lr 1e-4 --steps 500 --out models/mine

      tensorboard --logdir models
    """
    settings = tacotron2_settings(guided_attention, guide_until, frame_dropout, reduction, one_voice)
    if model == "codec-lm":
        _train_codec_lm(config, out, bool(settings) or start_from is not None)
        return
    if settings and model != "tacotron2":
        raise UserError(f"{FLAGS} are for --model tacotron2")
    for name, share in (("guide-until", guide_until), ("frame-dropout", frame_dropout)):
        if not 0 <= share <= 1:
            raise UserError(f"--{name} is {share:g}: give a number from 0 to 1")
    if not 1 <= reduction <= 10:
        raise UserError(f"--reduction is {reduction}: give a whole number from 1 to 10")
    from nuanced_speech.tts.acoustic.train import train as run
    from nuanced_speech.tts.acoustic.weights import PACKAGED

    start = PACKAGED if start_from == "packaged" else Path(start_from) if start_from else None
    out = out or Path("models") / f"tts-{model}"
    run(replace(config, model=model, out=out, settings=settings, start_from=start), report=print)


def tacotron2_settings(
    guided_attention: bool, guide_until: float, frame_dropout: float, reduction: int, one_voice: bool
) -> dict[str, object]:
    """Settings of Tacotron 2 that are given and differ from its defaults."""
    settings: dict[str, object] = {}
    if guided_attention:
        settings |= {"guided_attention": 1.0, "guide_until": guide_until}
    if frame_dropout:
        settings["frame_dropout"] = frame_dropout
    if reduction != 1:
        settings["reduction"] = reduction
    if one_voice:
        settings["speaker"] = False
    return settings


def _train_codec_lm(config: AcousticTrainConfig, out: Path | None, others: bool) -> None:
    """Train the codec language model by what it has in common with the acoustic models.

    Raises:
        UserError: other options are given.
    """
    from nuanced_speech.cli.tts.codec_lm import train_with
    from nuanced_speech.core.device import find_device

    given = config.epochs, config.minutes, config.evaluate, config.trim, config.resume, config.precision != "auto"
    if others or any(given) or config.steps < 1 or config.batch_size < 1 or config.lr <= 0:
        raise UserError(
            "codec-lm has --data, --out, --steps, --batch-size, --lr, --seed and --device in common with the others"
            " (and goes on by itself when run again); the rest is in: nuanced-speech tts codec-lm train --help"
        )
    where, folder = str(find_device(config.device)), out or Path("models/codec-lm")
    common = {name: getattr(config, name) for name in ("data", "steps", "batch_size", "lr", "seed")}
    train_with(LMTrainConfig(**common, out=folder, device=where))


Words = Annotated[
    list[str],
    typer.Argument(
        metavar="[TEXT] OUT",
        help="Text (leave it out with --phonemes) and the file to write: WAV, FLAC, OGG, Opus, MP3 or M4A by its name.",
    ),
]
Speaker = Annotated[
    str, typer.Option(help="A recording, a stock voice (af_heart), or an .npz that 'tts features' wrote.")
]
Checkpoint = Annotated[
    Path | None, typer.Option(help="File best.safetensors that 'tts train' wrote; the packaged ETTS model by default.")
]
Model = Annotated[
    str | None, typer.Option(help="Model: codec-lm speaks by codec tokens; other models are known by their checkpoint.")
]
Phonemes = Annotated[str | None, typer.Option(help="Say these instead of a text: IPA as misaki writes it.")]
Pause = Annotated[float, typer.Option(metavar="SECONDS", help="Between sentences; paragraphs get twice as much.")]
MelFile = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Also write the mel spectrogram ([frames, 80], .npy).")
]
AlignmentFile = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Draw when each phoneme of the first sentence is said (.png, .svg, .pdf)."),
]
VocoderName = Annotated[str, typer.Option(help="A vocoder's name, or a file that 'tts train-vocoder' wrote.")]


def infer(
    words: Words,
    speaker: Speaker = DEFAULT_SPEAKER,
    checkpoint: Checkpoint = None,
    model: Model = None,
    phonemes: Phonemes = None,
    speed: Annotated[float, typer.Option(help="Speed, 0.5 to 2.")] = 1.0,
    pause: Pause = 0.4,
    language: Annotated[str, typer.Option(help="Language of the text: en, es, fr, hi, it, pt, ja or zh.")] = "en",
    vocoder: VocoderName = "default",
    mel: MelFile = None,
    alignment: AlignmentFile = None,
    seed: Annotated[int, typer.Option(help="Random seed of tacotron2, which is random when speaking too.")] = 0,
    device: Annotated[str, typer.Option(help="Device (auto, cpu, cuda, …).")] = "cpu",
) -> None:
    """Say a text with a model that 'tts train' made, in anybody's voice.

    Examples:

      nuanced-speech tts infer "Hello there." hello.wav --speaker me.wav

      nuanced-speech tts infer "Good morning." a.ogg --speaker bf_emma --checkpoint models/tts-etts/best.safetensors

      nuanced-speech tts infer --phonemes "həlˈO wˈɜɹld." hello.wav
    """
    from nuanced_speech import audio

    if model not in (None, "etts", "tacotron2", "codec-lm"):
        raise UserError(f"unknown model {model!r}: choose etts, tacotron2 or codec-lm")
    if len(words) != 1 + (phonemes is None):
        needed = 'the text and the file to write: nuanced-speech tts infer "Hello." out.wav'
        raise UserError(f"give {'the file to write and no text besides --phonemes' if phonemes else needed}")
    audio.check_writable(words[-1])
    if Path(speaker).resolve() == Path(words[-1]).resolve():
        raise UserError(f"{speaker} is the speaker and the file to write: give the output another name")
    _check_pictures(mel, alignment)
    if model == "codec-lm":
        if phonemes or mel or alignment or speed != 1:
            raise UserError("codec-lm says text in its own pace: leave out --phonemes, --mel, --alignment and --speed")
        _say_with_codec_lm(words, speaker, checkpoint, seed, device)
        return

    from nuanced_speech.core.device import find_device
    from nuanced_speech.tts import vocoders
    from nuanced_speech.tts.acoustic import weights
    from nuanced_speech.tts.acoustic.infer import Piece, pieces_of, token_ids
    from nuanced_speech.tts.acoustic.speakers import embedding_of

    loaded = weights.load(checkpoint, find_device(device))
    if model not in (None, loaded.name):
        raise UserError(
            f"{checkpoint or 'the packaged model'} is of {loaded.name}, not {model}: give a --checkpoint of it"
        )
    if phonemes is not None:
        token_ids(phonemes, strict=True)
        pieces = [Piece(phonemes, 0.0)]
    else:
        pieces = pieces_of(words[0], language, pause)
    _say(pieces, loaded, vocoders.load(vocoder), embedding_of(speaker), speed, seed, words[-1], mel, alignment)


def _say_with_codec_lm(words: list[str], speaker: str, checkpoint: Path | None, seed: int, device: str) -> None:
    from nuanced_speech.cli.tts.codec_lm import infer as run

    prompt = Path(speaker) if speaker != DEFAULT_SPEAKER else None
    run(words[0], Path(words[-1]), checkpoint or Path("models/codec-lm"), prompt, seed=seed, device=device)


def _check_pictures(mel: Path | None, alignment: Path | None) -> None:
    """Refuse names that the mel spectrogram and the drawing cannot be written under."""
    from nuanced_speech import audio

    if mel is not None:
        if mel.suffix != ".npy":
            raise UserError(f"{mel}: the mel spectrogram is written as .npy; end the name in it")
        audio.check_replaceable(mel)
    if alignment is not None:
        if alignment.suffix not in (".png", ".svg", ".pdf"):
            raise UserError(f"{alignment}: cannot draw into this; end the name in .png, .svg or .pdf")
        audio.check_replaceable(alignment)


def _say(
    pieces: "list[Piece]",
    model: "AcousticModel",
    vocoder: "Vocoder",
    speaker: "Tensor",
    speed: float,
    seed: int,
    out: str,
    mel: Path | None,
    alignment: Path | None,
) -> None:
    """Say pieces of text one after the other into a file; the mel spectrogram and a drawing where they are wanted."""
    import numpy as np

    from nuanced_speech import audio
    from nuanced_speech.cli.progress import bar
    from nuanced_speech.tts.acoustic.board import draw_alignment
    from nuanced_speech.tts.acoustic.infer import stream

    mels, drawn = [], False
    with bar("saying") as advance, audio.AudioWriter(out, vocoder.mel.sample_rate) as writer:
        for sentence in stream(pieces, model, vocoder, speaker, speed, seed, advance):
            writer.write(sentence.audio)
            mels.append(sentence.mel)
            if alignment is not None and not drawn:
                draw_alignment(alignment, sentence.alignment, sentence.phonemes, sentence.seconds)
                drawn = True
    if mel is not None:
        with audio.replacing(mel) as temporary:
            np.save(temporary, np.concatenate(mels))
