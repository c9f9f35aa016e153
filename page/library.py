"""The documents behind the page: the index, opened when it is there, and the files uploaded into it."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from index.errors import DocumentMissing, IndexMissing, QAError
from index.index import UPLOADS, Index
from index.types import DocumentInfo, Failure, Progress, Report
from qa.conversations import ConversationStore
from qa.corrections import TESTSET
from qa.forget import forget


class Library:
    """One index folder, which need not exist before the first upload; any number of threads may use it."""

    def __init__(self, path: Path, testset: Path | None = None) -> None:
        """Open the index in ``path`` if there is one; raises as ``Index.open`` does, but not IndexMissing.

        Corrections of wrong answers go to ``testset``; None: into the folder of the index.
        """
        self.path = path.expanduser()
        self.testset = testset or self.path / TESTSET
        self._lock = threading.Lock()  # over opening and creating the index
        self._uploading = threading.Lock()  # one upload at a time moves files
        self._index: Index | None = None
        self._workers = ThreadPoolExecutor(max_workers=1, thread_name_prefix="upload")
        self.unkept = ""  # why conversations are not kept, as a sentence; "" where they are
        try:
            self.conversations = ConversationStore(self.path)
        except QAError as exc:
            self.conversations, self.unkept = ConversationStore(None), str(exc)
        self.index()

    def index(self) -> Index | None:
        """The open index, or None as long as nothing has been indexed."""
        with self._lock:
            if self._index is None:
                try:
                    self._index = Index.open(self.path, create=False)
                except IndexMissing:
                    return None
            return self._index

    def require(self) -> Index:
        """The open index; raises IndexMissing where there is none."""
        index = self.index()
        if index is None:
            raise IndexMissing("There are no documents yet. Add some and ask again.")
        return index

    def documents(self) -> tuple[DocumentInfo, ...]:
        """All documents, in the order of their sources."""
        index = self.index()
        return () if index is None else index.documents()

    def add(self, files: Sequence[Path]) -> Iterator[Progress | Report]:
        """Yield the steps of indexing the uploaded files, and at last the report.

        The files are moved into the index folder. It goes on to the end when the caller stops listening. A
        file that cannot be read is in the report and is not kept; the one of its name that it was to replace
        stays.
        """
        steps: SimpleQueue[Progress | None] = SimpleQueue()
        work = self._workers.submit(self._add, files, steps.put)
        work.add_done_callback(lambda _: steps.put(None))
        yield from iter(steps.get, None)
        yield work.result()

    def _add(self, files: Sequence[Path], on_progress: Callable[[Progress], None]) -> Report:
        index = self._created()
        folder = self.path / UPLOADS
        folder.mkdir(exist_ok=True)
        with self._uploading, tempfile.TemporaryDirectory(dir=self.path, prefix=".replaced-") as kept:
            incoming = {folder / file.name: file for file in files}
            for target, file in incoming.items():
                if target.exists():
                    target.replace(Path(kept) / target.name)
                shutil.move(file, target)
            report = index.add(list(incoming), on_progress=on_progress)
            lost = [failure for failure in report.failed if not _is_read(index, failure.source)]
            for target in incoming:
                if failed(lost, target.name):
                    target.unlink(missing_ok=True)
                    previous = Path(kept) / target.name
                    if previous.exists():
                        previous.replace(target)
        return report

    def _created(self) -> Index:
        with self._lock:
            if self._index is None:
                self._index = Index.open(self.path, create=True)
            return self._index

    def remove(self, source: str) -> None:
        """Forget a document, its file where it was uploaded, and its words in all conversations.

        Raises DocumentMissing, IndexBusy.
        """
        forget(source, self.require(), self.conversations)

    def close(self) -> None:
        """Finish the upload that is under way and close the index."""
        self._workers.shutdown(wait=True, cancel_futures=True)
        self.conversations.close()
        with self._lock:
            if self._index is not None:
                self._index.close()
                self._index = None


def _is_read(index: Index, source: str) -> bool:
    """Whether the index holds the file as it is now, though a part of it could not be read."""
    try:
        return index.original(source) is not None
    except DocumentMissing:
        return False


def failed(failures: Sequence[Failure], name: str) -> bool:
    """Whether a file of this name is among the failures, whatever folder its source names."""
    return any(failure.source.rsplit("/", 1)[-1] == name for failure in failures)
