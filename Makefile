# Two commands are all a newcomer needs: `make demo` and `make test`. Each installs what it needs into
# this folder (.tools, .venv, .venv310) and touches nothing outside it.
PYTHON ?= python3
# uv finds an installed Python by itself, but not one that pyenv has and has not put on the PATH.
installed = $(or $(lastword $(wildcard $(HOME)/.pyenv/versions/$(1).*/bin/python$(1))),$(1))
PYTHON310 ?= $(call installed,3.10)
UV_VERSION := 0.13.8
UV := .tools/bin/uv
# `make test PYTHON_NOTEBOOK=3.13` runs the notebook's side on that version, in an environment of its own.
PYTHON_NOTEBOOK ?=
VENV := .venv$(if $(PYTHON_NOTEBOOK),-$(PYTHON_NOTEBOOK))
BIN := $(VENV)/bin
export UV_NO_PROGRESS = 1
export UV_LINK_MODE = copy
# The tests start a hundred servers, each of which would compile all of its modules again.
unexport PYTHONDONTWRITEBYTECODE
# In each process numpy would start threads that wait, busily, for matrices to multiply.
export OPENBLAS_NUM_THREADS ?= 1

.PHONY: help demo test test-quick test-fast test-client test-loading test-processes test-rest test-server test-long test-310 test-310-whole test-koapy test-browser test-ocx pictures lint format proto js requirements bench notebook docs serve clean
.DEFAULT_GOAL := help

help:  ## what can be done here
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

$(UV):
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --target .tools uv==$(UV_VERSION)

# The notebook's side: Python 3.11 or later, everything in requirements.txt.
$(VENV)/.ready: requirements.txt pyproject.toml | $(UV)
	$(UV) venv --quiet --clear --python '$(if $(PYTHON_NOTEBOOK),$(call installed,$(PYTHON_NOTEBOOK)),>=3.11,<3.15)' $(VENV)
	VIRTUAL_ENV=$(VENV) $(UV) pip install --quiet --compile-bytecode --require-hashes -r requirements.txt
	VIRTUAL_ENV=$(VENV) $(UV) pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

# The control's side: Python 3.10 without pandas, from the same file. Where no 3.10 is installed and none
# can be fetched, the stamp is not made and test-310 says so loudly.
.venv310/.ready: requirements.txt pyproject.toml | $(UV)
	@if $(UV) venv --quiet --clear --python "$(PYTHON310)" .venv310 2>.tools/venv310.log; then \
	  VIRTUAL_ENV=.venv310 $(UV) pip install --quiet --compile-bytecode --require-hashes -r requirements.txt && \
	  VIRTUAL_ENV=.venv310 $(UV) pip install --quiet --no-deps --no-build-isolation -e . && touch $@; \
	else mkdir -p .venv310; fi

demo: $(VENV)/.ready  ## the main job on the simulated broker (MARKET_DATA=DIR: over given prices)
	$(BIN)/python scripts/demo.py

# Four at a time where make can keep their output apart: the suites share nothing, and each waits for other processes
# for a third of its time, so four keep two cores busy. The longest come first.
TOGETHER := $(if $(filter output-sync,$(.FEATURES)),-j4 --output-sync=target)

# Each test writes small databases and waits for the disk, a third of its time, so they are in memory where there are two gigabytes for them.
IN_MEMORY = if [ -w /dev/shm ] && [ "$$(df -Pk /dev/shm | awk 'END {print $$4}')" -gt 2000000 ]; then \
  TMPDIR=$$(mktemp -d /dev/shm/koalab.XXXXXX); chmod 711 "$$TMPDIR"; export TMPDIR; trap 'rm -rf "$$TMPDIR"' EXIT; trap 'exit 130' INT TERM; fi;

PYTEST := -m pytest --durations=15
SHORT := -m "not long"
LOADING := tests/koalab/sessions tests/koalab/loaders tests/koalab/plans
PROCESSES := tests/koalab/transport tests/koalab/notebooks tests/koalab/commands

# What is quick and covers most: the parts by themselves, and a served session with what it needs.
QUICK := tests/kernel_server/scheduler tests/kernel_server/streams tests/kernel_server/reference tests/kernel_server/rpc \
  tests/simulated/base tests/simulated/exchange tests/simulated/test_tr_dispatch.py tests/simulated/test_login.py \
  tests/koalab/frames tests/koalab/store tests/koalab/sessions/test_accounts.py

test: $(VENV)/.ready .venv310/.ready .venvkoapy/.ready  ## all of the tests but the long ones (PYTHON_NOTEBOOK=3.13: on that version)
	@echo "$(if $(TOGETHER),The suites run four at a time; each is shown when it is over. That takes some minutes.)"
	@export KOALAB_TESTS=$${KOALAB_TESTS:-some}; $(IN_MEMORY) \
	$(MAKE) $(TOGETHER) --no-print-directory test-server test-processes test-loading test-rest lint test-310 docs test-koapy

test-quick: $(VENV)/.ready  ## the tests for the loop at the desk, under a minute
	$(BIN)/python $(PYTEST) -m "not slow and not long" $(QUICK)

test-fast: test-client test-server  ## the tests on 3.11 and later

test-client: test-loading test-processes test-rest  ## those of the client, and the examples in docstrings

test-loading: $(VENV)/.ready
	$(BIN)/python $(PYTEST) $(SHORT) $(LOADING)

test-processes: $(VENV)/.ready
	$(BIN)/python $(PYTEST) $(SHORT) $(PROCESSES)

