"""First stage of the text front end: broken encodings mended, invisible characters out, one kind of apostrophe."""

import re

# Control characters, zero-width space, soft hyphen, word joiner, byte order mark, and marks of direction.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]"
)
# Joiners are part of the spelling of Indic and Arabic words and of emoji, and noise between other letters.
_JOINERS = re.compile("(?<=[A-Za-zÀ-ɏ])[\u200c\u200d]+|(?<![\u200c\u200d])[\u200c\u200d]+(?=[A-Za-zÀ-ɏ])")
_SPACES = str.maketrans(dict.fromkeys("\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
                                      "\u202f\u205f\u3000", " "))  # fmt: skip
# Letters and marks that stand for an apostrophe, and hyphens and minus signs of several kinds.
_ALIKE = str.maketrans({"ʼ": "'", "’": "'", "‘": "'", "‛": "'", "＇": "'", "\u2010": "-", "\u2011": "-", "\u2012": "-",
                        "\u2212": "-", "\ufe63": "-", "\uff0d": "-"})  # fmt: skip
# Full-width digits and letters, and marks of that width inside numbers.
_WIDE = str.maketrans({chr(code): chr(code - 0xFEE0) for code in (*range(0xFF10, 0xFF1A), *range(0xFF21, 0xFF3B),
                                                                  *range(0xFF41, 0xFF5B))})  # fmt: skip
_WIDE_MARK = re.compile("(?<=[0-9])[．：／％](?=[0-9])|(?<=[0-9])％")
_BACKTICK = re.compile(r"(?<=[^\W\d_])[`´′](?=[^\W\d_])")


def clean(text: str) -> str:
    """A text without the traces of encodings and of typesetting.

    Line breaks stay. Mojibake is undone by ftfy; full-width digits and letters become usual ones, and
    full-width marks stay as they are outside of numbers.
    """
    if not text.isascii() or "&" in text or "\x1b" in text:
        import ftfy

        config = ftfy.TextFixerConfig(
            uncurl_quotes=False, fix_character_width=False, normalization="NFC", explain=False
        )
        text = ftfy.fix_text(text, config)
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n\n")
    text = _JOINERS.sub("", _INVISIBLE.sub("", text))
    text = _WIDE_MARK.sub(lambda mark: chr(ord(mark[0]) - 0xFEE0), text.translate(_WIDE))
    return _BACKTICK.sub("'", text.translate(_SPACES).translate(_ALIKE))
