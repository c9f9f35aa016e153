"""What the page does with questions, clicks and files, without a browser."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import pytest

from index.errors import IndexMissing, ModelError
from index.types import Hit, Passage, Progress, Report, Span
from page.clicks import target
from page.conversation import Conversation, Conversations, Shown, State
from page.examples import SEEDS, examples
from page.handlers import Handlers
from page.library import Library
from page.words import COOKIE, words_for
from qa.answer import Answer, Citation, Cited, Done, Retrieved, Text
from qa.settings import Settings
from qa.testset import read_testset
from tests.corpus import write

PROJECT = Path(__file__).parent.parent
ENGLISH = words_for("en")
BROKEN = ENGLISH("page.broken")
ONE, TWO = SimpleNamespace(session_hash="one"), SimpleNamespace(session_hash="two")
HIT = Hit(Passage(1, "a.md", Span(0, 9), "the words", "", None), 1.0, "hybrid")
CITATION = Citation(1, "a.md", "0" * 64, 10, 19, "the words", None)
ANSWER = Answer("q", "Yes. [1]", False, 0.9, (CITATION,), (HIT,), {"total": 1.0}, "reader")
EVENTS = (Retrieved((HIT,)), Text("Yes. "), Text("[1]"), Cited(CITATION), Done(ANSWER))


class Script:
    """A chat that says what it was told to, and raises what it finds among it."""

    def __init__(self, *events):
        self.events = events

    def stream(self, question):
        for event in self.events:
            if isinstance(event, Exception):
                raise event
            yield event


@pytest.fixture
def handlers(tmp_path):
    library = Library(tmp_path / "index")
    yield Handlers(library, Settings())
    library.close()


@pytest.fixture
def immediately(monkeypatch):
    monkeypatch.setattr("page.handlers.FRAME_S", 0.0)


def ask(handlers, *events, request=ONE):
    """The generator of chats for a question that is answered with these events."""
    handlers.begin("q", "[]", request)
    handlers.conversation(request).chat = Script(*events)
    return handlers.respond(request)


def test_an_answer_is_streamed_piece_by_piece(handlers, immediately):
    said = [chat[-1]["content"] for chat in ask(handlers, *EVENTS)]
    assert "Reading 1 passage in 1 document" in said[0]
    assert "Yes." in said[1] and "#cite-" not in said[1]
    assert 'href="#cite-1-1"' in said[3]
    assert "Well supported" in said[-1]
    assert not handlers.conversation(ONE).busy


def test_a_stopped_answer_stays_as_it_was(handlers, immediately):
    stream = ask(handlers, *EVENTS)
    next(stream), next(stream)
    _, chat = handlers.stop(ONE)
    assert "Stopped." in chat[-1]["content"] and "Yes." in chat[-1]["content"]
    assert [after[-1]["content"] for after in stream] == [chat[-1]["content"]]


def test_a_forgotten_answer_does_not_write_into_the_next(handlers, immediately):
    old = ask(handlers, *EVENTS)
    next(old)
    handlers.restart(ONE)
    new = ask(handlers, *EVENTS[:1])
    assert list(old) == [gr.skip()]
    assert "Yes." not in next(new)[-1]["content"]


def test_suggestions_for_a_conversation_that_was_left_change_nothing(handlers, monkeypatch):
    list(ask(handlers, *EVENTS))
    monkeypatch.setattr(handlers.library, "require", lambda: None)
    monkeypatch.setattr("page.handlers.candidates", lambda *_: ["What else?"])

    def answered(*_, **__):
        handlers.restart(ONE)  # while the documents are asked whether they know
        return ANSWER

    monkeypatch.setattr("page.handlers.ask", answered)
    assert handlers.suggest(ONE) == gr.skip()
    assert not handlers.conversation(ONE).turns


def test_suggestions_are_looked_for_once_for_each_answer(handlers, monkeypatch):
    tried = []
    list(ask(handlers, *EVENTS))
    monkeypatch.setattr(handlers.library, "require", lambda: None)
    monkeypatch.setattr("page.handlers.candidates", lambda *_: ["What else?"])
    monkeypatch.setattr("page.handlers.ask", lambda question, **_: tried.append(question) or ANSWER)
    assert "What else?" in handlers.suggest(ONE)[-1]["content"]
    assert handlers.suggest(ONE) == gr.skip()  # as after a rating
    list(ask(handlers, *EVENTS))
    assert "What else?" in handlers.suggest(ONE)[-1]["content"]
    assert tried == ["What else?"] * 2


def test_an_event_that_began_before_the_language_was_switched_speaks_the_new_one(handlers, monkeypatch):
    german = SimpleNamespace(session_hash="one", cookies={COOKIE: "de"})
    list(ask(handlers, *EVENTS, request=german))
    monkeypatch.setattr(handlers.library, "require", lambda: None)
    monkeypatch.setattr("page.handlers.candidates", lambda *_: ["What else?"])

    def answered(*_, **__):
        chat, *_ = handlers.redraw(SimpleNamespace(session_hash="one", cookies={COOKIE: "en"}))
        assert "Well supported" in chat[-1]["content"]
        return ANSWER

    monkeypatch.setattr("page.handlers.ask", answered)
    suggested = handlers.suggest(german)[-1]["content"]
    assert "What else?" in suggested and "Well supported" in suggested


def test_a_question_waits_for_the_one_before(handlers, immediately):
    stream = ask(handlers, *EVENTS)
    next(stream)
    box, _ = handlers.begin("another", "[]", ONE)
    assert box.get("value") is None  # it keeps its text
    assert list(handlers.respond(ONE)) == [gr.skip()]  # and is not answered twice
    assert "submit_btn" not in handlers.idle(ONE)
    list(stream)
    assert handlers.idle(ONE)["submit_btn"] is True


@pytest.mark.parametrize(
    ("error", "sentence"),
    [(ModelError("There is no model x."), "There is no model x."), (RuntimeError("secret <b>"), BROKEN)],
)
def test_errors_are_sentences(handlers, error, sentence):
    said = list(ask(handlers, Retrieved((HIT,)), error))[-1][-1]["content"]
    assert sentence in said and "secret" not in said
    assert not handlers.conversation(ONE).busy


@pytest.mark.parametrize("question", [None, 5, {}, ["q"]])
def test_a_program_that_sends_no_text_as_its_question_is_told_so(handlers, question):
    with pytest.raises(gr.Error, match="The question must be a text") as told:
        handlers.ask(question)
    assert not told.value.print_exception


def test_ticks_change_what_is_searched_and_keep_what_was_said(handlers, tmp_path):
    files = write(tmp_path / "files", {"a.txt": "words", "b.txt": "more words"})
    list(handlers.library.add(sorted(files.iterdir())))
    list(ask(handlers, *EVENTS))
    talk = handlers.conversation(ONE)
    chat = talk.chat
    for unticked, sources in (('["a.txt"]', ["b.txt"]), ("[]", None)):
        handlers.begin("q", unticked, ONE)
        list(handlers.respond(ONE))
        assert talk.chat is chat and chat.sources == sources
    handlers.library.remove("b.txt")
    handlers.begin("q", '["a.txt"]', ONE)
    list(handlers.respond(ONE))
    assert chat.sources == []


def test_without_documents_the_page_says_what_to_do(handlers):
    handlers.begin("q", "[]", ONE)
    assert "There are no documents yet." in list(handlers.respond(ONE))[-1][-1]["content"]
    assert "No documents yet" in handlers.sources(ONE)["html"]
    with pytest.raises(IndexMissing):
        handlers.library.require()


def test_tabs_do_not_share_a_conversation(handlers):
    list(ask(handlers, *EVENTS))
    assert handlers.conversation(TWO).turns == ()
    assert target(handlers.conversation(TWO), "cite", "1-1") is None
    handlers.leave(ONE)
    assert handlers.conversation(ONE).turns == ()


def test_a_tab_without_a_session_has_no_memory():
    conversations = Conversations()
    conversations.of(None).begin("q")
    assert conversations.of(None).turns == ()


def test_a_click_without_sense_changes_nothing(handlers):
    list(ask(handlers, *EVENTS))
    talk = handlers.conversation(ONE)
    for click in [("", ""), ("cite", "9-9"), ("cite", "1-2"), ("hit", "1-0"), ("hit", "x"), ("page", "2")]:
        assert target(talk, *click) is None, click
    talk.shown = target(talk, "cite", "1-1")
    citation = Shown("a.md", Span(10, 19), (), "citation", 1, 1, 1)
    assert talk.shown == citation
    for click in [("page", "x"), ("page", "9" * 40), ("page", "²"), ("drop", "1"), ("offset", "-1")]:
        assert target(talk, *click) is None, click
    assert target(talk, "page", "2") == replace(citation, page=2)


def test_a_click_that_comes_late_does_not_undo_a_later_one():
    talk, early, late = Conversation(), Shown("a.md"), Shown("b.md")
    assert talk.look(late, 2) and not talk.look(early, 1) and talk.shown is late
    assert talk.look(early, 3) and talk.shown is early
    assert talk.look(late, 0) and talk.shown is late  # a request without a number


def test_a_click_brings_the_other_citations_of_that_document_along(handlers):
    other = Citation(2, "a.md", "0" * 64, 30, 40, "more words", None)
    elsewhere = Citation(3, "b.md", "0" * 64, 1, 4, "far", None)
    cited = (CITATION, other, elsewhere)
    done = Answer("q", "Yes. [1] [2] [3]", False, 0.9, cited, (HIT,), {"total": 1.0}, "reader")
    list(ask(handlers, Text(done.text), *map(Cited, cited), Done(done)))
    shown = target(handlers.conversation(ONE), "cite", "1-2")
    assert shown == Shown("a.md", Span(30, 40), (Span(10, 19),), "citation", 1, 2, 3)


def test_a_turn_that_ended_takes_no_more_text():
    talk = Conversation()
    turn = talk.begin("q")
    assert turn is not None and talk.begin("another") is None
    assert talk.change(turn.number, text="a", state=State.STREAMING)
    talk.stop()
    assert not talk.change(turn.number, text="ab", state=State.STREAMING)
    assert talk.turns[0].text == "a" and not talk.busy


def uploaded(folder, name, data):
    """The path of a file as Gradio leaves it: each in a folder of its own."""
    place = folder / f"{len(list(folder.iterdir()))}"
    place.mkdir()
    (place / name).write_bytes(data)
    return place / name


def test_the_first_upload_makes_the_index(tmp_path):
    incoming = tmp_path / "incoming"
    incoming.mkdir()
    library = Library(tmp_path / "index")
    steps = list(library.add([uploaded(incoming, "a.txt", b"The tower has 187 steps.")]))
    assert isinstance(steps[0], Progress) and isinstance(steps[-1], Report)
    assert [info.source for info in library.documents()] == ["a.txt"]
    assert library.require().original("a.txt") == tmp_path / "index" / "uploads" / "a.txt"
    library.close()


def test_a_bad_new_version_leaves_the_old_one(tmp_path):
    incoming = tmp_path / "incoming"
    incoming.mkdir()
    library = Library(tmp_path / "index")
    list(
        library.add(
            [uploaded(incoming, "a.pdf.txt", b"good words"), uploaded(incoming, "b.pdf", b"%PDF-1.4 junk")]
        )
    )
    *_, report = library.add(
        [uploaded(incoming, "a.pdf.txt", b"\x00\x01\x02" * 99), uploaded(incoming, "b.pdf", b"")]
    )
    kept = {path.name for path in (tmp_path / "index" / "uploads").iterdir()}
    assert {failure.source for failure in report.failed} == {"a.pdf.txt", "b.pdf"}
    assert kept == {"a.pdf.txt"}
    assert library.require().document("a.pdf.txt").text == "good words"
    assert library.require().original("a.pdf.txt") is not None
    library.remove("a.pdf.txt")
    assert library.documents() == () and not list((tmp_path / "index" / "uploads").iterdir())
    library.close()


def test_two_files_of_one_name_in_one_upload_are_one_document(tmp_path):
    incoming = tmp_path / "incoming"
    incoming.mkdir()
    library = Library(tmp_path / "index")
    list(library.add([uploaded(incoming, "a.txt", b"first"), uploaded(incoming, "a.txt", b"second")]))
    assert library.require().document("a.txt").text == "second"
    library.close()


def test_the_examples_are_questions_of_the_test_set():
    asked = {(item.source, item.question) for item in read_testset(PROJECT / "seeds.jsonl") if item.answers}
    assert set(SEEDS.items()) <= asked
    assert examples(SEEDS, ENGLISH) == tuple(SEEDS.values())
    assert examples([], ENGLISH) == ()
    assert len(examples(["a.md"], ENGLISH)) == 4
