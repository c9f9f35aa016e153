"""Office files, e-books, RTF and e-mail: reading order, headings, pages, tables, and what is refused."""

from __future__ import annotations

import random
import time
import zipfile
from io import BytesIO
from pathlib import Path

import pytest
from office_writer import docx, epub, odt, pack, pptx, xlsx

from index.errors import LoadError
from index.load import load
from index.types import Document


def _load(folder: Path, data: bytes, name: str) -> Document:
    (folder / name).write_bytes(data)
    document = load(folder / name, name)
    for heading in document.headings:
        assert document.text[heading.span.start : heading.span.end] == heading.title
    return document


def _pages(document: Document) -> list[str]:
    return [document.text[span.start : span.end] for span in document.pages]


def _headings(document: Document) -> list[tuple[int, str]]:
    return [(heading.level, heading.title) for heading in document.headings]


def _p(text: str, style: str = "", properties: str = "") -> str:
    style = f'<w:pStyle w:val="{style}"/>' if style else ""
    return f"<w:p><w:pPr>{style}{properties}</w:pPr><w:r><w:t xml:space='preserve'>{text}</w:t></w:r></w:p>"


STYLES = "".join(
    f'<w:style w:styleId="{key}"><w:name w:val="{name}"/>{more}</w:style>'
    for key, name, more in (
        ("Titel", "Title", ""),
        ("berschrift1", "heading 1", ""),
        ("Eigene", "my own", '<w:basedOn w:val="berschrift1"/>'),
        ("Glieder", "outlined", '<w:pPr><w:outlineLvl w:val="1"/></w:pPr>'),
        ("Punkte", "List Bullet", ""),
    )
)


def _shape(kind: str, *paragraphs: str) -> str:
    mark = f'<p:nvPr><p:ph type="{kind}"/></p:nvPr>' if kind else "<p:nvPr/>"
    text = "".join(f"<a:p><a:r><a:t>{words}</a:t></a:r></a:p>" for words in paragraphs)
    return f"<p:sp><p:nvSpPr>{mark}</p:nvSpPr><p:txBody>{text}</p:txBody></p:sp>"


@pytest.mark.parametrize("strict", [False, True])
def test_word_headings_follow_their_styles_in_any_language(tmp_path: Path, strict: bool) -> None:
    body = (
        _p("Zürich report", "Titel")
        + _p("Budget", "berschrift1")
        + _p("Five million. 😀 漢字")
        + _p("Own", "Eigene")
        + _p("Deep", "Glieder")
        + _p("Plain", properties='<w:outlineLvl w:val="2"/>')
    )
    document = _load(tmp_path, docx(body, styles=STYLES, title="Ünder", strict=strict), "a.docx")
    assert _headings(document) == [(1, "Zürich report"), (2, "Budget"), (2, "Own"), (3, "Deep"), (4, "Plain")]
    assert (document.format, document.title) == ("docx", "Ünder")
    assert "Five million. 😀 漢字" in document.text


def test_word_text_reads_as_with_all_changes_accepted(tmp_path: Path) -> None:
    body = (
        "<w:p><w:r><w:t>Name</w:t><w:tab/><w:t>Bob</w:t></w:r>"
        "<w:ins><w:r><w:t> new</w:t></w:r></w:ins><w:del><w:r><w:delText> old</w:delText></w:r></w:del>"
        "<w:hyperlink><w:r><w:t> link</w:t></w:r></w:hyperlink>"
        "<w:r><w:instrText>PAGE</w:instrText><w:br/><w:t>next</w:t></w:r></w:p>"
        "<w:sdt><w:sdtContent>" + _p("in a control") + "</w:sdtContent></w:sdt>"
        "<w:p><w:r><w:t>beside</w:t><mc:AlternateContent><mc:Choice><w:txbxContent>"
        + _p("in a box")
        + "</w:txbxContent>"
        "</mc:Choice><mc:Fallback><w:txbxContent>" + _p("in a box") + "</w:txbxContent></mc:Fallback>"
        "</mc:AlternateContent></w:r></w:p>"
    )
    notes = f'<w:footnote w:type="separator">{_p("no")}</w:footnote><w:footnote>{_p("A note.")}</w:footnote>'
    document = _load(tmp_path, docx(body, footnotes=notes), "a.docx")
    assert document.text == "Name\tBob new link\nnext\n\nin a control\n\nbeside\n\nin a box\n\nA note."


def test_word_lists_and_tables_keep_their_lines(tmp_path: Path) -> None:
    def row(*cells: str) -> str:
        return "<w:tr>" + "".join(f"<w:tc>{_p(cell)}</w:tc>" for cell in cells) + "</w:tr>"

    table = f"<w:tbl>{row('Name', 'Age')}{row('Bob', '42')}{row('Ann', '')}</w:tbl>"
    body = _p("one", "Punkte") + _p("two", "Punkte") + table + f"<w:tbl>{row('only a frame')}</w:tbl>"
    document = _load(tmp_path, docx(body, styles=STYLES), "a.docx")
    assert document.text == "- one\n- two\n\nName | Age\nBob | 42\nAnn |\n\nonly a frame"


def test_slides_are_pages_in_the_order_of_the_show(tmp_path: Path) -> None:
    table = "<a:tbl>" + "".join(
        "<a:tr>"
        + "".join(f"<a:tc><a:p><a:r><a:t>{cell}</a:t></a:r></a:p></a:tc>" for cell in row)
        + "</a:tr>"
        for row in (("K", "V"), ("pi", "3.14"))
    )
    data = pptx(
        (
            _shape("", "Free text") + _shape("title", "Zürich") + _shape("sldNum", "1"),
            _shape("body", "A note."),
        ),
        ("", ""),
        (
            _shape("ctrTitle", "Table") + _shape("body", "first", "second") + table + "</a:tbl>",
            _shape("sldNum", "3"),
        ),
    )
    document = _load(tmp_path, data, "a.pptx")
    assert _pages(document) == [
        "Zürich\n\nFree text\n\nA note.",
        "",
        "Table\n\n- first\n- second\n\nK | V\npi | 3.14",
    ]
    assert _headings(document) == [(1, "Zürich"), (1, "Table")]
    assert document.page_at(document.text.index("second")) == 3


def test_rows_of_a_sheet_name_their_columns(tmp_path: Path) -> None:
    rows = (
        '<row><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c><c r="C1" t="inlineStr"><is>'
        "<t>Day</t></is></c></row>"
        '<row><c r="A2" t="s"><v>2</v></c><c r="B2"><v>0.30000000000000004</v></c><c r="C2" s="1">'
        "<v>45352</v></c></row>"
        '<row><c r="A3" t="str"><v>Bern</v></c><c r="C3" s="2"><v>45352.5</v></c></row>'
        "<row/>"
        '<row><c r="AA5" s="3"><v>0.125</v></c><c r="AB5" t="b"><v>1</v></c><c r="AC5" t="e"><v>#N/A'
        "</v></c></row>"
    )
    styles = (
        '<numFmts><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd hh:mm"/><numFmt numFmtId="165" '
        'formatCode="0.0%"/>'
        '</numFmts><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="164"/><xf '
        'numFmtId="165"/></cellXfs>'
    )
    strings = ("<t>City</t>", "<r><t>Sha</t></r><r><t>re</t></r><rPh><t>no</t></rPh>", "<t>Zürich 😀</t>")
    data = xlsx({"Sales": rows, "Empty": "", "Last": rows}, strings=strings, styles=styles)
    document = _load(tmp_path, data, "a.xlsx")
    page = (
        "City | Share | Day\nCity: Zürich 😀 | Share: 0.3 | Day: 2024-03-01\nCity: Bern | Day: "
        "2024-03-01 12:00\n\n"
        "12.5% | TRUE | #N/A"
    )
    assert _pages(document) == [f"Sales\n\n{page}", "Empty", f"Last\n\n{page}"]


def test_dates_count_from_1904_where_the_workbook_says_so(tmp_path: Path) -> None:
    data = xlsx(
        {"S": '<row><c s="0"><v>1</v></c></row>'},
        styles='<cellXfs><xf numFmtId="14"/></cellXfs>',
        date1904=True,
    )
    assert "1904-01-02" in _load(tmp_path, data, "a.xlsx").text


def test_opendocument_keeps_blanks_lists_tables_and_notes(tmp_path: Path) -> None:
    body = (
        '<text:h text:outline-level="2">Zürich</text:h><text:p>Para\n  <text:span>one</text:span>'
        '<text:s text:c="2"/>x'
        "<text:tab/>y<text:note><text:note-citation>1</text:note-citation><text:note-body><text:p>A "
        "note.</text:p>"
        "</text:note-body></text:note> end</text:p><text:list><text:list-item><text:p>item</text:p>"
        "</text:list-item>"
        "</text:list><table:table><table:table-row><table:table-cell><text:p>A</text:p></table:table-cell>"
        "<table:table-cell><text:p>B</text:p></table:table-cell></table:table-row></table:table>"
    )
    document = _load(tmp_path, odt(body), "a.odt")
    assert document.text == "Zürich\n\nPara one  x\ty end\n\nA note.\n- item\n\nA | B"
    assert _headings(document) == [(2, "Zürich")]


