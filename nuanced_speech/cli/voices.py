"""``nuanced-speech voices``: lists, shows, speaks and maps voices."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from nuanced_speech.cli.voice_tools import console, messages, speak_sample, with_bar
from nuanced_speech.core.errors import UserError

if TYPE_CHECKING:
    import numpy as np

    from nuanced_speech.voice.voice import Voice

app = typer.Typer(help="Voices: list them, show one, let one speak, draw a map.", no_args_is_help=True)

Folder = Annotated[
    Path | None,
    typer.Option(
        "--voices",
        metavar="DIR",
        help="Folder of your own voices. If omitted, voices/ and your folder of kept voices (voices keep).",
    ),
]
Name = Annotated[str, typer.Argument(help="Voice: one of your own, a stock voice, a mix or a voice pack file.")]


@app.command("list")
def list_voices(folder: Folder = None) -> None:
    """Show all voices, your own first: accent, unusual attributes, pitch and pace.

    Example:

      nuanced-speech voices list
    """
    import numpy as np

    from nuanced_speech.voice.voice import Voice
    from nuanced_speech.voicemaking.attributes import ATTRIBUTES, NAMES, PITCH, stock_attributes
    from nuanced_speech.voicemaking.description_vocabulary import ACCENT_NAMES

    stock, pace = stock_attributes(), NAMES.index("pace")
    table = Table("voice", "kind", "speaks", "unusual among the stock voices of that sex", "pitch", "pace")

    def row(name: str, voice: Voice, values: "np.ndarray | None", style: str | None = None) -> None:
        numbers = [f"(not measured: voices show {name})", "", ""]
        if values is not None:
            numbers = [stock.describe(values), *(ATTRIBUTES[k].show(values[k]) for k in (PITCH, pace))]
        table.add_row(escape(name), escape(voice.provenance.kind), ACCENT_NAMES[_letter(voice)], *numbers, style=style)

    for name, voice in _own(folder):
        stored = voice.provenance.attributes
        row(name, voice, np.array([stored[key] for key in NAMES]) if set(NAMES) <= set(stored) else None, "bold")
    for name, values in zip(stock.names, stock.values, strict=True):
        row(name, Voice.load(name), values)
    console.print(table)


@app.command()
def show(name: Name, folder: Folder = None) -> None:
    """Show the attributes of a voice, the stock voices that sound most like it, and its origin.

    Example:

      nuanced-speech voices show grandma
    """
    from nuanced_speech.voicemaking.attributes import ATTRIBUTES, stock_attributes
    from nuanced_speech.voicemaking.description_vocabulary import ACCENT_NAMES

    stock = stock_attributes()
    voice = _load(name, folder)
    values, embedding = _measured(voice)
    mean, spread = stock.typical("f" if values[0] > 0 else "m")
    table = Table("attribute", "", "value", "from the mean of that sex", title=escape(name), title_justify="left")
    for attribute, value, score in zip(ATTRIBUTES, values, (values - mean) / spread, strict=True):
        sides = f"{attribute.low} … {attribute.high}"
        table.add_row(attribute.name, sides, attribute.show(value), f"{score:+.1f} SD")
    console.print(table)
    console.print(stock.describe(values))
    near = ", ".join(f"{voice} {cosine:.2f}" for voice, cosine in stock.nearest(embedding, but=name)[:5])
    console.print(f"sounds most like: {near}", highlight=False)
    origin = voice.provenance
    recordings = "; ".join(f"{source.name} (sha256 {source.sha256[:12]}…)" for source in origin.sources)
    for key, value in (
        ("kind", origin.kind), ("language", origin.language), ("speaks", ACCENT_NAMES[_letter(voice)]),
        ("recipe", origin.recipe), ("recordings", recordings),
        ("consent", origin.consent), ("date", origin.date), ("made by", origin.encoder),
    ):  # fmt: skip
        if value:
            console.print(f"{key}: {value}", markup=False, highlight=False, soft_wrap=True)


@app.command()
def sample(
    name: Name,
    out: Annotated[Path, typer.Argument(help="Audio file to write: WAV, FLAC, OGG, Opus, MP3 or M4A.")],
    text: Annotated[str | None, typer.Option(help="Text to speak. A test sentence if omitted.")] = None,
    folder: Folder = None,
) -> None:
    """Speak a sentence with a voice, in its own language if the packages for that are installed.

    Example:

      nuanced-speech voices sample bf_emma emma.wav
    """
    from nuanced_speech import audio
    from nuanced_speech.cli.checks import find_kokoro

    audio.check_writable(out)
    voice = _load(name, folder)
    find_kokoro()
    audio.write(out, speak_sample(voice, text), comment=voice.mark)
    console.print(str(out), markup=False, highlight=False, soft_wrap=True)


@app.command("map")
def draw_map(
    out: Annotated[Path, typer.Argument(help="Map to write: .png, or .html, which shows attributes on hovering.")],
    mark: Annotated[
        list[str] | None, typer.Option(help="Voice, mix or voice pack file to highlight. May be repeated.")
    ] = None,
    folder: Folder = None,
) -> None:
    """Draw a map of all voices, your own included: voices that sound alike lie close together.

    Examples:

      nuanced-speech voices map voices.png --mark grandma

      nuanced-speech voices map voices.html --mark me.pt --mark af_heart:0.5,bm_george:0.5
    """
    from nuanced_speech import audio
    from nuanced_speech.core.plotting import require_matplotlib
    from nuanced_speech.voicemaking.attributes import stock_attributes
    from nuanced_speech.voicemaking.voice_map import SUFFIXES, MappedVoice, voice_map

    if out.suffix.lower() not in SUFFIXES:
        raise UserError(f"{out}: a map is a .png or .html file; end the name in one of them")
    audio.check_replaceable(out)
    if out.suffix.lower() == ".png":
        require_matplotlib()
    stock, marked = stock_attributes(), mark or []
    voices = dict(_own(folder)) | {name: _load(name, folder) for name in marked if name not in stock.names}
    others = []
    for name, voice in with_bar(list(voices.items()), "speaking and measuring"):
        values, embedding = _measured(voice)
        others.append(MappedVoice(Path(name).stem if "/" in name else name, embedding, values, name in marked))
    voice_map(stock, others, marked).save(out)
    console.print(str(out), markup=False, highlight=False, soft_wrap=True)


@app.command()
def keep(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="Voices of your own: names or voice files.")],
    force: Annotated[bool, typer.Option("--force", help="Overwriting of kept voices of these names.")] = False,
) -> None:
    """Copy voices to your own folder of kept voices, where --voice NAME finds them from every folder.

    The environment variable NUANCED_SPEECH_VOICES names another folder.

    Example:

      nuanced-speech voices keep grandma
    """
    from nuanced_speech.voice.stock import user_folder
    from nuanced_speech.voice.voice import Voice

    for voice in [Voice.load(name) for name in names]:
        for path in voice.save(user_folder(), force):
            console.print(str(path), markup=False, highlight=False, soft_wrap=True)


def _load(name: str, folder: Path | None) -> "Voice":
    """A voice of a folder, or another voice that ``Voice.load`` takes.

    Raises:
        UserError: as ``Voice.load``.
    """
    from nuanced_speech.voice.stock import own_voices
    from nuanced_speech.voice.voice import Voice

    return Voice.load(own_voices(folder).get(name, name))


def _own(folder: Path | None) -> "Iterator[tuple[str, Voice]]":
    """The voices of a folder. Files that are no voices are left out, with a message."""
    from nuanced_speech.voice.stock import own_voices
    from nuanced_speech.voice.voice import Voice

    for name, path in own_voices(folder).items():
        try:
            yield name, Voice.load(path)
        except UserError as error:
            messages.print(f"left out: {error}", style="yellow", markup=False, highlight=False, soft_wrap=True)


def _measured(voice: "Voice") -> "tuple[np.ndarray, np.ndarray]":
    """Attributes ``[9]`` and speaker embedding ``[256]``: packaged for stock voices, measured for others."""
    from nuanced_speech.models.bank import shared_bank
    from nuanced_speech.voicemaking.attributes import stock_attributes
    from nuanced_speech.voicemaking.profile import measure_profile

    stock = stock_attributes()
    if voice.provenance.kind == "stock" and voice.name in stock.names:
        k = stock.names.index(voice.name)
        return stock.values[k], stock.embeddings[k]
    models = shared_bank("cpu")
    profile = measure_profile(models.kokoro, models.speaker_encoder, voice.pack, british=_letter(voice) == "b")
    return profile.attributes, profile.embedding


def _letter(voice: "Voice") -> str:
    """First letter of the names of the stock voices with the language of a voice."""
    from nuanced_speech.synthesis.text_to_speech import language_of
    from nuanced_speech.voice.stock import VOICE_LANGUAGES

    return next(letter for letter, language in VOICE_LANGUAGES.items() if language == language_of(voice))
