# make dream             dreams the project's own example picture
# make test              runs the tests
# make test-containers   builds the image and the virtual machine's root, and tries them; some ten minutes
# make browser           builds the page that is one file, browser/dist/dreamify.html; it needs npm
# make lint-browser      type checks, lints and checks the format of what is in browser/
# make bench             measures time and memory, into docs/bench.json and docs/bench.svg; a quarter of an hour
# They make .venv first, with the pinned requirements. PYTHON, PIP_ARGS, DREAM_ARGS and BENCH_ARGS (--quick) can be set on
# the command line.

PYTHON ?= python3
PIP_ARGS ?=
DREAM_ARGS ?=
BENCH_ARGS ?=
BIN = .venv/bin

.PHONY: dream test test-containers browser lint-browser bench lint clean

dream: .venv/.ready
	$(BIN)/python dreamify.py examples/clouds.jpg clouds-dream.png $(DREAM_ARGS)
	@echo "The dream of examples/clouds.jpg is in clouds-dream.png"

# A process a core, with one thread each: threads that wait for each other awake would slow the others down.
test: .venv/.ready-dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n logical --dist loadfile --no-loadscope-reorder

test-containers: .venv/.ready-dev
	$(BIN)/python -m pytest -rs tests/containers

browser: browser/node_modules/.ready
	cd browser && npm run --silent build

lint-browser: browser/node_modules/.ready
	cd browser && npm run --silent lint

bench: .venv/.ready-dev
	$(BIN)/python -m benchmarks $(BENCH_ARGS)

lint: .venv/.ready-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/vermin --quiet --no-tips --violations --target=3.7- --exclude-regex "deepdream/(engines/torch|web)/" deepdream dreamify.py
	$(BIN)/hadolint --ignore DL3008 Dockerfile
	$(BIN)/shellcheck docker/*.sh .ci/run
	$(BIN)/reuse lint --lines

.venv/.ready: requirements.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_ARGS) -r requirements.txt
	touch $@

.venv/.ready-dev: .venv/.ready requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_ARGS) -r requirements-dev.txt
	touch $@

browser/node_modules/.ready: browser/package.json browser/package-lock.json
	cd browser && npm ci --silent
	touch $@

clean:
	rm -rf .venv build *.egg-info browser/dist browser/node_modules
