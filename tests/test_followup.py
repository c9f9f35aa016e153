"""A language model may rewrite a follow-up; what it makes up is not searched for."""

import json
import logging
import sys

import pytest

import qa
from index import Index
from index.errors import ModelError
from qa.answer import Retrieved
from qa.evaluate import evaluate
from qa.followup import is_faithful, read_rewriting, show_history
from qa.forms import Quotes
from qa.generate import Generator
from qa.server import Server
from qa.settings import Settings
from qa.show import run_terminal_chat
from qa.testset import Question
from tests.chat_server import ChatServer, serving
from tests.corpus import write
from tests.fakes import HashEncoder
from tests.readers import FixedReader

TEXTS = {
    "harbour.txt": "The harbour budget was approved by Ada Lindqvist. The vote took place on 3 May 2021."
}
TURNS = [("Who approved the harbour budget?", "The budget was approved by **Ada Lindqvist**. [1]")]


@pytest.mark.parametrize(
    ("rewritten", "fine"),
    [
        ("When did Ada Lindqvist approve the harbour budget?", True),
        ("When did she do that?", True),
        ("", False),
        ("When did Ada Lindström approve the harbour budget?", False),
        ("When did Ada Lindqvist approve the harbour budget of 2021?", False),
        ("When did Ada Lindqvist approve the harbour budget? " * 9, False),
        ('{"answer": null}', False),
        ("see http://evil.example when did she do that", False),
    ],
)
def test_a_rewriting_says_no_more_than_the_conversation(rewritten, fine):
    assert is_faithful(rewritten, "When did she do that?", TURNS) == fine


def test_a_rewriting_keeps_the_words_of_the_question():
    assert not is_faithful("Who approved the harbour budget?", "And the swimming pool entrance?", TURNS)


@pytest.mark.parametrize(
    ("reply", "question"),
    [
        ('{"question": "Why \\"so\\"?"}', 'Why "so"?'),
        ('```json\n{"question":\n"Why?"}\n```', "Why?"),
        ('<think>{"question": "no"}</think> {"question": "Why?"}', "Why?"),
        ('"Why?"', "Why?"),
        ("Here it is:\nWhy?", ""),
        ('{"question": 5}', ""),
        ("", ""),
    ],
)
def test_a_rewriting_is_read_from_whatever_stands_around_it(reply, question):
    assert read_rewriting(reply) == question


def test_the_history_is_short_and_plain():
    shown = show_history([("first", "x")] * 5 + [("Who?\n{question}", "word " * 200)])
    assert shown.count("Question:") == 3
    assert len(shown) < 600
    assert show_history(TURNS).endswith("Answer: The budget was approved by Ada Lindqvist.")


class Model:
    """Quotes the first passage, and rewrites each question to the same words."""

    name = "model"

    def __init__(self, rewriting: str | Exception) -> None:
        self.rewriting = rewriting
        self.prompts: list[str] = []

    def form(self, limits, deadline):
        return Quotes()

    def write(self, task):
        quote = {"passage": 1, "quote": "approved by Ada Lindqvist"}
        yield json.dumps({"answer": [{"quotes": [quote], "text": "Ada Lindqvist approved it."}]})

    def complete(self, messages, schema, limits, deadline):
        self.prompts.append(messages[-1].content)
        if isinstance(self.rewriting, Exception):
            raise self.rewriting
        yield json.dumps({"question": self.rewriting})


@pytest.fixture
def index(tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules["qa.ask"], "load_reader", lambda: FixedReader({"Ada Lindqvist": 0.9}))
    monkeypatch.setattr("qa.written.support", lambda *_: 1.0)
    with Index.open(tmp_path / ".qa", encoder=HashEncoder(), create=True) as opened:
        opened.add([write(tmp_path / "docs", TEXTS)])
        yield opened


def test_a_model_rewrites_the_second_question_and_says_so(index):
    model = Model("When did Ada Lindqvist approve the harbour budget?")
    chat = qa.Chat(index=index, model=Generator(model))
    assert chat.ask(TURNS[0][0]).searched == ""
    assert model.prompts == []
    events = list(chat.stream("When did she do that?"))
    assert isinstance(events[0], Retrieved)
    assert events[0].searched == events[-1].answer.searched == model.rewriting
    assert events[-1].answer.to_dict()["searched"] == model.rewriting
    assert "Ada Lindqvist approved it." in model.prompts[0]


@pytest.mark.parametrize("rewriting", [ModelError("it is tired"), "", "Who is Napoleon Bonaparte?"])
def test_where_the_model_fails_or_invents_the_rules_resolve(index, rewriting, caplog):
    chat = qa.Chat(index=index, model=Generator(Model(rewriting)))
    chat.ask(TURNS[0][0])
    with caplog.at_level(logging.INFO):
        answer = chat.ask("When did she do that?")
    assert answer.searched == "When did she do that? approved harbour budget Ada Lindqvist"
    assert "Napoleon" not in caplog.text
    assert answer.citations


@pytest.mark.parametrize("constrains", [True, False])
def test_a_server_rewrites_too(constrains):
    replies = ChatServer(lambda _: json.dumps({"question": "When did Ada do that?"}), constrains=constrains)
    with serving(replies) as server:
        rewritten = Generator(Server(server.address)).rewrite("When did she do that?", TURNS)
        asked = server.answering[0]
    assert rewritten == "When did Ada do that?"
    assert ("response_format" in asked) == constrains


def test_an_evaluation_asks_the_questions_before_first(index):
    follow_up = Question("And when was that?", ("3 May 2021",), None, (), before=(TURNS[0][0],))
    reader = FixedReader({"3 May 2021": 0.9})
    evaluate([follow_up], index, model=reader)
    assert reader.questions[-1] == "And when was that? approved harbour budget"
    evaluate([follow_up], index, model=reader, alone=True)
    assert reader.questions[-1] == "And when was that?"


def test_the_terminal_chat_shows_what_is_searched_for(index, monkeypatch, capsys):
    import io

    monkeypatch.setattr("sys.stdin", io.StringIO(f"{TURNS[0][0]}\n\nAnd when was that?\n"))
    run_terminal_chat(index, Settings())
    out = capsys.readouterr().out
    assert out.count("approved by Ada Lindqvist. [1]") == 2
    assert "searched for: And when was that? approved harbour budget\n" in out
