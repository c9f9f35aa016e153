"""Reading in the browser: the viewer, languages, sources that come and go, and who cannot see or point."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from page.words import languages
from tests import test_page
from tests.browser import quiet
from tests.test_page import CHIP, PROJECT, ask, ask_for, close_page, expect_in_view, open_page

folder, page, url = test_page.folder, test_page.page, test_page.url

AXE = PROJECT / ".venv" / "axe" / "node_modules" / "axe-core" / "axe.min.js"
LOOKS = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "has_touch": True},
}


@pytest.fixture(scope="module")
def axe() -> str:
    if not AXE.is_file():
        pytest.fail("These tests need axe-core. Install it with: tests/install_axe.sh")
    return AXE.read_text(encoding="utf-8")


def serious(page: Page, axe: str) -> list[str]:
    """What axe-core finds serious or critical on the page, once nothing moves on it any more."""
    quiet(page)
    page.evaluate("Promise.allSettled(document.getAnimations().map((moved) => moved.finished))")
    page.evaluate(axe)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    return [
        f"{violation['id']}: {node['html'][:160]}"
        for violation in found
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]


@pytest.mark.parametrize("look", LOOKS)
def test_axe_finds_nothing_serious(browser, url, axe, look):
    page = open_page(browser, url, **LOOKS[look])
    expect(page.locator("#chat .example").first).to_be_visible()
    assert serious(page, axe) == []
    answer = ask(page, "What does the keeper do when the lamp fails?")
    answer.locator(CHIP).first.click()
    expect(page.locator("#viewer mark")).to_be_attached()
    assert serious(page, axe) == []
    page.locator("#viewer [data-do=close]").dispatch_event("click")
    page.locator("#cs-top [data-do=sources]").dispatch_event("click")
    assert serious(page, axe) == []
    close_page(page)


def said(page: Page) -> set[str]:
    """All words of the interface that can be seen, heard or hovered, without those of documents."""
    return set(
        page.evaluate(
            """() => {
              const app = document.getElementById('cs-app'), out = [];
              const walker = document.createTreeWalker(app, NodeFilter.SHOW_TEXT);
              const others = 'bdi, .cs-document, .cs-question, .cs-text, .cs-snippet, script, style, option';
              while (walker.nextNode()) {
                const node = walker.currentNode;
                if (!node.parentElement.closest(others)) out.push(node.textContent);
              }
              for (const node of document.querySelectorAll('#cs-app *'))
                for (const name of ['aria-label', 'title', 'placeholder', 'alt'])
                  if (node.hasAttribute(name)) out.push(node.getAttribute(name));
              return out.map((words) => words.trim()).filter(Boolean);
            }"""
        )
    )


def test_the_page_speaks_the_language_of_the_browser_and_of_its_switch(browser, url):
    page = open_page(browser, url, locale="de-DE")
    english, german = languages()["en"], languages()["de"]
    own = {text for key, text in english.texts.items() if text != german.texts[key] and "{" not in text}
    expect(page.locator("#upload button")).to_have_text(german("sources.add"))
    ask(page, "What does the keeper do when the lamp fails?").locator(CHIP).first.click()
    expect(page.locator("#viewer mark")).to_be_attached()
    expect(page.locator("html")).to_have_attribute("lang", "de")
    quiet(page)
    assert said(page) & own == set()

    page.locator(".cs-language").select_option("en")
    expect(page.locator("#upload button")).to_have_text(english("sources.add"))
    expect(page.locator("#viewer .cs-label")).to_have_text("Citation 1")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    foreign = {text for key, text in german.texts.items() if text != english.texts[key] and "{" not in text}
    quiet(page)  # it arrives part by part
    assert said(page) & foreign == set()
    again = page.context.new_page()
    again.goto(url)
    expect(again.locator("#upload button")).to_have_text(english("sources.add"))
    expect(again.locator("html")).to_have_attribute("lang", "en")
    again.close()
    close_page(page)


def test_the_keyboard_alone_asks_walks_the_citations_and_comes_back(page):
    ask(page, "How many steps does the tower have?")
    page.locator("#cs-app .cs-language").focus()
    page.locator("#chat .cs-question").click()  # words alone: what else is in the chat does something
    page.keyboard.press("/")
    expect(page.locator("#question textarea")).to_be_focused()
    assert page.locator("#question textarea").input_value() == ""

    chips = page.locator(f"#chat {CHIP}")
    page.locator("#question textarea").blur()
    seen = []
    for _ in range(chips.count()):
        page.keyboard.press("ArrowRight")
        expect(page.locator("#viewer .cs-label")).to_have_text(f"Citation {len(seen) + 1}")
        seen.append(page.locator("#chat .cs-chip.cs-on").text_content())
    assert seen == [chip.text_content() for chip in chips.all()]
    page.keyboard.press("ArrowRight")  # there is no further one
    if len(seen) > 1:
        page.keyboard.press("ArrowLeft")
        expect(page.locator("#viewer .cs-label")).to_have_text(f"Citation {len(seen) - 1}")
    page.keyboard.press("Escape")
    expect(page.locator("#chat .cs-chip.cs-on")).to_be_focused()


def test_a_chip_shows_its_quote_on_hover_and_on_focus(page):
    chip, citation = ask_for(page, "How many steps does the tower have?", "lighthouse.md")
    tip = page.locator("#cs-tip")
    for point in (chip.hover, chip.focus):
        point()
        expect(tip).to_be_visible()
        assert " ".join(citation["quote"].split())[:40] in tip.inner_text()
        page.mouse.move(5, 5)
        chip.blur()
        expect(tip).to_be_hidden()
    assert citation["quote"].split()[0] in chip.get_attribute("aria-label")


def test_an_answer_says_who_gave_it_and_what_each_stage_took(page):
    answer = ask(page, "How many steps does the tower have?")
    expect(answer.locator(".cs-next")).to_be_visible()  # with it the answer is drawn for the last time
    expect(answer.locator(".cs-badge")).to_be_visible()
    assert re.fullmatch(r"\d+ %", answer.locator(".cs-share").inner_text())
    answer.locator(".cs-facts summary").click()
    stages = answer.locator(".cs-facts dt").all_inner_texts()
    assert {"Answered by", "search", "read", "cite", "in all"} <= set(stages)
    expect(page.locator("#cs-live")).to_contain_text(answer.locator(".cs-badge").inner_text())


def drop(page: Page, name: str, words: str) -> None:
    """Drop a file on the page, as a hand would."""
    data = page.evaluate_handle(
        """([name, words]) => { const data = new DataTransfer();
           data.items.add(new File([words], name, {type: 'text/plain'})); return data }""",
        [name, words],
    )
    for event in ("dragenter", "dragover"):
        page.dispatch_event("#chat", event, {"dataTransfer": data})
    expect(page.locator("#cs-app[data-dropping]")).to_be_attached()
    page.dispatch_event("#chat", "drop", {"dataTransfer": data})


def row(page: Page, source: str) -> Locator:
    return page.locator(f'#sources [data-source="{source}"]')


def test_a_dropped_file_is_added_and_a_removed_one_can_be_kept(page, url):
    drop(page, "dropped.txt", "The bell of Wrenholm weighs 311 kilograms.")
    expect(row(page, "dropped.txt")).to_be_visible()
    expect(page.locator("#cs-app[data-dropping]")).to_have_count(0)
    expect(page.locator("#cs-status .cs-file-done")).to_contain_text("dropped.txt")
    quiet(page)

    row(page, "dropped.txt").hover()
    row(page, "dropped.txt").locator("[data-do=remove]").click()
    expect(row(page, "dropped.txt")).to_be_hidden()
    expect(page.locator("#sources .cs-removing")).to_contain_text("dropped.txt")
    page.keyboard.press("Enter")  # the focus is on Undo
    expect(row(page, "dropped.txt")).to_be_visible()
    expect(row(page, "dropped.txt").locator("input")).to_be_checked()

    row(page, "dropped.txt").hover()
    row(page, "dropped.txt").locator("[data-do=remove]").click()
    expect(row(page, "dropped.txt")).to_have_count(0)
    quiet(page)
    assert "dropped.txt" not in page.content()


def test_many_files_leave_the_list_of_documents_alone_and_none_added_meanwhile_is_lost(page, tmp_path):
    names = [f"minutes-{number:02}.txt" for number in range(30)]
    for name in [*names, "late.txt", "later.txt"]:
        (tmp_path / name).write_text(f"The keeper of {name} is called Anna.", encoding="utf-8")
    (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.4 nonsense")
    chosen, status = page.locator("#upload input[type=file]"), page.locator("#cs-status")
    chosen.set_input_files([tmp_path / name for name in ("broken.pdf", *names)])
    expect(status.locator(".cs-file").first).to_be_visible()
    chosen.set_input_files([tmp_path / "late.txt"])
    expect(status).to_contain_text("31 added, 1 not added", timeout=300_000)
    quiet(page)
    expect(row(page, "late.txt")).to_be_attached()
    expect(status.locator(".cs-file").first).to_contain_text("broken.pdf")

    panes = [page.locator(name).bounding_box() for name in ("#cs-status", "#sources")]
    assert panes[0]["y"] + panes[0]["height"] <= panes[1]["y"] + 1
    clips = status.evaluate(
        "e => getComputedStyle(e).overflowY !== 'visible' && e.scrollHeight > e.clientHeight"
    )
    assert clips, "the list of files lies over the documents"
    status.locator(".cs-dismiss").click()
    expect(status.locator(".cs-upload")).to_be_hidden()

    chosen.set_input_files([tmp_path / "later.txt"])
    expect(status.locator(".cs-upload-head")).to_have_text("1 added")
    expect(status.locator(".cs-upload")).to_be_visible()
    added = page.locator('#sources [data-source^="minutes-"], #sources [data-source^="late"]')
    removing = added.locator("[data-do=remove]")
    removing.evaluate_all("all => all.forEach((one) => one.click())")  # quickly: each is heard
    expect(added).to_have_count(0, timeout=300_000)


def test_of_quick_clicks_the_last_one_is_shown(page):
    answer = ask(page, "How many steps does the tower of Gannet Stack have?")
    answer.locator(".cs-nearest summary").click()
    links = answer.locator(".cs-nearest a")
    last = links.count()
    assert last > 2
    links.evaluate_all("links => links.forEach((link) => link.click())")
    expect(page.locator("#viewer .cs-label")).to_have_text(f"Passage {last}")
    expect(page.locator("#chat .cs-on")).to_have_attribute("href", re.compile(f"-{last}$"))
    quiet(page)  # nor does an earlier one come late
    expect(page.locator("#viewer .cs-label")).to_have_text(f"Passage {last}")


def test_the_original_opens_and_nothing_else_does(page, folder, url):
    chip, _ = ask_for(page, "What does the keeper do when the lamp fails?", "lighthouse.md")
    chip.click()
    link = page.locator("#viewer .cs-original")
    with page.expect_download() as download:
        page.evaluate(
            "url => { const a = document.createElement('a'); a.href = url; a.download = ''; a.click() }",
            url.rstrip("/") + link.get_attribute("href"),
        )
    held = Path(download.value.path()).read_bytes()
    assert held == (folder / "documents" / "lighthouse.md").read_bytes()
    get = page.context.request.get
    pdf = get(f"{url}original?source=tides.pdf")
    assert pdf.headers["content-type"] == "application/pdf" and pdf.body().startswith(b"%PDF")
    assert pdf.headers["content-disposition"].startswith("inline")
    hostile = get(f"{url}original?source=%3Cimg src%3Dx onerror%3Dalert(1)%3E.txt")
    assert hostile.headers["content-type"] == "application/octet-stream"
    assert hostile.headers["content-disposition"].startswith("attachment")
    for bad in ("", "../log", "/etc/passwd", "%2e%2e/log", "index/citespan.db"):
        assert get(f"{url}original?source={bad}").status == 404


def test_markdown_is_formatted_and_the_stored_text_is_one_click_away(page):
    chip, citation = ask_for(page, "What does the keeper do when the lamp fails?", "lighthouse.md")
    chip.click()
    expect(page.locator("#viewer .cs-markdown")).to_be_visible()
    assert "## The lamp" not in page.locator("#viewer .cs-document").inner_text()
    page.locator("#viewer [data-do=text]").click()
    expect(page.locator("#viewer .cs-markdown")).to_have_count(0)
    assert "## The lamp" in page.locator("#viewer .cs-document").inner_text()
    expect(page.locator("#viewer mark")).to_have_text(citation["quote"])
    expect_in_view(page.locator("#viewer mark"))


def test_what_was_opened_and_what_has_the_focus_stay_so_when_the_answer_is_drawn_anew(page):
    answer = ask(page, "How many steps does the tower have?")
    answer.locator(".cs-nearest summary").click()
    for place in (answer.locator(CHIP).first, answer.locator(".cs-nearest summary")):
        drawn = answer.locator(".cs-chosen").count()
        place.focus()
        answer.locator("a.cs-good").dispatch_event("click")  # the server draws the answer anew
        expect(answer.locator(".cs-chosen")).to_have_count(1 - drawn)
        expect(place).to_be_focused()
        expect(answer.locator(".cs-nearest")).to_have_attribute("open", "")
