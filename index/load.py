"""One file in, one ``Document`` out. The content says what a file is; its name is only a hint."""

from __future__ import annotations

import hashlib
import re
import stat
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from index.errors import LoadError
from index.formats import (
    archive,
    epub,
    html,
    mail,
    notebook,
    opendocument,
    pdf,
    rtf,
    sheets,
    slides,
    text,
    word,
)
from index.formats.parsed import Parsed, one_line
from index.types import Document

MAX_TEXT_BYTES = 200_000_000
MAX_BYTES = 500_000_000

_CODE = (
    "adoc awk bash bat bib c cc cfg clj cljs cmake conf cpp cs css cxx dart diff ebnf el elm erl ex "
    "exs f90 fish fs go gradle graphql groovy h hh hpp hrl hs hxx ini java jl js jsx kt kts less lisp "
    "lua m mjs ml mli mm nim nix org pas patch php pl pm proto ps1 properties r rb rs sass scala scm "
    "scss sh sol sql srt svelte swift tcl tex tf toml ts tsx v vb vhd vhdl vim vtt vue xml yaml yml "
    "zig zsh"
)
_TEXT_SUFFIXES = {
    "text": "txt text log asc nfo",
    "markdown": "md markdown mdown mkd mdx qmd rmd",
    "rst": "rst rest",
    "csv": "csv",
    "tsv": "tsv tab",
    "json": "json",
    "notebook": "ipynb",
    "jsonl": "jsonl ndjson",
    "python": "py pyi",
    "code": _CODE,
}
_TEXT_FORMATS = {suffix: format for format, suffixes in _TEXT_SUFFIXES.items() for suffix in suffixes.split()}
_HTML = ("html", "htm", "xhtml")
_BINARY = ("pdf", "docx", "docm", "pptx", "pptm", "xlsx", "xlsm", "odt", "rtf", "epub")
_OLD_OFFICE = ("doc", "xls", "ppt")  # picked up, so that the report says why they are not in the index
_PLAIN_NAMES = ("readme", "license", "licence", "copying", "changelog", "authors", "contributing", "makefile")
SUFFIXES = frozenset(f".{suffix}" for suffix in (*_TEXT_FORMATS, *_HTML, *_BINARY, *_OLD_OFFICE, "eml"))

_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_DECODED = ("text", "csv", "tsv", "json", "jsonl", "code")  # read by decoding alone
_PLAIN_BYTES = 200_000

_DOCUMENTS: dict[str, Callable[[bytes, str], Parsed]] = {
    "docx": word.read,
    "pptx": slides.read,
    "xlsx": sheets.read,
    "odt": opendocument.read,
    "epub": epub.read,
    "rtf": rtf.read,
    "eml": mail.read,
    "notebook": notebook.read,
}
_SIGNATURES = (  # how well-known files begin that hold no text for us, and what to do about them
    (b"\x89PNG", "is an image. Run OCR on it and index the text"),
    (b"\xff\xd8\xff", "is an image. Run OCR on it and index the text"),
    (b"GIF8", "is an image. Run OCR on it and index the text"),
    (b"II*\0", "is an image. Run OCR on it and index the text"),
    (b"MM\0*", "is an image. Run OCR on it and index the text"),
    (b"\x1f\x8b", "is a compressed archive. Unpack it and index the folder"),
    (b"BZh", "is a compressed archive. Unpack it and index the folder"),
    (b"\xfd7zXZ\0", "is a compressed archive. Unpack it and index the folder"),
    (b"7z\xbc\xaf\x27\x1c", "is a compressed archive. Unpack it and index the folder"),
    (b"Rar!\x1a", "is a compressed archive. Unpack it and index the folder"),
    (b"\x7fELF", "is a program, not a document. Leave it out"),
    (b"SQLite format 3\0", "is a database. Export its tables as CSV and index those"),
)
_HTML_START = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*>\s*)?(?:<!--(?:(?!-->).)*-->\s*)*<(?:!doctype\s+html|html)\b",
    re.I | re.S,
)
_MAIL_FIELD = re.compile(
    rb"^(?:From|To|Subject|Date|Received|Return-Path|Message-ID|MIME-Version|Delivered-To): ", re.I | re.M
)


def is_supported(path: Path) -> bool:
    """Whether a walk through a folder picks the file up, judged by its name."""
    return path.suffix.lower() in SUFFIXES or path.name.lower() in _PLAIN_NAMES


def load(path: Path, source: str, *, on_step: Callable[[], None] = lambda: None) -> Document:
    """The document in a file; ``source`` is the name that it gets in the index.

    It is read in this process: ``index.parsing`` does the same within limits. ``on_step`` is called when a
    page of a long recognition (OCR) is done.

    Raises ``LoadError`` with a sentence that names the reason and the remedy: not a regular file, unreadable,
    empty, too large, damaged, encrypted, binary, or of a kind that is not supported.
    """
    name = one_line(source)
    data = read_bytes(path, name)
    format = recognise(data, name)
    parsed = pdf.read(data, name, on_step=on_step) if format == "pdf" else _parse(data, name, format)
    return _document(source, data, format, parsed)


