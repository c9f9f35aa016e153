"""ZIP containers (Office, OpenDocument, EPUB): which one it is, and its members within limits."""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import unquote
from xml.etree import ElementTree

from index.errors import LoadError
from index.formats.parsed import one_line

MAX_UNPACKED_BYTES = 1_000_000_000
MAX_RATIO = 100  # of unpacked to packed size; Office's own XML stays below 40
_HARMLESS_BYTES = 50_000_000  # below this any ratio will do
_MARKUP = (".xml", ".rels", ".xhtml", ".html", ".htm", ".opf")  # the members that we unpack
_FORMATS = {"word/": "docx", "ppt/": "pptx", "xl/": "xlsx"}
_MIME_TYPES = {b"application/epub+zip": "epub", b"application/vnd.oasis.opendocument.text": "odt"}
_OLE_PASSWORD = "EncryptedPackage".encode("utf-16-le")  # Office puts an encrypted file into an OLE container
_STRICT = re.compile(
    rb"http://purl\.oclc\.org/ooxml/(\w+)/"
)  # "Strict Open XML" has other names for the same parts
_RELATIONSHIP = "{http://schemas.openxmlformats.org/package/2006/relationships}Relationship"
_DC_TITLE = "{http://purl.org/dc/elements/1.1/}title"


class Archive:
    """An open container; reads members and their XML, and raises only ``LoadError``."""

    def __init__(self, archive: zipfile.ZipFile, name: str) -> None:
        self.name = name
        self._archive = archive
        self._members = {info.filename: info for info in archive.infolist()}

    def __contains__(self, path: str) -> bool:
        return path in self._members

    def paths(self) -> list[str]:
        """The members in the order of the container."""
        return list(self._members)

    def read(self, path: str) -> bytes:
        """The bytes of a member."""
        if path not in self._members:
            raise LoadError(
                f"{self.name} is damaged: its part {one_line(path)} is missing. Save the document again."
            )
        if self._members[path].flag_bits & 1:
            raise LoadError(f"{self.name} is protected by a password. Save a copy without it and index that.")
        try:
            return self._archive.read(self._members[path])
        except Exception as exc:  # zipfile and its decompressors raise nearly anything for damaged data
            raise LoadError(
                f"{self.name} is damaged: its part {one_line(path)} cannot be unpacked. Save it again."
            ) from exc

    def xml(self, path: str) -> ElementTree.Element:
        """The root of an XML member. Entity declarations, which such files never need, are refused."""
        data = self.read(path)
        try:
            if b"<!ENTITY" in data:
                raise ElementTree.ParseError("entity declarations")
            return ElementTree.fromstring(_STRICT.sub(rb"http://schemas.openxmlformats.org/\1/2006/", data))
        except (ElementTree.ParseError, ValueError, LookupError) as exc:
            raise LoadError(
                f"{self.name} is damaged: its part {one_line(path)} is no valid XML. Save the document again."
            ) from exc

    def targets(self, path: str) -> dict[str, tuple[str, str]]:
        """The relationships of an Office part: id to (last word of the type, path of the target)."""
        folder, file = posixpath.split(path)
        relationships = f"{folder}/_rels/{file}.rels" if folder else f"_rels/{file}.rels"
        if relationships not in self._members:
            return {}
        return {
            item.get("Id", ""): (
                item.get("Type", "").rsplit("/", 1)[-1],
                self.resolve(path, item.get("Target", "")),
            )
            for item in self.xml(relationships).iter(_RELATIONSHIP)
            if item.get("TargetMode") != "External"
        }

    def resolve(self, path: str, target: str) -> str:
        """The path of a member that another member refers to."""
        target = unquote(target.split("#")[0])
        if target.startswith("/"):
            return target.lstrip("/")
        return posixpath.normpath(posixpath.join(posixpath.dirname(path), target))

    def title(self, path: str) -> str:
        """The title in a file of metadata; "" where there is none."""
        if path not in self._members:
            return ""
        return one_line(self.xml(path).findtext(f".//{_DC_TITLE}") or "")


@contextmanager
def opened(data: bytes, name: str) -> Iterator[Archive]:
    """The open container, after a look at what it would unpack to."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except Exception as exc:  # see Archive.read
        raise LoadError(
            f"{name} is damaged or incomplete: it cannot be unpacked. Fetch or save it again."
        ) from exc
    with archive:
        size = sum(info.file_size for info in archive.infolist() if info.filename.lower().endswith(_MARKUP))
        if size > MAX_UNPACKED_BYTES or (size > _HARMLESS_BYTES and size > MAX_RATIO * len(data)):
            raise LoadError(
                f"{name} would unpack from {len(data) / 1e6:.1f} MB to {size / 1e6:.0f} MB of text, "
                "as a ZIP bomb does: it is left out. Save the document again in parts if it is genuine."
            )
        yield Archive(archive, name)


def recognise(data: bytes, name: str) -> str:
    """The format of a ZIP container, by what is in it. Raises ``LoadError`` for one that is no document."""
    with opened(data, name) as archive:
        kind = archive.read("mimetype").strip() if "mimetype" in archive else b""
        if kind in _MIME_TYPES:
            return _MIME_TYPES[kind]
        if "META-INF/container.xml" in archive:
            return "epub"
        for folder, format in _FORMATS.items():
            if "[Content_Types].xml" in archive and any(path.startswith(folder) for path in archive.paths()):
                return format
    if kind.startswith(b"application/vnd.oasis."):
        raise LoadError(
            f"{name} is an OpenDocument file other than text. Save it as .xlsx, .pptx or .pdf first."
        )
    raise LoadError(f"{name} is a ZIP archive. Unpack it and index the folder.")


def about_ole(data: bytes, name: str) -> str:
    """The sentence for a file in the container format of Office before 2007."""
    if _OLE_PASSWORD in data:
        return f"{name} is protected by a password. Save a copy without it and index that."
    return f"{name} is in the format of Office before 2007. Save it as .docx, .xlsx or .pptx and index that."
