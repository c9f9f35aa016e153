"""Forgetting a document: out of the index, and its words out of everything that was saved beside it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from qa.answer import MARKER
from qa.corrections import TESTSET, drop_cases
from qa.saved import SavedTurn

if TYPE_CHECKING:
    from index.index import Index
    from qa.conversations import ConversationStore

ERASED = "(These words were removed with their document.)"
RUN_WORDS = 8  # so many words in a row are the document's: fewer may stand in any text

_CJK = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"  # written without blanks: each character counts as a word
_WORD = re.compile(rf"[{_CJK}]|[^\W{_CJK}]+")
_PARAGRAPHS = re.compile(r"(\n\s*\n)")


def forget(source: str, index: Index, conversations: ConversationStore) -> int:
    """Remove a document from the index and erase its words in saved conversations and test cases beside it.

    What cites it stays, marked as removed; the number of turns and titles that changed comes back. The
    conversations come first: when anything fails, the document is still there to be removed again. Raises
    DocumentMissing, IndexBusy, IndexNotWritable.
    """
    changed = erase_saved(source, index, conversations)
    index.remove(source)
    return changed


def erase_saved(source: str, index: Index, conversations: ConversationStore) -> int:
    """Erase the words of a document that is about to be removed; the number of turns and titles that changed.

    Raises DocumentMissing, IndexBusy, IndexNotWritable.
    """
    words = Words(index.document(source).text)
    changed = conversations.rewrite(lambda turn: erase(turn, source, words), words.erase)
    drop_cases(index.path / TESTSET, source)
    return changed


class Words:
    """The words of a document, to find them again in other texts."""

    def __init__(self, text: str) -> None:
        """Remember every run of ``RUN_WORDS`` words."""
        self._runs = frozenset(run for _, run in _runs(_folded(_WORD.finditer(text))))

    def erase(self, text: str) -> str:
        """The text with ``ERASED`` for each stretch of it that is the document's."""
        found = list(_WORD.finditer(text))
        taken = [False] * len(found)
        for at, run in _runs(_folded(found)):
            if run in self._runs:
                taken[at : at + RUN_WORDS] = [True] * RUN_WORDS
        pieces: list[str] = []
        end = 0
        for number, match in enumerate(found):
            if taken[number] and not (number and taken[number - 1]):
                pieces += [text[end : match.start()], ERASED]
            if taken[number]:
                end = match.end()
        return "".join([*pieces, text[end:]])


def _folded(found: Iterable[re.Match[str]]) -> list[str]:
    return [match[0].casefold() for match in found]


def _runs(words: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Where each run of words begins, and its hash: a collision erases a few words more."""
    for at in range(len(words) - RUN_WORDS + 1):
        yield at, hash(tuple(words[at : at + RUN_WORDS]))


def erase(turn: SavedTurn, source: str, words: Words) -> SavedTurn:
    """The turn without words of the document ``source``: what cites it, and runs of its words anywhere."""
    answer = _erase_answer(turn.answer, source, words) if turn.answer else turn.answer
    return replace(
        turn,
        question=words.erase(turn.question),
        text=answer["text"] if answer else words.erase(turn.text),
        answer=answer,
        versions={name: sha256 for name, sha256 in turn.versions.items() if name != source},
    )


def _erase_answer(answer: Mapping[str, Any], source: str, words: Words) -> dict[str, Any]:
    citations = [_erase_citation(row, source) for row in answer["citations"]]
    erased = {row["marker"] for row in citations if row.get("removed")}
    paragraphs = _PARAGRAPHS.split(answer["text"])
    text = "".join(_erase_paragraph(paragraph, erased, words) for paragraph in paragraphs)
    hits = [row for row in answer["hits"] if row["source"] != source]
    erased_answer = {**answer, "text": text, "citations": citations, "hits": hits}
    for key in ("question", "searched"):
        if key in answer:
            erased_answer[key] = words.erase(answer[key])
    if text != answer["text"]:
        erased_answer.pop("sentences", None)  # places in the text that was there
    return erased_answer


def _erase_citation(row: Mapping[str, Any], source: str) -> dict[str, Any]:
    if row["source"] != source:
        return dict(row)
    nothing = {"sha256": "", "start": 0, "end": 0, "quote": "", "page": None, "removed": True}
    return {"marker": row["marker"], "source": source, **nothing}


def _erase_paragraph(text: str, erased: set[int], words: Words) -> str:
    """A paragraph that cites what was removed goes as a whole, but for its markers.

    One that cites other documents alone stays: the words are theirs.
    """
    markers = [int(number) for number in MARKER.findall(text)]
    if not markers:
        return words.erase(text)
    if erased.isdisjoint(markers):
        return text
    return " ".join([ERASED, *(f"[{number}]" for number in markers)])
