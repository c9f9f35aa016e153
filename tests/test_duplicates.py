"""Ten copies of a text do not fill the top ten; a version that says something else is no copy."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index import Index
from index.duplicates import collapse_copies
from index.types import Hit, Passage, Span
from tests.corpus import write
from tests.fakes import HashEncoder

TEXT = (
    "The harbour master keeps the keys of both gates, and hands them to whoever has signed the book of the "
    "quay. The book lies in the office from six in the morning until the last ferry has left. In a storm the "
    "gates stay shut, and only the lifeboat may pass; its crew has a key of its own, which hangs in the "
    "boathouse beside the charts of 1912. Fees are paid at the hatch: 4.50 pounds a night for a small boat."
)


def hits(*texts: str) -> list[Hit]:
    return [
        Hit(Passage(number, f"{number}.txt", Span(0, len(text)), text, "", None), -number, "hybrid")
        for number, text in enumerate(texts)
    ]


def kept(*texts: str, top_k: int = 10) -> list[tuple[str, tuple[str, ...]]]:
    return [(hit.passage.source, hit.also) for hit in collapse_copies(hits(*texts), top_k)]


def test_copies_are_named_with_the_best_of_them():
    assert kept(TEXT, "Other words.", TEXT, TEXT) == [("0.txt", ("2.txt", "3.txt")), ("1.txt", ())]


def test_layout_and_case_make_no_other_text():
    assert kept(TEXT, TEXT.upper().replace(" ", "\n")) == [("0.txt", ("1.txt",))]


def test_a_version_with_a_name_changed_is_kept_but_ten_versions_do_not_fill_the_list():
    names = ["Bergman", "Lindqvist", "Oduya", "Ruiz", "Pym", "Tamblyn"]
    versions = [TEXT.replace("harbour master", f"harbour master {name}") for name in names]
    assert kept(*versions[:2]) == [("0.txt", ()), ("1.txt", ())]
    assert kept(*versions) == [("0.txt", ("3.txt", "4.txt", "5.txt")), ("1.txt", ()), ("2.txt", ())]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("4.50", "5.25"),
        ("1912", "1913"),
        ("may pass", "may not pass"),
        ("stay shut", "never stay shut"),
        (
            "The book lies in the office",
            "Since the fire of last winter the book no longer lies where it did but in the new office",
        ),
    ],
)
def test_another_number_a_negation_or_a_new_sentence_is_something_else(old, new):
    changed = TEXT.replace(old, new)
    assert kept(TEXT, changed) == [("0.txt", ()), ("1.txt", ())]
    assert kept(changed, TEXT) == [("0.txt", ()), ("1.txt", ())]


def test_a_part_of_a_better_passage_is_left_out_but_not_the_other_way_round():
    part = TEXT[: TEXT.index(" In a storm")]
    assert kept(TEXT, part) == [("0.txt", ("1.txt",))]
    assert kept(part, TEXT) == [("0.txt", ()), ("1.txt", ())]


@given(st.lists(st.sampled_from(["a b c d", "b c d", "Zürich", "東京 🌧️", "1 2", "2 1", ""]), max_size=30))
def test_nothing_is_lost_and_the_order_stays(texts):
    found = collapse_copies(hits(*texts), 100)
    sources = [hit.passage.source for hit in found]
    assert sources == sorted(sources, key=lambda name: int(name.split(".")[0]))
    everywhere = {*sources, *(name for hit in found for name in hit.also)}
    assert everywhere == {f"{number}.txt" for number in range(len(texts))}


def test_ten_copies_of_a_folder_do_not_fill_the_top_ten(tmp_path):
    sizes = ("one mast", "two masts", "a crew of three", "four", "five", "six", "seven", "eight", "nine")
    texts = [f"A boat with {size} pays its fee at the hatch of the harbour office." for size in sizes]
    for copy in range(30):
        write(tmp_path / "docs" / f"v{copy}", {f"{n}.txt": text for n, text in enumerate(texts)})
    with Index.open(tmp_path / ".qa", encoder=HashEncoder(), create=True) as index:
        index.add([tmp_path / "docs"])
        found = index.search("fee of a boat at the harbour", top_k=9)
    assert sorted(hit.passage.text for hit in found) == sorted(texts)
    assert all(len(hit.also) >= 9 for hit in found[:3])
