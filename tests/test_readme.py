"""Every command and every program in README works as it stands there."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent.parent
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.M | re.S)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A working folder as the reader of README has it: the clone, with `qa` on the path."""
    folder = tmp_path_factory.mktemp("readme")
    shutil.copytree(PROJECT / "seeds", folder / "seeds")
    shutil.copy(PROJECT / "seeds.jsonl", folder)
    return folder


def test_readme_runs_from_top_to_bottom(folder):
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    environment.pop("QA_INDEX", None)
    blocks = BLOCK.findall((PROJECT / "README.md").read_text())
    ran = 0
    for language, code in blocks:
        if language not in ("sh", "python"):
            continue
        command = ["sh", "-e", "-c", code] if language == "sh" else [sys.executable, "-c", code]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, f"{code}\n{done.stdout}\n{done.stderr}"
        ran += 1
    assert ran >= 5
    assert (folder / "report.html").stat().st_size > 10_000


def test_readme_names_only_commands_that_exist():
    text = (PROJECT / "README.md").read_text()
    command = [sys.executable, "-m", "qa", "--help"]
    help_text = subprocess.run(command, capture_output=True, text=True, cwd=PROJECT).stdout
    for command in set(re.findall(r"`qa (\w+)", text)):
        assert command in help_text
    makefile = (PROJECT / "Makefile").read_text()
    for target in set(re.findall(r"\bmake (\w+)$", text, re.M)):
        assert f"\n{target}:" in makefile
