"""Test sets in JSON Lines and SQuAD files: what is read, and which sentence a damaged file gets."""

import json

import pytest

from index.errors import LoadError, TestSetError
from index.squad import paragraphs
from index.types import Span
from qa.testset import Question, read_testset


@pytest.fixture
def write(tmp_path):
    def write(content, name="set.jsonl"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def squad(*articles):
    return json.dumps({"version": "v2.0", "data": list(articles)})


def article(title, *contexts, qas=()):
    rows = [{"context": context, "qas": list(qas)} for context in contexts]
    return {"title": title, "paragraphs": rows} if title is not None else {"paragraphs": rows}


def test_json_lines_are_read_with_all_their_fields(write):
    path = write(
        '{"question": "Wo?", "answers": ["Zürich", "in Zürich"], "source": "a/b.txt", '
        '"spans": [[3, 9], [20, 26]]}\r\n'
        "\n"
        '{"question": "Why\u2028so?", "answers": [], "source": null, "id": 7}'
    )
    assert read_testset(path) == (
        Question("Wo?", ("Zürich", "in Zürich"), "a/b.txt", (Span(3, 9), Span(20, 26))),
        Question("Why\u2028so?", (), None, ()),
    )


def test_a_single_line_and_a_byte_order_mark_are_no_obstacle(write):
    path = write(b"\xef\xbb\xbf" + b'{"question": "Q?", "answers": ["x"], "source": "a", "data": 1}')
    assert [question.question for question in read_testset(path)] == ["Q?"]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("{not json", "not a JSON object"),
        ("[1, 2]", "not a JSON object"),
        ("[" * 100_000, "not a JSON object"),
        ('{"answers": [], "source": null}', '"question"'),
        ('{"question": " ", "answers": [], "source": null}', '"question"'),
        ('{"question": "Q?", "source": null}', '"answers"'),
        ('{"question": "Q?", "answers": "x", "source": null}', '"answers"'),
        ('{"question": "Q?", "answers": ["x", 3], "source": "a"}', '"answers"'),
        ('{"question": "Q?", "answers": ["x"], "source": 3}', '"source"'),
        ('{"question": "Q?", "answers": ["x"], "source": "a", "spans": [[4, 3]]}', '"spans"'),
        ('{"question": "Q?", "answers": ["x"], "source": "a", "spans": [[true, 3]]}', '"spans"'),
        ('{"question": "Q?", "answers": ["x"], "source": "a", "spans": [[-1, 3]]}', '"spans"'),
        ('{"question": "Q?", "answers": [], "source": "", "spans": [[4, 3]]}', '"spans"'),
    ],
)
def test_a_damaged_line_is_named_by_its_number(write, line, complaint):
    path = write('{"question": "Q?", "answers": [], "source": null}\n\n' + line + "\n")
    with pytest.raises(TestSetError) as raised:
        read_testset(path)
    assert f"{path}, line 3: " in str(raised.value)
    assert complaint in str(raised.value)


@pytest.mark.parametrize(
    ("fields", "read"),
    [
        ('"answers": [""], "source": "a", "spans": [[0, 3]]', ((), "a", ())),
        ('"answers": ["x", " "], "source": "a"', (("x",), "a", ())),
        ('"answers": ["x"], "source": "", "spans": [[0, 3]]', (("x",), None, ())),
        ('"answers": ["x"], "source": null, "spans": [[0, 3]]', (("x",), None, ())),
        ('"answers": [], "source": "a", "spans": [[0, 3]]', ((), "a", ())),
        ('"answers": ["x"], "source": "a", "spans": [[3, 3], [4, 5]]', (("x",), "a", (Span(4, 5),))),
    ],
)
def test_what_says_nothing_is_left_out_and_the_question_stays(write, fields, read):
    (question,) = read_testset(write(f'{{"question": "Q?", {fields}}}'))
    assert (question.answers, question.source, question.spans) == read


def test_files_that_are_no_test_set_are_refused_with_a_sentence(write, tmp_path):
    cases = [
        (tmp_path / "missing.jsonl", "cannot be read"),
        (tmp_path, "cannot be read"),
        (write(""), "no question"),
        (
            write(b'{"question": "Q?", "answers": []}\n{"question": "\xff"}', "latin.jsonl"),
            "line 2: this is not UTF-8",
        ),
        (write('{"data": []}', "empty.json"), "no question"),
        (write('{"data": [{"title": "T"}]}', "bare.json"), 'article 1 has no list called "paragraphs"'),
    ]
    for path, complaint in cases:
        with pytest.raises(TestSetError) as raised:
            read_testset(path)
        assert complaint in str(raised.value)


