"""The jobs of ``neutrality.py``: commands with fixed seeds, and the inputs that they are given."""

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import torch
from safetensors.torch import load_file, save_file

ROOT = Path(__file__).resolve().parents[1]
# Two passages of one speaker: they are read from the checkout that holds this script, so that inputs are the same.
CLIP, LONG = ROOT / "tests" / "data" / "clip.flac", ROOT / "samples" / "huckleberry.flac"
SHORT_SECONDS, REST_SECONDS = 2.0, 2.5
WORDS = "Yes.\nNo.\nWhy?\n"
# Utterances of the spoken corpus that are trained on: hearing all twenty would take longer than the rest.
FEW = 6


@dataclass(frozen=True)
class Job:
    """One command to run.

    Attributes:
        name: of the job, and of its folder.
        command: after ``nuanced-speech``, or a script of the checkout. OUT is the job's folder, ``in`` the inputs'.
        takes: jobs whose folders are copied into this one's before it starts.
        stdout: hash what is printed, too.
        before: makes further inputs in the job's folder.
    """

    name: str
    command: str
    takes: tuple[str, ...] = ()
    stdout: bool = False
    before: Callable[[Path], None] | None = None


def few_utterances(folder: Path) -> None:
    """Leave only the first utterances of the corpus, and no checksum of all."""
    shard = folder / "train-corpus" / "shard-00000.safetensors"
    kept = {name: value for name, value in load_file(shard).items() if int(name.partition(".")[0]) < FEW}
    save_file(kept, shard)
    shard.with_name(shard.name + ".sha256").unlink(missing_ok=True)


def small_lexicon(folder: Path) -> None:
    """Write a lexicon of a few words: training makes its own, in minutes, where there is none."""
    few_utterances(folder)
    words = {"ðə": [264], "ænd": [293], "jˈɛs": [2086], "nˈO": [572], "ɪz": [307], "ɪt": [309], "kˈʌm": [808]}
    (folder / "model").mkdir()
    (folder / "model" / "lexicon.json").write_text(json.dumps([words, [], {}]), encoding="utf-8")


def small_held_out(folder: Path) -> None:
    """Write held-out examples of noise: training speaks thirty sentences where there are none. Weights do not depend
    on them."""
    few_utterances(folder)
    (folder / "model").mkdir()
    noise = torch.from_numpy(np.random.default_rng(0).normal(size=(2, 40, 6, 512))).half()
    tensors = {"0.0": noise[0].clone(), "0.1": noise[1].clone(), "0.style": torch.ones(256)}
    save_file(tensors, folder / "model" / "held-out-base.safetensors")


