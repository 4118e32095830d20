#!/bin/sh
# Fills fresh volumes from a backup: sh mlflow/restore.sh FOLDER. Volumes that hold a server's data are refused.
set -eu
folder=${1:?name the folder of a backup}
here=$(dirname "$0")
(cd "$folder" && sha256sum --check --quiet SHA256SUMS)
for volume in dlnet-mlflow_database dlnet-mlflow_artefacts; do
  if docker volume inspect "$volume" >/dev/null 2>&1; then
    echo "error: the volume $volume exists; if what it holds is lost, remove it first: docker volume rm $volume" >&2
    exit 1
  fi
done
compose() { sh "$here/compose.sh" "$@"; }
compose run --rm -T --no-deps --entrypoint tar store -C /data -xf - <"$folder/artefacts.tar"
compose up --detach --wait postgres
for database in mlflow mlflow_auth; do
  compose exec -T postgres pg_restore --username=mlflow --single-transaction --no-owner --dbname="$database" <"$folder/$database.dump"
done
compose up --detach --wait
