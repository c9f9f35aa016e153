"""Questions that are offered come from the documents, and are not offered twice."""

from types import SimpleNamespace

from index.errors import DocumentMissing
from index.types import Document, Heading, Span
from page.conversation import State, Turn
from page.suggest import candidates, topics
from page.words import words_for
from qa.answer import Answer, Citation

TITLES = ["Title", "The tower", "The lamp", "x" * 90, "The keepers", "The lamp"]
TEXT = "".join(f"{title}\nWords about it.\n" for title in TITLES)
ENGLISH = words_for("en")


def document():
    spans, at = [], 0
    for number, title in enumerate(TITLES):
        at = TEXT.index(title, at)
        spans.append(Heading(Span(at, at + len(title)), 1 if number == 0 else 2, title))
        at += len(title)
    return Document(
        source="a/b.md", sha256="0" * 64, text=TEXT, format="markdown", title="", headings=tuple(spans)
    )


def answered(at, **more):
    cited = (Citation(1, "a/b.md", "0" * 64, at, at + 5, TEXT[at : at + 5], None),)
    answer = Answer("q", "It is so. [1]", False, 0.9, cited, (), {"total": 1.0}, "reader")
    return Turn(1, "q", State.DONE, answer.text, (), cited, answer, **more)


class Held:
    """An index with one document, or none."""

    def __init__(self, held):
        self.held = held

    def document(self, source):
        if not self.held:
            raise DocumentMissing(source)
        return document()


def test_the_nearest_other_headings_come_first_and_once():
    at = TEXT.index("Words", TEXT.index("The tower"))
    assert topics(document(), at) == ["The lamp", "The keepers"]


def test_what_was_asked_or_suggested_is_not_suggested_again():
    at = TEXT.index("Words", TEXT.index("The tower"))
    first = list(candidates([answered(at)], Held(True), ENGLISH))
    assert first == [f"What does b.md say about {topic}?" for topic in ("The lamp", "The keepers")]
    assert list(candidates([answered(at, following=(first[0],))], Held(True), ENGLISH)) == first[1:]


def test_an_answer_that_cites_nothing_or_a_lost_document_suggests_nothing():
    assert list(candidates([], Held(True), ENGLISH)) == []
    assert list(candidates([answered(0)], Held(False), ENGLISH)) == []
    refused = SimpleNamespace(answer=SimpleNamespace(citations=()), question="q", following=())
    assert list(candidates([refused], Held(True), ENGLISH)) == []
