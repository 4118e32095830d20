#!/bin/sh
# docker compose with the secrets and the pinned images: sh mlflow/compose.sh up --detach --wait
set -eu
secrets=${DLNET_SERVER_ENV:-$(dirname "$0")/../.mlflow-server/server.env}
[ -r "$secrets" ] || { echo "error: $secrets: no such file; make it: dlnet server env" >&2; exit 1; }
secrets=$(realpath "$secrets")
cd "$(dirname "$0")"
[ ! -r images.lock.env ] || set -- --env-file images.lock.env "$@"   # named last, so it wins
exec docker compose --file compose.yaml --env-file "$secrets" --env-file images.env "$@"
