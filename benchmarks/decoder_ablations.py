"""What weights of the fast decoder owe to each part of their input, on speakers that they were not trained on.

    python benchmarks/decoder_ablations.py RECORDINGS WEIGHTS [WEIGHTS ...] [--speakers 3] [--clips 1]

RECORDINGS holds a folder for each speaker. The first clips of a speaker are decoded again, the last one judges, and the
others are the reference: timbre, speaker embedding and frames. Each clip is decoded in its own voice and in that of the
next speaker, the melody moved to this speaker's pitch. Prints a Markdown table for each file of weights: the distance
of log spectra to the clip, in its own voice, and the cosine of the sound to the clip that judges, by Resemblyzer's
network (which may be a loss of the training) and by CAM++ (which no training and no search uses).
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from nuanced_speech import audio
from nuanced_speech.analysis.analyzer import Analyzer
from nuanced_speech.analysis.features import ENERGY_OFFSET, SegmentFeatures, mean_speaker, mean_style
from nuanced_speech.analysis.recorded_voice import reference_of, source_of
from nuanced_speech.core.constants import SAMPLE_RATE, UNITS_PER_SECOND
from nuanced_speech.core.tensor_files import reading_model
from nuanced_speech.dsp.pitch import median_log_f0
from nuanced_speech.dsp.spectral_distance import SpectralDistance
from nuanced_speech.evaluate import campplus
from nuanced_speech.evaluate.metrics import cosine
from nuanced_speech.models.bank import ModelBank
from nuanced_speech.models.decoder_voice import DecoderVoice, Reference
from nuanced_speech.models.fast_decoder import FastDecoder
from nuanced_speech.models.speaker_encoder import SpeakerEncoder

SECONDS = (3, 6, 12, 30, 60)
RECORDED_HZ = 8000.0
"""Up to what frequency the recordings are compared: the half of 16 kHz."""


@dataclass(frozen=True)
class Speaker:
    """Analysed clips of a speaker: what is decoded, what is the reference, and embeddings of the clip that judges, by
    Resemblyzer's network and by CAM++."""

    clips: list[list[SegmentFeatures]]
    reference: list[SegmentFeatures]
    judges: tuple[np.ndarray | None, np.ndarray | None]

    @property
    def pitch(self) -> float:
        """Median log2 F0 of the reference."""
        return median_log_f0(np.concatenate([item.f0 for item in self.reference]))


@dataclass(frozen=True)
class Row:
    """One kind of input.

    Attributes:
        name: what it is called.
        seconds: length of the reference.
        timbre, speaker, frames: what the decoder is given of it.
        own: the clip itself is the reference.
        source: the decoder is given the clip's envelopes.
    """

    name: str
    seconds: float
    timbre: bool = True
    speaker: bool = True
    frames: bool = True
    own: bool = False
    source: bool = False


ROWS = (
    Row("all, other clips", 30),
    Row("without reference frames", 30, frames=False),
    Row("without speaker embedding", 30, speaker=False),
    Row("without timbre", 30, timbre=False),
    Row("reference frames alone", 30, timbre=False, speaker=False),
    Row("all, of the clip itself", 60, own=True),
    Row("all, of the clip itself, and the source", 60, own=True, source=True),
    Row("all, other clips, and the source", 30, source=True),
    *(Row(f"all, {seconds} s of other clips", seconds) for seconds in SECONDS),
    *(Row(f"all, {seconds} s of other clips, and the source", seconds, source=True) for seconds in SECONDS),
)


class Judges:
    """Both speaker networks, and the distance of spectra."""

    def __init__(self, encoder: SpeakerEncoder) -> None:
        self.encoder, self.distance = encoder, SpectralDistance()

    def embed(self, wave: np.ndarray) -> tuple[np.ndarray | None, np.ndarray | None]:
        """Embeddings of a waveform at 24 kHz by Resemblyzer's network and by CAM++."""
        return self.encoder.embed(wave, SAMPLE_RATE), campplus.embed(wave, SAMPLE_RATE)

    def likeness(self, wave: np.ndarray, *speakers: Speaker) -> list[float]:
        """Cosines of a waveform to the clips that judge for these speakers, by both networks; NaN of silence."""
        made = self.embed(wave)
        pairs = [pair for speaker in speakers for pair in zip(made, speaker.judges, strict=True)]
        return [np.nan if a is None or b is None else float(cosine(a, b)) for a, b in pairs]

    def log_distance(self, wave: np.ndarray, recording: np.ndarray) -> float:
        """Mean distance of log spectra, as the training minimises it."""
        made, real = torch.from_numpy(wave)[None], torch.from_numpy(recording)[None]
        return float(self.distance(made, real, torch.tensor([RECORDED_HZ]))[1])


def first_seconds(features: Sequence[SegmentFeatures], seconds: float) -> list[SegmentFeatures]:
    """The first segments, up to so many seconds; the last of them counts whole."""
    ends = np.cumsum([item.units for item in features]) / UNITS_PER_SECOND
    return list(features[: int(np.searchsorted(ends, seconds)) + 1])


