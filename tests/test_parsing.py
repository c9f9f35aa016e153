"""Files are read in processes that may die alone: whatever a parser does, it costs one file at most."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from contextlib import closing
from pathlib import Path

import pytest

from index.chunk import chunk
from index.errors import LoadError
from index.limits import Limits
from index.load import load
from index.parsing import Parsers
from tests.corpus import SEEDS

HOSTILE = "tests.hostile_parsers:load_hostile"
LIMITS = Limits(seconds=5, memory_bytes=1 << 29, text_bytes=3_000_000)
PATIENCE_S = 60.0  # for what comes in an instant, unless the machine is very busy


@pytest.fixture(scope="module")
def parsers():
    with Parsers(LIMITS, workers=2, load=HOSTILE) as opened:
        yield opened


@pytest.fixture
def file(tmp_path):
    def make(content: str, name: str = "a.md") -> Path:
        path = tmp_path / name
        path.write_text(content)
        return path

    return make


def test_what_comes_back_is_what_this_process_would_have_read():
    paths = sorted(path for path in SEEDS.iterdir() if path.is_file())
    with Parsers() as parsers:
        read = list(parsers.read_all((path, path.name) for path in paths))
    for path, loaded in zip(paths, read, strict=True):
        assert loaded.document == load(path, path.name)
        assert loaded.chunks == chunk(loaded.document)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("HANG", "was given up after"),
        ("CRASH", "crashed the program that reads such files (SIGSEGV)"),
        ("EXIT", "crashed the program that reads such files (exit code 3)"),
        ("BOMB", "needs more than 0.5 GiB of memory"),
        ("FLOOD", "holds 4 MB of text; the limit is 3 MB"),
        ("RECURSE", "RecursionError: maximum recursion depth exceeded"),
    ],
)
def test_a_parser_at_its_worst_costs_one_file_and_says_what_to_do(parsers, file, content, said):
    with pytest.raises(LoadError) as failure:
        parsers.read(file(content), "folder/a.md")
    assert said in str(failure.value)
    assert "folder/a.md" in str(failure.value)
    assert "save it" in str(failure.value).lower() or "Split" in str(failure.value)
    assert parsers.read(file("# All well\n\nZürich 東京 🌧️", "b.md"), "b.md").document.title == "All well"


def test_a_library_that_prints_does_not_garble_what_was_read(parsers, file):
    assert parsers.read(file("PRINT this"), "a.md").document.text == "PRINT this"


def test_a_long_work_that_shows_signs_of_life_is_not_given_up(parsers, file):
    started = time.monotonic()
    assert parsers.read(file("STEPS 30"), "a.md").document.text == "STEPS 30"
    assert time.monotonic() - started > LIMITS.seconds


def test_the_start_of_a_process_is_not_counted_against_the_file(file):
    with Parsers(Limits(seconds=5), workers=1, load="tests.slow_to_start:load") as parsers:
        assert parsers.read(file("# All well"), "a.md").document.title == "All well"
        with pytest.raises(LoadError, match="given up after 5 seconds"):
            parsers.read(file("HANG", "b.md"), "b.md")


def test_a_file_is_not_blamed_for_what_the_one_before_did_to_the_process(file):
    with Parsers(LIMITS, workers=1, load=HOSTILE) as parsers:
        parsers.read(file("CRASH-LATER"), "a.md")
        assert parsers.read(file("FINE"), "b.md").document.text == "FINE"


def test_processes_are_kept_for_the_next_file(file):
    with Parsers(LIMITS, workers=1, load=HOSTILE) as parsers:
        parsers.read(file("one"), "a.md")
        (process,) = parsers._idle
        for number in range(20):
            parsers.read(file(f"number {number}"), "a.md")
        assert parsers._idle == [process] and process.files == 21


def test_what_a_parser_started_ends_with_it(parsers, file, tmp_path):
    with pytest.raises(LoadError, match="given up"):
        parsers.read(file(f"HANG-WITH-CHILD {tmp_path / 'pid'}"), "a.md")
    pid = int((tmp_path / "pid").read_text())
    assert _soon(lambda: not _alive(pid))


def test_results_keep_the_order_of_the_files(parsers, tmp_path):
    names = [f"{number:03}.md" for number in range(60)]
    for name in names:
        (tmp_path / name).write_text("STEPS 2" if name.endswith("0.md") else f"text of {name}")
    read = list(parsers.read_all((tmp_path / name, name) for name in names))
    assert [loaded.document.source for loaded in read] == names


def test_both_cores_read(parsers, tmp_path):
    """Each of two files is read to its end only while the other one is being read."""
    here, there = tmp_path / "here", tmp_path / "there"
    (tmp_path / "a.md").write_text(f"MEET {here} {there}")
    (tmp_path / "b.md").write_text(f"MEET {there} {here}")
    read = list(parsers.read_all((tmp_path / name, name) for name in ("a.md", "b.md")))
    assert [loaded.document.source for loaded in read] == ["a.md", "b.md"]


def test_who_stops_early_leaves_no_process_at_work(tmp_path):
    for number in range(4):
        (tmp_path / f"{number}.md").write_text("STEPS 1" if number == 0 else "HANG")
    before = _children()
    with Parsers(Limits(seconds=600), workers=2, load=HOSTILE) as parsers:
        files = [(tmp_path / f"{number}.md", "a.md") for number in range(4)]
        with closing(parsers.read_all(files)) as read:
            next(read)
    assert _soon(lambda: _children() <= before)


def test_ctrl_c_ends_everything_at_once(tmp_path):
    begun = tmp_path / "begun"
    (tmp_path / "a.md").write_text(f"HANG {begun}")
    code = """
        from pathlib import Path
        from index.limits import Limits
        from index.parsing import Parsers
        parsers = Parsers(Limits(seconds=600), load="tests.hostile_parsers:load_hostile")
        parsers.read(Path("a.md").absolute(), "a.md")
    """
    root = str(Path(__file__).parent.parent)
    child = subprocess.Popen(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {root!r})\n" + textwrap.dedent(code)],
        cwd=tmp_path,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    with child:
        assert _soon(begun.exists)
        (parser,) = _children_of(child.pid)
        child.send_signal(signal.SIGINT)
        child.wait(PATIENCE_S)
    assert _soon(lambda: not _alive(parser))


def test_a_parser_whose_program_was_killed_ends_by_itself(tmp_path):
    code = "from index.parsing import shared_parsers as s; from pathlib import Path; import os, signal\n"
    code += "s().read(Path('a.md').absolute(), 'a.md'); print('read', flush=True); os.kill(os.getpid(), 9)"
    (tmp_path / "a.md").write_text("words")
    root = str(Path(__file__).parent.parent)
    with subprocess.Popen(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {root!r}); {code}"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
    ) as child:
        assert child.stdout.readline() == b"read\n"
        child.wait(PATIENCE_S)
    assert _soon(lambda: not _parsers_in(tmp_path))


def test_a_folder_of_documents_cannot_slip_code_into_the_parser(tmp_path, monkeypatch):
    (tmp_path / "json.py").write_text("raise SystemExit('code from the folder of documents ran')")
    (tmp_path / "a.md").write_text("# Safe")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [folder for folder in sys.path if folder])
    with Parsers() as parsers:
        assert parsers.read(tmp_path / "a.md", "a.md").document.title == "Safe"


def test_many_comments_before_no_page_are_looked_at_once(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"<!---->" * 500 + b"words")
    with Parsers(Limits(seconds=20)) as parsers:
        assert parsers.read(path, "a").document.format == "text"


def _children() -> set[int]:
    return _children_of(os.getpid())


def _children_of(pid: int) -> set[int]:
    found = set()
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[1]) == pid and fields[0] != "Z":
                found.add(int(folder.name))
    return found


def _parsers_in(folder: Path) -> list[str]:
    return [
        link.parent.name
        for link in Path("/proc").glob("[0-9]*/cwd")
        if os.access(link, os.R_OK) and os.path.realpath(link) == str(folder)
    ]


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _soon(claim) -> bool:
    until = time.monotonic() + PATIENCE_S
    while not claim():
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def test_a_mistake_over_a_plain_text_is_left_to_a_process_that_may_make_it(file, parsers, monkeypatch):
    def fail(*_: object) -> None:
        raise RuntimeError("a mistake")

    monkeypatch.setattr("index.load.load_plain", fail)
    assert parsers.read(file("The ferry waits.", "a.txt"), "a.txt").document.text == "The ferry waits."
