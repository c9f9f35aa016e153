"""What each command of `qa` does. Everything heavy is imported by the command that needs it."""

from __future__ import annotations

import runpy
import sys
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qa.answer_files import run_verify
from qa.takeout import run_conversations
from qa.terminal import BOLD, DIM, paint, say, show, show_json, visible, visible_line
from qa.upkeep import run_doctor, run_export, run_import
from qa.watch import run_watch

if TYPE_CHECKING:
    from index.index import Index
    from index.types import Progress
    from qa.settings import Settings

DONE = 0
FAILED = 1


def run_index(arguments: Namespace) -> int:
    """`qa index PATH…`: 1 where a file could not be read."""
    with _index(arguments, create=True) as index, _bar(arguments, "file") as bar:

        def on_progress(step: Progress) -> None:
            if bar.disable:
                return
            if bar.desc != f"{step.stage}: ":
                bar.unit = "file" if step.stage == "read" else "passage"
                bar.reset(step.total)
                bar.set_description(step.stage)
            bar.set_postfix_str(visible_line(step.source)[-40:], refresh=False)
            bar.update(step.done - bar.n)

        report = index.add(arguments.paths, on_progress=on_progress, as_squad=arguments.read_as == "squad")
    if arguments.json:
        show_json(asdict(report))
    else:
        show(
            f"{report.added} added, {report.updated} updated, {report.unchanged} unchanged, "
            f"{report.removed} removed, {len(report.failed)} failed: now {report.documents} documents, "
            f"{report.passages} passages ({report.seconds:.1f} s)"
        )
    for failure in report.failed:
        say("failed: " + visible_line(_with_source(failure.source, failure.error)))
    return FAILED if report.failed else DONE


def _with_source(source: str, error: str) -> str:
    return error if source in error else f"{source}: {error}"


def run_ask(arguments: Namespace) -> int:
    """`qa ask QUESTION`: a refusal is a result too."""
    from qa.ahead import load_ahead
    from qa.ask import stream
    from qa.show import show_events

    load_ahead(_settings(arguments).index)
    with _index(arguments) as index:
        events = stream(
            _question(arguments), index=index, sources=arguments.sources, settings=_settings(arguments)
        )
        answer = show_events(events, quiet=arguments.json)
    if arguments.json:
        show_json(answer.to_dict())
    return DONE


def run_search(arguments: Namespace) -> int:
    """`qa search QUESTION`."""
    from qa.answer import hit_to_dict
    from qa.ask import choose_sources, clean
    from qa.cite import collapse

    with _index(arguments) as index:
        question = clean(_question(arguments))
        only = choose_sources(arguments.sources, index)
        hits = index.search(question, top_k=arguments.top_k or 10, sources=only)
        places = () if arguments.json else [index.place(h.passage.source, h.passage.span.start) for h in hits]
    if arguments.json:
        show_json({"hits": [hit_to_dict(hit) | {"text": hit.passage.text} for hit in hits]})
        return DONE
    for rank, (hit, place) in enumerate(zip(hits, places, strict=True), 1):
        passage = hit.passage
        title = visible_line(", ".join(filter(None, (passage.source, place))))
        show(f"{paint(f'{rank}. {title} [{passage.span.start}:{passage.span.end}]', BOLD)}  {hit.score:.4f}")
        words = visible(collapse(passage.text))
        show(f"    {words[:240]}{'…' if len(words) > 240 else ''}")
        if hit.also:
            more = f" and {len(hit.also) - 5} more" if len(hit.also) > 5 else ""
            show(paint(f"    also in {visible_line(', '.join(hit.also[:5]))}{more}", DIM))
    if not hits and not arguments.quiet:
        say("Nothing was found.")
    return DONE


def run_text(arguments: Namespace) -> int:
    """`qa text SOURCE`: the bytes of the text and nothing else, so that offsets can be checked."""
    with _index(arguments) as index:
        text = index.document(arguments.source).text
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode("utf-8", "surrogatepass"))
    sys.stdout.buffer.flush()
    return DONE


def run_list(arguments: Namespace) -> int:
    """`qa list`."""
    with _index(arguments) as index:
        documents = index.documents()
    if arguments.json:
        show_json({"documents": [asdict(info) for info in documents]})
        return DONE
    if documents:
        show(f"{'characters':>10}  {'passages':>8}  {'pages':>5}  source")
    for info in documents:
        pages = info.pages or "-"
        show(f"{info.characters:>10}  {info.passages:>8}  {pages:>5}  {visible_line(info.source)}")
    if not documents and not arguments.quiet:
        say("The index holds no documents yet. Add some with: qa index PATH")
    return DONE


def run_remove(arguments: Namespace) -> int:
    """`qa remove SOURCE…`: 1 where one of them is not in the index; the others are removed."""
    from qa.conversations import ConversationStore
    from qa.forget import erase_saved

    with _index(arguments) as index:
        known = {info.source for info in index.documents()}
        asked = dict.fromkeys(arguments.sources)
        missing = [source for source in asked if source not in known]
        found = [source for source in asked if source in known]
        with ConversationStore(index.path) as conversations:
            for source in found:
                erase_saved(source, index, conversations)
        index.remove(*found)  # at once: it writes the index anew
        documents = index.documents()
    for source in missing:
        say(f"qa: There is no document {visible_line(source)!r} in the index. `qa list` shows what is.")
    removed = len(asked) - len(missing)
    if arguments.json:
        show_json({"documents": [asdict(info) for info in documents]})
    else:
        show(f"{removed} removed: now {len(documents)} documents")
    return FAILED if missing else DONE


