"""Who is to speak: a recording, a stock voice's name, or an utterance of the ETTS format, as a speaker embedding."""

from functools import lru_cache
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor

from nuanced_speech import audio
from nuanced_speech.core.errors import UserError
from nuanced_speech.core.progress import step_bar
from nuanced_speech.models.bank import ModelBank, shared_bank
from nuanced_speech.models.speaker_encoder import SpeakerEncoder
from nuanced_speech.synthesis.text_to_speech import TextToSpeech
from nuanced_speech.tts.features import load
from nuanced_speech.voice.stock import stock_voices, voice_pack

# Speaker embeddings of Kokoro's stock voices, so that Kokoro itself is not needed.
TABLE = Path(__file__).parents[2] / "data" / "voice_embeddings.safetensors"
PASSAGE = (
    "The boy was there when the sun rose, and a rod is used to catch pink salmon. The source of the huge river is"
    " the clear spring."
)
# A voice is known long before this.
SECONDS = 60


def embedding_of(speaker: str) -> Tensor:
    """The embedding ``[256]`` of a recording, of an ``.npz`` of the ETTS format, or of a voice by its name.

    Raises:
        UserError: no such file or voice, no speech in the recording.
    """
    path = Path(speaker)
    if path.suffix == ".npz" and path.is_file():
        return torch.from_numpy(load(path).embedding).float()
    if speaker in stock_voices() or not (path.exists() or path.suffix.lower() in audio.SEARCHED_SUFFIXES):
        return voice_embedding(speaker)
    wave = audio.read(path, audio.WHISPER_SAMPLE_RATE)[: SECONDS * audio.WHISPER_SAMPLE_RATE]
    embedding = SpeakerEncoder().embed(wave, audio.WHISPER_SAMPLE_RATE)
    if embedding is None:
        raise UserError(f"{path}: no speech in it; give a recording of a few seconds of speech")
    return torch.from_numpy(embedding)


def voice_embedding(voice: str) -> Tensor:
    """The embedding ``[256]`` of a stock voice, or of what Kokoro says in another (a mixture, a voice pack).

    Raises:
        UserError: no such voice.
    """
    table = _table()
    return table[voice] if voice in table else spoken_embedding(voice)


def spoken_embedding(voice: str, models: ModelBank | None = None) -> Tensor:
    """The embedding ``[256]`` of a passage that Kokoro speaks in a voice.

    Raises:
        UserError: no such voice.
    """
    voice_pack(voice)
    models = models or shared_bank("cpu")
    wave = TextToSpeech(models).speak(PASSAGE, voice, "en-us")
    embedding = models.speaker_encoder.embed(wave, audio.SAMPLE_RATE)
    assert embedding is not None
    return F.normalize(torch.from_numpy(embedding), dim=0)


def write_table(path: Path = TABLE) -> None:
    """Let Kokoro speak in every stock voice, and keep the embeddings."""
    models = ModelBank()
    table = {name: spoken_embedding(name, models).half() for name in step_bar(stock_voices(), "voices")}
    with audio.replacing(path) as temporary:
        save_file(table, temporary)


@lru_cache
def _table() -> dict[str, Tensor]:
    return {name: value.float() for name, value in load_file(TABLE).items()} if TABLE.is_file() else {}
