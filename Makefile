# Main targets: `make repro`, `make check` while you work, `make test` before a pull request. Everything runs in .venv,
# which is created from requirements.lock.
PYTHON ?= python3
BIN := .venv/bin
DVC := PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/dvc
export MLFLOW_DISABLE_TELEMETRY := true
export DO_NOT_TRACK := true
export TF_CPP_MIN_LOG_LEVEL := 3

.PHONY: repro check test ui publish server-image server-image-debian server-up pin-images pictures results methods few bench mutants fuzz \
  simulate simulate-pumps tasks fit lint lock clean

repro: .venv/.done   ## the whole pipeline, then its table of models; SET="data.source=mit" writes params.yaml first
	$(if $(SET),$(BIN)/dlnet set $(SET))
	$(DVC) repro
	$(BIN)/dlnet report

lint: .venv/.done    ## lint, format, contracts on imports, types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	PYTHONPATH=. $(BIN)/lint-imports --no-logo
	$(BIN)/mypy

# Folders whose tests need compilers, an emulator, a Docker engine, a browser or a server.
TOOLS = browser containers device firmware fuzz registry release relay server workflows

check: lint          ## lint, and the fast tests that need only .venv
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest -n 2 --dist loadfile -m "not slow" $(TOOLS:%=--ignore=tests/%)

test: lint           ## lint, and the whole test suite
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

ui: .venv/.done      ## MLflow on http://127.0.0.1:5000
	$(BIN)/mlflow ui --backend-store-uri sqlite:///mlflow.db --host 127.0.0.1 --port 5000

publish: .venv/.done ## log everything to MLflow again (after mlflow.db was deleted, or to another server)
	$(DVC) repro -f -s publish

server-image: .venv/.done ## builds the image of the team's server, see docs/server.md
	sh mlflow/images.sh mlflow

server-image-debian: .venv/.done ## the same and PostgreSQL, from Debian packages, without an image registry
	sh mlflow/images.sh mlflow postgres

server-up: .venv/.done ## starts the team's server: MLflow and PostgreSQL in containers
	[ -f .mlflow-server/server.env ] || $(BIN)/dlnet server env
	sh mlflow/compose.sh up --detach --wait

pin-images:          ## writes the digest of PostgreSQL's image to mlflow/images.lock.env (needs an image registry)
	sh mlflow/pin-images.sh

pictures: .venv/.done ## takes the pictures of docs/registry.md again, by the browser test
	DLNET_PICTURES=$(CURDIR)/docs/img $(BIN)/python -m pytest tests/browser

results: .venv/.done ## the study over splits and seeds on the MIT cells, docs/results.md; takes up to two hours, resumable
	$(BIN)/python -m studies.results

methods: .venv/.done ## the study of the compression toolbox on the MIT cells, docs/methods.md; takes an hour, resumable
	$(BIN)/python -m studies.methods

few: .venv/.done     ## the study of few own cells with public ones beside them, docs/few-cells.md; takes an hour, resumable
	$(BIN)/python -m studies.few

mutants: .venv/.done ## breaks promises one by one and prints the breaks that no test notices; half an hour
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m tests.mutants

fuzz: .venv/.done    ## opens 100,000 damaged models, compiles 500 that are accepted; half an hour
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m tests.fuzz

bench: .venv/.done   ## speed of training and of the pipeline
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m tests.bench
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m tests.bench --forecast
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m tests.bench --pipeline embedded

simulate: .venv/.done ## computes data/embedded.parquet again, with PyBaMM
	$(BIN)/uv pip install --quiet --python $(BIN)/python -c requirements.lock -e .[simulate]
	OMP_NUM_THREADS=1 $(BIN)/python -m studies.simulate.simulate
	$(BIN)/python -m studies.simulate.simulate --plot

simulate-pumps: .venv/.done ## computes data/pump.parquet again, with ProgPy
	$(BIN)/uv pip install --quiet --python $(BIN)/python -c requirements.lock -e .[simulate-pumps]
	OMP_NUM_THREADS=1 $(BIN)/python -m studies.simulate_pumps.simulate
	$(BIN)/python -m studies.simulate_pumps.simulate --plot

tasks: .venv/.done   ## the table of docs/tasks.md: the pipeline once for each task; takes half an hour
	$(BIN)/python -m studies.tasks

fit: .venv/.done     ## compares the cost model with the compiled engine (needs gcc-arm-none-eabi)
	$(BIN)/python -m studies.fit

COMPILE = UV_FIND_LINKS="$(PIP_FIND_LINKS)" $(BIN)/uv pip compile --quiet --python-version 3.11 \
  --python-platform x86_64-manylinux_2_28 --prerelease if-necessary-or-explicit --no-header --no-annotate

lock:                ## compiles requirements.lock from pyproject.toml, and the requirements of the images
	$(COMPILE) pyproject.toml --all-extras -o requirements.lock
	for image in train export firmware; do \
	  $(COMPILE) docker/requirements-$$image.in -c requirements.lock -o docker/requirements-$$image.txt && \
	  DLNET_RUNNER=local $(BIN)/python -m stages.image $$image || exit; \
	done
	$(COMPILE) docker/release.in --generate-hashes -c requirements.lock -o docker/release.txt
	$(COMPILE) mlflow/requirements.in -c requirements.lock -o mlflow/requirements.txt

.venv/.done: requirements.lock pyproject.toml docker/environment.sh
	PYTHON="$(PYTHON)" sh docker/environment.sh
	touch $@

clean:
	rm -rf .venv .cache models reports data/raw data/windows
