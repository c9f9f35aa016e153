"""Write ``seeds.jsonl``: each question of ``questions.jsonl`` with its gold spans in the stored text.

``questions.jsonl`` keeps, beside question, answers and source, the ``evidence``: one or more fragments, each
found once in the document, that hold the answer. Offsets are computed from them, so they can be made anew
whenever an extractor changes what it stores. Unanswerable questions
name the document that they are ``near``::

    python -m bench.make_seeds.spans
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from index.load import load

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
QUESTIONS = HERE / "questions.jsonl"
SEEDS = ROOT / "seeds"
TESTSET = ROOT / "seeds.jsonl"

_GAP = r"[\s|*_>]+"  # what layout may put between two words: line ends, cell borders, emphasis
_STOP = frozenset((HERE / "stopwords.txt").read_text(encoding="utf-8").split())


def locate(text: str, phrase: str) -> list[tuple[int, int]]:
    """Return the spans at which ``phrase`` stands in ``text``, whatever layout lies between its words.

    A ``…`` among the words stands for the rest of a row: up to 200 characters without a line end.
    """
    parts = [[re.escape(word) for word in part.split()] for part in phrase.split("…")]
    pattern = r"\b[^\n]{0,200}?\b".join(_GAP.join(words) for words in parts)
    head = r"(?<!\w)" if re.match(r"\w", phrase) else ""
    tail = r"(?!\w)" if re.search(r"\w$", phrase) else ""
    return [match.span() for match in re.finditer(head + pattern + tail, text)]


def gold_spans(text: str, answers: list[str], evidence: list[str]) -> list[tuple[int, int]]:
    """Return the sorted spans of the answers that lie in the evidence.

    Raises ValueError when a fragment of evidence is not found exactly once, holds none of the answers, or
    when an answer lies in no evidence at all.
    """
    spans: set[tuple[int, int]] = set()
    unseen = set(answers)
    for fragment in evidence:
        places = locate(text, fragment)
        if len(places) != 1:
            raise ValueError(f"evidence {fragment!r} occurs {len(places)} times; it must occur once")
        start, end = places[0]
        found = {
            answer: [(start + a, start + b) for a, b in locate(text[start:end], answer)] for answer in answers
        }
        if not any(found.values()):
            raise ValueError(f"evidence {fragment!r} holds none of the answers {answers}")
        unseen -= {answer for answer, where in found.items() if where}
        spans.update(span for where in found.values() for span in where)
    if unseen:
        raise ValueError(f"no evidence holds the answers {sorted(unseen)}")
    return sorted(spans)


def sentence(text: str, start: int, end: int, *, by_line: bool = False) -> str:
    """Return the sentence around a span; with ``by_line`` the line, for records such as CSV rows."""
    stops = r"\n" if by_line else r"(?<=[.!?])[\"”]?\s+|\n\s*\n|\n(?=[-|#])|(?<=\|)\n"
    begin = max([match.end() for match in re.finditer(stops, text[:start])], default=0)
    rest = re.search(stops, text[end:])
    return text[begin : end + rest.start() if rest else len(text)]


def content_words(text: str) -> set[str]:
    """Return the content words of a text, without endings and cut to five letters: inflected forms agree."""
    words = [word for word in re.findall(r"\w+", text.casefold()) if word not in _STOP]
    return {re.sub(r"(?<=\w{3})(?:ing|ed|es|s)$", "", word)[:5] for word in words}


def shared(question: str, passage: str) -> float:
    """Return the share, 0 to 1, of the question's content words that the passage has too."""
    asked = content_words(question)
    return len(asked & content_words(passage)) / len(asked)


def rows() -> Iterator[dict[str, Any]]:
    """Yield the lines of the test set in order.

    Raises ValueError, naming the question, when its evidence does not fit the document.
    """
    texts: dict[str, str] = {}
    for line in QUESTIONS.read_text(encoding="utf-8").splitlines():
        item = json.loads(line)
        row = {"question": item["question"], "answers": item["answers"], "source": item["source"]}
        source = item["source"]
        if source is not None:
            if source not in texts:
                texts[source] = load(SEEDS / source, source).text
            try:
                found = gold_spans(texts[source], item["answers"], item["evidence"])
            except ValueError as error:
                raise ValueError(f"{source}: {item['question']} {error}") from error
            row["spans"] = [list(span) for span in found]
        yield row


def main() -> None:
    """Write the test set and print its size."""
    lines = [json.dumps(row, ensure_ascii=False) for row in rows()]
    TESTSET.write_text("\n".join(lines) + "\n", encoding="utf-8")
    answerable = sum('"source": null' not in line for line in lines)
    print(f"{TESTSET.name}: {len(lines)} questions, {len(lines) - answerable} of them unanswerable")


if __name__ == "__main__":
    main()
