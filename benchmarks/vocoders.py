"""Copy synthesis: how near each vocoder comes to a recording from its mel spectrogram alone.

    python benchmarks/vocoders.py FOLDER [--per-speaker 4] [--vocoder NAME=FILE ...] [--out outputs/vocoders]

FOLDER has a folder for each speaker, none of them heard in training. A row a vocoder, means over clips with 95 %
intervals (bootstrap over clips). Needs ``pesq`` and ``pystoi`` (extra ``copy-synthesis``); DNSMOS where speechmos is
installed. PESQ is wide-band (ITU-T P.862.2), at 16 kHz. Times are of one clip after another on all cores, as shares
of the clip's length and of what Griffin-Lim takes.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from pesq import pesq
from pystoi import stoi

from nuanced_speech import audio
from nuanced_speech.dsp.mel import MEL, mel_spectrogram
from nuanced_speech.evaluate.benchmark import machine
from nuanced_speech.evaluate.quality import quality
from nuanced_speech.tts.vocoders import Vocoder, load, speak
from nuanced_speech.tts.vocoders.griffin_lim import GriffinLim

RATE = audio.WHISPER_SAMPLE_RATE


def measure(vocoder: Vocoder, wave: np.ndarray) -> dict[str, float]:
    """One clip: what the vocoder makes of its mel, beside it."""
    started = time.perf_counter()
    spoken = speak(mel_spectrogram(torch.from_numpy(wave)[None])[0].numpy(), vocoder)
    seconds = time.perf_counter() - started
    wave = wave[: len(spoken)]
    return {"rtf": seconds / len(wave) * MEL.sample_rate, **compare(wave, spoken)}


def compare(wave: np.ndarray, spoken: np.ndarray) -> dict[str, float]:
    mels = [mel_spectrogram(torch.from_numpy(w)[None])[0] for w in (wave, spoken)]
    original, copy = (audio.resample(w, MEL.sample_rate, RATE) for w in (wave, spoken))
    found = quality(copy, RATE, distill=False)
    nothing = float("nan")
    return {
        "mel": float((mels[0] - mels[1]).abs().mean()),
        "pesq": pesq(RATE, original, copy, "wb"),
        "stoi": stoi(original, copy, RATE),
        "ovrl": nothing if found.ovrl is None else found.ovrl,
        "p808": nothing if found.p808 is None else found.p808,
    }


def interval(values: list[float], seed: int = 0) -> str:
    """Mean and half the width of its 95 % interval."""
    rng = np.random.default_rng(seed)
    means = rng.choice(values, (2000, len(values))).mean(1)
    low, high = np.percentile(means, [2.5, 97.5])
    return f"{np.mean(values):.2f} ± {(high - low) / 2:.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--per-speaker", type=int, default=4)
    parser.add_argument("--vocoder", action="append", default=[], metavar="NAME=FILE", help="a trained one besides")
    parser.add_argument("--out", type=Path, default=Path("outputs/vocoders"))
    arguments = parser.parse_args()
    speakers = sorted(path for path in arguments.folder.iterdir() if path.is_dir())
    paths = [path for speaker in speakers for path in audio.recordings_in(speaker)[: arguments.per_speaker]]
    vocoders: dict[str, Vocoder] = {
        "Griffin-Lim (baseline)": GriffinLim(),
        "Griffin-Lim, better magnitudes": GriffinLim(least_squares=False),
        "packaged: source-filter": load(),
    }
    for named in arguments.vocoder:
        name, _, file = named.partition("=")
        vocoders[name] = load(file)
    rows: dict[str, list[dict[str, float]]] = {"the recording": []}
    for path in paths:
        wave = audio.read(path, MEL.sample_rate)
        rows["the recording"].append({"rtf": 0.0, **compare(wave, wave)})
        for name, vocoder in vocoders.items():
            rows.setdefault(name, []).append(measure(vocoder, wave))
    baseline = np.mean([row["rtf"] for row in rows["Griffin-Lim (baseline)"]])
    lines = [
        f"{len(paths)} clips of {len(speakers)} speakers. {machine()}.",
        "",
        "| vocoder | parameters | mel distance | PESQ | STOI | OVRL | P.808 | RTF | time / baseline |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, clips in rows.items():
        model = vocoders.get(name)
        size = sum(p.numel() for p in model.parameters()) if isinstance(model, torch.nn.Module) else 0
        cells = [interval([clip[key] for clip in clips]) for key in ("mel", "pesq", "stoi", "ovrl", "p808")]
        rtf = float(np.mean([clip["rtf"] for clip in clips]))
        speed = [f"{rtf:.3f}", f"{rtf / baseline:.1f}"] if model else ["", ""]
        lines.append("| " + " | ".join([name, f"{size / 1e6:.1f} M" if size else "", *cells, *speed]) + " |")
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "vocoders.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (arguments.out / "vocoders.json").write_text(json.dumps(rows, indent=1), encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
