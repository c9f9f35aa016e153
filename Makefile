# Everything starts here. On a fresh machine: `make chat`, or `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: chat test lint format setup clean reader bench-reader

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

reader: $(VENV)/.ready  ## train the reader anew: make reader DATA=FOLDER RUN=FOLDER (hours; training/README.md)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[training]'
	$(BIN)/python -m training.train --data $(DATA) --run $(RUN) --max-tokens 7000000
	$(BIN)/python -m training.train --data $(DATA) --run $(RUN) --resume --decay-tokens 5000000
	$(BIN)/python -m training.calibrate --data $(DATA) --weights $(RUN)/checkpoint.pt --out $(RUN)/calibration.json
	$(BIN)/python -m training.export --checkpoint $(RUN)/checkpoint.pt --calibration $(RUN)/calibration.json --out $(RUN)/reader
	$(BIN)/python -m training.quantise --reader $(RUN)/reader --data $(DATA)
	$(BIN)/python -m training.relevance --reader $(RUN)/reader --data $(DATA)

bench-reader: $(VENV)/.ready  ## the figures of the shipped reader: make bench-reader DATA=FOLDER
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[bench]'
	$(BIN)/python -m bench.reader --data $(DATA)

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
