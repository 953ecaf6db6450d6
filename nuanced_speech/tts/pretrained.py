"""Speech and music by pretrained models of the hub, through the text-to-audio pipeline of ``transformers``.

Bark (Suno 2023), VITS as in MMS (Kim et al. 2021, Pratap et al. 2023) and MusicGen (Copet et al. 2023). Weights are
taken as safetensors only.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from nuanced_speech.audio.limiter import limit
from nuanced_speech.core.errors import UserError
from nuanced_speech.tts.huggingface import hub_errors

FAMILIES = ("bark", "vits", "musicgen")
EXAMPLES = "suno/bark-small, facebook/mms-tts-eng, facebook/musicgen-small"


@dataclass(frozen=True)
class PretrainedConfig:
    """Which model, and how it speaks.

    Attributes:
        model: repository on the hub, or a local folder that ``save_pretrained`` wrote.
        speaker: a voice preset of Bark's, ``v2/en_speaker_6`` say.
        seconds: length of music.
    """

    model: str = "facebook/mms-tts-eng"
    speaker: str | None = None
    seconds: float | None = None
    seed: int = 0
    device: str = "cpu"


def speak(text: str, config: PretrainedConfig) -> tuple[np.ndarray, int]:
    """Audio ``[T]``, mono, within [-1, 1], and its sample rate.

    Raises:
        UserError: nothing to say, a model that cannot be loaded or is of another kind, an option that is not for it, or
            a text that it can make nothing of.
    """
    if not text.strip():
        raise UserError("there is nothing to say in the text: give some words")
    pipe = load(config.model, config.device)
    kind = pipe.model.config.model_type
    arguments: dict[str, Any] = {}
    if config.speaker is not None:
        if kind != "bark":
            raise UserError(f"`speaker` is for Bark models; {config.model} is a {kind} model")
        preset = bark_preset(pipe, config.model, config.speaker)
        arguments["forward_params"] = {"history_prompt": preset}
    if config.seconds is not None:
        if kind != "musicgen":
            raise UserError(f"`seconds` is for MusicGen; {config.model} is a {kind} model, whose text sets the length")
        steps = round(config.seconds * pipe.model.config.audio_encoder.frame_rate)
        # the delay pattern takes a step more a codebook
        arguments["generate_kwargs"] = {"max_new_tokens": max(steps, 1) + pipe.model.config.decoder.num_codebooks - 1}
    torch.manual_seed(config.seed)
    try:
        output = pipe(text, **arguments)
    except (RuntimeError, ValueError, IndexError, KeyError) as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UserError(f"{config.model} can make nothing of this text ({first}): try another") from error
    wave = np.asarray(output["audio"], np.float32)
    wave = wave.mean(tuple(range(wave.ndim - 1))) if wave.ndim > 1 else np.atleast_1d(wave)
    if wave.size == 0 or not np.isfinite(wave).all():
        raise UserError(f"{config.model} made no sound of this text: try another text, or another seed")
    rate = int(output["sampling_rate"])
    # loud models go a little beyond full scale
    return limit(wave, rate), rate


def load(name: str, device: str = "cpu") -> Any:
    """The pipeline of a model.

    Raises:
        UserError: it is not in the cache and the hub cannot be reached, has no such model or no safetensors; or it is
            not of a family that is known here.
    """
    from transformers import AutoConfig, pipeline

    with hub_errors(name) as place:
        kind = AutoConfig.from_pretrained(place, trust_remote_code=False).model_type
        if kind not in FAMILIES:
            raise UserError(f"{name} is a {kind} model; Bark, VITS (MMS) and MusicGen can be used: {EXAMPLES}")
        # the pipeline would try pickled weights after safetensors, without this
        return pipeline(
            "text-to-audio",
            model=place,
            device=torch.device(device),
            trust_remote_code=False,
            model_kwargs={"use_safetensors": True},
        )


def bark_preset(pipe: Any, name: str, speaker: str) -> dict[str, torch.Tensor]:
    """Bark's history of a voice preset.

    Raises:
        UserError: no such preset, or the hub cannot be reached.
    """
    from transformers import BarkProcessor

    with hub_errors(name) as place:
        processor = BarkProcessor.from_pretrained(place)
    presets = [key for key in (processor.speaker_embeddings or {}) if key != "repo_or_path"]
    if speaker not in presets:
        some = ", ".join(presets[:3]) + " …" if presets else "it has none"
        raise UserError(f"{name} has no voice preset {speaker!r}: {some}")
    with hub_errors(name):
        preset = processor._load_voice_preset(speaker)
    return {key: torch.as_tensor(value).to(pipe.device) for key, value in preset.items()}
