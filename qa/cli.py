"""`qa`: the commands, their options, and what the shell gets back."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from index.errors import (
    IndexBusy,
    IndexDamaged,
    IndexMismatch,
    IndexMissing,
    IndexNotWritable,
    ModelError,
    QAError,
    SettingsError,
)
from qa.terminal import say, show, visible

FAILED = 1
USAGE = 2
UNUSABLE = 3
INTERRUPTED = 130  # as shells report a program that Ctrl-C stopped

_UNUSABLE_ERRORS = (IndexMissing, IndexMismatch, IndexDamaged, IndexBusy, IndexNotWritable, ModelError)

_DESCRIPTION = """Ask your documents; get an answer and the exact words behind it.

  qa index docs/                 read a folder
  qa ask "Who approved it?"      ask
  qa chat                        ask in the browser"""

_EPILOG = """exit codes: 0 done (a refusal is a result), 1 done, but something failed and the output says so,
2 usage, 3 no usable index or model"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; wrong usage raises SystemExit(2), as argparse does.

    Only the result goes to stdout. An error that is meant for the user becomes one sentence on stderr.
    """
    _prepare_streams()
    arguments = _parser().parse_args(argv)
    try:
        from qa.commands import COMMANDS

        code = COMMANDS[arguments.command](arguments)
        sys.stdout.flush()
    except QAError as exc:
        say(f"qa: {visible(str(exc))}")
        if isinstance(exc, SettingsError):
            return USAGE
        return UNUSABLE if isinstance(exc, _UNUSABLE_ERRORS) else FAILED
    except KeyboardInterrupt:
        say("qa: stopped; what was done so far is kept")
        return INTERRUPTED
    except BrokenPipeError:
        _leave_broken_pipe()
        return 0
    except OSError as exc:  # a full disk, a report that cannot be written
        where = f"{exc.filename}: " if exc.filename is not None else ""
        say(f"qa: {visible(f'{where}{exc.strerror or exc}')}")
        return FAILED
    return code


def _prepare_streams() -> None:
    """Make the standard streams fit for anything: what they cannot show or read must not end the program.

    A stream that the shell closed becomes one that leads nowhere. It takes the number of the closed one,
    which the next file to be opened, such as the database, would get otherwise.
    """
    for name, mode, errors in (
        ("stdin", "r", "replace"),
        ("stdout", "w", "backslashreplace"),
        ("stderr", "w", "backslashreplace"),
    ):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=errors)


def _leave_broken_pipe() -> None:
    """Whoever read our output has read enough (`| head`): keep Python from complaining about it at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="qa",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=_Version)
    _add_common(parser)
    parser.set_defaults(index=None, model=None, json=False, quiet=False)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)

    def command(name: str, help: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=help, description=help[0].upper() + help[1:] + ".")
        _add_common(added)
        return added

    index = command("index", "add or refresh files and folders")
    index.add_argument("paths", nargs="+", metavar="PATH", type=_filled, help="a file or a folder")
    index.add_argument(
        "--as", dest="read_as", choices=["squad"], help="take each paragraph of a SQuAD file as a document"
    )
    ask = command("ask", "answer a question, with the exact words behind the answer")
    _add_question(ask)
    _add_top_k(ask, 100, "passages that the model is shown (default: $QA_TOP_K, else 8)")
    _add_sources(ask)
    search = command("search", "find the passages that fit a question best")
    _add_question(search)
    _add_top_k(search, 10_000, "passages to find (default: 10)")
    _add_sources(search)
    text = command("text", "write the stored text of a document, in which all offsets count, as UTF-8")
    text.add_argument("source", metavar="SOURCE", help="a document, as `qa list` names it")
    command("list", "list the documents in the index")
    remove = command("remove", "forget documents: their text, vectors and caches")
    remove.add_argument("sources", nargs="+", metavar="SOURCE", help="a document, as `qa list` names it")
    verify = command("verify", "check saved answers against the files as they are now")
    verify.add_argument("answers", nargs="+", metavar="ANSWER.json", help="output of `qa ask --json`")
    evaluate = command("eval", "score a test set")
    evaluate.add_argument("testset", metavar="TESTSET", help="questions in JSON Lines, or a SQuAD file")
    evaluate.add_argument(
        "--oracle", action="store_true", help="give the reader each question's own context; search nothing"
    )
    evaluate.add_argument(
        "--alone", action="store_true", help="ask follow-up questions without the conversation before them"
    )
    evaluate.add_argument("--report", metavar="F.html", help="write a page that shows every question")
    _add_top_k(evaluate, 100, "passages that the model is shown (default: $QA_TOP_K, else 8)")
    calibrate = command("calibrate", "make confidence and refusals fit your documents")
    either = calibrate.add_mutually_exclusive_group(required=True)
    either.add_argument(
        "testset", nargs="?", metavar="TESTSET", help="questions in JSON Lines, or a SQuAD file"
    )
    either.add_argument("--reset", action="store_true", help="drop the calibration that the index keeps")
    calibrate.add_argument(
        "--error-rate",
        type=_share,
        default=0.1,
        metavar="SHARE",
        help="wrong answers that you accept among those given, 0 to 1 (default: 0.1)",
    )
    doctor = command("doctor", "check the index and repair it")
    doctor.add_argument("--check", action="store_true", help="say what is wrong and change nothing")
    export = command("export", "write the index to one file")
    export.add_argument("file", metavar="FILE", type=_filled, help="the file to write")
    imported = command("import", "make an index from a file that `qa export` wrote")
    imported.add_argument("file", metavar="FILE", type=_filled, help="the file to read")
    watch = command("watch", "keep the index in line with folders while files in them change")
    watch.add_argument("folders", nargs="+", metavar="FOLDER", type=_folder, help="a folder to watch")
    chat = command("chat", "ask in the browser")
    chat.add_argument(
        "--terminal", action="store_true", help="ask here instead: one question a line, until the input ends"
    )
    chat.add_argument("--host", help="address to listen on (default: 127.0.0.1, this machine alone)")
    chat.add_argument("--port", type=_within(1, 65535), help="port to listen on (default: 7860)")
    chat.add_argument(
        "--name", action="append", metavar="HOST", help="a further host name of the page; repeatable"
    )
    chat.add_argument(
        "--password-file",
        metavar="FILE",
        help="file with the password of the page (default: $QA_PASSWORD, else none on this machine)",
    )
    chat.add_argument("--no-api", action="store_true", help="serve the page alone, no programs")
    chat.add_argument(
        "--testset", metavar="FILE", help="where corrections go (default: testset.jsonl in the index folder)"
    )
    talks = command("conversations", "list what was said on the page, or write one conversation as a file")
    talks.add_argument(
        "conversation", nargs="?", type=_within(1, 10**9), metavar="ID", help="its number in the list"
    )
    talks.add_argument(
        "--as",
        dest="form",
        choices=["html", "json", "markdown"],
        default="html",
        help="a page with all evidence, W3C Web Annotations, or Markdown (default: html)",
    )
    talks.add_argument("--out", metavar="FILE", help="write it there (default: to stdout)")
    command("mcp", "serve the documents as tools for agents (Model Context Protocol, on stdin and stdout)")
    return parser


