"""A voice that can be kept, shared and used elsewhere: a voice pack with a name and with where it comes from."""

import json
import re
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timezone
from functools import lru_cache
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor

from nuanced_speech import __version__
from nuanced_speech.audio.io import SYNTHETIC
from nuanced_speech.core.constants import TIMBRE_DIM
from nuanced_speech.core.errors import UserError
from nuanced_speech.core.files import replacing
from nuanced_speech.models import timbre_surrogate as timbre
from nuanced_speech.voice.prior import near_real
from nuanced_speech.voice.stock import (
    NAME,
    OWN_FOLDER,
    PACK_SUFFIXES,
    VOICE_LANGUAGES,
    iso_639,
    named_pack,
    own_voice,
    parts_of,
    read_pack,
    stock_voices,
)
from nuanced_speech.weights.store import sha256

_KEY = "nuanced_speech_voice"


@dataclass(frozen=True)
class Source:
    """A recording that a voice was made from: its file's name and the sha256 of its bytes."""

    name: str
    sha256: str


@dataclass(frozen=True)
class Provenance:
    """Where a voice comes from.

    Attributes:
        kind: ``stock``, ``clone``, ``mix``, ``described``, or ``file`` where nothing is known.
        language: ISO 639-1, empty where it is not known.
        sources: the recordings of a clone.
        recipe: the expression of a mix, or the stock voice that a described one began with, and the description.
        date: when it was made, ISO 8601.
        encoder: what made it: the version of this package and the sha256 of its timbre weights.
        consent: what the speaker agreed to, in the words given when the voice was cloned; a mix has its parts'.
        attributes: those of ``style.attributes`` that were measured when the voice was made, by name.
    """

    kind: str = "file"
    language: str = ""
    sources: tuple[Source, ...] = ()
    recipe: str = ""
    date: str = ""
    encoder: str = ""
    consent: str = ""
    attributes: dict[str, float] = field(default_factory=dict, hash=False)

    @property
    def cloned(self) -> bool:
        """Whether a real person's recordings are in it."""
        return self.kind == "clone" or bool(self.consent)


@dataclass
class Voice:
    """A name, a voice pack ``[510, 256]``, and where it comes from.

    Example:
        ``Voice.clone(["me.wav"], "me", consent="my own voice").mix(Voice.load("af_heart"), 0.3).save("voices")``
    """

    name: str
    pack: Tensor
    provenance: Provenance = field(default_factory=Provenance)

    @property
    def mark(self) -> str:
        """What the metadata of audio says that this voice spoke."""
        return f"{SYNTHETIC}; voice: {self.name} ({'clone' if self.provenance.cloned else self.provenance.kind})"

    @classmethod
    def load(cls, spec: "str | Path | Voice") -> "Voice":
        """Whatever ``--voice`` may name but a recording: see ``style.voices.voice_pack``.

        Raises:
            UserError: as ``voice_pack``.
        """
        if isinstance(spec, Voice):
            return spec
        spec = str(spec)
        return _single(spec) if list(parts_of(spec)) == [spec] else _sum(spec)

    @classmethod
    def clone(cls, recordings: "list[str | Path]", name: str, *, consent: str, **options: Any) -> "Voice":
        """The voice of a speaker from recordings; ``style.clone.clone`` says which options there are.

        Raises:
            UserError: as ``style.clone.clone``.
        """
        from nuanced_speech.voicemaking.cloning import clone

        return clone(recordings, name, consent=consent, **options).voice

    def mix(self, other: "Voice", share: float = 0.5, name: str = "") -> "Voice":
        """This voice with a share of another, 0 to 1.

        Raises:
            UserError: a share outside of 0 to 1.
        """
        if not 0 <= share <= 1:
            raise UserError(f"a share of {share} cannot be mixed in: give a number from 0 to 1")
        recipe = f"{self.name}:{1 - share:g},{other.name}:{share:g}"
        return _mixed(
            name or f"{self.name}-{other.name}", recipe, torch.lerp(self.pack, other.pack, share), self, other
        )

    def with_prosody_of(self, other: "Voice", name: str = "") -> "Voice":
        """This voice's timbre with another's rhythm and melody."""
        pack = torch.cat([self.pack[:, :TIMBRE_DIM], other.pack[:, TIMBRE_DIM:]], 1)
        recipe = f"timbre of {self.name}, prosody of {other.name}"
        return _mixed(name or f"{self.name}-{other.name}", recipe, pack, self, other)

    def near_real(self, *parts: "Voice") -> "Voice":
        """This voice drawn back to the region of real voices, or to where the parts are that it is made of."""
        return replace(self, pack=near_real(self.pack, [part.pack for part in parts]))

    def save(self, folder: str | Path = OWN_FOLDER, force: bool = False) -> list[Path]:
        """Write ``NAME.pt`` (for ``kokoro``), ``NAME.npz`` (for ``kokoro-onnx``) and ``NAME.safetensors``, all or none.

        Args:
            folder: made where it is missing.
            force: overwrite a voice of that name.

        Returns:
            the files, ``[510, 1, 256]`` float32 in each; the last one's header has the provenance too.

        Raises:
            UserError: not a name for a voice, one that is taken, or a folder that cannot be written.
        """
        check_name(self.name)
        folder = Path(folder)
        paths = [folder / f"{self.name}{suffix}" for suffix in PACK_SUFFIXES]
        check_free(self.name, folder, force)
        make_folder(folder)
        pack = self.pack.detach().cpu().float().reshape(-1, 1, self.pack.shape[-1]).contiguous()
        with ExitStack() as stack:
            for path in paths:
                temporary = stack.enter_context(replacing(path))
                if path.suffix == ".pt":
                    torch.save(pack, temporary)
                elif path.suffix == ".npz":
                    # not np.savez: its keywords are no names for voices
                    with ZipFile(temporary, "w") as archive, archive.open(f"{self.name}.npy", "w") as entry:
                        np.lib.format.write_array(entry, pack.numpy(), allow_pickle=False)
                else:
                    metadata = {_KEY: json.dumps({"name": self.name, **asdict(self.provenance)}, ensure_ascii=False)}
                    temporary.write_bytes(to_bytes({"voice": pack}, metadata))
        return paths


