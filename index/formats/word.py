"""Word documents (docx): paragraphs, headings, lists, tables, text boxes and notes in reading order."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element

from index.errors import LoadError
from index.formats.archive import Archive, opened
from index.formats.parsed import BLANK_LINE, Parsed, Writer, one_line

_NS = {"w": "http://schemas.openxmlformats.org/wordprocessingml/2006/main"}
_W = "{" + _NS["w"] + "}"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_BOX = _W + "txbxContent"
# Deleted or moved text, properties, and what would repeat the same words.
_SKIPPED = {
    _W + tag for tag in ("del", "moveFrom", "instrText", "pPr", "rPr", "tblPr", "trPr", "tcPr", "sectPr")
}
_SKIPPED.add(_FALLBACK)
_CHARACTERS = {
    _W + tag: character
    for tag, character in (("tab", "\t"), ("ptab", "\t"), ("br", "\n"), ("cr", "\n"), ("noBreakHyphen", "-"))
}
_HEADING = re.compile(r"heading (\d)")
_MAX_DEPTH = 200  # of tables, boxes and controls in one another


def read(data: bytes, name: str) -> Parsed:
    """The body of the document, then its foot and end notes; headers, footers and comments are left out."""
    with opened(data, name) as archive:
        targets = archive.targets("").values()
        main = next((path for kind, path in targets if kind == "officeDocument"), "word/document.xml")
        parts = dict(archive.targets(main).values())
        body = _Body(name, *_styles(archive, parts.get("styles", "")))
        body.write(archive.xml(main))
        for kind in ("footnotes", "endnotes"):
            if parts.get(kind, "") in archive:
                for note in archive.xml(parts[kind]):
                    if note.get(_W + "type", "normal") == "normal":
                        body.write(note)
        return body.writer.finish(archive.title("docProps/core.xml") or body.title)


def _styles(archive: Archive, path: str) -> tuple[dict[str, int], set[str]]:
    """The heading level of each style that has one (0: the document's title), and the styles of lists."""
    levels: dict[str, int] = {}
    parents: dict[str, str] = {}
    lists: set[str] = set()
    for style in archive.xml(path).iterfind("w:style", _NS) if path in archive else ():
        key = style.get(_W + "styleId", "")
        label = _value(style, "w:name").lower()
        outline = _value(style, "w:pPr/w:outlineLvl")
        heading = _HEADING.fullmatch(label)
        parents[key] = _value(style, "w:basedOn")
        if label == "title":
            levels[key] = 0
        elif heading:
            levels[key] = int(heading[1])
        elif outline.isdigit() and int(outline) < 9:
            levels[key] = int(outline) + 1
        if label.startswith("list "):
            lists.add(key)
    for key, parent in parents.items():
        if parent in levels and key not in levels and levels[parent] > 0:
            levels[key] = levels[parent]
    return levels, lists


def _value(element: Element, path: str) -> str:
    found = element.find(path, _NS)
    return "" if found is None else found.get(_W + "val", "")


class _Body:
    """Writes the blocks of a document part."""

    def __init__(self, name: str, levels: dict[str, int], lists: set[str]) -> None:
        self.writer = Writer()
        self.title = ""
        self._name = name
        self._levels = levels
        self._lists = lists
        self._in_list = False

    def write(self, element: Element, depth: int = 0) -> None:
        """Append what the element holds: paragraphs and tables, in whatever they are wrapped."""
        if depth > _MAX_DEPTH:
            raise LoadError(
                f"{self._name} nests its content over {_MAX_DEPTH} deep. Save it as PDF and index that."
            )
        for child in element:
            if child.tag == _W + "p":
                self._paragraph(child, depth)
            elif child.tag == _W + "tbl":
                self._table(child, depth)
            elif child.tag not in _SKIPPED:
                self.write(child, depth + 1)

    def _paragraph(self, paragraph: Element, depth: int) -> None:
        text, boxes = _words(paragraph)
        style = _value(paragraph, "w:pPr/w:pStyle")
        outline = _value(paragraph, "w:pPr/w:outlineLvl")
        level = int(outline) + 1 if outline.isdigit() and int(outline) < 9 else self._levels.get(style)
        listed = paragraph.find("w:pPr/w:numPr", _NS) is not None or style in self._lists
        if level is not None and text.strip():
            self.title = self.title or (one_line(text) if level == 0 else "")
            self.writer.heading(text, level + bool(self.title))
            self._in_list = False
        elif text.strip():
            gap = "\n" if listed and self._in_list else BLANK_LINE
            self.writer.block(("- " if listed else "") + text.strip(), gap=gap)
            self._in_list = listed
        for box in boxes:
            self.write(box, depth + 1)

    def _table(self, table: Element, depth: int) -> None:
        """One line a row, its cells between bars; the only cell of a row is a frame around text."""
        gap = BLANK_LINE
        self._in_list = False
        for row in _unwrapped(table, "tr"):
            cells = list(_unwrapped(row, "tc"))
            if len(cells) == 1:
                self.write(cells[0], depth + 1)
                gap = BLANK_LINE
                continue
            words = [
                one_line(" ".join(_words(paragraph)[0] for paragraph in cell.iter(_W + "p")))
                for cell in cells
            ]
            if any(words):
                self.writer.block(" | ".join(words), gap=gap)
                gap = "\n"


def _unwrapped(element: Element, tag: str) -> Iterator[Element]:
    """Children with the tag, also those in content controls and marks of inserted rows."""
    for child in element:
        if child.tag == _W + tag:
            yield child
        elif child.tag in (_W + "sdt", _W + "sdtContent", _W + "ins", _W + "customXml"):
            yield from _unwrapped(child, tag)


def _words(paragraph: Element) -> tuple[str, list[Element]]:
    """The text of a paragraph as it reads with all changes accepted, and the text boxes that hang on it."""
    words: list[str] = []
    boxes: list[Element] = []
    todo = list(reversed(paragraph))
    while todo:
        element = todo.pop()
        if element.tag in _SKIPPED:
            continue
        if element.tag == _BOX:
            boxes.append(element)
        elif element.tag == _W + "t":
            words.append(element.text or "")
        elif element.tag in _CHARACTERS:
            words.append(_CHARACTERS[element.tag])
        else:
            todo.extend(reversed(element))
    return "".join(words), boxes
