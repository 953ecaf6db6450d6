"""One voice, three packages: its exports spoken by ``kokoro``, by ``kokoro-onnx`` and by this project.

    pip install "nuanced-speech[interoperability]"
    python benchmarks/interoperability.py voices/me.safetensors

The ``.pt`` is spoken by kokoro's own pipeline, the ``.npz`` by kokoro-onnx with the int8 ONNX file that the extra
``models`` brings, the ``.safetensors`` here. Whisper base writes down what it hears, and the speaker encoder compares.
"""

import argparse
import importlib.util
import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from nuanced_speech import audio
from nuanced_speech.evaluate import metrics, report
from nuanced_speech.evaluate.systems import say
from nuanced_speech.models.kokoro import CONFIG, Kokoro
from nuanced_speech.models.speaker_encoder import SpeakerEncoder
from nuanced_speech.models.whisper import WhisperModel
from nuanced_speech.text.g2p import phonemize
from nuanced_speech.text.word_errors import word_errors
from nuanced_speech.voice.stock import read_pack
from nuanced_speech.weights.sources import PACKAGED

TEXT = "The old man walked slowly down to the river, and nobody asked him where he was going."


def with_kokoro(kokoro: Kokoro, path: Path) -> np.ndarray:
    """Spoken by ``KPipeline`` and ``KModel`` of the installed package with our weights, the voice being the ``.pt``."""
    from kokoro import KModel, KPipeline

    with tempfile.TemporaryDirectory() as scratch:
        empty = Path(scratch) / "empty.pth"
        torch.save({}, empty)
        model = KModel(repo_id="hexgrad/Kokoro-82M", config=json.loads(CONFIG.read_text()), model=str(empty)).eval()
    for module in model.modules():
        if hasattr(module, "weight_g"):
            torch.nn.utils.remove_weight_norm(module)
    model.load_state_dict(kokoro.model.state_dict(), strict=False)
    # an English pipeline would download a spaCy model; for phonemes the language makes no difference
    pipeline = KPipeline(lang_code="e", model=model, repo_id="hexgrad/Kokoro-82M")
    (said,) = pipeline.generate_from_tokens(phonemize(TEXT), voice=str(path))
    return said.audio.numpy()


def with_kokoro_onnx(_kokoro: Kokoro, path: Path) -> np.ndarray:
    """Spoken by ``kokoro-onnx``, the ``.npz`` being its file of voices."""
    import kokoro_onnx

    with tempfile.TemporaryDirectory() as scratch:
        model = Path(scratch) / "kokoro.onnx"
        model.write_bytes(b"".join(part.read_bytes() for part in parts()))
        speaker = kokoro_onnx.Kokoro(str(model), str(path), vocab_config=str(CONFIG))
        samples, _ = speaker.create(phonemize(TEXT), voice=path.stem, is_phonemes=True)
    return np.asarray(samples, np.float32)


def with_ours(kokoro: Kokoro, path: Path) -> np.ndarray:
    """Spoken here."""
    return say(kokoro, TEXT, "en", read_pack(path))


SPEAKERS: dict[str, Callable[[Kokoro, Path], np.ndarray]] = {
    ".pt": with_kokoro,
    ".npz": with_kokoro_onnx,
    ".safetensors": with_ours,
}


def parts() -> list[Path]:
    """The parts of the ONNX file in the installed packages."""
    found = []
    for package, file in PACKAGED["kokoro"].files:
        spec = importlib.util.find_spec(package)
        if spec is None or not spec.submodule_search_locations:
            raise SystemExit("the packages of the extra 'models' are missing")
        found.append(Path(spec.submodule_search_locations[0]) / file)
    return found


def main() -> None:
    """Speak, listen, print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("voice", type=Path, help="one of the three files of a voice; the others lie beside it")
    parser.add_argument("--out", type=Path, help="write the three recordings here")
    options = parser.parse_args()
    kokoro, listener, encoder = Kokoro(), WhisperModel("base"), SpeakerEncoder()
    waves = {suffix: speak(kokoro, options.voice.with_suffix(suffix)) for suffix, speak in SPEAKERS.items()}
    embeddings = {suffix: encoder.embed(wave, audio.SAMPLE_RATE) for suffix, wave in waves.items()}
    print("| export | spoken by | seconds | heard | WER | SECS to .pt | to .npz | to .safetensors |")
    print("|---|---|---|---|---|---|---|---|")
    for suffix, wave in waves.items():
        heard = report.transcribe(listener, wave, "en").text
        likeness = " | ".join(f"{metrics.cosine(embeddings[suffix], other):.3f}" for other in embeddings.values())
        name = SPEAKERS[suffix].__name__.removeprefix("with_").replace("_", "-")
        wer = word_errors(TEXT, heard).wer
        print(f"| `{suffix}` | {name} | {len(wave) / audio.SAMPLE_RATE:.2f} | {heard} | {wer:.1%} | {likeness} |")
        if options.out:
            options.out.mkdir(parents=True, exist_ok=True)
            audio.write(options.out / f"{suffix[1:]}.wav", wave)


if __name__ == "__main__":
    main()
