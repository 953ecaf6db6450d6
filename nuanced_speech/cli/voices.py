"""``nuanced-speech describe`` and ``nuanced-speech voices``."""

from collections.abc import Iterable, Iterator
from functools import cache
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import track
from rich.table import Table

from nuanced_speech.core.errors import UserError

if TYPE_CHECKING:
    import numpy as np

    from nuanced_speech.models.speaker_encoder import SpeakerEncoder
    from nuanced_speech.voice.voice import Voice
    from nuanced_speech.voicemaking.profile import Portrait

app = typer.Typer(help="Voices: list them, look at one, hear it, see where it lies.", no_args_is_help=True)
# What is asked for is printed to standard output, what is told besides to standard error.
console, aside = Console(), Console(stderr=True)

Folder = Annotated[Path, typer.Option("--voices", metavar="DIR", help="Folder of your own voices.")]
Name = Annotated[str, typer.Argument(help="One of your own voices, a stock voice, a mix or a voice pack file.")]


def describe(
    description: Annotated[str, typer.Argument(help="In English: who speaks, and how.")],
    name: Annotated[str, typer.Option(help="Of the voice, and so of its files.")],
    out: Annotated[Path, typer.Option(help="Folder for them; made if it is not there.")] = Path("voices"),
    candidates: Annotated[
        int, typer.Option(min=1, max=8, help="So many voices, NAME-1, NAME-2 …, each begun with another stock voice.")
    ] = 1,
    seed: Annotated[int, typer.Option(min=0, help="Another seed, another choice among what fits about equally.")] = 0,
    force: Annotated[bool, typer.Option("--force", help="Replace voices of that name.")] = False,
) -> None:
    """Make a voice from a description, and say what became of each thing asked for.

    Understood are sex, age, accent, pitch, melody, pace, energy, brightness, warmth, breathiness and manners, with
    "very", "slightly" and "not"; what was not understood is said. NAME.pt, .npz and .safetensors are the voice,
    NAME.wav is a sample of it.

    Examples:

      nuanced-speech describe "older woman, calm, low, slow storyteller, British" --name grandma

      nuanced-speech describe "cheerful young man, slightly breathy" --name sunny --candidates 3

      nuanced-speech say "Once upon a time." tale.wav --voice grandma
    """
    from nuanced_speech.voice.voice import Voice, check_free, check_name, made_now, make_folder
    from nuanced_speech.voicemaking import description_vocabulary as lexicon

    wish = lexicon.understand(description)
    check_name(name)
    for word in wish.unknown:
        like = lexicon.suggestion(word)
        aside.print(
            f"not understood: {word}" + (f" (did you mean {like}?)" if like else ""), style="yellow", markup=False
        )
    names = [name] if candidates == 1 else [f"{name}-{k + 1}" for k in range(candidates)]
    for made in names:
        check_free(made, out, force)
        if _sample_path(out, made).exists() and not force:
            raise UserError(f"{_sample_path(out, made)} is there already: choose another --name, or --force")
    make_folder(out)

    from nuanced_speech import audio
    from nuanced_speech.synthesis.text_to_speech import kokoro_on
    from nuanced_speech.voice.stock import VOICE_LANGUAGES, iso_639
    from nuanced_speech.voicemaking.attributes import NAMES, stock_attributes
    from nuanced_speech.voicemaking.description import make, starts

    begins = starts(wish, stock_attributes(), candidates, seed)
    if len(begins) < candidates:
        raise UserError(f"only {len(begins)} stock voices have that accent to begin with: ask for fewer --candidates")
    kokoro, encoder = kokoro_on("cpu"), _encoder()
    for made, start in zip(names, _progress(begins, "speaking and measuring"), strict=True):
        described = make(wish, start, kokoro, encoder, seed=seed)
        measured = dict(zip(NAMES, described.portrait.attributes.tolist(), strict=True))
        provenance = made_now(
            "described",
            language=iso_639(VOICE_LANGUAGES[start[0]]),
            recipe=f"{start}, seed {seed}: {description}",
            attributes={key: value for key, value in measured.items() if isfinite(value)},
        )
        voice = Voice(made, described.pack, provenance)
        paths = voice.save(out, force)
        audio.write(_sample_path(out, made), _say(voice, None), comment=voice.mark)
        console.print(_asked_and_measured(made, start, described.targets, described.portrait))
        for path in (*paths, _sample_path(out, made)):
            console.print(str(path), markup=False, highlight=False, soft_wrap=True)


