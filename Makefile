# Two commands matter: `make quickstart` and `make test`. Both set up .venv first; both may be run twice, from any path.
PYTHON ?= python3
PY := .venv/bin/python
STAMP := .venv/.installed
DOCS_PY := .venv-docs/bin/python
DOCS_STAMP := .venv-docs/.installed
WANTED := $(shell cat requirements.txt pyproject.toml 2>/dev/null | cksum | cut -d' ' -f1) $(CURDIR)
DOCS_WANTED := $(shell grep '^docs = ' pyproject.toml 2>/dev/null | cksum | cut -d' ' -f1) $(CURDIR)

.PHONY: quickstart test golden sweep acceptance attack lint docs bench container-check release-check lowest lock setup clean

quickstart: setup
	$(PY) -m igr_suite.cli.main run igr/table_1_vae_likelihood --scale quick --data mnist_5k

test: setup
	$(PY) -m ruff check .
	$(PY) -m mypy
	$(PY) -m pytest -n 2 --dist loadfile --no-loadscope-reorder

# Writes tests/golden/*.json again, on purpose: CONTRIBUTING.md, "When results change".
golden: setup
	$(PY) -m pytest -n 2 --dist loadfile --rewrite-golden

sweep: setup
	$(PY) -m pytest -m sweep

# Scripts as users would write them over every registered name, in one process, from a folder outside the checkout. PYTHON_OF
# is where igr_suite is installed, by default here; SCRIPTS is the scripts' folder. ONLY="own_dreg" or ONLY="vae --only disarm".
SCRIPTS ?= ../shared/acceptance
PYTHON_OF ?= $(CURDIR)/$(PY)
acceptance: setup
	cd /tmp && $(PYTHON_OF) $(CURDIR)/tests/acceptance $(abspath $(SCRIPTS)) $(ONLY)

# Kills, races, full disks, damaged and hostile folders; writes the table of docs/reliability.md. ATTACK="--every 8 --kills 2" does less.
attack: setup
	$(PY) tests/attack $(ATTACK)

lint: setup
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy

# Builds the documentation into site/; any warning is an error. The environment holds only the extra `docs`: the
# docstrings are read, not imported. Needs network the first time.
docs:
	@if [ "$$(cat '$(DOCS_STAMP)' 2>/dev/null)" != "$(DOCS_WANTED)" ]; then \
	  $(PYTHON) -m venv --clear .venv-docs \
	  && echo "installing the extra [docs] into .venv-docs" \
	  && $(DOCS_PY) -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["docs"], sep="\n")' > .venv-docs/docs.txt \
	  && $(DOCS_PY) -m pip install --quiet --disable-pip-version-check -r .venv-docs/docs.txt \
	  && echo "$(DOCS_WANTED)" > '$(DOCS_STAMP)'; \
	fi
	NO_MKDOCS_2_WARNING=1 $(DOCS_PY) -m mkdocs build --strict

bench: setup
	$(PY) benchmarks/vae_step.py

# Runs %post and %test of singularity.def in a clean Debian root; needs root, debootstrap and network.
container-check:
	$(PYTHON) .ci/container_check.py

# Builds wheel and source archive, checks them, and uses the wheel in an environment of its own. Needs network.
release-check:
	$(PYTHON) .ci/release_check.py

# The library's parts, and a run of every family, with the oldest versions that pyproject.toml allows. Needs network.
lowest:
	$(PYTHON) .ci/lowest.py

# Writes requirements.txt and requirements-gpu.txt again: hashes of the pins that are there, or with FRESH=1 new pins. Needs network.
lock:
	$(PYTHON) .ci/lock.py $(if $(FRESH),--fresh)

# The stamp holds the checksum of the pins and the path of the checkout: a new pin or a moved checkout installs again.
# pip takes no file whose hash is not in requirements.txt. What builds the packages without wheels comes first, or pip would fetch another.
setup:
	@if [ "$$(cat '$(STAMP)' 2>/dev/null)" != "$(WANTED)" ]; then \
	  $(PYTHON) -c 'import sys; v = sys.version_info[:2]; ok = (3, 11) <= v <= (3, 13); ok or sys.exit("igr_suite needs Python 3.11, 3.12 or 3.13, got %d.%d: run make PYTHON=python3.12" % v)' \
	  && $(PYTHON) -m venv --clear .venv \
	  && echo "installing the pinned requirements into .venv (about a minute)" \
	  && awk '/^[A-Za-z]/ { on = /^setuptools==/ } on' requirements.txt > .venv/build.txt \
	  && $(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r .venv/build.txt \
	  && $(PY) -m pip install --quiet --disable-pip-version-check --require-hashes --no-build-isolation -r requirements.txt \
	  && $(PY) -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable . \
	  && echo "$(WANTED)" > '$(STAMP)'; \
	fi

clean:
	rm -rf .venv .venv-docs .venv-lowest site
