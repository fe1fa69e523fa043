# Two commands do everything: `make demo` and `make test`. `make help` lists the others.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
MUTANTS := .venv-mutants
BIN := $(VENV)/bin
PIP := $(BIN)/pip --disable-pip-version-check
ARGS ?=
# Hundreds of processes are started by the tests; each would compile the shop anew.
unexport PYTHONDONTWRITEBYTECODE

# The lock decides what is installed; the project itself is linked in without looking at any index.
# On a cold cache that takes a minute or two, so pip says each package as it comes.
define install
	@echo "Installing the locked dependencies of $(1) into $(VENV) (a minute or two, the first time)"
	@$(PIP) install --progress-bar off --require-hashes -r $(1)
	@echo "Linking the shop into $(VENV)"
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
endef

.PHONY: help demo test test-long test-live chromium quick watch check bench mutants screenshots styles lock messages clean

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/run ## Open the shop and its sandbox (ARGS="--port 8100 --sandbox-port 8101")
	@echo "Starting the shop and its sandbox"
	@exec $(BIN)/storefront demo $(ARGS)

test: $(VENV)/test chromium ## Everything: lint, types, import rules and all tests, browser ones included
	@$(MAKE) --no-print-directory check
	$(BIN)/python -m tests $(ARGS)

test-long: $(VENV)/test ## The model test for a hundred thousand steps, and requests generated from the sandbox's description
	$(BIN)/python -m pytest tests/model tests/contract/test_description.py --long $(ARGS)

test-live: $(VENV)/test ## What we expect of i'mport, asked of your test account (IMP_KEY, IMP_SECRET)
	$(BIN)/python -m pytest tests/live --live --tb=short $(ARGS)

# $CHROMIUM or whatever is on PATH; else Debian's own for root, else the one Playwright brings.
APT := DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends
chromium: $(VENV)/test
	@if [ -n "$$CHROMIUM" ] || command -v chromium-headless-shell >/dev/null \
	  || command -v chromium >/dev/null || command -v chromium-browser >/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  apt-get update -qq && { $(APT) chromium-headless-shell 2>/dev/null || $(APT) chromium; }; \
	else $(BIN)/playwright install chromium; fi

quick: $(VENV)/test ## The tests that need no browser
	$(BIN)/python -m pytest $(ARGS)

watch: $(VENV)/test ## The quick tests again whenever a file is saved, the failed ones first (ARGS=tests/unit)
	$(BIN)/watchfiles --filter all "$(BIN)/python -m pytest --failed-first --exitfirst $(ARGS)" storefront templates static tests

TEMPLATES := templates storefront/sandbox/templates
check: $(VENV)/test ## Lint, formatting, types and import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/djlint --check --lint $(TEMPLATES)
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/test ## Print speed and memory as ratios within one run
	$(BIN)/python -m tests.bench $(ARGS)

# The folder `mutants` remembers what has been tried; with the same files the next run goes on from there.
mutants: $(MUTANTS)/ready ## Change one thing at a time in billing/ and iamport/; a test has to notice (ARGS="storefront.iamport.lists*")
	$(MUTANTS)/bin/mutmut run $(ARGS)
	@$(MUTANTS)/bin/mutmut results | grep -v "not checked" || echo "Every change was noticed"

screenshots: $(VENV)/test chromium ## Take the pictures of the docs anew: light, dark, phone
	$(BIN)/python -m pytest --browser-tests tests/browser/screenshots.py

lock: ## Resolve the dependencies anew and pin them with hashes (needs uv)
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --custom-compile-command "make lock" --group build pyproject.toml -o requirements.txt
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --custom-compile-command "make lock" --group build --group test pyproject.toml -o requirements-test.txt
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --constraint requirements-test.txt \
	  --custom-compile-command "make lock" --group build --group test --group mutants pyproject.toml -o requirements-mutants.txt

messages: $(VENV)/test ## Collect the pages' texts and compile the translations
	$(BIN)/pybabel extract -F babel.cfg -k _l -k lazy_gettext --no-location --omit-header -o .messages.pot .
	$(BIN)/pybabel update -N --ignore-obsolete --ignore-pot-creation-date -i .messages.pot -d storefront/translations
	$(BIN)/pybabel compile -d storefront/translations
	rm -f .messages.pot

styles: $(VENV)/test ## Cut Bootstrap's stylesheet down to what the pages wear
	$(BIN)/python -m tests.stylesheet

clean: ## Remove what these commands made, the databases included
	rm -rf $(VENV) $(MUTANTS) mutants instance .pytest_cache .mypy_cache .ruff_cache .hypothesis test-results

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	@echo "Making a virtual environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV)

# Without the shop itself, which is imported from where it was changed.
$(MUTANTS)/ready: requirements-mutants.txt
	@$(PYTHON) -m venv $(MUTANTS)
	@echo "Installing the locked dependencies of $< into $(MUTANTS)"
	@$(MUTANTS)/bin/pip --disable-pip-version-check install --progress-bar off --require-hashes -r $<
	@touch $@

$(VENV)/run: $(BIN)/python requirements.txt pyproject.toml
	$(call install,requirements.txt)
	@touch $@

$(VENV)/test: $(BIN)/python requirements-test.txt pyproject.toml
	$(call install,requirements-test.txt)
	@touch $@ $(VENV)/run
