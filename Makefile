# The two commands: make run, make test. They need Python 3.11 or newer, a C++ compiler and a package index.
# make run ARGS="scenarios"       another command of sparktop
# make run PYTHON=/path/python3   another interpreter
# SPARKTOP_CUDA=on|off|auto       llama.cpp for the GPU or not; auto looks at the machine

PYTHON ?= python3
ARGS ?=
export PYTHON
# Hundreds of processes are started: none should have to compile its modules again.
unexport PYTHONDONTWRITEBYTECODE
SET_UP = sh scripts/with-python.sh scripts/bootstrap.py
CHECKED = sparktop tests scripts $(wildcard training benchmarks)

.PHONY: run test check fix set-up wheel clean

run:
	@$(SET_UP)
	@.venv/bin/sparktop $(ARGS)

# Three at a time also where there are two cores: some tests do nothing but wait until a link that is down is given up.
# What measures time runs by itself, and again if it failed: a shared machine can be late once, what is slow is slow
# each time.
test: check
	.venv/bin/pytest --numprocesses 3 --dist loadfile -m "not alone"
	.venv/bin/pytest -m alone --reruns 2 --reruns-delay 3

check: set-up
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy $(CHECKED)
	.venv/bin/lint-imports --no-logo

fix: set-up
	.venv/bin/ruff check --fix
	.venv/bin/ruff format

set-up:
	@$(SET_UP) --dev

wheel: set-up
	.venv/bin/hatchling build --target wheel

clean:
	rm -rf .venv .uv dist build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
