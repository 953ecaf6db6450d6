"""Weights of the fast decoder beside Kokoro's decoder, on recordings of several speakers.

    python benchmarks/fast_decoder.py WEIGHTS RECORDINGS [--clips 1] [--reference 3]
    python benchmarks/fast_decoder.py WEIGHTS RECORDINGS --times [--clips 1]

RECORDINGS holds a folder for each speaker. Each clip is analysed as a conversion does it, and decoded text-free: in its
own voice, with other clips of the speaker as reference, and in the voice of the next speaker, the melody moved to that
speaker's pitch. Prints a Markdown table: words that Whisper transcribes otherwise than in the clip, CAM++ (which no
search and no training uses) to a clip that is not in the reference, correlation of log F0, and the time of the decoder
relative to Kokoro's on the same input in the same run.

``--times`` measures no quality, but processor seconds for each second of sound with either decoder, one after the other
in one process: of the decoder alone, of conversions in the own voice on both paths, and of speech. Other work on the
machine disturbs processor seconds less than seconds.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from nuanced_speech import audio
from nuanced_speech.analysis.analyzer import Analyzer
from nuanced_speech.analysis.features import SegmentFeatures, mean_speaker, mean_style
from nuanced_speech.analysis.recorded_voice import reference_of
from nuanced_speech.convert.converter import Converter
from nuanced_speech.core.constants import ENERGY_OFFSET, SAMPLE_RATE, WHISPER_SAMPLE_RATE
from nuanced_speech.dsp.f0 import f0 as track_f0
from nuanced_speech.dsp.pitch import median_log_f0
from nuanced_speech.evaluate import campplus, metrics
from nuanced_speech.models.bank import ModelBank
from nuanced_speech.models.decoder import Decoder, KokoroDecoder
from nuanced_speech.models.decoder_voice import DecoderVoice, SourceEnvelopes
from nuanced_speech.models.fast_decoder import FastDecoder
from nuanced_speech.synthesis.text_to_speech import TextToSpeech
from nuanced_speech.text.word_errors import word_errors


@dataclass(frozen=True)
class Score:
    """Word errors, likeness by CAM++, correlation of log F0, and seconds of decoding, of one output."""

    wer: float
    likeness: float
    f0: float
    seconds: float


def voice_of(features: Sequence[SegmentFeatures], with_timbre: bool) -> DecoderVoice:
    """The voice of analysed recordings: their mean style and embedding, and all their frames."""
    timbre, speaker = mean_style(features).timbre[None], mean_speaker(features)
    unknown = torch.full_like(timbre, torch.nan)
    return DecoderVoice(
        timbre if with_timbre else unknown,
        torch.zeros(1, 256) if speaker is None else speaker[None],
        reference_of(features),
    )


def decode(
    decoder: Callable[[Tensor, Tensor, Tensor], Tensor], features: Sequence[SegmentFeatures], octaves: float
) -> tuple[np.ndarray, float]:
    """All segments decoded one after the other, and the seconds that the decoder took."""
    waves, seconds = [], 0.0
    for item in features:
        f0 = torch.from_numpy(item.f0 * np.float32(2**octaves))[None]
        energy = torch.from_numpy(item.energy + np.float32(ENERGY_OFFSET))[None]
        content = item.content.float()[None]
        begin = time.perf_counter()
        waves.append(decoder(content, f0, energy)[0].numpy())
        seconds += time.perf_counter() - begin
    return np.concatenate(waves), seconds


SENTENCES = (
    "The river rose quickly in the night, and by the morning nobody could cross the old bridge.",
    "I will tell you what happened, if you promise to keep it to yourself until Sunday.",
)


def print_times(models: ModelBank, fast: FastDecoder, paths: Sequence[Path]) -> None:
    """A table of processor seconds a second of sound, by either decoder."""
    decoders: tuple[Decoder, Decoder] = KokoroDecoder(models), fast
    totals: dict[str, list[float]] = {}

    def note(what: str, which: int, seconds: float, sound: float) -> None:
        row = totals.setdefault(what, [0.0, 0.0, 0.0])
        row[which] += seconds
        row[2] += sound / 2

    for which, decoder in enumerate(decoders):
        converter, speech = Converter(models, decoder=decoder), TextToSpeech(models, decoder=decoder)
        timed = _Timed(decoder)
        for path in ("direct", "text"):
            converter.load(path)
        # the first call of each prepares what later ones find ready
        speech.speak("Ready.")
        for path in ("direct", "text"):
            for source in paths:
                begin = time.process_time()
                made = converter.convert(source, path=path)
                note(f"convert --path {path}", which, time.process_time() - begin, len(made.audio) / SAMPLE_RATE)
        for source in paths:
            Converter(models, decoder=timed).convert(source, path="direct")
        for sentence in SENTENCES:
            begin = time.process_time()
            spoken = speech.speak(sentence)
            note("say", which, time.process_time() - begin, len(spoken) / SAMPLE_RATE)
        note("decoder alone", which, timed.seconds, timed.sound)
    print("| | Kokoro's decoder | fast decoder | ratio |\n|---|---|---|---|")
    for what, (slow, quick, sound) in sorted(totals.items()):
        print(f"| {what} | {slow / sound:.3f} | {quick / sound:.3f} | 1/{slow / quick:.1f} |")


class _Timed:
    """A decoder that adds up its processor seconds and the seconds of its sound."""

    digest = "timed"

    def __init__(self, decoder: Decoder) -> None:
        self.decoder, self.seconds, self.sound = decoder, 0.0, 0.0
        self.drops_octaves, self.uses_recordings = False, decoder.uses_recordings
        self.follows_source = decoder.follows_source

    def __call__(
        self,
        content: Tensor,
        f0: Tensor,
        energy: Tensor,
        voice: DecoderVoice,
        seed: int = 0,
        source: SourceEnvelopes | None = None,
    ) -> Tensor:
        begin = time.process_time()
        wave = self.decoder(content, f0, energy, voice, seed, source)
        self.seconds += time.process_time() - begin
        self.sound += wave.numel() / SAMPLE_RATE
        return wave


class DecoderComparison:
    """Clips of several speakers, decoded by either decoder; ``scores`` by kind of voice and decoder.

    Args:
        models: for analysis, and Kokoro.
        fast: the other decoder.
        speakers: the clips of each.
        clips, reference: how many are decoded, and how many others tell the voice.
        write: folder for the sound.
    """

    def __init__(
        self,
        models: ModelBank,
        fast: FastDecoder,
        speakers: dict[str, list[Path]],
        clips: int,
        reference: int,
        write: Path | None,
    ) -> None:
        self.models, self.fast, self.speakers, self.clips, self.write = models, fast, speakers, clips, write
        self.scores: dict[str, list[Score]] = {}
        analyzer = Analyzer(models)
        self.analysed = {
            path: analyzer(audio.read(path)) for paths in speakers.values() for path in paths[: clips + reference]
        }
        self.voices = {
            name: [item for path in paths[clips:][:reference] for item in self.analysed[path]]
            for name, paths in speakers.items()
        }

    def run(self) -> None:
        """Decode each speaker's clips in the own voice and in the next speaker's."""
        names, whisper = [*self.speakers], self.models.transcriber
        for k, name in enumerate(names):
            for path in self.speakers[name][: self.clips]:
                text = whisper.transcribe(audio.read(path, WHISPER_SAMPLE_RATE), "en").text
                self.decode(path, text, "own", name, same=True)
                other = names[(k + 1) % len(names)]
                self.decode(path, text, "another's", other, same=other == name)

    def decode(self, path: Path, text: str, kind: str, target: str, same: bool) -> None:
        """Decode a clip in the voice of a speaker with either decoder, and score it."""
        source, models = self.analysed[path], self.models
        pitches = [
            median_log_f0(np.concatenate([item.f0 for item in items])) for items in (source, self.voices[target])
        ]
        octaves = 0.0 if same else pitches[1] - pitches[0]
        voice = voice_of(self.voices[target], with_timbre=True)
        style = mean_style(self.voices[target])
        judge = campplus.embed(audio.read(self.speakers[target][-1]), SAMPLE_RATE)

        def by_kokoro(content: Tensor, f0: Tensor, energy: Tensor) -> Tensor:
            return models.kokoro.decode(content, f0, energy, style.decoder[None])

        def by_fast(content: Tensor, f0: Tensor, energy: Tensor) -> Tensor:
            return self.fast(content, f0, energy, voice)

        for label, decoder in (("Kokoro, mean style", by_kokoro), ("fast", by_fast)):
            wave, seconds = decode(decoder, source, octaves)
            heard = audio.resample(wave, SAMPLE_RATE, WHISPER_SAMPLE_RATE)
            wer = word_errors(text, models.transcriber.transcribe(heard, "en").text, "en").wer
            melody = metrics.f0_correlation(np.concatenate([item.f0 for item in source]), track_f0(wave))
            likeness = metrics.cosine(campplus.embed(wave, SAMPLE_RATE), judge)
            self.scores.setdefault(f"{kind}, {label}", []).append(Score(wer, likeness, melody, seconds))
            if self.write:
                self.write.mkdir(parents=True, exist_ok=True)
                audio.write(self.write / f"{path.stem}-{kind[:3]}-{label[:4]}.wav", wave)

    def print_table(self) -> None:
        """Means over the clips."""
        print("| voice, decoder | WER | CAM++ | log F0 | time of Kokoro's |\n|---|---|---|---|---|")
        slow = sum(s.seconds for label, row in self.scores.items() if "Kokoro" in label for s in row) / 2
        for label, row in self.scores.items():
            means = [float(np.mean([getattr(s, field) for s in row])) for field in ("wer", "likeness", "f0")]
            share = sum(s.seconds for s in row) / slow
            print(f"| {label} | {means[0]:.1%} | {means[1]:.3f} | {means[2]:.2f} | {share:.2f} |")


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path, help="Weights of the fast decoder.")
    parser.add_argument("recordings", type=Path, help="Folder with a folder for each speaker.")
    parser.add_argument("--clips", type=int, default=1, help="Clips of each speaker.")
    parser.add_argument("--reference", type=int, default=3, help="Other clips of a speaker in the reference.")
    parser.add_argument("--write", type=Path, help="Folder for the sound.")
    parser.add_argument("--times", action="store_true", help="Processor seconds of the chain instead of quality.")
    options = parser.parse_args()
    models, fast = ModelBank(), FastDecoder.load(options.weights)
    if options.times:
        folders = sorted(path for path in options.recordings.iterdir() if path.is_dir())
        print_times(models, fast, [path for each in folders for path in sorted(each.glob("*.flac"))[: options.clips]])
        return
    speakers = {folder.name: sorted(folder.glob("*.flac")) for folder in sorted(options.recordings.iterdir())}
    speakers = {name: paths for name, paths in speakers.items() if len(paths) > options.clips + options.reference}
    comparison = DecoderComparison(models, fast, speakers, options.clips, options.reference, options.write)
    comparison.run()
    comparison.print_table()


if __name__ == "__main__":
    main()
