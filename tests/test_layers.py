"""The architecture as tests: imports one way, a light start, short modules, no phoning home."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent.parent
LAYERS = ["index", "qa", "page", "app"]  # each may import what stands before it
MODULES = sorted(
    p for name in LAYERS for p in [*(PROJECT / name).rglob("*.py"), PROJECT / f"{name}.py"] if p.is_file()
)


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: import by full name"
            names.add(node.module or "")
    return names


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PROJECT)))
def test_imports_go_one_way(path):
    layer = path.relative_to(PROJECT).parts[0].removesuffix(".py")
    above = set(LAYERS[LAYERS.index(layer) + 1 :])
    assert not above & {name.split(".")[0] for name in imported(path)}


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PROJECT)))
def test_modules_stay_short(path):
    assert len(path.read_text().splitlines()) <= 330


@pytest.mark.parametrize("module", ["qa", "qa.cli", "index"])
def test_importing_is_light(module):
    heavy = [
        "torch",
        "gradio",
        "faiss",
        "openvino",
        "transformers",
        "sentence_transformers",
        "tantivy",
        "pandas",
    ]
    code = f"import {module}, sys; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PROJECT)))
def test_nothing_unpickles(path):
    assert not {"pickle", "dill", "joblib", "shelve"} & {name.split(".")[0] for name in imported(path)}
