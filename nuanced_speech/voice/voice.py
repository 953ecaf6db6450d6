"""A voice that can be kept, shared and used elsewhere: a voice pack with a name and a provenance."""

import hashlib
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor

from nuanced_speech.core.constants import SYNTHETIC
from nuanced_speech.core.errors import UserError
from nuanced_speech.voice.adaptation import DecoderAdaptation
from nuanced_speech.voice.files import check_name, read_voice, write_voice
from nuanced_speech.voice.frames import VoiceFrames
from nuanced_speech.voice.prior import near_real
from nuanced_speech.voice.provenance import Provenance, mixture_provenance
from nuanced_speech.voice.stock import (
    OWN_FOLDER,
    PACK_SUFFIXES,
    VOICE_LANGUAGES,
    iso_639,
    named_pack,
    own_voice,
    parts_of,
    stock_voices,
)
from nuanced_speech.voice.style import Style


@dataclass(frozen=True, eq=False)
class Voice:
    """A name, a voice pack ``[510, 256]``, a provenance, and what a fast decoder takes besides, if there is any.

    ``adaptation`` is what the voice changes in that decoder, ``frames`` what recordings tell it of the speaker.

    The pack of a voice that is only spoken with, and never saved, may have one row, and an extension.

    Example:
        ``Voice.load("af_heart").mix(Voice.load("bm_george"), 0.3, "blend").save("voices")``
    """

    name: str
    pack: Tensor
    provenance: Provenance = field(default_factory=Provenance)
    adaptation: DecoderAdaptation | None = None
    frames: VoiceFrames | None = None

    @property
    def mark(self) -> str:
        """The comment that marks audio in this voice as synthetic, in the metadata of the file."""
        return f"{SYNTHETIC}; voice: {self.name} ({'clone' if self.provenance.cloned else self.provenance.kind})"

    @property
    def digest(self) -> str:
        """A sum of all its numbers, by which equal voices are known."""
        more = "".join(part.digest for part in (self.adaptation, self.frames) if part is not None)
        return hashlib.sha256(self.pack.float().cpu().numpy().tobytes() + more.encode()).hexdigest()

    @classmethod
    def load(cls, spec: "str | Path | Voice") -> "Voice":
        """A voice by a name, a file, a list or a sum: see ``voice.stock.voice_pack``. A ``Voice`` is returned as it is.

        A sum with a difference is held near real voices, as ``near_real`` does.

        Raises:
            UserError: as ``voice_pack``.
        """
        if isinstance(spec, Voice):
            return spec
        spec = str(spec)
        parts = parts_of(spec)
        if list(parts) == [spec]:
            return _single(spec)
        summed = _sum(spec)
        # only a difference leaves the region of its parts
        return summed if min(parts.values()) >= 0 else summed.near_real(*map(_single, parts))

    def mix(self, other: "Voice", share: float = 0.5, name: str = "") -> "Voice":
        """This voice with a share of another, 0 to 1.

        Raises:
            UserError: a share outside of 0 to 1.
        """
        if not 0 <= share <= 1:
            raise UserError(f"`share`: {share} cannot be mixed in; give a number from 0 to 1")
        recipe = f"{self.name}:{1 - share:g},{other.name}:{share:g}"
        pack = torch.lerp(self.pack, other.pack, share)
        return _mixed(name or f"{self.name}-{other.name}", recipe, pack, self, other)

    def with_prosody_of(self, other: "Voice", name: str = "") -> "Voice":
        """This voice's timbre with the rhythm and melody of another."""
        pack = replace(Style.from_vector(other.pack), timbre=Style.from_vector(self.pack).timbre).vector
        recipe = f"timbre of {self.name}, prosody of {other.name}"
        return _mixed(name or f"{self.name}-{other.name}", recipe, pack, self, other)

    def near_real(self, *parts: "Voice") -> "Voice":
        """This voice, drawn back to the region of real voices if it is outside; see ``voice.prior.near_real``."""
        return replace(self, pack=near_real(self.pack, [part.pack for part in parts]))

    def save(self, folder: str | Path = OWN_FOLDER, force: bool = False) -> list[Path]:
        """Write ``NAME.pt`` (for ``kokoro``), ``NAME.npz`` (for ``kokoro-onnx``) and ``NAME.safetensors``, all or none.

        Args:
            folder: made where it is missing.
            force: overwrite a voice of that name.

        Returns:
            the files, ``[510, 1, 256]`` float32 in each; the last one's header has the provenance too, and what a fast
            decoder takes lies beside the pack there.

        Raises:
            UserError: a name that no voice may have, one that is taken, or a folder that cannot be written.
        """
        return write_voice(Path(folder), self.name, self.pack, self.provenance, force, self.adaptation, self.frames)


def mix(expression: str, name: str, prior: bool = True) -> Voice:
    """A voice from others: ``af_heart:0.6,me:0.4`` or ``me + 0.5*(af_nicole - af_sarah)``.

    Args:
        expression: as ``voice.stock.voice_pack`` takes it.
        name: of the new voice.
        prior: draw the voice back to the region of real voices, if it is outside.

    Raises:
        UserError: as ``voice_pack``, or a name that no voice may have.
    """
    check_name(name)
    mixed = replace(_sum(expression), name=name)
    return mixed.near_real(*map(_single, parts_of(expression))) if prior else mixed


def _single(name: str) -> Voice:
    """One stock voice, voice of the user, or voice pack file."""
    if name in stock_voices():
        return Voice(name, stock_voices()[name], Provenance("stock", iso_639(VOICE_LANGUAGES[name[0]])))
    path = Path(name) if name.endswith(PACK_SUFFIXES) else own_voice(name)
    return Voice(name, named_pack(name)) if path is None else Voice(*read_voice(path))


def _sum(expression: str) -> Voice:
    """The weighted sum of voices that an expression names."""
    parts = parts_of(expression)
    voices = {name: _single(name) for name in sorted(parts, key=lambda name: -parts[name])}
    pack = sum((parts[name] * voice.pack for name, voice in voices.items()), torch.zeros(()))
    return _mixed(expression, expression, pack, *voices.values())


def _mixed(name: str, recipe: str, pack: Tensor, *parts: Voice) -> Voice:
    """A voice made of others, the heaviest first."""
    return Voice(name, pack, mixture_provenance(recipe, [part.provenance for part in parts]))
