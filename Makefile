# What one does with kaas from a clone. Every target is one line here; what it does in full stands in scripts/.
# ARGS= hands arguments on: make demo ARGS="--data-dir /tmp/kaas"

.DEFAULT_GOAL := help
.PHONY: help demo test lint bench planted-bugs fuzz advisories

help: ## Lists the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## Plays a cluster's life from request to teardown in this terminal, on this machine
	@scripts/demo $(ARGS)

test: ## Runs all tests
	@scripts/test $(ARGS)

lint: ## Checks format, lints, documentation, dependencies and the terraform files
	@scripts/lint

bench: ## Measures kaas on this machine
	@cargo bench --locked $(ARGS)

planted-bugs: ## Plants one bug after the other and sees that the tests notice each
	@tests/planted-bugs/run $(ARGS)

fuzz: ## Fuzzes each target for a minute (EACH=60); needs cargo-fuzz and a nightly toolchain
	@scripts/fuzz $(ARGS)

advisories: ## Asks the RustSec database about the dependencies; needs the network
	@scripts/cargo-deny check advisories
