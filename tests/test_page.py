"""The chat page in a real browser, over a real index."""

import json
import re
import urllib.error
import urllib.request
from typing import Any

import pypdfium2
import pytest
from gradio_client.exceptions import AppError
from playwright.sync_api import Browser, Locator, Page, expect

from index.index import Index
from tests.browser import follow, quiet
from tests.page_server import PROJECT, TIMEOUT_S, program, running_page
from tests.pdf_writer import page as pdf_page
from tests.pdf_writer import write_pdf

CHIP = 'a[href^="#cite-"]'

LIGHTHOUSE = """# Gannet Stack

## The tower

The tower of Gannet Stack has 187 steps and one very small kitchen.

## Filler

{filler}

## The lamp

When the lamp fails, the keeper of Gannet Stack lights the oil lantern within ten minutes. Zürich 東京 🙂
"""
HOSTILE = """The password of the harbour is <img src=x onerror="document.title='owned'"> tulip
<script>document.title='owned'</script> ![x](https://evil.example/x.png) ${document.title='owned'}.
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A small index, and the documents in it."""
    folder = tmp_path_factory.mktemp("page")
    documents = folder / "documents"
    documents.mkdir()
    filler = "\n\n".join(
        f"Log entry {n}: weather fair, visibility good, nothing to report." for n in range(300)
    )
    (documents / "lighthouse.md").write_text(LIGHTHOUSE.format(filler=filler), encoding="utf-8")
    (documents / "<img src=x onerror=alert(1)>.txt").write_text(HOSTILE, encoding="utf-8")
    pages = (
        pdf_page("Tide report of the harbour office", "This page holds an introduction and little else."),
        pdf_page(
            "Storm surges",
            "The highest surge of the year stood 187 centimetres over the tide.",
            "It closed the lock.",
        ),
    )
    (documents / "tides.pdf").write_bytes(write_pdf(*pages))
    with Index.open(folder / "index", create=True) as index:
        assert not index.add([documents]).failed
    return folder


@pytest.fixture(scope="module")
def url(folder):
    """Address of a running page over that index."""
    with running_page(folder / "index") as url:
        yield url


def open_page(browser: Browser, url: str, **options) -> Page:
    context = browser.new_context(**({"viewport": {"width": 1400, "height": 860}} | options))
    page = context.new_page()
    follow(page)
    page.outside, page.complaints = [], []
    page.on(
        "request",
        lambda request: request.url.startswith((url, "data:", "blob:")) or page.outside.append(request.url),
    )
    page.on("console", lambda said: said.type == "error" and page.complaints.append(said.text))
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on("dialog", lambda dialog: (page.complaints.append(dialog.message), dialog.dismiss()))
    page.goto(url)
    ready(page)
    return page


def ready(page: Page) -> None:
    """Wait until the page is dressed in its language and shows the conversation that goes on."""
    expect(page.locator("#sources [data-source]").first).to_be_attached()
    expect(page.locator("#question textarea")).to_be_visible()
    quiet(page)


def close_page(page: Page) -> None:
    """Close it, having looked that it stayed quiet and on this machine."""
    quiet(page)
    title, outside, complaints = page.title(), list(page.outside), list(page.complaints)
    page.context.close()
    assert outside == [], "the page asked another host"
    assert complaints == [], "the console is not free of errors"
    assert title == "Citespan", "a script of a document ran"


@pytest.fixture
def page(browser, url):
    page = open_page(browser, url)
    yield page
    close_page(page)


def ask(page: Page, question: str) -> Locator:
    """The finished answer to the question, once all that follows it has come: suggestions, list, notice."""
    before = page.locator("#chat .cs-question").count()
    box = page.locator("#question textarea")
    box.fill(question)
    box.press("Enter")
    answer = page.locator("#chat [data-testid=bot]").nth(before)
    expect(answer.locator(".cs-foot")).to_be_visible()
    expect(page.locator("#question .stop-button")).to_have_count(0)
    quiet(page)
    return answer


