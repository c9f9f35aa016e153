"""The screenshots in docs/, taken anew: python -m bench.screenshots (make screenshots)."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, expect

from index.index import Index
from tests.browser import chromium
from tests.page_server import PROJECT, running_page

DOCS = PROJECT / "docs"
DESKTOP = {"width": 1280, "height": 760}
PHONE = {"width": 390, "height": 760}
SHOTS: dict[str, tuple[str, dict[str, Any]]] = {
    "answer": ("How much does the great lens from Paris weigh?", {"viewport": DESKTOP}),
    "pdf-dark": ("At what mean wind does crane work stop?", {"viewport": DESKTOP, "color_scheme": "dark"}),
    "german": ("Wie hoch sind Hecken an den Hauptwegen?", {"viewport": DESKTOP, "locale": "de-DE"}),
    "phone": ("At what mean wind does crane work stop?", {"viewport": PHONE}),
}
COLOURS = 128  # of a PNG: what makes it small


def shoot(browser: Browser, address: str, name: str, question: str, options: dict[str, Any]) -> None:
    """Ask the question, open its first citation, and keep what the browser shows."""
    context = browser.new_context(**options)
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.goto(address)
    expect(page.locator("#sources [data-source]").first).to_be_attached(timeout=60_000)
    page.locator("#question textarea").fill(question)
    page.keyboard.press("Enter")
    page.locator("#chat .cs-foot").wait_for()
    page.locator("#question .submit-button").wait_for()
    page.wait_for_timeout(3000)  # questions that could follow come when they have been tried out
    page.locator("#chat a.cs-chip").first.click()
    page.locator("#viewer mark, #viewer .cite-box").first.wait_for(state="attached")
    page.mouse.move(5, 5)
    page.wait_for_timeout(600)
    picture = Image.open(io.BytesIO(page.screenshot()))
    picture.convert("RGB").quantize(COLOURS).save(DOCS / f"{name}.png", optimize=True)
    context.close()


def main() -> None:
    """Write all screenshots, over the sample documents."""
    DOCS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        index = Path(folder) / "index"
        with Index.open(index, create=True) as opened:
            opened.add([PROJECT / "seeds"])
        with running_page(index) as address, chromium() as browser:
            for name, (question, options) in SHOTS.items():
                shoot(browser, address, name, question, options)


if __name__ == "__main__":
    main()
