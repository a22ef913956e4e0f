# Commands for people who work on Persona Studio; `make` lists them. CONTRIBUTING.md says more.
# It needs Python 3.11 or newer. Everything else is installed into .venv, again when requirements change.

PYTHON ?= python3
TESTS ?= tests
BIN := .venv/bin
READY := .venv/ready

.DEFAULT_GOAL := help
.PHONY: help dev test test-fast test-one lint format bench

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(READY): requirements.txt requirements-dev.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q -r requirements-dev.txt
	@touch $@

dev: $(READY) ## run the app, drawn anew when a file of pages/ or views/ is saved (PORT=8600 chooses a port)
	$(BIN)/streamlit run app.py --server.fileWatcherType auto --server.runOnSave true $(if $(PORT),--server.port $(PORT))

test: $(READY) ## check and test everything, as for a release
	$(BIN)/python -m tests

test-fast: $(READY) ## the tests that need no browser, no PostgreSQL and no process of their own
	$(BIN)/python -m pytest -q -m fast

test-one: $(READY) ## some tests, in one process (TESTS=tests/kie or TESTS="tests/test_house.py -k imports")
	$(BIN)/python -m pytest -q $(TESTS)

lint: $(READY) ## check style and types
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy

format: $(READY) ## mend style where that can be done by itself
	$(BIN)/python -m ruff check --fix .
	$(BIN)/python -m ruff format .

bench: $(READY) ## measure all figures and write them into README.md; it takes long
	$(BIN)/python -m benchmarks
