"""Files of trained vocoders: half-precision safetensors that say which model they are of and how large it is."""

import json
from dataclasses import asdict
from pathlib import Path

from safetensors.torch import save_file

from nuanced_speech.core.files import replacing
from nuanced_speech.core.tensor_files import reading_model
from nuanced_speech.tts.vocoders.hifigan import HiFiGAN, HiFiGANConfig
from nuanced_speech.tts.vocoders.source_filter import SourceFilter, SourceFilterConfig
from nuanced_speech.tts.vocoders.waveglow import WaveGlow, WaveGlowConfig

Trainable = SourceFilter | HiFiGAN | WaveGlow
MODELS = {
    "source-filter": (SourceFilter, SourceFilterConfig),
    "hifigan": (HiFiGAN, HiFiGANConfig),
    "waveglow": (WaveGlow, WaveGlowConfig),
}


def save(path: Path, model: Trainable) -> None:
    """Write weights and configuration, whole or not at all.

    Raises:
        UserError: the path cannot be written.
    """
    name = next(name for name, (kind, _) in MODELS.items() if isinstance(model, kind))
    tensors = {name: value.half().contiguous() for name, value in model.state_dict().items()}
    with replacing(path) as temporary:
        save_file(tensors, temporary, {"vocoder": name, "config": json.dumps(asdict(model.config))})


def load(path: Path) -> Trainable:
    """The vocoder that ``save`` wrote, ready to speak.

    Raises:
        UserError: no such file, or not one of these.
    """
    with reading_model(path, "vocoder", "nuanced-speech tts train-vocoder RECORDINGS") as file:
        kind, sizes = MODELS[file.metadata["vocoder"]]
        values = file.config()
        config = sizes(**{key: tuple(value) if isinstance(value, list) else value for key, value in values.items()})
        model = kind(config)
        model.load_state_dict(file.floats())
    return model.eval().requires_grad_(False)
