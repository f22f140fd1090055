# Everything a person or CI does here, by one name each. `make help` lists it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help demo test test-fast lint docs wheel lambda template pins audit sbom image-digests clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(READY): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v <= (3, 13) else f"landfall needs Python 3.11, 3.12 or 3.13; `$(PYTHON)` is {v[0]}.{v[1]}. Try: make demo PYTHON=python3.12")'
	@echo "making $(VENV) and installing the pinned requirements (about two minutes, once)"
	@$(PYTHON) -m venv $(VENV)
	@awk '/^[^ #]/ {on = /^uv==/} on && !/#/' requirements.txt > $(VENV)/uv.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r $(VENV)/uv.txt
	@VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes --build-constraint requirements.txt -r requirements.txt
	@VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

demo: $(READY) ## Start everything, land a sample, train, publish and look a prediction up
	@$(BIN)/landfall demo

# A stack for each of the two processes: about 4 GB each. A file stays in one process; the slow ones come first (tests/conftest.py).
test: test-fast ## The whole suite: what needs no servers, then the rest in two processes, each with a stack of real servers
	@$(BIN)/python -m pytest -m "stack or browser" -n 2 --dist loadfile --no-loadscope-reorder --durations=30 --durations-min=5

test-fast: $(READY) ## The tests that need no servers
	@$(BIN)/python -m pytest -m "not stack and not browser" -n 2 --dist loadscope

lint: $(READY) ## Lint, format, types, import contracts and the generated catalogue
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python docs/generate_dags.py --check

# In an environment of its own, as are the tools below: what makes the site is none of the project's requirements.
SITE := $(VENV)/site
$(SITE)/.ready: docs/requirements.txt $(READY)
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(SITE)
	@$(BIN)/uv pip install --quiet --python $(SITE)/bin/python --require-hashes -r docs/requirements.txt
	@touch $@

docs: $(SITE)/.ready ## The documents as a site, in dist/site; a broken link between its pages is an error
	@$(SITE)/bin/zensical build --strict --clean

wheel: $(READY) ## The jobs for other machines: a wheel and a zip of the same sources, in dist/
	@rm -rf dist
	@$(BIN)/python -m hatchling build --target wheel --directory dist
	@$(BIN)/python -m landfall.compute.shipping dist

# What the functions import besides the runtime's own boto3, with the hashes of requirements.txt, for x86_64 and Python 3.13.
LAMBDA_PACKAGES := asyncpg psycopg psycopg-binary typing-extensions tzdata
LAMBDA := dist/lambda
lambda: $(READY) ## The functions of AWS Lambda as one zip, in dist/: the lookup, and the one that starts runs; its size is printed
	@rm -rf $(LAMBDA) $(LAMBDA).zip && mkdir -p $(LAMBDA)
	@awk -v names=" $(LAMBDA_PACKAGES) " '/^[^ #]/ {name = $$0; sub(/[=\[ ].*/, "", name); on = index(names, " " name " ")} on && !/#/' requirements.txt > dist/lambda.txt
	@$(BIN)/uv pip install --quiet --require-hashes --no-deps --only-binary :all: --python-platform x86_64-manylinux2014 --python-version 3.13 --target $(LAMBDA) -r dist/lambda.txt
	@cp -r include/landfall spark_jobs $(LAMBDA)/
	@find $(LAMBDA) -name __pycache__ -prune -exec rm -r {} + ; rm -rf $(LAMBDA)/bin
	@cd $(LAMBDA) && $(CURDIR)/$(BIN)/python -m zipfile -c ../lambda.zip ./*
	@$(BIN)/python -c 'import pathlib, sys; size = pathlib.Path(sys.argv[1]).stat().st_size; print(f"{sys.argv[1]}: {size / 1e6:.1f} MB")' $(LAMBDA).zip

template: $(READY) ## Check template.yaml, the AWS SAM template of the functions
	@$(BIN)/uv tool run --quiet cfn-lint==1.58.0 template.yaml

PIN := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-header --generate-hashes --no-emit-index-url
pins: $(READY) ## Resolve pyproject.toml and requirements.in, for Python 3.11 to 3.13 at once, into requirements.txt, and write down the hash of everything that is fetched
	@$(PIN) pyproject.toml --all-extras requirements.in -o requirements.txt
	@echo minilake==1.9.0 | $(PIN) --no-annotate - -o include/landfall/stack/minilake.txt
	@echo zensical==0.0.73 | $(PIN) --no-annotate - -o docs/requirements.txt
	@$(BIN)/python -m landfall.stack.record_jars

# Both run in an environment of their own: what looks at the packages is not one of them.
audit: $(READY) ## Known vulnerabilities of the pinned packages; asks a service on the network, and fails where it is out of reach
	@$(BIN)/uv tool run pip-audit==2.10.1 --strict --disable-pip --require-hashes -r requirements.txt
	@$(BIN)/uv tool run pip-audit==2.10.1 --strict --disable-pip --require-hashes -r include/landfall/stack/minilake.txt
	@$(BIN)/uv tool run pip-audit==2.10.1 --strict --disable-pip --require-hashes -r docs/requirements.txt

sbom: $(READY) ## A bill of materials of packages and jars, CycloneDX JSON, in dist/
	@mkdir -p dist
	@$(BIN)/uv tool run --quiet --from cyclonedx-bom==7.5.0 cyclonedx-py requirements --output-reproducible --output-format JSON -o dist/packages.cdx.json requirements.txt
	@$(BIN)/python -m landfall.stack.bill dist/packages.cdx.json dist/landfall.cdx.json
	@rm dist/packages.cdx.json
	@$(BIN)/uv run --quiet --no-project --with 'cyclonedx-python-lib[json-validation]==11.12.0' python -I docs/validate_bill.py dist/landfall.cdx.json

image-digests: ## Lines for .env that pin the images of docker-compose.yaml to the digests that they have now; needs Docker and the network
	@grep -oE '^# LANDFALL_[A-Z0-9]+_IMAGE=.*' .env.example | sed 's/^# //' | while IFS='=' read -r name image; do \
	  digest=$$(docker buildx imagetools inspect "$$image" --format '{{.Manifest.Digest}}') || exit 1; \
	  echo "$$name=$$image@$$digest"; done

clean: ## Stop the stack and remove its state (what landed, what was published) and the environment
	@[ ! -x $(BIN)/landfall ] || $(BIN)/landfall down
	rm -rf .landfall $(VENV)
