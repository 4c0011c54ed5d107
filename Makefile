# `make demo` and `make test` set everything up by themselves in .venv; both can be repeated.

PYTHON ?= $(shell for p in python3 python3.11 python3.12 python3.13; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null \
	&& echo $$p && break; done)
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet -c constraints.txt

.PHONY: demo test check docs-test clean

demo: .venv/installed
	$(BIN)/sonotrace demo --out demo-output --overwrite

test: .venv/installed-dev
	$(BIN)/python -m pytest -n 2 --dist worksteal

check: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs-test: .venv/installed-dev
	$(BIN)/python -m pytest tests/whole/test_docs.py

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "error: Python 3.11, 3.12 or 3.13 is needed and none was found." \
		"Install one, or name it: make PYTHON=/path/to/python $(MAKECMDGOALS)" >&2; exit 1; }
	$(PYTHON) -m venv .venv

.venv/installed: pyproject.toml constraints.txt | .venv/bin/python
	@echo "Installing sonotrace into .venv (about a minute) ..."
	$(PIP) -e .
	@touch $@

.venv/installed-dev: .venv/installed
	@echo "Installing what the tests need into .venv ..."
	$(PIP) -e '.[dev,export]'
	@touch $@

clean:
	rm -rf .venv demo-output .mypy_cache .pytest_cache .ruff_cache .hypothesis
