# The verbs of this house; each is one line of ./packshot, which sets itself up.
.DEFAULT_GOAL := help
.PHONY: help setup up test test-fast check bench

help: ## List the verbs
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Install everything into .venv
	./packshot --help > /dev/null

up: ## Run the main job on embedded Postgres and Valkey
	./packshot up

test: ## Run every test
	./packshot test

test-fast: ## Run the tests that need no server
	./packshot test tests/unit tests/architecture

check: ## Lint, format, types, import rules, architecture tests
	./packshot check

bench: ## Measure every figure that has a target
	for name in store imaging edge start; do ./packshot bench $$name || exit 1; done
