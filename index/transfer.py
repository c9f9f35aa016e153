"""An index as one file: to move it, to keep a copy of it.

The file is a zip archive of JSON and of the files that the index keeps (uploads): nothing in it is executed,
and nothing in it is a path that anything is written to. Every member is covered by a sha256 that the manifest
names. Reading it goes through the same checks as reading a document: what comes out obeys the invariant or is
refused. Both ways one document is in memory at a time.

    manifest.json       format, version, encoder, facts, counts, and the sha256 of each other member
    documents.jsonl     a line for each document: its text, spans and vectors of its passages …
    files/0, files/1 …  the bytes of uploaded files, by the number of the document's line
"""

from __future__ import annotations

import base64
import errno
import hashlib
import json
import os
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import IO, Any
from urllib.parse import quote, unquote_to_bytes

import numpy as np

from index.checks import is_unit, passages_problem
from index.chunk import Chunk
from index.database import open_database
from index.errors import IndexMissing, IndexNotWritable, TransferError
from index.files import Original
from index.index import DATABASE, UPLOADS, WORDS
from index.lock import write_lock
from index.store import Store
from index.terms import Terms
from index.types import Document, Heading, Progress, Span

FORMAT = "citespan index"
VERSION = 1
_MANIFEST, _DOCUMENTS, _FILES = "manifest.json", "documents.jsonl", "files/"
_MAX_LINE_BYTES = 1 << 30  # one document with its vectors: 200 MB of text makes about half of that
_MAX_MANIFEST_BYTES = 1 << 28
_NOTE = "note:"  # what programs keep with an index; its other facts are its own business
_DAMAGES = (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, UnicodeError, zlib.error)
OnProgress = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class Transferred:
    """What went into a file or came out of it."""

    documents: int
    passages: int
    bytes: int  # of the file


def export_index(path: Path, target: Path, *, on_progress: OnProgress = lambda _: None) -> Transferred:
    """Write the index in ``path`` to the file ``target``, as it is at one moment, and say what went in.

    The file appears under its name when it is whole; one that is there is replaced. Raises IndexMissing,
    IndexBusy, IndexDamaged, and OSError where the file cannot be written.
    """
    if not (path / DATABASE).is_file():
        raise IndexMissing(f"There is no index in {path}. Make one with: qa index FOLDER --index {path}")
    target = target.absolute()
    draft_file, draft_name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}-")
    draft = Path(draft_name)
    try:
        with os.fdopen(draft_file, "wb") as file:
            with write_lock(path), zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
                documents, passages = _write(archive, path, on_progress)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
    return Transferred(documents, passages, target.stat().st_size)


def _write(archive: zipfile.ZipFile, path: Path, on_progress: OnProgress) -> tuple[int, int]:
    checksums: dict[str, str] = {}
    kept: dict[str, Path] = {}
    passages = 0
    with closing(Store(path / DATABASE)) as store, closing(open_database(path / DATABASE)) as db:
        total, _ = store.counts()
        digest = hashlib.sha256()
        with archive.open(_DOCUMENTS, "w", force_zip64=True) as lines:
            for number, (source, (_, original)) in enumerate(sorted(store.originals().items())):
                on_progress(Progress(source, "export", number, total))
                content = _content(store, db, source, original)
                if path / UPLOADS == original.path.parent and original.path.is_file():
                    content["kept"] = original.path.name
                    kept[f"{_FILES}{number}"] = original.path
                passages += len(content["passages"])
                line = json.dumps(content, ensure_ascii=False).encode() + b"\n"
                digest.update(line)
                lines.write(line)
        checksums[_DOCUMENTS] = digest.hexdigest()
        for member, file in kept.items():
            with file.open("rb") as source_file, archive.open(member, "w", force_zip64=True) as out:
                checksums[member] = _copy(source_file, out)
        dim = db.execute("SELECT length(vector) FROM passages WHERE vector IS NOT NULL").fetchone()
        facts = dict(db.execute("SELECT key, value FROM meta WHERE key LIKE 'note:%'").fetchall())
        manifest = {
            "format": FORMAT,
            "version": VERSION,
            "encoder": store.get_meta("encoder"),
            "dimensions": dim[0] // 2 if dim else 0,
            "facts": facts,
            "documents": total,
            "passages": passages,
            "sha256": checksums,
        }
    archive.writestr(_MANIFEST, json.dumps(manifest, indent=1))
    on_progress(Progress("", "export", total, total))
    return total, passages


