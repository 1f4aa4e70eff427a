# journeysim: `make demo` and `make test` are each complete on a fresh machine with Python >= 3.11 and make.
# Another Python has its own environment: `make test PYTHON=python3.13` uses .venv-python3.13.

PYTHON ?= python3
VENV := $(if $(filter python3,$(PYTHON)),.venv,.venv-$(notdir $(PYTHON)))
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: demo test slow validate bench lint format lock clean help

help:  ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.installed  ## the real loan-application scenario end to end: the table, and where the report is
	$(BIN)/journeysim run scenarios/loan_application/scenario.yaml

test: $(VENV)/.installed  ## the default test suite on two processes, with lint, types and layers
	$(BIN)/python -m pytest -n 2 --dist worksteal

slow: $(VENV)/.installed  ## the slow tests only, on two processes
	$(BIN)/python -m pytest -m slow -n 2

validate: $(VENV)/.installed  ## simulation-based calibration of every model; writes docs/validation.md (MODEL=shares: some of them)
	$(BIN)/python -m pytest tests/validation tests/realdata -m validation -n 2 $(if $(MODEL),-k "$(MODEL)")

bench: $(VENV)/.installed  ## every measure: name, value, unit and what it is measured against
	@$(BIN)/python benchmarks/run.py

lint: $(VENV)/.installed  ## lint, formatting, types and layers without the other tests
	$(BIN)/python -m pytest tests/unit/test_house.py

format: $(VENV)/.installed  ## apply the formatter and the safe lint fixes
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

lock:  ## resolve requirements.lock again from pyproject.toml (needs uv on the path)
	uv pip compile pyproject.toml --no-config --extra dev --universal --python-version 3.11 \
	  --fork-strategy requires-python --generate-hashes --upgrade --quiet \
	  --custom-compile-command "make lock" --output-file requirements.lock

clean:  ## remove environments and caches; reports stay
	rm -rf .venv .venv-* .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis build dist
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

# A changed lock builds the environment anew, so that nothing stale stays in it.
$(VENV)/.locked: requirements.lock
	@command -v "$(PYTHON)" >/dev/null || { \
	  echo "There is no \"$(PYTHON)\" on the path; name one that is: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 2; }
	@"$(PYTHON)" -c 'import sys; v = "%d.%d.%d" % sys.version_info[:3]; sys.version_info >= (3, 11) or sys.exit( \
	  "journeysim needs Python 3.11 or newer, and $(PYTHON) is " + v + "; choose another: make $(MAKECMDGOALS) PYTHON=python3.12")'
	"$(PYTHON)" -m venv --clear $(VENV)
	$(PIP) install --quiet --require-hashes -r requirements.lock
	@touch $@

# The build backend comes from the lock, so this step downloads nothing.
$(VENV)/.installed: $(VENV)/.locked pyproject.toml
	$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@
