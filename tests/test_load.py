"""Files to documents: the text is the file, the content says what it is, and every failure is a sentence."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index import load as load_module
from index.errors import LoadError
from index.formats import html
from index.load import is_supported, load
from index.picture import page_boxes
from index.types import Document, Span

TRICKY = "Zürich, 漢字, 😀👩\u200d🚀, e\u0301,\ttab \r\nCRLF \r lone, \0 NUL, trailing blanks  \n\n\n"
LETTER = {
    "spanish": "El niño pequeño soñó con la montaña. ¿Cuándo volverá el señor Muñoz? ¡Qué alegría! ",
    "french": "Le garçon a déjà mangé à l'hôtel où l'été est très agréable. Cœur, naïveté, élève. ",
    "german": "Zürich liegt am Zürichsee. Die Straße nach Köln ist länger als die Fußgängerzone. ",
    "portuguese": "A situação não é fácil; as ações são informações. João não vem à reunião amanhã. ",
    "swedish": "Åsa åkte till Malmö för att äta räkor på ön. Det är väldigt kallt i Göteborg. ",
    "english": "The company’s “best” year – 2019 – was good. It cost €5 and nobody knew why. ",
    "russian": "Москва является столицей России. Все счастливые семьи похожи друг на друга. ",
    "polish": "Zażółć gęślą jaźń. Wszyscy ludzie rodzą się wolni i równi pod względem swych praw. ",
    "czech": "Příliš žluťoučký kůň úpěl ďábelské ódy. Praha je hlavní město a leží na řece Vltavě. ",
    "turkish": "İstanbul Türkiye'nin en büyük şehridir. Bütün insanlar hür ve eşit doğarlar, bu bir haktır. ",
    "greek": "Η Αθήνα είναι η πρωτεύουσα της Ελλάδας. Όλοι οι άνθρωποι γεννιούνται ελεύθεροι. ",
    "japanese": "東京は日本の首都です。今日はとても良い天気ですね。すべての人間は自由である。",
    "chinese": "北京是中华人民共和国的首都。人人生而自由，在尊严和权利上一律平等。",
    "korean": "서울은 대한민국의 수도이다. 모든 인간은 태어날 때부터 자유로우며 동등하다. ",
}


def _load(folder: Path, data: bytes | str, name: str = "a.txt") -> Document:
    path = folder / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return load(path, name)


def _headings(document: Document) -> list[tuple[int, str]]:
    for heading in document.headings:
        assert document.text[heading.span.start : heading.span.end] == heading.title
    return [(heading.level, heading.title) for heading in document.headings]


@pytest.mark.parametrize(
    "name", ["a.txt", "a.md", "a.csv", "a.tsv", "a.jsonl", "a.json", "a.py", "a.c", "a.rst", "README"]
)
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_stored_text_is_the_file_character_for_character(tmp_path: Path, name: str, mark: bytes) -> None:
    data = mark + TRICKY.encode()
    document = _load(tmp_path, data, name)
    assert document.text == TRICKY
    assert document.sha256 == hashlib.sha256(data).hexdigest()
    assert (document.source, document.pages) == (name, ())


@settings(max_examples=200, deadline=None)
@given(
    text=st.text(
        st.characters(codec="utf-8", exclude_categories=["Cc"]) | st.sampled_from("\r\n\t "), min_size=1
    )
)
def test_any_unicode_text_survives(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    if not text.strip() or text[0] == "\ufeff":
        return
    folder = tmp_path_factory.getbasetemp()
    assert _load(folder, text, "any.md").text == text


@pytest.mark.parametrize(
    "encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be", "utf-8-sig"]
)
def test_wide_encodings_are_read_with_and_without_a_mark(tmp_path: Path, encoding: str) -> None:
    text = "Zürich has a lake, 漢字 and 😀.\r\nSecond line.\r\n" * 5
    assert _load(tmp_path, text.encode(encoding)).text == text


@pytest.mark.parametrize(
    ("language", "encoding"),
    [
        *((language, "latin-1") for language in ("spanish", "german", "portuguese", "swedish")),
        *(
            (language, "cp1252")
            for language in ("spanish", "french", "german", "portuguese", "swedish", "english")
        ),
        *(("russian", encoding) for encoding in ("cp1251", "koi8-r", "cp866")),
        *(("polish", encoding) for encoding in ("cp1250", "iso8859-2")),
        ("czech", "cp1250"),
        ("turkish", "cp1254"),
        ("greek", "cp1253"),
        *(("japanese", encoding) for encoding in ("shift-jis", "euc-jp")),
        *(("chinese", encoding) for encoding in ("gb18030",)),
        ("korean", "cp949"),
    ],
)
@pytest.mark.parametrize("times", [1, 30])
def test_legacy_encodings_are_recognised(tmp_path: Path, language: str, encoding: str, times: int) -> None:
    text = LETTER[language] * times
    if encoding == "latin-1":
        text = text.encode("latin-1", "ignore").decode("latin-1")
    data = text.encode(encoding, "ignore")
    assert _load(tmp_path, data).text == data.decode(encoding)


def test_one_damaged_byte_does_not_garble_a_utf8_text(tmp_path: Path) -> None:
    text = LETTER["german"] * 50
    data = text.encode() + b"\xc3"
    assert _load(tmp_path, data).text == text + "\ufffd"


def test_one_damaged_byte_does_not_garble_a_short_utf8_text(tmp_path: Path) -> None:
    text = "Der Zürichsee liegt südlich. " + "Plain words follow. " * 5 + "Größe: fünf."
    assert _load(tmp_path, text.encode() + b"\x80").text == text + "\ufffd"


def test_no_stored_text_holds_a_lone_surrogate(tmp_path: Path) -> None:
    data = "Words before ".encode("utf-16") + b"\x00\xd8" + " and after.".encode("utf-16-le")
    document = _load(tmp_path, data)
    assert document.text == "Words before \ufffd and after."
    wtf8 = "Zürich und mehr Wörter für München. ".encode() * 20 + b"\xed\xa0\x80"
    _load(tmp_path, wtf8).text.encode("utf-8")


@pytest.mark.parametrize("size", [100, 5000, 300_000])
def test_random_bytes_are_refused(tmp_path: Path, size: int) -> None:
    junk = hashlib.shake_256(b"seed").digest(size)
    with pytest.raises(LoadError, match=r"encoding|binary"):
        _load(tmp_path, junk)


def test_zeros_are_refused(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match="binary"):
        _load(tmp_path, b"\0\1\2\3" * 1000)


@pytest.mark.parametrize("data", [b"", b" \r\n\t ", b"\xef\xbb\xbf", b"\xff\xfe"])
def test_empty_files_are_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(LoadError, match=r"a\.txt is empty"):
        _load(tmp_path, data)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x89PNG\r\n\x1a\n" + b"x" * 50, "image"),
        (b"\x1f\x8b\x08" + b"x" * 50, "archive"),
        (b"\x7fELF" + b"x" * 50, "program"),
        (b"SQLite format 3\0" + b"x" * 50, "database"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"x" * 600, "before 2007"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"), "password"),
    ],
)
@pytest.mark.parametrize("name", ["a.txt", "a.docx", "a.doc", "a"])
def test_what_holds_no_text_is_named(tmp_path: Path, data: bytes, reason: str, name: str) -> None:
    with pytest.raises(LoadError, match=reason):
        _load(tmp_path, data, name)


@pytest.mark.parametrize("name", ["a.pdf", "a.docx", "a.xlsx", "a.epub", "a.odt", "a.rtf", "a.doc"])
def test_words_under_a_name_that_promises_more_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(LoadError, match="by its content"):
        _load(tmp_path, "only words", name)


def test_only_regular_files_are_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.txt")
    (tmp_path / "loop.txt").symlink_to(tmp_path / "loop.txt")
    (tmp_path / "folder.txt").mkdir()
    for name, reason in {
        "pipe.txt": "pipe",
        "loop.txt": "cannot be read",
        "folder.txt": "a folder",
        "gone.txt": "does not exist",
        "nul\0.txt": "cannot be read",
        "x" * 300: "cannot be read",
    }.items():
        with pytest.raises(LoadError, match=reason):
            load(tmp_path / name, "source.txt")
    with pytest.raises(LoadError, match="device"):
        load(Path("/dev/null"), "null")


def test_symlink_to_a_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("words")
    (tmp_path / "b.txt").symlink_to(tmp_path / "a.txt")
    assert load(tmp_path / "b.txt", "b.txt").text == "words"


def test_message_holds_no_control_characters_of_the_name(tmp_path: Path) -> None:
    (tmp_path / "a.txt").touch()
    with pytest.raises(LoadError) as caught:
        load(tmp_path / "a.txt", "evil\n\x1b[31mname.txt")
    assert str(caught.value).isprintable()


def test_large_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load_module, "MAX_TEXT_BYTES", 100)
    with pytest.raises(LoadError, match="too large"):
        _load(tmp_path, "x" * 101)
    monkeypatch.setattr(load_module, "MAX_BYTES", 10)
    with pytest.raises(LoadError, match="too large"):
        _load(tmp_path, "x" * 11)


def test_boxes_are_for_pdf_only(tmp_path: Path) -> None:
    document = _load(tmp_path, "words")
    assert page_boxes(tmp_path / "a.txt", document, Span(0, 3)) == ()


def test_folder_walk_picks_up_what_can_be_read() -> None:
    for name in ("a.PDF", "b.docx", "c.md", "d.py", "e.eml", "README", "Makefile", "old.doc"):
        assert is_supported(Path(name)), name
    for name in ("a.png", "b.exe", "c", ".hidden", "d.zip"):
        assert not is_supported(Path(name)), name


def test_html_is_known_by_content_unless_the_name_says_text(tmp_path: Path) -> None:
    page = "<!-- x -->\n<!DOCTYPE html><html><title>T</title><p>Words &amp; more"
    assert _load(tmp_path, page, "page").text == "Words & more"
    assert _load(tmp_path, page, "page.html").format == "html"
    for name in ("a.txt", "a.md", "a.xml"):
        assert _load(tmp_path, page, name).text == page


def test_markdown_headings_are_found_outside_of_code(tmp_path: Path) -> None:
    text = (
        '---\ntitle: "Front page"\n---\n# One #\r\n\n```sh\n# no heading\n```\n~~~\n# nor this\n~~~\n'
        "Setext one\n===\npara\n\nSetext two\r\n---\r\n\n- item\n---\n#hashtag\n### Zürich 漢字 😀\n"
        "| a |\n---\n    # code\n####### seven\n"
    )
    document = _load(tmp_path, text, "a.md")
    assert document.text == text
    assert document.title == "Front page"
    assert _headings(document) == [(1, "One"), (1, "Setext one"), (2, "Setext two"), (3, "Zürich 漢字 😀")]


def test_python_definitions_are_headings(tmp_path: Path) -> None:
    text = "class A:\n    def f(self):\n        pass\n\nasync def g():\n    pass\n"
    assert _headings(_load(tmp_path, text, "a.py")) == [(1, "class A"), (2, "def f"), (1, "async def g")]


def test_a_notebook_reads_as_its_cells_and_what_they_printed(tmp_path: Path) -> None:
    cells = [
        {
            "cell_type": "markdown",
            "source": ["# Tides 🌊\n", "\n", "In Zürich: none.\n", "\n", "Why\n", "---\n", "It"],
        },
        {
            "cell_type": "code",
            "source": "for hour in tides:\n    print(hour)",
            "outputs": [
                {"output_type": "stream", "text": ["6\n", "\x1b[31m12\x1b[0m\n"]},
                {"output_type": "display_data", "data": {"image/png": "AA==", "text/plain": "<Figure>"}},
                {"output_type": "execute_result", "data": {"text/plain": ["42"]}},
                {"output_type": "error", "ename": "ValueError", "evalue": "no moon", "traceback": []},
                None,
            ],
        },
        7,
        {"cell_type": "raw", "source": "The end."},
    ]
    document = _load(tmp_path, json.dumps({"cells": cells, "nbformat": 4}), "a.ipynb")
    assert document.text == (
        "Tides 🌊\n\nIn Zürich: none.\n\nWhy\n\nIt\n\nfor hour in tides:\n    print(hour)\n\n6\n12\n\n42\n\n"
        "ValueError: no moon\n\nThe end."
    )
    assert (document.format, document.title) == ("notebook", "Tides 🌊")
    assert _headings(document) == [(1, "Tides 🌊"), (2, "Why")]


@pytest.mark.parametrize("data", ["{", "[" * 100_000, "[]", '{"cells": 3}', '{"cells": []}'])
def test_a_damaged_notebook_is_refused_with_a_sentence(tmp_path: Path, data: str) -> None:
    with pytest.raises(LoadError, match=r"^a\.ipynb (is|has) "):
        _load(tmp_path, data, "a.ipynb")


def test_rst_underlines_are_headings(tmp_path: Path) -> None:
    text = "Title\n=====\n\nwords\n\nPart\n----\n\nwords\n\nMore\n====\n"
    assert _headings(_load(tmp_path, text, "a.rst")) == [(1, "Title"), (2, "Part"), (1, "More")]


def test_html_keeps_what_a_reader_sees(tmp_path: Path) -> None:
    page = """<!doctype html><html><head><title>My
    T&amp;tle</title><style>x{}</style></head><body><nav>menu</nav>
