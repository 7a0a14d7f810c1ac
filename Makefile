VENV ?= .venv
PYTHON ?= python3
BIN = $(VENV)/bin

# of the long run: seconds of the random oracle (over all majors), and where its sequences begin
SECONDS ?= 3600
EXAMPLES ?= 100
SEED ?= $(shell date +%Y%m%d)
LOG ?= .nightly/oracle.jsonl

.PHONY: demo test lint docs dist nightly clean

# the environment, then the main job: three outages, each confirmed by a real PostgreSQL (exit 1 of verify is the expected answer)
demo: $(VENV)/.installed
	@cd examples/three-outages && ../../$(BIN)/lockgate verify; test $$? -eq 1
	@cd examples/clean && ../../$(BIN)/lockgate verify

# COVERAGE=1 (CI): which lines are reached, for some 6% more time
test: $(VENV)/.tested
	$(BIN)/lint-imports
	$(BIN)/pytest -n 2 --dist worksteal $(if $(COVERAGE),--cov=lockgate --cov-report=)
ifdef COVERAGE
	@echo "coverage: $$($(BIN)/coverage report --format=total)% of the lines of src/lockgate, processes that tests start left out"
endif

# the same tests with other examples, long: the random oracle goes on where it was with the same SEED and LOG
nightly: $(VENV)/.tested
	@mkdir -p $(dir $(LOG))
	@code=0; set -x; \
	$(BIN)/python -m tests.oracle --seed $(SEED) --seconds $(SECONDS) --log $(LOG) || code=1; \
	$(BIN)/python -m tests.oracle --seed $(SEED) --seconds $(SECONDS) --log $(LOG) --rights || code=1; \
	LOCKGATE_RANDOM=1 LOCKGATE_ORACLE_EXAMPLES=$(EXAMPLES) $(BIN)/pytest -n 2 --dist worksteal || code=1; \
	exit $$code

lint: $(VENV)/.tested
	$(BIN)/ruff format --check src tests tools benchmarks
	$(BIN)/ruff check src tests tools benchmarks
	$(BIN)/mypy

$(VENV)/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[verify]'
	@$(BIN)/python -m compileall -q src || true
	@touch $@

$(VENV)/.tested: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[dev]'
	@$(BIN)/python -m compileall -q src || true
	@touch $@ $(VENV)/.installed

# the site, links checked, into build/site
docs: $(VENV)/.tested
	$(BIN)/mkdocs build --strict --quiet

# source archive and wheel; the wheel in an environment of its own, as a user installs it
dist: $(VENV)/.tested
	rm -rf dist build/installed
	$(BIN)/python -m build --quiet --outdir dist .
	$(PYTHON) -m venv build/installed
	build/installed/bin/pip install --quiet --disable-pip-version-check dist/*.whl
	cd examples/clean && ../../build/installed/bin/lockgate check

clean:
	rm -rf $(VENV) .nightly .coverage .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
