# Two commands are all a newcomer needs: `make demo` and `make test`. Each installs what it needs into
# this folder (.tools, .venv, .venv310) and touches nothing outside it.
PYTHON ?= python3
# uv finds an installed 3.10 by itself, but not one that pyenv has and has not put on the PATH.
PYTHON310 ?= $(or $(lastword $(wildcard $(HOME)/.pyenv/versions/3.10.*/bin/python3.10)),3.10)
UV_VERSION := 0.13.8
UV := .tools/bin/uv
BIN := .venv/bin
export UV_NO_PROGRESS = 1
export UV_LINK_MODE = copy

.PHONY: help demo test test-fast test-client test-server test-310 test-koapy lint format proto requirements bench notebook docs serve clean
.DEFAULT_GOAL := help

help:  ## what can be done here
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

$(UV):
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --target .tools uv==$(UV_VERSION)

# The notebook's side: Python 3.11 or later, everything in requirements.txt.
.venv/.ready: requirements.txt pyproject.toml | $(UV)
	$(UV) venv --quiet --clear --python '>=3.11,<3.15' .venv
	VIRTUAL_ENV=.venv $(UV) pip install --quiet --compile-bytecode --require-hashes -r requirements.txt
	VIRTUAL_ENV=.venv $(UV) pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

# The control's side: Python 3.10 without pandas, from the same file. Where no 3.10 is installed and none
# can be fetched, the stamp is not made and test-310 says so loudly.
.venv310/.ready: requirements.txt pyproject.toml | $(UV)
	@if $(UV) venv --quiet --clear --python "$(PYTHON310)" .venv310 2>.tools/venv310.log; then \
	  VIRTUAL_ENV=.venv310 $(UV) pip install --quiet --compile-bytecode --require-hashes -r requirements.txt && \
	  VIRTUAL_ENV=.venv310 $(UV) pip install --quiet --no-deps --no-build-isolation -e . && touch $@; \
	else mkdir -p .venv310; fi

demo: .venv/.ready  ## the main job on the simulated broker (MARKET_DATA=DIR: over given prices)
	$(BIN)/python scripts/demo.py

# Two at a time where make can keep their output apart: the suites share nothing.
TOGETHER := $(if $(filter output-sync,$(.FEATURES)),-j2 --output-sync=target)

test: lint  ## all of the tests
	@echo "$(if $(TOGETHER),The suites run two at a time; each is shown when it is over. That takes some minutes.)"
	@$(MAKE) $(TOGETHER) --no-print-directory test-client test-server test-310 test-koapy

test-fast: test-client test-server  ## the tests on 3.11 and later

test-client: .venv/.ready  ## those of the client, and the examples in docstrings
	$(BIN)/python -m pytest tests/koalab
	$(BIN)/python -m pytest --doctest-modules koalab kernel_server

test-server: .venv/.ready  ## those of the server and the simulated broker
	$(BIN)/python -m pytest --ignore tests/koalab

test-310: .venv310/.ready  ## the kernel server's tests on 3.10, Qt's main loop included
	@if [ -e .venv310/.ready ]; then QT_QPA_PLATFORM=offscreen .venv310/bin/python -m pytest tests/kernel_server tests/qt; \
	else echo "SKIPPED: the kernel server's tests on Python 3.10: no Python 3.10 here ($$(tail -1 .tools/venv310.log))"; fi

# KOAPY's last release needs Python 3.10 and libraries of its time, so it has a place of its own.
.venvkoapy/.ready: tests/koapy/requirements.txt | $(UV)
	@if $(UV) venv --quiet --clear --python "$(PYTHON310)" .venvkoapy 2>.tools/venvkoapy.log && \
	  VIRTUAL_ENV=.venvkoapy $(UV) pip install --quiet --compile-bytecode --require-hashes \
	    -r tests/koapy/requirements.txt 2>>.tools/venvkoapy.log; \
	then touch $@; else mkdir -p .venvkoapy; fi

test-koapy: .venv/.ready .venvkoapy/.ready  ## KOAPY's released client against the server
	@if [ -e .venvkoapy/.ready ]; then cd tests/koapy && KOALAB_SERVER_PYTHON=$(CURDIR)/$(BIN)/python QT_QPA_PLATFORM=offscreen \
	  $(CURDIR)/.venvkoapy/bin/python -m pytest -q -c /dev/null --rootdir . --confcutdir . -p no:cacheprovider --show-capture=no .; \
	else echo "SKIPPED: KOAPY's released client, which could not be installed ($$(tail -1 .tools/venvkoapy.log))"; fi

lint: .venv/.ready  ## formatting, lint, types, structure, and that generated code is current
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python scripts/check_structure.py
	$(BIN)/python scripts/proto.py --check

format: .venv/.ready  ## format and mend what ruff can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

proto: .venv/.ready  ## generate the wire code from proto/
	$(BIN)/python scripts/proto.py

requirements: | $(UV)  ## pin exact versions with hashes, one file for 3.10 and for 3.11 and later
	$(UV) pip compile --quiet --universal --python-version 3.10 --generate-hashes --all-extras \
	  --no-header --no-annotate pyproject.toml -o requirements.txt
	$(UV) pip compile --quiet --universal --python-version 3.10 --generate-hashes \
	  --no-header --no-annotate tests/koapy/requirements.in -o tests/koapy/requirements.txt

bench: .venv/.ready  ## the benchmarks, each against its floor in the same run
	$(BIN)/python -m bench

notebook: .venv/.ready  ## JupyterLab on notebooks/
	$(BIN)/jupyter lab notebooks

docs: .venv/.ready  ## the documentation, into docs/_build/html
	$(BIN)/sphinx-build -q -W -b html docs docs/_build/html

serve: .venv/.ready  ## a kernel server over the simulated broker on port 5943
	$(BIN)/python -m kernel_server --control simulated --port 5943

clean:  ## remove what was installed and built here
	rm -rf .tools .venv .venv310 .venvkoapy docs/_build build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis demo
