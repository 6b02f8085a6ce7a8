# Esteira: make demo and make test need Go, git and a C compiler, and install the
# rest where they may. What a target does is in deploy/*.sh and deploy/stack.

.DEFAULT_GOAL := help
.PHONY: help setup build up down status clean demo python-trainer simulate test chaos lint bench

help: ## say what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## build and fetch the servers the stack runs, start nothing
	@deploy/stack.sh setup

build: ## build bin/esteira, bin/esteira-worker and bin/esteira-server
	@deploy/build.sh

up: ## start Postgres, MinIO and Temporal with its UI
	@deploy/stack.sh up

down: ## stop them; their data stay
	@deploy/stack.sh down

status: ## say what runs where
	@deploy/stack.sh status

clean: ## stop them and remove their data; what was built stays
	@deploy/stack.sh clean

demo: ## start everything, run the flights example, predict, trace
	@deploy/demo.sh

python-trainer: ## set up and start a trainer in Python, for examples/python-trainer
	@deploy/python-trainer.sh

simulate: ## live a year of late labels, drift and retraining in about six minutes, and draw it
	@bench/simulate.sh

test: ## run every test, on a stack of its own
	@deploy/test.sh

chaos: ## kill worker and server at every step boundary, takes about five minutes
	@deploy/test.sh chaos

lint: ## gofmt, go vet, staticcheck, workflowcheck, docker-compose.yml
	@deploy/lint.sh

bench: ## measure beside the peers, write bench/RESULTS.md
	@bench/run.sh
