# The map of the project: `make` prints it. What a target does is in scripts/.
.DEFAULT_GOAL := help
.PHONY: help demo up down status logs restart reset test bench check build fmt install instructions asyncapi release-schemas
SHELL := /bin/bash

help: ## what can be done here
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## install, build, start everything, run the whole journey, leave it up
	@scripts/demo

up: ## install, build, start everything and wait until it is ready
	@scripts/up

down: ## stop everything; the data stays
	@scripts/stack dev down

status: ## what runs, and where
	@scripts/stack dev status

logs: ## follow the logs (SERVICE=order for one part)
	@scripts/stack dev logs $(SERVICE)

restart: ## restart one part (SERVICE=order)
	@scripts/stack dev restart $(SERVICE)

reset: ## stop everything and throw its data away
	@scripts/stack dev reset

test: ## all tests, against a fresh stack of their own (ARGS='-p order-service' for some)
	@scripts/test $(ARGS)

bench: ## the event bus measured beside its rivals (ARGS='--only produce' for some)
	@scripts/bench $(ARGS)

check: ## format, lints, dependencies, scripts
	@scripts/check

build: ## build all programs
	@scripts/build

fmt: ## format the code
	@cargo fmt --all

instructions: ## count the instructions of the bus's hot paths, and compare them with those kept
	@scripts/instructions

asyncapi: ## write proto/asyncapi.json, the document of all topics and types
	@cargo run --quiet -p events --example contracts -- asyncapi

release-schemas: ## keep today's schemas as released: whatever comes later has to be compatible with them
	@cargo run --quiet -p events --example contracts -- release

install: ## install what the local stack needs and the machine lacks
	@scripts/install
