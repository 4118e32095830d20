#!/bin/sh
# Databases, then artefacts, of the running containers into one folder: sh mlflow/backup.sh FOLDER
# The order matters: what the copy of the database names is in the copy of the artefacts made after it.
set -eu
folder=${1:?name a folder that does not exist yet}
here=$(dirname "$0")
umask 077
mkdir "$folder"
for database in mlflow mlflow_auth; do
  sh "$here/compose.sh" exec -T postgres pg_dump --username=mlflow --format=custom "$database" >"$folder/$database.dump"
done
sh "$here/compose.sh" exec -T store tar -C /data -cf - . >"$folder/artefacts.tar"
(cd "$folder" && sha256sum mlflow.dump mlflow_auth.dump artefacts.tar >SHA256SUMS)
echo "$folder: done; server.env is not in it, keep a copy elsewhere"
