"""``nuanced-speech describe`` and ``nuanced-speech voices``."""

import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from nuanced_speech.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from nuanced_speech.kokoro import Kokoro
    from nuanced_speech.style.portrait import Portrait

app = typer.Typer(help="Voices: list them, look at one, hear it, see where it lies.", no_args_is_help=True)
# What is asked for is printed to standard output, what is told besides to standard error.
console, aside = Console(), Console(stderr=True)

# Of the first letter of a stock voice's name: ISO 639-1 code, and a sentence to hear it by.
LANGUAGES = {"a": "en", "b": "en", "e": "es", "f": "fr", "h": "hi", "i": "it", "j": "ja", "p": "pt", "z": "zh"}
SAMPLES = {
    "es": "Estuvimos fuera un año, y ahora la mañana es nuestra.",
    "fr": "Nous étions partis un an, et maintenant le matin est à nous.",
    "hi": "हम एक साल दूर थे, और अब सुबह हमारी है।",
    "it": "Siamo stati via un anno, e adesso il mattino è nostro.",
    "pt": "Estivemos fora um ano, e agora a manhã é nossa.",
}

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
    "very", "slightly" and "not"; what was not understood is said. NAME.safetensors is the voice, NAME.wav a sample.

    Examples:

      nuanced-speech describe "older woman, calm, low, slow storyteller, British" --name grandma

      nuanced-speech describe "cheerful young man, slightly breathy" --name sunny --candidates 3

      nuanced-speech convert in.wav out.wav --voice voices/grandma.safetensors
    """
    from nuanced_speech.style import lexicon, own

    wish = lexicon.understand(description)
    own.check_name(name)
    for word in wish.unknown:
        like = lexicon.suggestion(word)
        aside.print(
            f"not understood: {word}" + (f" (did you mean {like}?)" if like else ""), style="yellow", markup=False
        )
    names = [name] if candidates == 1 else [f"{name}-{k + 1}" for k in range(candidates)]
    taken = [path for made in names for path in _files(out, made) if path.exists()]
    if taken and not force:
        raise UserError(f"{taken[0]} is there already: choose another name, or replace it with --force")
    _make_folder(out)

    from nuanced_speech import audio
    from nuanced_speech.style.attributes import NAMES, stock_attributes
    from nuanced_speech.style.describe import make, starts

    begins = starts(wish, stock_attributes(), candidates, seed)
    if len(begins) < candidates:
        raise UserError(f"only {len(begins)} stock voices have that accent to begin with: ask for fewer --candidates")
    kokoro, encoder = _models()
    for made, start in zip(names, _progress(begins, "speaking and measuring"), strict=True):
        voice = make(wish, start, kokoro, encoder, seed=seed)
        spoken = voice.portrait.spoken.audio
        if LANGUAGES[start[0]] in SAMPLES:
            spoken = _say(kokoro, voice.pack, start[0])
        values = dict(zip(NAMES, voice.portrait.attributes.tolist(), strict=True))
        pack, sample = _files(out, made)
        audio.write(sample, spoken)
        own.save(
            pack,
            voice.pack,
            {
                "name": made, "kind": "described", "description": description, "language": LANGUAGES[start[0]],
                "accent": lexicon.ACCENT_NAMES[start[0]], "start": start, "seed": str(seed),
                "attributes": json.dumps(values),
            },
        )  # fmt: skip
        console.print(_asked_and_measured(made, start, voice.targets, voice.portrait))
        console.print(f"voice: {pack}\nsample: {sample}", markup=False, highlight=False, soft_wrap=True)


@app.command("list")
def list_voices(folder: Folder = Path("voices")) -> None:
    """Show all voices, your own first: accent, what is special about them, pitch and pace."""
    from nuanced_speech.style import own
    from nuanced_speech.style.attributes import ATTRIBUTES, NAMES, PITCH, stock_attributes
    from nuanced_speech.style.lexicon import ACCENT_NAMES

    stock, pace = stock_attributes(), NAMES.index("pace")
    table = Table("voice", "accent", "what is special, among the stock voices of that sex", "pitch", "pace")

    def numbers(values) -> list[str]:  # type: ignore[no-untyped-def]
        return [stock.in_words(values), *(ATTRIBUTES[k].show(values[k]) for k in (PITCH, pace))]

    for name, path in own.own_voices(folder).items():
        known = own.provenance(path)
        values = _noted(known)
        rest = [known.get("kind", "a voice pack"), "", ""] if values is None else numbers(values)
        table.add_row(name, known.get("accent", known.get("language", "")), *rest, style="bold")
    for name, values in zip(stock.names, stock.values, strict=True):
        table.add_row(name, ACCENT_NAMES[name[0]], *numbers(values))
    console.print(table)


@app.command()
def show(name: Name, folder: Folder = Path("voices")) -> None:
    """Show a voice's attributes, the stock voices that sound most like it, and where it comes from."""
    from nuanced_speech.style import own
    from nuanced_speech.style.attributes import ATTRIBUTES, stock_attributes

    stock = stock_attributes()
    pack, known = own.find_voice(name, folder)
    values, embedding = _heard(name, pack, known)
    mean, spread = stock.typical("f" if values[0] > 0 else "m")
    table = Table("attribute", "", "value", "from the mean of that sex", title=name, title_justify="left")
    for attribute, value, score in zip(ATTRIBUTES, values, (values - mean) / spread, strict=True):
        sides = f"{attribute.low} … {attribute.high}"
        table.add_row(attribute.name, sides, attribute.show(value), f"{score:+.1f} SD")
    console.print(table)
    console.print(stock.in_words(values))
    near = ", ".join(f"{voice} {cosine:.2f}" for voice, cosine in stock.nearest(embedding, but=name)[:5])
    console.print(f"sounds most like: {near}", highlight=False)
    for key in sorted(known.keys() - {"attributes", "name"}):
        console.print(f"{key}: {known[key]}", markup=False, highlight=False)


