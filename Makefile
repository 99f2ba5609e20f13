# Everything here does its own set-up: a fresh clone needs Python >= 3.11 and, for the foreign clients' tests, Node >= 20.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
NODE_STAMP := tests/interop/node_modules/.installed
WEB := client_demo/web
WEB_STAMP := $(WEB)/node_modules/.installed
# Two processes at most: a machine's other cores are for the servers and browsers that the tests start.
PARALLEL := -n 2 --dist loadfile
PAGES := server/keepboth/api/pages/index.html

COMPILED := build/compiled/.built

.PHONY: run demo web test test-all test-compiled compiled bench check format clean

run: $(STAMP) $(PAGES)
	$(BIN)/keepboth serve

demo: $(STAMP) $(PAGES)
	$(BIN)/python -m client_demo story

web: $(PAGES)

test: check $(NODE_STAMP) $(PAGES)
	$(BIN)/python -m pytest $(PARALLEL)

test-all: check $(NODE_STAMP) $(PAGES) test-compiled
	KEEPBOTH_FULL=1 $(BIN)/python -m pytest $(PARALLEL)

# The same code as C: what passes through it must come out the same.
test-compiled: $(NODE_STAMP) $(COMPILED)
	PYTHONPATH=$(CURDIR)/build/compiled $(BIN)/python -m pytest $(PARALLEL) -o pythonpath="build/compiled ." tests/yjs tests/decider tests/fold tests/store tests/live tests/hostile tests/interop tests/crash

# What is installed from a wheel: the modules that every edit passes as C. Built from a copy, so that nothing compiled
# ever lies beside sources that have moved on.
compiled: $(COMPILED)

bench: $(STAMP) $(COMPILED)
	PYTHONPATH=build/compiled:. $(BIN)/python -m benchmarks

check: $(STAMP) $(WEB_STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	@if [ -f $(WEB_STAMP) ]; then cd $(WEB) && npx tsc --noEmit; else echo 'npm is missing: the web client is not checked'; fi

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

# Without npm there is no stamp and no page, and the next `make` looks again.
$(WEB_STAMP): $(WEB)/package.json
	@if command -v npm >/dev/null; then \
	  cd $(WEB) && npm install --no-package-lock --no-audit --no-fund --silent && touch node_modules/.installed; \
	else echo 'npm is missing: the web client is not built; the server shows its plain page'; fi

$(PAGES): $(WEB_STAMP) $(WEB)/index.html $(WEB)/vite.config.ts $(shell find $(WEB)/src $(WEB)/addon -type f -not -path '*/node_modules/*' 2>/dev/null)
	@if [ -f $(WEB_STAMP) ]; then cd $(WEB) && npx vite build --logLevel warn; fi

$(COMPILED): $(STAMP) $(shell find server/keepboth -name '*.py' 2>/dev/null)
	rm -rf build/compiled build/sources build/wheels && mkdir -p build/sources
	cp -r pyproject.toml README.md LICENSE server build/sources
	HATCH_BUILD_HOOK_ENABLE_MYPYC=1 $(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir build/wheels build/sources
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --upgrade --target build/compiled build/wheels/keepboth-*.whl
	touch $@

clean:
	rm -rf build $(VENV) tests/interop/node_modules $(WEB)/node_modules server/keepboth/api/pages .mypy_cache .ruff_cache
