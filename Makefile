# Thin on purpose: each target is a line or two that a person can read. `make help` lists them.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/pip --disable-pip-version-check install --quiet --progress-bar off --require-hashes

.PHONY: help setup demo test check chaos format bench sdl lock clean

help:  ## this list
	@grep -E '^[a-z]+:.*##' Makefile | sed 's/:.*##/\t/'

setup: .venv/ready  ## install what the product needs into .venv
demo: .venv/ready  ## a simulated hospital shift, its bottlenecks, GraphQL on 127.0.0.1:8000
	@$(BIN)/brain demo

test: .venv/ready-test  ## everything, on a real Neo4j, Kafka and MQTT broker, which it fetches and starts
	@.ci/test

check: .venv/ready-test  ## ruff, mypy --strict, import-linter, and the SDL against the ontology
	@$(BIN)/ruff check . && $(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m api.sdl --check

N ?= 25
chaos: .venv/ready-test  ## N faults (25) on a running stream: workers, Neo4j and Kafka killed and paused; the model must not differ
	@$(BIN)/python -m tests.chaos --faults $(N)

format: .venv/ready-test  ## let ruff format and mend
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format --quiet .

bench: .venv/ready-test  ## every benchmark, each with a ratio against a peer run beside it
	@for b in $$(grep -l __main__ bench/*.py); do echo "== $$b"; $(BIN)/python -m bench.$$(basename $$b .py) || exit 1; done

sdl: .venv/ready-test  ## write api/schema.graphql anew from the ontology
	@$(BIN)/python -m api.sdl > api/schema.graphql

lock: .venv/ready-test  ## resolve the ranges of pyproject.toml anew into the two lock files
	@$(BIN)/python -m pip install --quiet uv && .ci/lock

clean:  ## remove .venv and caches of the tools
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

.venv/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; name one: make PYTHON=python3.12 …")'
	@$(PYTHON) -m venv .venv && touch $@

.venv/ready: .venv/python requirements.lock pyproject.toml
	@echo "Installing the product into .venv …" >&2
	@$(PIP) -r requirements.lock && $(BIN)/pip install --quiet --no-deps --editable . && touch $@

.venv/ready-test: .venv/ready requirements-test.lock
	@echo "Installing the tools of the tests into .venv …" >&2
	@$(PIP) -r requirements-test.lock && touch $@
