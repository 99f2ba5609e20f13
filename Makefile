# Everything here does its own set-up: a fresh clone needs Python >= 3.11 and, for the foreign clients' tests, Node >= 20.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
NODE_STAMP := tests/interop/node_modules/.installed

.PHONY: run demo test test-all bench check format clean

run: $(STAMP)
	$(BIN)/keepboth serve

demo: $(STAMP)
	$(BIN)/python -m client_demo story

test: check $(NODE_STAMP)
	$(BIN)/python -m pytest

test-all: check $(NODE_STAMP)
	KEEPBOTH_FULL=1 $(BIN)/python -m pytest

bench: $(STAMP)
	$(BIN)/python -m benchmarks

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

$(STAMP): pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("KeepBoth needs Python 3.11 or newer, this is " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

$(NODE_STAMP): tests/interop/package.json
	@if command -v npm >/dev/null; then \
	  cd tests/interop && npm install --no-package-lock --no-audit --no-fund --silent && touch node_modules/.installed; \
	else echo 'npm is missing: the tests with foreign JavaScript clients will be skipped'; fi

clean:
	rm -rf $(VENV) tests/interop/node_modules .mypy_cache .ruff_cache
