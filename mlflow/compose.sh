#!/bin/sh
# docker compose with the server's secrets, settings and images: sh mlflow/compose.sh up --detach --wait
set -eu
here=$(dirname "$0")
secrets=${DLNET_SERVER_ENV:-$here/../.mlflow-server/server.env}
fail() {
  echo "error: $1" >&2
  exit 1
}
[ -r "$secrets" ] || fail "$secrets: no such file; make it: dlnet server env"
[ -z "$(find "$secrets" -follow -perm /077)" ] || fail "$secrets: others may read it; run chmod 600 $secrets"
docker compose version >/dev/null 2>&1 || fail "no Docker Compose v2; on Debian 12: sh mlflow/compose-plugin.sh"
secrets=$(realpath "$secrets")
cd "$here"
set -- --env-file "$secrets" "$@"
for images in images.local.env images.lock.env images.env; do # a later file wins: images.env comes first
  [ ! -r "$images" ] || set -- --env-file "$images" "$@"
done
exec docker compose --file compose.yaml "$@"
