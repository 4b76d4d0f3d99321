# SPDX-License-Identifier: GPL-2.0-or-later
# Everything starts here: `make run` judges the firmware, `make test` tests the bench; both do their own set-up.

PYTHON ?= python3
BOARD ?= an386
REPORT ?= report
DIST ?= dist

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
SUDO := $(if $(filter 0,$(shell id -u)),,sudo)

# What has to be on the machine, as "command:Debian package". Named here and nowhere else.
NEEDED := arm-none-eabi-gcc:gcc-arm-none-eabi gcc:gcc git:git
NEEDED_FOR_LINT := cppcheck:cppcheck
NEEDED_FOR_AFL := afl-fuzz:afl++ setpriv:util-linux
NEEDED_FOR_MSAN := clang:clang llvm-symbolizer:llvm
# The runtime is no command either, and its package has clang's version in its name.
HAS_RUNTIME := echo 'int main(void) { return 0; }' | clang -fsanitize=memory -x c -o /dev/null -
RUNTIME_PACKAGE := libclang-rt-$$(clang -dumpversion | cut -d . -f 1)-dev
NEEDED_FOR_GDB := gdb-multiarch:gdb-multiarch
NEEDED_FOR_QEMU := qemu-system-arm:qemu-system-arm setpriv:util-linux
# Looked for by other means than a command: the headers of Python and C, and the venv module.
PYTHON_PACKAGES := python3-dev python3-venv libc6-dev
HAS_HEADERS := import ensurepip; import sysconfig; open(sysconfig.get_path("include") + "/Python.h"); \
    open("/usr/include/stdint.h")

