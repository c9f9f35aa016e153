"""Office files for tests, written by hand with nothing but zipfile."""

from __future__ import annotations

import io
import zipfile

_RELATIONSHIPS = "http://schemas.openxmlformats.org/package/2006/relationships"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_CORE = (
    '<cp:coreProperties xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties" '
    'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>{}</dc:title></cp:coreProperties>'
)
_ODT = (
    '<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
    'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" '
    'xmlns:draw="urn:oasis:names:tc:opendocument:xmlns:drawing:1.0" '
    'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"><office:body><office:text>{}</office:text>'
    "</office:body></office:document-content>"
)


def pack(parts: dict[str, str | bytes]) -> bytes:
    """A ZIP container with the parts in order."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in parts.items():
            archive.writestr(path, content)
    return buffer.getvalue()


def relationships(*items: tuple[str, str, str]) -> str:
    """A part of relationships: (id, last word of the type, target)."""
    return (
        f'<Relationships xmlns="{_RELATIONSHIPS}">'
        + "".join(
            f'<Relationship Id="{key}" Type="{_OFFICE}/{kind}" Target="{target}"/>'
            for key, kind, target in items
        )
        + "</Relationships>"
    )


def docx(body: str, *, title: str = "", styles: str = "", footnotes: str = "", strict: bool = False) -> bytes:
    """A Word document with this WordprocessingML as its body."""
    namespace = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    if strict:
        namespace = "http://purl.oclc.org/ooxml/wordprocessingml/main"
    w = f'xmlns:w="{namespace}" xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'
    return pack(
        {
            "[Content_Types].xml": "<Types/>",
            "_rels/.rels": relationships(("r1", "officeDocument", "word/document.xml")),
            "docProps/core.xml": _CORE.format(title),
            "word/_rels/document.xml.rels": relationships(
                ("r1", "styles", "styles.xml"), ("r2", "footnotes", "footnotes.xml")
            ),
            "word/document.xml": f"<w:document {w}><w:body>{body}</w:body></w:document>",
            "word/styles.xml": f"<w:styles {w}>{styles}</w:styles>",
            "word/footnotes.xml": f"<w:footnotes {w}>{footnotes}</w:footnotes>",
        }
    )


def pptx(*slides: tuple[str, str]) -> bytes:
    """A presentation; a slide is the XML of its shapes and the XML of the shapes on its notes page."""
    spaces = (
        'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" '
        'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main" '
        f'xmlns:r="{_OFFICE}"'
    )
    numbers = range(len(slides), 0, -1)  # files in another order than the show
    ids = "".join(f'<p:sldId id="{n}" r:id="r{n}"/>' for n in numbers)
    parts: dict[str, str | bytes] = {
        "[Content_Types].xml": "<Types/>",
        "_rels/.rels": relationships(("r1", "officeDocument", "/ppt/presentation.xml")),
        "ppt/presentation.xml": f"<p:presentation {spaces}><p:sldIdLst>{ids}</p:sldIdLst></p:presentation>",
        "ppt/_rels/presentation.xml.rels": relationships(
            *((f"r{n}", "slide", f"slides/slide{n}.xml") for n in numbers)
        ),
    }
    for n, (shapes, notes) in zip(numbers, slides, strict=True):
        tree = "<p:cSld><p:spTree>{}</p:spTree></p:cSld>"
        parts[f"ppt/slides/slide{n}.xml"] = f"<p:sld {spaces}>{tree.format(shapes)}</p:sld>"
        parts[f"ppt/slides/_rels/slide{n}.xml.rels"] = relationships(
            ("r1", "notesSlide", f"../notesSlides/notesSlide{n}.xml")
        )
        parts[f"ppt/notesSlides/notesSlide{n}.xml"] = f"<p:notes {spaces}>{tree.format(notes)}</p:notes>"
    return pack(parts)


def xlsx(
    sheets: dict[str, str], *, strings: tuple[str, ...] = (), styles: str = "", date1904: bool = False
) -> bytes:
    """A workbook; a sheet is the XML of its rows."""
    space = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    names = "".join(f'<sheet name="{name}" sheetId="{n}" r:id="r{n}"/>' for n, name in enumerate(sheets))
    properties = f'<workbookPr date1904="{int(date1904)}"/>'
    return pack(
        {
            "[Content_Types].xml": "<Types/>",
            "_rels/.rels": relationships(("r1", "officeDocument", "xl/workbook.xml")),
            "xl/workbook.xml": (
                f'<workbook {space} xmlns:r="{_OFFICE}">{properties}<sheets>{names}</sheets></workbook>'
            ),
            "xl/_rels/workbook.xml.rels": relationships(
                *((f"r{n}", "worksheet", f"worksheets/sheet{n}.xml") for n in range(len(sheets))),
                ("s1", "sharedStrings", "sharedStrings.xml"),
                ("s2", "styles", "styles.xml"),
            ),
            "xl/sharedStrings.xml": f"<sst {space}>{''.join(f'<si>{item}</si>' for item in strings)}</sst>",
            "xl/styles.xml": f"<styleSheet {space}>{styles}</styleSheet>",
            **{
                f"xl/worksheets/sheet{n}.xml": f"<worksheet {space}><sheetData>{rows}</sheetData></worksheet>"
                for n, rows in enumerate(sheets.values())
            },
        }
    )


def odt(body: str, *, manifest: str = "") -> bytes:
    """An OpenDocument text."""
    return pack(
        {
            "mimetype": "application/vnd.oasis.opendocument.text",
            "META-INF/manifest.xml": f"<manifest>{manifest}</manifest>",
            "content.xml": _ODT.format(body),
        }
    )


def epub(*chapters: str, title: str = "", locked: bool = False) -> bytes:
    """A book of XHTML chapters."""
    items = "".join(
        f'<item id="c{n}" href="text/chapter%20{n}.xhtml" media-type="application/xhtml+xml"/>'
        for n in range(len(chapters))
    )
    spine = "".join(f'<itemref idref="c{n}"/>' for n in range(len(chapters)))
    parts: dict[str, str | bytes] = {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": (
            '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
            '<rootfile full-path="OEBPS/book.opf"/></rootfiles></container>'
        ),
        "OEBPS/book.opf": (
            '<package xmlns="http://www.idpf.org/2007/opf" xmlns:dc="http://purl.org/dc/elements/1.1/">'
            f"<metadata><dc:title>{title}</dc:title></metadata><manifest>{items}</manifest>"
            f"<spine>{spine}</spine></package>"
        ),
        **{f"OEBPS/text/chapter {n}.xhtml": chapter for n, chapter in enumerate(chapters)},
    }
    if locked:
        parts["META-INF/encryption.xml"] = (
            '<encryption><CipherReference URI="OEBPS/text/chapter%200.xhtml"/></encryption>'
        )
    return pack(parts)
