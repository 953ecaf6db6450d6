"""Memory that is free, given back to the system."""

import ctypes
from contextlib import suppress


def give_back() -> None:
    """Have glibc return what is free: runs of many lengths scatter its heap, and an hour of them fills memory."""
    with suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL("libc.so.6").malloc_trim(0)
