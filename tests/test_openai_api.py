"""Chat clients that speak OpenAI's protocol use Citespan as a model: asked by OpenAI's own client."""

import httpx
import openai
import pytest

from index.index import Index
from page.openai_form import BadRequest, history, read_asked, text_fragment
from tests.page_server import TIMEOUT_S, running_page

LIGHTHOUSE = "Zürich 🙂\r\nThe tower of Gannet Stack has 187 steps. Maria Holm built the tower in 1871.\r\n"
STEPS = {"role": "user", "content": "How many steps does the tower of Gannet Stack have?"}


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    folder = tmp_path_factory.mktemp("openai")
    (folder / "light house.txt").write_text(LIGHTHOUSE, encoding="utf-8", newline="")
    (folder / "bread.txt").write_text("Rye bread is baked for 55 minutes.", encoding="utf-8")
    with Index.open(folder / "index", create=True) as opened:
        assert not opened.add([folder / "light house.txt", folder / "bread.txt"]).failed
    return folder / "index"


@pytest.fixture(scope="module")
def url(index):
    with running_page(index, QA_PASSWORD="") as url:
        yield url


@pytest.fixture
def client(url):
    with openai.OpenAI(base_url=f"{url}v1", api_key="none", max_retries=0) as client:
        yield client


def test_an_answer_comes_with_its_citations_as_annotations(client, index, url):
    reply = client.chat.completions.create(model="citespan", messages=[STEPS])
    message = reply.choices[0].message
    assert "187" in message.content and reply.choices[0].finish_reason == "stop"
    assert message.annotations
    with Index.open(index) as opened:
        for number, annotation in enumerate(message.annotations, 1):
            place = annotation.url_citation
            assert message.content[place.start_index : place.end_index] == f"[{number}]"
            cited = annotation.model_extra["citation"]
            document = opened.document(cited["source"])
            assert document.text[cited["start"] : cited["end"]] == cited["quote"]
            shown = httpx.get(place.url.partition("#")[0], timeout=TIMEOUT_S)
            assert shown.content.decode() == document.text
            assert shown.headers["content-type"] == "text/plain; charset=utf-8"
    assert message.annotations[0].url_citation.title == "light house.txt"
    assert message.annotations[0].url_citation.url.startswith(f"{url}v1/documents/light%20house.txt#:~:text=")
    about = reply.model_extra["citespan"]
    assert about["refused"] is False and 0 <= about["confidence"] <= 1


def test_a_streamed_answer_is_the_same_answer(client):
    whole = client.chat.completions.create(model="citespan", messages=[STEPS]).choices[0].message
    text, annotations, ends = "", [], []
    for chunk in client.chat.completions.create(model="citespan", messages=[STEPS], stream=True):
        delta = chunk.choices[0].delta
        text += delta.content or ""
        annotations += (delta.model_extra or {}).get("annotations") or []
        ends.append(chunk.choices[0].finish_reason)
    assert text == whole.content
    assert annotations == [annotation.model_dump() for annotation in whole.annotations]
    assert ends[-1] == "stop" and set(ends[:-1]) == {None}


def test_a_follow_up_is_understood_from_the_messages(client):
    messages = [STEPS, {"role": "assistant", "content": "It has **187 steps** [1]."}]
    messages.append({"role": "user", "content": "And who built it?"})
    reply = client.chat.completions.create(model="citespan", messages=messages)
    assert "Maria Holm" in reply.choices[0].message.content
    assert "tower" in reply.model_extra["citespan"]["searched"]


def test_a_refusal_is_an_answer_without_annotations(index):
    with running_page(index, QA_MIN_CONFIDENCE="1", QA_PASSWORD="") as url:
        client = openai.OpenAI(base_url=f"{url}v1", api_key="none", max_retries=0)
        reply = client.chat.completions.create(model="citespan", messages=[STEPS])
        assert reply.choices[0].message.content == "The documents do not answer this question."
        assert reply.choices[0].message.annotations == []
        assert reply.model_extra["citespan"]["refused"] is True
        client.close()


def test_the_models_are_listed(client):
    assert [model.id for model in client.models.list()] == ["citespan"]
    assert client.models.retrieve("citespan").id == "citespan"
    with pytest.raises(openai.NotFoundError, match="There is no model 'gpt-4' here"):
        client.models.retrieve("gpt-4")


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ({"model": "gpt-4"}, openai.NotFoundError, "ask 'citespan'"),
        ({"messages": []}, openai.BadRequestError, "at least one message"),
        ({"messages": [{"role": "assistant", "content": "x"}]}, openai.BadRequestError, "its role is user"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]},
            openai.BadRequestError,
            "is text",
        ),
        ({"n": 2}, openai.BadRequestError, "n is 1"),
    ],
)
def test_what_cannot_be_answered_is_an_error_of_openai(client, changes, error, said):
    with pytest.raises(error, match=said) as told:
        client.chat.completions.create(**({"model": "citespan", "messages": [STEPS]} | changes))
    assert told.value.type == "invalid_request_error" and told.value.param in ("model", "messages", "n")


def test_without_documents_the_client_is_told(tmp_path):
    with running_page(tmp_path / "index", QA_PASSWORD="") as url:
        client = openai.OpenAI(base_url=f"{url}v1", api_key="none", max_retries=0)
        for streamed in (False, True):
            with pytest.raises(openai.InternalServerError, match="There are no documents yet"):
                client.chat.completions.create(model="citespan", messages=[STEPS], stream=streamed)
        client.close()


def test_the_password_is_the_key(index):
    with running_page(index, QA_PASSWORD="correct horse battery") as url:
        for key, error in (("correct horse battery", None), ("wrong", openai.AuthenticationError)):
            with openai.OpenAI(base_url=f"{url}v1", api_key=key, max_retries=0) as client:
                if error is None:
                    assert client.models.list().data
                    assert client.chat.completions.create(model="citespan", messages=[STEPS]).choices
                else:
                    with pytest.raises(error, match="password is wrong"):
                        client.models.list()


def test_other_fields_and_roles_are_passed_over():
    messages = [
        {"role": "system", "content": "You are a pirate."},
        {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
        {"role": "assistant", "content": None, "tool_calls": []},
        {"role": "tool", "content": "x"},
        {"role": "user", "content": "c"},
        {"role": "user", "content": "d"},
    ]
    asked = read_asked(
        {"model": "citespan", "messages": messages, "temperature": 2, "tools": [], "stream": None}
    )
    assert (asked.question, asked.before, asked.streamed) == ("d", (("a\nb", ""), ("c", "")), False)


@pytest.mark.parametrize("sent", [None, [], {"model": "citespan", "messages": ["x"]}, {"model": 3}])
def test_what_is_no_request_is_a_sentence(sent):
    with pytest.raises(BadRequest, match=r"\.$"):
        read_asked(sent)


def test_a_history_of_words_has_no_citations():
    turns = history([("Who built it?", "**Maria Holm** [1] [2]"), ("Why?", "")])
    assert [turn.answer.refused for turn in turns] == [False, True]
    assert turns[0].answer.text == "Maria Holm"


def test_a_text_fragment_names_the_words():
    assert text_fragment("a-b, c&d\r\n 🙂") == "a%2Db%2C%20c%26d%20%F0%9F%99%82"
    assert text_fragment(" ".join("abcdefghijklmnop")) == "a%20b%20c%20d%20e%20f,k%20l%20m%20n%20o%20p"
