"""Typeset the handbook as an A5 PDF: contents, running heads, page numbers, embedded fonts."""

from __future__ import annotations

import subprocess
from html import escape
from pathlib import Path
from typing import Any

from reportlab.lib import colors
from reportlab.lib.enums import TA_CENTER
from reportlab.lib.pagesizes import A5
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import (
    BaseDocTemplate,
    Frame,
    ListFlowable,
    ListItem,
    NextPageTemplate,
    PageBreak,
    PageTemplate,
    Spacer,
    TableStyle,
)
from reportlab.platypus import Paragraph as Text
from reportlab.platypus import Table as Grid
from reportlab.platypus.tableofcontents import TableOfContents

from bench.make_seeds.markup import Block, Heading, Items, Paragraph, Table, runs

TITLE = "Port of Sallowmere"
SUBTITLE = "Operations Handbook"
EDITION = "Third edition, in force from 1 March 2026"
_FACES = {"Serif": "", "Serif-Bold": ":bold", "Serif-Italic": ":italic", "Serif-BoldItalic": ":bold:italic"}


def write_handbook(blocks: list[Block], path: Path) -> int:
    """Write the handbook and return its number of pages; the same blocks always give the same bytes."""
    _register_fonts()
    book = _Book(str(path))
    book.multiBuild(_story(blocks))
    return int(book.page)


class _Book(BaseDocTemplate):
    """An A5 book that knows its current chapter and feeds the table of contents."""

    def __init__(self, path: str) -> None:
        super().__init__(
            path, pagesize=A5, title=f"{TITLE}: {SUBTITLE}", author="Sallowmere Port Authority", invariant=1,
            leftMargin=18 * mm, rightMargin=18 * mm, topMargin=20 * mm, bottomMargin=18 * mm, lang="en",
        )  # fmt: skip
        self.chapter = ""
        frame = Frame(self.leftMargin, self.bottomMargin, self.width, self.height, 0, 0, 0, 0, id="text")
        self.addPageTemplates(
            [PageTemplate("cover", [frame]), PageTemplate("page", [frame], onPageEnd=self._furniture)]
        )

    def beforeDocument(self) -> None:
        self.chapter = "Contents"

    def afterFlowable(self, flowable: Any) -> None:
        level = {"chapter": 0, "section": 1}.get(getattr(getattr(flowable, "style", None), "name", ""))
        if level is None:
            return
        text = key = flowable.getPlainText()
        self.canv.bookmarkPage(key)
        self.canv.addOutlineEntry(text, key, level)
        if level == 0:
            self.chapter = text
            self.notify("TOCEntry", (0, escape(text), self.page, key))

    def _furniture(self, canvas: Any, _: Any) -> None:
        canvas.setFont("Serif-Italic", 8)
        top = A5[1] - 12 * mm
        canvas.drawString(18 * mm, top, f"{TITLE} · {SUBTITLE}")
        canvas.drawRightString(A5[0] - 18 * mm, top, self.chapter)
        canvas.line(18 * mm, top - 1.5 * mm, A5[0] - 18 * mm, top - 1.5 * mm)
        canvas.setFont("Serif", 8)
        canvas.drawCentredString(A5[0] / 2, 10 * mm, f"Page {canvas.getPageNumber()}")


def _register_fonts() -> None:
    for name, style in _FACES.items():
        query = ["fc-match", "-f", "%{file}", f"Liberation Serif{style}"]
        font = subprocess.run(query, check=True, capture_output=True, text=True).stdout
        pdfmetrics.registerFont(TTFont(name, font))
    pdfmetrics.registerFontFamily("Serif", *_FACES)


def _styles() -> dict[str, ParagraphStyle]:
    body = ParagraphStyle("body", fontName="Serif", fontSize=10, leading=13.2, spaceAfter=5)

    def style(name: str, size: float, leading: float, **more: Any) -> ParagraphStyle:
        return ParagraphStyle(name, body, fontSize=size, leading=leading, **more)

    bold: dict[str, Any] = {"fontName": "Serif-Bold"}
    return {
        "body": body,
        "title": style("title", 26, 32, alignment=TA_CENTER, **bold),
        "subtitle": style("subtitle", 14, 20, alignment=TA_CENTER),
        "contents": style("contents", 17, 22, spaceAfter=8, **bold),
        "entry": style("entry", 10, 12, spaceAfter=0),
        "chapter": style("chapter", 16, 20, spaceBefore=16, keepWithNext=1, **bold),
        "section": style("section", 11.5, 15, spaceBefore=6, spaceAfter=3, keepWithNext=1, **bold),
        "caption": style("caption", 9, 12, fontName="Serif-Italic", keepWithNext=1),
        "cell": style("cell", 8.8, 11, spaceAfter=0),
    }


def _story(blocks: list[Block]) -> list[Any]:
    styles = _styles()
    contents = TableOfContents(dotsMinLevel=9)  # dot leaders would fill the text layer with noise
    contents.levelStyles = [styles["entry"]]
    tight = [("LEFTPADDING", 0), ("RIGHTPADDING", 0), ("TOPPADDING", 1), ("BOTTOMPADDING", 1)]
    contents.tableStyle = TableStyle([(name, (0, 0), (-1, -1), points) for name, points in tight])
    story: list[Any] = [
        Spacer(1, 45 * mm), Text(TITLE, styles["title"]), Text(SUBTITLE, styles["subtitle"]),
        Spacer(1, 20 * mm), Text(EDITION, styles["subtitle"]),
        Text("Edited by Leonie Prowse. Places, firms and persons are invented.", styles["subtitle"]),
        NextPageTemplate("page"), PageBreak(), Text("Contents", styles["contents"]), contents, PageBreak(),
    ]  # fmt: skip
    for block in blocks:
        match block:
            case Heading(level, text):
                story.append(Text(_inline(text), styles["chapter" if level == 1 else "section"]))
            case Paragraph(text):
                story.append(Text(_inline(text), styles["body"]))
            case Items(ordered, texts):
                entries = [ListItem(Text(_inline(text), styles["body"]), leftIndent=14) for text in texts]
                bullet: dict[str, Any] = (
                    {"bulletType": "1"} if ordered else {"bulletType": "bullet", "start": "•"}
                )
                story.append(ListFlowable(entries, **bullet))
            case Table():
                story += [Text(_inline(block.caption), styles["caption"]), _grid(block, styles)]
    return story


def _grid(table: Table, styles: dict[str, ParagraphStyle]) -> Grid:
    longest = [max(max(len(row[i]) for row in table.rows), 7) for i in range(len(table.rows[0]))]
    weights = [min(length, 34) for length in longest]
    width = A5[0] - 36 * mm
    cells = [[Text(_inline(cell), styles["cell"]) for cell in row] for row in table.rows]
    cells[0] = [Text(f"<b>{_inline(cell)}</b>", styles["cell"]) for cell in table.rows[0]]
    grid = Grid(cells, colWidths=[width * weight / sum(weights) for weight in weights], spaceAfter=8)
    grid.setStyle(
        [
            ("LINEBELOW", (0, 0), (-1, 0), 0.8, colors.black),
            ("LINEBELOW", (0, 1), (-1, -1), 0.25, colors.grey),
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("LEFTPADDING", (0, 0), (-1, -1), 2),
            ("RIGHTPADDING", (0, 0), (-1, -1), 4),
            ("TOPPADDING", (0, 0), (-1, -1), 2),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 2),
        ]
    )
    return grid


def _inline(text: str) -> str:
    return "".join(f"<i>{escape(piece)}</i>" if italic else escape(piece) for piece, italic in runs(text))
