"""Which files are meant by a path, what the index calls them, and whether they have changed."""

from __future__ import annotations

import glob
import hashlib
import os
import stat
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from index.types import Failure


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
        return cls(path, stat.st_size, _stamp(stat.st_mtime_ns), _stamp(stat.st_ctime_ns))


def _stamp(ns: int) -> int:
    """The time as 64 bits hold it: files can claim to be of the year 2400."""
    return max(-(1 << 63), min(ns, (1 << 63) - 1))


def hash_file(path: Path) -> str:
    """Sha256 of the bytes of a file, hexadecimal. Raises OSError."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Found:
    """The files at a path that was given, and what is there but cannot be read."""

    files: tuple[File, ...]
    failed: tuple[Failure, ...]


def real_path(path: str | Path) -> Path:
    """The absolute path without links: a folder has one name, whichever way leads there.

    A link to a file keeps the name under which it was given.
    """
    absolute = Path(os.path.abspath(os.path.expanduser(path)))
    whole = absolute if absolute.is_dir() else absolute.parent
    return Path(os.path.realpath(whole), *absolute.relative_to(whole).parts)


def find_files(path: Path, *, skip: Collection[Path]) -> Found:
    """The file at ``path``, or all supported ones below a folder in the order of their names.

    Hidden files and folders and those in ``skip`` are passed over, links to folders are not followed (so no
    loop is). Nothing at ``path``, folders without permission, links that lead nowhere and devices fail.
    """
    from index.load import is_supported  # the parsers of all formats: who only asks needs none

    path = real_path(path)
    try:
        mode = path.stat().st_mode
    except OSError as exc:
        reason = f"{path} cannot be read: {exc.strerror or exc}. Check the spelling and the permissions."
        return Found((), (Failure(str(path), reason),))
    if stat.S_ISREG(mode):
        return Found((File(path, path.parent),), ())
    if not stat.S_ISDIR(mode):
        return Found((), (Failure(str(path), f"{path} is no file: a device, pipe or socket."),))
    files: list[File] = []
    failed: list[Failure] = []

    def report(error: OSError) -> None:
        name = File(Path(error.filename), path).relative
        failed.append(
            Failure(name, f"{name} cannot be opened: {error.strerror}. Its files were left as they are.")
        )

    for folder, folders, names in os.walk(path, onerror=report):
        folders[:] = sorted(
            name for name in folders if not name.startswith(".") and Path(folder, name) not in skip
        )
        for name in sorted(names):
            file = File(Path(folder, name), path)
            if name.startswith(".") or not is_supported(file.path):
                continue
            if file.path.is_file():
                files.append(file)
            else:
                failed.append(
                    Failure(
                        file.relative, f"{file.relative} is no file: a device, or a link that leads nowhere."
                    )
                )
    return Found(tuple(files), tuple(failed))


def is_gone(path: Path) -> bool:
    """Whether there is certainly no file at ``path`` any more.

    One that is only unreadable counts as there, and so does what lies within a file, as the paragraphs of a
    SQuAD file do.
    """
    try:
        return not stat.S_ISREG(path.stat().st_mode)
    except FileNotFoundError:
        return True
    except OSError:
        return False


def vanished(known: Mapping[str, Path], found: Collection[Path], folders: Iterable[Path]) -> list[str]:
    """Sources, of those ``known`` with their files, whose file was below one of ``folders`` and is gone."""
    roots = {real_path(folder) for folder in folders}
    return [
        source
        for source, path in known.items()
        if path not in found and not roots.isdisjoint(path.parents) and is_gone(path)
    ]


def moves(
    files: Mapping[Path, File], known: Mapping[str, Path], same: Callable[[str, Path], bool]
) -> dict[str, Path]:
    """The new places of files whose folder was renamed, by source.

    A file has moved here if the source that it would have belongs to a file that is gone, and ``same`` says
    that it holds what that one held; one that cannot be read has not.
    """

    def is_same(file: File) -> bool:
        try:
            return same(file.relative, file.path)
        except OSError:
            return False

    places = set(known.values())
    return {
        file.relative: path
        for path, file in files.items()
        if path not in places and file.relative in known and is_gone(known[file.relative]) and is_same(file)
    }


def name_sources(files: Iterable[File], taken: Mapping[str, Path]) -> dict[str, File]:
    """A source for each file: its path from its root, with the root's name in front where that is another
    file's.

    A file that the index knows keeps its source, whichever root it is reached by. ``taken`` maps the known
    sources to their files.
    """
    source_of = {path: source for source, path in taken.items()}
    used = set(taken)
    named: dict[str, File] = {}
    for file in files:
        source = source_of.get(file.path) or free_name(file.relative, file.root, used)
        used.add(source)
        named[source] = file
    return named


def free_name(source: str, root: Path, used: Collection[str]) -> str:
    """The source, with as many names of the root and its parents in front as make it new."""
    while source in used and root.name:
        source = f"{root.name}/{source}"
        root = root.parent
    return source


def forget_copies(path: Path, folder: Path) -> None:
    """Delete the file at ``path``, in ``folder``, and what an upload that was killed left of it."""
    path.unlink(missing_ok=True)
    for left in folder.glob(f".*/{glob.escape(path.name)}"):
        left.unlink(missing_ok=True)
