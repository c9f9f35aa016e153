"""The command line: what each command writes where, and which exit code the shell gets."""

import fcntl
import io
import json
import os
import pty
import re
import shlex
import signal
import struct
import subprocess
import sys
import termios
from contextlib import suppress
from dataclasses import asdict
from importlib import import_module
from pathlib import Path

import pytest

from index.index import DATABASE, Index
from qa.calibrate import UNCALIBRATED, read_calibration
from qa.cli import main
from qa.commands import COMMANDS
from qa.terminal import paint, visible, visible_line
from tests.corpus import write
from tests.fakes import HashEncoder
from tests.readers import WordReader

PROJECT = Path(__file__).parent.parent
TEXTS = {
    "boats.txt": "The ferry Aurora was built in Zürich in 1997. It carries 240 people 😀.\r\nNext line.\n",
    "deep/trees.md": "# Oaks\n\nThe oldest oak of the park was planted in 1712 by Ms 東京.\n",
    "bread.csv": "bread,flour\nrye,dark\nwheat,light\n",
}
QUESTION = "When was the oldest oak of the park planted?"


@pytest.fixture(autouse=True)
def small_models(tmp_path, monkeypatch):
    """Commands run in this process with deterministic models, in an empty folder of their own."""
    for name in [name for name in os.environ if name.startswith("QA_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr("index.index.load_encoder", lambda name="hash": HashEncoder())
    asking = import_module("qa.ask")  # "qa.ask" in text would mean the function
    monkeypatch.setattr(asking, "load_reader", lambda: WordReader())
    monkeypatch.setenv("QA_MIN_CONFIDENCE", "0")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def qa(capsysbinary):
    """Runs one command in this process; exit code, stdout, stderr."""

    def run(*arguments):
        capsysbinary.readouterr()
        code = main([str(argument) for argument in arguments])
        out, err = capsysbinary.readouterr()
        return code, out.decode(), err.decode()

    return run


@pytest.fixture
def docs(tmp_path, qa):
    """The folder of documents; they are in the index `.qa` of the present folder."""
    folder = write(tmp_path / "docs", TEXTS)
    code, _, _ = qa("index", folder)
    assert code == 0
    return folder


def start(*arguments, **options):
    """A process that runs a command in the present folder."""
    environment = os.environ | {"PYTHONPATH": str(PROJECT)}
    command = [sys.executable, "-m", "qa", *map(str, arguments)]
    return subprocess.Popen(
        command, **({"env": environment, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options)
    )


def test_index_counts_what_it_did_and_touches_nothing_twice(tmp_path, qa):
    folder = write(tmp_path / "docs", TEXTS)
    code, out, err = qa("index", folder, "--json")
    report = json.loads(out)
    assert (code, err) == (0, "")
    assert list(report) == [
        "added",
        "updated",
        "unchanged",
        "removed",
        "failed",
        "documents",
        "passages",
        "seconds",
    ]
    assert (report["added"], report["documents"], report["failed"]) == (3, 3, [])
    (folder / "bread.csv").unlink()
    (folder / "boats.txt").write_text("Another ferry.")
    code, out, _ = qa("index", folder)
    assert code == 0
    assert "0 added, 1 updated, 1 unchanged, 1 removed, 0 failed: now 2 documents" in out


def test_a_file_that_cannot_be_read_is_named_and_the_others_are_indexed(tmp_path, qa):
    folder = write(tmp_path / "docs", TEXTS)
    (folder / "broken.pdf").write_bytes(b"%PDF-1.4 no more")
    code, out, err = qa("index", folder, tmp_path / "missing", "--json")
    report = json.loads(out)
    assert code == 1
    assert report["added"] == 3 and len(report["failed"]) == 2
    assert all(set(failure) == {"source", "error"} for failure in report["failed"])
    assert "broken.pdf" in err and "missing" in err and "Traceback" not in err


def test_ask_writes_the_contracts_json_and_its_citations_hold(qa, docs):
    code, out, err = qa("ask", QUESTION, "--json")
    answer = json.loads(out)
    assert (code, err) == (0, "")
    assert list(answer) == [
        "question",
        "text",
        "refused",
        "confidence",
        "citations",
        "hits",
        "timings",
        "model",
    ]
    assert answer["question"] == QUESTION and not answer["refused"]
    assert answer["citations"][0]["source"] == "deep/trees.md"
    for citation in answer["citations"]:
        assert list(citation) == ["marker", "source", "sha256", "start", "end", "quote", "page"]
        _, text, _ = qa("text", citation["source"])
        assert text[citation["start"] : citation["end"]] == citation["quote"]


def test_ask_shows_the_answer_and_then_each_source_with_its_quote(qa, docs):
    code, out, err = qa("ask", QUESTION)
    assert (code, err) == (0, "")
    assert "planted in 1712" in out.split("\n\n")[0]
    assert re.search(r"\n\[1\] deep/trees\.md, Oaks\n    .*1712", out)
    assert "\x1b" not in out and "**" not in out


def test_a_refusal_is_a_result(qa, docs, monkeypatch):
    monkeypatch.setenv("QA_MIN_CONFIDENCE", "1")
    code, out, _ = qa("ask", "Who walked on the moon?", "--json")
    answer = json.loads(out)
    assert code == 0 and answer["refused"] is True and answer["citations"] == []


def test_ask_looks_only_into_the_sources_that_are_named(qa, docs):
    _, out, _ = qa(
        "ask", QUESTION, "--json", "--source", "boats.txt", "--source", "bread.csv", "--top-k", "5"
    )
    assert {hit["source"] for hit in json.loads(out)["hits"]} <= {"boats.txt", "bread.csv"}
    _, out, _ = qa("ask", QUESTION, "--json", "--top-k", "1")
    assert len(json.loads(out)["hits"]) == 1


def test_a_dash_reads_the_question_from_stdin(qa, docs, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(QUESTION.encode() + b" \xff\n"), "utf-8"))
    code, out, _ = qa("ask", "-", "--json")
    assert code == 0
    assert json.loads(out)["question"].startswith(QUESTION)


def test_search_finds_passages_with_their_offsets(qa, docs):
    code, out, _ = qa("search", QUESTION, "--json", "--top-k", "2")
    hits = json.loads(out)["hits"]
    assert code == 0 and len(hits) == 2
    assert list(hits[0]) == ["source", "start", "end", "page", "score", "text"]
    assert hits[0]["source"] == "deep/trees.md" and hits[0]["score"] >= hits[1]["score"]
    for hit in hits:
        _, text, _ = qa("text", hit["source"])
        assert text[hit["start"] : hit["end"]] == hit["text"]
    _, out, _ = qa("search", QUESTION, "--top-k", "1", "--source", "boats.txt")
    assert out.startswith("1. boats.txt [0:")


def test_text_writes_the_file_byte_for_byte(qa, docs, capsysbinary):
    for source, text in TEXTS.items():
        assert main(["text", source]) == 0
        assert capsysbinary.readouterr().out == text.encode() == (docs / source).read_bytes()


def test_list_shows_what_is_in_the_index(qa, docs):
    code, out, _ = qa("list", "--json")
    documents = json.loads(out)["documents"]
    assert code == 0
    assert [document["source"] for document in documents] == ["boats.txt", "bread.csv", "deep/trees.md"]
    assert set(documents[0]) == {"source", "sha256", "characters", "passages", "pages"}
    assert documents[0]["characters"] == len(TEXTS["boats.txt"])
    _, out, _ = qa("list")
    assert [line.split()[-1] for line in out.splitlines()] == [
        "source",
        "boats.txt",
        "bread.csv",
        "deep/trees.md",
    ]


def test_remove_forgets_what_it_can_and_names_the_rest(qa, docs):
    code, out, err = qa("remove", "boats.txt", "nothing.txt", "bread.csv", "--json")
    assert code == 1
    assert "nothing.txt" in err and "boats.txt" not in err
    assert [document["source"] for document in json.loads(out)["documents"]] == ["deep/trees.md"]
    code, out, err = qa("remove", "deep/trees.md")
    assert (code, out, err) == (0, "1 removed: now 0 documents\n", "")
    _, out, _ = qa("search", QUESTION, "--json")
    assert json.loads(out)["hits"] == []


def test_verify_tells_whether_saved_citations_still_stand(qa, docs, tmp_path):
    _, out, _ = qa("ask", QUESTION, "--json")
    saved = tmp_path / "answer.json"
    saved.write_text(out)
    code, out, _ = qa("verify", saved, "--json")
    checked = json.loads(out)["citations"]
    assert code == 0 and checked
    assert all(
        list(check) == ["marker", "status", "start", "end"] and check["status"] == "ok" for check in checked
    )
    path = docs / "deep/trees.md"
    path.write_text("Moved down.\n\n" + path.read_text("utf-8"), "utf-8")
    code, out, _ = qa("verify", saved)
    assert code == 0 and out.startswith("moved")
    path.unlink()
    code, out, _ = qa("verify", saved)
    assert code == 1 and out.startswith("gone")


def test_verify_fails_where_words_are_gone_or_the_file_is_no_answer(qa, docs, tmp_path):
    _, out, _ = qa("ask", QUESTION, "--json")
    saved, junk = tmp_path / "answer.json", tmp_path / "junk.json"
    saved.write_text(out)
    (docs / "deep/trees.md").write_text("Nothing of the sort stands here any more, only fish.")
    code, out, _ = qa("verify", saved, "--json")
    assert code == 1 and json.loads(out)["citations"][0]["status"] == "gone"
    for content in ("{", "[]", "{}", '{"citations": [1]}', "[" * 100_000):
        junk.write_text(content)
        code, out, err = qa("verify", junk, saved)
        assert code == 1 and "junk.json: This is not an answer" in err and out.startswith("gone")
    assert qa("verify", tmp_path / "none.json")[0] == 1


def test_eval_writes_table_json_and_page(qa, docs, tmp_path):
    text = TEXTS["deep/trees.md"]
    row = {"question": QUESTION, "answers": ["1712"], "source": "deep/trees.md"}
    row["spans"] = [[text.index("1712"), text.index("1712") + 4]]
    testset = tmp_path / "set.jsonl"
    testset.write_text(json.dumps(row) + "\n" + '{"question": "Who?", "answers": [], "source": null}\n')
    code, out, err = qa("eval", testset, "--report", tmp_path / "report.html")
    assert (code, err) == (0, "") and "Exact match, %" in out and "95 % interval" in out
    assert "<mark>" in (tmp_path / "report.html").read_text("utf-8")
    code, out, _ = qa("eval", testset, "--json")
    content = json.loads(out)
    assert content["n"] == 2 and content["recall@1"] == 100 and content["verbatim"] == 100
    code, out, _ = qa("eval", testset, "--json", "--oracle")
    assert json.loads(out)["recall@1"] is None


def test_a_report_that_cannot_be_written_is_said_before_the_evaluation(qa, docs, tmp_path):
    testset = tmp_path / "set.jsonl"
    testset.write_text('{"question": "Who?", "answers": [], "source": null}\n')
    code, out, err = qa("eval", testset, "--report", tmp_path / "no" / "report.html")
    assert (code, out) == (1, "")
    assert err == f"qa: {tmp_path / 'no' / 'report.html'}: No such file or directory\n"


def test_squad_files_are_indexed_searched_and_evaluated_with_and_without_an_index(qa, tmp_path):
    text = TEXTS["boats.txt"]
    qas = [
        {"question": "Where was the ferry Aurora built?", "answers": [{"text": "Zürich", "answer_start": 30}]}
    ]
    content = {"data": [{"title": "Ferries", "paragraphs": [{"context": text, "qas": qas}]}]}
    path = tmp_path / "squad.json"
    path.write_text(json.dumps(content))
    code, out, _ = qa("eval", path, "--oracle", "--json")
    assert code == 0 and json.loads(out)["citation_recall"] == 100
    assert not (tmp_path / ".qa").exists()
    assert qa("eval", path)[0] == 3
    assert qa("index", path, "--as", "squad")[0] == 0
    _, out, _ = qa("list", "--json")
    assert [document["source"] for document in json.loads(out)["documents"]] == ["Ferries/0"]
    _, out, _ = qa("eval", path, "--json")
    assert json.loads(out)["recall@1"] == 100


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["fly"],
        ["ask"],
        ["index"],
        ["ask", "Q?", "--top-k", "0"],
        ["ask", "Q?", "--top-k", "many"],
        ["ask", "Q?", "--top-k", "²"],
        ["index", "x", "--as", "poem"],
        ["list", "--model", ""],
        ["calibrate"],
        ["calibrate", "set.jsonl", "--reset"],
        ["--index", " ", "list"],
    ],
)
def test_wrong_usage_is_code_2_and_says_how_it_is_used(arguments, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert capsys.readouterr().err.startswith("usage: qa")


def test_no_usable_index_or_model_is_code_3_and_one_sentence(qa, docs, tmp_path):
    for command in (
        ["ask", "Q?"],
        ["search", "Q?"],
        ["text", "a"],
        ["list"],
        ["remove", "a"],
        ["verify", "a.json"],
    ):
        code, out, err = qa(*command, "--index", tmp_path / "none")
        assert (code, out) == (3, "")
        assert err.startswith("qa: There is no index in ") and err.count("\n") == 1
    code, _, err = qa("ask", "Q?", "--model", "no-such-model")
    assert code == 3 and "no-such-model" in err
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    (damaged / DATABASE).write_bytes(b"junk " * 2000)
    code, _, err = qa("--index", damaged, "list")
    assert code == 3 and err.startswith("qa: ")


def test_other_failures_are_code_1_and_one_sentence(qa, docs, tmp_path, monkeypatch):
    code, out, err = qa("text", "missing.txt")
    assert (code, out) == (1, "") and "missing.txt" in err
    (tmp_path / "set.jsonl").write_text("{")
    code, _, err = qa("eval", tmp_path / "set.jsonl")
    assert code == 1 and "line 1" in err
    for command in ("ask", "search"):
        code, out, err = qa(command, "Q?", "--source", "nosuch")
        assert (code, out) == (1, "") and "no document nosuch" in err and err.count("\n") == 1


def test_a_setting_that_cannot_be_used_is_wrong_usage(qa, docs, monkeypatch):
    monkeypatch.setenv("QA_TOP_K", "none")
    code, out, err = qa("ask", "Q?")
    assert (code, out) == (2, "") and "QA_TOP_K" in err and err.count("\n") == 1


def test_calibrate_names_what_the_index_lacks_and_its_result_can_be_dropped(qa, docs, tmp_path):
    rows = [{"question": QUESTION, "answers": ["1712"], "source": "deep/trees.md"}] * 20
    rows.append({"question": QUESTION, "answers": ["1712"], "source": "lost.md"})
    testset = tmp_path / "set.jsonl"
    testset.write_text("".join(json.dumps(row) + "\n" for row in rows))
    code, out, err = qa("calibrate", testset, "--error-rate", "1", "--json")
    assert code == 0 and "lost.md" in err
    with Index.open(".qa") as index:
        assert asdict(read_calibration(index)) == json.loads(out)
    assert qa("calibrate", "--reset")[0] == 0
    with Index.open(".qa") as index:
        assert read_calibration(index) == UNCALIBRATED


def test_common_options_stand_before_or_after_the_command(qa, docs, tmp_path, monkeypatch):
    (tmp_path / ".qa").rename(tmp_path / "elsewhere")
    before = qa("--index", tmp_path / "elsewhere", "--json", "--quiet", "list")
    after = qa("list", "--index", tmp_path / "elsewhere", "--json", "--quiet")
    assert before == after and before[0] == 0 and json.loads(before[1])["documents"]
    monkeypatch.setenv("QA_INDEX", str(tmp_path / "elsewhere"))
    assert qa("--json", "list") == before
    assert qa("list", "--index", tmp_path / "none")[0] == 3


def test_quiet_leaves_only_errors_on_stderr(qa, tmp_path):
    with Index.open(tmp_path / ".qa", create=True, encoder=HashEncoder()):
        pass
    assert "no documents" in qa("list")[2]
    assert qa("list", "--quiet")[1:] == ("", "")
    assert qa("text", "a.txt", "--quiet")[2].startswith("qa: ")


def test_json_is_ascii_so_that_every_pipe_takes_it(qa, docs):
    _, out, _ = qa("search", "東京", "--json")
    assert out.isascii() and "東京" in json.loads(out)["hits"][0]["text"]


def test_documents_cannot_steer_the_terminal():
    hostile = "a\x1b[31mb\x07\r\nc\td\x9b\u202egnp.exe"
    assert visible(hostile) == "a\\x1b[31mb\\x07\nc\td\\x9b\\u202egnp.exe"
    assert visible_line("two\nlines") == "two\\nlines"


def test_a_quote_with_control_characters_is_shown_with_them_spelled_out(qa, tmp_path):
    write(tmp_path / "docs", {"log.txt": "The oldest oak of the park\x1b]0;owned\x07 was planted in 1712."})
    qa("index", tmp_path / "docs")
    for command in ("ask", "search"):
        _, out, _ = qa(command, QUESTION)
        assert "1712" in out and "\x1b" not in out and "\x07" not in out


def test_colour_is_for_terminals_that_want_it(monkeypatch):
    assert paint("x", "1") == "x"
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert paint("x", "1") == "\x1b[1mx\x1b[0m"
    monkeypatch.setenv("NO_COLOR", "1")
    assert paint("x", "1") == "x"


def test_a_stdout_that_cannot_show_a_letter_does_not_end_the_command(docs):
    environment = os.environ | {"PYTHONPATH": str(PROJECT), "PYTHONIOENCODING": "ascii"}
    with start("search", "Q?", "--source", "東京.txt", env=environment) as process:
        out, err = process.communicate()
    assert process.returncode == 1 and rb"\u6771\u4eac.txt" in err and out == b""
    write(docs, {"東京.txt": "x"})
    with Index.open(".qa", encoder=HashEncoder()) as index:
        index.add([docs])
    with start("list", env=environment) as process:
        out, err = process.communicate()
    assert process.returncode == 0 and rb"\u6771\u4eac.txt" in out and err == b""


def test_closed_streams_do_not_end_the_command(docs):
    command = f"{shlex.quote(sys.executable)} -m qa list <&- >&- 2>&-"
    environment = os.environ | {"PYTHONPATH": str(PROJECT)}
    assert subprocess.run(["/bin/sh", "-c", command], env=environment).returncode == 0
    with Index.open(".qa", encoder=HashEncoder()) as index:
        assert len(index.documents()) == 3


def test_a_full_disk_is_one_sentence(docs, tmp_path):
    with open("/dev/full", "w") as full, start("list", stdout=full) as process:
        assert process.wait() == 1
        assert process.stderr.read() == b"qa: No space left on device\n"


def test_a_reader_that_closes_the_pipe_ends_the_command_in_silence(docs):
    write(docs, {"long.txt": "A line of a long text.\n" * 50_000})
    with Index.open(".qa", encoder=HashEncoder()) as index:
        index.add([docs])
    with start("text", "long.txt") as process:
        assert process.stdout.read(6) == b"A line"
        process.stdout.close()
        assert process.wait() == 0
        assert process.stderr.read() == b""


def test_ctrl_c_ends_the_command_with_code_130_and_no_traceback(qa, monkeypatch):
    monkeypatch.setitem(COMMANDS, "list", lambda _: signal.raise_signal(signal.SIGINT))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's "&" starts us without one
    try:
        assert qa("list") == (130, "", "qa: stopped; what was done so far is kept\n")
    finally:
        signal.signal(signal.SIGINT, before)


def test_help_is_there_in_an_instant():
    code = "import sys; from qa.cli import main\ntry: main(['--help'])\nfinally: print(sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True)
    assert done.returncode == 0 and "qa ask" in done.stdout
    assert not {"numpy", "pydantic", "tqdm", "gradio", "torch"} & set(re.findall(r"'([^']+)'", done.stdout))


def test_version_names_the_program(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["--version"])
    assert stopped.value.code == 0 and capsys.readouterr().out.startswith("citespan ")


def all_that_is_shown(terminal):
    """What was written to a terminal whose other end is closed; it comes in pieces."""
    shown = b""
    with suppress(OSError):  # Linux says so where nothing is left
        while piece := os.read(terminal, 4096):
            shown += piece
    return shown


def test_the_program_works_as_a_user_runs_it(tmp_path):
    """Real models, real processes, and a terminal on stderr, where a progress bar shows."""
    write(tmp_path / "docs", TEXTS)
    terminal, other_end = pty.openpty()
    fcntl.ioctl(other_end, termios.TIOCSWINSZ, struct.pack("4H", 24, 80, 0, 0))
    with start("index", "docs", stderr=other_end) as process:
        out, _ = process.communicate()
    os.close(other_end)
    shown = all_that_is_shown(terminal)
    os.close(terminal)
    assert process.returncode == 0 and out.startswith(b"3 added")
    assert b"read:" in shown and b"encode:" in shown
    with start("ask", QUESTION, "--json") as process:
        out, err = process.communicate()
    answer = json.loads(out)
    assert process.returncode == 0 and err == b""
    assert "1712" in answer["citations"][0]["quote"]
    (tmp_path / "answer.json").write_bytes(out)
    with start("verify", "answer.json") as process:
        out, err = process.communicate()
    assert process.returncode == 0 and out.startswith(b"ok")
