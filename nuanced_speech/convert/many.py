"""Several recordings at the same time: on a thread each, their segments in batches where that is quicker."""

from collections.abc import Iterable, Iterator
from copy import copy
from itertools import chain, islice
from pathlib import Path
from typing import Any

from nuanced_speech.audio import Recording
from nuanced_speech.convert.conversion import Conversion
from nuanced_speech.convert.converter import Converter
from nuanced_speech.convert.options import ConversionOptions, changed
from nuanced_speech.core.jobs import ALONE, Spread, in_order, spread_of
from nuanced_speech.core.progress import Shares
from nuanced_speech.models.batched_decoder import batched
from nuanced_speech.models.decoder import Decoder


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
    if spread.batch_seconds:
        converter = _with_decoder(converter, batched(converter.resynthesizer.decoder, spread.batch_seconds))
    if spread.jobs > 1 and converter.spread.jobs > 1:
        # a thread for each recording is enough
        converter = copy(converter)
        converter.spread = ALONE
    left, shares = enumerate(sources), Shares()
    first = [*islice(left, spread.jobs)]

    def convert(item: tuple[int, str | Path | Recording]) -> Conversion:
        return converter.convert(item[1], options, progress=shares.of(item[0]))

    yield from in_order(convert, chain(first, left), spread.fitted(len(first)), shares.stop)


def _with_decoder(converter: Converter, decoder: Decoder) -> Converter:
    """A converter that differs from another in what makes the sound alone."""
    other = copy(converter)
    other.decoder, other.resynthesizer = decoder, converter.resynthesizer.with_decoder(decoder)
    return other
