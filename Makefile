# Everything a person or CI does here, by one name each. `make help` lists it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help demo test test-fast lint wheel pins clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(READY): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v <= (3, 13) else f"landfall needs Python 3.11, 3.12 or 3.13; `$(PYTHON)` is {v[0]}.{v[1]}. Try: make demo PYTHON=python3.12")'
	@echo "making $(VENV) and installing the pinned requirements (about two minutes, once)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check "$$(grep '^uv==' requirements.txt)"
	@VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv pip install --quiet --python $(BIN)/python -r requirements.txt
	@VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

demo: $(READY) ## Start everything, land a sample, train, publish and look a prediction up
	@$(BIN)/landfall demo

test: test-fast ## The whole suite: what needs no servers on both cores, then the rest, on real ones
	@$(BIN)/python -m pytest -m "stack or browser" --durations=30 --durations-min=5

test-fast: $(READY) ## The tests that need no servers
	@$(BIN)/python -m pytest -m "not stack and not browser" -n 2 --dist loadscope

lint: $(READY) ## Lint, format, types, import contracts and the generated catalogue
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python docs/generate_dags.py --check

wheel: $(READY) ## The jobs for other machines: a wheel and a zip of the same sources, in dist/
	@rm -rf dist
	@$(BIN)/python -m hatchling build --target wheel --directory dist
	@$(BIN)/python -m landfall.compute.shipping dist

pins: $(READY) ## Resolve requirements.in, for Python 3.11 to 3.13 at once, into requirements.txt
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-header requirements.in -o requirements.txt
	@echo minilake==1.9.0 | $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate - -o include/landfall/stack/minilake.txt

clean: ## Stop the stack and remove its state (what landed, what was published) and the environment
	@[ ! -x $(BIN)/landfall ] || $(BIN)/landfall down
	rm -rf .landfall $(VENV)
