#!/bin/sh
# Writes the current digests of the tags in images.env to images.lock.env; needs docker and a registry.
set -eu
cd "$(dirname "$0")"
lock=$(mktemp)
trap 'rm -f "$lock"' EXIT
grep -E '^[A-Z_]+=' images.env | while IFS='=' read -r name image; do
  case $image in
    *:local) continue ;; # built here, from pinned packages
  esac
  docker pull --quiet "$image" >/dev/null
  digest=$(docker image inspect --format '{{index .RepoDigests 0}}' "$image")
  echo "$name=$digest" >>"$lock"
done
cp "$lock" images.lock.env
cat images.lock.env