def few_speakers(folder: Path) -> None:
    """Write recordings of a speaker with two, and of one whose name makes it a held-out speaker."""
    few_utterances(folder)
    for name in ("b/one.flac", "b/two.flac", "lone-1.flac"):
        (folder / "recordings" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(CLIP, folder / "recordings" / name)


JOBS = (
    Job("convert-direct", "convert in/short.wav OUT/out.wav --path direct --whisper tiny.en --report OUT"),
    Job("convert-text", "convert in/short.wav OUT/out.wav --path text"),
    Job("convert-stock", "convert in/short.wav OUT/out.flac --voice af_heart"),
    Job("convert-mix", "convert in/short.wav OUT/out.ogg --voice af_heart:0.7,bm_george:0.3 --pitch-shift 2 --seed 3"),
    Job("convert-recording", "convert in/short.wav OUT/out.wav --voice in/clip.flac --more in/rest.wav"),
    Job("convert-words", "convert in/short.wav OUT/out.wav --text 'Quite another sentence.'"),
    Job("convert-keep-none", "convert in/short.wav OUT/out.wav --keep none"),
    Job("convert-refine", "convert in/short.wav OUT/out.wav --refine 2"),
    Job("convert-fast", "convert in/short.wav OUT/out.wav --decoder fast --voice in/clip.flac"),
    Job("convert-resume", "convert in/clip.flac OUT/out.wav --decoder fast --resume"),
    Job("say", "say 'Good morning. The bell rang 3 times.' OUT/out.wav --timestamps OUT/times.json"),
    Job("say-spanish", "say 'Hola, ¿qué tal?' OUT/out.flac --voice ef_dora --speed 0.9 --timestamps OUT/times.srt"),
    Job("clone", "clone in/clip.flac --name me --out OUT --no-report --i-have-consent 'public domain'"),
    Job("mix", "mix 'af_heart + 0.5*(af_nicole - bm_george)' --name blend --out OUT"),
    Job("describe", "describe 'older woman, calm, low, British' --name grandma --out OUT"),
    Job("detect", "detect OUT/say/out.wav OUT/convert-mix/out.ogg in/clip.flac", ("say", "convert-mix"), stdout=True),
    Job("voices", "voices list", stdout=True),
    Job(
        "train-corpus",
        "train corpus OUT --utterances 20 --workers 1 --precise --text-file in/words.txt --dictionary 0.1",
    ),
    # the first utterances of all are held out: a folder that is named again is there for training
    Job(
        "train-adapter",
        "train adapter OUT/train-corpus OUT/train-corpus --out OUT/model --steps 2 --batch-size 2",
        ("train-corpus",),
        before=few_utterances,
    ),
    Job(
        "train-recogniser",
        f"train recogniser {' '.join(['OUT/train-corpus'] * 12)} --out OUT/model --steps 2 --batch-size 2",
        ("train-corpus",),
        before=small_lexicon,
    ),
    Job(
        "train-style",
        "train style OUT/train-corpus --out OUT/model --steps 2 --batch-size 4",
        ("train-corpus",),
        before=small_held_out,
    ),
    Job(
        "train-timbre",
        "train timbre OUT/train-corpus --corpus OUT/train-corpus --out OUT/model --random 10 --rounds 1 --per-round 2"
        " --per-shard 2 --epochs 2",
        ("train-corpus",),
        before=few_utterances,
    ),
    Job(
        "train-decoder-data",
        "train decoder-data OUT/data --spoken OUT/train-corpus --recordings OUT/recordings",
        ("train-corpus",),
        before=few_speakers,
    ),
    Job(
        "train-decoder",
        "train decoder OUT/train-decoder-data/data --out OUT/model --steps 3 --batch-size 2 --crop-seconds 0.6"
        " --width 32 --blocks 2 --measured 2 --device cpu",
        ("train-decoder-data",),
    ),
    Job(
        "train-multispeech",
        "train_v2_multispeech.py --text-file in/two.txt --voices af_heart --epochs 1 --batch-size 1 --device cpu"
        " --corpus OUT/train-corpus --out OUT/speech --models OUT/model --audio-epochs 2",
        ("train-corpus",),
        before=few_utterances,
    ),
    Job("tts-prepare", "tts prepare in/recordings OUT --whisper tiny.en --language en"),
    Job("tts-features", "tts features in/dataset OUT"),
    Job("tts-dummy", "tts dummy OUT --utterances 12 --speakers 2"),
    Job(
        "tts-train-etts",
        "tts train --data OUT/tts-dummy --out OUT/model --steps 3 --batch-size 4 --device cpu",
        ("tts-dummy",),
    ),
    Job(
        "tts-train-tacotron2",
        "tts train --model tacotron2 --guided-attention --data OUT/tts-dummy --out OUT/model --steps 2 --batch-size 2"
        " --device cpu",
        ("tts-dummy",),
    ),
    Job("tts-infer", "tts infer 'Hello there.' OUT/out.wav --mel OUT/mel.npy --speaker in/clip.flac"),
    Job("tts-vocode", "tts vocode in/short.wav OUT/out.wav"),
    Job(
        "tts-train-vocoder",
        "tts train-vocoder in/recordings --out OUT --steps 2 --batch-size 2 --frames 32 --device cpu",
    ),
    Job("tts-codec-encode", "tts codec encode in/short.wav OUT/codes.npz"),
    Job("tts-codec-decode", "tts codec decode OUT/tts-codec-encode/codes.npz OUT/out.wav", ("tts-codec-encode",)),
    Job(
        "tts-codec-train",
        "tts codec train in/recordings --out OUT --steps 2 --batch-size 2 --adversarial-from 0.5",
    ),
    Job("tts-codec-lm-train", "tts codec-lm train in/dataset --out OUT --steps 2 --layers 2 --width 64"),
)


def write_inputs(folder: Path) -> None:
    """Write recordings, a data set and a text for the jobs."""
    long, rate = soundfile.read(LONG, dtype="int16")
    clip, _ = soundfile.read(CLIP, dtype="int16")
    cut = round(SHORT_SECONDS * rate)
    for name in ("recordings", "dataset/wavs"):
        (folder / name).mkdir(parents=True)
        soundfile.write(folder / name / "a.wav", clip, rate)
        soundfile.write(folder / name / "b.wav", long[:cut], rate)
    soundfile.write(folder / "short.wav", long[:cut], rate)
    soundfile.write(folder / "rest.wav", long[cut : cut + round(REST_SECONDS * rate)], rate)
    shutil.copy(CLIP, folder / "clip.flac")
    texts = {"a": "But a mob without any man at the head of it is beneath pitifulness", "b": "They swarmed up in front"}
    rows = [f"{name}|{text}|{text}" for name, text in texts.items()]
    (folder / "dataset" / "metadata.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    (folder / "words.txt").write_text(WORDS, encoding="utf-8")
    (folder / "two.txt").write_text("Come in.\nWhy?\n", encoding="utf-8")


def chosen(names: list[str]) -> list[Job]:
    """The jobs of those names, all when there are none, and the jobs whose folders they take."""
    known = {job.name: job for job in JOBS}
    if unknown := set(names) - set(known):
        sys.exit(f"no such job: {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    wanted = set(names) or set(known)
    while more := {taken for name in wanted for taken in known[name].takes} - wanted:
        wanted |= more
    return [job for job in JOBS if job.name in wanted]
