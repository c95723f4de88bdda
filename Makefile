# What there is to do in this checkout: `make help`. Every target sets itself up in .venv.

# The first Python that is new enough and can make a virtual environment. Asked, not looked up by
# name: a version manager's shim may exist and not run.
PYTHON ?= $(shell for python in python3.13 python3.12 python3.11 python3; do \
	"$$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' \
	>/dev/null 2>&1 && { echo "$$python"; break; }; done)

# More arguments for the tool behind a target: make test ARGS='-k verify'
ARGS ?=

BIN := .venv/bin
# Twice quiet: errors only.
PIP := $(BIN)/python -m pip -qq --disable-pip-version-check
# Each file below says that a stage of .venv is whole.
VENV := .venv/.made
RUN := .venv/.run
DEV := .venv/.dev

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test test-long fuzz bench screenshots lint format catalogues share lock wheel dist clean
MAKEFLAGS += --no-print-directory --no-builtin-rules

help: ## Show this list
	@grep -E '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## /\1\t/' | \
		while IFS='	' read -r target what; do printf '  make %-11s %s\n' "$$target" "$$what"; done

demo: $(RUN) ## Renew a made-up fleet of firewalls from end to end, in a temporary directory
	@PYTHONPATH=builder $(BIN)/python -m sftunnel_builder demo $(ARGS)

# Many tests wait for a console or a restart, so that there are more workers than cores. The longest
# tests stand side by side: whoever is done takes some of them over.
WORKERS ?= $(shell echo $$((2 * $$(nproc))))
PYTEST = $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

test: $(DEV) ## Run the tests, of the longest ones a sample
	@$(PYTEST) -m 'not slow' $(ARGS)

test-long: $(DEV) ## Run what takes long: all of what test tries a sample of, and what it leaves out
	@SFTUNNEL_TEST_LONG=1 $(PYTEST) -m 'slow or sampled' $(ARGS)

fuzz: $(DEV) ## Give the readers inputs that nobody thought of, ten minutes each
	@PYTHONPATH=builder:tests $(BIN)/python -W error -m fuzz.run $(ARGS)

bench: $(DEV) ## Measure, side by side, and write docs/performance.md
	@PYTHONPATH=builder:installer:tests $(BIN)/python -m bench.run $(ARGS)

screenshots: $(DEV) ## Take pictures of every page, on screens and paper, into .cache/screenshots
	@PYTHONPATH=builder:tests $(BIN)/python tests/pages/screenshots.py .cache/screenshots

lint: $(DEV) ## Check style, types and shell scripts
	@status=0; \
	$(BIN)/python -m ruff check --quiet . || status=1; \
	$(BIN)/python -m ruff format --quiet --check . || { \
		status=1; echo 'hint: make format puts these files into the project'"'"'s style' >&2; }; \
	$(BIN)/python -m mypy --strict --no-error-summary || status=1; \
	$(BIN)/python -m mypy --strict --no-error-summary packaging/*.py || status=1; \
	.ci/lint-shell || status=1; \
	exit $$status

format: $(DEV) ## Put the Python code into the project's style
	@$(BIN)/python -m ruff check --quiet --fix-only .
	@$(BIN)/python -m ruff format --quiet .

CATALOGUE = --domain sftunnel-bundler
STRINGS := .cache/strings.pot

catalogues: $(DEV) ## Write into templates/locale what there is to translate, and compile what is
	@mkdir -p .cache
	@$(BIN)/pybabel -q extract --mapping pyproject.toml --no-location --sort-output --width 100 \
		--omit-header --output $(STRINGS) .
	@$(BIN)/pybabel -q update $(CATALOGUE) --input-file $(STRINGS) --output-dir templates/locale \
		--no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date --width 100
	@$(BIN)/pybabel -q compile $(CATALOGUE) --directory templates/locale

share: $(DEV) ## Write manual pages and completion anew, into packaging/share
	@PYTHONPATH=builder:installer $(BIN)/python packaging/share.py

wheel: $(DEV) ## Build the wheel into dist/
	@$(PIP) wheel --no-deps --no-build-isolation --wheel-dir dist .
	@ls dist/*.whl

# The key of a release's signer: make dist SIGNING_KEY=FILE
SIGNING_KEY ?=

dist: $(DEV) ## Build all that is released into dist/: wheel, sdist, executables, SBOM, checksums
	@SIGNING_KEY='$(SIGNING_KEY)' packaging/make-dist.sh

# uv takes its index from its own UV_* variables. Pins stay as they are where pyproject.toml still
# allows them; `make lock ARGS=--upgrade` takes the newest.
UV_COMPILE = .cache/uv/bin/uv --quiet pip compile pyproject.toml $(ARGS) --universal \
	--python-version 3.11 --generate-hashes --custom-compile-command 'make lock'

lock: .cache/uv/.made ## Write requirements/*.lock anew from pyproject.toml
	@$(UV_COMPILE) --output-file requirements/run.lock
	@$(UV_COMPILE) --extra dev --extra fuzz --constraint requirements/run.lock --no-annotate \
		--output-file requirements/dev.lock
	@$(UV_COMPILE) --extra freeze --constraint requirements/run.lock --no-annotate \
		--output-file requirements/freeze.lock

clean: ## Remove .venv, caches and built files (the trees in .cache/trees stay)
	@rm -rf .venv .cache/uv .cache/freeze .mypy_cache .pytest_cache .ruff_cache build dist/*
	@find builder installer tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV):
	@[ -n "$(PYTHON)" ] || { \
		echo 'error: no Python 3.11 or newer that can make a virtual environment was found' >&2; \
		echo 'hint: install one (Debian, Ubuntu: apt install python3-venv), or name it: make PYTHON=/path/to/python3' >&2; \
		exit 1; }
	@"$(PYTHON)" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' || { \
		echo 'error: "$(PYTHON)" is older than Python 3.11 or cannot make a virtual environment' >&2; \
		echo 'hint: install the venv module that belongs to it, or name another: make PYTHON=/path/to/python3' >&2; \
		exit 1; }
	@echo 'setting up .venv (only this once)' >&2
	@"$(PYTHON)" -m venv --clear .venv
	@touch $@

$(RUN): requirements/run.lock $(VENV)
	@$(PIP) install --require-hashes -r requirements/run.lock
	@touch $@

# dev.lock holds all of run.lock, at the same versions.
$(DEV): requirements/dev.lock pyproject.toml $(VENV)
	@$(PIP) install --require-hashes -r requirements/dev.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

.cache/uv/.made:
	@"$(PYTHON)" -m venv --clear .cache/uv
	@.cache/uv/bin/python -m pip -qq --disable-pip-version-check install 'uv>=0.5'
	@touch $@