def begin(page: Page) -> None:
    """A new conversation, once the one before it is out of sight: `ask` counts what it sees."""
    page.locator("#cs-new").click()
    expect(page.locator("#chat .cs-question")).to_have_count(0)
    expect(page.locator("#chat .cs-welcome")).to_be_visible()
    quiet(page)


def ask_for(page: Page, question: str, source: str) -> tuple[Locator, dict[str, Any]]:
    """The chip of the first citation of ``source`` in the answer, and that citation as programs get it."""
    address = page.url.split("#")[0]
    answer = program(address).predict(question, api_name="/ask")
    citation = next(citation for citation in answer["citations"] if citation["source"] == source)
    return ask(page, question).locator(f'a[href^="#cite-"][href$="-{citation["marker"]}"]'), citation


IN_VIEW = """e => { const r = e.getBoundingClientRect(), s = e.closest('.cs-scroll').getBoundingClientRect();
                      return r.height > 0 && r.top >= s.top && r.bottom <= s.bottom }"""


def expect_in_view(target: Locator) -> None:
    """The viewer scrolls a frame after it has changed, and where it shows a picture, when that is decoded."""
    target.page.wait_for_function(IN_VIEW, arg=target.element_handle())


def test_a_chip_leads_to_the_marked_words(page):
    chip, citation = ask_for(page, "What does the keeper do when the lamp fails?", "lighthouse.md")
    chip.click()
    mark = page.locator("#viewer mark")
    expect(mark).to_have_count(1)
    assert mark.text_content() == citation["quote"]
    expect(page.get_by_test_id("viewer-title")).to_have_text("lighthouse.md")
    expect(page.locator("#viewer .cs-path")).to_have_text("Gannet Stack > The lamp")
    expect_in_view(mark)
    assert page.url.endswith("/") and "#" not in page.url

    page.locator("#viewer .cs-scroll").evaluate("e => e.scrollTop = 0")
    assert not mark.evaluate(IN_VIEW)
    chip.click()  # a second click scrolls again
    expect_in_view(mark)


def test_enter_on_a_chip_does_what_a_click_does(page):
    chip, citation = ask_for(page, "How many steps does the tower have?", "lighthouse.md")
    chip.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#viewer mark")).to_have_text(citation["quote"])


def test_boxes_lie_over_the_words_of_a_pdf_page(page, folder):
    chip, citation = ask_for(page, "How high was the highest surge of the year?", "tides.pdf")
    chip.click()
    box = page.locator("#viewer .cite-box").first
    expect(box).to_be_visible()
    expect(page.get_by_test_id("page-number")).to_have_text(f"page {citation['page']} of 2")
    expect(page.locator("#viewer blockquote")).to_have_text(citation["quote"])
    expect_in_view(box)
    page.wait_for_function("document.querySelector('#viewer .cs-sheet img').complete")
    sheet, place = page.locator("#viewer .cs-sheet").bounding_box(), box.bounding_box()
    left, top, right, bottom = words_of_pdf(folder / "documents" / "tides.pdf", citation)
    assert (place["x"] - sheet["x"]) / sheet["width"] == pytest.approx(left, abs=0.01)
    assert (place["x"] + place["width"] - sheet["x"]) / sheet["width"] == pytest.approx(right, abs=0.01)
    middle = (place["y"] + place["height"] / 2 - sheet["y"]) / sheet["height"]
    assert top < middle < bottom

    page.locator("#viewer [data-do=page]:enabled").click()
    expect(page.get_by_test_id("page-number")).to_have_text(f"page {3 - citation['page']} of 2")
    expect(page.locator("#viewer .cite-box")).to_have_count(0)
    page.locator("#viewer [data-do=text]").click()
    expect(page.locator("#viewer mark")).to_have_text(citation["quote"])


def words_of_pdf(path, citation):
    """Left, top, right, bottom of the quote's first line, in fractions, as PDFium's own search finds it."""
    with pypdfium2.PdfDocument(path) as pdf:
        sheet = pdf[citation["page"] - 1]
        width, height = sheet.get_size()
        text = sheet.get_textpage()
        first, count = text.search(citation["quote"].splitlines()[0], match_case=True).get_next()
        boxes = [text.get_charbox(n) for n in range(first, first + count)]
    lefts, bottoms, rights, tops = zip(*boxes, strict=True)
    return min(lefts) / width, 1 - max(tops) / height, max(rights) / width, 1 - min(bottoms) / height


