"""Recordings from other hosts: only from hosts that were named, over HTTPS, without redirects, and not without end."""

import http.client
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from nuanced_speech.core.errors import UserError

_BLOCK_BYTES = 1 << 16


@dataclass(frozen=True)
class Fetcher:
    """Fetches files.

    Attributes:
        hosts: names of the hosts that may be asked; with a port where it is not the usual one.
        most_bytes: size of the largest file.
        seconds: time for one file.
        schemes: ``https``, or also ``http`` for a store in the same private network.
    """

    hosts: tuple[str, ...] = ()
    most_bytes: int = 20 << 20
    seconds: float = 20.0
    schemes: tuple[str, ...] = ("https",)

    def __call__(self, url: str) -> bytes:
        """The file at an address.

        Raises:
            UserError: an address that is not allowed, an answer that is not the file, or a file that is too large.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise UserError("url: this is no address of a file") from None
        if parts.scheme not in self.schemes:
            raise UserError(f"url: it must begin with {self.schemes[0]}://")
        name = (parts.hostname or "") if port is None else f"{parts.hostname}:{port}"
        if parts.username is not None or parts.password is not None or name not in self.hosts:
            raise UserError(f"url: recordings are not fetched from {name or 'there'}: its host is not allowed")
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        end = time.monotonic() + self.seconds
        connection = kind(parts.hostname or "", port, timeout=self.seconds)
        try:
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request("GET", target, headers={"Accept": "audio/*, */*", "Connection": "close"})
            answer = connection.getresponse()
            if answer.status != 200:
                what = "points elsewhere, which is not followed" if 300 <= answer.status < 400 else "does not give it"
                raise UserError(f"url: the host {what} (status {answer.status})")
            return self._read(answer, end)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise UserError(f"url: the recording cannot be fetched ({type(error).__name__})") from error
        finally:
            connection.close()

    def _read(self, answer: http.client.HTTPResponse, end: float) -> bytes:
        data = bytearray()
        while block := answer.read1(_BLOCK_BYTES):
            data += block
            if len(data) > self.most_bytes:
                raise UserError(f"url: the recording is too large: at most {self.most_bytes} bytes are fetched")
            if time.monotonic() > end:
                raise UserError(f"url: the recording did not come within {self.seconds:g} s")
        return bytes(data)
