"""Exported conversations: three forms, every quote with its place, nothing that runs or loads."""

import hashlib
import html
import json
import re

import pytest

from qa.conversations import ConversationStore
from qa.export import export
from qa.forget import forget
from tests.corpus import write
from tests.pdf_writer import page as pdf_page
from tests.pdf_writer import write_pdf
from tests.saved import keep

SENTENCE = "The *budget* of Zürich 🙂 was <b>approved</b> by [1] Ada\r\nLindqvist & Söhne in 2021."
TEXT = f"# Minutes\r\n\r\nBefore it <script>alert(1)</script> 東京.\r\n\r\n{SENTENCE}\r\n\r\nAfter it."
QUESTION = "Who <img src=x onerror=alert(2)> approved the budget?"


@pytest.fixture
def docs(tmp_path):
    return write(tmp_path / "docs", {"a & b.md": TEXT})


@pytest.fixture
def store(index):
    with ConversationStore(index.path) as opened:
        yield opened


@pytest.fixture
def saved(store, index):
    return keep(store, index, QUESTION, SENTENCE, "a & b.md")


def test_annotations_select_the_exact_words_twice(saved, index):
    collection = json.loads(export(saved, index, "json"))
    assert collection["@context"][0] == "http://www.w3.org/ns/anno.jsonld"
    (annotation,) = collection["first"]["items"]
    assert collection["total"] == 1 and collection["type"] == "AnnotationCollection"
    text = index.document("a & b.md").text
    quoted, placed = annotation["target"]["selector"]
    assert quoted["type"] == "TextQuoteSelector" and placed["type"] == "TextPositionSelector"
    assert quoted["exact"] == text[placed["start"] : placed["end"]] == SENTENCE
    assert text.count(quoted["prefix"] + quoted["exact"] + quoted["suffix"]) == 1
    assert annotation["target"]["source"] == "a%20%26%20b.md"
    assert collection["citespan:answers"][0]["answer"] == saved.turns[0].answer


def test_markdown_shows_question_answer_quote_and_place(saved, index):
    text = export(saved, index, "markdown")
    assert text.startswith("# Who \\<img src=x onerror=alert(2)> approved the budget?\n")
    assert saved.turns[0].answer["text"] in text
    assert re.search(r"\*\*\[1\]\*\* a & b\.md, .*characters \d+ to \d+", text)
    assert (
        "> The \\*budget\\* of Zürich 🙂 was \\<b>approved\\</b> by \\[1\\] Ada\n> Lindqvist & Söhne in 2021."
        in text
    )


def test_the_evidence_page_shows_every_quote_in_its_surroundings(saved, index, docs):
    page = export(saved, index, "html")
    quotes = [html.unescape(quote) for quote in re.findall("<mark>(.*?)</mark>", page, re.DOTALL)]
    assert quotes == [SENTENCE]
    assert html.escape("Before it <script>alert(1)</script> 東京.") in page and "After it." in page
    assert hashlib.sha256((docs / "a & b.md").read_bytes()).hexdigest() in page
    assert 'href="#e-1-1"' in page and 'id="e-1-1"' in page
    assert not re.search(r"<(script|img|link|iframe|object|base|form)\b", page)
    tags = re.findall("<[^>]*>", page)
    assert (
        not [tag for tag in tags if re.search(r"""(src|href)=["'](?!#|data:)""", tag)] and "url(" not in page
    )
    assert "default-src 'none'" in page


@pytest.mark.parametrize("form", ["markdown", "json", "html"])
def test_words_that_changed_are_exported_as_such(saved, index, docs, form):
    (docs / "a & b.md").write_bytes(TEXT.replace("2021", "2022").encode())
    index.add([docs])
    text = export(saved, index, form)
    if form == "json":
        target = json.loads(text)["first"]["items"][0]["target"]
        assert target["citespan:status"] == "changed"
        assert [selector["type"] for selector in target["selector"]] == ["TextQuoteSelector"]
    else:
        assert "The document has changed: these words no longer stand there." in text


@pytest.mark.parametrize("form", ["markdown", "json", "html"])
def test_removed_words_are_in_no_export(store, saved, index, form):
    forget("a & b.md", index, store)
    text = export(store.read("ann", saved.id), index, form)
    assert "Lindqvist" not in text and "removed" in text


@pytest.mark.parametrize("form", ["markdown", "json", "html"])
def test_a_refusal_a_stop_and_a_failure_are_exported(store, saved, index, form):
    for state, text in (("stopped", "It was [1]"), ("failed", "There is no model <x>."), ("running", "")):
        turn = store.ask("ann", saved.id, f"{state}?")
        if state != "running":
            store.end("ann", turn, state=state, text=text)
    text = export(store.read("ann", saved.id), index, form)
    assert all(f"{state}?" in text for state in ("stopped", "failed", "running"))


def test_without_an_index_what_was_saved_is_exported(saved):
    for form in ("markdown", "json", "html"):
        text = export(saved, None, form)
        assert "Lindqvist" in text
    assert "cannot be found any more" in text


def test_pages_of_a_pdf_are_pictures_with_boxes(store, index, tmp_path):
    path = tmp_path / "tides.pdf"
    path.write_bytes(write_pdf(pdf_page("The highest surge stood 187 centimetres.", "It closed the lock.")))
    index.add([path])
    document = index.document("tides.pdf")
    words = "187 centimetres"
    assert words in document.text
    exported = export(keep(store, index, "tides?", words, "tides.pdf"), index, "html")
    assert exported.count('src="data:image/webp;base64,') == 1
    assert re.search(r"<i style=\"left:\d+\.\d{3}%", exported)
