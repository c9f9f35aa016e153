"""kill -9 while indexing: nothing is lost, nothing is half there."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from index import Index
from tests.corpus import write
from tests.fakes import HashEncoder

ROUNDS = 10
PROJECT = Path(__file__).parent.parent
# Prints a line before each step, and goes on when it gets one, so that the test can kill it in the middle of
# a known step: it never runs ahead of a test that is slow. At the end of its input it runs to its own.
INDEXER = """
import sys
from index import Index
from tests.fakes import HashEncoder

def show(progress):
    print(progress.stage, progress.done, flush=True)
    sys.stdin.readline()

with Index.open(sys.argv[1], encoder=HashEncoder(), create=True) as index:
    index.add([sys.argv[2]], on_progress=show)
print("finished", flush=True)
"""


def start(folder: Path, docs: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", INDEXER, str(folder), str(docs)]
    return subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def kill_in_step(indexer: subprocess.Popen[str], step: int) -> None:
    """Let it go on for so many steps, and kill it at work on the last of them."""
    indexer.stdin.write("\n" * step)
    indexer.stdin.flush()
    for done in range(step):
        if not indexer.stdout.readline().strip():
            pytest.fail(f"the indexer ended by itself after {done} steps")
    indexer.send_signal(signal.SIGKILL)
    assert indexer.wait() == -signal.SIGKILL
    indexer.stdin.close()
    indexer.stdout.close()


def check(folder: Path, texts: dict[str, str]) -> set[str]:
    """The sources in the index, each proved to be whole: text, passages, and found by its own word."""
    with Index.open(folder, encoder=HashEncoder()) as index:
        sources = {info.source for info in index.documents()}
        for source in sources:
            document = index.document(source)
            assert document.text == texts[source]
            hits = index.search(f"animal{source.split('.')[0]}", top_k=50, sources=[source])
            covered = sorted((h.passage.span.start, h.passage.span.end) for h in hits)
            assert covered[0][0] == 0
            assert sum(end - start for start, end in covered) >= len(document.text.split("\n\n")[0])
            assert all(
                document.text[s.start : s.end] == t
                for s, t in ((h.passage.span, h.passage.text) for h in hits)
            )
        return sources


def test_kill_minus_nine_ten_times_loses_nothing(tmp_path):
    texts = {
        f"{i}.txt": f"The animal{i} lives in burrow {i}.\n\n" + f"It eats {i} seeds. " * 40 for i in range(60)
    }
    docs = write(tmp_path / "docs", texts)
    folder = tmp_path / ".qa"
    kept: set[str] = set()
    for round_ in range(ROUNDS):
        indexer = start(folder, docs)
        kill_in_step(indexer, 1 + round_ * 6)  # a little further each time: while reading, storing, encoding
        if (folder / "citespan.db").exists():
            now = check(folder, texts)
            assert kept <= now, "a document that was there before the crash is gone"
            kept = now
    with start(folder, docs) as indexer:
        assert indexer.communicate()[0].strip().endswith("finished")
    assert check(folder, texts) == set(texts)
    with Index.open(folder, encoder=HashEncoder()) as index:
        assert len(index._vectors) == 0 or index._store.count_waiting() == 0
        index.search("anything")
        assert len(index._vectors) == index._store.counts()[1]


def test_a_kill_during_an_update_keeps_the_old_or_the_new_version(tmp_path):
    old = {f"{i}.txt": f"animal{i} old version" for i in range(20)}
    new = {name: text.replace("old", "new") for name, text in old.items()}
    docs = write(tmp_path / "docs", old)
    folder = tmp_path / ".qa"
    with Index.open(folder, encoder=HashEncoder(), create=True) as index:
        index.add([docs])
    write(docs, new)
    os.sync()
    indexer = start(folder, docs)
    kill_in_step(indexer, 10)
    with Index.open(folder, encoder=HashEncoder()) as index:
        stored = {info.source: index.document(info.source).text for info in index.documents()}
    assert set(stored) == set(old)
    assert all(text in (old[source], new[source]) for source, text in stored.items())