def run_eval(arguments: Namespace) -> int:
    """`qa eval TESTSET`: the table, or the JSON, and with --report a page too."""
    from qa.evaluate import evaluate
    from qa.report import page, table
    from qa.testset import read_testset

    testset = read_testset(Path(arguments.testset))
    settings = _settings(arguments)
    if arguments.report:
        _check_writable(Path(arguments.report))
    alone = arguments.oracle and all(question.context is not None for question in testset)
    opened = nullcontext() if alone else _index(arguments)
    with opened as index, _bar(arguments, "question", len(testset)) as bar:
        evaluation = evaluate(
            testset,
            index,
            oracle=arguments.oracle,
            alone=arguments.alone,
            settings=settings,
            on_progress=lambda _: bar.update(1),
        )
    if arguments.json:
        show_json(evaluation.to_dict())
    else:
        show(table(evaluation))
    if arguments.report:
        title = f"How {Path(arguments.testset).name} went"
        Path(arguments.report).write_text(page(evaluation, title), "utf-8", errors="replace")
    return DONE


def _check_writable(path: Path) -> None:
    """Raise the OSError of a file that cannot be written now, not after an hour of evaluation."""
    existed = path.exists()
    path.open("ab").close()
    if not existed:
        path.unlink()


def run_calibrate(arguments: Namespace) -> int:
    """`qa calibrate TESTSET`: fit confidence and threshold, keep them with the index; --reset drops them."""
    from qa.calibrate import UNCALIBRATED, calibrate, drop_calibration, store_calibration
    from qa.evaluate import with_sources
    from qa.report import lacking
    from qa.testset import missing_sources, read_testset

    if arguments.reset:
        with _index(arguments) as index:
            drop_calibration(index)
        if arguments.json:
            show_json(asdict(UNCALIBRATED))
        else:
            show("The index has no calibration any more: confidence and refusals are those of the reader.")
        return DONE
    testset = read_testset(Path(arguments.testset))
    with _index(arguments) as index, _bar(arguments, "question", len(testset)) as bar:
        documents = index.documents()
        if missing := missing_sources(with_sources(testset, documents), documents):
            say(f"qa: {visible_line(lacking(missing))}")
        calibration = calibrate(
            testset,
            index,
            error_rate=arguments.error_rate,
            settings=_settings(arguments),
            on_progress=lambda _: bar.update(1),
        )
        store_calibration(index, calibration)
    if arguments.json:
        show_json(asdict(calibration))
    else:
        show(
            f"Answers with a confidence below {calibration.min_confidence:.2f} are refused from now on; of "
            f"the others, at most {100 * arguments.error_rate:g} % were wrong."
        )
    return DONE


def run_chat(arguments: Namespace) -> int:
    """`qa chat`: runs the program `app`. It stands above qa, which therefore does not import it."""
    if arguments.terminal:
        from qa.show import run_terminal_chat

        with _index(arguments) as index:
            run_terminal_chat(index, _settings(arguments), quiet=arguments.quiet)
        return DONE
    given = {name: getattr(arguments, name) for name in ("index", "model", "host", "port")}
    given |= {"password-file": arguments.password_file, "testset": arguments.testset}
    options = [f"--{name}={value}" for name, value in given.items() if value is not None]
    options += [f"--name={name}" for name in arguments.name or ()] + ["--no-api"] * arguments.no_api
    sys.argv = ["qa chat", *options]
    runpy.run_module("app", run_name="__main__")
    return DONE


def run_mcp(arguments: Namespace) -> int:
    """`qa mcp`: serves until the agent closes our input; stdout is the agent's."""
    from qa.mcp import run

    with _index(arguments) as index:
        run(index, _settings(arguments))
    return DONE


def _settings(arguments: Namespace) -> Settings:
    """The settings of the environment, with the options of the command in their place."""
    from qa.settings import change, read_settings

    options = {name: getattr(arguments, name, None) for name in ("index", "model", "top_k")}
    return change(read_settings(), options)


def _index(arguments: Namespace, *, create: bool = False) -> Index:
    from index.index import Index

    return Index.open(_settings(arguments).index, create=create)


def _question(arguments: Namespace) -> str:
    return sys.stdin.read() if arguments.question == "-" else str(arguments.question)


@contextmanager
def _bar(arguments: Namespace, unit: str, total: int = 0) -> Iterator[Any]:
    """A tqdm bar on stderr, which shows nothing where stderr is no terminal or --quiet was given."""
    from tqdm import tqdm

    with tqdm(total=total, unit=unit, leave=False, disable=arguments.quiet or not sys.stderr.isatty()) as bar:
        yield bar


COMMANDS = {
    "index": run_index,
    "ask": run_ask,
    "search": run_search,
    "text": run_text,
    "list": run_list,
    "remove": run_remove,
    "verify": run_verify,
    "eval": run_eval,
    "calibrate": run_calibrate,
    "chat": run_chat,
    "conversations": run_conversations,
    "doctor": run_doctor,
    "export": run_export,
    "import": run_import,
    "mcp": run_mcp,
    "watch": run_watch,
}