def test_a_refusal_is_visible(page):
    page.locator("#sources [data-do=none]").click()
    expect(page.locator("#sources .cs-unticked")).to_contain_text("Nothing is ticked")
    answer = ask(page, "How many steps does the tower have?")
    expect(answer.locator(".cs-refused")).to_be_visible()
    expect(answer.locator(".cs-badge")).to_have_text("Not in your documents")
    expect(answer.locator(CHIP)).to_have_count(0)


def test_the_nearest_passages_lead_into_the_viewer(page):
    answer = ask(page, "How many steps does the tower have?")
    answer.get_by_text("Nearest passages").click()
    answer.locator('a[href^="#hit-"]').first.click()
    expect(page.locator("#viewer .cs-label")).to_have_text("Passage 1")
    expect(page.locator("#viewer mark, #viewer .cite-box").first).to_be_attached()


def test_words_and_names_of_documents_never_run(page):
    chip, _ = ask_for(page, "What is the password of the harbour?", "<img src=x onerror=alert(1)>.txt")
    expect(page.locator("#chat [data-testid=bot]").last).to_contain_text("<img src=x onerror=")
    chip.click()
    expect(page.locator("#viewer .cs-document")).to_contain_text("<script>document.title='owned'</script>")
    expect(page.get_by_test_id("viewer-title")).to_have_text("<img src=x onerror=alert(1)>.txt")
    ask(page, "<img src=x onerror=alert(1)> ![x](https://evil.example/x.png) ```mermaid\ngraph TD;A```")
    assert page.locator("#chat img, #viewer img, #sources img, #chat script, #viewer script").count() == 0


def test_only_ticked_documents_are_searched(page):
    row = page.locator('#sources [data-source="lighthouse.md"]')
    row.locator("input").uncheck()
    expect(page.locator("#sources .cs-unticked")).to_be_visible()
    answer = ask(page, "How many steps does the tower of Gannet Stack have?")
    expect(answer.locator('bdi:has-text("lighthouse.md")')).to_have_count(0)
    row.locator("input").check()
    answer = ask(page, "How many steps does the tower of Gannet Stack have?")
    expect(answer.locator('bdi:has-text("lighthouse.md")').first).to_be_attached()


def test_an_upload_is_answerable_and_can_be_removed(page, tmp_path):
    good, empty = tmp_path / "ferry.txt", tmp_path / "empty.pdf"
    good.write_text("The ferry to Wrenholm costs 14 crowns for a bicycle.", encoding="utf-8")
    empty.write_bytes(b"")
    page.locator("#upload input[type=file]").set_input_files([good, empty])
    row = page.locator('#sources [data-source="ferry.txt"]')
    expect(row).to_be_visible()
    expect(page.locator("#cs-status .cs-file-failed")).to_contain_text("empty.pdf")
    expect(page.locator("#cs-status")).to_contain_text("1 added")

    chip, citation = ask_for(page, "How much is the ferry to Wrenholm for a bicycle?", "ferry.txt")
    chip.click()
    expect(page.locator("#viewer mark")).to_have_text(citation["quote"])

    row.hover()
    row.locator("[data-do=remove]").click()
    expect(row).to_have_count(0)
    chip.click()
    expect(page.locator("#viewer .cs-blank")).to_contain_text("ferry.txt")


def test_a_new_conversation_forgets_the_old_one(page):
    ask(page, "How many steps does the tower have?")
    begin(page)
    expect(page.locator("#chat [data-testid=bot]")).to_have_count(0)


def test_two_browsers_do_not_see_each_other(browser, url, page):
    ask(page, "How many steps does the tower have?")
    other = open_page(browser, url)
    expect(other.locator("#chat [data-testid=bot]")).to_have_count(0)
    ask(other, "How high was the highest surge of the year?")
    expect(other.locator("#chat .cs-question")).to_have_count(1)
    expect(page.locator("#chat .cs-question")).to_have_count(1)
    close_page(other)


