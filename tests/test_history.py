"""Conversations on the page without a browser: owners, what is kept when, and requests that make no sense."""

from types import SimpleNamespace

import gradio as gr
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from index.errors import IndexNotWritable, ModelError
from page.acts import Acts
from page.conversation import State
from page.handlers import Handlers
from page.library import Library
from page.owner import COOKIE, Owner, owner_of
from qa.settings import Settings
from qa.testset import read_testset
from tests.corpus import write
from tests.test_handlers import ANSWER, EVENTS, Script

ANN, BOB = "a" * 43, "b" * 43


def tab(owner, session="one"):
    return SimpleNamespace(session_hash=session, cookies={COOKIE: owner} if owner else {})


def click(**sent):
    return SimpleNamespace(_data=sent)


@pytest.fixture
def acts(tmp_path, monkeypatch):
    monkeypatch.setattr("page.handlers.FRAME_S", 0.0)
    library = Library(tmp_path / "index")
    yield Acts(Handlers(library, Settings()))
    library.close()


def ask(acts, request, *events, question="q", instead_of=""):
    handlers = acts.handlers
    handlers.begin(question, "[]", request, instead_of)
    handlers.conversation(request).chat = Script(*(events or EVENTS))
    return list(handlers.respond(request))


def turns(acts, request):
    return acts.handlers.conversation(request).turns


def test_a_new_tab_of_the_same_browser_goes_on_and_another_browser_starts_empty(acts):
    ask(acts, tab(ANN))
    acts.arrive(tab(ANN, "two"))
    (turn,) = turns(acts, tab(ANN, "two"))
    assert (turn.question, turn.state, turn.answer.confidence) == ("q", State.DONE, ANSWER.confidence)
    acts.arrive(tab(BOB))
    assert turns(acts, tab(BOB)) == ()
    assert turns(acts, tab(BOB, "two")) == ()  # nor by naming the session of another's tab


def test_without_a_cookie_nothing_is_kept(acts):
    ask(acts, tab(""))
    acts.arrive(tab("", "two"))
    assert turns(acts, tab("", "two")) == () and acts.store.entries(None) == ()


@pytest.mark.parametrize("action", ["open", "rename", "delete", "restore"])
def test_no_event_reaches_a_conversation_of_another_browser(acts, action):
    ask(acts, tab(ANN))
    (entry,) = acts.store.entries(ANN)
    _, *_, notice, _ = acts.act(click(action=action, value=str(entry.id), title="mine"), tab(BOB))
    assert "no such conversation" in notice["html"]
    assert acts.store.entries(ANN) == (entry,) and turns(acts, tab(BOB)) == ()
    with pytest.raises(gr.Error, match="no such conversation"):
        acts.export(click(form="html", value=str(entry.id)), tab(BOB))


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"action": "open"},
        {"action": "open", "value": "-1"},
        {"action": "open", "value": "9" * 40},
        {"action": "_history", "value": "1"},
        {"action": ["open"], "value": {"a": 1}},
        {"action": "retry", "value": "7"},
        {"action": "back", "value": "0"},
        {"action": "correct", "value": "7", "words": "x"},
        {"action": "undo", "value": "0"},
    ],
)
def test_an_event_without_sense_changes_nothing(acts, sent):
    ask(acts, tab(ANN))
    before = turns(acts, tab(ANN))
    acts.act(click(**sent), tab(ANN))
    assert turns(acts, tab(ANN)) == before
    acts.act(SimpleNamespace(_data="nonsense"), tab(ANN))
    assert acts.export(click(form="exe", value="1"), tab(ANN)) == gr.skip()


def begun(acts, request, *, steps):
    """The generator of an answer that has come so far."""
    acts.handlers.begin("q", "[]", request)
    acts.handlers.conversation(request).chat = Script(*EVENTS)
    stream = acts.handlers.respond(request)
    for _ in range(steps):
        next(stream)
    return stream


def test_a_stopped_answer_is_kept_as_far_as_it_came(acts):
    begun(acts, tab(ANN), steps=4)
    acts.handlers.stop(tab(ANN))
    acts.arrive(tab(ANN, "two"))
    (turn,) = turns(acts, tab(ANN, "two"))
    assert turn.state is State.STOPPED and turn.text == "Yes. [1]" and len(turn.citations) == 1


def test_an_answer_whose_browser_leaves_is_kept_as_far_as_it_came(acts):
    begun(acts, tab(ANN), steps=3).close()
    (saved,) = acts.store.read(ANN, acts.store.entries(ANN)[0].id).turns
    assert (saved.state, saved.text) == ("stopped", "Yes. [1]")


def test_a_failure_is_kept_as_its_sentence(acts):
    ask(acts, tab(ANN), ModelError("There is no model x."))
    acts.arrive(tab(ANN, "two"))
    assert turns(acts, tab(ANN, "two"))[0].error == "There is no model x."


def test_an_edit_replaces_and_undo_brings_back(acts):
    request = tab(ANN)
    ask(acts, request, question="one")
    ask(acts, request, question="two")
    ask(acts, request, question="one, better", instead_of="1")
    assert [turn.question for turn in turns(acts, request)] == ["one, better"]
    acts.act(click(action="undo", value="0"), request)
    assert [turn.question for turn in turns(acts, request)] == ["one", "two"]
    assert [turn.searched for turn in acts.handlers.conversation(request).understood] == ["one", "two"]


def test_what_another_tab_adds_is_seen_before_the_next_question(acts):
    ask(acts, tab(ANN), question="one")
    acts.arrive(tab(ANN, "two"))
    ask(acts, tab(ANN, "two"), question="two")
    ask(acts, tab(ANN), question="three")
    assert [turn.question for turn in turns(acts, tab(ANN))] == ["one", "two", "three"]


def test_where_nothing_can_be_kept_answers_still_come_and_the_list_says_why(acts, monkeypatch):
    def full(*_, **__):
        raise IndexNotWritable("The disk is full.")

    monkeypatch.setattr(acts.store, "create", full)
    said = ask(acts, tab(ANN))[-1][-1]["content"]
    assert "Yes." in said
    assert "The disk is full." in acts.listed(tab(ANN))["html"]


def test_a_damaged_file_of_conversations_does_not_keep_the_page_from_starting(tmp_path):
    write(tmp_path / "index", {"conversations.db": "no database " * 999})
    library = Library(tmp_path / "index")
    acts = Acts(Handlers(library, Settings()))
    ask(acts, tab(ANN))
    assert "are damaged" in acts.listed(tab(ANN))["html"] and len(turns(acts, tab(ANN))) == 1
    library.close()


def test_a_tab_opens_though_what_was_kept_cannot_be_read(acts, monkeypatch):
    ask(acts, tab(ANN))

    def unreadable(*_):
        raise IndexNotWritable("The disk is gone.")

    monkeypatch.setattr(acts.store, "entries", unreadable)
    history, chat, *_, notice, _ = acts.arrive(tab(ANN, "two"))
    assert chat == [] and "The disk is gone." in notice["html"] and "The disk is gone." in history["html"]


def test_that_nothing_answers_a_question_becomes_a_test_case(acts):
    ask(acts, tab(ANN), question="one")
    ask(acts, tab(ANN), question="two")
    *_, correct = acts.act(click(action="nothing", value="2"), tab(ANN))
    assert "1 in all" in correct["html"]
    (case,) = read_testset(acts.library.testset)
    assert (case.question, case.answers, case.before) == ("two", (), ("one",))
    assert turns(acts, tab(ANN))[1].rating == -1


# -- the cookie ----------------------------------------------------------------------------------------------


@pytest.fixture
def client():
    app = Starlette(routes=[Route("/", lambda request: PlainTextResponse(owner_of(request)))])
    return TestClient(Owner(app))


def test_a_browser_gets_one_name_and_keeps_it(client):
    first = client.get("/")
    cookie = first.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie and "Secure" not in cookie
    name = client.cookies[COOKIE]
    assert client.get("/").text == name and client.cookies[COOKIE] == name


@pytest.mark.parametrize("forged", ["", "x", "a" * 44, "../" + "a" * 40, "a" * 42 + "é"])
def test_a_name_that_is_none_of_ours_counts_as_none(forged):
    assert owner_of(tab(forged)) == ""


def test_a_visit_from_another_site_gets_no_new_name(client):
    reply = client.get("/", headers={"sec-fetch-site": "cross-site"})
    assert "set-cookie" not in reply.headers and 'http-equiv="refresh"' in reply.text


def test_behind_tls_the_cookie_is_secure():
    app = Starlette(routes=[Route("/", lambda request: PlainTextResponse(""))])
    assert "Secure" in TestClient(Owner(app), base_url="https://testserver").get("/").headers["set-cookie"]
