"""Saved answers as they can be shown today: every citation verified, none marked where it does not stand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache, lru_cache, partial
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

from index.errors import DocumentMissing
from index.types import Document, Hit, Passage, Span
from qa.answer import Answer, Citation, Sentence
from qa.cite import cite
from qa.verify import Checked, current_text, read_squad, stored_text, verify

if TYPE_CHECKING:
    from index.index import Index

Status: TypeAlias = Literal["ok", "moved", "changed", "gone", "removed"]
_Record = TypeVar("_Record", Answer, Citation, Sentence)
_TEXTS = 64  # documents whose texts are kept while one conversation is opened


@dataclass(frozen=True, slots=True)
class Standing:
    """What became of a citation since it was saved.

    ``ok``, ``moved``, ``changed`` and ``gone`` are those of ``qa.verify``, of the file as it is now;
    ``removed`` is one whose document was removed from the index and whose words were erased. Where the stored
    text holds the quote, ``place`` says where (``index.document(source).text[start:end] == quote``), also
    when the file has changed since it was read. Else ``place`` is None, and ``near`` is where to look.
    """

    marker: int
    status: Status
    place: Span | None
    near: int

    @property
    def sound(self) -> bool:
        """Whether the words still stand in the file."""
        return self.status in ("ok", "moved")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stale(Citation):
    """A citation whose words no longer stand in its file: it is as it was saved.

    Unless it is ``held``: then the index still has the text that was cited, and the offsets count in it.
    """

    status: Status
    held: bool
    near: int


@dataclass(frozen=True, slots=True)
class Reopened:
    """The evidence of a saved answer; ``standing`` has one for each of its citations, in their order.

    A citation that is not sound is a ``Stale`` one. ``hits`` are those in documents that have not changed.
    """

    citations: tuple[Citation, ...]
    hits: tuple[Hit, ...]
    standing: tuple[Standing, ...]


class Reopener:
    """Opens the saved answers of one conversation; a text that several of them cite is read once."""

    def __init__(self, index: Index | None) -> None:
        """Look citations up in ``index``; without one, all are gone."""
        self._index = index
        if index is not None:
            self._stored = lru_cache(_TEXTS)(partial(stored_text, index))
            self._current = lru_cache(_TEXTS)(partial(current_text, index, squad=cache(read_squad)))

    def reopen(self, saved: Mapping[str, Any], versions: Mapping[str, str]) -> Reopened:
        """The evidence of a saved answer, or of the part of one that was stopped, as it can be shown now.

        ``versions`` are the sha256 of the documents when it was given. Raises AnswerFileError where ``saved``
        is not the JSON of ``qa ask --json``.
        """
        standing = self._standing(saved)
        citations = tuple(
            self._citation(row, one) for row, one in zip(saved["citations"], standing, strict=True)
        )
        hits = tuple(hit for row in saved["hits"] if (hit := self._hit(row, versions)) is not None)
        return Reopened(citations, hits, standing)

    def _standing(self, saved: Mapping[str, Any]) -> tuple[Standing, ...]:
        rows = saved["citations"]
        if self._index is None:
            return tuple(
                Standing(row["marker"], "removed" if row.get("removed") else "gone", None, row["start"])
                for row in rows
            )
        kept = {**saved, "citations": [row for row in rows if not row.get("removed")]}
        now = {check.marker: check for check in verify(kept, self._index, text_of=self._current)}
        here = {check.marker: check for check in verify(kept, self._index, text_of=self._stored)}
        return tuple(_stand(row["marker"], now.get(row["marker"]), here.get(row["marker"])) for row in rows)

    def _citation(self, row: Mapping[str, Any], standing: Standing) -> Citation:
        place = standing.place
        if self._index is None or place is None:
            citation = _fill(Citation, row)
        else:
            citation = cite(self._index.document(row["source"]), place.start, place.end, standing.marker)
        if standing.sound:
            return citation
        values = {field.name: getattr(citation, field.name) for field in fields(Citation)}
        return Stale(**values, status=standing.status, held=place is not None, near=standing.near)

    def _hit(self, row: Mapping[str, Any], versions: Mapping[str, str]) -> Hit | None:
        """The passage that was found, with its words; None where its document is another one now."""
        document = self._document(row["source"])
        if document is None or document.sha256 != versions.get(row["source"]):
            return None
        if not 0 <= row["start"] < row["end"] <= len(document.text):
            return None
        span = Span(row["start"], row["end"])
        words = document.text[span.start : span.end]
        heading = document.heading_path(span.start)
        return Hit(Passage(0, document.source, span, words, heading, row["page"]), row["score"], "saved")

    def _document(self, source: str) -> Document | None:
        try:
            return self._index.document(source) if self._index is not None else None
        except DocumentMissing:
            return None


def answer_of(saved: Mapping[str, Any], evidence: Reopened) -> Answer:
    """The saved answer with its evidence as it can be shown now."""
    sentences = tuple(_fill(Sentence, row) for row in saved.get("sentences", ()))
    evidenced = {"citations": evidence.citations, "hits": evidence.hits, "sentences": sentences}
    return _fill(Answer, {**saved, **evidenced})


def _stand(marker: int, now: Checked | None, here: Checked | None) -> Standing:
    """What became of a citation, from its check against the file and that against the stored text."""
    if now is None or here is None:
        return Standing(marker, "removed", None, 0)
    found = here.status in ("ok", "moved")
    return Standing(marker, now.status, Span(here.start, here.end) if found else None, here.start)


def _fill(kind: type[_Record], values: Mapping[str, Any]) -> _Record:
    """The record with the values that it has a field for; what an older version did not save has defaults."""
    return kind(**{field.name: values[field.name] for field in fields(kind) if field.name in values})
