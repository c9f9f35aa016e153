"""Words from pictures of pages, by Tesseract, where it is installed."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
from functools import lru_cache
from math import sqrt
from typing import TYPE_CHECKING

from index.formats.parsed import printable

if TYPE_CHECKING:
    import pypdfium2

MAX_PAGES = 500  # recognised in one file: some seconds each
_DPI = 300  # what Tesseract's models are made for
_MAX_PIXELS = 40_000_000
_PAGE_S = 45.0  # for one page
_MAX_LANGUAGES = 4  # each one takes time


@lru_cache(maxsize=1)
def languages() -> str:
    """The installed languages as Tesseract wants them, English first, at most four; "" without Tesseract."""
    program = shutil.which("tesseract")
    if program is None:
        return ""
    try:
        listed = subprocess.run(
            [program, "--list-langs"], capture_output=True, text=True, timeout=20, check=True
        ).stdout.splitlines()[1:]
    except (OSError, subprocess.SubprocessError):
        return ""
    found = sorted(set(listed) - {"osd", "equ"}, key=lambda name: (name != "eng", "/" in name, name))
    return "+".join(found[:_MAX_LANGUAGES])


def recognise(page: pypdfium2.PdfPage) -> str | None:
    """The text on a page, paragraphs parted by a blank line; None where it could not be recognised."""
    wide, high = page.get_size()
    scale = min(_DPI / 72, sqrt(_MAX_PIXELS / max(wide * high, 1.0)))
    picture = io.BytesIO()
    page.render(scale=scale, grayscale=True).to_pil().save(picture, "PPM")
    program = shutil.which("tesseract") or "tesseract"
    try:
        done = subprocess.run(
            [program, "stdin", "stdout", "-l", languages()],
            input=picture.getvalue(),
            capture_output=True,
            timeout=_PAGE_S,
            check=True,
            env=os.environ | {"OMP_THREAD_LIMIT": "1"},  # the other cores read other files
        )
    except (OSError, subprocess.SubprocessError):
        return None
    paragraphs = printable(done.stdout.decode("utf-8", "replace")).split("\n\n")
    return "\n\n".join(paragraph.strip() for paragraph in paragraphs if paragraph.strip())
