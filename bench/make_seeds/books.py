"""Write EPUB, OpenDocument, RTF and e-mail files by hand, without a library."""

from __future__ import annotations

import re
import zipfile
from email import policy
from email.message import EmailMessage
from html import escape
from pathlib import Path

from bench.make_seeds.markup import Block, Heading, Items, Paragraph, Table, runs
from bench.make_seeds.office import freeze

_XHTML = """<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE html>
<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en"><head><title>{title}</title></head>
<body>
{body}
</body></html>
"""
_CONTAINER = """<?xml version="1.0"?>
<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>
<rootfile full-path="OEBPS/book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>
"""
_OPF = """<?xml version="1.0" encoding="utf-8"?>
<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id" xml:lang="en">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:identifier id="id">urn:seeds:{slug}</dc:identifier>
<dc:title>{title}</dc:title><dc:creator>{author}</dc:creator><dc:language>en</dc:language>
<meta property="dcterms:modified">2026-01-01T00:00:00Z</meta></metadata>
<manifest><item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>
{items}</manifest>
<spine>{spine}</spine></package>
"""
_ODT_NAMES = (
    'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
    'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" '
    'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"'
)


def write_epub(blocks: list[Block], path: Path, *, title: str, author: str) -> int:
    """Write one XHTML file per level-1 heading and return the number of chapters."""
    chapters: list[list[Block]] = []
    for block in blocks:
        if isinstance(block, Heading) and block.level == 1:
            chapters.append([])
        chapters[-1].append(block)
    names = [f"chapter{number}" for number in range(1, len(chapters) + 1)]
    titles = [chapter[0].text for chapter in chapters if isinstance(chapter[0], Heading)]
    entries = zip(names, titles, strict=True)
    links = "".join(f'<li><a href="{name}.xhtml">{escape(heading)}</a></li>' for name, heading in entries)
    nav = f'<nav epub:type="toc" xmlns:epub="http://www.idpf.org/2007/ops"><ol>{links}</ol></nav>'
    kind = "application/xhtml+xml"
    items = "".join(f'<item id="{name}" href="{name}.xhtml" media-type="{kind}"/>\n' for name in names)
    spine = "".join(f'<itemref idref="{name}"/>' for name in names)
    files = {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": _CONTAINER,
        "OEBPS/nav.xhtml": _XHTML.format(title="Contents", body=nav),
        "OEBPS/book.opf": _OPF.format(
            slug=path.stem, title=escape(title), author=escape(author), items=items, spine=spine
        ),
    }
    for name, heading, chapter in zip(names, titles, chapters, strict=True):
        body = "\n".join(_html(block) for block in chapter)
        files[f"OEBPS/{name}.xhtml"] = _XHTML.format(title=escape(heading), body=body)
    _archive(files, path)
    return len(chapters)


def write_odt(blocks: list[Block], path: Path) -> None:
    """Write blocks as an OpenDocument text."""
    body = "\n".join(_odt(block) for block in blocks)
    content = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<office:document-content {_ODT_NAMES} office:version="1.3">'
        f"<office:body><office:text>{body}</office:text></office:body></office:document-content>"
    )
    kind = "application/vnd.oasis.opendocument.text"
    manifest = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<manifest:manifest '
        'xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0" manifest:version="1.3">'
        f'<manifest:file-entry manifest:full-path="/" manifest:media-type="{kind}"/>'
        '<manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml"/>'
        "</manifest:manifest>"
    )
    _archive({"mimetype": kind, "content.xml": content, "META-INF/manifest.xml": manifest}, path)


def write_rtf(blocks: list[Block], path: Path) -> None:
    """Write blocks as Rich Text; characters outside ASCII become ``\\uN?`` escapes."""
    parts = [r"{\rtf1\ansi\ansicpg1252\deff0{\fonttbl{\f0\froman Liberation Serif;}}\f0\fs22"]
    for block in blocks:
        match block:
            case Heading(level, text):
                parts.append(
                    rf"{{\pard\outlinelevel{level - 1}\sb240\sa120\b\fs{34 - 6 * level} {_rtf(text)}\par}}"
                )
            case Paragraph(text):
                parts.append(rf"{{\pard\sa120 {_rtf(text)}\par}}")
            case Items(_, texts):
                parts.extend(rf"{{\pard\li360\sa60 \bullet  {_rtf(text)}\par}}" for text in texts)
            case Table():
                raise ValueError("the RTF writer has no tables; use another format for this text")
    path.write_bytes(("\n".join(parts) + "\n}\n").encode("ascii"))


def write_eml(text: str, path: Path) -> None:
    """Write a header block and a body as a quoted-printable e-mail with CRLF line ends."""
    head, body = text.split("\n\n", 1)
    message = EmailMessage(policy=policy.SMTP)
    for line in head.splitlines():
        name, value = line.split(": ", 1)
        message[name] = value
    message.set_content(body, cte="quoted-printable")
    path.write_bytes(message.as_bytes())


def _html(block: Block) -> str:
    match block:
        case Heading(level, text):
            return f"<h{level}>{escape(text)}</h{level}>"
        case Paragraph(text):
            return f"<p>{_marked(text, '<em>', '</em>')}</p>"
        case Items(ordered, texts):
            tag = "ol" if ordered else "ul"
            return f"<{tag}>{''.join(f'<li>{escape(text)}</li>' for text in texts)}</{tag}>"
        case Table(caption, rows):
            cells = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
            return f"<table><caption>{escape(caption)}</caption>{cells}</table>"


def _odt(block: Block) -> str:
    match block:
        case Heading(level, text):
            return f'<text:h text:outline-level="{level}">{escape(text)}</text:h>'
        case Paragraph(text):
            return f"<text:p>{_marked(text, '<text:span>', '</text:span>')}</text:p>"
        case Items(_, texts):
            items = (f"<text:list-item><text:p>{escape(text)}</text:p></text:list-item>" for text in texts)
            return f"<text:list>{''.join(items)}</text:list>"
        case Table(caption, rows):
            cells = "".join(f"<table:table-row>{_odt_cells(row)}</table:table-row>" for row in rows)
            columns = f'<table:table-column table:number-columns-repeated="{len(rows[0])}"/>'
            return f"<text:p>{escape(caption)}</text:p><table:table>{columns}{cells}</table:table>"


def _odt_cells(row: tuple[str, ...]) -> str:
    return "".join(f"<table:table-cell><text:p>{escape(cell)}</text:p></table:table-cell>" for cell in row)


def _marked(text: str, start: str, end: str) -> str:
    pieces = ((escape(piece), italic) for piece, italic in runs(text))
    return "".join(f"{start}{piece}{end}" if italic else piece for piece, italic in pieces)


def _rtf(text: str) -> str:
    plain = re.sub(r"\*([^*]+)\*", r"\1", text)
    escaped = re.sub(r"([\\{}])", r"\\\1", plain)
    return "".join(char if ord(char) < 128 else rf"\u{ord(char)}?" for char in escaped)


def _archive(files: dict[str, str], path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    freeze(path)