def voice_of(features: Sequence[SegmentFeatures], row: Row) -> DecoderVoice:
    """The voice that a row gives the decoder of analysed recordings."""
    part = first_seconds(features, row.seconds)
    frames, speaker, timbre = reference_of(part), mean_speaker(part), mean_style(part).timbre[None]
    most = round(row.seconds * UNITS_PER_SECOND)
    frames = Reference(frames.content[:, :most], frames.envelope[:, :most], frames.mask[:, :most])
    unknown = torch.full((1, 256), torch.nan)
    return DecoderVoice(
        timbre if row.timbre else torch.full_like(timbre, torch.nan),
        unknown if speaker is None or not row.speaker else speaker[None].float(),
        frames if row.frames else replace(frames, mask=torch.zeros_like(frames.mask)),
    )


def decode(
    decoder: FastDecoder, features: Sequence[SegmentFeatures], voice: DecoderVoice, octaves: float, source: bool
) -> np.ndarray:
    """All segments, one after the other; with ``source`` by their envelopes."""
    waves = []
    for item in features:
        f0 = torch.from_numpy(item.f0 * np.float32(2**octaves))[None]
        energy = torch.from_numpy(item.energy + np.float32(ENERGY_OFFSET))[None]
        waves.append(
            decoder(item.content.float()[None], f0, energy, voice, source=source_of(item) if source else None)[
                0
            ].numpy()
        )
    return np.concatenate(waves)


def read_speakers(recordings: Path, speakers: int, clips: int, judges: Judges) -> list[Speaker]:
    """Analyse the first folders of at least ``clips + 2`` recordings."""
    analyzer, found = Analyzer(ModelBank()), list[Speaker]()
    for folder in sorted(path for path in recordings.iterdir() if path.is_dir()):
        paths = audio.recordings_in(folder)
        if len(paths) < clips + 2 or len(found) == speakers:
            continue
        parts = [analyzer(audio.read(path)) for path in paths[:-1]]
        reference = [item for part in parts[clips:] for item in part]
        found.append(Speaker(parts[:clips], reference, judges.embed(audio.read(paths[-1]))))
    return found


def measure(decoder: FastDecoder, speakers: Sequence[Speaker], row: Row, judges: Judges) -> list[float]:
    """Means over all clips: distance, cosines in the own voice, cosines in the next speaker's voice."""
    values = []
    for k, speaker in enumerate(speakers):
        other = speakers[(k + 1) % len(speakers)]
        for clip in speaker.clips:
            recording = np.concatenate([item.wave for item in clip])
            own = decode(decoder, clip, voice_of(clip if row.own else speaker.reference, row), 0.0, row.source)
            figures = [judges.log_distance(own, recording), *judges.likeness(own, speaker)]
            if row.own or len(speakers) == 1:
                values.append([*figures, np.nan, np.nan])
                continue
            octaves = other.pitch - median_log_f0(np.concatenate([item.f0 for item in clip]))
            crossed = decode(decoder, clip, voice_of(other.reference, row), octaves, row.source)
            values.append([*figures, *judges.likeness(crossed, other)])
    return [float(x) for x in np.mean(values, 0)]


def unconverted(speakers: Sequence[Speaker], judges: Judges) -> list[float]:
    """What the recordings themselves have."""
    values = []
    for k, speaker in enumerate(speakers):
        for clip in speaker.clips:
            wave = np.concatenate([item.wave for item in clip])
            other = speakers[(k + 1) % len(speakers)]
            values.append([0.0, *judges.likeness(wave, speaker, other)])
    return [float(x) for x in np.mean(values, 0)]


def line(name: str, figures: Sequence[float]) -> str:
    """A row of the table."""
    return f"| {name} | " + " | ".join("–" if np.isnan(x) else f"{x:.3f}" for x in figures) + " |"


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recordings", type=Path, help="Folder with a folder for each speaker.")
    parser.add_argument("weights", type=Path, nargs="+", help="Weights of the fast decoder.")
    parser.add_argument("--speakers", type=int, default=3, help="Number of speakers.")
    parser.add_argument("--clips", type=int, default=1, help="Number of clips of each speaker that are decoded.")
    options = parser.parse_args()
    judges = Judges(SpeakerEncoder())
    speakers = read_speakers(options.recordings, options.speakers, options.clips, judges)
    if not speakers:
        raise SystemExit(f"{options.recordings}: no folder with {options.clips + 2} recordings or more")
    seconds = [sum(item.units for item in speaker.reference) / UNITS_PER_SECOND for speaker in speakers]
    for path in options.weights:
        with reading_model(path, "fast decoder", "nuanced-speech train decoder") as file:
            about = file.metadata
        print(f"\n{path.name}: stage {about.get('stage', 'spectra')}, {about.get('steps', '?')} steps;", end=" ")
        print(f"{len(speakers)} speakers with {min(seconds):.0f} to {max(seconds):.0f} s of reference\n")
        print("| input | log distance | own voice, Resemblyzer | CAM++ | another's, Resemblyzer | CAM++ |")
        print("|---|---|---|---|---|---|")
        print(line("(the recording itself)", unconverted(speakers, judges)))
        decoder = FastDecoder.load(path)
        for row in ROWS:
            print(line(row.name, measure(decoder, speakers, row, judges)), flush=True)


if __name__ == "__main__":
    main()
