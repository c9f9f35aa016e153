# Everything starts here. On a fresh machine: `make chat`, or `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: chat test lint format setup clean

chat: setup  ## index seeds/ and open the chat on 127.0.0.1:7860
	$(BIN)/qa --index .qa index seeds
	$(BIN)/python app.py --index .qa

test: $(VENV)/.dev  ## the whole test suite
	tests/install_chromium.sh
	$(BIN)/python -m pytest

lint: $(VENV)/.dev  ## what CI checks beside the tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.dev  ## rewrite the code in the house format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

setup: $(VENV)/.ready  ## environment and pinned packages; returns at once when nothing changed

$(VENV)/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

clean:  ## remove the environment and the caches, never an index
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache
