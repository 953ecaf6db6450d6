"""Entry point of the training recipe; the code is in `nuanced_speech.train.style_encoder`."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from nuanced_speech.core.errors import UserError


def main(
    text_file: Annotated[Path | None, typer.Option(help="Training text, one sentence a line.")] = None,
    voices: Annotated[str | None, typer.Option(help="Voices of the reference speech, separated by commas.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Times through all segments.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Segments in a step.")] = None,
    lr: Annotated[float | None, typer.Option(help="Learning rate at its peak.")] = None,
    whisper: Annotated[str | None, typer.Option(help="Whisper size: base, tiny.en, small ...")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu or cuda.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for audio, report, TensorBoard log and cache.")] = None,
    models: Annotated[Path | None, typer.Option(help="Folder for checkpoint and weights.")] = None,
    seed: Annotated[int | None, typer.Option(help="Everything random follows from it.")] = None,
    audio_epochs: Annotated[str | None, typer.Option(help="Write all segments after these epochs: 5,10.")] = None,
    corpus: Annotated[Path | None, typer.Option(help="Folder of 'nuanced-speech train corpus'.")] = None,
    preset: Annotated[str, typer.Option(help="small: ten minutes on two cores; full: for a GPU.")] = "small",
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the checkpoint.")] = False,
) -> None:
    """Train the style encoder on speech that Kokoro makes itself from one text in many voices."""
    from nuanced_speech.train import settings
    from nuanced_speech.train import style_encoder as multispeech

    given: dict[str, Any] = {
        "text_file": text_file,
        "voices": None if voices is None else tuple(name.strip() for name in voices.split(",") if name.strip()),
        "epochs": epochs,
        "batch_size": batch_size,
        "lr": lr,
        "whisper": whisper,
        "device": device,
        "out": out,
        "models": models,
        "seed": seed,
        "audio_epochs": None if audio_epochs is None else settings.parse_epochs(audio_epochs),
        "corpus": corpus,
    }
    config = replace(settings.preset(preset), resume=resume, **{k: v for k, v in given.items() if v is not None})
    multispeech.train(config, report=print)


if __name__ == "__main__":
    try:
        typer.run(main)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
