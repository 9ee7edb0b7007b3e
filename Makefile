# Every target makes what it needs; `make help` tells them. Python 3.11 or newer and GNU make suffice.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest
ENGINE ?= both
WORKERS ?= 2
CASES ?= 1000000
CODE := payments reconciliation sandbox cashless migrations tests bench $(wildcard wsgi.py)

# Starting a process is four times as quick from compiled modules, which some machines never write.
unexport PYTHONDONTWRITEBYTECODE

# What is installed is known by a stamp, so that a second run costs nothing.
TOOLS := $(VENV)/.tools
DEMO := $(VENV)/.demo
DEV := $(VENV)/.dev

.PHONY: help setup demo run test test-run check lint quick bench prove fuzz-api fuzz-readers contracts lock clean

help: ## Tells these targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(DEV) ## Makes .venv with everything for work on the code
	@echo "Ready: $(VENV)"

demo: $(DEMO) ## Lives one whole business day and proves it (only Python is needed)
	$(BIN)/cashless demo

run: $(DEMO) ## Serves that day: web, scheduler and practice bank, until Ctrl-C
	$(BIN)/cashless run

test: $(DEV) ## Runs all quick and browser tests on SQLite and on a PostgreSQL of its own
	$(PYTEST) -m "not slow and not prove" -n $(WORKERS) --engine $(ENGINE) $(ARGS)

check: lint quick ## Checks style, types, imports and the quick tests on SQLite (2 minutes)

lint: $(DEV)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/ruff check $(CODE)
	$(BIN)/mypy
	$(BIN)/lint-imports

quick: $(DEV)
	$(PYTEST) -m "not slow and not prove and not browser" -n $(WORKERS) --engine sqlite -q $(ARGS)

bench: $(DEV) ## Measures what docs/benchmarks.md records
	$(BIN)/python -m bench

prove: $(DEV) ## Runs the long proofs: every order, crashes, concurrency
	$(PYTEST) -m "slow or prove" --engine $(ENGINE) $(ARGS)

test-run: $(DEV)
	$(PYTEST) -m "not slow and not prove" --engine sqlite -q tests/browser/test_run.py

fuzz-api: $(DEV) ## Sends 5,000 made-up calls to the API: no 5xx, no broken schema
	CASHLESS_FUZZ_CASES=$${CASHLESS_FUZZ_CASES:-5000} $(PYTEST) -m "" --engine sqlite -rP --show-capture=stdout tests/payments/web/api/fuzz_api.py $(ARGS)

fuzz-readers: $(DEV) ## Reads a million damaged statement files (CASES=…, READERS="camt xls …")
	$(BIN)/python -m tests.fuzzing.readers --cases $(CASES) $(READERS:%=--readers %) $(ARGS)

contracts: $(DEV) ## Completes the import contracts with modules that have arrived
	$(BIN)/python -m tests.house_rules.contracts

lock: $(TOOLS) ## Locks versions and hashes (UPGRADE=--upgrade takes newer ones)
	@for list in "install --group install" "run" "sandbox --extra sandbox -c requirements/run.txt" \
	  "dev --extra sandbox --group dev -c requirements/sandbox.txt"; do \
	  set -- $$list; name=$$1; shift; \
	  $(BIN)/uv pip compile $$([ $$name = install ] || echo pyproject.toml) "$$@" $(UPGRADE) --quiet \
	    --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	    -o requirements/$$name.txt; \
	done

secrets: ## Makes random passwords and keys for compose.yaml, once
	@umask 022; mkdir -m 700 $@; password=$$(head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n'); \
	echo "$$password" > $@/database_password; \
	echo "postgresql+psycopg://cashless:$$password@database/cashless" > $@/database_url; \
	head -c 32 /dev/urandom | base64 > $@/master_key; \
	touch $@/signing_key $@/signing_cert
	@echo "Made secrets/: only its owner may open the folder. Keep a copy of master_key elsewhere."

clean: ## Removes what was made here, but not var/, the practice data
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +

$(TOOLS): requirements/install.txt requirements/install
	PYTHON="$(PYTHON)" bash requirements/install tools $(VENV)
	@touch $@

$(DEMO): $(TOOLS) requirements/sandbox.txt pyproject.toml
	bash requirements/install sandbox $(VENV)
	@touch $@

$(DEV): $(TOOLS) requirements/dev.txt pyproject.toml
	bash requirements/install dev $(VENV)
	@touch $(DEMO) $@
