# Everything starts here. On a fresh machine: `make chat`, or `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: bench audit torture chat test lint format setup clean reader bench-reader bench-page screenshots

chat: setup  ## index seeds/ and open the chat on 127.0.0.1:7860
	$(BIN)/qa --index .qa index seeds
	$(BIN)/python app.py --index .qa

test: $(VENV)/.dev  ## the whole test suite
	tests/install_chromium.sh
	tests/install_axe.sh
	tests/install_tesseract.sh
	$(BIN)/python -m pytest

lint: $(VENV)/.dev  ## what CI checks beside the tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

torture: $(VENV)/.dev  ## kill, fill, damage an index hundreds of times; writes docs/RELIABILITY.md (half an hour)
	FUZZ_EXAMPLES=1000 $(BIN)/python -m pytest tests/test_fuzz.py
	$(BIN)/python -m bench.torture

audit: $(VENV)/.ready  ## by hand: bandit over the code, known holes of the pinned packages (asks a server)
	$(PYTHON) -m venv $(VENV)-audit
	$(VENV)-audit/bin/python -m pip install --quiet --disable-pip-version-check bandit==1.9.4 pip-audit==2.10.1
	$(VENV)-audit/bin/bandit --quiet --configfile pyproject.toml --severity-level medium --recursive index qa page app.py
	$(VENV)-audit/bin/pip-audit --strict --requirement constraints.txt --no-deps --disable-pip

format: $(VENV)/.dev  ## rewrite the code in the house format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

reader: $(VENV)/.ready  ## train the reader anew: make reader DATA=FOLDER RUN=FOLDER (three to five hours; training/README.md)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[training]'
	$(BIN)/python -m training.train --data $(DATA) --run $(RUN) --max-tokens 22000000
	cp $(RUN)/checkpoint.pt $(RUN)/before-decay.pt
	$(BIN)/python -m training.train --data $(DATA) --run $(RUN) --resume --decay-tokens 8000000
	$(BIN)/python -m training.blend --of $(RUN)/checkpoint.pt 0.6 --of $(RUN)/before-decay.pt 0.3 --base 0.1 --out $(RUN)/blend.safetensors
	$(BIN)/python -m training.export --checkpoint $(RUN)/blend.safetensors --out $(RUN)/reader
	$(BIN)/python -m training.quantise --reader $(RUN)/reader --data $(DATA)
	$(BIN)/python -m training.calibrate --reader $(RUN)/reader --data $(DATA)

bench: $(VENV)/.ready  ## Citespan beside its peers, each in an environment of its own (.bench/: 9 GB, made once)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[bench]'
	$(BIN)/python -m bench.side_by_side
	$(BIN)/python -m bench.answers
	$(BIN)/python -m bench.ask
	$(BIN)/python -m bench.first_answer

bench-reader: $(VENV)/.ready  ## the figures of the shipped reader: make bench-reader DATA=FOLDER
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[bench]'
	$(BIN)/python -m bench.reader --data $(DATA)

bench-page: $(VENV)/.dev  ## how the page feels over 10,000 passages, in a real browser
	tests/install_chromium.sh
	$(BIN)/python -m bench.page

screenshots: $(VENV)/.dev  ## the pictures in docs/, taken anew
	tests/install_chromium.sh
	$(BIN)/python -m bench.screenshots

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
