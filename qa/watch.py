"""Keeping an index in line with folders while people work in them."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Event
from time import strftime
from typing import TYPE_CHECKING

from index.errors import IndexBusy
from index.files import real_path
from index.types import Failure
from qa.terminal import DIM, paint, say, show, show_json, visible_line

if TYPE_CHECKING:
    from watchfiles import Change

    from index.index import Index

_STEP_MS = 300  # without a further change, until a burst of changes is over
_BURST_MS = 5000  # a burst that goes on longer is taken up in parts
_LOOK_MS = 1000  # how often a folder is looked for that is not there, or no longer the one that is watched


@dataclass(frozen=True, slots=True)
class Update:
    """What changed in the index at a time, by source; ``failed`` names only what was not said before."""

    added: tuple[str, ...]
    updated: tuple[str, ...]
    moved: tuple[tuple[str, str], ...]  # old name, new name
    removed: tuple[str, ...]
    failed: tuple[Failure, ...]
    documents: int  # in the index now
    passages: int
    seconds: float

    def __bool__(self) -> bool:
        """Whether there is anything to say."""
        return bool(self.added or self.updated or self.moved or self.removed or self.failed)


def watch(index: Index, folders: Sequence[Path], *, stop: Event | None = None) -> Iterator[Update]:
    """Yield what bringing the index up to date has changed: once at the start, then after each burst of
    changes in the folders that changes the index.

    A folder that vanishes keeps its documents until it is back. What another program writes to the index is
    waited for. Ends when ``stop`` is set, at Ctrl-C with KeyboardInterrupt; raises as ``Index.add`` does.
    """
    from watchfiles import watch as changes

    stop = stop or Event()
    folders = [real_path(folder) for folder in folders]
    said: frozenset[Failure] = frozenset()
    first = True
    while not stop.is_set():
        there = _inodes(folders)
        stale = True  # whatever happened before the folders were watched
        update, said = _bring_up(index, folders, said)
        if first or update:
            yield update
        first = False
        if not there:
            stop.wait(_LOOK_MS / 1000)
            continue
        for batch in changes(
            *there,
            watch_filter=_Seen(index.path, folders),
            debounce=_BURST_MS,
            step=_STEP_MS,
            rust_timeout=_LOOK_MS,
            yield_on_timeout=True,
            stop_event=stop,
            ignore_permission_denied=True,
        ):
            if batch or stale:
                try:
                    update, said = _bring_up(index, folders, said)
                    stale = False
                except IndexBusy:  # another indexer is at work for long: its turn is over some time
                    stale = True
                    continue
                if update:
                    yield update
            if _inodes(folders) != there:
                break


def _inodes(folders: Sequence[Path]) -> dict[Path, tuple[int, int]]:
    """The folders that are there, each with what tells it from another one of its name."""
    found = {}
    for folder in folders:
        try:
            status = folder.stat()
        except OSError:
            continue
        found[folder] = (status.st_dev, status.st_ino)
    return found


class _Seen:
    """Tells changes of files that may be indexed from those of the index itself and of hidden files."""

    def __init__(self, index: Path, folders: Sequence[Path]) -> None:
        self._index = index
        self._folders = folders

    def __call__(self, change: Change, path: str) -> bool:
        changed = Path(path)
        if changed == self._index or self._index in changed.parents:
            return False
        for folder in self._folders:
            if changed == folder:
                return True
            if folder in changed.parents:
                return not any(part.startswith(".") for part in changed.relative_to(folder).parts)
        return False


def _bring_up(
    index: Index, folders: Sequence[Path], said: frozenset[Failure]
) -> tuple[Update, frozenset[Failure]]:
    """What indexing the folders has changed, and all that fails now."""
    before = {info.source: info.sha256 for info in index.documents()}
    report = index.add(folders)
    after = {info.source: info.sha256 for info in index.documents()}
    gone = {before[source]: source for source in sorted(before.keys() - after.keys())}
    moved = []
    added = []
    for source in sorted(after.keys() - before.keys()):
        if after[source] in gone:
            moved.append((gone.pop(after[source]), source))
        else:
            added.append(source)
    old = {name for name, _ in moved}
    failed = frozenset(report.failed)
    return Update(
        added=tuple(added),
        updated=tuple(sorted(s for s in before.keys() & after.keys() if before[s] != after[s])),
        moved=tuple(moved),
        removed=tuple(sorted(before.keys() - after.keys() - old)),
        failed=tuple(sorted(failed - said, key=lambda failure: failure.source)),
        documents=report.documents,
        passages=report.passages,
        seconds=report.seconds,
    ), failed


def run_watch(arguments: Namespace) -> int:
    """`qa watch FOLDER…`: a line for each change, until Ctrl-C, which is how it is meant to end."""
    from index.index import Index
    from qa.settings import change, read_settings

    folder = change(read_settings(), {"index": arguments.index}).index
    try:
        with Index.open(folder, create=True) as index:
            for number, update in enumerate(watch(index, arguments.folders)):
                if arguments.json:
                    show_json(asdict(update))
                else:
                    _show_update(update)
                sys.stdout.flush()
                if number == 0 and not arguments.quiet:
                    names = ", ".join(str(folder) for folder in arguments.folders)
                    say(
                        f"Watching {visible_line(names)}: {update.documents} documents, {update.passages} "
                        f"passages. Ctrl-C ends it."
                    )
    except KeyboardInterrupt:
        if not arguments.quiet:
            say("No longer watching. What was indexed is kept.")
    return 0


def _show_update(update: Update) -> None:
    """A line for each document: when, what became of it, its name."""
    lines = [("added", source) for source in update.added]
    lines += [("updated", source) for source in update.updated]
    lines += [("moved", f"{before} -> {source}") for before, source in update.moved]
    lines += [("removed", source) for source in update.removed]
    lines += [("failed", failure.error) for failure in update.failed]
    for what, words in lines:
        show(f"{paint(strftime('%H:%M:%S'), DIM)}  {what:<8} {visible_line(words)}")
