"""`qa doctor`, `qa export`, `qa import`: keeping an index, and moving it."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from qa.terminal import say, show, show_json, visible_line

if TYPE_CHECKING:
    from index.transfer import Transferred
    from index.types import Progress

DONE = 0
FAILED = 1


def run_doctor(arguments: Namespace) -> int:
    """`qa doctor`: 1 where something is not in order afterwards."""
    from index.doctor import examine

    with _progress(arguments) as on_progress:
        health = examine(_folder(arguments), repair=not arguments.check, on_progress=on_progress)
    if arguments.json:
        show_json({"healthy": health.healthy, **asdict(health)})
    else:
        for finding in health.findings:
            where = f"{finding.source}: " if finding.source else ""
            state = "repaired" if finding.repaired else "NOT REPAIRED"
            show(f"{state}  {visible_line(where + finding.problem)}")
        state = "in order" if health.healthy else "NOT in order"
        show(f"{health.documents} documents, {health.passages} passages: {state} ({health.seconds:.1f} s)")
    return DONE if health.healthy else FAILED


def run_export(arguments: Namespace) -> int:
    """`qa export FILE`."""
    from index.transfer import export_index

    with _progress(arguments) as on_progress:
        done = export_index(_folder(arguments), Path(arguments.file), on_progress=on_progress)
    _show_transferred(done, "exported", arguments)
    if not arguments.quiet:
        say("Saved conversations are not in the file.")
    return DONE


def run_import(arguments: Namespace) -> int:
    """`qa import FILE`."""
    from index.transfer import import_index

    with _progress(arguments) as on_progress:
        done = import_index(Path(arguments.file), _folder(arguments), on_progress=on_progress)
    _show_transferred(done, "imported", arguments)
    return DONE


def _show_transferred(done: Transferred, how: str, arguments: Namespace) -> None:
    if arguments.json:
        show_json(asdict(done))
    else:
        show(f"{done.documents} documents, {done.passages} passages {how} ({done.bytes / 1e6:.1f} MB)")


def _folder(arguments: Namespace) -> Path:
    from qa.settings import change, read_settings

    return change(read_settings(), {"index": arguments.index}).index.expanduser()


@contextmanager
def _progress(arguments: Namespace) -> Iterator[Callable[[Progress], None]]:
    from tqdm import tqdm

    with tqdm(unit="document", leave=False, disable=arguments.quiet or not sys.stderr.isatty()) as bar:

        def on_progress(step: Progress) -> None:
            bar.total = step.total
            bar.update(step.done - bar.n)

        yield on_progress
