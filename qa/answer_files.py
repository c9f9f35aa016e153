"""`qa verify`: saved answers, checked against the files as they are now."""

from __future__ import annotations

import json
from argparse import Namespace
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from index.errors import AnswerFileError
from qa.terminal import say, show, show_json, visible_line

if TYPE_CHECKING:
    from qa.verify import Checked


def run_verify(arguments: Namespace) -> int:
    """`qa verify ANSWER.json…`: 1 unless every citation stands, where it was or elsewhere in its document."""
    from index.index import Index
    from qa.settings import change, read_settings
    from qa.verify import verify

    checked: list[Checked] = []
    failed = False
    with Index.open(change(read_settings(), {"index": arguments.index}).index, create=False) as index:
        for name in arguments.answers:
            try:
                answer = _read_answer(Path(name))
                found = verify(answer, index)
            except AnswerFileError as exc:
                failed = True
                say(f"qa: {visible_line(f'{name}: {exc}')}")
                continue
            checked += found
            for check in () if arguments.json else found:
                show(f"{check.status:<7}  {visible_line(name)} [{check.marker}]  {check.start}:{check.end}")
    if arguments.json:
        show_json({"citations": [asdict(check) for check in checked]})
    return 1 if failed or any(check.status not in ("ok", "moved") for check in checked) else 0


def _read_answer(path: Path) -> dict[str, Any]:
    """Return the content of a saved answer. Raises AnswerFileError where it is no JSON object."""
    try:
        content = json.loads(path.read_bytes())
    except OSError as exc:
        raise AnswerFileError(f"The file cannot be read: {exc.strerror}.") from exc
    except (ValueError, RecursionError) as exc:
        raise AnswerFileError(f"This is not an answer saved with `qa ask --json`: {exc}.") from exc
    if not isinstance(content, dict):
        raise AnswerFileError("This is not an answer saved with `qa ask --json`: it is no JSON object.")
    return content
