# Entry points of the project: `make` lists them. The commands themselves are in scripts/.
.DEFAULT_GOAL := help
.PHONY: help demo up down status logs restart reset test bench check build fmt install instructions asyncapi release-schemas
SHELL := /bin/bash

# The Cargo profile of the stack's binaries: dev or release.
PROFILE ?= dev

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## install, build and start the stack, run the end-to-end journey, leave the stack running (PROFILE=release)
	@scripts/demo --profile '$(PROFILE)'

up: ## install, build and start the stack, wait until it is ready (PROFILE=release for optimised binaries)
	@scripts/up --profile '$(PROFILE)'

down: ## stop the stack; data is kept
	@scripts/stack dev down

status: ## state, readiness and address of each part
	@scripts/stack dev status

logs: ## follow the logs (SERVICE=order for one part)
	@scripts/stack dev logs $(SERVICE)

restart: ## restart one part (SERVICE=order), with the profile of the last `make up`
	@scripts/stack dev restart $(SERVICE)

reset: ## stop the stack and delete its data
	@scripts/stack dev reset

test: ## run all tests against a fresh stack of their own (ARGS='-p order-service' for some)
	@scripts/test $(ARGS)

bench: ## measure the event bus against reference implementations (ARGS='--only produce' for some)
	@scripts/bench $(ARGS)

check: ## format, lints, dependencies, documentation, scripts
	@scripts/check

build: ## build all binaries (PROFILE=release for optimised ones)
	@scripts/build --profile '$(PROFILE)'

fmt: ## format the code
	@cargo fmt --all

instructions: ## count the instructions of the event bus's hot paths and compare with the stored counts
	@scripts/instructions

asyncapi: ## write proto/asyncapi.json, the AsyncAPI document of all topics and event types
	@cargo run --quiet -p events --example contracts -- asyncapi

release-schemas: ## record the current schemas as released: later versions must stay compatible
	@cargo run --quiet -p events --example contracts -- release

install: ## install missing system packages, Kafka and the schema registry
	@scripts/install
