#!/bin/sh
# Builds the server's images: sh mlflow/images.sh mlflow [postgres]. `postgres` is built from Debian packages, for
# machines without access to an image registry; compose.sh then uses it (images.local.env).
set -eu
here=$(dirname "$0")
made=dlnet/base:bookworm # by docker/base.sh
base=${DLNET_BASE_IMAGE:-python:3.11-slim-bookworm}
if [ -z "${DLNET_BASE_IMAGE:-}" ] && docker image inspect "$made" >/dev/null 2>&1; then base=$made; fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Installs requirements.txt into a folder, without tests and headers, with pip's settings.
packages() {
  export UV_FIND_LINKS="${PIP_FIND_LINKS:-}" UV_HTTP_TIMEOUT=300
  [ -z "${PIP_INDEX_URL:-}" ] || export UV_DEFAULT_INDEX="$PIP_INDEX_URL"
  [ -z "${PIP_EXTRA_INDEX_URL:-}" ] || export UV_INDEX="$PIP_EXTRA_INDEX_URL"
  "$here/../.venv/bin/uv" pip install --quiet --target "$1" --link-mode copy --no-deps --only-binary :all: \
    --python "$here/../.venv/bin/python" --python-version 3.11 --python-platform x86_64-manylinux_2_28 \
    --requirement "$here/requirements.txt"
  find "$1" -type d \( -name tests -o -path "$1/*/include" \) -prune -exec rm -rf {} +
}

for name in "$@"; do
  mkdir "$work/$name"
  case $name in
    mlflow) cp "$here/Dockerfile" "$work/mlflow" && packages "$work/mlflow/packages" ;;
    postgres) cp "$here/postgres.Dockerfile" "$work/postgres/Dockerfile" && cp "$here/postgres.sh" "$work/postgres" ;;
  esac
  # Variables without a value are passed on from the environment, if they are set.
  docker build --quiet --build-arg BASE="$base" --build-arg HTTP_PROXY --build-arg HTTPS_PROXY --build-arg NO_PROXY \
    --tag "dlnet-$name:local" "$work/$name"
  if [ "$name" = postgres ]; then echo "POSTGRES_IMAGE=dlnet-postgres:local" >"$here/images.local.env"; fi
done
