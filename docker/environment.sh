#!/bin/sh
# Creates .venv from requirements.lock, with pip's settings (index, find-links, certificates).
# The CPU build of torch is taken from PIP_FIND_LINKS, else from torch's own CPU index. For CUDA set DLNET_TORCH,
# for example to cu130.
set -eu
python=${PYTHON:-python3}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
  echo "error: $("$python" --version) is too old; DLNet needs Python 3.11 or newer (make PYTHON=/path/to/python3.11)" >&2
  exit 1
}
[ -x .venv/bin/python ] || "$python" -m venv .venv || {
  echo "error: this Python cannot create environments; on Debian and Ubuntu: sudo apt-get install python3-venv" >&2
  exit 1
}
.venv/bin/pip install --quiet --disable-pip-version-check -c requirements.lock uv
export UV_FIND_LINKS="${PIP_FIND_LINKS:-}" UV_HTTP_TIMEOUT=300
[ -z "${PIP_INDEX_URL:-}" ] || export UV_DEFAULT_INDEX="$PIP_INDEX_URL"
[ -z "${PIP_EXTRA_INDEX_URL:-}" ] || export UV_INDEX="$PIP_EXTRA_INDEX_URL"
torch=$(grep '^torch==' requirements.lock)
backend=
found=$(for folder in $UV_FIND_LINKS; do ls "$folder" 2>/dev/null | grep '^torch-.*+cpu-' || true; done)
[ -n "$found" ] || backend="--torch-backend ${DLNET_TORCH:-cpu}"
# shellcheck disable=SC2086 - an empty backend is no argument
.venv/bin/uv pip install --python .venv/bin/python $backend -c requirements.lock -e '.[all,dev]'
[ -z "${DLNET_TORCH:-}" ] || .venv/bin/uv pip install --python .venv/bin/python --torch-backend "$DLNET_TORCH" "${torch%%+*}"
