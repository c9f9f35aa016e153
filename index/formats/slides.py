"""PowerPoint presentations (pptx): one page a slide, its title as heading, then text, tables and notes."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from index.errors import LoadError
from index.formats.archive import Archive, opened
from index.formats.parsed import BLANK_LINE, Parsed, Writer, one_line

_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_P = "{http://schemas.openxmlformats.org/presentationml/2006/main}"
_R_ID = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_TITLES = ("title", "ctrTitle")
_FURNITURE = ("sldNum", "dt", "ftr", "hdr", "sldImg")


def read(data: bytes, name: str) -> Parsed:
    """All slides in the order of the show."""
    with opened(data, name) as archive:
        targets = archive.targets("").values()
        main = next((path for kind, path in targets if kind == "officeDocument"), "ppt/presentation.xml")
        slides = archive.targets(main)
        writer = Writer()
        for item in archive.xml(main).iter(_P + "sldId"):
            _, path = slides.get(item.get(_R_ID, ""), ("", ""))
            if path not in archive:
                raise LoadError(
                    f"{name} is damaged: one of its slides is missing. Save the presentation again."
                )
            writer.page()
            _write_slide(archive, path, writer)
        return writer.finish(archive.title("docProps/core.xml"))


def _write_slide(archive: Archive, path: str, writer: Writer) -> None:
    shapes = list(_shapes(archive.xml(path)))
    for shape in shapes:
        if _placeholder(shape) in _TITLES:
            writer.heading(" ".join(_paragraphs(shape)), 1)
    for shape in shapes:
        if shape.tag == _A + "tbl":
            gap = BLANK_LINE
            for row in shape.iter(_A + "tr"):
                cells = [one_line(" ".join(_paragraphs(cell))) for cell in row.iter(_A + "tc")]
                writer.block(" | ".join(cells) if any(cells) else "", gap=gap)
                gap = "\n" if any(cells) else gap
        elif _placeholder(shape) not in _TITLES:
            _write_text(shape, writer)
    for kind, notes in archive.targets(path).values():
        if kind == "notesSlide" and notes in archive:
            for shape in _shapes(archive.xml(notes)):
                _write_text(shape, writer)


def _write_text(shape: Element, writer: Writer) -> None:
    """The paragraphs of a shape: points of a list where there are several."""
    paragraphs = [] if _placeholder(shape) in _FURNITURE else list(_paragraphs(shape))
    mark = "- " if len(paragraphs) > 1 else ""
    for i, paragraph in enumerate(paragraphs):
        writer.block(mark + paragraph, gap="\n" if i else BLANK_LINE)


def _shapes(root: Element) -> Iterator[Element]:
    """Shapes with text, and tables, in the order of the file, without the fallbacks for old readers."""
    todo = [root]
    while todo:
        element = todo.pop()
        if element.tag in (_P + "sp", _A + "tbl"):
            yield element
        elif element.tag != _FALLBACK:
            todo.extend(reversed(element))


def _placeholder(shape: Element) -> str:
    """What a shape is for, such as "title" or "body"; "" for a free shape."""
    mark = shape.find(f"{_P}nvSpPr/{_P}nvPr/{_P}ph")
    return "" if mark is None else mark.get("type", "body")


def _paragraphs(shape: Element) -> Iterator[str]:
    """The paragraphs that are not blank."""
    for paragraph in shape.iter(_A + "p"):
        words = []
        for element in paragraph.iter():
            if element.tag == _A + "t":
                words.append(element.text or "")
            elif element.tag in (_A + "br", _A + "tab"):
                words.append("\n" if element.tag == _A + "br" else " ")
        text = "".join(words).strip()
        if text:
            yield text
