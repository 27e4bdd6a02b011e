# Two commands on a machine that has only Python 3.11 or newer, venv and make:
#
#     make demo    train, predict and evaluate on the sample images
#     make test    the test suite; make test-long the tests that take minutes each
#
# Both install emseg into .venv when it is missing, and again when pyproject.toml has changed.
# PYTHON=python3.12 chooses the Python; ARGS="-k tiling" is handed to pytest.

CANDIDATES = python3 python3.13 python3.12 python3.11 python
SUITS = import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(firstword $(foreach each,$(CANDIDATES),$(shell $(each) -c '$(SUITS)' 2>/dev/null && echo $(each))))
BIN = .venv/bin
INSTALLED = .venv/.installed

# Modules are compiled once: the tests begin hundreds of processes that import them.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test test-long lint types floors docs clean

demo: $(INSTALLED)
	$(BIN)/emseg demo

# Each process of the tests has one thread: those of PyTorch would wait for each other.
test: $(INSTALLED)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses logical --maxprocesses 4 --dist loadfile $(ARGS)

test-long: $(INSTALLED)
	$(BIN)/python -m pytest -m long $(ARGS)

lint: $(INSTALLED)
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(INSTALLED)
	$(BIN)/mypy

floors: $(INSTALLED)
	$(BIN)/lint-imports

docs: $(INSTALLED)
	$(BIN)/python docs/generate.py

clean:
	rm -rf .venv build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache

$(INSTALLED): pyproject.toml
	@test -n "$(PYTHON)" || { echo "emseg needs Python 3.11 or newer with venv: make PYTHON=/path/to/python3.11"; exit 1; }
	@echo "Installing emseg and its libraries into .venv: some minutes, and some gigabytes for PyTorch."
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@
