"""Questions that could follow an answer: about what else the documents that it cites have headings for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from index.errors import DocumentMissing
from page.markup import spelled
from page.words import Words

if TYPE_CHECKING:
    from index.index import Index
    from index.types import Document
    from page.conversation import Turn

SUGGESTED = 2  # questions under an answer
TRIED = 4  # candidates that are tried out for them
_MIN_CHARS, _MAX_CHARS = 4, 60  # of a heading that is a topic


def candidates(turns: Sequence[Turn], index: Index, words: Words) -> Iterator[str]:
    """Yield questions about the headings next to what the last answer cites, the nearest first.

    What was asked or suggested before is left out. An answer that cites nothing suggests nothing.
    """
    if not turns or turns[-1].answer is None:
        return
    known = {text for turn in turns for text in (turn.question, *(turn.following or ()))}
    for citation in turns[-1].answer.citations[:1]:
        try:
            document = index.document(citation.source)
        except DocumentMissing:
            return
        for topic in topics(document, citation.start):
            source = spelled(document.source.rsplit("/", 1)[-1])
            question = words("examples.about", source=source, topic=topic)
            if question not in known:
                known.add(question)
                yield question


def topics(document: Document, offset: int) -> list[str]:
    """The headings of a document by their distance from ``offset``, without those that stand over it."""
    over = document.heading_path(offset)
    near = sorted(document.headings, key=lambda heading: abs(heading.span.start - offset))
    titles = dict.fromkeys(" ".join(heading.title.split()) for heading in near)
    return [title for title in titles if _MIN_CHARS <= len(title) <= _MAX_CHARS and title not in over]
