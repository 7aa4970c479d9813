# `make help` says what there is to make. It all runs `cargo xtask`, which is
# where to read what a step does.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# Where fetched and built things are kept that outlive a clone.
ifeq ($(shell id -u),0)
OPENMAKE_CACHE ?= /var/cache/openmake
else ifeq ($(shell uname -s),Darwin)
OPENMAKE_CACHE ?= $(HOME)/Library/Caches/openmake
else
OPENMAKE_CACHE ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/openmake
endif
export OPENMAKE_CACHE

# CI works in a fresh clone every time: what it builds of others' code is kept
# beside the other fetched things.
ifeq ($(CI),true)
export CARGO_TARGET_DIR ?= $(OPENMAKE_CACHE)/ci-target
export CARGO_INCREMENTAL := 0
endif

TARGET := $(or $(CARGO_TARGET_DIR),target)
XTASK := cargo xtask

.PHONY: help
help: ## Say what there is to make
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-16s %s\n", $$1, $$2 }'

.PHONY: build
build: ## Build target/release/openmake, with the page in it
	$(XTASK) web
	cargo build --release --package openmake

.PHONY: run
run: build ## Build and start OpenMake on http://localhost:52416
	$(XTASK) postgres >/dev/null
	exec $(TARGET)/release/openmake serve $(ARGS)

.PHONY: demo
demo: ## Like run, with a scripted model server connected
	$(XTASK) demo -- $(ARGS)

.PHONY: test
test: ## Run everything that CI runs (PHASES="fmt clippy" for some of it)
	$(XTASK) test $(PHASES)

# With docker: `make images CONTAINERS=docker`.
CONTAINERS ?= $(if $(shell command -v docker),docker,podman)

.PHONY: images
images: ## Build the container images openmake and openmake-allinone
	$(CONTAINERS) build $(IMAGE_ARGS) --file deploy/Dockerfile --tag localhost/openmake:latest \
	  --build-arg REVISION="$$(git rev-parse --verify --quiet HEAD || true)" .
	$(CONTAINERS) build $(IMAGE_ARGS) --file deploy/Dockerfile.allinone --tag localhost/openmake-allinone:latest \
	  --build-arg OPENMAKE_IMAGE=localhost/openmake:latest .

.PHONY: test-containers
test-containers: ## Build the images and prove the compositions with podman (root; 15 minutes; ARGS=--help)
	python3 deploy/test $(ARGS)

.PHONY: test-real-model
test-real-model: ## Test against llama.cpp with a real model (builds it once: 15 minutes)
	$(XTASK) real-model

.PHONY: lighthouse
lighthouse: ## Ask Lighthouse about /login and /chat, in Chromium
	$(XTASK) lighthouse

.PHONY: screenshots
screenshots: ## Take the pictures in docs/screenshots anew
	$(XTASK) screenshots

.PHONY: bench
bench: ## Measure OpenMake and write docs/benchmarks.md (SMOKE=1 only sees that it runs; LITELLM=0; SCENARIOS="streams")
	$(XTASK) web
	$(XTASK) postgres >/dev/null
	cargo test --release --quiet --package bench
	cargo build --release --package bench --package openmake --package testkit
	$(TARGET)/release/bench $(SCENARIOS) --json $(TARGET)/bench.json \
	  $(if $(filter 1,$(SMOKE)),--smoke,$(if $(SCENARIOS),,--document docs/benchmarks.md)) \
	  $(if $(filter 0,$(LITELLM)),,--litellm "$$(bench/litellm.sh)")

.PHONY: advisories
advisories: ## Look for known vulnerabilities in dependencies (needs the network)
	$(XTASK) advisories

.PHONY: fmt
fmt: ## Format Rust and the web app
	cargo fmt --all
	cd web && npm run format

.PHONY: lint
lint: ## Run the linters
	$(XTASK) test fmt tidy web-lint web-types web-knip clippy

.PHONY: clean
clean: ## Remove what was built, but not what was fetched, and no data
	cargo clean
	rm -rf web/out web/.next web/node_modules
