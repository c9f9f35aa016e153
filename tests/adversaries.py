"""Files that mean harm or have come to harm, made anew for each run."""

from __future__ import annotations

import io
import os
import random
import socket
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from tests.corpus import SEEDS
from tests.office_writer import docx, epub, odt, pack

CUTS = (1, 5, 12, 30, 50, 75, 90, 99)  # per cent of the file that is left
SECRET = "TOP-SECRET-CANARY-5512"  # content of a file that no document may bring in
_WORDS = "The harbour budget was approved in March by Mayor Lindqvist. "


def write_all(folder: Path) -> int:
    """Write every file into ``folder``, also sockets, pipes and links, and return how many there are."""
    folder.mkdir()
    secret = folder.parent / "secret.txt"
    secret.write_text(SECRET)
    files = dict(
        [
            *_broken(),
            *_bombs(),
            *_deep(),
            *_references(secret),
            *_active(),
            *_encodings(),
            *_sizes(),
            *_lies(),
        ]
    )
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return len(files) + _odd_names(folder) + _no_files(folder)


def _broken() -> Iterator[tuple[str, bytes]]:
    """Every binary format, cut off at many places, and with bits and blocks changed."""
    chance = random.Random(7)
    first = {path.suffix: path for path in sorted(SEEDS.iterdir(), reverse=True)}
    for suffix in (".pdf", ".docx", ".pptx", ".xlsx", ".odt", ".epub", ".rtf", ".eml", ".html", ".ipynb"):
        if suffix not in first:
            continue
        data = first[suffix].read_bytes()
        for cut in CUTS:
            yield f"cut{cut}{suffix}", data[: max(1, len(data) * cut // 100)]
        for number in range(3):
            flipped = bytearray(data)
            for _ in range(1 + len(data) // 500):
                flipped[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
            yield f"flipped{number}{suffix}", bytes(flipped)
        block = bytearray(data)
        middle = len(data) // 2
        block[middle : middle + 512] = chance.randbytes(min(512, len(data) - middle))
        yield f"overwritten{suffix}", bytes(block)


def _bombs() -> Iterator[tuple[str, bytes]]:
    """A few kilobytes that become gigabytes."""
    zeros = b"<w:p><w:r><w:t>" + b"A" * 60_000_000 + b"</w:t></w:r></w:p>"
    yield "bomb.docx", _deflated({"[Content_Types].xml": b"<Types/>", "word/document.xml": zeros})
    yield "bomb.xlsx", _deflated({"[Content_Types].xml": b"<Types/>", "xl/workbook.xml": b"0" * 60_000_000})
    yield "bomb.epub", _deflated({"mimetype": b"application/epub+zip", "a.xhtml": b" " * 60_000_000})
    yield (
        "bomb.odt",
        _deflated({"mimetype": b"application/vnd.oasis.opendocument.text", "content.xml": b" " * 60_000_000}),
    )
    laughs = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 10))
    bomb = f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY l0 "lol">{laughs}]><x>&l9;</x>'
    yield "laughs.xml", bomb.encode()
    yield "laughs.docx", pack({"[Content_Types].xml": "<Types/>", "word/document.xml": bomb})
    stream = zlib.compress(b"0" * 50_000_000, 9)
    yield (
        "bomb.pdf",
        (
            b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
            b"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
            b"3 0 obj<</Type/Page/Parent 2 0 R/Contents 4 0 R/MediaBox[0 0 9 9]>>endobj\n4 0 obj<</Length "
            + str(len(stream)).encode()
            + b"/Filter/FlateDecode>>stream\n"
            + stream
            + b"\nendstream endobj\ntrailer<</Root 1 0 R>>\n"
        ),
    )
    inner = _deflated({"a.txt": b"x" * 1000})
    for _ in range(8):
        inner = _deflated({"a.zip": inner})
    yield "nested.docx", inner


def _deflated(parts: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def _deep() -> Iterator[tuple[str, bytes]]:
    """Nesting that a recursive reader does not survive."""
    n = 20_000
    yield "deep.html", b"<div>" * n + _WORDS.encode() + b"</div>" * n
    yield "deep.xml", b"<a>" * n + _WORDS.encode() + b"</a>" * n
    yield "deep.json", b"[" * n + b"1" + b"]" * n
    yield "deep.jsonl", b'{"a":' * n + b"1" + b"}" * n + b"\n"
    yield "deep.ipynb", b'{"cells":' + b"[" * n + b"]" * n + b"}"
    yield "deep.rtf", b"{\\rtf1 " + b"{" * n + _WORDS.encode() + b"}" * n + b"}"
    yield "deep.md", b"> " * n + _WORDS.encode()
    yield "list.md", b"".join(b" " * i + b"- x\n" for i in range(500))
    yield "deep.docx", docx("<w:tbl><w:tr><w:tc>" * 3000 + "<w:p/>" + "</w:tc></w:tr></w:tbl>" * 3000)
    yield "deep.odt", odt("<text:section>" * 5000 + "<text:p>x</text:p>" + "</text:section>" * 5000)
    parts = b"".join(b"Content-Type: multipart/mixed; boundary=%d\n\n--%d\n" % (i, i) for i in range(300))
    yield "deep.eml", b"From: a@b\nTo: c@d\nSubject: x\n" + parts + _WORDS.encode()


def _references(secret: Path) -> Iterator[tuple[str, bytes]]:
    """Documents that ask for other files or addresses to be brought in."""
    for number, address in enumerate((secret.as_uri(), "http://203.0.113.7/x", "//203.0.113.7/share/x")):
        doctype = f'<!DOCTYPE x [<!ENTITY e SYSTEM "{address}">]>'
        xml = f'<?xml version="1.0"?>{doctype}<x>{_WORDS}&e;</x>'
        yield f"xxe{number}.xml", xml.encode()
        yield f"xxe{number}.docx", pack({"[Content_Types].xml": "<Types/>", "word/document.xml": xml})
        yield (
            f"xxe{number}.odt",
            pack({"mimetype": "application/vnd.oasis.opendocument.text", "content.xml": xml}),
        )
        page = (
            f"<html><body><p>{_WORDS}<iframe src='{address}'></iframe><img src='{address}'>"
            f"<object data='{address}'></object><link rel=import href='{address}'></body></html>"
        )
        yield f"include{number}.html", page.encode()
        yield f"include{number}.epub", epub(page)
        yield f"include{number}.md", f"{_WORDS}\n\n![x]({address})\n{{{{< include {address} >}}}}".encode()
        yield (
            f"include{number}.rtf",
            (r"{\rtf1 " + _WORDS + r"{\field{\*\fldinst INCLUDETEXT " "" + f'"{address}"' + r"}}}").encode(),
        )
        yield f"include{number}.tex", f"{_WORDS}\\input{{{secret}}}".encode()


def _active() -> Iterator[tuple[str, bytes]]:
    """Documents with code in them, which is text or nothing, and formulas that other programs run."""
    yield (
        "macro.docm",
        pack(
            {
                "[Content_Types].xml": "<Types/>",
                "word/document.xml": '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/'
                f'main"><w:body><w:p><w:r><w:t>{_WORDS}</w:t></w:r></w:p></w:body></w:document>',
                "word/vbaProject.bin": b"\xd0\xcf\x11\xe0Shell",
            }
        ),
    )
    yield "formula.csv", b'name,value\n=cmd|"/C calc"!A1,@SUM(1)\n+1+1,-2\n'
    yield "script.html", f"<script>{_WORDS}</script><p onclick='x()'>{_WORDS}</p>".encode()
    yield (
        "script.pdf",
        b"%PDF-1.4\n1 0 obj<</Type/Catalog/OpenAction<</S/JavaScript/JS(app.alert(1))>>>>endobj",
    )
    yield "escape.txt", b"\x1b]0;owned\x07\x1b[2J" + _WORDS.encode()
    yield "traversal.docx", pack({"../../evil.txt": "evil", "[Content_Types].xml": "<Types/>"})
    yield "traversal.epub", pack({"mimetype": "application/epub+zip", "/etc/evil": "evil"})
    yield "twice.docx", docx("<w:p><w:r><w:t>one</w:t></w:r></w:p>") * 2
    yield "polyglot.pdf", b"%PDF-1.4\n" + docx("<w:p/>")


def _encodings() -> Iterator[tuple[str, bytes]]:
    """Words in every dress, right or torn."""
    words = "Zürich 東京 🐾 Привет العربية שלום e\u0301 👩\u200d🚀 \u202eevil\u202c \ufeff \u0000 end.\r\n"
    for name in ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-7"):
        yield f"{name}.txt", (words * 20).encode(name)
        yield f"{name}-torn.txt", (words * 20).encode(name)[:-1]
    for name, text in (
        ("latin-1", "Zürich Größe café "),
        ("cp1251", "Привет мир как дела "),
        ("shift-jis", "東京都は日本の首都です。"),
        ("gb18030", "北京是中国的首都。"),
        ("koi8-r", "Привет мир как дела "),
        ("cp037", "EBCDIC words "),
    ):
        yield f"{name}.txt", (text * 40).encode(name)
    yield "surrogates.txt", "\ud800\udfff lone \udc80".encode("utf-8", "surrogatepass") + _WORDS.encode() * 5
    yield "overlong.txt", b"\xc0\xaf\xe0\x80\xaf" + _WORDS.encode() * 5
    yield "nul.txt", b"a\0b\0c" + _WORDS.encode() * 5
    yield "bidi.md", ("\u202e\u2066" * 500 + _WORDS).encode()
    yield "zalgo.txt", ("a" + "\u0301" * 5000 + _WORDS).encode()
    yield "surrogates.jsonl", b'{"a": "\\ud800", "b": "' + _WORDS.encode() + b'"}\n'
    yield "controls.md", bytes(range(1, 32)) + _WORDS.encode()
    for ends in (b"\r", b"\n\r", b"\x0b", b"\x0c", "\u2028".encode(), "\u0085".encode()):
        yield f"ends-{ends.hex()}.txt", ends.join([_WORDS.encode()] * 30)


def _sizes() -> Iterator[tuple[str, bytes]]:
    """Nothing at all, or very much at once."""
    for suffix in ("txt", "pdf", "docx", "html", "eml", "jsonl", "ipynb", "csv"):
        yield f"empty.{suffix}", b""
    yield "blank.txt", b" \n\t\r\n" * 1000
    yield "line.txt", b"word " * 2_000_000
    yield "unbroken.txt", b"x" * 1_000_000
    yield "line.md", b"# " + b"heading " * 200_000
    yield "line.csv", b'"' + b"a," * 1_000_000
    yield "line.jsonl", b'{"a": "' + b"b " * 1_000_000 + b'"}'
    yield "columns.csv", b",".join(b"c%d" % i for i in range(20_000)) + b"\n" + b"1," * 20_000
    yield "quotes.csv", b'"' * 100_001
    yield "tags.html", b"<" * 200_000
    yield "headings.md", b"# h\n" * 20_000
    yield (
        "subject.eml",
        b"From: a@b\nTo: c@d\nSubject: " + b"=?utf-8?q?x?= " * 20_000 + b"\n\n" + _WORDS.encode(),
    )


def _lies() -> Iterator[tuple[str, bytes]]:
    """One thing by its name, another by its content."""
    pdf = next(SEEDS.glob("*.pdf")).read_bytes()
    yield "pdf.txt", pdf
    yield "pdf.docx", pdf
    yield "text.pdf", _WORDS.encode()
    yield "text.docx", _WORDS.encode()
    yield "png.txt", b"\x89PNG\r\n\x1a\n" + bytes(1000)
    yield "elf.txt", b"\x7fELF" + bytes(1000)
    yield "gzip.txt", b"\x1f\x8b" + bytes(1000)
    yield "sqlite.txt", b"SQLite format 3\0" + bytes(1000)
    yield "ole.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(5000)
    yield "random.txt", random.Random(1).randbytes(50_000)
    yield "random.docx", b"PK\x03\x04" + random.Random(2).randbytes(5_000)


def _odd_names(folder: Path) -> int:
    """Names that break lines, shells, markup and tables."""
    names = [
        "new\nline.txt", "tab\tname.txt", "-rf.txt", "--help.txt", "$(id).txt", "`id`.txt", ";ls;.txt",
        "<script>alert(1)<script>.txt", "'\"quote.txt", "%2e%2e%2f.txt", "..txt.txt", "a" * 200 + ".txt",
        "\u202etxt.exe.txt", "e\u0301.txt", "é.txt", "CON.txt", "nul\x01.txt", " lead.txt", "trail .txt",
        "[x](javascript:1).txt", "\\back\\slash.txt", "🐾.txt", "{{template}}.txt", "*.txt", "?.txt",
    ]  # fmt: skip
    for number, name in enumerate(names):
        (folder / name).write_text(f"{_WORDS} Number {number}.")
    Path(os.fsdecode(os.fsencode(folder) + b"/bad\xff\xfe.txt")).write_text(_WORDS)
    return len(names) + 1


def _no_files(folder: Path) -> int:
    """What looks like a file and is none: reading it would never end, or lead elsewhere."""
    os.mkfifo(folder / "pipe.txt")
    listener = socket.socket(socket.AF_UNIX)
    here = os.getcwd()
    os.chdir(folder)  # the name of a socket may only be short
    try:
        listener.bind("socket.txt")
    finally:
        os.chdir(here)
    listener.close()
    (folder / "zero.txt").symlink_to("/dev/zero")
    (folder / "random-device.txt").symlink_to("/dev/urandom")
    (folder / "tty.txt").symlink_to("/dev/tty")
    (folder / "self.txt").symlink_to(folder / "self.txt")
    (folder / "loop").symlink_to(folder, target_is_directory=True)
    (folder / "nowhere.txt").symlink_to(folder / "not there")
    (folder / "folder.txt").mkdir()
    return 9
