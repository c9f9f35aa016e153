"""The whole material, split: what the reader is trained on, developed on and tested on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from training.data import Example, is_dev, read_qamr, read_squad, without_overlap
from training.written import read_written

TRAINED = ("amazon", "reddit", "qamr", "policyqa", "covidqa", "written")
TEST_ONLY = "xquad"


@dataclass(frozen=True, slots=True)
class Corpus:
    """Training, development and test questions; no paragraph of one is in another.

    `unanswerable` are the development questions that their own paragraph does not answer; in `train` they
    stand among the others.
    """

    train: tuple[Example, ...]
    dev: tuple[Example, ...]
    test: tuple[Example, ...]
    unanswerable: tuple[Example, ...]


def load(folder: Path) -> Corpus:
    """All questions: the published files under `folder` and our own; XQuAD is for tests alone."""
    examples = [
        *read_squad(folder / "squadshifts_amazon_v1.0.json", "amazon"),
        *read_squad(folder / "squadshifts_reddit_v1.0.json", "reddit"),
        *read_qamr(folder / "qamr"),
        *read_squad(folder / "policyqa" / "dev.json", "policyqa"),
        *read_squad(folder / "policyqa" / "test.json", "policyqa"),
        *read_squad(folder / "covidqa_200423.json", "covidqa"),
        *read_written(),
    ]
    test = read_squad(folder / "xquad.en.json", TEST_ONLY)
    examples = without_overlap(examples, test)
    train = tuple(e for e in examples if not is_dev(e.group))
    held = [e for e in examples if is_dev(e.group)]
    dev, unanswerable = (tuple(e for e in held if bool(e.answers) is answered) for answered in (True, False))
    return Corpus(train, dev, tuple(test), unanswerable)
