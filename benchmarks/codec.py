"""What a codec keeps of held-out recordings, by how many of its codebooks are used.

    python benchmarks/codec.py RECORDINGS --clips 20

RECORDINGS is a folder of recordings. Each is encoded once and decoded with 1, 2, 4 … codebooks. Words: Whisper's
transcript of the recording itself is the reference, or transcripts.tsv (file name, tab, words) where the folder has it.
PESQ and STOI come in where the packages pesq and pystoi are installed. A table in Markdown.
"""

import argparse
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch

from nuanced_speech import audio
from nuanced_speech.dsp.mel import MelConfig, mel_spectrogram
from nuanced_speech.evaluate import metrics
from nuanced_speech.models.speaker_encoder import SpeakerEncoder
from nuanced_speech.models.whisper import WhisperModel
from nuanced_speech.text.word_errors import WordErrors, word_errors
from nuanced_speech.tts.codec import interface
from nuanced_speech.tts.codec.picture import prefixes

RATE = 16000


def transcripts(folder: Path) -> dict[str, str]:
    """Words by the stem of a recording's name."""
    path = folder / "transcripts.tsv"
    rows = [line.split("\t") for line in path.read_text().splitlines()] if path.is_file() else []
    return {Path(row[0]).stem: row[-1] for row in rows if len(row) > 1}


def compare(recording: np.ndarray, rebuilt: np.ndarray, speakers: SpeakerEncoder) -> dict[str, float]:
    """Figures of one clip, both ``[T]`` at 16 kHz."""
    mel = MelConfig(RATE, 1024, 256, 80, 0.0, 8000.0)
    bands = [mel_spectrogram(torch.from_numpy(wave)[None], mel)[0] for wave in (recording, rebuilt)]
    row = {"mel distance": float((bands[0] - bands[1]).abs().mean())}
    if find_spec("pesq"):
        from pesq import pesq

        row["PESQ"] = float(pesq(RATE, recording, rebuilt, "wb"))
    if find_spec("pystoi"):
        from pystoi import stoi

        row["STOI"] = float(stoi(recording, rebuilt, RATE))
    row["SECS"] = metrics.cosine(speakers.embed(recording, RATE), speakers.embed(rebuilt, RATE))
    return row


def main() -> None:
    """Encode, decode, compare, print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--codec", default=interface.SHIPPED, help="as 'tts codec encode --codec' takes it")
    parser.add_argument("--clips", type=int, default=0, help="only so many, spread over the folder")
    parser.add_argument("--whisper", default="base", help="that transcribes; '' for no word error rate")
    options = parser.parse_args()
    torch.set_grad_enabled(False)
    codec, speakers = interface.load(options.codec), SpeakerEncoder()
    listener = WhisperModel(options.whisper) if options.whisper else None
    paths = audio.recordings_in(options.folder)
    paths = paths[:: max(1, len(paths) // options.clips)][: options.clips] if options.clips else paths
    written = transcripts(options.folder)
    rows: dict[int, list[dict[str, float]]] = {used: [] for used in (0, *prefixes(codec.codebooks))}
    errors: dict[int, list[WordErrors]] = {used: [] for used in rows}
    seconds = encoding = decoding = 0.0
    for path in paths:
        recording = audio.read(path, RATE)
        wave = torch.from_numpy(audio.read(path, codec.sample_rate))
        started = time.perf_counter()
        codes = interface.encode(codec, wave)
        encoding += time.perf_counter() - started
        seconds += len(recording) / RATE
        heard = {}
        for used in rows:
            started = time.perf_counter()
            rebuilt = interface.decode(codec, codes[:used])[: len(wave)].numpy() if used else recording
            decoding += (time.perf_counter() - started) * (used == codec.codebooks)
            if used:
                rebuilt = audio.resample(rebuilt, codec.sample_rate, RATE)[: len(recording)]
                rebuilt = np.pad(rebuilt, (0, len(recording) - len(rebuilt)))
                rows[used].append(compare(recording, rebuilt, speakers))
            if listener is not None:
                heard[used] = listener.transcribe(rebuilt, "en").text
        reference = written.get(path.stem, heard.get(0, ""))
        for used, text in heard.items():
            errors[used].append(word_errors(reference, text))
        print(path.name, {k: round(v, 3) for k, v in rows[codec.codebooks][-1].items()}, heard, flush=True)

    bits = (codec.entries - 1).bit_length() * codec.sample_rate / codec.hop_length / 1000
    columns = list(rows[1][0])
    words = ["WER"] if listener is not None else []
    print(f"\n| codebooks | kbit/s | {' | '.join(columns + words)} |\n|---|---|{'---|' * len(columns + words)}")
    for used in rows:
        cells = [f"{np.mean([row[column] for row in rows[used]]):.3f}" if used else "" for column in columns]
        if listener is not None:
            cells.append(f"{sum(errors[used][1:], errors[used][0]).wer:.1%}")
        name, rate = (str(used), f"{bits * used:.1f}") if used else ("recording", "")
        print(f"| {name} | {rate} | {' | '.join(cells)} |")
    speed = f"RTF: encoding {encoding / seconds:.3f}, decoding {decoding / seconds:.3f}"
    print(f"\n{len(paths)} clips, {seconds:.0f} s. {speed}.")


if __name__ == "__main__":
    main()
