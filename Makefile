# SPDX-License-Identifier: Apache-2.0
SHELL := /bin/bash
PY := .venv/bin/python
PART ?=
FAULT ?=
ARGS ?= --help

.DEFAULT_GOAL := help
.PHONY: help setup setup-bench pictures run test test-all bench lab fmt lint type clean

help: ## this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  \1\t/' | expand -t 22

setup: ## Debian packages and .venv (called by the others; quick when nothing is to do)
	@tools/setup.sh base

setup-bench:
	@tools/setup.sh base bench

pictures: setup ## the status page's pictures in docs/pictures, from a lab
	@$(PY) -m tools.docs.pictures

run: setup ## boot a five-node mesh and show it live; FAULT=link-dead breaks something
	@$(PY) -m tools.lab.demo $(if $(FAULT),--fault $(FAULT))

test: lint type ## lint, types, unit, integration and the core of the lab tests
	@$(PY) -m pytest -n 3 --dist loadfile --cov -m 'not long and not lab'
	@$(PY) -m pytest -m 'lab and not long'

test-all: setup ## the long tests not passed on this tree yet; PART=NAME one part again, PART=list their results
	@$(PY) -m tools.testall $(if $(PART),'$(PART)')

bench: setup-bench ## measure rerouting, memory, CPU, start-up; PART=NAME for one
	@$(PY) -m tools.bench $(PART)

lab: setup ## the virtual mesh: make lab ARGS='up --topology line:5'
	@$(PY) -m tools.lab.cli $(ARGS)

fmt: setup ## format and mend what can be mended
	@$(PY) -m ruff check --fix .
	@$(PY) -m ruff format .

lint: setup ## ruff, import layers
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@.venv/bin/lint-imports --no-cache >build/lint-imports.txt || { cat build/lint-imports.txt; exit 1; }

type: setup ## mypy, strict
	@$(PY) -m mypy

clean: ## remove .venv and everything built
	rm -rf build .venv .mypy_cache .pytest_cache .ruff_cache x0tta6bl4.egg-info
	find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +
