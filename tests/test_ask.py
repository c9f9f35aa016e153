"""From a question to an answer whose every citation is the text at its place."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import qa
from index import Index
from index.errors import DocumentMissing, IndexMissing, ModelError, SettingsError
from qa.answer import MARKER, Cited, Done, Retrieved, Text
from qa.ask import NO_DOCUMENTS, NO_QUESTION, NO_SOURCES, REFUSAL, clean, open_index
from qa.cite import pieces
from qa.settings import Settings, read_settings
from qa.several import wants_several
from tests.corpus import write
from tests.fakes import HashEncoder
from tests.readers import FixedReader, WordReader

HARBOUR = (
    "The pier closed in May.\r\n"
    "The harbour  budget of 5 M€ [7] was **approved** by Ada Lindqvist. It rained.\n"
)
TEXTS = {
    "harbour.txt": HARBOUR,
    "minutes.md": "# Minutes\n\nAda Lindqvist also signed the harbour lease. 東京 🌧️ Zürich.\n",
    "copy.md": HARBOUR,
}


@pytest.fixture
def docs(tmp_path) -> Path:
    return write(tmp_path / "docs", TEXTS)


def assert_sound(answer, index):
    """Every citation is the text at its place, and the markers in the text are those of the citations."""
    for citation in answer.citations:
        document = index.document(citation.source)
        assert document.text[citation.start : citation.end] == citation.quote
        assert document.sha256 == citation.sha256
    assert {int(number) for number in MARKER.findall(answer.text)} == {c.marker for c in answer.citations}


def test_the_answer_stands_in_bold_in_its_sentence_and_is_cited_exactly(index):
    answer = qa.ask(
        "Who approved the harbour budget?", index=index, model=FixedReader({"Ada Lindqvist": 0.9})
    )
    assert answer.text.startswith(
        r"The harbour budget of 5 M€ \[7\] was \*\*approved\*\* by **Ada Lindqvist**. [1]"
    )
    assert answer.citations[0].quote == "Ada Lindqvist"
    assert (answer.refused, answer.confidence, answer.model) == (False, 0.9, "fixed")
    assert_sound(answer, index)


def test_a_sentence_that_gives_the_same_answer_is_further_evidence_but_a_copy_is_not(index):
    answer = qa.ask("Who?", index=index, model=FixedReader({"Ada Lindqvist": 0.9}))
    assert [c.quote for c in answer.citations] == [
        "Ada Lindqvist",
        "Ada Lindqvist also signed the harbour lease.",
    ]
    assert answer.text.endswith("\n\nAda Lindqvist also signed the harbour lease. [2]")


def test_another_answer_is_evidence_only_when_nearly_as_probable(index):
    weak = qa.ask("Who?", index=index, model=FixedReader({"Ada Lindqvist": 0.9, "May": 0.2}))
    strong = qa.ask("Who?", index=index, model=FixedReader({"Ada Lindqvist": 0.9, "May": 0.8}))
    assert "The pier closed" not in weak.text
    assert "The pier closed in May." in [citation.quote for citation in strong.citations]


def test_a_question_that_wants_several_answers_lists_those_nearly_as_probable(index):
    reader = FixedReader({"Ada Lindqvist": 0.9, "May": 0.8, "5 M€": 0.7, "rained": 0.2})
    answer = qa.ask("Which two things?", index=index, model=reader, sources="harbour.txt")
    assert answer.text == (
        r"- The harbour budget of **5 M€** [2] \[7\] was \*\*approved\*\* by **Ada Lindqvist** [1]."
        "\n- The pier closed in **May**. [3]"
    )
    assert [c.quote for c in answer.citations] == ["Ada Lindqvist", "5 M€", "May"]
    assert_sound(answer, index)


def test_the_items_of_a_list_that_share_a_sentence_stand_in_it_without_a_bullet(index):
    reader = FixedReader({"budget": 0.9, "Ada": 0.8})
    answer = qa.ask("Who were they?", index=index, model=reader, sources="harbour.txt")
    assert answer.text.startswith("The harbour **budget** [1] of 5 M€")
    assert "by **Ada** [2] Lindqvist." in answer.text
    assert_sound(answer, index)


def test_who_asks_for_one_thing_gets_one_answer(index):
    reader = FixedReader({"Ada Lindqvist": 0.9, "May": 0.8})
    answer = qa.ask("Who was it?", index=index, model=reader, sources="harbour.txt")
    assert answer.text.count("**Ada Lindqvist**") == 1
    assert "**May**" not in answer.text


@pytest.mark.parametrize(
    ("question", "several"),
    [
        ("Which two levers could bring him back?", True),
        ("Who were the founders of the club?", True),
        ("What are the steps to descale the boiler?", True),
        ("list the attendees", True),
        ("Welche drei Städte werden genannt?", True),
        ("Who is present?", True),
        ("Welche Tiere sind erlaubt?", True),
        ("Welche Tiere dürfen gehalten werden?", True),
        ("Nenne die Gründer", True),
        ("Name the founders.", True),
        ("Which animals are allowed?", True),
        ("What steps must we take?", True),
        ("On which days do deliveries arrive?", True),
        ("Which plants need shade?", True),
        ("Wer war anwesend?", True),
        ("Which of the animals are allowed?", True),
        ("Which company supplies the pump?", False),
        ("Which bank holds the money?", False),
        ("What happens when the boiler fails?", False),
        ("Which model weighs more?", False),
        ("Which of the two lighthouses is older?", False),
        ("What time are the doors opened?", False),
        ("Welche Höhe dürfen Hecken haben?", False),
        ("Which bus did he take?", False),
        ("Name the founder.", False),
        ("Who was the founder?", False),
        ("What is the rent?", False),
        ("In what year was it built?", False),
        ("What does the process cost?", False),
        ("Wer ist Vorsitzende?", False),
    ],
)
def test_grammar_tells_whether_several_answers_are_wanted(question, several):
    assert wants_several(question) is several


def test_no_more_evidence_is_shown_than_the_settings_want(index):
    reader = FixedReader({"Ada Lindqvist": 0.9, "May": 0.8})
    answer = qa.ask("Who?", index=index, model=reader, settings=Settings(evidence_sentences=0))
    assert len(answer.citations) == 1


def test_white_space_collapses_in_the_text_and_never_in_the_quote(index):
    answer = qa.ask("What?", index=index, model=FixedReader({" harbour  budget": 0.9}))
    assert "The **harbour budget** of" in answer.text
    assert answer.citations[0].quote == "harbour  budget"


def test_an_answer_over_two_sentences_is_one_citation(index):
    answer = qa.ask("What?", index=index, model=FixedReader({"in May.\r\nThe harbour": 0.9}))
    assert answer.citations[0].quote == "in May.\r\nThe harbour"
    assert answer.text.startswith("The pier closed **in May. The harbour** budget of 5 M€")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_whatever_span_a_reader_chooses_the_answer_is_sound(index, data):
    start = data.draw(st.integers(0, len(HARBOUR) - 1))
    words = HARBOUR[start : data.draw(st.integers(start + 1, len(HARBOUR)))]
    answer = qa.ask("harbour budget approved?", index=index, model=FixedReader({words: 0.9}))
    assert_sound(answer, index)
    if not answer.refused:
        assert answer.citations[0].quote == words.strip()
        assert [p.text for p in pieces(answer.text) if p.kind == "bold"] == [" ".join(words.split())]


def test_low_confidence_is_a_refusal_with_the_nearest_passages(index):
    reader = FixedReader({"May": 0.4})
    answer = qa.ask("harbour?", index=index, model=reader, min_confidence=0.41)
    assert (answer.refused, answer.text, answer.citations, answer.confidence) == (True, REFUSAL, (), 0.4)
    assert answer.hits
    assert not qa.ask("harbour?", index=index, model=reader, min_confidence=0.4).refused


def test_a_reader_that_finds_nothing_is_a_refusal(index):
    answer = qa.ask("harbour?", index=index, model=FixedReader({}))
    assert (answer.refused, answer.text, answer.confidence) == (True, REFUSAL, 0.0)


@pytest.mark.parametrize("question", ["", " \t\r\n", "\x00", "\u00a0"])
def test_an_empty_question_is_told_so(index, question):
    answer = qa.ask(question, index=index, model=FixedReader({"May": 0.9}))
    assert (answer.refused, answer.text, answer.hits) == (True, NO_QUESTION, ())


def test_an_empty_index_is_told_so(tmp_path):
    with Index.open(tmp_path / "empty", encoder=HashEncoder(), create=True) as index:
        assert qa.ask("harbour?", index=index, model=FixedReader({})).text == NO_DOCUMENTS


def test_only_the_chosen_sources_answer(index):
    reader = FixedReader({"Ada Lindqvist": 0.9})
    answer = qa.ask("Ada Lindqvist harbour?", index=index, model=reader, sources=["minutes.md"])
    assert {citation.source for citation in answer.citations} == {"minutes.md"}
    assert {hit.passage.source for hit in answer.hits} == {"minutes.md"}
    assert qa.ask("harbour?", index=index, model=reader, sources=[]).text == NO_SOURCES


def test_a_source_that_the_index_lacks_is_an_error_and_no_refusal(index):
    reader = FixedReader({"Ada Lindqvist": 0.9})
    for sources in (["minutes.md", "no.txt"], "no.txt"):
        with pytest.raises(DocumentMissing, match=r"no\.txt"):
            qa.ask("harbour?", index=index, model=reader, sources=sources)


def test_a_name_alone_is_one_source(index):
    reader = FixedReader({"Ada Lindqvist": 0.9})
    answer = qa.ask("Ada Lindqvist harbour?", index=index, model=reader, sources="minutes.md")
    assert {citation.source for citation in answer.citations} == {"minutes.md"}


@pytest.mark.parametrize(
    "question",
    ["harbour budget " * 5000, "harbour \ud800 \x00 budget?", "港の予算は？", '*?:AND (OR "', "🌧️" * 900],
)
def test_no_question_is_too_long_or_too_odd(index, question):
    answer = qa.ask(question, index=index, model=WordReader())
    json.dumps(answer.to_dict()).encode()
    assert answer.question == clean(question)
    assert_sound(answer, index)


def test_a_document_removed_between_search_and_citation_is_not_cited(index):
    reader = FixedReader({"Ada Lindqvist": 0.9}, before=lambda: index.remove("minutes.md"))
    answer = qa.ask("Who signed the lease?", index=index, model=reader)
    assert answer.citations and "minutes.md" not in {citation.source for citation in answer.citations}


def test_a_document_changed_between_search_and_citation_is_not_cited(index, docs):
    def change():
        for source in ("harbour.txt", "copy.md"):
            (docs / source).write_text("Erratum. " + TEXTS[source], "utf-8")
        index.add([docs])

    answer = qa.ask("Who?", index=index, model=FixedReader({"May": 0.9, "Ada Lindqvist": 0.8}, before=change))
    assert [citation.source for citation in answer.citations] == ["minutes.md"]
    assert 0.75 < answer.confidence <= 0.8
    assert_sound(answer, index)


def test_when_every_document_changed_the_answer_is_a_refusal(index):
    def remove():
        for info in index.documents():
            index.remove(info.source)

    answer = qa.ask("Who?", index=index, model=FixedReader({"Ada Lindqvist": 0.9}, before=remove))
    assert (answer.refused, answer.text, answer.citations) == (True, REFUSAL, ())


def test_the_events_add_up_to_the_answer(index):
    events = list(qa.stream("Who?", index=index, model=FixedReader({"Ada Lindqvist": 0.9})))
    assert [event.type for event in events] == ["retrieved", "text", "citation", "text", "citation", "done"]
    assert isinstance(events[0], Retrieved) and isinstance(events[-1], Done)
    answer = events[-1].answer
    assert "".join(event.text for event in events if isinstance(event, Text)) == answer.text
    assert tuple(event.citation for event in events if isinstance(event, Cited)) == answer.citations
    assert events[0].hits == answer.hits


def test_the_json_is_the_one_of_the_contract(index):
    answer = qa.ask("Who?", index=index, model=FixedReader({"Ada Lindqvist": 0.9}))
    content = json.loads(json.dumps(answer.to_dict(), allow_nan=False))
    keys = ["question", "text", "refused", "confidence", "citations", "hits", "timings", "model"]
    assert list(content) == keys
    assert list(content["citations"][0]) == ["marker", "source", "sha256", "start", "end", "quote", "page"]
    assert list(content["hits"][0]) == ["source", "start", "end", "page", "score"]
    assert list(content["timings"]) == ["retrieve", "read", "cite", "total"]
    stages = content["timings"]
    assert stages["total"] == pytest.approx(stages["retrieve"] + stages["read"] + stages["cite"])


def test_a_folder_is_opened_once_and_sees_what_is_added_later(tmp_path, docs):
    folder = tmp_path / "index"
    with Index.open(folder, create=True) as writer:
        reader = FixedReader({"Ada Lindqvist": 0.9})
        assert qa.ask("Ada Lindqvist?", index=folder, model=reader).text == NO_DOCUMENTS
        writer.add([docs])
        assert not qa.ask("Ada Lindqvist?", index=str(folder), model=reader).refused
        assert open_index(folder) is open_index(str(folder) + os.sep)


def test_a_folder_made_anew_is_opened_anew(tmp_path, docs):
    folder = tmp_path / "index"
    Index.open(folder, create=True).close()
    first = open_index(folder)
    folder.rename(tmp_path / "elsewhere")
    with pytest.raises(IndexMissing):
        open_index(folder)
    Index.open(folder, create=True).close()
    assert open_index(folder) is not first


def test_without_an_index_the_environment_says_which(tmp_path, monkeypatch):
    monkeypatch.setenv("QA_INDEX", str(tmp_path / "nowhere"))
    with pytest.raises(IndexMissing, match="nowhere"):
        qa.ask("Who?", model=FixedReader({}))


def test_an_unknown_model_is_named(index):
    with pytest.raises(ModelError, match="no-such-model"):
        qa.ask("Who?", index=index, model="no-such-model")


def test_arguments_win_over_settings_and_these_over_the_environment(index, monkeypatch):
    monkeypatch.setenv("QA_TOP_K", "1")
    reader = FixedReader({"Ada Lindqvist": 0.9})
    assert len(qa.ask("harbour?", index=index, model=reader).hits) == 1
    assert len(qa.ask("harbour?", index=index, model=reader, settings=Settings(top_k=2)).hits) == 2
    assert len(qa.ask("harbour?", index=index, model=reader, top_k=1, settings=Settings(top_k=2)).hits) == 1


@pytest.mark.parametrize("wrong", [{"top_k": 0}, {"min_confidence": 2}, {"model": ""}])
def test_an_argument_out_of_its_range_is_named_in_one_sentence(index, wrong):
    ((name, value),) = wrong.items()
    with pytest.raises(ValueError, match=f"^{name} is {value!r}: [^\n]+[.]$"):
        qa.ask("harbour?", index=index, **({"model": FixedReader({})} | wrong))


def test_a_question_that_is_no_text_is_a_mistake_of_the_caller(index):
    with pytest.raises(TypeError, match="must be a str, not NoneType"):
        qa.ask(None, index=index)


def test_an_empty_variable_counts_as_none(monkeypatch):
    for name in ("QA_TOP_K", "QA_MODEL", "QA_INDEX", "QA_PROMPTS"):
        monkeypatch.setenv(name, "")
    assert read_settings() == Settings()
    assert (read_settings().top_k, read_settings().model, read_settings().prompts) == (8, "reader", None)


def test_a_setting_that_cannot_be_used_is_named(monkeypatch):
    monkeypatch.setenv("QA_MIN_CONFIDENCE", "often")
    with pytest.raises(SettingsError, match="QA_MIN_CONFIDENCE is 'often'"):
        read_settings()


def test_importing_qa_is_cheap():
    code = (
        "import sys; before = set(sys.modules); import qa; new = set(sys.modules) - before;"
        "heavy = {'torch', 'gradio', 'faiss', 'openvino', 'numpy', 'pydantic', 'tantivy'} & new;"
        "assert not heavy, heavy; assert callable(qa.ask) and qa.Chat; print(len(new))"
    )
    assert int(subprocess.check_output([sys.executable, "-c", code])) < 150  # seconds say how busy it is here


def test_the_function_ask_is_not_hidden_by_its_module():
    code = "import qa.ask, qa.chat; from qa.ask import stream; import qa; assert callable(qa.ask)"
    subprocess.run([sys.executable, "-c", code], check=True)
