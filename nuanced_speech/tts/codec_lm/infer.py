"""Speak with a codec language model."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from nuanced_speech import audio
from nuanced_speech.core.errors import UserError
from nuanced_speech.text.sentences import sentences
from nuanced_speech.tts.codec import interface
from nuanced_speech.tts.codec_lm.model import CodecLM

# Between sentences.
PAUSE_SECONDS = 0.25


@dataclass(frozen=True)
class InferConfig:
    """How to speak.

    Attributes:
        model: file that ``tts codec-lm train`` wrote, or its folder.
        speaker: recording whose beginning is the prompt, or None.
        prompt_seconds: how much of it.
        temperature: 0 for the likeliest codes always; higher for more variety.
        top_k: how many of the likeliest codes are drawn from.
        max_seconds: of a sentence.
        codec: where to find the codec, if not under the name that it was trained with.
    """

    model: Path
    speaker: Path | None = None
    prompt_seconds: float = 2.0
    temperature: float = 0.7
    top_k: int = 50
    max_seconds: float = 15.0
    codec: str | None = None
    seed: int = 0
    device: str = "cpu"


def infer(text: str, config: InferConfig) -> tuple[np.ndarray, int]:
    """Speech ``[T]`` and its sample rate, sentence by sentence.

    Raises:
        UserError: nothing to say, a model, codec or recording that cannot be used, or a model that says nothing.
    """
    parts = [sentence.text for sentence in sentences(text)]
    if not parts:
        raise UserError("there is nothing to say in the text: give some words")
    path = config.model / "codec_lm.safetensors" if config.model.is_dir() else config.model
    model = CodecLM.load(path).to(config.device)
    name = config.codec or model.config.codec
    codec = interface.load(name)
    if interface.fingerprint(codec) != model.config.fingerprint:
        raise UserError(f"{path} was trained on codes of another codec than {name}: name that codec")
    rate = codec.sample_rate / codec.hop_length
    prompt = None
    if config.speaker is not None:
        wave = audio.read(config.speaker, codec.sample_rate)[: int(config.prompt_seconds * codec.sample_rate)]
        prompt = interface.encode(codec, torch.from_numpy(wave))[: model.config.codebooks]
    generator = torch.Generator().manual_seed(config.seed)
    waves = []
    for part in parts:
        tokens = torch.tensor(model.table.encode(part), device=config.device)
        frames = max(int(config.max_seconds * rate), 1)
        codes = model.generate(tokens, prompt, config.temperature, config.top_k, frames, generator)
        waves += [interface.decode(codec, codes).numpy(), np.zeros(int(PAUSE_SECONDS * codec.sample_rate), np.float32)]
    return np.concatenate(waves[:-1]), codec.sample_rate
