"""What a fast decoder makes of stock voices and of conversions, beside Kokoro's decoder.

    python benchmarks/decoder_quality.py --voices af_heart am_michael bf_emma [--decoder fast] [--sentences 30]
    python benchmarks/decoder_quality.py --recordings RECORDINGS [--decoder fast] [--speakers 4] [--seconds 6]

With ``--voices``, sentences of ``benchmarks/speed.py`` are spoken by either decoder from the same content, F0 and
energy. With ``--recordings`` (a folder of FLAC files for each speaker), the beginning of each speaker's first clip is
converted on the text path in its own voice, and in the voice of the next speaker's second clip; likeness is the cosine
by CAM++ to a clip that was not used, and its place between a stranger (0) and another recording of the speaker (1).

Prints Markdown tables: words that Whisper base writes otherwise, DNSMOS and Distill-MOS of the first 12 s, likeness.
``make evaluate`` installs the judges. No judge has trained or chosen anything.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import torch
from speed import PAUSE, SENTENCES

from nuanced_speech import audio
from nuanced_speech.convert.converter import Converter
from nuanced_speech.convert.options import ConversionOptions
from nuanced_speech.core.constants import SAMPLE_RATE
from nuanced_speech.evaluate import campplus, metrics, report
from nuanced_speech.evaluate.quality import quality
from nuanced_speech.models.bank import ModelBank
from nuanced_speech.models.decoder import FAST, KOKORO, Decoder, load_decoder
from nuanced_speech.models.decoder_voice import DecoderVoice
from nuanced_speech.text.g2p import phonemize
from nuanced_speech.text.word_errors import word_errors
from nuanced_speech.voice.stock import style_of, voice_pack

JUDGED_SECONDS = 12
Scores = dict[str, float]


def judged(models: ModelBank, wave: np.ndarray, text: str) -> Scores:
    """Words that are written otherwise than ``text``, and predicted opinions of ``wave [T]``."""
    found = report.transcribe(models.transcriber, wave, "en").text
    scores = quality(wave[: JUDGED_SECONDS * SAMPLE_RATE], SAMPLE_RATE)
    opinions = {"OVRL": scores.ovrl, "P.808": scores.p808, "Distill-MOS": scores.distill_mos}
    return {"words otherwise": word_errors(text, found, "en").wer} | {
        name: np.nan if value is None else value for name, value in opinions.items()
    }


@torch.no_grad()
def spoken(models: ModelBank, decoders: dict[str, Decoder], voice: str, sentences: list[str]) -> dict[str, Scores]:
    """Scores of a stock voice by each decoder."""
    kokoro, pack = models.kokoro, voice_pack(voice)
    pause = np.zeros(round(PAUSE * SAMPLE_RATE), np.float32)
    waves: dict[str, list[np.ndarray]] = {name: [pause] for name in decoders}
    for sentence in sentences:
        ids = kokoro.tokens(phonemize(sentence))[None]
        style = style_of(pack, ids.shape[1] - 2)[None]
        content, prosody = kokoro.content_and_prosody(ids, style)
        timbre = DecoderVoice.single(style[0, :128])
        for name, decoder in decoders.items():
            waves[name] += [decoder(content, prosody.f0, prosody.energy, timbre)[0].numpy(), pause]
    return {name: judged(models, np.concatenate(parts), " ".join(sentences)) for name, parts in waves.items()}


def normalised(cosine: float, stranger: float, same: float) -> float:
    """0 for a stranger, 1 for another recording of the speaker."""
    return (cosine - stranger) / (same - stranger)


def converted(
    models: ModelBank, decoders: dict[str, Decoder], folder: Path, speakers: int, seconds: float, out: Path | None
) -> dict[tuple[str, str], list[Scores]]:
    """Scores of conversions by voice and decoder, one for each speaker."""
    clips = [sorted(path.glob("*.flac")) for path in sorted(folder.iterdir()) if path.is_dir()]
    clips = [paths for paths in clips if len(paths) >= 3][:speakers]
    if len(clips) < 2:
        sys.exit(f"{folder}: give at least two speakers, a folder with three FLAC files for each")
    for decoder in decoders.values():
        # the times below are without the loading of models
        Converter(models, decoder=decoder).load("text")
    rows: dict[tuple[str, str], list[Scores]] = {}
    for number, paths in enumerate(clips):
        source = audio.read(paths[0])[: round(seconds * SAMPLE_RATE)]
        text = report.transcribe(models.transcriber, source, "en").text
        if out is not None:
            audio.write(out / f"{paths[0].stem}-source.ogg", source, comment="")
        other = clips[(number + 1) % len(clips)]
        for kind, reference, kept in (("own", None, paths), ("of one recording of another", other[1], other)):
            known, second = (campplus.embed(audio.read(path), SAMPLE_RATE) for path in (kept[2], kept[1]))
            stranger = campplus.embed(audio.read((paths if reference else other)[2]), SAMPLE_RATE)
            limits = metrics.cosine(known, stranger), metrics.cosine(known, second)
            for name, decoder in decoders.items():
                begun = time.perf_counter()
                options = ConversionOptions(voice=reference, path="text", language="en")
                wave = Converter(models, decoder=decoder).convert(source, options, sample_rate=SAMPLE_RATE).audio
                spent = time.perf_counter() - begun
                cosine = metrics.cosine(known, campplus.embed(wave, SAMPLE_RATE))
                likeness = {"CAM++": cosine, "normalised": normalised(cosine, *limits)}
                row = likeness | judged(models, wave, text) | {"seconds": spent}
                rows.setdefault((kind, name), []).append(row)
                if out is not None:
                    audio.write(out / f"{paths[0].stem}-{kind.split()[-1]}-{Path(name).stem}.ogg", wave)
                print(paths[0].stem, kind, name, {key: round(value, 3) for key, value in row.items()}, flush=True)
    return rows


def table(rows: dict[tuple[str, str], Scores]) -> str:
    """Markdown."""
    columns = list(next(iter(rows.values())))
    lines = [f"| voice | decoder | {' | '.join(columns)} |", f"|---|---|{'---|' * len(columns)}"]
    for (voice, decoder), scores in rows.items():
        cells = (f"{v:.1%}" if c == "words otherwise" else f"{v:.3g}" for c, v in scores.items())
        lines.append(f"| {voice} | {decoder} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--voices", nargs="*", default=[], help="Stock voices.")
    parser.add_argument("--sentences", type=int, default=30, help="Number of sentences.")
    parser.add_argument("--recordings", type=Path, help="Folder with a folder for each speaker.")
    parser.add_argument("--speakers", type=int, default=4, help="Number of speakers.")
    parser.add_argument("--seconds", type=float, default=6.0, help="Length of each source.")
    parser.add_argument("--write", type=Path, help="Folder for the sources and conversions, as Ogg Vorbis.")
    parser.add_argument("--decoder", nargs="+", default=[FAST], help="Decoders beside Kokoro's: fast, or files.")
    options = parser.parse_args()
    if options.write:
        options.write.mkdir(parents=True, exist_ok=True)
    models = ModelBank()
    decoders = {name: load_decoder(name, models) for name in (KOKORO, *options.decoder)}
    if options.voices:
        voices = {name: spoken(models, decoders, name, list(SENTENCES[: options.sentences])) for name in options.voices}
        print(table({(voice, name): row for voice, rows in voices.items() for name, row in rows.items()}))
    if options.recordings:
        found = converted(models, decoders, options.recordings, options.speakers, options.seconds, options.write)
        means = {key: {c: float(np.mean([row[c] for row in rows])) for c in rows[0]} for key, rows in found.items()}
        print(table(means))


if __name__ == "__main__":
    main()
