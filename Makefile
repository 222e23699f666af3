# Everything runs in .venv, made from the hashed locks. The targets that people need are the first four.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PIP := $(BIN)/pip install --disable-pip-version-check
ARGS ?=
# Tests wait more than they compute; two cores carry four at a time. What shares a file, a sandbox or a
# PostgreSQL stays together (tests/conftest.py).
WORKERS ?= 4

.PHONY: sandbox test check help golden lock docs bench clean chromium

help:  ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

sandbox: $(READY)  ## run everything on stand-ins: make sandbox ARGS="--port 9000 --speed 60"
	@exec $(BIN)/trailwatch sandbox $(ARGS)

test: $(READY) chromium check  ## all tests, a real browser included; one file: make test ARGS=tests/docs
	$(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

check: $(READY)  ## what is quick: format, lint, types, imports
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

golden: $(READY)  ## write the expected messages of the tests anew, then look at the diff
	GOLDEN=1 $(BIN)/pytest tests/handlers -q

docs: $(READY)  ## write the generated parts of the documentation anew
	$(BIN)/python docs/generate.py

bench: $(READY)  ## measure; see benchmarks/README.md
	for one in start ack webhook road; do $(BIN)/python benchmarks/$$one.py || exit 1; done

lock: $(READY)  ## pin the dependencies anew
	$(BIN)/uv pip compile -q --universal --generate-hashes --no-annotate --no-header --no-emit-index-url \
	  --python-version 3.11 --upgrade pyproject.toml -o requirements.txt
	$(BIN)/uv pip compile -q --universal --generate-hashes --no-annotate --no-header --no-emit-index-url \
	  --python-version 3.11 --upgrade --extra dev -c requirements.txt pyproject.toml -o requirements-dev.txt

chromium:
	@sh tests/browser/chromium.sh

clean:  ## remove what was made here
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis dist build

$(READY): requirements-dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "trailwatch needs Python 3.11 or newer; name one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || \
	  { echo "python3-venv is missing: apt-get install python3-venv"; exit 1; }
	@echo "Making $(VENV): what requirements-dev.txt pins is installed into it, hashes checked."
	@echo "The first time that takes one to three minutes; after it make starts at once."
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
	@rm -f $(VENV)/.failed; all=$$(grep -c '^[A-Za-z0-9]' requirements-dev.txt); n=0; \
	  { $(PIP) --progress-bar off --require-hashes --no-deps -r requirements-dev.txt || touch $(VENV)/.failed; } | \
	  while read -r word rest; do case $$word in \
	    Collecting) n=$$((n + 1)); test $$((n % 10)) != 0 || echo "  $$n of $$all packages are here";; \
	    Installing) echo "  all are here; putting them in place";; \
	  esac; done; test ! -e $(VENV)/.failed
	@$(PIP) -q --no-deps --no-build-isolation -e .
	@touch $@
