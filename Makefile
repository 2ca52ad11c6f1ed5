# make demo: see kc-db work on a real PostgreSQL. make test: all that CI runs. Needs Python 3.11+, nothing else.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
POSTGRES ?= embedded
SEED ?= 1
OLDEST := $(addprefix tests/postgres/test_,every_index.py canonical_forms.py verify.py redundancy.py partitioned.py)
COMPILE := $(BIN)/uv pip compile --quiet --generate-hashes --no-header --universal --no-annotate

.PHONY: help demo test check unit oldest test-matrix bench torture comparison format requirements clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## */\1|/' | column -t -s '|'

demo: .venv/runtime.stamp  ## migrate, verify, budget; break four indexes, find and mend them
	@$(BIN)/python scripts/demo.py

test: check unit oldest  ## everything that CI runs

check: .venv/dev.stamp  ## format, lint, types, layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

unit: .venv/dev.stamp  ## the tests, on POSTGRES=embedded|14|...|18|docker:17|<url>
	$(BIN)/pytest --numprocesses 2 --postgres $(POSTGRES)

oldest: .venv/dev.stamp  ## what depends on the version most, on the oldest one (where npm is)
	@if command -v npm >/dev/null; then $(BIN)/pytest --numprocesses 2 --postgres 14 $(OLDEST); \
	else echo 'npm is missing: the tests on PostgreSQL 14 are left out'; fi

test-matrix: .venv/dev.stamp  ## the tests on every major version (needs npm)
	@for version in 14 15 16 17 18; do $(MAKE) unit POSTGRES=$$version || exit 1; done

bench: .venv/dev.stamp  ## measure both sides of every performance claim
	@$(BIN)/python bench/startup.py
	@$(BIN)/python bench/ready.py
	@$(BIN)/python bench/catalog.py
	@$(BIN)/python bench/forms.py
	@$(BIN)/python bench/tenants.py
	@$(BIN)/python bench/jobs.py
	@$(BIN)/python bench/budget.py
	@$(BIN)/python bench/build.py

torture: .venv/dev.stamp  ## hurt 500 deploys, race 1,000, fill 250 fleets, on every major version (needs npm; SEED=1)
	$(BIN)/python -m torture.kills --runs 100 --seed $(SEED)
	$(BIN)/python -m torture.races --rounds 50 --seed $(SEED)
	$(BIN)/python -m torture.load --seed $(SEED)
	KC_DB_POOLER_RUNS=20 $(BIN)/pytest tests/postgres/test_pooler.py
	$(BIN)/python -m torture.budget --fleets 50 --bouncers 100 --seed $(SEED)

comparison: .venv/dev.stamp  ## write docs/comparison.md: what kc-db, Alembic and migra find
	@$(BIN)/python scripts/compare_tools.py

format: .venv/dev.stamp  ## format and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

requirements: .venv/dev.stamp  ## pin the newest versions, with hashes
	echo 'setuptools>=77' | $(COMPILE) - --upgrade --output-file requirements-build.txt
	$(COMPILE) pyproject.toml --upgrade --extra embedded --output-file requirements.txt
	$(COMPILE) pyproject.toml --upgrade --extra dev --output-file requirements-dev.txt
	printf 'migra\nsetuptools<81\nsqlalchemy<2\npsycopg2-binary\n' | $(COMPILE) - --upgrade --output-file requirements-migra.txt

clean:  ## remove what make made; also the databases under .kc-db
	rm -rf .venv .kc-db .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis build *.egg-info

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "kc-db needs Python 3.11 or later: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv .venv

.venv/runtime.stamp: .venv/bin/python requirements-build.txt requirements.txt pyproject.toml
	$(PIP) install --require-hashes --requirement requirements-build.txt
	$(PIP) install --require-hashes --requirement requirements.txt
	$(PIP) install --no-deps --no-build-isolation --config-settings editable_mode=compat --editable .
	@touch $@

.venv/dev.stamp: .venv/runtime.stamp requirements-dev.txt
	$(PIP) install --require-hashes --requirement requirements-dev.txt
	@touch $@
