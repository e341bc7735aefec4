# Everything below needs Python 3.11 or later with venv, and make; the first target that runs installs the rest into .venv.

PYTHON ?= $(firstword $(foreach name,python3 python3.14 python3.13 python3.12 python3.11,$(shell \
	$(name) -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $(name))))
VERSION := $(shell $(PYTHON) -c 'import platform; print(platform.python_version())' 2>/dev/null)
BIN := .venv/bin
# Named by the version of Python, so that another Python means another environment.
INSTALLED := .venv/installed-$(VERSION)
SELECTED ?=

.DEFAULT_GOAL := run
.PHONY: run setup warm test lint bench nightly coverage accuracy reference site lock clean

run: setup  ## replay the bundled day of bursty traffic
	$(BIN)/sim run workloads/bursty.parquet

setup: $(INSTALLED)

$(INSTALLED): requirements.lock pyproject.toml
	@test -n "$(VERSION)" || { echo "Python 3.11 or later with the module venv is needed (Debian: apt-get install python3-venv)" >&2; exit 1; }
	@test "$$($(BIN)/python -c 'import platform; print(platform.python_version())' 2>/dev/null)" = "$(VERSION)" \
		|| $(PYTHON) -m venv --clear .venv
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip
	@rm -f .venv/installed-*
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

warm: setup
	$(BIN)/python -m sim.engine.warm  # once, before several workers would each compile the engine

test: lint warm  ## what must be green before anything is merged; SELECTED="tests/unit -k name" for a part
	$(BIN)/python -m pytest --numprocesses auto --dist loadgroup $(SELECTED)

bench: setup  ## speed and memory, one after the other on a quiet machine
	$(BIN)/python -m pytest -m benchmark --capture=no tests/benchmark $(SELECTED)

nightly: warm  ## the long searches: thousands of generated systems
	HYPOTHESIS_PROFILE=nightly $(BIN)/python -m pytest --numprocesses auto --dist loadgroup -m "not benchmark" $(SELECTED)

coverage: setup  ## with the engine as plain Python, so that its lines count too
	NUMBA_DISABLE_JIT=1 $(BIN)/python -m pytest --numprocesses auto --cov --cov-report=term --cov-report=html $(SELECTED)

accuracy: warm  ## docs/accuracy.md again, from the measured data beside the repository
	$(BIN)/python -m tests.tools.accuracy_page

reference: setup  ## docs/reference/ again, from the code
	$(BIN)/python -m tests.tools.reference_pages

site: setup  ## the pages as a website that needs no server and no network: build/site/index.html
	@$(BIN)/python -c 'import furo, myst_parser, sphinx' 2>/dev/null || { echo "Sphinx is needed: \
	$(BIN)/python -m pip install --require-hashes --requirement requirements-pages.lock" >&2; exit 1; }
	$(BIN)/python -m sphinx --fail-on-warning --keep-going --quiet -d build/site-pages docs build/site

lock:  ## needs uv (python -m pip install uv)
	uv pip compile --quiet --upgrade --group dev --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		pyproject.toml --output-file requirements.lock
	for extra in dask ray; do \
		$(PYTHON) -c "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['project']['optional-dependencies']['$$extra'])" | \
		uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
			--constraint requirements.lock - --output-file requirements-$$extra.lock || exit 1; \
	done
	$(PYTHON) -c "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['dependency-groups']['pages'])" | tr ' ' '\n' | \
	uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--constraint requirements.lock - --output-file requirements-pages.lock

clean:
	rm -rf .venv build dist htmlcov .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find sim tests -name __pycache__ -type d -prune -exec rm -rf {} +
