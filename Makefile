# `make` alone lists the targets; each one sets up what it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help setup demo test coverage check format lint typecheck serve-local bench bench-growth bench-state bench-steps lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## make .venv with everything, from the lock

$(READY): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "endpoint-import needs Python 3.11 or newer; try: make PYTHON=python3.12 setup")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(READY) ## import data/samples/audience.csv into the embedded server and show what happened
	@$(BIN)/endpoint-import run data/samples/audience.csv --local || test $$? -eq 1

test: $(READY) ## run the tests
	$(BIN)/python -m pytest

coverage: $(READY) ## branch coverage of the pure core
	$(BIN)/python -m pytest --quiet --cov --cov-report=term-missing:skip-covered tests/schemas tests/pipelines/steps

check: lint typecheck test ## lint, types and tests

format: $(READY) ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint: $(READY) ## check style
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

typecheck: $(READY) ## check types
	$(BIN)/mypy

serve-local: $(READY) ## start the Pinpoint-compatible local server
	$(BIN)/endpoint-import serve

bench: $(READY) ## measure this tool beside what one would use instead (10 minutes; ARGS='--markdown')
	$(BIN)/python -m benchmarks.run $(ARGS)

bench-growth: $(READY) ## measure what grows with the rows, from ten thousand to five million
	$(BIN)/python -m benchmarks.growth $(ARGS)

bench-state: $(READY) ## measure what finding the changes among ten million Ids costs (ARGS='--ids 1000000')
	$(BIN)/python -m benchmarks.state_diff $(ARGS)

bench-steps: $(READY) ## measure single steps
	$(BIN)/python -m pytest --override-ini=addopts=--import-mode=importlib benchmarks/test_steps.py \
	  --benchmark-columns=median,iqr,rounds --benchmark-sort=name $(ARGS)

lock: ## renew requirements.lock (needs uv)
	uv pip compile pyproject.toml --extra dask --group dev --universal --python-version 3.11 \
	  --no-strip-extras --generate-hashes --no-emit-index-url --no-emit-find-links --upgrade --quiet \
	  --custom-compile-command "make lock" --output-file requirements.lock

clean: ## remove what was built and the runs in ./runs
	rm -rf $(VENV) benchmarks/.peers .pytest_cache .mypy_cache .ruff_cache runs