BOARDS := $(patsubst firmware/boards/%/machine.mk,%,$(wildcard firmware/boards/*/machine.mk))

.PHONY: help run test test-bench test-mutants test-all setup firmware wheel conform lint format generate fuzz fuzz-table fuzz-campaign bench lock clean toolchain lint-tools setup-afl setup-msan setup-gdb gdb-transcript \
    setup-qemu qemu-report boards matrix
.DEFAULT_GOAL := help

help: ## show the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: setup firmware ## set up, build the firmware, judge it clause by clause, write the report
	$(BIN)/hil conform --board $(BOARD) --report $(REPORT)

test: setup setup-afl setup-msan setup-gdb setup-qemu firmware boards ## set up and run the tests
	@$(MAKE) --no-print-directory -j2 test-bench test-mutants

# What the tests build themselves is not a part of this make's jobs.
ALONE := env -u MAKEFLAGS -u MFLAGS

test-bench:
	$(ALONE) $(BIN)/python -m pytest --ignore=tests/mutants --ignore=tests/planted

test-mutants: # firmware with a defect each: most of the time that the tests take, so beside the others
	$(ALONE) $(BIN)/python -m pytest tests/mutants tests/planted

test-all: setup setup-afl setup-msan setup-gdb setup-qemu firmware boards ## the same with the slow ones: the full nonce window, every vector
	$(BIN)/python -m pytest --full
	$(BIN)/hil conform --board $(BOARD) --full --report $(REPORT)

setup: toolchain $(READY) ## tools, Python environment, native core

firmware: toolchain ## build the images: release, debug, FIPS, sanitized; the hostile ones of the tests; the native library; the example
	@$(MAKE) --no-print-directory -C firmware BOARD=$(BOARD) BUILD=release all hostile
	@$(MAKE) --no-print-directory -C firmware BOARD=$(BOARD) BUILD=debug all hostile
	@$(MAKE) --no-print-directory -C firmware BOARD=$(BOARD) BUILD=fips
	@$(MAKE) --no-print-directory -C firmware BOARD=$(BOARD) BUILD=sanitize
	@$(MAKE) --no-print-directory -C firmware native
	@$(MAKE) --no-print-directory -C examples/polling_firmware

wheel: setup firmware ## a package with the images in it, for machines without a toolchain: dist/*.whl
	rm -rf build/wheel
	@# Python's own command for linking may name the folder in which it was built.
	LDSHARED='$(CC) -shared' $(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir $(DIST) .

boards: toolchain ## build the release image of every other board, which the tests boot
	@for board in $(filter-out $(BOARD),$(BOARDS)); do \
	    $(MAKE) --no-print-directory -C firmware BOARD=$$board build/$$board/release/service.elf || exit 1; done

matrix: setup firmware ## judge the contract on every board, write docs/matrix.md; about ten minutes
	@for board in $(filter-out $(BOARD),$(BOARDS)); do for build in release debug fips; do \
	    $(MAKE) --no-print-directory -C firmware BOARD=$$board BUILD=$$build all hostile || exit 1; done; done
	$(BIN)/hil matrix --document docs/matrix.md

lint: setup lint-tools ## every static check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m harness.protocol.generate --check
	$(BIN)/python -m emulator.generate --check
	$(BIN)/python -m harness.self_test_vectors --check
	$(BIN)/python -m harness.clause_table --check
	$(BIN)/clang-format --dry-run --Werror $(C_FILES)
	cppcheck --quiet --error-exitcode=1 --std=c11 --enable=warning,performance,portability --inline-suppr \
	    -I firmware -I firmware/include -I firmware/boards/$(BOARD) $(wildcard firmware/*/*.c)
	cppcheck --quiet --error-exitcode=1 --std=c11 --enable=warning,performance,portability --inline-suppr \
	    -I examples/polling_firmware -I firmware -I firmware/include $(wildcard examples/polling_firmware/*.c)

C_FILES := $(wildcard firmware/*/*.c firmware/*/*.h examples/*/*.[ch]) $(filter-out %/_core.c %/_engine.c,$(wildcard emulator/native/*.[ch] harness/fuzz/native/*.[ch]))

format: setup ## rewrite the sources in the house's style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/clang-format -i $(C_FILES)

generate: setup ## rewrite what comes from the tables: headers, linker memory, self-test answers, documentation
	$(BIN)/python -m harness.protocol.generate
	$(BIN)/python -m emulator.generate
	$(BIN)/python -m harness.self_test_vectors
	$(BIN)/python -m harness.clause_table

fuzz: setup setup-afl firmware ## fuzz the window for a minute with each engine; more by `hil fuzz --help`
	$(BIN)/hil fuzz --time 60
	$(BIN)/hil fuzz --time 60 --engine afl

bench: setup setup-afl setup-qemu firmware ## measure the promised figures
	@$(MAKE) --no-print-directory -C firmware native HOST_COVERAGE=1
	$(BIN)/hil bench

fuzz-table: setup setup-afl firmware ## hunt the planted bugs with each engine, about forty minutes; goes on where it ended
	$(BIN)/hil bench planted --document docs/planted-bugs.md

fuzz-campaign: setup setup-afl firmware ## fuzz all images with both engines for twenty minutes, write docs/campaign.md
	$(BIN)/hil bench campaign --document docs/campaign.md

gdb-transcript: setup setup-gdb firmware ## run the debugger's sessions of docs/debugger.md anew
	$(BIN)/python -m harness.debugging.transcript

qemu-report: setup setup-qemu firmware ## judge the firmware in QEMU and write docs/qemu.md
	$(BIN)/hil conform --target qemu --document docs/qemu.md

lock: setup ## pin the newest Python packages that fit
	$(BIN)/pip-compile --quiet --generate-hashes --allow-unsafe --no-emit-index-url --no-emit-find-links --strip-extras \
	    --extra dev --upgrade --output-file requirements.lock pyproject.toml

clean: ## remove what make has made
	rm -rf $(VENV) $(REPORT) $(DIST) build firmware/build examples/*/build emulator/native/_core.* harness/fuzz/native/_engine.* *.egg-info

# Installs what is missing, and asks for nothing when nothing is.
define install
	@missing=; for need in $(1); do command -v $${need%%:*} >/dev/null || missing="$$missing $${need##*:}"; done; \
	$(2) \
	if [ -n "$$missing" ]; then \
	    echo "installing:$$missing"; \
	    { $(SUDO) apt-get update -qq && $(SUDO) apt-get install -y -qq --no-install-recommends $$missing >/dev/null; } || \
	    { echo "make: could not install$$missing; install by hand and run make again" >&2; exit 2; }; \
	fi
endef

toolchain:
	$(call install,$(NEEDED),$(PYTHON) -c '$(HAS_HEADERS)' 2>/dev/null || missing="$$missing $(PYTHON_PACKAGES)";)

setup-afl: ## install AFL++, the engine for long campaigns, where it is missing
	$(call install,$(NEEDED_FOR_AFL),)

setup-msan: ## install clang with the memory sanitizer, for the native target, where it is missing
	$(call install,$(NEEDED_FOR_MSAN),)
	$(call install,,$(HAS_RUNTIME) 2>/dev/null || missing="$$missing $(RUNTIME_PACKAGE)";)

setup-gdb: ## install gdb for ARM, which the tests of `hil gdb` talk to, where it is missing
	$(call install,$(NEEDED_FOR_GDB),)

setup-qemu: ## install QEMU for Arm where it is missing
	$(call install,$(NEEDED_FOR_QEMU),)

lint-tools:
	$(call install,$(NEEDED_FOR_LINT),)

$(READY): requirements.lock pyproject.toml setup.py $(wildcard $(foreach folder,emulator/native harness/fuzz/native,$(folder)/*.[ch] $(folder)/*.py))
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "make: Python 3.11 or newer is needed")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	@# An editable install always warns of itself.
	PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@
