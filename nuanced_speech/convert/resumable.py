"""Conversion of a long recording that goes on where it was broken off, segment by segment."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from nuanced_speech.analysis.features import SegmentFeatures
from nuanced_speech.audio import Recording, check_writable
from nuanced_speech.convert.archive import digest_of
from nuanced_speech.convert.converter import Conversion, Converter
from nuanced_speech.convert.kept_features import FeatureFolder
from nuanced_speech.convert.kept_transcripts import PREFIX, KeptTranscriber
from nuanced_speech.convert.options import ConversionOptions
from nuanced_speech.convert.storing_analyzer import StoringAnalyzer
from nuanced_speech.convert.transcription import RecordingTranscriber
from nuanced_speech.core.errors import UserError
from nuanced_speech.core.files import sha256
from nuanced_speech.core.journal import Journal, work_folder
from nuanced_speech.core.progress import Progress
from nuanced_speech.core.version import __version__
from nuanced_speech.models.decoder import Decoder
from nuanced_speech.synthesis.resynthesizer import Rendered, ResynthesisOptions, SegmentSpeaker
from nuanced_speech.synthesis.target_voice import TargetVoice

# Name in the work folder.
_FEATURES = "features"


class ResumableConverter:
    """Conversions of files into files that go on where they were broken off.

    What is finished is kept in a work folder beside the output until that is whole: the transcript window by window,
    the features of every segment, every segment as it was spoken, and other words phrase by phrase. The result is that
    of an unbroken run to the last bit.

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
                if not any(journal.folder.glob(f"{PREFIX}*")) and not (journal.folder / _FEATURES).exists():
                    journal.remove()
                raise
            journal.remove()
        return conversion


AnyConverter = Converter | ResumableConverter
"""What converts files."""


def _keeping(converter: Converter, journal: Journal) -> Converter:
    """A converter of the same parts that keeps what it finishes for one recording."""
    models, transcribe = converter.models, converter.transcribe
    folder = FeatureFolder(journal.folder / _FEATURES, models.device)
    # only this one tells its windows
    return Converter(
        models,
        StoringAnalyzer(converter.analyzer, lambda: folder),
        converter.speakers,
        converter.adapter,
        _KeptResynthesizer(converter.resynthesizer, journal),
        converter.voices,
        converter.gate,
        KeptTranscriber(transcribe, journal.folder) if isinstance(transcribe, RecordingTranscriber) else transcribe,
        converter.segmenter,
        converter.overlaps,
        converter.reader,
        converter.decoder,
    )


class _KeptResynthesizer:
    """Speaks segments in order, each of them once; takes the place of ``Resynthesizer``."""

    def __init__(self, resynthesizer: SegmentSpeaker, journal: Journal) -> None:
        self.resynthesizer, self.journal = resynthesizer, journal
        self._number = 0

    @property
    def decoder(self) -> Decoder:
        """As ``Resynthesizer.decoder``."""
        return self.resynthesizer.decoder

    def with_decoder(self, decoder: Decoder) -> "_KeptResynthesizer":
        """As ``Resynthesizer.with_decoder``."""
        return _KeptResynthesizer(self.resynthesizer.with_decoder(decoder), self.journal)

    def from_content(self, features: SegmentFeatures, voice: TargetVoice, options: ResynthesisOptions) -> Rendered:
        """As ``Resynthesizer.from_content``."""
        return self._kept("from_content", features, voice, options)

    def from_phonemes(self, features: SegmentFeatures, voice: TargetVoice, options: ResynthesisOptions) -> Rendered:
        """As ``Resynthesizer.from_phonemes``."""
        return self._kept("from_phonemes", features, voice, options)

    def from_text(
        self, texts: Iterable[str], features: Sequence[SegmentFeatures], voice: TargetVoice, options: ResynthesisOptions
    ) -> Iterator[np.ndarray]:
        """As ``Resynthesizer.from_text``; no string depends on another."""
        strings, kept = list(texts), len(self.journal.notes)
        for number in range(min(kept, len(strings))):
            yield self.journal.sound(number)
        if kept < len(strings):
            for wave in self.resynthesizer.from_text(strings[kept:], features, voice, options):
                self.journal.add(wave, {"text": len(self.journal.notes)})
                yield wave

    def _kept(self, way: str, features: SegmentFeatures, voice: TargetVoice, options: ResynthesisOptions) -> Rendered:
        number, self._number = self._number, self._number + 1
        # an equaliser is fitted to the first segment that has one, and the segments after it need it
        needed = voice.equalizer is None and voice.equalized(features)
        if number < len(self.journal.notes) and not needed:
            return Rendered(self.journal.sound(number), voice)
        rendered: Rendered = getattr(self.resynthesizer, way)(features, voice, options)
        if number == len(self.journal.notes):
            self.journal.add(rendered.audio, {"segment": number})
        return rendered


def _sum(source: Path) -> str:
    try:
        return sha256([source])
    except OSError as error:
        raise UserError(f"{source} cannot be read: {error.strerror}") from error