def _content(store: Store, db: Any, source: str, original: Original) -> dict[str, Any]:
    """One line of the file: a document with its passages."""
    document = store.document(source)
    rows = db.execute(
        "SELECT start, end, page, heading, vector FROM passages WHERE document_id ="
        " (SELECT id FROM documents WHERE source = ?) ORDER BY start",
        (source,),
    ).fetchall()
    return {
        "source": source,
        "sha256": document.sha256,
        "format": document.format,
        "title": document.title,
        "text": document.text,
        "pages": [[page.start, page.end] for page in document.pages],
        "headings": [[h.span.start, h.span.end, h.level, h.title] for h in document.headings],
        "rows": document.rows,
        "unread": document.unread,
        "path": quote(os.fsencode(original.path)),
        "stamps": [original.size, original.mtime_ns, original.ctime_ns],
        "kept": "",
        "passages": [list(row[:4]) for row in rows],
        "vectors": [base64.b64encode(row[4]).decode() if row[4] else "" for row in rows],
    }


def _copy(source: IO[bytes], target: IO[bytes]) -> str:
    """Copy all bytes and return their sha256."""
    digest = hashlib.sha256()
    while block := source.read(1 << 20):
        digest.update(block)
        target.write(block)
    return digest.hexdigest()


def import_index(source: Path, path: Path, *, on_progress: OnProgress = lambda _: None) -> Transferred:
    """Make the index that the file ``source`` holds in the folder ``path``, where there must be none.

    The folder appears when all is in it and every checksum holds; before that, nothing does. Raises
    TransferError where the file is no exported index, is damaged, of a newer version, or does not keep the
    invariant; IndexNotWritable.
    """
    path = path.absolute()
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise TransferError(f"There is something in {path} already. Import into another folder with --index.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}-"))
    except OSError as exc:
        raise IndexNotWritable(f"The folder {path} cannot be made: {exc.strerror}.") from exc
    try:
        with zipfile.ZipFile(source) as archive:
            passages = _read(archive, source, draft, path, on_progress)
        draft.chmod(0o777 & ~_umask())
        draft.replace(path)
    except _DAMAGES as exc:
        raise TransferError(f"{source} is damaged or no exported index ({exc}). Export it again.") from exc
    except OSError as exc:
        if exc.errno != errno.EINVAL:  # an offset before the beginning of the file
            raise
        raise TransferError(f"{source} is damaged: it names places outside itself. Export it again.") from exc
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    with closing(Store(path / DATABASE)) as store:
        return Transferred(store.counts()[0], passages, source.stat().st_size)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _read(archive: zipfile.ZipFile, source: Path, draft: Path, path: Path, on_progress: OnProgress) -> int:
    """Fill ``draft``, which will become ``path``; the number of passages."""
    manifest = _manifest(archive, source, draft)
    checksums = manifest["sha256"]
    digest = hashlib.sha256()
    documents = passages = 0
    with closing(Store(draft / DATABASE)) as store, closing(open_database(draft / DATABASE)) as db:
        store.set_meta("encoder", manifest["encoder"])
        for key, value in manifest["facts"].items():
            if key.startswith(_NOTE) and isinstance(value, str):
                store.set_meta(key, value)
        with archive.open(_DOCUMENTS) as lines:
            while line := lines.readline(_MAX_LINE_BYTES):
                digest.update(line)
                try:
                    content = json.loads(line)
                    if content["kept"]:
                        _unpack(archive, f"{_FILES}{documents}", draft / UPLOADS, content["kept"], checksums)
                    passages += _store(store, db, content, path, manifest["dimensions"])
                except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as exc:
                    raise TransferError(
                        f"{source} is not as `qa export` writes it: in document {documents}, {exc}."
                    ) from exc
                documents += 1
                on_progress(Progress(content["source"], "import", documents, manifest["documents"]))
        if digest.hexdigest() != checksums.get(_DOCUMENTS) or documents != manifest["documents"]:
            raise TransferError(f"{source} is damaged: its documents do not have their checksum.")
        Terms.create(draft / WORDS).rewrite(store)
    return passages