@app.command("list")
def list_voices(folder: Folder = Path("voices")) -> None:
    """Show all voices, your own first: what they speak, what is special about them, pitch and pace."""
    import numpy as np

    from nuanced_speech.voice.voice import Voice
    from nuanced_speech.voicemaking.attributes import ATTRIBUTES, NAMES, PITCH, stock_attributes
    from nuanced_speech.voicemaking.description_vocabulary import ACCENT_NAMES

    stock, pace = stock_attributes(), NAMES.index("pace")
    table = Table("voice", "kind", "speaks", "what is special, among the stock voices of that sex", "pitch", "pace")

    def row(name: str, voice: Voice, values: "np.ndarray | None", style: str | None = None) -> None:
        numbers = [f"(not measured: voices show {name})", "", ""]
        if values is not None:
            numbers = [stock.in_words(values), *(ATTRIBUTES[k].show(values[k]) for k in (PITCH, pace))]
        table.add_row(escape(name), escape(voice.provenance.kind), ACCENT_NAMES[_letter(voice)], *numbers, style=style)

    for name, voice in _own(folder):
        noted = voice.provenance.attributes
        row(name, voice, np.array([noted[key] for key in NAMES]) if set(NAMES) <= set(noted) else None, "bold")
    for name, values in zip(stock.names, stock.values, strict=True):
        row(name, Voice.load(name), values)
    console.print(table)


@app.command()
def show(name: Name, folder: Folder = Path("voices")) -> None:
    """Show a voice's attributes, the stock voices that sound most like it, and where it comes from."""
    from nuanced_speech.voicemaking.attributes import ATTRIBUTES, stock_attributes
    from nuanced_speech.voicemaking.description_vocabulary import ACCENT_NAMES

    stock = stock_attributes()
    voice = _load(name, folder)
    values, embedding = _heard(voice)
    mean, spread = stock.typical("f" if values[0] > 0 else "m")
    table = Table("attribute", "", "value", "from the mean of that sex", title=escape(name), title_justify="left")
    for attribute, value, score in zip(ATTRIBUTES, values, (values - mean) / spread, strict=True):
        sides = f"{attribute.low} … {attribute.high}"
        table.add_row(attribute.name, sides, attribute.show(value), f"{score:+.1f} SD")
    console.print(table)
    console.print(stock.in_words(values))
    near = ", ".join(f"{voice} {cosine:.2f}" for voice, cosine in stock.nearest(embedding, but=name)[:5])
    console.print(f"sounds most like: {near}", highlight=False)
    known = voice.provenance
    made_of = "; ".join(f"{source.name} (sha256 {source.sha256[:12]}…)" for source in known.sources)
    for key, told in (
        ("kind", known.kind), ("language", known.language), ("speaks", ACCENT_NAMES[_letter(voice)]),
        ("recipe", known.recipe), ("recordings", made_of),
        ("consent", known.consent), ("date", known.date), ("made by", known.encoder),
    ):  # fmt: skip
        if told:
            console.print(f"{key}: {told}", markup=False, highlight=False, soft_wrap=True)


@app.command()
def sample(
    name: Name,
    out: Annotated[Path, typer.Argument(help="WAV, FLAC or OGG file to write.")],
    text: Annotated[str | None, typer.Option(help="What to say instead of the usual sentence.")] = None,
    folder: Folder = Path("voices"),
) -> None:
    """Let a voice say a sentence, in its own language where that can be spoken here."""
    from nuanced_speech import audio

    audio.check_writable(out)
    voice = _load(name, folder)
    audio.write(out, _say(voice, text), comment=voice.mark)
    console.print(str(out), markup=False, highlight=False, soft_wrap=True)


