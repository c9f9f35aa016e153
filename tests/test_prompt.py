"""Prompts are files with declared fields, and a user's folder wins."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.errors import ModelError
from qa.prompt import FIELDS, load_template, parse_template

VALUES = {"passages": "P", "question": "Q", "most": "5"}
GOOD = "version 1; fields: passages, question, most\n--- user\n{passages} {question} {most}\n"


@pytest.mark.parametrize("name", ["answer", "answer-ids"])
def test_every_prompt_that_asks_for_an_answer_loads_and_fills_in(name):
    template = load_template(name)
    messages = template.render(VALUES)
    assert [message.role for message in messages] == ["system", "user"]
    assert "P\n\nQuestion: Q" in messages[1].content
    assert "one to 5 sentences" in messages[1].content
    assert template.stamp == f"{name} 1"


def test_the_prompt_that_rewrites_questions_loads_and_fills_in():
    messages = load_template("rewrite").render({"history": "H", "question": "Q {history}"})
    assert [message.role for message in messages] == ["system", "user"]
    assert "H\n\nThe last question: Q {history}" in messages[1].content


def test_no_prompt_lies_in_the_folder_that_the_program_does_not_know():
    folder = Path(__file__).parent.parent / "prompts"
    assert {path.stem for path in folder.glob("*.txt")} == set(FIELDS)


def test_our_prompts_are_found_from_anywhere_even_beside_other_prompts(tmp_path):
    (tmp_path / "prompts").mkdir()
    code = "from qa.prompt import load_template; print(load_template('answer').stamp)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "answer 1"


@given(st.text(st.sampled_from("{}questionmpa ")), st.text())
def test_values_are_never_read_as_fields(passages, question):
    (message,) = parse_template("answer", GOOD).render(
        {"passages": passages, "question": question, "most": "1"}
    )
    assert message.content == f"{passages} {question} 1"


@pytest.mark.parametrize("values", [{}, VALUES | {"other": ""}, {"passages": "", "question": ""}])
def test_a_missing_or_unknown_value_is_an_error(values):
    with pytest.raises(ValueError, match="takes"):
        load_template("answer").render(values)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is no prompt"),
        (GOOD.replace("version 1; ", ""), "is no prompt"),
        (GOOD.replace("--- user\n", ""), "is no prompt"),
        (GOOD.replace("--- user", "words\n--- user"), "is no prompt"),
        (GOOD.replace("--- user", "--- system"), "one part '--- user'"),
        (GOOD + "--- user\nagain", "one part '--- user'"),
        (GOOD.replace(" {most}", ""), "never uses {most}"),
        (GOOD + "{mood}", "does not declare {mood}"),
        (GOOD.replace("fields: ", "fields: mood, ") + "{mood}", "has {mood}"),
        (GOOD.replace(", most", "").replace(" {most}", ""), "lacks {most}"),
    ],
)
def test_a_template_with_a_mistake_is_told_which(text, says):
    with pytest.raises(ModelError, match=says):
        parse_template("answer", text)


def test_a_folder_of_the_user_overrides_one_prompt_and_leaves_the_others(tmp_path):
    (tmp_path / "answer.txt").write_text(GOOD.replace("version 1", "version mine"), "utf-8")
    own = load_template("answer", tmp_path)
    assert own.render(VALUES)[0].content == "P Q 5"
    assert own.stamp.startswith("answer mine+")
    assert load_template("answer-ids", tmp_path) == load_template("answer-ids")
    (tmp_path / "answer.txt").write_text(GOOD.replace("version 1", "version mine") + "!", "utf-8")
    assert load_template("answer", tmp_path).stamp != own.stamp


def test_a_prompt_that_cannot_be_read_is_an_error(tmp_path):
    (tmp_path / "answer.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ModelError, match="UTF-8"):
        load_template("answer", tmp_path)
    with pytest.raises(ModelError, match="no folder"):
        load_template("answer", tmp_path / "missing")


def test_a_folder_of_prompts_that_cannot_be_read_is_an_error(tmp_path, monkeypatch):
    for folder in (tmp_path / ("long" * 2000), Path("~nobody-of-that-name/prompts")):
        with pytest.raises(ModelError, match="no folder"):
            load_template("answer", folder)

    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("os.listdir", refuse)
    with pytest.raises(ModelError, match=r"cannot be read: Permission denied.*QA_PROMPTS"):
        load_template("answer", tmp_path)


def test_without_our_own_prompts_the_remedy_is_to_install_again(tmp_path, monkeypatch):
    monkeypatch.setattr("qa.prompt._OURS", tmp_path)
    with pytest.raises(ModelError, match="Install Citespan again"):
        load_template("answer")
