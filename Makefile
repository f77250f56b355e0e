# What one types. "make" alone lists the targets.

GOLANGCI := v2.15.0
FUZZTIME := 5s
LINT     := bin/golangci-lint-$(GOLANGCI)

# The version names its commit where git can be asked.
VCS := $(shell git rev-parse HEAD >/dev/null 2>&1 && echo auto || echo false)
export GOFLAGS += -buildvcs=$(VCS)

.DEFAULT_GOAL := help
.PHONY: help run build test race vet fmt lint fuzz bench interop cover clean hints

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-7s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: build ## build, then start the demo and print where to click
	bin/cloakroom demo

build: ## build the static binary bin/cloakroom
	CGO_ENABLED=0 go build -o bin/cloakroom ./cmd/cloakroom

test: hints ## run all tests; what needs PostgreSQL or Chromium is skipped where they are missing
	CGO_ENABLED=0 go test -timeout 20m ./...

hints:
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null || \
		[ -n "$$CLOAKROOM_TEST_POSTGRES" ] || echo "PostgreSQL is not installed, its tests are skipped: apt-get install postgresql"
	@for b in chromium chromium-browser google-chrome google-chrome-stable; do command -v $$b >/dev/null && exit; done; \
		echo "Chromium is not installed, the browser tests are skipped: apt-get install chromium"

# The translated C of SQLite is left out: it holds no race of ours, and the detector makes it several times slower.
race: ## run all tests under the race detector (needs a C compiler)
	CGO_ENABLED=1 go test -race -gcflags='modernc.org/...=-race=false' -timeout 25m ./...

vet: ## go vet, and say which files are not gofmt-ed
	go vet ./...
	@unformatted=$$(gofmt -l broker cmd config providers store templates); \
		[ -z "$$unformatted" ] || { echo "not gofmt-ed, run make fmt:"; echo "$$unformatted"; exit 1; }

fmt: ## gofmt everything
	gofmt -w broker cmd config providers store templates

lint: $(LINT) ## golangci-lint, built from the Go module proxy at first use
	$(LINT) run

$(LINT):
	GOBIN=$(CURDIR)/bin go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI)
	mv bin/golangci-lint $@

fuzz: ## run every fuzz target for FUZZTIME (5s)
	@for file in $$(grep -rl --include='*_test.go' '^func Fuzz' broker config providers store templates); do \
		for name in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' $$file); do \
			echo "$$name in $$(dirname $$file)"; \
			go test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) ./$$(dirname $$file) || exit 1; \
		done; \
	done

bench: ## run the benchmarks
	go test -run '^$$' -bench . -benchmem ./...

interop: ## sign in through SimpleSAMLphp and others, to Apache and others, and run axe over every page; installs them from Debian and npm
	cmd/cloakroom/interop/install
	go vet -tags interop ./cmd/cloakroom/interop
	go test -tags interop -count=1 -v -timeout 40m ./cmd/cloakroom/interop

cover: ## tell how much of the code the tests reach, and write cover.out
	go test -coverpkg=./... -coverprofile=cover.out ./...
	@go tool cover -func=cover.out | tail -n 1

clean: ## remove what was built
	rm -rf bin cover.out
