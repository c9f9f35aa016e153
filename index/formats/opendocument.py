"""OpenDocument text (odt): headings, paragraphs, lists, tables and notes in reading order."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from index.errors import LoadError
from index.formats.archive import opened
from index.formats.parsed import BLANK_LINE, Parsed, Writer, one_line

_OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_DRAW = "{urn:oasis:names:tc:opendocument:xmlns:drawing:1.0}"
_LEVEL = _TEXT + "outline-level"
_SKIPPED = {_OFFICE + "annotation", _TEXT + "tracked-changes", _OFFICE + "forms", _TEXT + "note-citation"}
_CHARACTERS = {_TEXT + "tab": "\t", _TEXT + "line-break": "\n"}
_ASIDE = {_TEXT + "note-body", _DRAW + "text-box"}  # stand within a paragraph, but are no part of its words
_BLOCK = {_TEXT + "p", _TEXT + "h"}
_MAX_DEPTH = 200


def read(data: bytes, name: str) -> Parsed:
    """The body of the document; foot notes and text boxes follow the paragraph that they hang on."""
    with opened(data, name) as archive:
        if "META-INF/manifest.xml" in archive and b"encryption-data" in archive.read("META-INF/manifest.xml"):
            raise LoadError(f"{name} is protected by a password. Save a copy without it and index that.")
        body = archive.xml("content.xml").find(f"{_OFFICE}body/{_OFFICE}text")
        if body is None:
            raise LoadError(f"{name} is damaged: it has no body of text. Save the document again.")
        writer = Writer()
        _write(body, name, writer, "", 0)
        return writer.finish(archive.title("meta.xml"))


def _write(element: Element, name: str, writer: Writer, mark: str, depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise LoadError(f"{name} nests its content over {_MAX_DEPTH} deep. Save it as PDF and index that.")
    for child in element:
        if child.tag == _TEXT + "h":
            level = child.get(_LEVEL, "1")
            writer.heading(_words(child)[0], int(level) if level.isdigit() else 1)
        elif child.tag == _TEXT + "p":
            words, asides = _words(child)
            if words.strip():
                writer.block(mark + words.strip(), gap="\n" if mark else BLANK_LINE)
            for aside in asides:
                _write(aside, name, writer, "", depth + 1)
        elif child.tag == _TABLE + "table":
            _write_table(child, writer)
        elif child.tag not in _SKIPPED:
            _write(child, name, writer, "- " if child.tag == _TEXT + "list-item" else mark, depth + 1)


def _write_table(table: Element, writer: Writer) -> None:
    gap = BLANK_LINE
    for row in table.iter(_TABLE + "table-row"):
        cells = [
            one_line(" ".join(_words(block)[0] for block in cell.iter() if block.tag in _BLOCK))
            for cell in row.iterfind(_TABLE + "table-cell")
        ]
        if any(cells):
            writer.block(" | ".join(cells).rstrip(" |"), gap=gap)
            gap = "\n"


def _words(paragraph: Element) -> tuple[str, list[Element]]:
    """The text of a paragraph, where runs of white space in the file are one blank; and what hangs on it."""
    words = [_collapsed(paragraph.text)]
    asides: list[Element] = []
    todo: list[Element | str] = []
    _push(todo, paragraph)
    while todo:
        item = todo.pop()
        if isinstance(item, str):
            words.append(item)
        elif item.tag == _TEXT + "s":
            count = item.get(_TEXT + "c", "1")
            words.append(" " * min(int(count) if count.isdigit() else 1, 100))
        elif item.tag in _ASIDE:
            asides.append(item)
        elif item.tag in _CHARACTERS:
            words.append(_CHARACTERS[item.tag])
        elif item.tag not in _SKIPPED:
            words.append(_collapsed(item.text))
            _push(todo, item)
    return "".join(words), asides


def _push(todo: list[Element | str], element: Element) -> None:
    for child in reversed(element):
        todo.append(_collapsed(child.tail))
        todo.append(child)


def _collapsed(text: str | None) -> str:
    if not text:
        return ""
    return (
        (" " if text[0].isspace() else "")
        + " ".join(text.split())
        + (" " if text.rstrip() != text and text.strip() else "")
    )
