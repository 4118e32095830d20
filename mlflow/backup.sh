#!/bin/sh
# Writes databases, then artefacts, of the running server to a new folder: sh mlflow/backup.sh FOLDER
# The folder is complete or absent. The order matters: artefacts are only added, so the later copy of the artefacts holds
# all that the copied database refers to.
set -eu
folder=${1:?name a folder that does not exist yet}
folder=${folder%/}
here=$(dirname "$0")
[ ! -e "$folder" ] || { echo "error: $folder: exists; nothing is overwritten" >&2; exit 1; }
umask 077
part=$(mktemp -d "$folder.XXXXXX")
trap 'rm -rf "$part"' EXIT
trap 'exit 130' INT TERM
for database in mlflow mlflow_auth; do
  sh "$here/compose.sh" exec -T postgres pg_dump --username=mlflow --format=custom "$database" >"$part/$database.dump"
done
sh "$here/compose.sh" exec -T mlflow tar -C /artefacts -cf - . >"$part/artefacts.tar"
(cd "$part" && sha256sum mlflow.dump mlflow_auth.dump artefacts.tar >SHA256SUMS)
mv -T "$part" "$folder"
echo "$folder: done; server.env is not in it, keep a copy elsewhere"