def load_plain(path: Path, source: str) -> Document | None:
    """The document in a small file of UTF-8 that only needs to be decoded, such as a text or a table; None
    for any other, and for what cannot be opened.

    Nothing in it is taken apart, so that nothing can go wrong: no process of its own is needed.
    """
    suffix = path.suffix.lower().removeprefix(".")
    try:
        if _TEXT_FORMATS.get(suffix) not in _DECODED or not stat.S_ISREG(path.stat().st_mode):
            return None
        with path.open("rb") as file:
            data = file.read(_PLAIN_BYTES + 1)
        data.decode("utf-8")
    except (OSError, ValueError):
        return None
    if not data or len(data) > _PLAIN_BYTES or data.startswith(b"PK") or b"\0" in data:
        return None
    name = one_line(source)
    format = recognise(data, name)
    return _document(source, data, format, _parse(data, name, format)) if format in _DECODED else None


def _document(source: str, data: bytes, format: str, parsed: Parsed) -> Document:
    if not parsed.text.strip():
        raise LoadError(f"{one_line(source)} is empty: there is no text in it.")
    return Document(
        source,
        hashlib.sha256(data).hexdigest(),
        parsed.text,
        format,
        parsed.title,
        parsed.pages,
        parsed.headings,
        parsed.rows,
        parsed.unread,
    )


def read_bytes(path: Path, name: str) -> bytes:
    """The bytes of a regular file of a size that we read; ``name`` is what error messages call it."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            kind = "a folder" if stat.S_ISDIR(status.st_mode) else "a device, pipe or socket"
            raise LoadError(f"{name} is {kind}, not a file.")
        if status.st_size > MAX_BYTES:
            raise LoadError(_too_large(name, status.st_size, MAX_BYTES))
        data = path.read_bytes()
    except FileNotFoundError as exc:
        raise LoadError(f"{name} does not exist (any more).") from exc
    except PermissionError as exc:
        raise LoadError(
            f"{name} cannot be read: permission denied. Give yourself the right to read it."
        ) from exc
    except (OSError, ValueError) as exc:  # ValueError: a NUL in the path
        reason = getattr(exc, "strerror", None) or str(exc)
        raise LoadError(f"{name} cannot be read: {reason}.") from exc
    if not data:
        raise LoadError(f"{name} is empty: it has no bytes.")
    return data


def recognise(data: bytes, name: str) -> str:
    """What the content is: "pdf", "docx", …, "html", "eml", or one of the text formats.

    Raises ``LoadError`` where it is something that we do not read.
    """
    suffix = PurePosixPath(name).suffix.lower().removeprefix(".")
    head = data[:1024]
    if suffix in _TEXT_FORMATS and _is_prose(data):
        return _TEXT_FORMATS[suffix]
    if head.lstrip(b"\xef\xbb\xbf \t\r\n\0").startswith(b"%PDF-") or (suffix == "pdf" and b"%PDF-" in head):
        return "pdf"
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return archive.recognise(data, name)
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        raise LoadError(archive.about_ole(data, name))
    if head.startswith(b"{\\rtf"):
        return "rtf"
    for signature, sentence in _SIGNATURES:
        if head.startswith(signature):
            raise LoadError(f"{name} {sentence}.")
    if suffix in _BINARY or suffix in _OLD_OFFICE:
        raise LoadError(
            f"{name} is no {suffix.upper()} file by its content: it is damaged or incomplete, or "
            "has the wrong name. Fetch it again, or give it the suffix of what it is."
        )
    if suffix in _HTML:
        return "html"
    if suffix == "eml":
        return "eml"
    if suffix in _TEXT_FORMATS:
        return _TEXT_FORMATS[suffix]
    if _HTML_START.match(data[:4096]):
        return "html"
    if len(_MAIL_FIELD.findall(data[:4096].split(b"\n\n")[0])) >= 3:
        return "eml"
    return "text"


def _is_prose(data: bytes) -> bool:
    """Whether the data begin as text that no program wrote for another: a note about GIF89a is no picture."""
    head = data[:1024]
    try:
        text = head[: head.rfind(b"\n") + 1 or None].decode("utf-8")
    except UnicodeDecodeError:
        return False
    if _CONTROL.search(text) or re.match(r"\{\\rtf\d", text):
        return False
    return not ("%PDF-" in text and b"endobj" in data)


def _parse(data: bytes, name: str, format: str) -> Parsed:
    if format in _DOCUMENTS:
        return _DOCUMENTS[format](data, name)
    if len(data) > MAX_TEXT_BYTES:
        raise LoadError(_too_large(name, len(data), MAX_TEXT_BYTES))
    return html.read(data, name) if format == "html" else text.read(data, name, format)


def _too_large(name: str, size: int, limit: int) -> str:
    return (
        f"{name} is too large: {size / 1e6:.0f} MB; the limit is {limit / 1e6:.0f} MB. Split it into parts."
    )
