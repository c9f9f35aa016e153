"""`qa watch`: the index follows what people do in a folder."""

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import pytest
import watchfiles

from index import Index
from qa import watch as watching
from qa.cli import main
from tests.corpus import write
from tests.fakes import HashEncoder

PROJECT = Path(__file__).parent.parent
PATIENCE_S = 120.0  # for what comes in a second, unless the machine is very busy
TEXTS = {"a.md": "The ferry leaves at noon.", "deep/b.txt": "Zürich 東京 🌧️\r\nline"}


class Watching:
    """`watch` in a thread; its updates, as they come."""

    def __init__(self, monkeypatch, index, *folders):
        self.index = index
        self.updates = []
        self.rounds = 0  # that were waited for changes, and dealt with: one a second at least
        changes = watchfiles.watch

        def counted(*folders, **options):
            for batch in changes(*folders, **options):
                yield batch
                self.rounds += 1

        monkeypatch.setattr(watchfiles, "watch", counted)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(folders,))

    def _run(self, folders):
        for update in watching.watch(self.index, folders, stop=self._stop):
            self.updates.append(update)

    def __enter__(self):
        self._thread.start()
        self.wait_for(lambda: self.rounds)
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive()

    def wait_for(self, claim):
        until = time.monotonic() + PATIENCE_S
        while not claim():
            assert self._thread.is_alive(), "watching ended by itself"
            assert time.monotonic() < until, self.updates
            time.sleep(0.05)

    def sources(self):
        return {info.source for info in self.index.documents()}


@pytest.fixture
def docs(tmp_path):
    return write(tmp_path / "docs", TEXTS)


@pytest.fixture
def index(tmp_path):
    with Index.open(tmp_path / ".qa", encoder=HashEncoder(), create=True) as opened:
        yield opened


@pytest.fixture
def watch(index, monkeypatch):
    return partial(Watching, monkeypatch, index)


def test_files_that_come_change_and_go_are_followed(index, docs, watch):
    with watch(docs) as watched:
        assert watched.updates[0].added == tuple(sorted(TEXTS))
        write(docs, {"new.md": "A new one."})
        watched.wait_for(lambda: "new.md" in watched.sources())
        write(docs, {"new.md": "A newer one."})
        watched.wait_for(lambda: index.document("new.md").text == "A newer one.")
        (docs / "new.md").unlink()
        watched.wait_for(lambda: "new.md" not in watched.sources())
        watched.wait_for(lambda: len(watched.updates) == 4)
        said = [(u.added, u.updated, u.removed) for u in watched.updates[1:]]
    assert said == [(("new.md",), (), ()), ((), ("new.md",), ()), ((), (), ("new.md",))]


def test_a_rename_is_a_move_and_encodes_nothing(index, docs, watch):
    with watch(docs) as watched:
        encoded = index.encoder.calls
        (docs / "deep").rename(docs / "deeper")
        watched.wait_for(lambda: len(watched.updates) == 2)
    assert watched.updates[1].moved == (("deep/b.txt", "deeper/b.txt"),)
    assert watched.updates[1].added == watched.updates[1].removed == ()
    assert index.encoder.calls == encoded
    assert index.document("deeper/b.txt").text == TEXTS["deep/b.txt"]
    (hit,) = index.search("東京", sources=["deeper/b.txt"])
    assert hit.passage.source == "deeper/b.txt"


def test_only_the_text_that_changed_is_encoded(index, tmp_path):
    paragraphs = [f"# Part {number}\n\n" + f"Words of part {number}. " * 40 for number in range(20)]
    docs = write(tmp_path / "docs", {"long.md": "\n\n".join(paragraphs)})
    index.add([docs])
    before = index.encoder.calls
    paragraphs[7] += "One more sentence."
    write(docs, {"long.md": "\n\n".join(paragraphs)})
    index.add([docs])
    assert 0 < index.encoder.calls - before <= 2
    assert index.document("long.md").text == "\n\n".join(paragraphs)


def test_a_copy_of_a_file_is_not_encoded_again(index, docs):
    index.add([docs])
    before = index.encoder.calls
    for number in range(10):
        shutil.copy(docs / "a.md", docs / f"copy {number}.md")
    assert index.add([docs]).added == 10
    assert index.encoder.calls == before
    assert index.search("ferry", sources=["copy 3.md"])


def test_a_burst_of_changes_is_taken_up_at_once(index, docs, watch):
    with watch(docs) as watched:
        for number in range(50):
            write(docs, {f"{number}.txt": f"text {number}"})
        watched.wait_for(lambda: len(watched.sources()) == 52)
    assert len(watched.updates) <= 10


def test_a_folder_that_vanishes_keeps_its_documents_until_it_is_back(index, docs, watch):
    with watch(docs) as watched:
        docs.rename(docs.with_name("away"))
        watched.wait_for(lambda: len(watched.updates) == 2)
        assert str(docs) in watched.updates[1].failed[0].error
        assert watched.sources() == set(TEXTS)
        rounds = watched.rounds
        docs.with_name("away").rename(docs)
        watched.wait_for(lambda: watched.rounds > rounds)
        write(docs, {"back.md": "We are back."})
        watched.wait_for(lambda: "back.md" in watched.sources())
    assert len(watched.updates) == 3


def test_an_index_within_the_folder_does_not_wake_itself(docs, monkeypatch):
    with (
        Index.open(docs / "index", encoder=HashEncoder(), create=True) as index,
        Watching(monkeypatch, index, docs) as w,
    ):
        write(docs, {"new.md": "A new one."})
        w.wait_for(lambda: len(w.updates) == 2)
        generation = index._store.generation()
        rounds = w.rounds
        w.wait_for(lambda: w.rounds >= rounds + 3)
        assert index._store.generation() == generation
    assert len(w.updates) == 2


def test_a_broken_file_is_named_once_and_its_earlier_version_answers(index, docs, watch):
    with watch(docs) as watched:
        (docs / "a.md").write_bytes(b"")
        watched.wait_for(lambda: len(watched.updates) == 2)
        write(docs, {"new.md": "A new one."})
        watched.wait_for(lambda: len(watched.updates) == 3)
    assert [failure.source for failure in watched.updates[1].failed] == ["a.md"]
    assert watched.updates[2].failed == ()
    assert index.document("a.md").text == TEXTS["a.md"]


def test_ctrl_c_ends_the_command_cleanly(docs, tmp_path):
    command = [sys.executable, "-m", "qa", "watch", str(docs), "--index", str(tmp_path / ".qa")]
    with subprocess.Popen(
        command,
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as child:
        assert re.fullmatch(r"\d\d:\d\d:\d\d  added    a\.md\n", child.stdout.readline())
        assert "Watching" in child.stderr.readline()
        os.kill(child.pid, signal.SIGINT)
        _, err = child.communicate(timeout=PATIENCE_S)
    assert (child.returncode, err) == (0, "No longer watching. What was indexed is kept.\n")


def test_what_is_no_folder_is_wrong_usage(docs, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["watch", str(docs / "a.md")])
    assert ended.value.code == 2
    assert "is not a folder" in capsys.readouterr().err
