"""What each command of `qa` does. Everything heavy is imported by the command that needs it."""

from __future__ import annotations

import json
import runpy
import sys
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path
from textwrap import indent
from typing import TYPE_CHECKING, Any

from index.errors import AnswerFileError
from qa.terminal import BOLD, DIM, paint, say, show, show_json, visible, visible_line

if TYPE_CHECKING:
    from index.index import Index
    from index.types import Progress
    from qa.answer import Answer
    from qa.settings import Settings
    from qa.verify import Checked

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
    from qa.ask import ask

    with _index(arguments) as index:
        answer = ask(
            _question(arguments), index=index, sources=arguments.sources, settings=_settings(arguments)
        )
    if arguments.json:
        show_json(answer.to_dict())
    else:
        _show_answer(answer)
    return DONE


def _show_answer(answer: Answer) -> None:
    from qa.cite import pieces

    runs = []
    for piece in pieces(answer.text):
        shown = visible(piece.text)
        runs.append(
            {"plain": shown, "bold": paint(shown, BOLD), "marker": paint(f"[{shown}]", DIM)}[piece.kind]
        )
    show("".join(runs))
    for citation in answer.citations:
        page = f", page {citation.page}" if citation.page is not None else ""
        show(f"\n{paint(f'[{citation.marker}] {visible_line(citation.source)}{page}', DIM)}")
        show(indent(visible(citation.quote), "    ", lambda _: True))


def run_search(arguments: Namespace) -> int:
    """`qa search QUESTION`."""
    from qa.ask import choose_sources, clean
    from qa.cite import collapse

    with _index(arguments) as index:
        question = clean(_question(arguments))
        only = choose_sources(arguments.sources, index)
        hits = index.search(question, top_k=arguments.top_k or 10, sources=only)
    if arguments.json:
        found = [
            {
                "source": hit.passage.source,
                "start": hit.passage.span.start,
                "end": hit.passage.span.end,
                "page": hit.passage.page,
                "score": float(hit.score),
                "text": hit.passage.text,
            }
            for hit in hits
        ]
        show_json({"hits": found})
        return DONE
    for rank, hit in enumerate(hits, 1):
        passage = hit.passage
        page = f", page {passage.page}" if passage.page is not None else ""
        place = f"{rank}. {visible_line(passage.source)}{page} [{passage.span.start}:{passage.span.end}]"
        show(f"{paint(place, BOLD)}  {hit.score:.4f}")
        words = visible(collapse(passage.text))
        show(f"    {words[:240]}{'…' if len(words) > 240 else ''}")
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
    from index.errors import DocumentMissing

    missing = 0
    with _index(arguments) as index:
        for source in dict.fromkeys(arguments.sources):
            try:
                index.remove(source)
            except DocumentMissing as exc:
                missing += 1
                say(f"qa: {visible_line(str(exc))}")
        documents = index.documents()
    removed = len(dict.fromkeys(arguments.sources)) - missing
    if arguments.json:
        show_json({"documents": [asdict(info) for info in documents]})
    else:
        show(f"{removed} removed: now {len(documents)} documents")
    return FAILED if missing else DONE


def run_verify(arguments: Namespace) -> int:
    """`qa verify ANSWER.json…`: 1 unless every citation stands, where it was or elsewhere in its document."""
    from qa.verify import verify

    checked: list[Checked] = []
    failed = False
    with _index(arguments) as index:
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
    return FAILED if failed or any(check.status not in ("ok", "moved") for check in checked) else DONE


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
            testset, index, oracle=arguments.oracle, settings=settings, on_progress=lambda _: bar.update(1)
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
        if missing := missing_sources(testset, index.documents()):
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
    given = {name: getattr(arguments, name) for name in ("index", "model", "host", "port")}
    sys.argv = ["qa chat", *(f"--{name}={value}" for name, value in given.items() if value is not None)]
    runpy.run_module("app", run_name="__main__")
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
}
