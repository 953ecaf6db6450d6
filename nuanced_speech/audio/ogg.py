"""Chained Ogg files: several streams one after another, of which libsndfile reads only the first (RFC 3533)."""

from pathlib import Path

_MAGIC, _HEADER_BYTES, _BEGINS = b"OggS", 27, 0x02


def ogg_links(path: Path) -> list[tuple[int, int]]:
    """Begin and end in bytes of each stream of an Ogg file; none of another file, or of what is no longer Ogg."""
    links: list[int] = []
    with open(path, "rb") as file:
        size = file.seek(0, 2)
        at, began = 0, False
        while at < size:
            file.seek(at)
            header = file.read(_HEADER_BYTES)
            if len(header) < _HEADER_BYTES or header[:4] != _MAGIC:
                break
            # several streams that run at once begin with one such page each
            begins = bool(header[5] & _BEGINS)
            if begins and not began:
                links.append(at)
            began = begins
            segments = file.read(header[26])
            at += _HEADER_BYTES + len(segments) + sum(segments)
    ends = [*links[1:], size][: len(links)]
    return list(zip(links, ends, strict=True))
