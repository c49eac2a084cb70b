# Each makes what it needs first, and nothing twice.
PYTHON ?= $(shell command -v python3.11 || echo python3)
PORT ?= 8000
# Empty: the user's data folder. Never the repository.
DATA ?=

# Some machines turn it off, and then each process that a site starts compiles every library again.
export PYTHONDONTWRITEBYTECODE :=

BIN := .venv/bin
INSTALLED := .venv/installed
CHROMIUM ?= $(shell command -v chromium || command -v chromium-browser || command -v google-chrome)
CATALOGS := $(wildcard locale/*/LC_MESSAGES/django.po)

.PHONY: setup run test lint bench messages screenshots lighthouse lock

run: setup
	@exec $(BIN)/python manage.py up --port $(PORT) $(if $(DATA),--data "$(DATA)")

setup: $(INSTALLED) $(CATALOGS:.po=.mo)

test: setup
	@test -n "$(CHROMIUM)" || { \
	  echo "The browser tests need Chromium. On Debian or Ubuntu: sudo apt-get install chromium" >&2; \
	  echo "Elsewhere, name it: make test CHROMIUM=/path/to/chromium" >&2; exit 1; }
	CHROMIUM="$(CHROMIUM)" $(BIN)/pytest --numprocesses=logical --maxprocesses=4 \
	  --dist=loadscope --no-loadscope-reorder

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: setup
	@$(BIN)/python -m tests.bench

# Texts of code and templates, into the files of translations.
messages: setup
	@$(BIN)/python manage.py messages

# Every page, into docs/screenshots. For the Chinese ones, have a font that knows Chinese.
screenshots: setup
	@CHROMIUM="$(CHROMIUM)" $(BIN)/python -m tests.showing.screenshots

# What Lighthouse thinks of the pages that most people see, into docs/lighthouse.md. Needs npm.
lighthouse: setup
	@CHROMIUM="$(CHROMIUM)" $(BIN)/python -m tests.showing.lighthouse

$(INSTALLED): pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { \
	  echo "Python 3.11 is needed. If it has another name: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { \
	  echo "$(PYTHON) is not Python 3.11; name one that is: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv --clear .venv || { \
	  echo "Python can't make a virtual environment. On Debian or Ubuntu: sudo apt-get install python3.11-venv" >&2; exit 1; }
	@echo "Installing the dependencies into .venv: a few minutes the first time"
	PIP_CONSTRAINT=constraints.txt $(BIN)/pip install --disable-pip-version-check --no-compile ".[dev]"
	@touch $@

%.mo: %.po $(INSTALLED)
	@$(BIN)/pybabel --quiet compile --input-file $< --output-file $@

# Newest versions that pyproject.toml allows, written to constraints.txt.
lock:
	$(PYTHON) -m venv --clear .venv
	$(BIN)/pip install --disable-pip-version-check ".[dev]"
	$(BIN)/pip freeze --all --exclude sdsite --exclude pip | sed 's/+cpu$$//' > constraints.txt
	touch $(INSTALLED)
