"""A process of its own for ``test_precision.py``: what is computed in half precision, by name of the job, as JSON.

Runs the jobs that ask for the faster precision, small but real, and watches each convolution and matrix product.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from nuanced_speech import audio
from nuanced_speech.core import precision

CLIP = Path(__file__).parents[1] / "data" / "clip.flac"
PRODUCTS = ("conv", "mm", "addmm", "bmm", "matmul", "linear", "attention")


class HalfPrecision(TorchDispatchMode):
    """Collects the names of convolutions and matrix products that are given half-precision numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = function.overloadpacket.__name__
        if any(product in name for product in PRODUCTS):
            tensors = [x for x in args if isinstance(x, torch.Tensor)]
            if any(x.dtype in (torch.bfloat16, torch.float16) for x in tensors):
                self.found.add(name)
        return function(*args, **(kwargs or {}))


def watch(job: Callable[[], object]) -> list[str]:
    with HalfPrecision() as mode:
        job()
    return sorted(mode.found)


def main(folder: Path) -> dict[str, Any]:
    from nuanced_speech.models.bank import ModelBank
    from nuanced_speech.models.content_adapter import ContentConfig
    from nuanced_speech.models.kokoro import Kokoro
    from nuanced_speech.models.phoneme_tokenizer import PhonemeTokenizer
    from nuanced_speech.models.speaker_encoder import SpeakerEncoder
    from nuanced_speech.synthesis.text_to_speech import TextToSpeech
    from nuanced_speech.train import content_adapter as adapter
    from nuanced_speech.train import corpus
    from nuanced_speech.train import phoneme_recognizer as recogniser
    from nuanced_speech.train import timbre_surrogate as timbre
    from nuanced_speech.tts.codec import train as codec
    from nuanced_speech.tts.codec.model import CodecConfig, SpeechCodec
    from nuanced_speech.tts.codec_lm import train as codec_lm
    from nuanced_speech.tts.vocoders import train as vocoder
    from nuanced_speech.voice.stock import stock_voices
    from nuanced_speech.voicemaking.profile import measure_profile

    kokoro, speaker = Kokoro(), SpeakerEncoder()
    models = ModelBank(loaded={"kokoro": kokoro})
    voice = stock_voices()["af_heart"]
    text = folder / "text.txt"
    text.write_text("Yes.\nNo.\n", encoding="utf-8")
    spoken = folder / "spoken"
    spoken.mkdir()
    waves = folder / "waves"
    waves.mkdir()
    shutil.copy(CLIP, waves)
    dataset = folder / "data"
    (dataset / "wavs").mkdir(parents=True)
    audio.write(dataset / "wavs" / "a.wav", audio.read(CLIP, 22050)[:15000], 22050)
    (dataset / "metadata.csv").write_text("a|But a mob.\n", encoding="utf-8")
    shape = CodecConfig(width=32, encoder_blocks=1, decoder_blocks=1, fine_blocks=1, codebooks=3, entries=16, dim=8)
    SpeechCodec(shape).save(folder / "codec.safetensors")

    # the real one takes minutes to make
    (folder / "rec").mkdir()
    PhonemeTokenizer({"ðə": [262], "ænd": [290]}).save(folder / "rec" / "lexicon.json")

    def speak_passage() -> None:
        utterance = next(corpus.read(spoken))
        f0 = utterance.f0.numpy()
        passage = timbre.SurrogatePassage(
            utterance.ids, utterance.durations, f0, utterance.energy.numpy(), 7.5, torch.zeros(256)
        )
        timbre.speak(kokoro, speaker, voice[:1, :128], None, [passage], np.random.default_rng(0))

    jobs: dict[str, Callable[[], object]] = {
        "describe": lambda: measure_profile(kokoro, speaker, voice, sentences="We were away a year ago."),
        "say --fast": lambda: TextToSpeech(models).speak("Yes.", fast=True),
        "corpus": lambda: corpus._speak_shard((corpus.CorpusConfig(spoken, per_shard=2, text_file=text), 0)),
        "adapter": lambda: adapter.train(
            adapter.AdapterConfig((spoken,), folder / "adapter", steps=1, batch_size=1, held_out=1),
            ContentConfig("tiny.en", 3, 1, 6, input_dim=384, width=48, hidden=64, dilations=(1, 2)),
        ),
        "recogniser": lambda: recogniser.train(
            recogniser.PhonemeRecognizerTraining(
                (spoken,), folder / "rec", steps=1, batch_size=1, held_out=0, whisper="tiny.en"
            )
        ),
        "codec": lambda: codec.train(
            codec.CodecTrainConfig(
                (waves,), folder / "codec", steps=1, batch_size=1, crop_frames=16, adversarial_from=0
            ),
            shape,
        ),
        "codec-lm": lambda: codec_lm.train(
            codec_lm.LMTrainConfig(
                dataset, folder / "lm", str(folder / "codec.safetensors"), 2, 32, 1, 2, steps=1, batch_size=1
            )
        ),
        "vocoder": lambda: vocoder.train(
            vocoder.VocoderTrainConfig((waves,), folder / "vocoder", steps=1, batch_size=1, device="cpu")
        ),
        "timbre": speak_passage,
    }
    found: dict[str, Any] = {"native": bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())}
    network = torch.nn.Linear(4, 4)
    with precision.autocast("cpu", torch.bfloat16):
        found["forced"] = watch(lambda: network(torch.ones(1, 4)))
    return found | {name: watch(job) for name, job in jobs.items()}


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]))))
