"""Files of trained acoustic models: safetensors, the model's name and configuration in the metadata."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from nuanced_speech.core.errors import UserError
from nuanced_speech.core.files import replacing
from nuanced_speech.core.tensor_files import reading_model
from nuanced_speech.tts.acoustic.etts import Etts, EttsConfig
from nuanced_speech.tts.acoustic.interface import AcousticModel
from nuanced_speech.tts.acoustic.tacotron2 import Tacotron2
from nuanced_speech.tts.acoustic.tacotron2_layers import Tacotron2Config

PACKAGED = Path(__file__).parents[2] / "data" / "etts.safetensors"
MODELS: dict[str, tuple[Any, Any]] = {"etts": (Etts, EttsConfig), "tacotron2": (Tacotron2, Tacotron2Config)}


def build(name: str, settings: dict[str, Any] | None = None) -> AcousticModel:
    """A new model by its name, with the defaults of its configuration but for some settings.

    Raises:
        UserError: no such model.
    """
    if name not in MODELS:
        raise UserError(f"no model {name!r}: give one of {', '.join(MODELS)}")
    model, config = MODELS[name]
    return model(config(**(settings or {})))


def save(path: Path, model: AcousticModel, **about: str) -> None:
    """Write the weights, matrices in fp16; an old file stays until the new is whole."""
    state = {
        name: (value.half() if value.is_floating_point() and value.ndim > 1 else value).cpu().contiguous()
        for name, value in model.state_dict().items()
    }
    metadata = {"model": model.name, "config": json.dumps(asdict(model.config)), **about}
    with replacing(path) as temporary:
        save_file(state, temporary, metadata)


def adopt(model: AcousticModel, path: Path) -> None:
    """Give a new model the weights of a file, the scale of its mels included.

    Raises:
        UserError: no such file, or weights of another kind or size of model.
    """
    trained = load(path)
    if trained.name != model.name:
        raise UserError(f"{path} is of {trained.name}, not {model.name}: give {trained.name} as model")
    sizes, expected = ({name: v.shape for name, v in m.state_dict().items()} for m in (trained, model))
    if sizes != expected:
        here, there = asdict(model.config), asdict(trained.config)
        differing = ", ".join(f"{key} is {there[key]}, not {here[key]}" for key in here if there[key] != here[key])
        raise UserError(f"{path} is of another size ({differing}): train with the options that it was trained with")
    model.load_state_dict(trained.state_dict())


def load(path: Path | None = None, device: str | torch.device = "cpu") -> AcousticModel:
    """The model of a file that ``save`` wrote, ready to speak; the packaged one by default.

    Raises:
        UserError: no such file, or not an acoustic model.
    """
    path = path or PACKAGED
    with reading_model(path, "acoustic model", "nuanced-speech tts train") as file:
        kind, config = MODELS[file.metadata["model"]]
        model: AcousticModel = kind(config(**file.config()))
        model.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in file.tensors.items()})
    return model.to(device).eval().requires_grad_(False)
