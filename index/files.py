"""Which files are meant by a path, what the index calls them, and whether they have changed."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from index.errors import LoadError
from index.load import is_supported


@dataclass(frozen=True, slots=True)
class File:
    """A file to index: where it is, and the folder that was given (or the file's own folder)."""

    path: Path
    root: Path

    @property
    def relative(self) -> str:
        """The path from the root, "/" separated; bytes that are no UTF-8 are spelled out."""
        name = self.path.relative_to(self.root).as_posix()
        return os.fsencode(name).decode("utf-8", "backslashreplace")


@dataclass(frozen=True, slots=True)
class Original:
    """The file behind a document, as it was when it was read; the same stamps mean the same bytes."""

    path: Path
    size: int
    mtime_ns: int
    ctime_ns: int  # the kernel sets it on every write, so that a forged mtime does not hide a change

    @classmethod
    def of(cls, path: Path) -> Original:
        """The file's present state. Raises OSError."""
        stat = os.stat(path)
        return cls(path, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)


def hash_file(path: Path) -> str:
    """Sha256 of the bytes of a file, hexadecimal. Raises OSError."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def find_files(path: Path, *, skip: Path) -> Iterator[File]:
    """The files to index at ``path``: itself, or all supported ones below a folder in the order of their
    names.

    Hidden files and folders are passed over, links to folders are not followed (so no loop is). Raises
    LoadError where there is nothing at ``path``.
    """
    path = Path(os.path.abspath(path))
    try:
        mode = path.stat().st_mode
    except OSError as exc:
        raise LoadError(
            f"{path} cannot be read: {exc.strerror or exc}. Check the spelling and the permissions."
        ) from exc
    if not stat.S_ISDIR(mode):
        yield File(path, path.parent)
        return
    for folder, folders, names in os.walk(path):
        folders[:] = sorted(
            name for name in folders if not name.startswith(".") and Path(folder, name) != skip
        )
        for name in sorted(names):
            file = Path(folder, name)
            if not name.startswith(".") and is_supported(file) and file.is_file():
                yield File(file, path)


def vanished(
    known: dict[str, tuple[str, Original]], found: dict[Path, File], folders: Iterable[Path]
) -> list[str]:
    """Sources of documents whose file was below one of ``folders`` and is certainly there no more.

    A file that is only unreadable, or on a disk that is not mounted, is kept: its folder must still be there.
    """
    roots = [Path(os.path.abspath(folder)) for folder in folders]
    gone = []
    for source, (_, original) in known.items():
        path = original.path
        if path in found or not any(root in path.parents for root in roots):
            continue
        try:
            path.lstat()
        except (FileNotFoundError, NotADirectoryError):
            gone.append(source)
        except OSError:
            continue
    return gone


def name_sources(files: Iterable[File], taken: dict[str, Path]) -> dict[str, File]:
    """A source for each file: its path from its root, with the root's name in front where that is another
    file's.

    A file that the index knows keeps its source, whichever root it is reached by. ``taken`` maps the known
    sources to their files.
    """
    source_of = {path: source for source, path in taken.items()}
    used = set(taken)
    named: dict[str, File] = {}
    for file in files:
        source = source_of.get(file.path)
        if source is None:
            source = file.relative
            front = file.root
            while source in used and front.name:
                source = f"{front.name}/{source}"
                front = front.parent
        used.add(source)
        named[source] = file
    return named
