"""How an upload goes, file by file: waiting, read, indexed, done, or not added and why."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from index.types import DocumentInfo, Progress, Report
from page.markup import escape, name, sheet
from page.words import Words


class Stage(Enum):
    """How far a file has come; the values are keys of the catalogue."""

    WAITING = "waiting"
    READING = "reading"
    INDEXING = "indexing"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Upload:
    """One uploaded file. From INDEXING on it can be asked; ``error`` is set when the stage is FAILED."""

    name: str
    stage: Stage = Stage.WAITING
    share: float = 0.0  # 0..1, of the passages that have their vector; while it is INDEXING
    error: str = ""


def advance(uploads: Sequence[Upload], step: Progress | Report) -> tuple[Upload, ...]:
    """The uploads after a step of indexing them."""
    if isinstance(step, Report):
        failed = {base(failure.source): failure.error for failure in step.failed}
        return tuple(_ended(upload, failed) for upload in uploads)
    if step.stage == "encode":
        share = step.done / max(1, step.total)
        return tuple(
            replace(upload, share=share) if upload.stage is Stage.INDEXING else upload for upload in uploads
        )
    now = base(step.source)
    moved = []
    for upload in uploads:
        if upload.name == now:
            upload = replace(upload, stage=Stage.READING)
        elif upload.stage is Stage.READING:
            upload = replace(upload, stage=Stage.INDEXING)
        moved.append(upload)
    return tuple(moved)


def _ended(upload: Upload, failed: Mapping[str, str]) -> Upload:
    if upload.name in failed:
        return replace(upload, stage=Stage.FAILED, error=failed[upload.name])
    return replace(upload, stage=Stage.DONE)


@dataclass(slots=True)
class Batch:
    """The files of one upload; the report is there when it has ended."""

    files: tuple[Upload, ...]
    report: Report | None = None

    def advance(self, step: Progress | Report) -> None:
        """Note a step of indexing them."""
        self.files = advance(self.files, step)
        if isinstance(step, Report):
            self.report = step


class Batches:
    """What each tab uploads: a batch that is added while another is under way is shown with it."""

    def __init__(self) -> None:
        """Nothing is uploaded yet."""
        self._by_tab: dict[str, list[Batch]] = {}
        self._lock = threading.Lock()

    def begin(self, tab: str, names: Sequence[str]) -> Batch:
        """A new batch of files of these names; what had ended before is shown no more, unless one runs."""
        with self._lock:
            batches = self._by_tab.setdefault(tab, [])
            if all(batch.report for batch in batches):
                batches.clear()
            batches.append(Batch(tuple(map(Upload, names))))
            return batches[-1]

    def html(self, tab: str, documents: Sequence[DocumentInfo], words: Words) -> str:
        """The list of all files of the tab; what came of them when all have ended."""
        with self._lock:
            batches = tuple(self._by_tab.get(tab, ()))
        files = [file for batch in batches for file in batch.files]
        reports = [batch.report for batch in batches if batch.report]
        return uploads_html(files, documents, words, reports if len(reports) == len(batches) else ())

    def drop(self, tab: str, batch: Batch | None = None) -> None:
        """Show a batch of the tab no more, or all of them."""
        with self._lock:
            batches = self._by_tab.pop(tab, [])
            if batch is not None and (rest := [other for other in batches if other is not batch]):
                self._by_tab[tab] = rest


def base(source: str) -> str:
    """The file name in a source."""
    return source.rsplit("/", 1)[-1]


def uploads_html(
    uploads: Sequence[Upload],
    documents: Sequence[DocumentInfo],
    words: Words,
    reports: Sequence[Report] = (),
) -> str:
    """The list of files with what is done about each; with ``reports``, when all has ended, also what came
    of it.

    Failures come first, where they are seen; a file that went well says how many pages it has.
    """
    held = {base(info.source): info for info in documents}
    order = sorted(uploads, key=lambda upload: upload.stage is not Stage.FAILED)
    rows = "".join(_row(upload, held.get(upload.name), words) for upload in order)
    title = words.html("upload.title")
    head = f'<p class="cs-upload-head" role="status">{_summary(reports, words)}</p>' if reports else ""
    close = (
        f'<button type="button" class="cs-dismiss" data-do="talk-dismiss" '
        f'aria-label="{words.html("upload.dismiss")}">×</button>'
        if reports
        else ""
    )
    return f'<div class="cs-upload">{head}{close}<ul aria-label="{title}">{rows}</ul></div>'


def _summary(reports: Sequence[Report], words: Words) -> str:
    counts = (
        (sum(report.added for report in reports), "upload.added"),
        (sum(report.updated for report in reports), "upload.updated"),
        (sum(report.unchanged for report in reports), "upload.unchanged"),
        (sum(len(report.failed) for report in reports), "upload.failed"),
    )
    return ", ".join(f"{words.number(count)} {words.html(key)}" for count, key in counts if count)


def _row(upload: Upload, info: DocumentInfo | None, words: Words) -> str:
    bar = size = ""
    if info is not None:
        noun, count = (sheet(info.source), info.pages) if info.pages else ("passage", info.passages)
        size = escape(words.counted(count, noun))
    if upload.stage is Stage.FAILED:
        said = _reason(upload)
    elif upload.stage is Stage.INDEXING and not size:  # it cannot be read; the report will say why
        said = words.html("upload.read")
    elif upload.stage is Stage.INDEXING:
        share = round(100 * upload.share)
        said = f"{size} · {words.html('upload.indexing', share=str(share))}"
        bar = f'<span class="cs-progress"><i style="width:{max(4, share)}%"></i></span>'
    elif upload.stage is Stage.DONE and size:
        said = size
    else:
        said = words.html(f"upload.{upload.stage.value}")
    return (
        f'<li class="cs-file cs-file-{upload.stage.value}">{name(upload.name)}<small>{said}</small>{bar}</li>'
    )


def _reason(upload: Upload) -> str:
    """Why a file failed, without its name where the sentence begins with it."""
    rest = upload.error.removeprefix(upload.name).lstrip(": ")
    return escape(rest if rest else upload.error)


def sentence_html(text: str) -> str:
    """An error sentence where the list of files would stand."""
    return f'<div class="cs-upload" role="alert"><p class="cs-error">{escape(text)}</p></div>'
