"""Corrections: a wrong answer becomes a case of a test set, with the right words and where they stand."""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from rapidfuzz import fuzz

from index.errors import TestSetError
from index.types import Document, Span
from qa.testset import Question, read_testset

TESTSET = "testset.jsonl"  # in the folder of the index, unless another file is named
MAX_CHARS = 2000  # of words that are taken for an answer
_AROUND_CHARS = 80  # of the text on each side that tell one occurrence from another
_MAX_PLACES = 1000  # occurrences that are compared

_WORD = re.compile(r"\w+")
_writing = threading.Lock()


def find_words(document: Document, words: str, before: str = "", after: str = "") -> Span | None:
    """Where the words that somebody selected on a page stand in the document; None where they do not.

    Pages show a text without its markup and with other white space, so words and numbers alone are compared.
    ``before`` and ``after`` are what the page shows around them: of many occurrences the one in the most
    similar surroundings is meant, the earlier of equals.
    """
    asked = _WORD.findall(words)
    if not asked or len(words) > MAX_CHARS:
        return None
    pattern = r"[\W_]*".join(map(re.escape, asked))
    edge_left = r"(?<!\w)" if _starts_word(words, before) else ""
    edge_right = r"(?!\w)" if _ends_word(words, after) else ""
    places: list[Span] = []
    for match in re.finditer(f"{edge_left}{pattern}{edge_right}", document.text):
        places.append(_with_signs(document.text, Span(*match.span()), words))
        if len(places) == _MAX_PLACES:
            break
    return max(places, key=lambda place: _alike(document.text, place, before, after), default=None)


def _starts_word(words: str, before: str) -> bool:
    return words[:1].isspace() or not before[-1:].isalnum()


def _ends_word(words: str, after: str) -> bool:
    return words[-1:].isspace() or not after[:1].isalnum()


def _with_signs(text: str, place: Span, words: str) -> Span:
    """The place with the signs (€, %, a full stop) at its ends that were selected too."""
    words = words.strip()
    found = list(_WORD.finditer(words))
    lead, tail = words[: found[0].start()], words[found[-1].end() :]
    start = place.start - len(lead) if lead and text[: place.start].endswith(lead) else place.start
    end = place.end + len(tail) if tail and text[place.end :].startswith(tail) else place.end
    return Span(start, end)


def _alike(text: str, place: Span, before: str, after: str) -> float:
    left = text[max(0, place.start - _AROUND_CHARS) : place.start]
    right = text[place.end : place.end + _AROUND_CHARS]
    return fuzz.ratio(_bare(left), _bare(before[-_AROUND_CHARS:])) + fuzz.ratio(
        _bare(right), _bare(after[:_AROUND_CHARS])
    )


def _bare(text: str) -> str:
    return " ".join(_WORD.findall(text))


def add_case(path: Path, case: Question) -> int:
    """Add a case to the test set in ``path``, in place of one with the same question; the number of cases.

    The file is replaced as a whole, so it is never half written; its other lines stay as they are. Raises
    TestSetError where it is not JSON Lines, or cannot be written.
    """
    row: dict[str, Any] = {"question": case.question, "answers": list(case.answers), "source": case.source}
    if case.spans:
        row["spans"] = [[span.start, span.end] for span in case.spans]
    if case.before:
        row["before"] = list(case.before)
    line = json.dumps(row, ensure_ascii=False)
    asked = (case.question, list(case.before))
    return _replace(path, lambda kept: (kept["question"], kept.get("before", [])) != asked, [line])


def drop_cases(path: Path, source: str) -> None:
    """Erase the cases about a document from the test set, if there is one. Raises TestSetError."""
    if path.is_file():
        _replace(path, lambda kept: kept.get("source") != source, [])


def _replace(path: Path, keep: Callable[[dict[str, Any]], bool], more: Iterable[str]) -> int:
    with _writing:
        lines = _lines(path) if path.is_file() and path.stat().st_size else []
        kept = [*(line for line in lines if keep(json.loads(line))), *more]
        _write(path, "".join(line + "\n" for line in kept))
        return len(kept)


def _lines(path: Path) -> list[str]:
    """The cases of a test set, a line each. Raises TestSetError where it is damaged, or no JSON Lines."""
    read_testset(path)
    lines = [line for line in path.read_text("utf-8-sig").split("\n") if line.strip()]
    if not all(map(_is_case, lines)):
        raise TestSetError(
            f"{path} is a SQuAD file, to which no question can be added. Name a JSON Lines file."
        )
    return lines


def _is_case(line: str) -> bool:
    """Whether a line is a question by itself, and no part of a SQuAD file."""
    try:
        row = json.loads(line)
    except ValueError:
        return False
    return isinstance(row, dict) and "question" in row


def _write(path: Path, content: str) -> None:
    """Put the content in place of the file, all of it or nothing."""
    new = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with new.open("w", encoding="utf-8") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except OSError as exc:
        with suppress(OSError):
            new.unlink(missing_ok=True)
        raise TestSetError(f"The test set {path} cannot be written: {exc.strerror or exc}.") from exc
