"""The questions written for this project, from the plain text files in ``training/questions/``.

A file holds passages, one after the other::

    # Title
    The passage, in one line or several.
    ? A question that the passage answers
    = the answer, word for word || the same answer with another natural boundary
    ? Which two things did it take?
    = the first ++ the second
    ! A question that the passage does not answer

``||`` stands between spans that are right alike, ``++`` between the items of an answer of several spans.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from training.data import Example, context_key

FOLDER = Path(__file__).parent / "questions"
SOURCE = "written"


def read_written(folder: Path = FOLDER) -> list[Example]:
    """All questions of the ``.txt`` files in `folder`; those without an answer have empty `answers`.

    Raises ValueError, naming file and question, where an answer does not stand in its passage word for word.
    """
    return [example for path in sorted(folder.glob("*.txt")) for example in _read(path)]


def _read(path: Path) -> Iterator[Example]:
    title, lines, context, asked = "", list[str](), "", ""
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
        mark, words = line[:2], line[2:].strip()
        if mark == "# " and (context or not lines):
            title, lines, context = words, [], ""
        elif mark in ("? ", "! "):
            context = context or "\n".join(lines).strip()
            asked = words
            if mark == "! ":
                yield _example(path, number, title, context, asked, ())
        elif mark == "= " and context:
            items = [item.strip() for form in words.split(" || ") for item in form.split(" ++ ")]
            try:
                spans = tuple(span for item in items for span in places(context, item))
            except ValueError as exc:
                raise ValueError(f"{path.name}, line {number}: {exc}") from exc
            yield _example(path, number, title, context, asked, spans)
        elif not context:
            lines.append(line)


def _example(
    path: Path, line: int, title: str, context: str, question: str, answers: tuple[tuple[int, int], ...]
) -> Example:
    identity = f"{path.stem}:{line}"
    return Example(identity, SOURCE, context_key(context), title, question, context, answers)


def is_table(example: Example) -> bool:
    """Whether the example is of the files on tables, forms and records."""
    return example.source == SOURCE and example.id.startswith("table-")


def places(context: str, words: str) -> list[tuple[int, int]]:
    """Every place of `words` in `context` that begins and ends at a word's edge. Raises ValueError: none."""
    pattern = rf"(?<!\w){re.escape(words)}(?!\w)" if words else r"(?!)"
    found = [match.span() for match in re.finditer(pattern, context)]
    if not found:
        raise ValueError(f"the answer {words!r} does not stand in its passage")
    return found