def test_chapters_of_a_book_are_pages(tmp_path: Path) -> None:
    data = epub(
        "<html><body><h1>One</h1><p>Zürich &amp; more</p></body></html>",
        '<?xml version="1.0" encoding="utf-8"?><html><body><h2>Two</h2><p>漢字 😀</p></body></html>',
        title="A Book",
    )
    document = _load(tmp_path, data, "a.epub")
    assert _pages(document) == ["One\n\nZürich & more", "Two\n\n漢字 😀"]
    assert (document.title, _headings(document)) == ("A Book", [(1, "One"), (2, "Two")])


def test_rtf_is_decoded_by_its_fonts_and_code_page(tmp_path: Path) -> None:
    data = (
        rb"{\rtf1\ansi\ansicpg1252\deff0{\fonttbl{\f0 Arial;}{\f1\fcharset204 Arial;}{\f2\fcharset128 "
        rb"Mincho;}}"
        rb"{\info{\title My RTF}}{\*\generator Riched20;}\pard\outlinelevel0 Head\par\pard Hello {\b "
        rb"bold} Z\'fcrich "
        rb"\u28450?\u-10179?\u-8704?.\line{\f1\'cc\'ee\'f1\'ea\'e2\'e0} {\f2\'93\'8c}\par{\header no}"
        rb"\trowd A\cell B\cell\row\trowd C\cell D\cell\row\pard Next\emdash\{\}\par}"
    )
    document = _load(tmp_path, data, "a.rtf")
    assert document.text == "Head\n\nHello bold Zürich 漢😀.\nМосква 東\n\nA | B\nC | D\n\nNext—{}"
    assert (document.title, _headings(document)) == ("My RTF", [(1, "Head")])


def test_mail_gives_fields_body_attachments_and_forwarded_messages(tmp_path: Path) -> None:
    data = (
        b"From: =?utf-8?q?J=C3=BCrg?= <j@b.c>\r\nTo: d@e.f\r\nSubject: =?utf-8?q?Z=C3=BCrich?=\r\n"
        b"Date: Mon, 1 Jan 2024 10:00:00 +0000\r\nMIME-Version: 1.0\r\n"
        b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n'
        b'--b\r\nContent-Type: multipart/alternative; boundary="c"\r\n\r\n'
        b"--c\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: "
        b"quoted-printable\r\n\r\n"
        b"Gr=FC=DFe\r\nline two\r\n"
        b"--c\r\nContent-Type: text/html\r\n\r\n<p>not this one</p>\r\n--c--\r\n"
        b'--b\r\nContent-Type: application/pdf; name="x.pdf"\r\nContent-Disposition: attachment; '
        b'filename="x.pdf"\r\n\r\nx\r\n'
        b"--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: Inner\r\nContent-Type: text/html\r\n\r\n"
        b"<p>Forwarded <b>words</b></p>\r\n--b--\r\n"
    )
    document = _load(tmp_path, data, "a.eml")
    assert document.text == (
        "Zürich\n\nFrom: Jürg <j@b.c>\nTo: d@e.f\nDate: Mon, 1 Jan 2024 10:00:00 +0000\n\nGrüße\nline two\n\n"
        "Attachments: x.pdf\n\nInner\n\nForwarded words"
    )
    assert (document.title, _headings(document)) == ("Zürich", [(1, "Zürich"), (2, "Inner")])
    assert _load(tmp_path, data, "mail").format == "eml"


FILES = {
    "docx": docx(_p("words"), styles=STYLES),
    "pptx": pptx((_shape("title", "words"), "")),
    "xlsx": xlsx({"words": "<row><c><v>1</v></c></row>"}),
    "odt": odt("<text:p>words</text:p>"),
    "epub": epub("<p>words</p>"),
}


@pytest.mark.parametrize("format", FILES)
@pytest.mark.parametrize("name", ["a.txt", "a.pdf", "a"])
def test_container_is_told_by_its_members_not_by_its_name(tmp_path: Path, format: str, name: str) -> None:
    document = _load(tmp_path, FILES[format], name)
    assert (document.format, "words" in document.text) == (format, True)


