#!/bin/sh
# Starts PostgreSQL in Debian's image with the variables and scripts of the official image that compose.yaml uses.
set -eu
volume=/var/lib/postgresql/data
cluster=$volume/cluster
if [ -e "$volume/PG_VERSION" ]; then
  echo "error: the volume holds the database of another image; start that image, or restore a backup into a new volume" >&2
  exit 1
fi
if [ ! -e "$cluster" ]; then
  # Created beside it and renamed when it is complete: a first start that is killed leaves no incomplete database.
  new=$volume/new
  rm -rf "$new"
  umask 077
  printf '%s' "$POSTGRES_PASSWORD" >/tmp/password
  # shellcheck disable=SC2086 - one argument a word
  initdb --pgdata="$new" --username="$POSTGRES_USER" --pwfile=/tmp/password --encoding=UTF8 --locale=C.UTF-8 \
    $POSTGRES_INITDB_ARGS
  rm /tmp/password
  echo "host all all all scram-sha-256" >>"$new/pg_hba.conf"
  pg_ctl --pgdata="$new" --options="-c listen_addresses=" --wait start
  createdb --username="$POSTGRES_USER" "$POSTGRES_DB"
  for script in /docker-entrypoint-initdb.d/*.sql; do
    psql --username="$POSTGRES_USER" --dbname="$POSTGRES_DB" --set=ON_ERROR_STOP=1 --file="$script"
  done
  pg_ctl --pgdata="$new" --mode=fast --wait stop
  mv "$new" "$cluster"
fi
exec postgres -D "$cluster" -c "listen_addresses=*"