def test_an_example_is_asked_with_one_click(page):
    example = page.locator("#chat .example").first
    expect(example).to_be_visible()
    question = example.inner_text().strip()
    example.click()
    expect(page.locator("#chat .cs-question")).to_have_text(question)
    expect(page.locator("#chat .cs-foot")).to_be_visible()


def test_a_phone_shows_one_pane_at_a_time_in_the_dark(browser, url):
    phone = open_page(
        browser, url, viewport={"width": 390, "height": 844}, has_touch=True, color_scheme="dark"
    )
    expect(phone.locator("#viewer")).to_be_hidden()
    expect(phone.locator("#sources")).to_be_hidden()
    answer = ask(phone, "How many steps does the tower have?")
    answer.locator(CHIP).first.tap()
    expect(phone.locator("#viewer mark")).to_be_visible()
    phone.locator("#viewer [data-do=close]").tap()
    expect(phone.locator("#viewer")).to_be_hidden()
    phone.locator("#cs-top [data-do=sources]").tap()
    expect(phone.locator('#sources [data-source="tides.pdf"]')).to_be_visible()
    assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")
    background = phone.evaluate(
        "getComputedStyle(document.querySelector('#cs-mid').closest('.gradio-container')).backgroundColor"
    )
    assert max(map(int, re.findall(r"\d+", background)[:3])) < 60
    close_page(phone)


def test_whoever_gave_the_password_can_log_out(browser, folder):
    with running_page(folder / "index", QA_PASSWORD="correct horse battery") as url:
        page = browser.new_page()
        follow(page)
        page.goto(url)
        page.get_by_label("Password").fill("correct horse battery")
        page.keyboard.press("Enter")
        ready(page)
        ask(page, "How many steps does the tower have?")
        page.get_by_role("link", name="Log out").click()
        page.get_by_role("button", name="Log out").click()
        expect(page.get_by_label("Password")).to_be_visible()
        page.goto(url)
        expect(page.get_by_label("Password")).to_be_visible()
        page.close()


def test_programs_ask_through_the_same_server(url):
    client = program(url)
    answer = client.predict("How many steps does the tower of Gannet Stack have?", api_name="/ask")
    assert set(answer) == {
        "question",
        "text",
        "refused",
        "confidence",
        "citations",
        "hits",
        "timings",
        "model",
    }
    assert answer["citations"][0]["source"] == "lighthouse.md" and "187" in answer["text"]
    assert [name for name in client.view_api(return_format="dict")["named_endpoints"]] == ["/ask"]
    with pytest.raises((AppError, TypeError, ValueError)):
        client.predict(api_name="/ask")


def status(url, path="", **headers):
    request = urllib.request.Request(
        url + path, headers={name.replace("_", "-"): v for name, v in headers.items()}
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:
            return response.status, dict(response.headers)
    except urllib.error.HTTPError as refused:
        return refused.code, dict(refused.headers)


def test_other_hosts_and_origins_get_nothing(url):
    assert status(url)[0] == 200
    assert status(url, Host="evil.example")[0] == 403
    assert status(url, "gradio_api/info", Origin="http://evil.example")[0] == 403
    assert status(url, "gradio_api/file=https://evil.example/x.png")[0] == 404
    assert (
        "img-src 'self' data: blob:"
        in {k.lower(): v for k, v in status(url)[1].items()}["content-security-policy"]
    )


def test_files_of_this_machine_are_not_served(url):
    for path in ("/etc/passwd", str(PROJECT / "app.py"), str(PROJECT / "seeds")):
        assert status(url, f"gradio_api/file={path}")[0] in (403, 404)


def test_a_question_of_any_kind_gets_json(url):
    client = program(url)
    for question in ("", " ", "word " * 10_000, "\x00\x01", "🙂", "\u202etfel ot thgir"):
        answer = client.predict(question, api_name="/ask")
        json.dumps(answer)
        assert isinstance(answer["refused"], bool)
