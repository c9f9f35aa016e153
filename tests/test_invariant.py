"""``index.document(c.source).text[c.start:c.end] == c.quote``, in every format and any script."""

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import qa
from index import Index
from index.terms import terms
from index.types import Span
from tests.corpus import SEEDS
from tests.fakes import HashEncoder
from tests.readers import WordReader

PLAIN = (".txt", ".md", ".csv", ".jsonl", ".py")
ENCODINGS = {"gartenordnung-suedhang.txt": "windows-1252"}
NAMES = sorted(path.name for path in SEEDS.iterdir())


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    with Index.open(tmp_path_factory.mktemp("qa") / ".qa", encoder=HashEncoder(), create=True) as opened:
        assert opened.add([SEEDS]).failed == ()
        yield opened


def check(index: Index, answer: qa.Answer) -> int:
    """The number of citations of an answer, each proved against the stored document."""
    for citation in answer.citations:
        document = index.document(citation.source)
        assert document.text[citation.start : citation.end] == citation.quote != ""
        assert document.sha256 == citation.sha256
        assert citation.page == document.page_at(citation.start)
    return len(answer.citations)


@pytest.mark.parametrize("source", NAMES)
@pytest.mark.parametrize("reader", [WordReader(), None], ids=["words", "shipped"])
def test_every_citation_of_every_format_is_a_slice_of_the_stored_text(index, source, reader):
    chance = random.Random(source)
    words = [word for word in terms(index.document(source).text) if len(word) > 3]
    cited = 0
    for _ in range(8):
        at = chance.randrange(len(words) - 6)
        question = " ".join(words[at : at + 6]) + "?"
        cited += check(index, qa.ask(question, index=index, model=reader, sources=[source], min_confidence=0))
    assert cited >= 8


@pytest.mark.parametrize("source", [name for name in NAMES if name.endswith(PLAIN)])
def test_the_stored_text_of_plain_formats_is_the_decoded_file(index, source):
    data = (SEEDS / source).read_bytes()
    assert index.document(source).text == data.decode(ENCODINGS.get(source, "utf-8")).removeprefix("\ufeff")


@pytest.mark.parametrize("source", [name for name in NAMES if name.endswith(".pdf")])
def test_every_character_of_a_pdf_has_a_page_and_a_box(index, source):
    document = index.document(source)
    for number, page in enumerate(document.pages, start=1):
        places = [at for at in range(page.start, page.end) if not document.text[at].isspace()]
        for at in random.Random(number).sample(places, 12):
            (box,) = index.boxes(source, Span(at, at + 1))
            assert box.page == number == document.page_at(at)
            assert 0 <= box.left < box.right <= 1 and 0 <= box.top < box.bottom <= 1


# Whatever a UTF-8 file can hold; a file that looks binary is refused, which is no citation and so no lie.
texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=400)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=texts, suffix=st.sampled_from([".txt", ".md", ".csv", ".jsonl", ".py"]), data=st.data())
def test_any_text_is_cited_exactly(tmp_path_factory, text, suffix, data):
    folder = tmp_path_factory.mktemp("any")
    (folder / f"a{suffix}").write_bytes(text.encode())
    with Index.open(folder / ".qa", encoder=HashEncoder(), create=True) as index:
        if index.add([folder / f"a{suffix}"]).failed:
            return
        assert index.document(f"a{suffix}").text == text.removeprefix("\ufeff")
        start = data.draw(st.integers(0, len(text) - 1))
        for model in (WordReader(), None):
            check(index, qa.ask(text[start : start + 60], index=index, model=model, min_confidence=0))