def _manifest(archive: zipfile.ZipFile, source: Path, draft: Path) -> dict[str, Any]:
    """The manifest, once the archive was found to hold what it should and to fit on the disk."""
    members = {info.filename: info.file_size for info in archive.infolist()}
    foreign = [
        name for name in members if name not in (_MANIFEST, _DOCUMENTS) and not name.startswith(_FILES)
    ]
    if foreign or len(members) != len(archive.infolist()) or not {_MANIFEST, _DOCUMENTS} <= members.keys():
        raise TransferError(f"{source} is no exported index: it does not hold what `qa export` writes.")
    free = shutil.disk_usage(draft).free
    needed = 2 * sum(members.values())
    if needed > free:
        raise TransferError(
            f"{source} needs about {needed / 1e6:.0f} MB, and {free / 1e6:.0f} MB are free. Make room for it."
        )
    with archive.open(_MANIFEST) as file:
        content = file.read(_MAX_MANIFEST_BYTES)
    try:
        manifest = json.loads(content)
        if manifest["format"] != FORMAT:
            raise ValueError("another format")
        version = int(manifest["version"])
        numbers = all(isinstance(manifest[name], int) for name in ("documents", "dimensions"))
        if not numbers or not isinstance(manifest["encoder"], str):
            raise ValueError("a fact of the wrong kind")
        if not isinstance(manifest["facts"], dict) or not isinstance(manifest["sha256"], dict):
            raise ValueError("a fact of the wrong kind")
    except (KeyError, TypeError, ValueError, RecursionError) as exc:
        raise TransferError(f"{source} is no exported index: its manifest cannot be used ({exc}).") from exc
    if version > VERSION:
        raise TransferError(
            f"A newer Citespan wrote {source} (format {version}; this one reads up to {VERSION}). Update "
            f"Citespan, or export it with the older one."
        )
    return dict(manifest)


def _unpack(
    archive: zipfile.ZipFile, member: str, folder: Path, name: str, checksums: dict[str, str]
) -> None:
    """Write a kept file; its name must be that of a file in the folder itself, and nothing else."""
    if PurePath(name).name != name or name in (".", ".."):
        raise ValueError(f"{name!r} is no name of a file")
    folder.mkdir(exist_ok=True)
    with archive.open(member) as source, (folder / name).open("xb") as target:
        if _copy(source, target) != checksums.get(member):
            raise ValueError(f"{name} does not have its checksum")


def _store(store: Store, db: Any, content: dict[str, Any], path: Path, dim: int) -> int:
    """Store one document with its passages; ValueError where they do not fit together."""
    document = Document(
        source=content["source"],
        sha256=content["sha256"],
        text=content["text"],
        format=content["format"],
        title=content["title"],
        pages=tuple(Span(start, end) for start, end in content["pages"]),
        headings=tuple(Heading(Span(s, e), level, name) for s, e, level, name in content["headings"]),
        rows=tuple((int(offset), int(number)) for offset, number in content["rows"]),
        unread=content["unread"],
    )
    chunks = [Chunk(Span(start, end), heading, page) for start, end, page, heading in content["passages"]]
    place = Path(os.fsdecode(unquote_to_bytes(content["path"])))
    if content["kept"]:
        place = path / UPLOADS / content["kept"]
    elif not place.is_absolute() or ".." in place.parts or path in place.parents:
        raise ValueError(f"{place} is no place of an original")  # removing it must never reach into the index
    store.put(document, chunks, Original(place, *map(int, content["stamps"])))
    row = db.execute("SELECT id FROM documents WHERE source = ?", (document.source,)).fetchone()[0]
    if problem := passages_problem(db, row, document):
        raise ValueError(problem)
    ids = store.ids_of([document.source]).tolist()
    blobs = [base64.b64decode(vector, validate=True) for vector in content["vectors"]]
    made = {i: blob for i, blob in zip(ids, blobs, strict=True) if blob}  # others the next `qa index` makes
    if not all(len(blob) == 2 * dim and is_unit(blob) for blob in made.values()):
        raise ValueError(f"a vector is not of unit length in {dim} dimensions")
    if made:
        vectors = np.frombuffer(b"".join(made.values()), dtype=np.float16).reshape(-1, dim)
        store.set_vectors(list(made), vectors.astype(np.float32))
    return len(chunks)