@app.command()
def sample(
    name: Name,
    out: Annotated[Path, typer.Argument(help="WAV, FLAC or OGG file to write.")],
    text: Annotated[str | None, typer.Option(help="What to say, at most about two sentences.")] = None,
    folder: Folder = Path("voices"),
) -> None:
    """Let a voice say a sentence, in its own language where that can be spoken here."""
    from nuanced_speech import audio
    from nuanced_speech.style import own

    audio.check_writable(out)
    pack, known = own.find_voice(name, folder)
    audio.write(out, _say(_models()[0], pack, _letter(name, known), text))
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
    from nuanced_speech.style import own
    from nuanced_speech.style.attributes import stock_attributes
    from nuanced_speech.style.voice_map import SUFFIXES, Voice, voice_map

    if out.suffix.lower() not in SUFFIXES:
        raise UserError(f"{out}: a map is a .png or .html file; end the name in one of them")
    stock, marked = stock_attributes(), mark or []
    wanted = list(dict.fromkeys([*own.own_voices(folder), *(name for name in marked if name not in stock.names)]))
    found = [(name, *own.find_voice(name, folder)) for name in wanted]
    others = []
    for name, pack, known in _progress(found, "speaking and measuring"):
        values, embedding = _heard(name, pack, known)
        others.append(Voice(Path(name).stem if "/" in name else name, embedding, values, name in marked))
    voice_map(stock, others, marked).save(out)
    console.print(str(out), markup=False, highlight=False, soft_wrap=True)


def _heard(name: str, pack: "Tensor", known: dict[str, str]):  # type: ignore[no-untyped-def]
    """Attributes ``[9]`` and speaker embedding ``[256]``: known of stock voices, measured of others."""
    from nuanced_speech.style.attributes import stock_attributes

    stock = stock_attributes()
    if known.get("kind") == "stock":
        k = stock.names.index(name)
        return stock.values[k], stock.embeddings[k]
    from nuanced_speech.style.portrait import portrait

    kokoro, encoder = _models()
    heard = portrait(kokoro, encoder, pack, british=_letter(name, known) == "b")
    return heard.attributes, heard.embedding


@cache
def _models():  # type: ignore[no-untyped-def]
    """What speaks and what hears who does."""
    from nuanced_speech.kokoro import Kokoro
    from nuanced_speech.speaker import SpeakerEncoder

    return Kokoro(), SpeakerEncoder()


def _letter(name: str, known: dict[str, str]) -> str:
    """First letter of the stock voices that speak as a voice does; American where nothing says otherwise."""
    from nuanced_speech.style.lexicon import ACCENT_NAMES

    if known.get("kind") in ("stock", "mixture"):
        return name.strip()[0]
    letters = {accent: letter for letter, accent in ACCENT_NAMES.items()}
    letters |= {language: letter for letter, language in reversed(LANGUAGES.items())} | {"en-gb": "b"}
    return letters.get(known.get("accent", ""), letters.get(known.get("language", ""), "a"))


def _say(kokoro: "Kokoro", pack: "Tensor", letter: str, text: str | None = None) -> "np.ndarray":
    """A text, or a sentence in the language of a letter; English where there are no phonemes for that."""
    from nuanced_speech.style.portrait import SENTENCES, speak
    from nuanced_speech.text import phonemize

    language = LANGUAGES[letter] if LANGUAGES[letter] in SAMPLES else "en"
    said = text if text is not None else SAMPLES.get(language, SENTENCES)
    return speak(kokoro, pack, phonemize(said, language, british=letter == "b")).audio


def _asked_and_measured(name: str, start: str, targets: "np.ndarray", heard: "Portrait") -> Table:
    from nuanced_speech.style.attributes import ATTRIBUTES, stock_attributes

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


def _noted(known: dict[str, str]) -> "np.ndarray | None":
    """Attributes ``[9]`` that were measured when a voice was made; None where they were not, or mean something else."""
    import numpy as np

    from nuanced_speech.style.attributes import NAMES

    try:
        noted = json.loads(known.get("attributes", ""))
        return np.array([float(noted[name]) for name in NAMES])
    except (ValueError, TypeError, KeyError):
        return None


def _files(folder: Path, name: str) -> tuple[Path, Path]:
    return folder / f"{name}.safetensors", folder / f"{name}.wav"


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{folder}: cannot make this folder ({error.strerror})") from error


def _progress(items: list, what: str) -> Iterable:
    """The items, with a bar where somebody sees it and there is something to wait for."""
    return track(items, what, console=aside, transient=True, disable=not (items and aside.is_terminal))
