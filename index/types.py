"""The nouns of the index: spans, documents, passages, hits, reports.

All offsets are Python ``str`` indices into the stored text of a document (code points: not bytes, not
tokens), and all ranges are half-open.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class Span:
    """A half-open range of characters, ``0 <= start <= end``."""

    start: int
    end: int

    def __post_init__(self) -> None:
        if not 0 <= self.start <= self.end:
            raise ValueError(f"not a span: [{self.start}, {self.end})")

    def __len__(self) -> int:
        return self.end - self.start

    def overlaps(self, other: Span) -> bool:
        """Whether the two ranges share at least one character."""
        return self.start < other.end and other.start < self.end


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading: ``document.text[span.start:span.end]`` is its title; level 1 is the highest."""

    span: Span
    level: int
    title: str


@dataclass(frozen=True, slots=True)
class Document:
    """One file as the index keeps it.

    ``text`` is what all offsets count in. ``pages`` are the spans of the pages, slides or sheets in order
    (page ``n`` is ``pages[n - 1]``; they ascend and do not overlap), empty where the format has none.
    ``headings`` ascend too.

    ``rows`` number the lines of sheets: a pair (offset, number) for each row whose number is not that of the
    line before plus one; so most tables need one pair.
    """

    source: str  # path relative to the folder that was indexed, "/" separated
    sha256: str  # of the file's bytes, hexadecimal
    text: str
    format: str  # "pdf", "docx", "text", …: what the content was recognised as
    title: str  # "" where the file has none
    pages: tuple[Span, ...] = ()
    headings: tuple[Heading, ...] = ()
    rows: tuple[tuple[int, int], ...] = ()
    unread: str = ""  # what of the file could not be read, as a sentence; "" where all of it was

    def __post_init__(self) -> None:
        if any(after.start < before.end for before, after in pairwise(self.pages)):
            raise ValueError(f"the pages of {self.source} overlap")
        if self.pages and self.pages[-1].end > len(self.text):
            raise ValueError(f"the pages of {self.source} end after its text")

    def page_at(self, offset: int) -> int | None:
        """Number (from 1) of the page that holds the character at ``offset``; None where there are no pages.

        A character between two pages belongs to the earlier one.
        """
        if not self.pages:
            return None
        return max(1, bisect_right(self.pages, offset, key=lambda page: page.start))

    def heading_path(self, offset: int) -> str:
        """Titles of the headings that stand over ``offset``, outermost first, joined by " > "."""
        path: list[Heading] = []
        for heading in self.headings:
            if heading.span.start > offset:
                break
            while path and path[-1].level >= heading.level:
                path.pop()
            path.append(heading)
        return " > ".join(heading.title for heading in path)


@dataclass(frozen=True, slots=True)
class Passage:
    """A retrievable piece of a document: ``document.text[span.start:span.end] == text``."""

    id: int  # row id in SQLite, id in FAISS and in tantivy: the same number
    source: str
    span: Span
    text: str
    heading: str  # heading path over the passage, "" where there is none: context for encoder and reader
    page: int | None  # of its first character, from 1


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that a retriever found; a higher score is better, and only comparable within one ranking."""

    passage: Passage
    score: float
    retriever: str  # "dense", "lexical" or "hybrid"
    also: tuple[str, ...] = ()  # sources of copies that were left out of the ranking for this passage


@dataclass(frozen=True, slots=True)
class DocumentInfo:
    """One row of `qa list`."""

    source: str
    sha256: str
    characters: int
    passages: int
    pages: int  # 0 where the format has none


@dataclass(frozen=True, slots=True)
class Failure:
    """A file that could not be indexed, and the sentence that says why."""

    source: str
    error: str


@dataclass(frozen=True, slots=True)
class Report:
    """What one run of ``Index.add`` did. Counts are documents unless the name says otherwise."""

    added: int
    updated: int
    unchanged: int
    removed: int
    failed: tuple[Failure, ...]
    documents: int  # in the index now
    passages: int  # in the index now
    seconds: float


@dataclass(frozen=True, slots=True)
class Progress:
    """One step of ``Index.add``: ``done`` of ``total``, in files (stage "read") or passages ("encode")."""

    source: str
    stage: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle on a PDF page, in fractions of its width and height, from its top left."""

    page: int  # from 1
    left: float
    top: float
    right: float
    bottom: float
