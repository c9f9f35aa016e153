"""Conversations in a real browser: they survive a reload and a new server, and no other browser sees them."""

import json
import re
import signal
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from index.index import Index
from qa.cli import main
from qa.conversations import ConversationStore
from qa.corrections import TESTSET
from qa.testset import read_testset
from tests.browser import quiet
from tests.page_server import free_port, start_page, wait_for
from tests.pdf_writer import page as pdf_page
from tests.pdf_writer import write_pdf
from tests.test_page import CHIP, LIGHTHOUSE, ask, begin, close_page, open_page, ready

STEPS = "How many steps does the tower of Gannet Stack have?"
LAMP = "What does the keeper do when the lamp fails?"


class Server:
    """A page over an index, in a process that can be ended and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process = None
        self.port = free_port()

    def start(self) -> str:
        log = self.folder / "log"
        self.process = start_page(self.folder / "index", self.port, log)
        return wait_for(self.process, self.port, log)

    def stop(self, kind: int = signal.SIGTERM) -> None:
        self.process.send_signal(kind)
        self.process.wait(60)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A small index, and the documents in it."""
    folder = tmp_path_factory.mktemp("history")
    documents = folder / "documents"
    documents.mkdir()
    filler = "\n\n".join(f"Log entry {n}: weather fair, nothing to report." for n in range(100))
    (documents / "lighthouse.md").write_text(LIGHTHOUSE.format(filler=filler), encoding="utf-8")
    (documents / "ferry.txt").write_text("The ferry Aurora carries 240 people.\n", encoding="utf-8")
    tide = pdf_page("The highest surge of the year stood 187 centimetres over the tide.")
    (documents / "tides.pdf").write_bytes(write_pdf(tide))
    with Index.open(folder / "index", create=True) as index:
        assert not index.add([documents]).failed
    return folder


@pytest.fixture(scope="module")
def server(folder):
    server = Server(folder)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def url(server):
    return f"http://127.0.0.1:{server.port}/"


@pytest.fixture
def page(browser, url):
    page = open_page(browser, url)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    yield page
    close_page(page)


def talks(page: Page):
    return page.locator("#history [data-conversation]")


def asked(page: Page) -> list[str]:
    return page.locator("#chat .cs-question").all_inner_texts()


def forgive_leaving(page: Page) -> None:
    """Drop what Gradio says of the requests that were under way when the page was left."""
    page.complaints[:] = [
        said for said in page.complaints if "AbortError" not in said and "errored out" not in said
    ]


def reload(page: Page, url: str) -> None:
    quiet(page)
    page.goto(url)
    ready(page)
    forgive_leaving(page)


def test_a_conversation_survives_a_killed_server_with_chips_marks_and_confidence(browser, server, url):
    page = open_page(browser, url)
    answer = ask(page, LAMP)
    shown, badge = answer.locator(".cs-text").all_inner_texts(), answer.locator(".cs-badge").inner_text()
    ask(page, "How high was the highest surge of the year?")
    expect(talks(page)).to_have_count(1)
    server.stop(signal.SIGKILL)
    page.goto("about:blank")  # Gradio reloads a page whose server is back: that would cut off our own visit
    page.complaints.clear()  # of the lost connection
    server.start()
    reload(page, url)
    expect(page.locator("#chat .cs-question")).to_have_count(2)
    answer = page.locator("#chat [data-testid=bot]").first
    assert answer.locator(".cs-text").all_inner_texts() == shown
    expect(answer.locator(".cs-badge")).to_have_text(badge)
    answer.locator(CHIP).first.click()
    expect(page.locator("#viewer mark")).to_contain_text("oil lantern")
    page.locator("#chat [data-testid=bot]").last.locator(CHIP).first.click()
    expect(page.locator("#viewer .cite-box").first).to_be_visible()
    page.complaints.clear()
    close_page(page)


def test_a_follow_up_is_understood_after_a_reload(page, url):
    ask(page, "How many people does the ferry Aurora carry?")
    reload(page, url)
    expect(page.locator("#chat .cs-question")).to_have_count(1)
    answer = ask(page, "And what is its name?")
    expect(answer.locator(".cs-searched")).to_contain_text("ferry")