def mix(expression: str, name: str, prior: bool = True) -> Voice:
    """A voice from others: ``af_heart:0.6,me:0.4`` or ``me + 0.5*(af_nicole - af_sarah)``.

    Args:
        expression: as ``style.voices.voice_pack`` takes it.
        name: of the new voice.
        prior: draw it back to the region of real voices, if it is outside.

    Raises:
        UserError: as ``voice_pack``, or not a name for a voice.
    """
    check_name(name)
    mixed = replace(_sum(expression), name=name)
    return mixed.near_real(*map(_single, parts_of(expression))) if prior else mixed


def check_name(name: str) -> None:
    """Complain of what cannot be a voice's name.

    Raises:
        UserError: letters, digits, hyphens and underscores are not all it has, or a stock voice has it.
    """
    if not re.fullmatch(NAME, name) or len(name) > 100:
        raise UserError(f"{name!r} cannot be a voice's name: a letter first, then letters, digits, - and _")
    if name in stock_voices():
        raise UserError(f"{name} is a stock voice: choose another name")


def check_free(name: str, folder: Path, force: bool) -> None:
    """Complain of a voice that would be overwritten.

    Raises:
        UserError: there is a voice of that name, and no ``force``.
    """
    taken = [folder / f"{name}{suffix}" for suffix in PACK_SUFFIXES if (folder / f"{name}{suffix}").exists()]
    if taken and not force:
        raise UserError(f"{taken[0]} is there already: choose another --name, or --force to overwrite it")


def make_folder(folder: Path) -> None:
    """Make a folder where it is missing.

    Raises:
        UserError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{folder}: cannot make this folder ({error.strerror})") from error


def made_now(kind: str, **known: Any) -> Provenance:
    """Provenance of a voice that is made here and now."""
    date = datetime.now(timezone.utc).isoformat(timespec="seconds")
    return Provenance(kind=kind, date=date, encoder=f"nuanced-speech {__version__}, timbre {_timbre_sha256()}", **known)


def _single(name: str) -> Voice:
    """One stock voice, voice of one's own or voice pack file."""
    if name in stock_voices():
        return Voice(name, stock_voices()[name], Provenance("stock", iso_639(VOICE_LANGUAGES[name[0]])))
    path = Path(name) if name.endswith(PACK_SUFFIXES) else own_voice(name)
    if path is None:
        return Voice(name, named_pack(name))
    pack, known = read_pack(path), _metadata(path)
    if not known:
        return Voice(path.stem, pack)
    try:
        sources = tuple(Source(**source) for source in known.pop("sources"))
        name, texts = known.pop("name"), {k: v for k, v in known.items() if k != "attributes"}
        if not all(isinstance(value, str) for value in (name, *texts.values())):
            raise TypeError("not text where text belongs")
        attributes = {str(k): float(v) for k, v in known.get("attributes", {}).items()}
        return Voice(name, pack, Provenance(sources=sources, **texts, attributes=attributes))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(f"{path}: its account of where the voice comes from cannot be read ({error})") from error


def _sum(expression: str) -> Voice:
    """The weighted sum of voices that an expression names."""
    parts = parts_of(expression)
    voices = {name: _single(name) for name in sorted(parts, key=lambda name: -parts[name])}
    pack = sum((parts[name] * voice.pack for name, voice in voices.items()), torch.zeros(()))
    return _mixed(expression, expression, pack, *voices.values())


def _mixed(name: str, recipe: str, pack: Tensor, *parts: Voice) -> Voice:
    """A voice made of others, the heaviest first; it has its language, their recordings and their consent."""
    known = [part.provenance for part in parts]
    sources = dict.fromkeys(source for p in known for source in p.sources)
    consent = dict.fromkeys(p.consent for p in known if p.consent)
    language = next((p.language for p in known if p.language), "")
    return Voice(
        name,
        pack,
        made_now("mix", language=language, sources=tuple(sources), recipe=recipe, consent="; ".join(consent)),
    )


def _metadata(path: Path) -> dict[str, Any]:
    """What the header of a file that ``save`` wrote says; empty for any other file."""
    if path.suffix != ".safetensors":
        return {}
    try:
        with safe_open(path, "pt") as file:
            known = json.loads((file.metadata() or {}).get(_KEY, "{}"))
    except (SafetensorError, OSError, ValueError) as error:
        raise UserError(f"{path}: its header cannot be read ({error})") from error
    return known if isinstance(known, dict) else {}


@lru_cache
def _timbre_sha256() -> str:
    return sha256([timbre.WEIGHTS])