<h1>Zürich &amp; <em>more</em></h1><p>Hello <b>wor</b>ld,
second line.<br>after br</p>loose text<script>var x = "<p>no</p>"</script>
<ul><li>one<li><p>two <b>x</b></p><p>two more</p><ul><li>nested</ul></ul><ol><li>eins<li>zwei</ol>
<table><thead><tr><th>Name<th>Age</thead><tr><td>Bob<td><b>4</b>2<tr><td>Ann<td></table>
<pre>  def f():
    return 1</pre><div hidden>no</div><div style="display:none">no</div><template>no</template>
<table><tr><td><h2>In layout</h2><p>para a</p><p>para b</p></td></tr></table>
<p>emoji 😀 &#x1F600; 漢字 soft&shy;hyphen</p></body></html>"""
    document = _load(tmp_path, page, "a.html")
    assert document.text == (
        "Zürich & more\n\nHello world, second line.\nafter br\n\nloose text\n\n- one\n- two x\ntwo more\n"
        "- nested\n\n1. eins\n2. zwei\n\nName | Age\nBob | 42\nAnn |\n\n  def f():\n    return 1\n\n"
        "In layout\n\npara a\n\npara b\n\nemoji 😀 😀 漢字 softhyphen"
    )
    assert document.title == "My T&tle"
    assert _headings(document) == [(1, "Zürich & more"), (2, "In layout")]


