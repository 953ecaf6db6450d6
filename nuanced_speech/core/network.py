"""Whether a host of the internet answers, asked once and soon: clients of their own may try for minutes."""

import os
import ssl
import threading
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

ANSWER_SECONDS = 3.0


class Unavailable(Exception):
    """A source cannot be used at present; the message is the reason in a few words."""


def hub_answers() -> bool:
    """Whether the hub gives an answer soon; where it does not, its client should look only in its cache.

    The client's own attempts take minutes, one after the other.
    """
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        return False
    try:
        require_network(constants.ENDPOINT)
    except Unavailable:
        return False
    return True


def require_network(url: str) -> None:
    """Ask the host once for any answer, since its own client may try for half a minute.

    Raises:
        Unavailable: offline mode, or no answer soon.
    """
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE"):
        raise Unavailable("offline mode (HF_HUB_OFFLINE)")
    outcome: list[str] = []

    def ask() -> None:
        try:
            urlopen(Request(url, method="HEAD"), timeout=ANSWER_SECONDS).close()
            outcome.append("")
        except HTTPError:  # a refusal is an answer
            outcome.append("")
        except Exception as error:
            certificate = isinstance(getattr(error, "reason", error), ssl.SSLError)
            outcome.append("" if certificate else reason_of(error))

    # in a thread, because looking a name up has no time limit of its own
    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(ANSWER_SECONDS)
    if not outcome:
        raise Unavailable(f"no network (no answer from {urlsplit(url).hostname} in {ANSWER_SECONDS:.0f} s)")
    if outcome[0]:
        raise Unavailable(f"no network ({outcome[0]})")


def reason_of(error: Exception) -> str:
    """The reason of a failed request in one line."""
    reason = error.reason if isinstance(error, URLError) and not isinstance(error, HTTPError) else error
    text = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
    return str(text).strip().splitlines()[0][:200]
