"""Conversion of a long recording that goes on where it was broken off, segment by segment."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from nuanced_speech.analysis.features import SegmentFeatures
from nuanced_speech.audio import Recording, check_writable
from nuanced_speech.convert.archive import digest_of
from nuanced_speech.convert.converter import Conversion, Converter
from nuanced_speech.convert.kept_features import KeptAnalyzer
from nuanced_speech.convert.options import ConversionOptions
from nuanced_speech.convert.transcription import RecordingTranscriber
from nuanced_speech.core.errors import ContentError, UserError, reading
from nuanced_speech.core.files import replacing, sha256
from nuanced_speech.core.journal import Journal, work_folder
from nuanced_speech.core.progress import Progress
from nuanced_speech.core.reading import check_numbers, read_object
from nuanced_speech.core.version import __version__
from nuanced_speech.models.whisper import Segment, Transcript, Word
from nuanced_speech.synthesis.resynthesizer import Delivery, Rendered, Resynthesizer
from nuanced_speech.synthesis.target_voice import TargetVoice

# Names in the work folder.
_TRANSCRIPT, _FEATURES = "transcript-", "features"


class ResumableConverter:
    """Conversions of files into files that go on where they were broken off.

    What is finished is kept in a work folder beside the output until that is whole: the transcript, the features of
    every segment, and every segment as it was spoken. The result is that of an unbroken run to the last bit.

    Args:
        converter: gives the parts.
    """

    def __init__(self, converter: Converter) -> None:
        self.converter, self.models, self.decoder = converter, converter.models, converter.decoder

    @property
    def settings(self) -> dict[str, str]:
        """As ``Converter.settings``."""
        return self.converter.settings

    def convert(
        self,
        source: str | Path | np.ndarray | Recording,
        options: ConversionOptions | None = None,
        *,
        sample_rate: int | None = None,
        output: str | Path | None = None,
        progress: Progress | None = None,
        made: Progress | None = None,
        **changes: Any,
    ) -> Conversion:
        """As ``Converter.convert``; from a file into a file, resumable.

        Raises:
            UserError: as there; a work folder that cannot be written, or that another process uses.
        """
        if output is None or not isinstance(source, (str, Path)):
            return self.converter.convert(
                source, options, sample_rate=sample_rate, output=output, progress=progress, made=made, **changes
            )
        options = replace(options or ConversionOptions(), **changes)
        check_writable(output)
        work = {
            "version": __version__,
            "source": _sum(Path(source)),
            "options": digest_of(options, device=self.models.device, **self.settings),
        }
        with Journal(work_folder(Path(output)), work) as journal:
            try:
                conversion = _keeping(self.converter, journal).convert(
                    source, options, output=output, progress=progress, made=made
                )
            except UserError:
                if not any(journal.folder.glob(f"{_TRANSCRIPT}*")) and not (journal.folder / _FEATURES).exists():
                    journal.remove()
                raise
            journal.remove()
        return conversion


AnyConverter = Converter | ResumableConverter
"""What converts files."""


def _keeping(converter: Converter, journal: Journal) -> Converter:
    """A converter of the same parts that keeps what it finishes for one recording."""
    models = converter.models
    return Converter(
        models,
        KeptAnalyzer(converter.analyzer, journal.folder / _FEATURES, models.device),  # type: ignore[arg-type]
        converter.speakers,
        converter.adapter,
        _KeptResynthesizer(converter.resynthesizer, journal),  # type: ignore[arg-type]
        converter.voices,
        converter.gate,
        _KeptTranscriber(converter.transcribe, journal.folder),  # type: ignore[arg-type]
        converter.segmenter,
        converter.overlaps,
        converter.reader,
        converter.decoder,
    )


class _KeptTranscriber:
    """Transcribes each recording once; takes the place of ``RecordingTranscriber``."""

    def __init__(self, transcribe: RecordingTranscriber, folder: Path) -> None:
        self.transcribe, self.folder = transcribe, folder

    def __call__(
        self, wave: np.ndarray, language: str | None, word_times: bool, progress: Progress | None = None
    ) -> Transcript:
        """As ``RecordingTranscriber``."""
        digest = hashlib.sha256(wave.tobytes()).hexdigest()[:16]
        path = self.folder / f"{_TRANSCRIPT}{digest}-{'words' if word_times else 'text'}.json"
        if not path.exists():
            transcript = self.transcribe(wave, language, word_times, progress)
            with replacing(path) as temporary:
                temporary.write_text(json.dumps(asdict(transcript)), encoding="utf-8")
        return read_transcript(path)


def read_transcript(path: Path) -> Transcript:
    """A transcript that was kept as JSON.

    Raises:
        UserError: a damaged file.
    """
    what, remedy = "a kept transcript", "remove it, and the recording is transcribed again"
    values = read_object(path, what, remedy)
    with reading(path, what, remedy):
        check_numbers(values)
        segments = [
            Segment(**{**piece, "words": [Word(**word) for word in piece["words"]]}) for piece in values["segments"]
        ]
        parts: list[Segment | Word] = [*segments]
        parts += [word for piece in segments for word in piece.words]
        texts = [values["text"], values["language"], *(part.text for part in parts)]
        if not all(isinstance(text, str) for text in texts):
            raise ContentError("something else where a text belongs")
        if not all(isinstance(number, (int, float)) for part in parts for number in (part.start, part.end)):
            raise ContentError("something else where a time belongs")
        return Transcript(values["text"], values["language"], segments)


class _KeptResynthesizer:
    """Speaks segments in order, each of them once; takes the place of ``Resynthesizer``."""

    def __init__(self, resynthesizer: Resynthesizer, journal: Journal) -> None:
        self.resynthesizer, self.journal = resynthesizer, journal
        self._number = 0

    def from_content(self, features: SegmentFeatures, voice: TargetVoice, delivery: Delivery) -> Rendered:
        """As ``Resynthesizer.from_content``."""
        return self._kept("from_content", features, voice, delivery)

    def from_phonemes(self, features: SegmentFeatures, voice: TargetVoice, delivery: Delivery) -> Rendered:
        """As ``Resynthesizer.from_phonemes``."""
        return self._kept("from_phonemes", features, voice, delivery)

    def from_text(
        self, texts: Iterable[str], features: Sequence[SegmentFeatures], voice: TargetVoice, delivery: Delivery
    ) -> Iterator[np.ndarray]:
        """As ``Resynthesizer.from_text``; new words are not kept."""
        return self.resynthesizer.from_text(texts, features, voice, delivery)

    def _kept(self, way: str, features: SegmentFeatures, voice: TargetVoice, delivery: Delivery) -> Rendered:
        number, self._number = self._number, self._number + 1
        # an equaliser is fitted to the first segment that has one, and the segments after it need it
        needed = voice.equalizer is None and voice.equalized(features)
        if number < len(self.journal.notes) and not needed:
            return Rendered(self.journal.sound(number), voice)
        rendered: Rendered = getattr(self.resynthesizer, way)(features, voice, delivery)
        if number == len(self.journal.notes):
            self.journal.add(rendered.audio, {"segment": number})
        return rendered


def _sum(source: Path) -> str:
    try:
        return sha256([source])
    except OSError as error:
        raise UserError(f"{source} cannot be read: {error.strerror}") from error
