"""``nuanced-speech describe``: voices from a description."""

from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from nuanced_speech.cli.voice_tools import console, messages, speak_sample, with_bar
from nuanced_speech.core.errors import UserError

if TYPE_CHECKING:
    from nuanced_speech.voice.voice import Voice
    from nuanced_speech.voicemaking.description import Described
    from nuanced_speech.voicemaking.description_vocabulary import VoiceRequest


def describe(
    description: Annotated[str, typer.Argument(help="Description in English: the speaker and the manner.")],
    name: Annotated[str, typer.Option(help="Name of the voice and of its files.")],
    out: Annotated[Path, typer.Option(help="Folder for the files. Created if it is missing.")] = Path("voices"),
    candidates: Annotated[
        int, typer.Option(min=1, max=8, help="Number of voices, NAME-1, NAME-2 …, each from another stock voice.")
    ] = 1,
    seed: Annotated[
        int, typer.Option(min=0, help="Random seed. It chooses among stock voices that fit about equally.")
    ] = 0,
    text: Annotated[
        str | None, typer.Option(help="Text of the sample. If omitted, a sentence in the voice's language.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwriting of voices of that name.")] = False,
) -> None:
    """Make a voice from a description, and print the requested and the measured attributes.

    A description may name sex, age, accent, pitch, melody, pace, energy, brightness, warmth, breathiness and manners,
    with "very", "slightly" and "not". Words that are not understood are listed. The files NAME.pt, .npz and
    .safetensors hold the voice, NAME.wav a sample.

    Examples:

      nuanced-speech describe "older woman, calm, low, slow storyteller, British" --name grandma

      nuanced-speech describe "cheerful young man, slightly breathy" --name sunny --candidates 3

      nuanced-speech say "Once upon a time." tale.wav --voice grandma
    """
    from nuanced_speech.core.files import check_replaceable, make_folder
    from nuanced_speech.voice.files import check_name, check_writable
    from nuanced_speech.voicemaking.description_vocabulary import parse_description

    request = parse_description(description)
    check_name(name)
    _list_unknown(request)
    names = [name] if candidates == 1 else [f"{name}-{k + 1}" for k in range(candidates)]
    _check_free(names, out, force)
    for voice_name in names:
        check_writable(voice_name, out)
        if out.exists():
            check_replaceable(_sample_path(out, voice_name))

    from nuanced_speech.cli.checks import find_kokoro
    from nuanced_speech.models.bank import shared_bank
    from nuanced_speech.voicemaking.attributes import stock_attributes
    from nuanced_speech.voicemaking.description import make_voice, nearest_stock_voices

    stock_names = nearest_stock_voices(request, stock_attributes(), candidates, seed)
    if len(stock_names) < candidates:
        raise UserError(f"candidates: only {len(stock_names)} stock voices have that accent; ask for fewer")
    find_kokoro()
    make_folder(out)
    models = shared_bank("cpu")
    for voice_name, start in zip(names, with_bar(stock_names, "speaking and measuring"), strict=True):
        described = make_voice(request, start, models.kokoro, models.speaker_encoder, seed=seed)
        recipe = f"{start}, seed {seed}: {description}"
        _save(_voice(voice_name, described, recipe), described, out, text, force)


def _list_unknown(request: "VoiceRequest") -> None:
    from nuanced_speech.voicemaking.description_vocabulary import suggestion

    for word in request.unknown:
        like = suggestion(word)
        hint = f" (did you mean {like}?)" if like else ""
        messages.print(f"not understood: {word}{hint}", style="yellow", markup=False)


def _check_free(names: list[str], folder: Path, force: bool) -> None:
    from nuanced_speech.voice.files import check_free

    for name in names:
        check_free(name, folder, force)
        sample = _sample_path(folder, name)
        if sample.exists() and not force:
            raise UserError(f"{sample} is there already: choose another --name, or --force to overwrite it")


def _voice(name: str, described: "Described", recipe: str) -> "Voice":
    from nuanced_speech.voice.provenance import new_provenance
    from nuanced_speech.voice.stock import VOICE_LANGUAGES, iso_639
    from nuanced_speech.voice.voice import Voice
    from nuanced_speech.voicemaking.attributes import NAMES

    values = dict(zip(NAMES, described.profile.attributes.tolist(), strict=True))
    provenance = new_provenance(
        "described",
        language=iso_639(VOICE_LANGUAGES[described.start[0]]),
        recipe=recipe,
        attributes={key: value for key, value in values.items() if isfinite(value)},
    )
    return Voice(name, described.pack, provenance)


def _save(voice: "Voice", described: "Described", folder: Path, text: str | None, force: bool) -> None:
    """Write a voice and its sample, and print the attributes and the names of the files."""
    from nuanced_speech import audio

    sample = _sample_path(folder, voice.name)
    paths = voice.save(folder, force)
    audio.write(sample, speak_sample(voice, text), comment=voice.mark)
    console.print(_attributes_table(voice.name, described))
    for path in (*paths, sample):
        console.print(str(path), markup=False, highlight=False, soft_wrap=True)


def _attributes_table(name: str, described: "Described") -> Table:
    """Requested and measured attributes, beside those of the stock voice that it was made from."""
    from nuanced_speech.voicemaking.attributes import ATTRIBUTES, stock_attributes

    stock = stock_attributes()
    begin = stock.values[stock.names.index(described.start)]
    title = f"{name}, made from {described.start}"
    table = Table("attribute", "", "requested", "measured", described.start, title=title, title_justify="left")
    columns = zip(ATTRIBUTES, described.targets, described.profile.attributes, begin, strict=True)
    for attribute, target, value, before in columns:
        requested = attribute.show(target) if isfinite(target) else ""
        table.add_row(
            attribute.name,
            f"{attribute.low} … {attribute.high}",
            requested,
            attribute.show(value),
            attribute.show(before),
            style="bold" if requested else "dim",
        )
    return table


def _sample_path(folder: Path, name: str) -> Path:
    return folder / f"{name}.wav"
