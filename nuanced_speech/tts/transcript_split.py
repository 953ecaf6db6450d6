"""The transcript of a long recording divided among its clips, by Whisper's transcript of each."""

from collections.abc import Sequence
from difflib import SequenceMatcher

from nuanced_speech.text.word_errors import UNSPACED_LANGUAGES


def split_transcript(text: str, transcripts: Sequence[str], language: str = "en") -> list[str | None]:
    """The words of a transcript that belong to each clip; None where that is not certain.

    The words are aligned with those of all clips, one clip after the other (longest common blocks). Words between two
    that belong to the same clip belong to it too. Words without a match at a cut could be on either side of it: the
    clips on both sides get None.

    Args:
        text: of the whole recording.
        transcripts: by Whisper, one for each clip.
        language: words are single characters where it writes no spaces.
    """
    unspaced = language in UNSPACED_LANGUAGES
    words = [c for c in text if not c.isspace()] if unspaced else text.split()
    recognised = [
        (_key(w), clip)
        for clip, part in enumerate(transcripts)
        for w in (part if unspaced else part.split())
        if _key(w)
    ]
    keyed = [(k, _key(word)) for k, word in enumerate(words) if _key(word)]
    owner: list[int | None] = [None] * len(words)
    matcher = SequenceMatcher(None, [key for _, key in keyed], [key for key, _ in recognised], autojunk=False)
    for kind, a, b, c, d in matcher.get_opcodes():
        # as many other words as there should be are the same words, misheard
        if kind == "equal" or (kind == "replace" and b - a == d - c):
            for (k, _), (_, clip) in zip(keyed[a:b], recognised[c:d], strict=True):
                owner[k] = clip
    unknown: set[int] = set()
    k = 0
    while k < len(words):
        if owner[k] is not None:
            k += 1
            continue
        end = next((j for j in range(k, len(words)) if owner[j] is not None), len(words))
        left = owner[k - 1] if k else 0
        right = owner[end] if end < len(words) else len(transcripts) - 1
        assert left is not None and right is not None
        # marks that stand alone belong to the word before them
        if left != right and any(_key(word) for word in words[k:end]):
            unknown |= set(range(left, right + 1))
        owner[k:end] = [left] * (end - k)
        k = end
    joint = "" if unspaced else " "
    parts = [joint.join(w for w, o in zip(words, owner, strict=True) if o == clip) for clip in range(len(transcripts))]
    return [None if clip in unknown or not part else part for clip, part in enumerate(parts)]


def _key(word: str) -> str:
    return "".join(c for c in word.lower() if c.isalnum())
