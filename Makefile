VENV ?= .venv
PYTHON ?= python3
BIN = $(VENV)/bin

.PHONY: demo test lint clean

# the environment, then the main job: three outages, each confirmed by a real PostgreSQL (exit 1 of verify is the expected answer)
demo: $(VENV)/.installed
	@cd examples/three-outages && ../../$(BIN)/lockgate verify; test $$? -eq 1
	@cd examples/clean && ../../$(BIN)/lockgate verify

test: $(VENV)/.tested
	$(BIN)/lint-imports
	$(BIN)/pytest -n 2

lint: $(VENV)/.tested
	$(BIN)/ruff format --check src tests tools benchmarks
	$(BIN)/ruff check src tests tools benchmarks
	$(BIN)/mypy

$(VENV)/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -e .
	@$(BIN)/python -m compileall -q src || true
	@touch $@

$(VENV)/.tested: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[dev]'
	@$(BIN)/python -m compileall -q src || true
	@touch $@ $(VENV)/.installed

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
