"""Test sets: questions with the answers that count as right and where they stand in the documents."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

from index.characters import storable
from index.errors import LoadError, TestSetError
from index.squad import is_squad, name_paragraphs
from index.types import DocumentInfo, Span

_UNKNOWN = -1  # published SQuAD files have it for the place of an answer that nobody looked up


@dataclass(frozen=True, slots=True)
class Question:
    """One question of a test set. Without ``answers`` (and ``spans``) the documents do not answer it.

    ``spans`` are places in the stored text of ``source``, so they need one. ``context`` is the paragraph that
    a SQuAD file gives with the question: ``spans`` then count in it, because the paragraph is the document.
    ``before`` are the questions of a conversation that were asked before it, oldest first.
    """

    question: str
    answers: tuple[str, ...]
    source: str | None
    spans: tuple[Span, ...]
    context: str | None = None
    before: tuple[str, ...] = ()

    @property
    def answerable(self) -> bool:
        """Whether the documents answer the question."""
        return bool(self.answers)


def read_testset(path: Path) -> tuple[Question, ...]:
    """Return the questions of a test set: JSON Lines, or a SQuAD 1.1 or 2.0 file; the content says which.

    Blank answers count as none, a blank source as null. Empty spans are left out, and all spans where there
    is no source or no answer. Of a SQuAD answer without a place, or with -1, the first occurrence is meant.

    Raises TestSetError, with the number of the line or question at fault, also where there is no question at
    all.
    """
    try:
        content = path.read_bytes().decode("utf-8-sig")
    except OSError as exc:
        raise TestSetError(f"The test set {path} cannot be read: {exc.strerror}.") from exc
    except UnicodeDecodeError as exc:
        line = exc.object[: exc.start].count(b"\n") + 1
        raise TestSetError(f"{path}, line {line}: this is not UTF-8. Save the file as UTF-8.") from exc
    squad = _parse_squad(content)
    questions = tuple(_squad_questions(squad, path) if squad else _line_questions(content, path))
    if not questions:
        raise TestSetError(f"The test set {path} holds no question.")
    return questions


def missing_sources(testset: Iterable[Question], documents: Iterable[DocumentInfo]) -> tuple[str, ...]:
    """Return the gold sources of answerable questions that none of the documents is, each once."""
    held = {info.source for info in documents}
    golds = dict.fromkeys(question.source for question in testset if question.answerable and question.source)
    return tuple(source for source in golds if source not in held)


def _parse_squad(content: str) -> dict[str, Any] | None:
    """Return the parsed SQuAD file, or None where the content is something else, such as JSON Lines."""
    try:
        parsed = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return parsed if is_squad(parsed) else None


def _squad_questions(squad: dict[str, Any], path: Path) -> Iterator[Question]:
    try:
        paragraphs = name_paragraphs(squad, path)
    except LoadError as exc:
        raise TestSetError(str(exc)) from exc
    for paragraph in paragraphs:
        for number, row in enumerate(paragraph.questions, 1):
            try:
                question, answers, spans = _squad_question(row, paragraph.text)
            except _RowError as exc:
                where = f"{path}, question {number} of paragraph {paragraph.source}"
                raise TestSetError(f"{where}: {exc}.") from None
            yield Question(question, answers, paragraph.source, spans, paragraph.text)


def _squad_question(row: object, context: str) -> tuple[str, tuple[str, ...], tuple[Span, ...]]:
    row = _object(row)
    listed = row.get("answers", [])
    if row.get("is_impossible"):  # "plausible_answers" beside it are wrong answers
        listed = []
    if not isinstance(listed, list):
        raise _RowError('"answers" is not a list')
    answers: list[str] = []
    spans: list[Span] = []
    for answer in listed:
        answer = _object(answer)
        text, start = answer.get("text"), answer.get("answer_start")
        if not isinstance(text, str):
            raise _RowError('an answer has no "text"')
        start = 0 if start is None or start == _UNKNOWN else start
        if not _is_count(start):
            raise _RowError('the "answer_start" of an answer is not a whole number from 0')
        if text.strip():
            answers.append(storable(text))
            spans.extend(_find_near(context, answers[-1].strip(), start))
    question = row.get("question")
    if not isinstance(question, str):
        raise _RowError('"question" is missing')
    return question, tuple(dict.fromkeys(answers)), tuple(dict.fromkeys(spans))


def _find_near(context: str, answer: str, start: int) -> Iterator[Span]:
    """Yield the occurrence of an answer that is nearest to where the file says it starts, if there is one.

    Published files hold answers with blanks at their ends, or places that are off by a few characters.
    """
    if context.startswith(answer, start):
        yield Span(start, start + len(answer))
        return
    before, after = context.rfind(answer, 0, start + len(answer)), context.find(answer, start)
    found = [place for place in (before, after) if place >= 0]
    if found:
        nearest = min(found, key=lambda place: abs(place - start))
        yield Span(nearest, nearest + len(answer))


def _line_questions(content: str, path: Path) -> Iterator[Question]:
    lines = content.split("\n")  # not splitlines: U+2028 may stand inside a JSON string
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            yield _line_question(line)
        except _RowError as exc:
            raise TestSetError(f"{path}, line {number}: {exc}.") from None


def _line_question(line: str) -> Question:
    try:
        row = _object(json.loads(line))
    except (ValueError, RecursionError) as exc:
        raise _RowError(f"this is not a JSON object ({exc})") from exc
    question = row.get("question")
    if not _is_text(question):
        raise _RowError('"question" is missing or empty')
    listed = row.get("answers")
    if not isinstance(listed, list) or not all(isinstance(answer, str) for answer in listed):
        raise _RowError('"answers" is not a list of texts; [] means that the documents do not answer it')
    answers = tuple(filter(str.strip, listed))
    source = row.get("source")
    if source is not None and not isinstance(source, str):
        raise _RowError('"source" is neither the name of a document nor null')
    source = source if _is_text(source) else None
    spans = row.get("spans")
    if spans is None:
        spans = []
    if not isinstance(spans, list) or not all(_is_range(span) for span in spans):
        raise _RowError('"spans" is not a list of [start, end] with 0 <= start <= end')
    before = row.get("before", [])
    if not isinstance(before, list) or not all(map(_is_text, before)):
        raise _RowError('"before" is not a list of the questions that were asked before it')
    known = source is not None and answers
    places = tuple(Span(start, end) for start, end in spans if known and start < end)
    return Question(question, answers, source, places, before=tuple(before))


def _object(row: object) -> dict[str, Any]:
    if not isinstance(row, dict):
        raise _RowError("this is not a JSON object: " + json.dumps(row)[:60])
    return row


def _is_text(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and bool(value.strip())


def _is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_range(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(_is_count, value)) and value[0] <= value[1]


class _RowError(Exception):
    """What is wrong with one question; the reader of the file adds where it stands."""
