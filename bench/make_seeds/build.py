"""Write every document of ``seeds/`` that is not plain text, from the sources in ``texts/``.

The Markdown, HTML, CSV, JSONL and Python documents of ``seeds/``, and the text in UTF-8 with LF, are their
own source. Everything else is made here, and the same sources always give the same bytes::

    pip install -r bench/make_seeds/requirements.txt
    python -m bench.make_seeds.build
    python -m bench.make_seeds.spans        # the gold spans, against the new documents
"""

from __future__ import annotations

from pathlib import Path

from bench.make_seeds.books import write_eml, write_epub, write_odt, write_rtf
from bench.make_seeds.budget import SHEETS
from bench.make_seeds.markup import merge_captions, parse
from bench.make_seeds.office import write_docx, write_pptx, write_xlsx
from bench.make_seeds.pdf import write_handbook

HERE = Path(__file__).parent
SEEDS = HERE.parents[1] / "seeds"


def main() -> None:
    """Build all documents and print what was made."""

    def source(name: str) -> str:
        return (HERE / "texts" / name).read_text(encoding="utf-8")

    handbook = "\n\n".join(source(f"handbook-{part}.md") for part in range(1, 6))
    pages = write_handbook(merge_captions(parse(handbook)), SEEDS / "sallowmere-port-handbook.pdf")
    print(f"sallowmere-port-handbook.pdf: {pages} pages")

    for name in ("travel-policy-2024", "brackenford-council-minutes-2026-03"):
        write_docx(merge_captions(parse(source(f"{name}.md"))), SEEDS / f"{name}.docx")
    write_odt(merge_captions(parse(source("travel-policy-2026.md"))), SEEDS / "travel-policy-2026.odt")
    write_rtf(parse(source("fish-quay-lease.md")), SEEDS / "fish-quay-lease.rtf")
    chapters = write_epub(
        merge_captions(parse(source("tarn-valley-beekeeping.md"))), SEEDS / "tarn-valley-beekeeping.epub",
        title="The Beekeeper of Tarn Valley: A Year in Four Chapters", author="Agnes Birtwell",
    )  # fmt: skip
    print(f"tarn-valley-beekeeping.epub: {chapters} chapters")
    slides = write_pptx(source("brackenford-library-renewal.md"), SEEDS / "brackenford-library-renewal.pptx")
    print(f"brackenford-library-renewal.pptx: {slides} slides")
    write_xlsx(SHEETS, SEEDS / "brackenford-budget-2026.xlsx")
    write_eml(source("lindqvist-globe-loan.txt"), SEEDS / "lindqvist-globe-loan.eml")

    # Two encodings that old programs leave behind: Windows-1252 with LF, and UTF-8 with CRLF.
    (SEEDS / "gartenordnung-suedhang.txt").write_bytes(source("gartenordnung-suedhang.txt").encode("cp1252"))
    log = source("camp-tern-field-log.txt").replace("\n", "\r\n")
    (SEEDS / "camp-tern-field-log.txt").write_bytes(log.encode("utf-8"))


if __name__ == "__main__":
    main()