def test_two_browsers_see_their_own_conversations_alone(browser, url, page):
    ask(page, STEPS)
    other = open_page(browser, url)
    expect(other.locator("#chat .cs-welcome")).to_be_visible()
    expect(talks(other)).to_have_count(0)
    ask(other, "How many people does the ferry Aurora carry?")
    reload(page, url)
    expect(talks(page)).to_have_count(1)
    expect(page.locator("#chat .cs-question")).to_have_text(STEPS)
    cookie = next(cookie for cookie in other.context.cookies() if cookie["name"] == "citespan_owner")
    assert cookie["httpOnly"] and cookie["sameSite"] == "Strict"
    foreign = talks(page).get_attribute("data-conversation")
    # What another browser sends by hand reaches nothing: its own list is all that it gets.
    other.evaluate(
        "n => document.querySelector('#history [data-conversation]').dataset.conversation = n", foreign
    )
    other.locator("#history .cs-talk").click()
    expect(other.locator("#cs-notice .cs-notice").first).to_contain_text("no such conversation")
    assert asked(other) == ["How many people does the ferry Aurora carry?"]
    close_page(other)


def test_conversations_are_listed_opened_renamed_and_deleted_with_undo(page, url):
    ask(page, STEPS)
    begin(page)
    ask(page, LAMP)
    expect(talks(page)).to_have_count(2)
    expect(talks(page).first).to_have_attribute("aria-current", "true")
    talks(page).nth(1).locator(".cs-talk").click()
    expect(page.locator("#chat .cs-question")).to_have_text(STEPS)
    row = page.locator("#history [aria-current]")
    row.locator("[data-do=talk-rename]").click()
    page.keyboard.type("<b>Der Turm</b> & 東京")
    page.keyboard.press("Enter")
    expect(row.locator(".cs-talk")).to_have_text("<b>Der Turm</b> & 東京")
    quiet(page)
    row.locator("[data-do=talk-delete]").click()
    expect(talks(page)).to_have_count(1)
    expect(page.locator("#chat .cs-welcome")).to_be_visible()
    page.locator("#cs-notice [data-do=talk-act]").click()
    expect(page.locator("#chat .cs-question")).to_have_text(STEPS)
    expect(talks(page)).to_have_count(2)
    row.locator("[data-do=talk-delete]").click()
    expect(talks(page)).to_have_count(1)
    reload(page, url)
    expect(page.locator("#chat .cs-question")).to_have_text(LAMP)
    expect(talks(page)).to_have_count(1)


def test_an_edited_question_replaces_what_came_after_and_can_be_taken_back(page, url):
    ask(page, STEPS)
    ask(page, LAMP)
    page.locator('#chat a[href="#edit-1"]').click()
    expect(page.locator("#cs-editing")).to_be_visible()
    box = page.locator("#question textarea")
    expect(box).to_have_value(STEPS)
    page.keyboard.press("Escape")
    expect(page.locator("#cs-editing")).to_be_hidden()
    expect(box).to_have_value("")
    page.locator('#chat a[href="#edit-1"]').click()
    box.fill("How many people does the ferry Aurora carry?")
    box.press("Enter")
    expect(page.locator("#chat .cs-question")).to_have_text(["How many people does the ferry Aurora carry?"])
    expect(page.locator("#chat .cs-foot")).to_have_count(1)
    expect(page.locator("#cs-notice [data-do=talk-act]")).to_be_visible()
    reload(page, url)
    page.locator("#cs-notice [data-do=talk-act]").click()
    expect(page.locator("#chat .cs-question")).to_have_text([STEPS, LAMP])
    page.locator("#chat [data-testid=bot]").first.locator(CHIP).first.click()
    expect(page.locator("#viewer mark")).to_contain_text("187")


def test_an_answer_is_given_again_and_a_question_taken_back(page):
    ask(page, STEPS)
    ask(page, LAMP)
    page.locator("#chat a.cs-retry").last.click()
    expect(page.locator("#cs-notice [data-do=talk-act]")).to_be_visible()
    expect(page.locator("#chat .cs-foot")).to_have_count(2)
    quiet(page)  # until the send button is back, nothing can be taken back
    assert asked(page) == [STEPS, LAMP]
    page.locator("#chat a.cs-back").last.click()
    expect(page.locator("#chat .cs-question")).to_have_text([STEPS])
    expect(page.locator("#question textarea")).to_have_value(LAMP)
    page.locator("#cs-notice [data-do=talk-act]").click()
    expect(page.locator("#chat .cs-question")).to_have_text([STEPS, LAMP])