def test_squad_questions_carry_their_paragraph_and_exact_spans(write):
    qas = [
        {
            "question": "Where?",
            "answers": [{"text": "Zürich", "answer_start": 6}, {"text": "Zürich", "answer_start": 6}],
        },
        {
            "question": "Who?",
            "is_impossible": True,
            "answers": [],
            "plausible_answers": [{"text": "😀", "answer_start": 3}],
        },
    ]
    where, who = read_testset(write(squad(article("Cities", "It 😀, Zürich.", qas=qas)), "set.json"))
    assert where == Question("Where?", ("Zürich",), "Cities/0", (Span(6, 12),), "It 😀, Zürich.")
    assert where.context[where.spans[0].start : where.spans[0].end] == "Zürich"
    assert who == Question("Who?", (), "Cities/0", (), "It 😀, Zürich.")
    assert not who.answerable


@pytest.mark.parametrize(
    ("text", "start", "span"), [(" two ", 3, (4, 7)), ("one", 9, (8, 11)), ("six", 0, None)]
)
def test_answers_that_are_slightly_off_are_found_where_they_are(write, text, start, span):
    qas = [{"question": "Q?", "answers": [{"text": text, "answer_start": start}]}]
    (question,) = read_testset(write(squad(article("T", "one two one", qas=qas)), "set.json"))
    assert question.answers == (text,)
    assert question.spans == ((Span(*span),) if span else ())


@pytest.mark.parametrize("place", [{}, {"answer_start": -1}, {"answer_start": None}])
def test_the_first_occurrence_of_a_squad_answer_without_a_place_is_meant(write, place):
    qas = [{"question": "Q?", "answers": [{"text": "one"} | place, {"text": "", "answer_start": 0}]}]
    (question,) = read_testset(write(squad(article("T", "two one one", qas=qas)), "set.json"))
    assert (question.answers, question.spans) == (("one",), (Span(4, 7),))


def test_a_blank_squad_question_is_read_as_it_is(write):
    qas = [{"question": " ", "answers": []}]
    (question,) = read_testset(write(squad(article("T", "text", qas=qas)), "set.json"))
    assert question.question == " "


def test_lone_surrogates_become_the_replacement_character_for_index_and_test_set_alike(write):
    qas = [{"question": "Q?", "answers": [{"text": "\ud83d one", "answer_start": 4}]}]
    path = write(squad(article("T\udc00", "two \ud83d one 🌧️", qas=qas)), "set.json")
    assert list(paragraphs(path)) == [("T\ufffd/0", "two \ufffd one 🌧️")]
    (question,) = read_testset(path)
    assert (question.source, question.context) == ("T\ufffd/0", "two \ufffd one 🌧️")
    assert (question.answers, question.spans) == (("\ufffd one",), (Span(4, 9),))


@pytest.mark.parametrize(
    "row",
    [
        7,
        {"answers": []},
        {"question": 3, "answers": []},
        {"question": "Q?", "answers": [{"answer_start": 1}]},
        {"question": "Q?", "answers": [{"text": "x", "answer_start": "1"}]},
        {"question": "Q?", "answers": [{"text": "x", "answer_start": -5}]},
    ],
)
def test_a_damaged_squad_question_is_named_by_its_place(write, row):
    path = write(
        squad(article("T", "first"), article("T", "second", qas=[{"question": "Q?"}, row])), "set.json"
    )
    with pytest.raises(TestSetError, match="question 2 of paragraph T/1: "):
        read_testset(path)


def test_paragraphs_of_a_title_that_comes_again_count_on(write):
    path = write(squad(article("A", "one", "two"), article("B/1", "three"), article("A", "four")), "set.json")
    assert list(paragraphs(path)) == [("A/0", "one"), ("A/1", "two"), ("B/1/0", "three"), ("A/2", "four")]


def test_articles_without_a_title_take_the_name_of_the_file(write):
    path = write(squad(article(None, "one"), article(" ", "two")), "covid.json")
    assert [source for source, _ in paragraphs(path)] == ["covid/0", "covid/1"]


@pytest.mark.parametrize(
    "content", ["", "[]", '{"question": "Q?", "answers": []}', b"\xff\xfe", '{"data": [3]}']
)
def test_a_file_that_is_not_squad_has_no_paragraphs(write, content):
    with pytest.raises(LoadError, match=r"set\.json"):
        list(paragraphs(write(content, "set.json")))


def test_questions_and_indexed_paragraphs_agree_on_names(write):
    qas = [{"question": "Q?", "answers": [{"text": "word", "answer_start": 2}]}]
    path = write(
        squad(article("A", "a word", "1 word", qas=qas), article("A", "b word", qas=qas)), "set.json"
    )
    stored = dict(paragraphs(path))
    for question in read_testset(path):
        assert stored[question.source] == question.context
