# Needs python3 (3.11 to 3.13) and pip; everything else comes into .venv, see tools/install.py.
# Another Python: make PYTHON=python3.12 install. Arguments for pytest: make test ARGS="-k stories".
PYTHON ?= python3
CONFIG ?=
ENGINE ?= $(firstword $(foreach engine,docker podman buildah,$(if $(shell command -v $(engine)),$(engine))))
IMAGE ?= source-asana:dev
# Times in the image are the commit's, so that the same commit gives the same layers. Docker takes them for what
# it says about the image; whether its layers have them depends on its builder.
EPOCH = $(shell git log -1 --format=%ct 2>/dev/null || echo 0)
docker_times = --build-arg SOURCE_DATE_EPOCH=$(EPOCH)
# The tests of parts, of words and of docs: all that needs no sync.
QUICK = $(addprefix unit_tests/,components contract core cursors exports fields http parents tasks)
TIMES = $(or $($(notdir $(ENGINE))_times),--timestamp $(EPOCH))

.DEFAULT_GOAL := help
.PHONY: help install lint fix quick test test-slow test-warehouse test-lowest test-newest test-pyairbyte demo try \
	live bench docs builder image release pyairbyte warehouse example dashboard clean

help: ## Say what there is.
	@sed -n 's/^\([a-z-]*\):.*## /\1|/p' $(MAKEFILE_LIST) | while IFS='|' read -r name text; do \
		printf '%-22s%s\n' "make $$name" "$$text"; done

install: .venv/.installed ## Create .venv with the locked versions.

.venv/.installed: poetry.lock pyproject.toml tools/install.py
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || { \
		echo 'Python 3.11, 3.12 or 3.13 is needed: make PYTHON=/path/to/python3.12 $(MAKECMDGOALS)'; \
		exit 1; }
	@$(PYTHON) tools/install.py

pyairbyte: ## Create .venv-pyairbyte, where PyAirbyte runs the examples; 600 MB, not for Python 3.13.
	@$(PYTHON) tools/install.py --venv .venv-pyairbyte --group pyairbyte

warehouse: ## Create .venv-dbt, where dbt and its adapters run; 1.1 GB.
	@$(PYTHON) tools/install.py --venv .venv-dbt --requirements integration_tests/warehouse/requirements.txt

lint: install ## Check format, lint, types, and that generated files are current.
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/python -m tools.dictionary --check
	.venv/bin/python -m tools.docs --check
	.venv/bin/python -m tools.erd --check
	.venv/bin/python -m tools.dbt_docs --check
	.venv/bin/python -m tools.builder --check
	.venv/bin/python -m tools.licences --check
	.venv/bin/python -m tools.metadata
	.venv/bin/hadolint Dockerfile
	@if [ -d ../shared ]; then echo '.venv/bin/python -m tools.schemas --check'; \
		.venv/bin/python -m tools.schemas --check; \
		else echo 'schemas not compared: the API description is not here (../shared)'; fi

fix: install ## Format, and fix what ruff can fix.
	.venv/bin/ruff check --fix-only .
	.venv/bin/ruff format .

quick: install ## Run the tests of the parts, under a minute: for the inner loop.
	.venv/bin/python -m pytest -n 4 $(QUICK) $(ARGS)

test: install ## Run the tests, without the slow ones.
	.venv/bin/python -m pytest -n 4 $(ARGS)

test-slow: install ## Run the tests that `make test` leaves out, as they take minutes.
	.venv/bin/python -m pytest -m slow --timeout 600 $(ARGS)

test-warehouse: install warehouse ## Test the dbt package on DuckDB and PostgreSQL, which must be installed.
	.venv/bin/python -m pytest -n 2 --dist loadfile --timeout 900 integration_tests/warehouse $(ARGS)

test-lowest: ## Run the tests with the lowest versions that pyproject.toml allows, in .venv-lowest.
	@$(PYTHON) -m tools.bounds lowest
	.venv-lowest/bin/python -m pytest $(ARGS)

test-newest: ## The same with the newest ones, in .venv-newest.
	@$(PYTHON) -m tools.bounds newest
	.venv-newest/bin/python -m pytest $(ARGS)

test-pyairbyte: install ## Run the example with PyAirbyte's newest version too, candidates of 1.0 included.
	@$(PYTHON) -m tools.bounds pyairbyte
	PYAIRBYTE_VENV=.venv-pyairbyte-next .venv/bin/python -m pytest -n 0 -m 'slow or not slow' integration_tests/test_pyairbyte.py $(ARGS)

demo: install ## Sync a made-up workspace twice and show what each sync cost.
	@.venv/bin/python -m tools.demo

try: install ## The same with a real account: CONFIG=file or ASANA_TOKEN; 50 requests to estimate, then MINUTES=5 a sync, or YES=1 for all.
	@.venv/bin/python -m tools.demo --real $(if $(MINUTES),--minutes $(MINUTES)) $(if $(YES),--all) $(CONFIG)

live: install ## Ask a real account where Asana differs from what is believed: docs/live.md. CONFIG as above.
	@.venv/bin/python -m tools.probe $(if $(CONFIG),--config $(CONFIG)) $(if $(WAIT),--wait $(WAIT))

bench: install ## Measure speed and memory against the CDK's stock parts.
	.venv/bin/python -m benchmarks $(ARGS)

docs: install ## Write the data dictionary into the schemas, and the generated parts of docs/.
	.venv/bin/python -m tools.dictionary
	.venv/bin/python -m tools.docs
	.venv/bin/python -m tools.erd
	.venv/bin/python -m tools.dbt_docs

example: install warehouse ## Draw docs/flow.svg: the cumulative flow of a made-up project, by sync and dbt.
	.venv/bin/python -m examples.cumulative_flow $(ARGS)

dashboard: install warehouse ## Write dashboard.html of a made-up workspace, or of the streams in DUCKDB=file (SCHEMA=main).
	@[ -n '$(DUCKDB)' ] || .venv/bin/python -m examples.sandbox_tables .demo/dashboard.duckdb
	@.venv-dbt/bin/python examples/dashboard.py $(or $(DUCKDB),.demo/dashboard.duckdb) dashboard.html $(SCHEMA)

builder: install ## Derive the manifest for Airbyte's Connector Builder (docs/airbyte-cloud.md).
	.venv/bin/python -m tools.builder

image: ## Build the image with docker, podman or buildah.
	@[ -n '$(ENGINE)' ] || { echo 'No image: docker, podman or buildah is needed'; exit 1; }
	$(ENGINE) build $(TIMES) -f Dockerfile -t $(IMAGE) .

release: install ## Check versions; build wheel, sdist, bill of materials, hashes and image.
	.venv/bin/python -m tools.release
	@$(MAKE) --no-print-directory image IMAGE=source-asana:$$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml) \
		|| { echo 'Wheel, sdist, bill of materials and hashes are in dist/. The image was not built; the reason is above.'; exit 1; }

clean: ## Remove everything that can be made again.
	rm -rf .venv .venv-* .demo .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
