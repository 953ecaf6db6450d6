"""Several recordings at the same time: on a thread each, their segments in batches where that is quicker."""

from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any

from nuanced_speech.audio import Recording
from nuanced_speech.convert.conversion import Conversion
from nuanced_speech.convert.converter import Converter
from nuanced_speech.convert.options import ConversionOptions, changed
from nuanced_speech.core.jobs import Spread, in_order, spread_of
from nuanced_speech.models.batched_decoder import batched


def convert_many(
    converter: Converter,
    sources: Iterable[str | Path | Recording],
    options: ConversionOptions | None = None,
    spread: Spread | None = None,
    **changes: Any,
) -> Iterator[Conversion]:
    """Conversions of several recordings, in their order, each as ``Converter.convert`` gives it.

    What batches change is said in ``models.batched_decoder``. Without them, outputs are those of ``convert`` to the
    last bit, as long as it computes with as many threads as the spread gives each recording.

    Args:
        converter: gives the parts.
        sources: files or recordings, which are taken when their turn comes.
        options: for all of them.
        spread: how many at the same time, and in which batches; what suits the converter's device by default.
        changes: single options by their names, as in ``Converter.convert``.

    Raises:
        UserError: as ``Converter.convert``, at the recording that it is about. ``convert.archive.convert_archive`` goes
            on instead.
    """
    spread, options = spread or spread_of(converter.models.device), changed(options, changes)
    decoder = batched(converter.decoder, spread.batch_seconds)
    if decoder is not converter.decoder:
        converter = Converter(
            converter.models, converter.analyzer, converter.speakers, converter.adapter, None, converter.voices,
            converter.gate, converter.transcribe, converter.segmenter, converter.overlaps, converter.reader, decoder,
        )  # fmt: skip
    left = iter(sources)
    first = [*islice(left, spread.jobs)]
    yield from in_order(
        lambda source: converter.convert(source, options), chain(first, left), spread.fitted(len(first))
    )
