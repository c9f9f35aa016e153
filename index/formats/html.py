"""HTML: the readable text with its paragraphs, lists, tables and headings, through selectolax."""

from __future__ import annotations

import re
from itertools import accumulate

from selectolax.lexbor import LexborHTMLParser, LexborNode

from index.errors import LoadError
from index.formats.encoding import decode
from index.formats.parsed import BLANK_LINE, Parsed, Writer, one_line

_DROPPED = (
    "audio, button, canvas, dialog, embed, iframe, input, link, map, meta, nav, noscript, object, "
    "script, select, style, svg, template, textarea, title, video, [hidden], [style*='display:none'], "
    "[style*='display: none']"
)
_BLOCK_TAGS = (
    "address article aside blockquote body caption center dd details div dl dt fieldset figcaption "
    "figure footer form h1 h2 h3 h4 h5 h6 header hgroup hr legend li main menu ol p pre section "
    "summary table tbody td tfoot th thead tr ul"
)
_BLOCKS = frozenset(_BLOCK_TAGS.split())
_BREAK = "\0"  # stands for <br> among the words; a parsed page holds no NUL
_LISTS = ("ul", "ol", "menu")
_NOT_A_ROW = (
    "table, h1, h2, h3, h4, h5, h6, ul, ol, pre, p + p"  # a cell with one of these is layout, not data
)
_HEADING = re.compile(r"h([1-6])")
_NESTING_TAG = re.compile(  # the others are void, or closed by the next of their kind
    r"<(/?)(?!(?:a|area|base|br|button|col|dd|dt|embed|hr|img|input|li|link|meta|nobr|option|p|param|source|td|th|"
    r"tr|track|wbr)\b)[a-z]",
    re.IGNORECASE,
)
_MAX_DEPTH = 4000  # browsers stop at 512; the parser needs time that grows with the square of the depth
_CHARSET = re.compile(rb"<meta[^>]+charset\s*=\s*[\"']?\s*([A-Za-z0-9_.:-]+)", re.IGNORECASE)


def read(data: bytes, name: str) -> Parsed:
    """The readable text of a page. The encoding is the one that the page declares, where it fits."""
    declared = _CHARSET.search(data[:4096])
    text = ""
    if declared:
        try:
            text = data.decode(declared[1].decode("ascii"))
        except (LookupError, UnicodeDecodeError):
            text = ""
    return parse(text or decode(data, name), name)


def parse(markup: str, name: str) -> Parsed:
    """The readable text of HTML that is already decoded."""
    writer = Writer()
    title = write(markup, name, writer)
    return writer.finish(title)


def write(markup: str, name: str, writer: Writer) -> str:
    """Append the readable text of a page to the writer; its title comes back."""
    if _depth(markup) > _MAX_DEPTH:
        raise LoadError(
            f"{name} nests its elements over {_MAX_DEPTH} deep: no page for reading. Save it again as text."
        )
    try:
        tree = LexborHTMLParser(markup.encode("utf-8", "replace"))
    except Exception as exc:  # selectolax raises its own errors, all of them for markup that it cannot take
        raise LoadError(f"{name} cannot be read as HTML: {exc}. Save it again from a browser.") from exc
    title = tree.css_first("head title")
    heading = one_line(title.text()) if title is not None else ""
    for node in tree.css(_DROPPED):
        node.decompose()
    if tree.body is not None:
        _Walk(writer).run(tree.body)
    return heading


def _depth(markup: str) -> int:
    """How deep elements are nested at most, never guessed too low for those that must be closed."""
    steps = (-1 if slash else 1 for slash in _NESTING_TAG.findall(markup))
    return max(accumulate(steps, lambda depth, step: max(0, depth + step)), default=0)


class _Walk:
    """One pass over the elements of a page, without recursion: markup may be nested deeply."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._inline: list[str] = []
        self._prefix = ""  # "- " or "1. " until the first words of a list item are written
        self._gap = BLANK_LINE  # before the next block: a line feed within lists and tables
        self._lists: list[
            int
        ] = []  # for each open list the number of its last item; -1 in lists with bullets

    def run(self, body: LexborNode) -> None:
        """Write the page."""
        todo: list[tuple[LexborNode, bool]] = [(body, True)]
        while todo:
            node, entering = todo.pop()
            if not entering:
                self._leave(node)
            elif node.tag == "-text":
                self._inline.append(node.text_content or "")
            elif self._enter(node):
                todo.append((node, False))
                children = []
                child = node.first_child
                while child is not None:
                    children.append((child, True))
                    child = child.next
                todo.extend(reversed(children))
        self._flush()

    def _enter(self, node: LexborNode) -> bool:
        """Begin an element; whether its children are to be walked, too."""
        tag = node.tag or ""
        if tag == "br":
            self._inline.append(_BREAK)
        elif tag in ("pre", "tr") or _HEADING.fullmatch(tag):
            self._flush()
            return self._whole(node, tag)
        elif tag in _BLOCKS:
            self._flush()
            if tag in _LISTS:
                self._lists.append(0 if tag == "ol" else -1)
            elif tag == "li":
                self._item()
            elif tag == "table" and not self._lists:
                self._gap = BLANK_LINE
        return True

    def _leave(self, node: LexborNode) -> None:
        tag = node.tag or ""
        if tag not in _BLOCKS:
            return
        self._flush()
        if tag in ("thead", "tbody", "tfoot"):
            return
        if tag in _LISTS:
            self._lists.pop()
        self._gap = "\n" if self._lists or tag == "dt" else BLANK_LINE

    def _whole(self, node: LexborNode, tag: str) -> bool:
        """Write an element that is one piece of text; True for a row that must be walked after all."""
        if tag == "pre":
            self._writer.block(node.text(), gap=self._gap)
        elif tag == "tr":
            if node.css_first(_NOT_A_ROW) is not None:
                return True
            cells = [_flat(cell) for cell in node.css("td, th")]
            if any(cells):
                self._writer.block(" | ".join(cells), gap=self._gap)
            self._gap = "\n"
        else:
            self._writer.heading(_flat(node), int(tag[1]))
            self._gap = BLANK_LINE
        return False

    def _item(self) -> None:
        if self._lists and self._lists[-1] >= 0:
            self._lists[-1] += 1
            self._prefix = f"{self._lists[-1]}. "
        else:
            self._prefix = "- "

    def _flush(self) -> None:
        """Write the words gathered so far as one block; only ``<br>`` breaks its lines."""
        text = "\n".join(" ".join(line.split()) for line in "".join(self._inline).split(_BREAK)).strip()
        self._inline.clear()
        if text:
            self._writer.block(self._prefix + text, gap=self._gap)
            self._prefix = ""
            self._gap = "\n" if self._lists else BLANK_LINE


def _flat(node: LexborNode) -> str:
    """All the text in an element, in one line."""
    return one_line(node.text(separator=" " if node.css_first("br, p, div") is not None else ""))
