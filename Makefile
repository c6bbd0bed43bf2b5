# Everything runs in .venv, which the first target that needs it creates; nothing else is touched.
PYTHON ?= python3
# A CPU build is enough. Which build this names depends on the index pip uses; for CUDA give the one of your system,
# such as  make verify TORCH="torch==2.13.0+cu130"  with that index configured.
TORCH ?= torch==2.13.0
PROFILE ?= quick
OUT ?= out
# Verdicts that chance leaves open are looked at again within this time; with  LOOKS=  a run has fixed sizes.
LOOKS ?= --adaptive --budget 30m

BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
SOURCES := pyproject.toml constraints.txt

.DEFAULT_GOAL := help
.PHONY: help verify test lint notebook docs benchmark benchmark-check card clean

help:
	@echo "make verify     check the claims (PROFILE=quick) and write $(OUT)/report.html and $(OUT)/records.sqlite"
	@echo "make test       run the tests"
	@echo "make lint       ruff and mypy"
	@echo "make notebook   open the notebooks in JupyterLab"
	@echo "make docs       build docs/_build/html"
	@echo "make benchmark  measure all ratios of benchmarks/budget.toml and write them to docs/benchmarks.md"
	@echo "make benchmark-check  whether they are still within the budget, at small sizes"
	@echo "make card       everything that needs a CUDA device, within 25 minutes, into $(OUT)/card"
	@echo "make clean      remove .venv and everything that was built"

verify: .venv/.runtime
	$(BIN)/escape-ntk verify --profile $(PROFILE) $(LOOKS) --out $(OUT)

# Two processes, a file at a time: the first takes the tests of a whole run, which stand in front (tests/conftest.py).
test: .venv/.dev
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

lint: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

notebook: .venv/.notebook
	$(BIN)/jupyter lab notebooks

docs: .venv/.docs
	$(BIN)/sphinx-build -W --keep-going -b html docs docs/_build/html

benchmark: .venv/.runtime
	$(BIN)/python benchmarks/check.py --write

benchmark-check: .venv/.runtime
	$(BIN)/python benchmarks/check.py

card: .venv/.dev
	$(BIN)/python benchmarks/card.py --out $(OUT)/card

clean:
	rm -rf .venv $(OUT) build dist docs/_build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Stamps: a second call installs nothing until pyproject.toml or constraints.txt changes.
.venv/.base: $(SOURCES)
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "escape-ntk needs Python >= 3.11")'
	$(PYTHON) -m venv .venv
	$(PIP) $(TORCH)
	@touch $@

.venv/.runtime: .venv/.base
	$(PIP) -c constraints.txt -e ".[verify]"
	@touch $@

.venv/.dev .venv/.notebook .venv/.docs: .venv/.%: .venv/.runtime
	$(PIP) -c constraints.txt -e ".[$*]"
	@touch $@
