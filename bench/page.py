"""How the page feels, in milliseconds: first usable paint, first words after Enter, highlight after a click.

python -m bench.page --index DIR        an index that is there
python -m bench.page --passages 10000   a new one with so many passages of made-up text
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Page

from index.index import Index
from tests.browser import chromium
from tests.page_server import running_page

ROUNDS = 12
WORDS = "#chat .cs-answer .cs-text"
MARKS = "#viewer mark, #viewer .cite-box"
ROOMS = ("harbour", "lamp", "chapel", "quarry", "bakery", "orchard", "library", "ferry", "mill", "school")
DEEDS = ("repaired", "painted", "sold", "bought", "measured", "closed", "opened", "counted", "moved")

LIMIT_S = 60  # after which nothing is waited for any more

# Milliseconds from now until there are more of a selector, seen from within the page; -1 after the limit.
UNTIL = """([selector, before, limit]) => new Promise((done) => {
  const start = performance.now();
  const look = () => {
    const taken = performance.now() - start;
    if (document.querySelectorAll(selector).length > before) done(taken);
    else if (taken > limit) done(-1);
    else requestAnimationFrame(look);
  };
  look();
})"""


def corpus(folder: Path, passages: int) -> None:
    """Write documents that make about so many passages, each sentence with a number of its own."""
    made = random.Random(7)
    each = 200  # passages a document
    for number in range(max(1, passages // each)):
        lines = []
        for entry in range(each):
            room, deed = made.choice(ROOMS), made.choice(DEEDS)
            lines.append(
                f"## Entry {number}-{entry}\n\nIn {1700 + made.randrange(300)} the {room} of parish "
                f"{number}-{entry} was {deed} for {made.randrange(9000)} crowns. "
                + "Nothing else was noted. "
                * 14
            )
        (folder / f"book-{number:03}.md").write_text("\n\n".join(lines), encoding="utf-8")


def begin(page: Page, selector: str, before: int) -> None:
    """Start to measure how long it takes until there are more than ``before`` such elements."""
    # A function that returns nothing: what returned the promise would be waited for here.
    page.evaluate(
        f"(wanted) => {{ window.measured = ({UNTIL})(wanted) }}", [selector, before, 1000 * LIMIT_S]
    )


def measured_ms(page: Page, what: str) -> float:
    """What `begin` measured; a sentence and the end where it never came."""
    taken = float(page.evaluate("window.measured"))
    if taken < 0:
        raise SystemExit(f"{what} did not come within {LIMIT_S} s.")
    return taken


def load_ms(page: Page, address: str) -> float:
    """From asking for the page until the question box can be used and the documents are listed."""
    started = time.perf_counter()
    page.goto(address, wait_until="commit")
    page.wait_for_selector("#question textarea:not([disabled])")
    page.wait_for_selector("#sources [data-source]", state="attached")
    return 1000 * (time.perf_counter() - started)


def ask_ms(page: Page, question: str) -> float:
    """From Enter until the first words of the answer stand on the page."""
    page.locator("#question textarea").fill(question)
    begin(page, WORDS, page.locator(WORDS).count())
    page.keyboard.press("Enter")
    taken = measured_ms(page, f"The answer to {question!r}")
    page.wait_for_selector("#question .submit-button")
    return taken


def click_ms(page: Page, number: int) -> float:
    """From a click on a chip (from 0) of the last answer until its words are marked in the viewer.

    Before it the viewer shows a document without a mark. (To take the marks away by script would not do: the
    page draws nothing anew where the next click shows what the last one showed, and no mark would come back.)
    """
    page.locator("#sources .cs-open").first.evaluate("button => button.click()")
    page.wait_for_selector("#viewer header")
    page.wait_for_selector(MARKS, state="detached")
    begin(page, MARKS, 0)
    chip = page.locator("#chat .cs-answer").last.locator("a.cs-chip").nth(number)
    chip.evaluate("chip => chip.click()")
    return measured_ms(page, "The mark in the viewer")


def summary(values: list[float]) -> dict[str, float]:
    """Median and the worst of some values, in whole milliseconds."""
    return {"p50": round(statistics.median(values)), "max": round(max(values)), "n": len(values)}


def measure(index: Path, questions: list[str]) -> dict[str, dict[str, float]]:
    """The figures of the page over an index; what comes first in each is not counted: it warms up."""
    loads, words, clicks = [], [], []
    with running_page(index) as address, chromium() as browser:
        page = browser.new_context(viewport={"width": 1400, "height": 860}).new_page()
        page.set_default_timeout(1000 * LIMIT_S)
        loads = [load_ms(page, address) for _ in range(6)][1:]
        for question in questions:
            words.append(ask_ms(page, question))
            chips = page.locator("#chat .cs-answer").last.locator("a.cs-chip").count()
            clicks += [click_ms(page, number) for number in range(min(chips, 3))]
    return {
        "usable_paint_ms": summary(loads),
        "first_words_ms": summary(words[1:]),
        "click_to_highlight_ms": summary(clicks[1:]),
    }


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--index", type=Path)
    parser.add_argument("--passages", type=int, default=10_000)
    arguments = parser.parse_args()
    made = random.Random(11)
    numbers = [
        (made.randrange(max(1, arguments.passages // 200)), made.randrange(200)) for _ in range(ROUNDS)
    ]
    questions = [f"What was done in parish {book}-{entry}?" for book, entry in numbers]
    if arguments.index:
        print(json.dumps(measure(arguments.index, questions)))
        return
    with tempfile.TemporaryDirectory() as folder:
        documents = Path(folder) / "documents"
        documents.mkdir()
        corpus(documents, arguments.passages)
        with Index.open(Path(folder) / "index", create=True) as index:
            passages = index.add([documents]).passages
        print(json.dumps({"passages": passages, **measure(Path(folder) / "index", questions)}))


if __name__ == "__main__":
    main()