@pytest.mark.parametrize("format", FILES)
def test_damaged_container_is_refused_with_a_sentence(tmp_path: Path, format: str) -> None:
    data = FILES[format]
    for size in (60, len(data) // 2, len(data) - 30):
        with pytest.raises(LoadError, match="damaged or incomplete"):
            _load(tmp_path, data[:size], f"a.{format}")
    dice = random.Random(3)
    for _ in range(100):
        broken = bytearray(data)
        for _ in range(dice.randint(1, 10)):
            broken[dice.randrange(len(broken))] = dice.randrange(256)
        try:
            _load(tmp_path, bytes(broken), f"a.{format}").text.encode("utf-8")
        except LoadError as exc:
            assert str(exc).startswith(f"a.{format} ")


def _encrypted(data: bytes) -> bytes:
    """The container with the mark of encryption on each member, in the local headers and the directory."""
    marked = bytearray(data)
    with zipfile.ZipFile(BytesIO(data)) as archive:
        for info in archive.infolist():
            marked[info.header_offset + 6] |= 1
    at = marked.find(b"PK\x01\x02")
    while at >= 0:
        marked[at + 8] |= 1
        at = marked.find(b"PK\x01\x02", at + 4)
    return bytes(marked)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (pack({"a.txt": "words"}), "ZIP archive"),
        (pack({}), "ZIP archive"),
        (
            pack({"mimetype": "application/vnd.oasis.opendocument.spreadsheet", "content.xml": "<x/>"}),
            "OpenDocument",
        ),
        (_encrypted(docx(_p("words"))), "password"),
        (odt("<text:p>x</text:p>", manifest="<encryption-data/>"), "password"),
        (epub("<p>words</p>", locked=True), "copy protection"),
        (docx("<w:p>"), "no valid XML"),
        (docx("<!DOCTYPE x [<!ENTITY a 'b'>]>" + _p("x")), "no valid XML"),
        (docx(""), "empty"),
        (pptx(("", "")), "empty"),
        (docx("<w:sdt>" * 300 + "</w:sdt>" * 300), "deep"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, data: bytes, reason: str) -> None:
    with pytest.raises(LoadError, match=reason):
        _load(tmp_path, data, "a.docx")


def test_zip_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match="ZIP bomb"):
        _load(tmp_path, docx(_p("0" * 60_000_000)), "a.docx")


@pytest.mark.parametrize(
    "data",
    [b"{\\rtf1 " + b"{" * 100_000, b"{\\rtf1 words", b"{\\rtf1 words}}}}", b"{\\rtf1\\u\\bin9999 words\\'"],
)
def test_broken_rtf_never_raises_anything_but_load_errors(tmp_path: Path, data: bytes) -> None:
    try:
        _load(tmp_path, data, "a.rtf").text.encode("utf-8")
    except LoadError as exc:
        assert str(exc).startswith("a.rtf ")


def test_a_mail_with_an_endless_subject_is_read_in_an_instant(tmp_path: Path) -> None:
    started = time.process_time()
    for subject in (b"word =?utf-8?q?Z=C3=BCrich?= " * 60_000, b"=?utf-8?q?Z=C3=BCrich?=\r\n " * 60_000):
        document = _load(tmp_path, b"Subject: " + subject + b"\r\nFrom: a@b.c\r\n\r\nwords", "a.eml")
        assert document.text.endswith("words") and "Zürich" in document.title
    assert time.process_time() - started < 20


def test_a_mail_of_parts_within_parts_without_end_is_refused_with_a_sentence(tmp_path: Path) -> None:
    nested = "".join(f'Content-Type: multipart/mixed; boundary="b{i}"\n\n--b{i}\n' for i in range(2000))
    with pytest.raises(LoadError, match="nested too deeply"):
        _load(tmp_path, nested.encode() + b"\nwords\n", "a.eml")


@pytest.mark.parametrize(
    "data",
    [
        b"Subject: =?x-unknown?q?a?=\n\nwords",
        b"Content-Type: text/plain; charset=nonsense\n\nZ\xfcrich words",
        b"Content-Type: multipart/mixed\n\nwords",
        b"Content-Type: multipart/mixed; boundary=b\n\n"
        + b"--b\nContent-Type: message/rfc822\n\n" * 3000
        + b"words",
        b"\xff\xfe\x00 words",
    ],
)
def test_broken_mail_never_raises_anything_but_load_errors(tmp_path: Path, data: bytes) -> None:
    try:
        _load(tmp_path, data, "a.eml").text.encode("utf-8")
    except LoadError as exc:
        assert str(exc).startswith("a.eml ")


@pytest.mark.parametrize("kind", ["plain", "html"])
def test_a_mail_with_a_nul_in_the_name_of_its_encoding_is_read(tmp_path: Path, kind: str) -> None:
    head = b"Subject: Ferry\r\nFrom: a@b.c\r\nContent-Type: text/" + kind.encode()
    for body in (b"The ferry waits.", "The ferry to Zürich waits.".encode()):
        document = _load(tmp_path, head + b'; charset="utf\0-8"\r\n\r\n' + body + b"\r\n", "a.eml")
        assert body.decode() in document.text