@pytest.mark.parametrize("encoding", ["shift_jis", "cp1251", "utf-16", "latin-1"])
def test_html_is_decoded_as_it_declares(tmp_path: Path, encoding: str) -> None:
    words = {"shift_jis": "東京です", "cp1251": "Москва", "utf-16": "漢字 Zürich", "latin-1": "Zürich"}[
        encoding
    ]
    page = f'<html><head><meta charset="{encoding}"></head><body><p>{words}</p></body></html>'
    assert _load(tmp_path, page.encode(encoding), "a.html").text == words


def test_deeply_nested_html_is_refused_quickly() -> None:
    with pytest.raises(LoadError, match="deep"):
        html.parse("<div>" * 1_000_000, "a.html")
    assert html.parse("<div>" * 3000 + "words", "a.html").text == "words"


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from("<>/pdivtabletrul li&;\"'= !-x😀\ud800\0\r\n"), max_size=300))
def test_any_markup_gives_text_that_can_be_stored(markup: str) -> None:
    parsed = html.parse(markup, "a.html")
    parsed.text.encode("utf-8")
    for heading in parsed.headings:
        assert parsed.text[heading.span.start : heading.span.end] == heading.title


@pytest.mark.parametrize(
    "text",
    [
        "GIF89a is the version of 1989.\n",
        "BZh is how bzip2 begins.\n",
        "%PDF-1.4 is how a PDF begins.\n",
        "{\\rtf is how RTF begins}\n",
        "<html> is a tag.\n",
    ],
)
@pytest.mark.parametrize("suffix", ["txt", "md", "csv", "py"])
def test_text_about_another_format_stays_text(tmp_path, text, suffix):
    assert _load(tmp_path, text, f"a.{suffix}").text == text


def test_a_pdf_or_rtf_that_is_called_text_is_read_as_what_it_is(tmp_path):
    assert _load(tmp_path, r"{\rtf1\ansi The mill.\par}", "a.txt").text.strip() == "The mill."
    with pytest.raises(LoadError, match="PDF"):
        _load(tmp_path, "%PDF-1.4\n1 0 obj\n<<>>\nendobj\n", "b.txt")
