"""Evaluation: judged against small corpora in which every figure can be worked out by hand."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from index.errors import DocumentMissing
from index.index import Index
from index.squad import fingerprint
from index.types import Document, DocumentInfo, Span
from qa.ask import ask
from qa.evaluate import evaluate, with_sources
from qa.judge import judge
from qa.oracle import GoldCorpus, gold_places, own_context
from qa.read import AnswerSpan, Reading
from qa.report import page, rows, table
from qa.settings import Settings
from qa.testset import Question, read_testset
from tests.corpus import write
from tests.fakes import HashEncoder

TEXTS = {
    "boats.txt": "The ferry Aurora was built in Gdańsk in 1997. It carries 240 people 😀.\r\n",
    "trees.txt": "The oldest oak of the park stands by the northern gate. It was planted in 1712.\n",
    "bread.txt": "Rye bread needs a sourdough. The bakery opens at six.\n",
}


@dataclass(frozen=True)
class ScriptedReader:
    """Finds the words it was told to find for a question, as sure as it was told to be."""

    script: dict[str, tuple[str, float]]
    name: str = "scripted"

    def read(self, question, passages, *, top_k=3, relevance=None):
        words, probability = self.script.get(question, ("", 0.0))
        for number, passage in enumerate(passages):
            start = passage.find(words) if words else -1
            if start >= 0:
                span = AnswerSpan(number, start, start + len(words), words, probability, probability)
                return Reading((span,), 1 - probability)
        return Reading((), 1.0)


@pytest.fixture
def docs(tmp_path):
    return write(tmp_path / "docs", TEXTS)


def gold(source, words):
    start = TEXTS[source].index(words)
    return Span(start, start + len(words))


WHERE = Question(
    "Where was the ferry Aurora built?", ("Gdańsk",), "boats.txt", (gold("boats.txt", "Gdańsk"),)
)
PEOPLE = Question("How many people does the ferry carry?", ("240",), "boats.txt", (gold("boats.txt", "240"),))
OAK = Question("When was the oak planted?", ("1712",), "trees.txt", (gold("trees.txt", "1712"),))
OPENS = Question("When does the bakery open?", ("six", "at six"), "bread.txt", (gold("bread.txt", "at six"),))
MOON = Question("Who walked on the moon?", (), None, ())
PRICE = Question("What does the rye bread cost?", (), None, ())
TESTSET = (WHERE, PEOPLE, OAK, OPENS, MOON, PRICE)

READER = ScriptedReader(
    {
        WHERE.question: ("Gdańsk", 0.9),  # right
        PEOPLE.question: ("240 people 😀", 0.8),  # F1 of 1/2 (the emoji counts as a word), which is right
        OAK.question: ("northern gate", 0.7),  # wrong place, wrong words
        OPENS.question: ("six", 0.2),  # right, but too unsure: refused
        MOON.question: ("", 0.0),  # refused
        PRICE.question: ("sourdough", 0.6),  # invented
    }
)
SETTINGS = Settings(min_confidence=0.5, evidence_sentences=0)


@pytest.fixture
def evaluation(index):
    return evaluate(TESTSET, index, model=READER, settings=SETTINGS)


def test_every_verdict_is_given_to_the_answer_that_deserves_it(evaluation):
    verdicts = [result.verdict for result in evaluation.results]
    assert verdicts == ["right", "right", "wrong", "missed", "refused", "invented"]


def test_the_figures_are_those_worked_out_by_hand(evaluation):
    content = evaluation.to_dict()
    people_f1 = 2 / 4  # "240" against "240 people 😀": precision 1/3, recall 1
    assert content["n"] == 6
    assert content["exact_match"] == pytest.approx(100 * 2 / 6, abs=1e-3)  # Gdańsk, and the refusal of MOON
    assert content["f1"] == pytest.approx(100 * (2 + people_f1) / 6, abs=1e-3)
    assert content["answerable"]["n"] == 4 and content["unanswerable"] == 2 and content["answered"] == 4
    assert content["answerable"]["exact_match"] == 25
    assert content["answerable"]["f1"] == pytest.approx(100 * (1 + people_f1) / 4, abs=1e-3)
    assert content["recall@10"] == 100 and 0 < content["mrr"] <= 1
    assert content["citation_precision"] == pytest.approx(100 * 2 / 3, abs=1e-3)
    assert content["citation_recall"] == 50
    assert content["verbatim"] == 100
    assert content["refusal"] == {"precision": 50, "recall": 50}
    assert content["right"] == 50  # of the four answered
    # 0.9 and 0.8 were right, 0.7 and 0.6 wrong, each alone in its bin
    assert content["ece"] == pytest.approx((0.1 + 0.2 + 0.7 + 0.6) / 4)
    assert content["aurc"] == pytest.approx((0 + 0 + 1 / 3 + 2 / 4) / 4, abs=1e-4)
    assert content["latency_ms"]["p50"] <= content["latency_ms"]["p95"]


def test_the_json_holds_the_contracts_keys_and_an_interval_for_each_figure(evaluation):
    content = json.loads(json.dumps(evaluation.to_dict(), allow_nan=False))
    single = ["exact_match", "f1", "recall@1", "recall@5", "recall@10", "mrr", "citation_precision"]
    single += ["citation_recall", "verbatim", "right", "ece", "aurc"]
    for name in single:
        low, high = content["intervals"][name]
        assert low <= content[name] <= high
    for group, names in {"refusal": ["precision", "recall"], "latency_ms": ["p50", "p95"]}.items():
        for name in names:
            low, high = content["intervals"][group][name]
            assert low <= content[group][name] <= high
    assert content["model"] == "scripted" and content["encoder"] == "hash"
    assert content["index"] == {"documents": 3, "passages": 3, "missing": []}


def test_evaluating_twice_gives_the_same_figures(index, evaluation):
    again = evaluate(TESTSET, index, model=READER, settings=SETTINGS).to_dict()
    first = evaluation.to_dict()
    for content in (again, first):
        content.pop("latency_ms"), content["intervals"].pop("latency_ms")
    assert again == first


def test_a_quote_that_is_not_in_the_document_is_not_verbatim(index):
    document = index.document("boats.txt")
    changed = Document(
        document.source, document.sha256, document.text.replace("Gdańsk", "Danzig"), "text", ""
    )
    answer = ask(WHERE.question, index=index, model=READER, settings=SETTINGS)
    result = judge(WHERE, answer, (), GoldCorpus(changed, []), 1.0)
    assert (result.citations, result.verbatim, result.supporting) == (1, 0, 1)


def test_without_spans_every_place_of_an_answer_in_its_source_is_gold(index):
    question = Question("When?", ("IN 1997", "1997"), "boats.txt", ())
    document = index.document("boats.txt")
    (place,) = gold_places(question, document)
    assert document.text[place.start : place.end] == "in 1997"
    assert gold_places(Question("When?", ("1066",), "boats.txt", ()), document) == ()


def test_a_question_whose_place_nobody_knows_counts_in_no_retrieval_figure(index):
    lost = Question("Where was the ferry Aurora built?", ("Danzig",), "boats.txt", ())
    nowhere = Question("Where was the ferry Aurora built?", ("Gdańsk",), None, ())
    content = evaluate((lost, nowhere), index, model=READER, settings=SETTINGS).to_dict()
    assert content["recall@10"] is None and content["mrr"] is None
    assert content["citation_precision"] is None and content["intervals"]["recall@10"] == [None, None]
    assert content["exact_match"] == 50


def test_a_gold_source_outside_the_index_is_missed_and_named(index):
    lost = Question("Where was the ferry Aurora built?", ("Gdańsk",), "ships.txt", (Span(0, 3),))
    evaluation = evaluate((lost, WHERE), index, model=READER, settings=SETTINGS)
    assert evaluation.missing == ("ships.txt",)
    assert evaluation.to_dict()["recall@10"] == 50
    assert "ships.txt" in table(evaluation)


def squad_set(tmp_path) -> Path:
    text = TEXTS["boats.txt"]
    qas = [
        {"question": WHERE.question, "answers": [{"text": "Gdańsk", "answer_start": text.index("Gdańsk")}]},
        {"question": MOON.question, "answers": [], "is_impossible": True},
    ]
    content = {"data": [{"title": "Ferries", "paragraphs": [{"context": text, "qas": qas}]}]}
    path = tmp_path / "set.json"
    path.write_text(json.dumps(content), "utf-8")
    return path


def test_the_oracle_reads_squad_paragraphs_without_any_index(tmp_path):
    testset = read_testset(squad_set(tmp_path))
    evaluation = evaluate(testset, None, oracle=True, model=READER, settings=SETTINGS)
    content = evaluation.to_dict()
    assert content["exact_match"] == content["f1"] == content["verbatim"] == content["citation_recall"] == 100
    assert content["recall@1"] is None and content["oracle"] is True and content["encoder"] == ""
    assert content["index"] == {"documents": 0, "passages": 0, "missing": []}


def test_squad_paragraphs_in_the_index_are_found_under_the_names_of_the_test_set(tmp_path):
    path = squad_set(tmp_path)
    with Index.open(tmp_path / ".qa", encoder=HashEncoder(), create=True) as index:
        index.add([path], as_squad=True)
        content = evaluate(read_testset(path), index, model=READER, settings=SETTINGS).to_dict()
    assert content["recall@1"] == content["exact_match"] == content["verbatim"] == 100
    assert content["index"]["missing"] == []


def squad_file(path, context, question=WHERE.question, answer="Gdańsk", title="Ferries"):
    path.parent.mkdir(parents=True, exist_ok=True)
    qas = [{"question": question, "answers": [{"text": answer, "answer_start": context.find(answer)}]}]
    content = {"data": [{"title": title, "paragraphs": [{"context": context, "qas": qas}]}]}
    path.write_text(json.dumps(content))
    return path


def test_of_two_squad_files_with_one_title_each_is_scored_on_its_own_paragraphs(tmp_path):
    one = squad_file(tmp_path / "one.json", TEXTS["trees.txt"], OAK.question, "1712")
    two = squad_file(tmp_path / "two.json", TEXTS["boats.txt"])
    with Index.open(tmp_path / ".qa", encoder=HashEncoder(), create=True) as index:
        for path in (one, two):
            index.add([path], as_squad=True)
        reader = ScriptedReader({WHERE.question: ("Gdańsk", 0.9), OAK.question: ("1712", 0.9)})
        for path, source in ((one, "Ferries/0"), (two, "two.json/Ferries/0")):
            evaluation = evaluate(read_testset(path), index, model=reader, settings=SETTINGS)
            assert [result.question.source for result in evaluation.results] == [source]
            content = evaluation.to_dict()
            assert content["recall@1"] == content["citation_precision"] == content["citation_recall"] == 100
            assert evaluation.missing == ()


def test_the_source_of_a_context_is_the_document_that_holds_it_else_the_name():
    def document(source, text):
        return DocumentInfo(source, fingerprint(text), len(text), 1, 0)

    documents = [document("a/0", "one 🌧️"), document("b/0", "two"), document("c/0", "two")]
    contexts = {"a/0": "two", "c/0": "two", "d/0": "one 🌧️", "b/0": "three"}
    asked = [Question("Q?", ("x",), source, (), context) for source, context in contexts.items()]
    asked.append(Question("Q?", ("x",), "z.txt", ()))
    found = [question.source for question in with_sources(asked, documents)]
    assert found == ["b/0", "c/0", "a/0", "b/0", "z.txt"]


def test_a_copy_that_is_shown_in_place_of_the_gold_source_counts_as_found(tmp_path):
    docs = write(tmp_path / "docs", {"a.txt": TEXTS["boats.txt"], "b.txt": TEXTS["boats.txt"]})
    question = Question(WHERE.question, WHERE.answers, "b.txt", WHERE.spans)
    with Index.open(tmp_path / ".qa", encoder=HashEncoder(), create=True) as index:
        index.add([docs])
        (hit,) = index.search(WHERE.question)
        assert (hit.passage.source, hit.also) == ("a.txt", ("b.txt",))
        content = evaluate((question,), index, model=READER, settings=SETTINGS).to_dict()
        elsewhere = Question(WHERE.question, ("Danzig",), "b.txt", (Span(0, 3),))
        result = judge(elsewhere, ask("?", index=index, model=READER), (hit,), index, 1.0)
    assert content["recall@1"] == 100
    assert result.rank == 1


def test_lone_surrogates_in_a_squad_file_stop_neither_the_oracle_nor_the_index(tmp_path):
    text = "\ud83d The ferry Aurora was built in Gdańsk."
    path = squad_file(
        tmp_path / "set.json", text, title="Ferries \udc00", question="\ud83d " + WHERE.question
    )
    testset = read_testset(path)
    reader = ScriptedReader({"? " + WHERE.question: ("Gdańsk", 0.9)})
    oracle = evaluate(testset, None, oracle=True, model=reader, settings=SETTINGS).to_dict()
    with Index.open(tmp_path / ".qa", encoder=HashEncoder(), create=True) as index:
        assert index.add([path], as_squad=True).failed == ()
        found = evaluate(testset, index, model=reader, settings=SETTINGS).to_dict()
    assert oracle["exact_match"] == found["exact_match"] == found["recall@1"] == 100


def test_a_blank_question_is_refused_and_the_evaluation_goes_on(tmp_path):
    path = squad_file(tmp_path / "set.json", TEXTS["boats.txt"], question=" ")
    evaluation = evaluate(read_testset(path), None, oracle=True, model=READER, settings=SETTINGS)
    assert [result.verdict for result in evaluation.results] == ["missed"]
    with Index.open(tmp_path / ".qa", encoder=HashEncoder(), create=True) as index:
        index.add([path], as_squad=True)
        evaluation = evaluate(read_testset(path), index, model=READER, settings=SETTINGS)
    assert [(result.verdict, result.rank) for result in evaluation.results] == [("missed", None)]


def test_the_oracle_shows_only_the_gold_passages_of_an_indexed_document(tmp_path):
    lines = "\n\n".join(
        f"Paragraph {number} is about the number {number}. " + "Words. " * 120 for number in range(8)
    )
    docs = write(tmp_path / "docs", {"long.txt": lines, "other.txt": "The number 5."})
    start = lines.index("the number 5")
    question = Question(
        "What is paragraph 5 about?", ("the number 5",), "long.txt", (Span(start, start + 12),)
    )
    with Index.open(tmp_path / ".qa", encoder=HashEncoder(), create=True) as index:
        index.add([docs])
        corpus = own_context(question, index)
        hits = corpus.search("anything")
        assert hits and all(hit.passage.source == "long.txt" for hit in hits)
        assert all(hit.passage.span.overlaps(question.spans[0]) for hit in hits)
        unanswerable = Question("Who?", (), None, ())
        assert own_context(unanswerable, index) is index
        with pytest.raises(DocumentMissing):
            corpus.document("other.txt")


def test_an_evaluation_needs_questions_and_something_to_search(index):
    with pytest.raises(ValueError, match="without questions"):
        evaluate((), index)
    with pytest.raises(ValueError, match="without an index"):
        evaluate((WHERE,), None, oracle=True, model=READER, settings=SETTINGS)


def test_progress_counts_the_questions(index):
    seen = []
    evaluate(TESTSET, index, model=READER, settings=SETTINGS, on_progress=seen.append)
    assert seen == [1, 2, 3, 4, 5, 6]


def test_the_table_is_aligned_and_says_what_was_not_measured(tmp_path, evaluation):
    lines = table(evaluation).splitlines()
    assert "6 questions: 4 answerable, 2 not; 4 answered, 2 refused." in lines
    assert any(re.fullmatch(r"Verbatim citations, %\s+100\.0\s+100\.0 to 100\.0", line) for line in lines)
    oracle = evaluate(read_testset(squad_set(tmp_path)), None, oracle=True, model=READER, settings=SETTINGS)
    assert {row.name: row.value for row in rows(oracle)}["Recall@1, %"] == "-"


def test_the_page_shows_every_question_escaped_and_loads_nothing(index):
    hostile = Question('<script>alert("x")</script>', ("<b>",), "boats.txt", ())
    html = page(evaluate((*TESTSET, hostile), index, model=READER, settings=SETTINGS), "A & B")
    assert "<title>A &amp; B</title>" in html
    assert "<script" not in html and "&lt;script&gt;" in html
    assert re.search(r"\s(?:src|href)=|url\(|@import", html) is None
    for question in TESTSET:
        assert question.question in html
    assert "<mark>Gdańsk</mark>" in html and "<mark>sourdough</mark>" in html
    for verdict in ("right", "wrong", "missed", "refused", "invented"):
        assert f'class="{verdict}"' in html
