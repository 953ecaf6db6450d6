"""Markdown and HTML to the plain text that is to be spoken: paragraphs apart, headings and list items as sentences."""

import re
from functools import lru_cache
from html.parser import HTMLParser
from typing import Any

from nuanced_speech.text.notation import guarded
from nuanced_speech.text.readings.tables import words

# Elements that are not spoken, that begin and end a line, and that begin and end a paragraph.
_SILENT = frozenset(("head", "script", "style", "template", "noscript", "svg", "math", "iframe", "object", "rt", "rp"))
_LINES = frozenset(("li", "tr", "dt", "dd", "option", "caption", "figcaption", "summary"))
_BLOCKS = words(
    "address article aside blockquote body details div dl fieldset figure footer form h1 h2 h3 h4 h5 h6 "
    "header hr html main nav ol p pre section table tbody tfoot thead ul"
)
_INLINE = words(
    "a abbr acronym audio b bdi bdo big br button cite code data del dfn em font i img input ins kbd "
    "label link mark meta q ruby s samp select small source span strike strong sub sup td th time title "
    "tt u var video wbr"
)
# A sentence ends after these even without a full stop.
_SENTENCES = _LINES | {"h1", "h2", "h3", "h4", "h5", "h6"}
_VOID = frozenset(("br", "hr", "img", "input", "link", "meta", "source", "wbr"))
_HTML_PAGE = re.compile(
    r"\s*(?:<!--(?:(?!-->).)*-->\s*)*<(?:!doctype\s+html|html|head|body|div|p|h[1-6]|ul|ol|table|article)\b",
    re.I | re.S,
)
# A text without these has no markup.
_MARKUP = re.compile(r"[*_`#<>&|~\\]|\]\(|^[^\S\n]*(?:[-+]|\d+[.)])\s|^[^\S\n]*(?:={2,}|-{2,})[^\S\n]*$", re.M)
_HIGH = str.maketrans("0123456789+-n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ")
_LOW = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_END = re.compile(r"[.!?:;…。！？।]['\"”’»)\]」』）]*$")


def plain_text(text: str) -> str:
    """A text without Markdown and HTML. The notation of ``text.notation`` stays; plain text stays as it is."""
    if not _MARKUP.search(text):
        return text
    return guarded(text, from_html if _HTML_PAGE.match(text) else from_markdown)


def from_markdown(text: str) -> str:
    """The words of a text in Markdown: CommonMark with tables and strikethrough, and HTML inside it."""
    return from_html(_markdown().render(text), lines=True)


@lru_cache
def _markdown() -> Any:
    from markdown_it import MarkdownIt

    # indented text is prose with an indent more often than it is a program
    return MarkdownIt("commonmark", {"breaks": True, "html": True}).enable(["table", "strikethrough"]).disable("code")


def from_html(text: str, lines: bool = False) -> str:
    """The words of a text in HTML, with its entities as characters.

    Args:
        text: a page or a part of one.
        lines: keep line breaks inside paragraphs.
    """
    parser = _Words(text, lines)
    parser.feed(text)
    parser.close()
    return parser.text()


class _Words(HTMLParser):
    """Collects what is to be spoken."""

    def __init__(self, source: str, lines: bool) -> None:
        super().__init__(convert_charrefs=True)
        self.closed = set(re.findall(r"</([a-zA-Z][\w:-]*)", source.lower()))
        self.lines, self.silent, self.scripts = lines, 0, ""
        self.cells = 0
        self.items: list[int | None] = []
        self.parts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag in _SILENT:
            self.silent += 1
        elif tag in ("sub", "sup"):
            self.scripts = tag
        elif tag == "br":
            self.parts.append("\n")
        elif tag == "img":
            self.parts.append(values.get("alt") or "")
        elif tag in ("ol", "ul"):
            start = values.get("start") or "1"
            self.items.append(int(start) if tag == "ol" and start.isdigit() else None)
        elif tag in ("td", "th"):
            self.cells += 1
            if self.cells > 1:
                self.parts.append(", ")
        if tag == "tr":
            self.cells = 0
        if tag == "li" or (tag in ("ol", "ul") and len(self.items) > 1):
            self._end_sentence()
        if tag in _BLOCKS:
            self._break("\n\n" if len(self.items) < 2 else "\n")
        elif tag in _LINES:
            self._break("\n")
        elif tag not in _SILENT | _INLINE and tag not in self.closed:
            # no element of HTML: such as List<String>
            self.parts.append(self.get_starttag_text() or "")
        if tag == "li" and self.items and self.items[-1] is not None:
            self.parts.append(f"{self.items[-1]}. ")
            self.items[-1] += 1

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _VOID or tag in _BLOCKS | _LINES:
            self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag in _SILENT:
            self.silent = max(0, self.silent - 1)
        elif tag in ("sub", "sup"):
            self.scripts = ""
        elif tag in ("ol", "ul") and self.items:
            self.items.pop()
        if tag in _SENTENCES:
            self._end_sentence()
        if tag in _BLOCKS:
            self._break("\n\n" if not self.items else "\n")
        elif tag in _LINES:
            self._break("\n")

    def handle_data(self, data: str) -> None:
        if self.silent:
            return
        if not data.strip() and "\n" in data:
            # the space between elements
            data = "" if self.lines else " "
        data = re.sub(r"[^\S\n]+", " ", data) if self.lines else re.sub(r"\s+", " ", data)
        if self.scripts:
            data = data.translate(_HIGH if self.scripts == "sup" else _LOW)
        if self.parts and self.parts[-1].endswith("\n"):
            data = data.lstrip(" \n")
        self.parts.append(data)

    def text(self) -> str:
        """The text so far, with at most one empty line between paragraphs."""
        text = re.sub(r" *\n *", "\n", "".join(self.parts))
        return re.sub(r"\n{3,}", "\n\n", text).strip()

    def _break(self, mark: str) -> None:
        if self.silent:
            return
        end = "".join(self.parts[-2:])
        self.parts.append(mark[: max(0, len(mark) - (len(end) - len(end.rstrip("\n"))))])

    def _end_sentence(self) -> None:
        for place in range(len(self.parts) - 1, -1, -1):
            last = self.parts[place].rstrip()
            if last:
                if any(c.isalnum() for c in last[-1]) or not _END.search(last):
                    self.parts[place] = last + ("。" if "\u3040" <= last[-1] <= "\u9fff" else ".")
                return
