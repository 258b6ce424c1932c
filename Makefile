# make demo: set up, start a real model, ask it something. make test: set up and test.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: accuracy demo test test-setup setup lint engine fuzz docs bench

# What is installed is a copy, compiled where there is a C compiler; made anew when a source has changed.
SOURCES := pyproject.toml setup.py $(shell find src -type f -not -path '*/__pycache__/*' -not -path '*.egg-info/*')

define install
	$(PYTHON) -m venv $(VENV)
	rm -rf build
	$(BIN)/pip install --quiet '.[$(EXTRAS)]'
	@touch $@
endef

$(VENV)/.demo: EXTRAS := demo
$(VENV)/.demo: $(SOURCES)
	$(install)

demo: $(VENV)/.demo
	$(BIN)/launcher up demo --yes --ask "What is the capital of France?"

$(VENV)/.dev: EXTRAS := demo,dev
$(VENV)/.dev: $(SOURCES)
	$(install)
	@touch $(VENV)/.demo

setup: $(VENV)/.dev

# Tests that need Docker or llama.cpp are skipped where those are missing, and say so; see test-setup.
test: setup
	$(BIN)/python -m pytest

# The real parts of the end-to-end tests: llama.cpp, Docker, Compose, the server image (Debian, as root).
test-setup: engine
	scripts/docker.sh

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The reference pages and the picture that come from the code.
docs: setup
	$(BIN)/python scripts/docs.py
	$(BIN)/python scripts/terminal_picture.py > docs/terminal.svg

# The estimate, and the engine asked again, against every recorded dry run in ../shared/oracle, into
# docs/accuracy.md; fails when a promise is not kept, or an answer differs.
accuracy: setup
	$(BIN)/launcher accuracy --write docs/accuracy.md --engine-bin "$$(PYTHON=$(PYTHON) scripts/engine.sh)"

# The real llama.cpp, for tests and dry runs; prints the path of its binary.
engine:
	@PYTHON=$(PYTHON) scripts/engine.sh

# 100,000 damaged headers: each is read or refused, none slow, none hungry.
fuzz: setup
	$(BIN)/python tests/fuzz/fuzz_gguf.py

# Every benchmark, into docs/performance.md; fails when a limit is not kept.
bench: setup
	$(BIN)/python benchmarks > docs/performance.md