test-rest: $(VENV)/.ready
	$(BIN)/python $(PYTEST) $(SHORT) --doctest-modules tests/koalab $(LOADING:%=--ignore %) $(PROCESSES:%=--ignore %) koalab kernel_server

test-server: $(VENV)/.ready  ## those of the server and the simulated broker
	$(BIN)/python $(PYTEST) $(SHORT) --ignore tests/koalab --ignore tests/browser --ignore tests/ocx

test-long: $(VENV)/.ready  ## the trials that are long by nature, which `make test` leaves out, and all examples of property tests
	$(BIN)/python $(PYTEST) -m "long or hypothesis" --ignore tests/browser --ignore tests/ocx

# What differs between two Pythons shows in a few examples as in many, and `make test` draws many on the other.
PYTEST310 = if [ -e .venv310/.ready ]; then QT_QPA_PLATFORM=offscreen .venv310/bin/python $(PYTEST) $(1) tests/kernel_server tests/qt; \
  else echo "SKIPPED: the kernel server's tests on Python 3.10: no Python 3.10 here ($$(tail -1 .tools/venv310.log))"; fi

test-310: .venv310/.ready  ## the kernel server's tests on 3.10 with few examples, Qt's main loop included
	@export KOALAB_TESTS=few; $(call PYTEST310,-m "not slow and not long")

test-310-whole: .venv310/.ready  ## the same with slow tests and all examples
	@$(call PYTEST310,$(SHORT))

# KOAPY's last release needs Python 3.10 and libraries of its time, so it has a place of its own.
.venvkoapy/.ready: tests/koapy/requirements.txt | $(UV)
	@if $(UV) venv --quiet --clear --python "$(PYTHON310)" .venvkoapy 2>.tools/venvkoapy.log && \
	  VIRTUAL_ENV=.venvkoapy $(UV) pip install --quiet --compile-bytecode --require-hashes \
	    -r tests/koapy/requirements.txt 2>>.tools/venvkoapy.log; \
	then touch $@; else mkdir -p .venvkoapy; fi

KOAPY_TESTS := cd tests/koapy && KOALAB_SERVER_PYTHON=$(CURDIR)/$(BIN)/python QT_QPA_PLATFORM=offscreen \
  $(CURDIR)/.venvkoapy/bin/python $(PYTEST) -q -c /dev/null --rootdir . --confcutdir . -p no:cacheprovider --show-capture=no .

test-koapy: $(VENV)/.ready .venvkoapy/.ready  ## KOAPY's released client against the server
	@if [ -e .venvkoapy/.ready ]; then $(KOAPY_TESTS); \
	else echo "SKIPPED: KOAPY's released client, which could not be installed ($$(tail -1 .tools/venvkoapy.log))"; fi

test-browser: $(VENV)/.ready  ## the widgets in JupyterLab, Notebook 7 and VS Code's widget manager, in Debian's Chromium; screenshots in build/browser
	@if reason=$$($(BIN)/python scripts/browser.py); then \
	  $(BIN)/python $(PYTEST) --timeout 280 --session-timeout 1500 tests/browser; \
	else echo "SKIPPED: the widgets in a browser: $$reason"; fi

test-ocx: $(VENV)/.ready .venv310/.ready .venvkoapy/.ready  ## the OCX host in a Windows Python under Wine, over a control of ours
	@reason=$$($(BIN)/python -m scripts.ocx); case $$? in \
	0) KOALAB_CONFORMANCE=simulated,ocx $(BIN)/python $(PYTEST) -rs --timeout 600 --session-timeout 3000 tests/conformance tests/ocx;; \
	1) echo "SKIPPED: the OCX host under Wine: $$reason";; \
	*) echo "$$reason"; exit 1;; esac

pictures: $(VENV)/.ready  ## pictures of the widgets for README and documentation, over the simulated broker
	PYTHONPATH=$(CURDIR) $(BIN)/python scripts/pictures.py

lint: $(VENV)/.ready  ## formatting, lint, types, structure, and that generated code is current
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python scripts/check_structure.py
	$(BIN)/python scripts/proto.py --check

format: $(VENV)/.ready  ## format and mend what ruff can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

proto: $(VENV)/.ready  ## generate the wire code from proto/
	$(BIN)/python scripts/proto.py

# Packages come from the registry that npm is configured for; the lock names none. Install scripts do not run.
js:  ## build the live chart's script of its source and libraries, from js/
	npm ci --prefix js --ignore-scripts --no-audit --no-fund --silent
	npm run --prefix js --silent build

requirements: | $(UV)  ## pin exact versions with hashes, one file for 3.10 and for 3.11 and later
	$(UV) pip compile --quiet --universal --python-version 3.10 --generate-hashes --all-extras \
	  --no-header --no-annotate pyproject.toml -o requirements.txt
	$(UV) pip compile --quiet --universal --python-version 3.10 --generate-hashes \
	  --no-header --no-annotate tests/koapy/requirements.in -o tests/koapy/requirements.txt

bench: $(VENV)/.ready  ## the benchmarks, each against its floor in the same run
	$(BIN)/python -m bench

notebook: $(VENV)/.ready  ## JupyterLab on notebooks/
	$(BIN)/jupyter lab notebooks

docs: $(VENV)/.ready  ## the documentation, into docs/_build/html
	$(BIN)/sphinx-build -q -W -b html docs docs/_build/html

serve: $(VENV)/.ready  ## a kernel server over the simulated broker on port 5943
	$(BIN)/python -m kernel_server --control simulated --port 5943

clean:  ## remove what was installed and built here
	rm -rf .tools .venv .venv-* .venv310 .venvkoapy docs/_build build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis demo
