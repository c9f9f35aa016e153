"""The browser that looks at a page: for tests, measurements and screenshots."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Page, Request, expect, sync_playwright

TIMEOUT_MS = 90_000  # of any single step: it is there to end a test that hangs, not to measure a machine
expect.set_options(timeout=TIMEOUT_MS)  # it holds for all modules, whichever is imported last
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-sync",
]


@contextmanager
def chromium() -> Iterator[Browser]:
    """The system's Chromium, without a window."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        raise SystemExit("Chromium is missing. Install it with: tests/install_chromium.sh")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=ARGUMENTS)
        yield browser
        browser.close()


# Two frames and a task: what an answer of the server sets off has happened, up to its next request.
# A page in the background gets no frames: its timers must do.
PAINTED = """() => new Promise((done) => {
    requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done)));
    setTimeout(done, 1000);
})"""


def follow(page: Page) -> None:
    """Note what the page asks its server for, until it has heard the end of it: `quiet` waits for that."""
    page.set_default_timeout(TIMEOUT_MS)
    page.under_way = set()

    def note(request: Request) -> None:
        if "/gradio_api/" in request.url and "/heartbeat/" not in request.url:  # that one never ends
            page.under_way.add(request)

    page.on("request", note)
    page.on("requestfinished", lambda request: page.under_way.discard(request))
    page.on("requestfailed", lambda request: page.under_way.discard(request))
    page.on("framenavigated", lambda _: page.under_way.clear())


def quiet(page: Page) -> None:
    """Wait until nothing that was set off in the page is under way: no late event can repaint it any more.

    One event sets off the next, so it must be still for a while, counted in frames of the page itself.
    """
    still, end = 0, time.monotonic() + TIMEOUT_MS / 1000
    while still < 3:
        assert time.monotonic() < end, f"still under way: {[request.url for request in page.under_way]}"
        page.evaluate(PAINTED)
        still = 0 if page.under_way else still + 1
