"""Entry point of the training recipe; the code is in `nuanced_speech.train.style_encoder`."""

import sys
from dataclasses import replace
from typing import Annotated, Any

import typer

from nuanced_speech.cli.config_options import changes_of
from nuanced_speech.core.errors import UserError
from nuanced_speech.train.settings import TrainConfig, parse_epochs
from nuanced_speech.train.settings import preset as preset_of


@changes_of(TrainConfig, texts=("voices", "held_out", "audio_epochs"))
def main(
    changes: dict[str, Any],
    preset: Annotated[str, typer.Option(help="small: ten minutes on two cores; full: for a GPU.")] = "small",
) -> None:
    """Train the style encoder on speech that Kokoro makes itself from one text in many voices.

    Voices and epochs are separated by commas. What is not given is as in the preset.
    """
    for name in {"voices", "held_out"} & set(changes):
        changes[name] = tuple(voice.strip() for voice in changes[name].split(",") if voice.strip())
    if "audio_epochs" in changes:
        changes["audio_epochs"] = parse_epochs(changes["audio_epochs"])
    config = replace(preset_of(preset), **changes)
    from nuanced_speech.train.style_encoder import train

    train(config, report=print)


if __name__ == "__main__":
    try:
        typer.run(main)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