def test_everything_can_be_done_with_the_keyboard(page):
    ask(page, STEPS)
    page.locator("#history [data-do=talk-rename]").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#history .cs-title")).to_be_focused()
    page.keyboard.type("The tower")
    page.keyboard.press("Enter")
    expect(page.locator("#history .cs-talk")).to_have_text("The tower")
    page.locator("#chat a.cs-edit").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#question textarea")).to_be_focused()
    page.keyboard.type(LAMP)
    page.keyboard.press("Enter")
    expect(page.locator("#chat .cs-question")).to_have_text([LAMP])
    expect(page.locator("#question .stop-button")).to_have_count(0)
    quiet(page)
    page.locator("#history .cs-export").focus()
    with page.expect_download():
        page.keyboard.press("e")
    page.locator("#history [data-do=talk-delete]").focus()
    page.keyboard.press("Enter")
    expect(talks(page)).to_have_count(0)


def test_an_answer_is_copied_with_its_sources(page):
    answer = ask(page, STEPS)
    answer.locator(".cs-copy").click()
    page.wait_for_function("async () => (await navigator.clipboard.readText()).includes('lighthouse.md')")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert "187 steps" in copied and "[1]" in copied
    assert re.search(r"^\[1\] lighthouse\.md", copied, re.MULTILINE)


def test_a_rating_stays_with_its_answer(page, url, folder):
    ask(page, STEPS)
    page.locator("#chat a.cs-good").click()
    expect(page.locator("#chat a.cs-good")).to_have_class(re.compile("cs-chosen"))
    number = int(talks(page).get_attribute("data-conversation"))
    with ConversationStore(folder / "index") as store:
        assert store.read(None, number).turns[0].rating == 1
    reload(page, url)
    page.locator("#chat a.cs-good.cs-chosen").click()
    expect(page.locator("#chat a.cs-good.cs-chosen")).to_have_count(0)


def test_the_exported_evidence_page_stands_alone(browser, page, tmp_path):
    ask(page, LAMP)
    ask(page, "How high was the highest surge of the year?")
    files = {}
    for form in ("html", "json", "markdown"):
        with page.expect_download() as download:
            page.locator("#history [aria-current] .cs-export").select_option(form)
        files[form] = tmp_path / download.value.suggested_filename
        download.value.save_as(files[form])
    assert {path.suffix for path in files.values()} == {".html", ".json", ".md"}
    assert "oil lantern" in files["markdown"].read_text("utf-8")
    items = json.loads(files["json"].read_text("utf-8"))["first"]["items"]
    assert items and all(len(item["target"]["selector"]) >= 2 for item in items)

    context = browser.new_context(java_script_enabled=False)
    alone = context.new_page()
    outside = []
    alone.on("request", lambda request: outside.append(request.url))
    alone.goto(files["html"].as_uri())
    assert [url for url in outside if not url.startswith(("file:", "data:"))] == []
    marks = alone.locator("mark").all_inner_texts()
    assert any("oil lantern" in mark for mark in marks)
    expect(alone.locator("figure img").first).to_be_visible()
    assert alone.locator("figure img").first.evaluate("e => e.naturalWidth") > 500
    alone.locator(".answer a.marker").first.click()
    expect(alone).to_have_url(re.compile(r"#e-1-1$"))
    context.close()


