# Needs Python 3.11 or later and make; everything else is installed into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PYTEST_WORKERS ?= 2

.PHONY: install demo test slow lint bench docs dist clean help

help:            ## show this list
	@grep -E '^[a-z]+: .*##' $(MAKEFILE_LIST) | sed -E 's/: .*## /\t/' | expand -t 12

install: $(STAMP)   ## install the package with everything for development into .venv

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -c constraints.txt torch
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev]'
	@touch $(STAMP)

demo: install    ## a ring of 8, five methods, 8 seeds each: a table and demo/report.html
	$(BIN)/python examples/demo.py demo

test: install    ## all tests but the long studies
	$(BIN)/python -m pytest -n $(PYTEST_WORKERS) -m 'not slow'

slow: install    ## the long studies
	$(BIN)/python -m pytest -m slow

lint: install    ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: install   ## speed, as ratios against what a user would otherwise write
	$(BIN)/python -m benchmarks

docs: install    ## the documentation site, in site/
	$(BIN)/sphinx-build -W --keep-going -q docs site

dist: install    ## a wheel and a source archive, in dist/
	$(BIN)/python -m pip install --quiet build
	$(BIN)/python -m build

clean:           ## remove what the targets above made, but not .venv
	rm -rf dist site demo .pytest_cache .mypy_cache .ruff_cache
