"""What several commands check before they load a model or begin to work."""

import re
from collections.abc import Iterable
from pathlib import Path

# What a second of an output takes, at most.
BYTES_PER_SECOND, COMPRESSED_BYTES_PER_SECOND = {".wav": 48_000, ".flac": 48_000}, 16_000
# Of read texts in many languages, ten to twenty; less is on the safe side of the room on the disk.
CHARACTERS_PER_SECOND, UNSPACED_CHARACTERS_PER_SECOND = 10, 4
# Letters of the languages that write no spaces between words: Thai, Burmese, kana, Han.
_UNSPACED = re.compile("[฀-๿က-႟぀-ヿ㐀-鿿]")


def check_report(folder: Path, files: list[Path]) -> None:
    """Refuse a report that could not be written.

    Args:
        folder: of the report, which may have to be made.
        files: of the report, in the folder.

    Raises:
        UserError: the extra for plots is not installed, or the folder or a file cannot be written.
    """
    from nuanced_speech.core.files import check_makeable, check_replaceable
    from nuanced_speech.core.plotting import require_matplotlib

    require_matplotlib()
    check_makeable(folder)
    if folder.exists():
        for path in files:
            check_replaceable(path)


def find_kokoro() -> None:
    """Fetch Kokoro where it is not here yet.

    Raises:
        UserError: it cannot be had.
    """
    from nuanced_speech.weights.catalog import KOKORO, find

    find(KOKORO)


def find_models(*whisper: str) -> None:
    """Fetch Kokoro, the Whisper that analyses recordings, and further sizes of Whisper, where they are not here yet.

    Raises:
        UserError: one of them cannot be had.
    """
    from nuanced_speech.models.content_adapter import ContentConfig
    from nuanced_speech.weights.catalog import find

    find_kokoro()
    for size in (ContentConfig().whisper, *whisper):
        find(f"whisper-{size}")


def seconds_of(texts: Iterable[str]) -> float:
    """Length of texts when they are spoken, rather too long than too short.

    Letters of languages that write no spaces between words take longer.
    """
    characters = unspaced = 0
    for text in texts:
        characters += len(text)
        unspaced += sum(1 for _ in _UNSPACED.finditer(text))
    return (characters - unspaced) / CHARACTERS_PER_SECOND + unspaced / UNSPACED_CHARACTERS_PER_SECOND


def check_speech_room(out: str | Path, texts: Iterable[str]) -> None:
    """Check that the disk has room for texts that are spoken.

    Args:
        out: the file to write.
        texts: what is spoken.

    Raises:
        UserError: it has not.
    """
    from nuanced_speech.core.files import check_room

    rate = BYTES_PER_SECOND.get(Path(out).suffix.lower(), COMPRESSED_BYTES_PER_SECOND)
    check_room(Path(out).absolute().parent, round(seconds_of(texts) * rate))