@app.command("map")
def draw_map(
    out: Annotated[Path, typer.Argument(help="PNG or HTML file to write; the HTML shows attributes on hovering.")],
    mark: Annotated[
        list[str] | None, typer.Option(help="Mark this voice, mix or voice pack file; may be repeated.")
    ] = None,
    folder: Folder = Path("voices"),
) -> None:
    """Draw all voices, your own among them, so that those that sound alike lie close together.

    Examples:

      nuanced-speech voices map voices.png --mark grandma

      nuanced-speech voices map voices.html --mark me.pt --mark af_heart:0.5,bm_george:0.5
    """
    from nuanced_speech import audio
    from nuanced_speech.voicemaking.attributes import stock_attributes
    from nuanced_speech.voicemaking.voice_map import SUFFIXES, Drawn, voice_map

    if out.suffix.lower() not in SUFFIXES:
        raise UserError(f"{out}: a map is a .png or .html file; end the name in one of them")
    audio.check_replaceable(out)
    stock, marked = stock_attributes(), mark or []
    found = dict(_own(folder)) | {name: _load(name, folder) for name in marked if name not in stock.names}
    others = []
    for name, voice in _progress(list(found.items()), "speaking and measuring"):
        values, embedding = _heard(voice)
        others.append(Drawn(Path(name).stem if "/" in name else name, embedding, values, name in marked))
    voice_map(stock, others, marked).save(out)
    console.print(str(out), markup=False, highlight=False, soft_wrap=True)


def _load(name: str, folder: Path) -> "Voice":
    """A voice of that folder, or whatever else ``--voice`` may name.

    Raises:
        UserError: as ``voice_pack``.
    """
    from nuanced_speech.voice.stock import own_voices
    from nuanced_speech.voice.voice import Voice

    return Voice.load(own_voices(folder).get(name, name))


def _own(folder: Path) -> "Iterator[tuple[str, Voice]]":
    """The voices of a folder; what is no voice there is named, and left out."""
    from nuanced_speech.voice.stock import own_voices
    from nuanced_speech.voice.voice import Voice

    for name, path in own_voices(folder).items():
        try:
            yield name, Voice.load(path)
        except UserError as error:
            aside.print(f"left out: {error}", style="yellow", markup=False, highlight=False, soft_wrap=True)


def _heard(voice: "Voice") -> "tuple[np.ndarray, np.ndarray]":
    """Attributes ``[9]`` and speaker embedding ``[256]``: known of stock voices, measured of others."""
    from nuanced_speech.synthesis.text_to_speech import kokoro_on
    from nuanced_speech.voicemaking.attributes import stock_attributes
    from nuanced_speech.voicemaking.profile import portrait

    stock = stock_attributes()
    if voice.provenance.kind == "stock" and voice.name in stock.names:
        k = stock.names.index(voice.name)
        return stock.values[k], stock.embeddings[k]
    heard = portrait(kokoro_on("cpu"), _encoder(), voice.pack, british=_letter(voice) == "b")
    return heard.attributes, heard.embedding


@cache
def _encoder() -> "SpeakerEncoder":
    from nuanced_speech.models.speaker_encoder import SpeakerEncoder

    return SpeakerEncoder()


def _letter(voice: "Voice") -> str:
    """First letter of the names of the stock voices that speak as a voice does."""
    from nuanced_speech.synthesis.text_to_speech import language_of
    from nuanced_speech.voice.stock import VOICE_LANGUAGES

    return next(letter for letter, language in VOICE_LANGUAGES.items() if language == language_of(voice))


def _say(voice: "Voice", text: str | None) -> "np.ndarray":
    """A text, or a sentence in the voice's language, as ``[T]`` at 24 kHz."""
    from nuanced_speech.synthesis.sample import sentence_for
    from nuanced_speech.synthesis.text_to_speech import speak

    said, language = sentence_for(voice) if text is None else (text, None)
    return speak(said, voice, language)


def _asked_and_measured(name: str, start: str, targets: "np.ndarray", heard: "Portrait") -> Table:
    from nuanced_speech.voicemaking.attributes import ATTRIBUTES, stock_attributes

    stock = stock_attributes()
    begun = stock.values[stock.names.index(start)]
    title = f"{name}, begun with {start}"
    table = Table("attribute", "", "asked", "measured", start, title=title, title_justify="left")
    for attribute, wanted, value, before in zip(ATTRIBUTES, targets, heard.attributes, begun, strict=True):
        asked = "" if wanted != wanted else attribute.show(wanted)
        sides = f"{attribute.low} … {attribute.high}"
        table.add_row(
            attribute.name,
            sides,
            asked,
            attribute.show(value),
            attribute.show(before),
            style="bold" if asked else "dim",
        )
    return table


def _sample_path(folder: Path, name: str) -> Path:
    return folder / f"{name}.wav"


def _progress(items: list, what: str) -> Iterable:
    """The items, with a bar where somebody sees it and there is something to wait for."""
    return track(items, what, console=aside, transient=True, disable=not (items and aside.is_terminal))
