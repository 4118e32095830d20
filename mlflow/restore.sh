#!/bin/sh
# Starts a server on new volumes that are filled from a backup: sh mlflow/restore.sh FOLDER
# Volumes that hold a server's data are refused.
set -eu
folder=${1:?name the folder of a backup}
compose() { sh "$(dirname "$0")/compose.sh" "$@"; }
(cd "$folder" && sha256sum --check --quiet SHA256SUMS)
for name in database artefacts; do
  volume=${COMPOSE_PROJECT_NAME:-dlnet-mlflow}_$name
  if docker volume inspect "$volume" >/dev/null 2>&1; then
    echo "error: the volume $volume exists; if what it holds is lost, remove it first: docker volume rm $volume" >&2
    exit 1
  fi
done
trap 'compose down --volumes' EXIT # after a failure no volumes remain
trap 'exit 130' INT TERM
compose run --rm -T --no-deps --entrypoint tar mlflow -C /artefacts -xf - <"$folder/artefacts.tar"
compose up --detach --wait postgres
for name in mlflow mlflow_auth; do
  compose exec -T postgres pg_restore --username=mlflow --single-transaction --no-owner --dbname="$name" \
    <"$folder/$name.dump"
done
trap - EXIT
compose up --detach --wait
