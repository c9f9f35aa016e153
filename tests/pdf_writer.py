"""A tiny PDF writer for tests: text at given places, rotation, crop box, outline, title, encryption."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

Line = tuple[float, float, float, str]  # x, y from the bottom left, font size, words in Latin-1
_PADDING = bytes.fromhex("28bf4e5e4e758a4164004e56fffa01082e2e00b6d0683e802f0ca9fe6453697a")


@dataclass(frozen=True)
class Page:
    lines: tuple[Line, ...]
    rotate: int = 0
    crop: tuple[float, float, float, float] | None = None


def page(*lines: str, size: float = 12) -> Page:
    """A page with one line under the other."""
    return Page(tuple((72, 720 - 15 * i, size, line) for i, line in enumerate(lines)))


def write_pdf(
    *pages: Page,
    title: str = "",
    outline: tuple[tuple[str, int], ...] = (),
    to_unicode: str = "",
    password: str = "",
) -> bytes:
    """The bytes of a PDF; ``to_unicode`` is what "A" stands for, ``password`` locks the file."""
    objects: dict[int, bytes] = {}
    key = b""
    if password:
        owner = _rc4(hashlib.md5(_padded(password)).digest()[:5], _padded(password))
        key = hashlib.md5(_padded(password) + owner + b"\xfc\xff\xff\xff" + b"0" * 16).digest()[:5]
        user = _rc4(key, _PADDING)
        objects[9] = b"<</Filter/Standard/V 1/R 2/P -4/O<%s>/U<%s>>>" % (
            owner.hex().encode(),
            user.hex().encode(),
        )
    first = 20
    kids = b" ".join(b"%d 0 R" % (first + 2 * i) for i in range(len(pages)))
    objects[2] = b"<</Type/Pages/Count %d/Kids[%s]>>" % (len(pages), kids)
    objects[3] = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding%s>>" % (
        b"/ToUnicode 4 0 R" if to_unicode else b""
    )
    if to_unicode:
        code = to_unicode.encode("utf-16-be").hex().upper().encode()
        cmap = (
            b"/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapType 2 def "
            b"1 begincodespacerange <00> <FF> endcodespacerange 1 beginbfchar <41> <%s> endbfchar "
            b"endcmap end end" % code
        )
        objects[4] = _stream(cmap)
    objects[5] = b"<</Title %s>>" % _hex(title)
    for i, item in enumerate(pages):
        crop = b"/CropBox[%g %g %g %g]" % item.crop if item.crop else b""
        objects[first + 2 * i] = (
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]%s/Rotate %d/Contents %d 0 R"
            b"/Resources<</Font<</F 3 0 R>>>>>>" % (crop, item.rotate, first + 2 * i + 1)
        )
        drawn = b"".join(
            b"BT /F %g Tf 1 0 0 1 %g %g Tm <%s> Tj ET\n" % (size, x, y, words.encode("cp1252").hex().encode())
            for x, y, size, words in item.lines
        )
        number = first + 2 * i + 1
        objects[number] = _stream(_rc4(_object_key(key, number), drawn) if key else drawn)
    catalog = b"<</Type/Catalog/Pages 2 0 R"
    if outline:
        start = first + 2 * len(pages)
        catalog += b"/Outlines %d 0 R" % start
        last = start + len(outline)
        objects[start] = b"<</Type/Outlines/First %d 0 R/Last %d 0 R/Count %d>>" % (
            start + 1,
            last,
            len(outline),
        )
        for i, (words, target) in enumerate(outline):
            number = start + 1 + i
            following = b"/Next %d 0 R" % (number + 1) if number < last else b""
            objects[number] = b"<</Title %s/Parent %d 0 R/Dest[%d 0 R /Fit]%s>>" % (
                _hex(words),
                start,
                first + 2 * target,
                following,
            )
    objects[1] = catalog + b">>"
    trailer = b"/Encrypt 9 0 R/ID[<%s><%s>]" % ((b"0" * 16).hex().encode(), (b"0" * 16).hex().encode())
    return _file(objects, trailer if key else b"/Info 5 0 R")


def _file(objects: dict[int, bytes], trailer: bytes) -> bytes:
    data = b"%PDF-1.7\n"
    places = {}
    for number, content in sorted(objects.items()):
        places[number] = len(data)
        data += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%d 1\n%010d 00000 n \n" % (number, place) for number, place in places.items())
    start = len(data)
    return (
        data
        + b"xref\n0 1\n0000000000 65535 f \n%strailer<</Size %d/Root 1 0 R%s>>\nstartxref\n%d\n%%%%EOF\n"
        % (
            table,
            max(objects) + 1,
            trailer,
            start,
        )
    )


def _stream(content: bytes) -> bytes:
    return b"<</Length %d>>stream\n%s\nendstream" % (len(content), content)


def _hex(text: str) -> bytes:
    return b"<" + (b"\xfe\xff" + text.encode("utf-16-be")).hex().encode() + b">"


def _padded(password: str) -> bytes:
    return (password.encode("latin-1") + _PADDING)[:32]


def _object_key(key: bytes, number: int) -> bytes:
    return hashlib.md5(key + number.to_bytes(3, "little") + b"\0\0").digest()[:10]


def _rc4(key: bytes, data: bytes) -> bytes:
    state = list(range(256))
    j = 0
    for i in range(256):
        j = (j + state[i] + key[i % len(key)]) % 256
        state[i], state[j] = state[j], state[i]
    out = bytearray()
    i = j = 0
    for byte in data:
        i = (i + 1) % 256
        j = (j + state[i]) % 256
        state[i], state[j] = state[j], state[i]
        out.append(byte ^ state[(state[i] + state[j]) % 256])
    return bytes(out)
