"""Torture an index and write down what it survived: docs/RELIABILITY.md.

    make torture                    all faults, as many as the table in the document shows
    python -m bench.torture --rounds 20

Each fault is followed by a full examination: every document that is there must be whole, text and passages,
and every document that had been there must be there, or be named as lost by `qa doctor`. "Lost" counts
documents that were there before a fault and are not there after the repair; "in silence" those of them that
nobody named.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import random
import resource
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path

from index import Index
from index.doctor import examine
from index.errors import QAError
from index.index import DATABASE
from tests.adversaries import write_all
from tests.corpus import write
from tests.fakes import FirstWordsEncoder, HashEncoder

REPORT = Path(__file__).parent.parent / "docs" / "RELIABILITY.md"
_FILES = 60
_PROCESSES = get_context("forkserver")  # starts at once, with everything imported and no thread


@dataclass(slots=True)
class Row:
    """One line of the table: a fault, how often it was tried, and what came of it."""

    fault: str
    tried: int = 0
    whole: int = 0  # all was there afterwards, at once or after a repair
    named: int = 0  # something was lost, and was named
    silent: int = 0  # something was lost or false, and nobody said so

    def count(self, whole: bool) -> None:
        """Note a try after which all must be whole, as nothing names what is lost."""
        self.tried += 1
        self.whole += whole
        self.silent += not whole


def texts(version: int) -> dict[str, str]:
    """A corpus of small files, the same in every run."""
    chance = random.Random(version)
    words = ["harbour", "Zürich", "東京", "budget", "🐾", "approved", "ferry", "lamp", "keeper", "1913"]
    return {
        f"{i}.txt": f"Animal{i}v{version} lives in burrow {i}.\n\n"
        + "\n\n".join(" ".join(chance.choices(words, k=60)) for _ in range(6))
        for i in range(_FILES)
    }


def add(folder: Path, docs: Path) -> None:
    """Index a folder; runs in a process of its own."""
    with contextlib.suppress(QAError), Index.open(folder, encoder=HashEncoder(), create=True) as index:
        index.add([docs])


def remove(folder: Path, sources: list[str]) -> None:
    """Remove documents; runs in a process of its own."""
    with Index.open(folder, encoder=HashEncoder(), create=False) as index:
        index.remove(*sources)


def stored(folder: Path) -> dict[str, str]:
    """The text of each document; every passage is proved to be a slice of it."""
    if not (folder / DATABASE).exists():
        return {}
    with Index.open(folder, encoder=HashEncoder(), create=False) as index:
        for passage in index._store.stored_after(0):
            text = index.document(passage.source).text
            assert text[passage.span.start : passage.span.end] == passage.text
        return {info.source: index.document(info.source).text for info in index.documents()}


def kill_after(process: BaseProcess, seconds: float) -> None:
    """Let a process run for a while, then kill it with signal 9."""
    process.start()
    process.join(seconds)
    if process.is_alive() and process.pid is not None:
        os.kill(process.pid, signal.SIGKILL)
    process.join()
    process.close()


def new_index(home: Path) -> tuple[Path, Path, dict[str, str]]:
    """An index of the corpus, its documents, and their texts."""
    texts_now = texts(0)
    folder, docs = home / ".qa", write(home / "docs", texts_now)
    add(folder, docs)
    return folder, docs, texts_now


def kills_while_indexing(home: Path, rounds: int) -> Row:
    """kill -9 at a random moment, of a first run or of one that replaces every file."""
    row = Row("`kill -9` while files are added or replaced")
    chance = random.Random(1)
    folder, docs, before = home / ".qa", home / "docs", dict[str, str]()
    for number in range(rounds):
        if number % 10 == 0:
            shutil.rmtree(folder, ignore_errors=True)
            before = {}
        allowed = [before, texts(number)]
        write(docs, texts(number))
        kill_after(_PROCESSES.Process(target=add, args=(folder, docs)), chance.uniform(0.0, 0.8))
        now = stored(folder)
        right = all(any(text == one.get(source) for one in allowed) for source, text in now.items())
        row.count(before.keys() <= now.keys() and right)
        before = now
    return row


def kills_while_forgetting(home: Path, rounds: int) -> Row:
    """kill -9 during a removal; afterwards a removed document must be gone to the last byte."""
    row = Row("`kill -9` while documents are removed and their bytes overwritten")
    chance = random.Random(2)
    for _ in range(rounds):
        shutil.rmtree(home, ignore_errors=True)
        folder, _docs, before = new_index(home)
        victims = chance.sample(sorted(before), 5)
        kill_after(_PROCESSES.Process(target=remove, args=(folder, victims)), chance.uniform(0.0, 0.4))
        now = stored(folder)
        examine(folder, encoder=HashEncoder())
        gone = before.keys() - now.keys()
        data = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
        left = any(before[source][:40].encode() in data for source in gone)
        fine = (
            gone in (set(), set(victims)) and not left and all(before[s] == text for s, text in now.items())
        )
        row.count(fine)
    return row


def full_disks(home: Path, rounds: int) -> Row:
    """A disk that fills up while files are added: a small tmpfs, or a limit of file size without root."""
    row = Row("full disk while files are added")
    for number in range(rounds):
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir()
        folder = home / "disk" / ".qa"
        with small_disk(home / "disk", kilobytes=300 + 100 * number):
            docs = write(home / "docs", texts(0))
            process = _PROCESSES.Process(target=add, args=(folder, docs))
            process.start()
            process.join(120)
            now = stored(folder) if process.exitcode == 0 else {}
            fine = process.exitcode == 0 and all(texts(0)[source] == text for source, text in now.items())
            row.count(fine)
    return row


@contextlib.contextmanager
def small_disk(path: Path, *, kilobytes: int) -> Iterator[None]:
    """A folder that takes only so much."""
    path.mkdir(parents=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(path)], capture_output=True
    )
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        if mounted.returncode:
            resource.setrlimit(resource.RLIMIT_FSIZE, (kilobytes * 1024, old[1]))
        yield
    finally:
        if mounted.returncode:
            resource.setrlimit(resource.RLIMIT_FSIZE, old)
        else:
            subprocess.run(["umount", "-l", str(path)], check=True)


def damaged(home: Path, rounds: int, *, fault: str, pick: Callable[[Path], list[Path]], files: bool) -> Row:
    """Other bytes in a file of the index; then the doctor. ``files``: whether the originals are there."""
    row = Row(fault)
    chance = random.Random(3)
    folder, docs, before = new_index(home)
    if not files:
        shutil.rmtree(docs)
    kept = home / "kept"
    shutil.copytree(folder, kept)
    for _ in range(rounds):
        shutil.rmtree(folder)
        shutil.copytree(kept, folder)
        path = chance.choice(sorted(pick(folder)))
        data = bytearray(path.read_bytes())
        size = chance.choice((1, 16, 512, 4096, 16384))
        at = chance.randrange(max(1, len(data) - size))
        data[at : at + size] = chance.randbytes(min(size, len(data) - at))
        path.write_bytes(data)
        row.tried += 1
        try:
            findings = examine(folder, encoder=HashEncoder()).findings
            now = stored(folder)
        except QAError:
            row.named += 1  # nothing could be saved, and the sentence says what to do
            continue
        named = {finding.source for finding in findings if not finding.repaired}
        wrong = {source for source, text in before.items() if now.get(source) != text}
        row.whole += not wrong
        said = wrong <= named or "" in named  # "": names may be lost too, index all folders again
        row.named += bool(wrong) and said
        row.silent += not said
    return row


def two_indexers(home: Path, rounds: int) -> Row:
    """Two processes that add overlapping files to one index at the same time."""
    row = Row("two indexers at once")
    for number in range(rounds):
        shutil.rmtree(home, ignore_errors=True)
        docs = write(home / "docs", texts(number))
        running = [_PROCESSES.Process(target=add, args=(home / ".qa", docs)) for _ in range(2)]
        for process in running:
            process.start()
        for process in running:
            process.join()
        fine = stored(home / ".qa") == texts(number)
        fine = fine and not examine(home / ".qa", encoder=HashEncoder(), repair=False).findings
        row.count(fine)
    return row


def hostile_files(home: Path, _rounds: int) -> Row:
    """Every file of tests/adversaries.py: indexed whole, or refused with a sentence."""
    row = Row("hostile and damaged files (*named*: refused with a sentence)")
    home.mkdir()
    write_all(home / "docs")
    with Index.open(home / ".qa", encoder=FirstWordsEncoder(), create=True) as index:
        report = index.add([home / "docs"])
    row.tried = report.added + len(report.failed)
    row.named = len(report.failed)
    false = {f.source for f in examine(home / ".qa", encoder=FirstWordsEncoder(), repair=False).findings}
    row.silent = len(false)
    row.whole = report.added - len(false)
    return row


def derived_files(folder: Path) -> list[Path]:
    """What is made from the database."""
    return [*folder.glob("vectors-*"), *(path for path in folder.glob("terms/*") if path.stat().st_size)]


def run(rounds: int) -> list[Row]:
    """All faults, each in a folder of its own."""
    _PROCESSES.set_forkserver_preload(["index.index", "index.build", "tests.fakes"])

    def database(folder: Path) -> list[Path]:
        return [folder / DATABASE]

    faults: list[Callable[[Path], Row]] = [
        lambda home: kills_while_indexing(home, rounds),
        lambda home: kills_while_forgetting(home, rounds // 4),
        lambda home: full_disks(home, max(1, rounds // 10)),
        lambda home: two_indexers(home, max(1, rounds // 10)),
        lambda home: damaged(
            home, rounds // 2, fault="bytes of the database overwritten", pick=database, files=True
        ),
        lambda home: damaged(
            home, rounds // 2, fault="the same, and the files are gone", pick=database, files=False
        ),
        lambda home: damaged(
            home, rounds // 2, fault="bytes of a derived file overwritten", pick=derived_files, files=False
        ),
        lambda home: hostile_files(home, rounds),
    ]
    rows = []
    for fault in faults:
        with tempfile.TemporaryDirectory() as home:
            rows.append(fault(Path(home) / "torture"))
        print(rows[-1], flush=True)
    return rows


def report(rows: list[Row], seconds: float) -> str:
    """The document."""
    lines = [
        "# What an index survives",
        "",
        "Written by `make torture`; do not edit. Each fault is followed by `qa doctor` where one is due, and",
        "by an examination of every document, passage and vector.",
        "",
        "| fault | tried | all whole afterwards | lost, and named | lost or false in silence |",
        "|---|---:|---:|---:|---:|",
        *(f"| {r.fault} | {r.tried} | {r.whole} | {r.named} | {r.silent} |" for r in rows),
        "",
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python "
        f"{platform.python_version()}; {seconds / 60:.0f} minutes. An index of {_FILES} documents, "
        "made with a stand-in for the encoder.",
        "",
        "A fault counts as *named* where at least one document could not be saved and the doctor said which,",
        "or said that nothing can be read and what to do. The originals of documents are never touched.",
        "",
        "What is not covered: a disk that lies about what it has written, and bytes that a file system or a",
        "solid-state disk keeps after they were overwritten. Forgetting ends at the files of the index.",
        "A file of the index that is cut short in place ends the process that has it mapped (SIGBUS); the",
        "next one makes it anew.",
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    """Run all faults and write the document."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--rounds", type=int, default=200, help="kills while indexing; other faults in proportion"
    )
    parser.add_argument("--out", type=Path, default=REPORT)
    options = parser.parse_args()
    started = time.monotonic()
    rows = run(options.rounds)
    options.out.parent.mkdir(exist_ok=True)
    options.out.write_text(report(rows, time.monotonic() - started), "utf-8")


if __name__ == "__main__":
    main()