def _add_common(parser: argparse.ArgumentParser) -> None:
    """Add the options that may stand before or after the command; without a default, so that neither wins."""
    options = parser.add_argument_group("common options")
    options.add_argument(
        "--index", metavar="DIR", type=_filled, default=argparse.SUPPRESS, help="default: $QA_INDEX, else .qa"
    )
    options.add_argument(
        "--model",
        metavar="NAME",
        type=_filled,
        default=argparse.SUPPRESS,
        help="default: the built-in reader; else a language model: a folder or id of transformers, "
        "or http://host:port/v1#model",
    )
    options.add_argument(
        "--json", action="store_true", default=argparse.SUPPRESS, help="write the result as JSON"
    )
    options.add_argument(
        "--quiet", action="store_true", default=argparse.SUPPRESS, help="nothing on stderr but errors"
    )


def _add_question(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("question", metavar="QUESTION", help="- reads it from stdin")


def _add_sources(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--source",
        dest="sources",
        action="append",
        metavar="S",
        help="look only in this document; repeatable",
    )


def _add_top_k(parser: argparse.ArgumentParser, most: int, help: str) -> None:
    parser.add_argument("--top-k", type=_within(1, most), metavar="N", help=help)


def _share(text: str) -> float:
    """The number, 0 to 1, that an argument spells. Raises ArgumentTypeError where it spells none."""
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to 1")
    return share


def _within(least: int, most: int) -> Callable[[str], int]:
    """A type of option: whole numbers from ``least`` to ``most``."""

    def whole(text: str) -> int:
        if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least} to {most}")
        return int(text)

    return whole


def _folder(text: str) -> Path:
    """A type of option: a folder that is there."""
    path = Path(text)
    if not path.is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is not a folder")
    return path


def _filled(text: str) -> str:
    """A type of option: any text but the empty one."""
    if not text.strip():
        raise argparse.ArgumentTypeError("is empty")
    return text


class _Version(argparse.Action):
    """`--version`: looked up only when it is asked for, because that costs time."""

    def __init__(self, option_strings: Sequence[str], dest: str) -> None:
        super().__init__(option_strings, dest, nargs=0, help="show the version and exit")

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import PackageNotFoundError, version

        try:
            show(f"citespan {version('citespan')}")
        except PackageNotFoundError:
            show("citespan (a source folder, not installed)")
        parser.exit()
