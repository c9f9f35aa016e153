"""E-books (EPUB): the chapters in the order of the spine, one page each, read as HTML."""

from __future__ import annotations

from dataclasses import replace

from index.errors import LoadError
from index.formats import html
from index.formats.archive import Archive, opened
from index.formats.encoding import decode
from index.formats.parsed import Parsed, Writer

_CONTAINER = "{urn:oasis:names:tc:opendocument:xmlns:container}"
_OPF = "{http://www.idpf.org/2007/opf}"
_PAGES = ("application/xhtml+xml", "text/html", "application/x-dtbook+xml")


def read(data: bytes, name: str) -> Parsed:
    """All chapters. ``pages`` are the files of the spine, since an e-book has no others.

    A part that cannot be read is left out and named in ``unread``, unless it is the only one.
    """
    with opened(data, name) as archive:
        package = _package(archive)
        root = archive.xml(package)
        manifest = {
            item.get("id", ""): (archive.resolve(package, item.get("href", "")), item.get("media-type", ""))
            for item in root.iter(_OPF + "item")
        }
        chapters = [manifest.get(item.get("idref", ""), ("", "")) for item in root.iter(_OPF + "itemref")]
        paths = [path for path, kind in chapters if kind in _PAGES]
        _refuse_locked(archive, paths)
        writer = Writer()
        broken: list[str] = []
        for number, path in enumerate(paths, 1):
            writer.page()
            try:
                html.write(decode(archive.read(path), name), name, writer)
            except LoadError:
                if len(paths) == 1:
                    raise
                broken.append(str(number))
        parsed = writer.finish(archive.title(package))
        if not broken or not parsed.text:
            return parsed
        unread = (
            f"{name} is indexed without part {', '.join(broken[:20])} of {len(paths)}, which cannot be read. "
            f"Fetch the book again if you need all of it."
        )
        return replace(parsed, unread=unread)


def _package(archive: Archive) -> str:
    """The path of the file that lists the parts of the book."""
    for root in archive.xml("META-INF/container.xml").iter(_CONTAINER + "rootfile"):
        if root.get("full-path", "") in archive:
            return root.get("full-path", "")
    raise LoadError(f"{archive.name} is damaged: it does not list its chapters. Fetch the book again.")


def _refuse_locked(archive: Archive, paths: list[str]) -> None:
    """Raise where chapters are encrypted; fonts often are, which is no matter."""
    if "META-INF/encryption.xml" not in archive:
        return
    locked = {
        archive.resolve("", element.get("URI", ""))
        for element in archive.xml("META-INF/encryption.xml").iter()
        if element.tag.endswith("CipherReference")
    }
    if locked & set(paths):
        raise LoadError(f"{archive.name} is locked by copy protection (DRM). Index a copy without it.")
