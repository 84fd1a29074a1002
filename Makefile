# Two commands are complete on a fresh machine that has make and Python 3.11 or newer:
#     make demo      make test
# Everything goes into .venv; the only network is pip.

PYTHON ?= python3
MINUTES ?= 10
BASE ?= HEAD
BENCH ?= .
COMMITS ?= 10
LAYERS ?= .
TIERS ?= current
ONLY ?= .
UNET ?= 0.2
VENV := .venv
BIN := $(VENV)/bin
# No question is ever asked, and no version check slows a build down.
export PIP_NO_INPUT := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help demo test test-reference test-deep fuzz notebooks lint clean
.PHONY: bench bench-peers bench-models bench-compare bench-history dashboard

help: ## list the commands
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | \
	    while IFS='|' read -r name what; do printf '%-22s%s\n' "$$name" "$$what"; done

demo: $(VENV)/installed ## classify handwritten digits in three precisions
	@$(BIN)/qd8 demo --out demo-output

test: $(VENV)/installed-test test-reference ## all tests, the notebooks included
	$(BIN)/python -m pytest -q
	@$(MAKE) --no-print-directory notebooks

test-reference: $(VENV)/installed-test ## the definition's own tests, which need NumPy only
	cd reference && ../$(BIN)/python -W error -m unittest discover -s tests

test-deep: $(VENV)/installed-test ## the large counts against LiteRT and the reference
	$(BIN)/python -m tests.deep
	$(BIN)/python -m tests.deep --path . --json build/deep-paths.json

fuzz: $(VENV)/installed-test ## MINUTES=n: damaged files, with a corpus that is kept
	$(BIN)/python -m tests.tflite.fuzz --minutes $(MINUTES)

# Jupyter and matplotlib keep their files in .venv: a home may be read-only, or hold
# a configuration that changes what a notebook does.
notebooks: export IPYTHONDIR := $(CURDIR)/$(VENV)/jupyter
notebooks: export JUPYTER_CONFIG_DIR := $(CURDIR)/$(VENV)/jupyter
notebooks: export JUPYTER_DATA_DIR := $(CURDIR)/$(VENV)/jupyter
notebooks: export MPLCONFIGDIR := $(CURDIR)/$(VENV)/jupyter
notebooks: $(VENV)/installed-notebooks ## run the notebooks
	$(BIN)/python -m pytest -q --nbmake notebooks/

lint: $(VENV)/installed-dev ## ruff and mypy
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

bench: $(VENV)/installed-bench ## BENCH=regex: the suite on this commit, results stored
	@$(BIN)/python -m asv_bench.run --bench '$(BENCH)'

bench-peers: $(VENV)/installed-peers ## LAYERS=regex TIERS=all ISA=avx2: other engines
	@$(BIN)/python -m asv_bench.peers --layers '$(LAYERS)' --tiers '$(TIERS)' \
	    $(if $(ISA),--peer-isa $(ISA))

bench-models: $(VENV)/installed-peers ## ONLY=regex UNET=1.0 ISA=avx2: whole models
	@$(BIN)/python -m asv_bench.models --only '$(ONLY)' --unet-width $(UNET) \
	    $(if $(MODELS),--models '$(MODELS)') $(if $(ISA),--peer-isa $(ISA))

bench-compare: $(VENV)/installed-bench ## BASE=rev: what got slower or changed bits
	@$(BIN)/python -m asv_bench.compare '$(BASE)' --only '$(BENCH)'

bench-history: $(VENV)/installed-bench ## COMMITS=n: the suite on past commits
	@$(BIN)/python -m asv_bench.history $(COMMITS) --bench '$(BENCH)'

dashboard: $(VENV)/installed-bench ## the stored results as pages with lines
	@$(BIN)/asv publish --config asv_bench/asv.conf.json
	@echo "To look: $(BIN)/asv preview --config asv_bench/asv.conf.json"

clean: ## remove the environment and what is compiled
	rm -rf $(VENV) demo-output bench-output .asv
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A changed pyproject.toml installs again into the same environment: pip adds what is
# new. `make clean` begins anew.
$(VENV)/installed: pyproject.toml | $(VENV)/created
	@echo "qd8: installing into $(VENV) (about a minute the first time)"
	@$(BIN)/python -m pip install -q -e .
	@touch $@

$(VENV)/installed-%: pyproject.toml | $(VENV)/created
	@echo "qd8: installing what '$*' needs into $(VENV)"
	@$(BIN)/python -m pip install -q -e '.[$*]'
	@touch $@

$(VENV)/created:
	@command -v $(PYTHON) >/dev/null || { \
	    echo "qd8 needs Python 3.11 or newer, and there is no '$(PYTHON)' here." >&2; \
	    echo "Install it, or name it: make demo PYTHON=/path/to/python3.11" >&2; \
	    exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "qd8 needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) -V 2>&1)." >&2; \
	    echo "Name a newer one: make demo PYTHON=/path/to/python3.11" >&2; \
	    exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	    echo "'$(PYTHON)' cannot make an environment: its module venv or ensurepip is missing." >&2; \
	    echo "Debian and Ubuntu: apt install python3-venv" >&2; \
	    exit 1; }
	@$(PYTHON) -m venv $(VENV)
	@touch $@
