"""The transcript of a long recording shared out to its clips, by what Whisper hears in each."""

from collections.abc import Sequence
from difflib import SequenceMatcher

from nuanced_speech.evaluate.metrics import UNSPACED_LANGUAGES


def split_transcript(text: str, heard: Sequence[str], language: str = "en") -> list[str | None]:
    """Which of a transcript's words belong to which clip.

    The words are aligned with all that was heard, one clip after the other (longest common blocks). Words between two
    that were heard in the same clip belong there too. Where words that were not heard so lie at a cut, nobody knows on
    which side they were said: the clips on both sides get None.

    Args:
        text: of the whole recording.
        heard: a transcript of each clip.
        language: words are single characters where it writes no spaces.
    """
    unspaced = language in UNSPACED_LANGUAGES
    words = [c for c in text if not c.isspace()] if unspaced else text.split()
    said = [(_key(w), clip) for clip, part in enumerate(heard) for w in (part if unspaced else part.split()) if _key(w)]
    keyed = [(k, _key(word)) for k, word in enumerate(words) if _key(word)]
    owner: list[int | None] = [None] * len(words)
    matcher = SequenceMatcher(None, [key for _, key in keyed], [key for key, _ in said], autojunk=False)
    for kind, a, b, c, d in matcher.get_opcodes():
        # as many other words as there should be are the same words, misheard
        if kind == "equal" or (kind == "replace" and b - a == d - c):
            for (k, _), (_, clip) in zip(keyed[a:b], said[c:d], strict=True):
                owner[k] = clip
    unknown: set[int] = set()
    k = 0
    while k < len(words):
        if owner[k] is not None:
            k += 1
            continue
        end = next((j for j in range(k, len(words)) if owner[j] is not None), len(words))
        left = owner[k - 1] if k else 0
        right = owner[end] if end < len(words) else len(heard) - 1
        assert left is not None and right is not None
        # marks that stand alone belong to the word before them
        if left != right and any(_key(word) for word in words[k:end]):
            unknown |= set(range(left, right + 1))
        owner[k:end] = [left] * (end - k)
        k = end
    joint = "" if unspaced else " "
    parts = [joint.join(w for w, o in zip(words, owner, strict=True) if o == clip) for clip in range(len(heard))]
    return [None if clip in unknown or not part else part for clip, part in enumerate(parts)]


def _key(word: str) -> str:
    return "".join(c for c in word.lower() if c.isalnum())
