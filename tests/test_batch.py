"""A thousand files, one in twenty broken: the batch ends, names the broken and keeps what was there."""

import random

from index import Index
from index.limits import Limits
from index.parsing import Parsers
from tests.corpus import SEEDS
from tests.fakes import HashEncoder

FILES = 1000
BROKEN = FILES // 20
SUFFIXES = ("txt", "md", "html", "csv", "py", "rst", "eml", "json")
SEED_SUFFIXES = ("pdf", "docx", "pptx", "xlsx", "odt", "rtf", "epub")


def test_a_batch_with_broken_files_finishes_and_loses_nothing(tmp_path, monkeypatch):
    docs = tmp_path / "docs"
    docs.mkdir()
    names = [f"{number:04}.{SUFFIXES[number % len(SUFFIXES)]}" for number in range(FILES - 7)]
    for number, name in enumerate(names):
        (docs / name).write_text(f"The word of this file is word{number}\n\nZürich 東京 🌧️\n")
    seeds = [path for path in sorted(SEEDS.iterdir()) if path.suffix[1:] in SEED_SUFFIXES]
    for suffix in SEED_SUFFIXES:
        seed = next(path for path in seeds if path.suffix == f".{suffix}")
        (docs / seed.name).write_bytes(seed.read_bytes())

    with (
        Parsers(
            Limits(seconds=20, memory_bytes=1 << 29), load="tests.hostile_parsers:load_hostile"
        ) as parsers,
        Index.open(tmp_path / ".qa", encoder=HashEncoder(), create=True) as index,
    ):
        monkeypatch.setattr("index.build.shared_parsers", lambda: parsers)
        first = index.add([docs])
        assert (first.added, first.failed, first.documents) == (FILES, (), FILES)
        before = {info.source: index.document(info.source).text for info in index.documents()}

        broken = break_files(docs, names)
        second = index.add([docs])

        assert {failure.source for failure in second.failed} == set(broken)
        assert (second.unchanged, second.removed, second.documents) == (FILES - BROKEN, 0, FILES)
        for failure in second.failed:
            assert failure.source in failure.error
            assert failure.error.endswith(".")
        for name in broken:
            assert index.document(name).text == before[name]
            (hit, *_) = index.search(f"word{names.index(name)}", top_k=1)
            assert hit.passage.source == name


def break_files(docs, names) -> list[str]:
    """Spoil one file in twenty: parsers at their worst, and what disks and downloads do to files."""
    pdf = (SEEDS / "sallowmere-port-handbook.pdf").read_bytes()
    docx = (SEEDS / "travel-policy-2024.docx").read_bytes()
    chance = random.Random(7)
    spoilt = (
        b"HANG",
        b"CRASH",
        b"EXIT",
        b"BOMB",
        b"RECURSE",
        b"",
        b" \n\t ",
        pdf[: len(pdf) // 3],
        docx[: len(docx) // 2],
        b"%PDF-1.7\n" + chance.randbytes(5000),
        b"PK\x03\x04" + chance.randbytes(5000),
        b"\x89PNG\r\n\x1a\n" + chance.randbytes(500),
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + chance.randbytes(5000),
        b"SQLite format 3\0" + bytes(4096),
        b"\x7fELF" + chance.randbytes(1000),
    )
    markdown = [name for name in names if name.endswith((".md", ".rst"))]
    chosen = [*markdown[:5], *chance.sample(sorted(set(names) - set(markdown)), BROKEN - 5)]
    for number, name in enumerate(chosen):
        (docs / name).write_bytes(spoilt[number if number < 5 else 5 + number % (len(spoilt) - 5)])
    return chosen