def test_a_wrong_answer_becomes_a_test_case_that_eval_runs(page, folder, capsys):
    (folder / "index" / TESTSET).unlink(missing_ok=True)
    ask(page, STEPS)
    answer = ask(page, LAMP)
    answer.locator("a.cs-wrong").click()
    expect(page.locator("#cs-correct [data-do=talk-correct]")).to_be_disabled()
    page.locator('#sources [data-source="lighthouse.md"] [data-do=open]').click()
    words = page.locator("#viewer .cs-document").get_by_text("one very small kitchen").first
    words.evaluate(
        """e => { const walk = document.createTreeWalker(e, NodeFilter.SHOW_TEXT);
          const range = document.createRange();
          for (let node; (node = walk.nextNode());) { const at = node.data.indexOf("small kitchen");
            if (at < 0) continue; range.setStart(node, at); range.setEnd(node, at + 13); break; }
          getSelection().removeAllRanges(); getSelection().addRange(range); }"""
    )
    page.locator("#cs-correct [data-do=talk-correct]").click()
    expect(page.locator("#cs-correct")).to_contain_text("(1 in all)")
    (case,) = read_testset(folder / "index" / TESTSET)
    assert (case.question, case.answers, case.before) == (LAMP, ("small kitchen",), (STEPS,))
    with Index.open(folder / "index") as index:
        text = index.document(case.source).text
    assert [text[span.start : span.end] for span in case.spans] == ["small kitchen"]

    page.locator('#chat a[href="#wrong-1"]').click()
    page.locator("#cs-correct [data-do=talk-nothing]").click()
    expect(page.locator("#cs-correct")).to_contain_text("(2 in all)")
    assert read_testset(folder / "index" / TESTSET)[1].answers == ()
    assert main(["eval", str(folder / "index" / TESTSET), "--index", str(folder / "index"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["n"] == 2


def test_what_became_of_a_document_is_seen_when_a_conversation_is_opened(browser, server, url, folder):
    page = open_page(browser, url)
    path = folder / "documents" / "notes.txt"
    for change, status in (
        (lambda text: "A line before.\n" * 9 + text, None),
        (lambda text: text.replace("Lindqvist", "Lindquist"), "changed since"),
        (lambda text: "Nothing is left of that.", "gone"),
        (None, "removed"),
    ):
        path.write_text("The gate of Wrenholm was built by Margarethe Lindqvist-Hansen.\n", encoding="utf-8")
        with Index.open(folder / "index") as index:
            index.add([path])
        begin(page)
        ask(page, "Who built the gate of Wrenholm?")
        number = int(page.locator("#history [aria-current]").get_attribute("data-conversation"))
        if change is None:
            assert main(["--index", str(folder / "index"), "--quiet", "remove", "notes.txt"]) == 0
        else:
            path.write_text(change(path.read_text("utf-8")), encoding="utf-8")
            with Index.open(folder / "index") as index:
                index.add([path])
        reload(page, url)
        answer = page.locator("#chat [data-testid=bot]").last
        chip = answer.locator(CHIP).first
        expect(chip).to_be_visible()
        if status is None:
            chip.click()
            expect(page.locator("#viewer mark")).to_contain_text("Lindqvist")
            continue
        expect(answer.locator(".cs-stale-note").first).to_have_text(status)
        chip.click()
        expect(page.locator("#viewer .cs-viewer-head, #viewer .cs-blank").first).to_be_visible()
        expect(page.locator("#viewer mark, #viewer .cite-box")).to_have_count(0)
        if status == "removed":
            expect(page.locator("#chat")).not_to_contain_text("Lindqvist")
            with ConversationStore(folder / "index") as store:
                assert "Lindqvist" not in json.dumps(store.read(None, number).turns[0].answer)
    close_page(page)


def test_a_title_that_looks_like_code_is_text(page):
    ask(page, "<img src=x onerror=\"document.title='owned'\"> ${document.title='owned'} tower?")
    expect(talks(page).locator(".cs-talk")).to_contain_text("<img src=x onerror")
    assert page.locator("#history img, #cs-notice img").count() == 0


def test_a_visit_by_a_link_of_another_site_keeps_the_conversations(page, url):
    ask(page, STEPS)
    page.route(
        "http://other.example/",
        lambda route: route.fulfill(body=f'<a href="{url}">go</a>', content_type="text/html"),
    )
    page.goto("http://other.example/")
    page.outside.clear()
    page.locator("a").click()
    expect(page.locator("#chat .cs-question")).to_have_text(STEPS)
    quiet(page)
    forgive_leaving(page)


def test_a_correction_ends_with_its_conversation(page):
    strip = page.locator("#cs-correct .cs-correct")
    ask(page, STEPS).locator("a.cs-wrong").click()
    expect(strip).to_be_visible()
    begin(page)
    expect(strip).to_be_hidden()
    ask(page, STEPS).locator("a.cs-wrong").click()
    expect(strip).to_be_visible()
    page.locator("#history li[aria-current] [data-do=talk-delete]").click()
    expect(page.locator("#cs-notice")).to_contain_text("was deleted")
    expect(strip).to_be_hidden()
