"""Makes a converter from settings that can be sent to another machine."""

from dataclasses import dataclass

from nuanced_speech.convert.archive import Converting
from nuanced_speech.convert.converter import Converter
from nuanced_speech.convert.resumable import ResumableConverter
from nuanced_speech.convert.sources import Reader
from nuanced_speech.models.bank import ModelBank
from nuanced_speech.models.batched_decoder import batched
from nuanced_speech.models.decoder import load_decoder


@dataclass(frozen=True)
class ConverterMaker:
    """Makes a converter, its models loaded.

    Attributes:
        device: of the models.
        whisper: Whisper model for transcripts.
        path: whose models are loaded: ``direct``, ``text`` or ``auto``.
        resume: whether a recording of many minutes goes on where it was broken off.
        decoder: ``kokoro``, ``fast``, or a fast decoder's file, which every machine must find by this name.
        batch_seconds: longest sound that the decoder makes at once for recordings under way; 0 for one by one.
    """

    device: str = "cpu"
    whisper: str = "base"
    path: str = "auto"
    resume: bool = False
    decoder: str = "kokoro"
    batch_seconds: float = 0.0

    def __call__(self, reader: Reader) -> Converting:
        """The conversion of files that ``reader`` reads.

        Raises:
            UserError: a model or decoder that is not there.
        """
        models = ModelBank(self.device, self.whisper)
        decoder = batched(load_decoder(self.decoder, models), self.batch_seconds)
        converter = Converter(models, reader=reader, decoder=decoder)
        converter.load(self.path)
        return ResumableConverter(converter).convert if self.resume else converter.convert
