#!/bin/sh
# Creates .venv for the jobs that only plan and record a release: the packages of release.txt, each by its
# SHA-256, and no compiler or emulator. The project itself is not installed: `.venv/bin/python -m dlnet.cli` runs it.
set -eu
python=${PYTHON:-python3}
[ ! -e .venv ] || {
  echo "error: .venv exists; this environment is for a fresh checkout" >&2
  exit 1
}
"$python" -m venv .venv
.venv/bin/pip install --quiet --disable-pip-version-check --no-compile --no-deps --only-binary :all: --require-hashes \
  --requirement docker/release.txt
.venv/bin/pip check --disable-pip-version-check
