# SPDX-License-Identifier: GPL-2.0-or-later
# A thin front to meson; `make help` says what there is. Settings: BUILD=folder, PREFIX=/usr,
# MESON_OPTIONS="-Dplayer=false", ARGS="..." for `make run`, STEPS="..." for `make check`.
BUILD = build
PREFIX = /usr/local
MESON_OPTIONS =
PROFILE = btrfs/demo
ARGS =
STEPS =

FSQA = $(BUILD)/src/cli/fsqa

all: build-packages program ## build it (installs what building needs, as root)

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 20

run: run-packages program ## install what is missing, build, run the demo; ARGS="--stage 003"
	$(FSQA) run $(PROFILE) $(ARGS)

check: check-packages ## everything that must hold before a change goes in; STEPS="unit e2e/050*"
	scripts/check $(STEPS)

check-long: long-packages ## the same, with long fuzzing and tests/long
	scripts/check --long $(STEPS)

fuzz: check-packages ## each fuzz target for FSQA_FUZZ_SECONDS (default: 60)
	FSQA_FUZZ_SECONDS=$${FSQA_FUZZ_SECONDS:-60} scripts/check fuzz

install: all ## install below DESTDIR; PREFIX=/usr is asked for when it is first built
	DESTDIR="$(DESTDIR)" meson install -C $(BUILD) --no-rebuild

clean: ## remove all that was built
	rm -rf $(BUILD)

# What `make run` and `make check` need is one list: scripts/packages.txt.
build-packages:
	@scripts/install-packages build

run-packages:
	@scripts/install-packages build run

check-packages:
	@scripts/install-packages build run check

long-packages:
	@scripts/install-packages build run check arm64 i386

$(BUILD)/build.ninja:
	meson setup --prefix=$(PREFIX) $(MESON_OPTIONS) $(BUILD)

# Always: ninja knows what is out of date.
program: $(BUILD)/build.ninja
	ninja -C $(BUILD)

# Packages first, then meson.
.NOTPARALLEL:
.PHONY: all help run check check-long fuzz install clean program
.PHONY: build-packages run-packages check-packages long-packages
