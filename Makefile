# Two commands matter: `make demo` runs the main job, `make test` proves everything. Both do their own set-up.

CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/tokendocker
export PATH := $(CURDIR)/bin:$(CACHE)/bin:$(PATH)
export JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION := 20

.PHONY: demo test quick mutate fuzz kills setup build lint clean

build: ## bin/tokendocker
	@cd cmd/tokendocker && CGO_ENABLED=0 go build -trimpath -o ../../bin/tokendocker .

setup: ## says what is missing on this machine, installs and starts it
	@scripts/setup

demo: setup build ## rehearses examples/simple and shows what happened
	@scripts/demo

test: setup build ## every test, unit and end to end
	@scripts/test

quick: ## what one runs while working: no docker, no jsii
	@scripts/test -quick

mutate: setup ## breaks some sixty named places one at a time; each must turn its test red
	@go run ./scripts/mutate

fuzz: ## ten minutes for each parser and each seam; TIME=1m for less
	@scripts/fuzz $(TIME)

kills: setup ## kills fifty rehearsals at random times; each next one must succeed
	@cd cmd/tokendocker && go test ./rehearsals -run '^TestKills$$' -kills 50 -timeout 30m -v

bench: setup build ## the same images by npm's construct and by ours, and the engine itself: docs/benchmarks.md, docs/benchmarks-engine.md
	@go run ./bench
	@go run ./bench/engine

lint: ## the linters, pinned
	@scripts/lint

clean: ## what `build` made
	@rm -rf bin
