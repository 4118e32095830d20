#!/bin/sh
# Builds the image dlnet/base:bookworm from Debian packages, for machines without access to an image registry. Like
# python:3.11-slim-bookworm it holds Debian 12 and Python 3.11 only. Needs root, mmdebstrap and a running engine.
# Packages come from the mirror that this machine's own apt uses, or from DLNET_DEBIAN_MIRROR.
set -eu
suite=bookworm
image=${1:-dlnet/base:$suite}
command -v mmdebstrap >/dev/null || {
  echo "error: no mmdebstrap; sudo apt-get install mmdebstrap" >&2
  exit 1
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if [ -n "${DLNET_DEBIAN_MIRROR:-}" ]; then
  echo "deb $DLNET_DEBIAN_MIRROR $suite main" >"$work/sources.list"
else
  apt-get indextargets --format '$(ORIGIN) $(CODENAME) $(REPO_URI) $(COMPONENT)' 'Created-By: Packages' |
    awk -v suite="$suite" '$1 == "Debian" && $4 == "main" && $2 ~ "^" suite { print "deb", $3, $2, $4 }' |
    sort -u >"$work/sources.list"
fi
[ -s "$work/sources.list" ] || {
  echo "error: apt has no Debian mirror of $suite; run apt-get update, or set DLNET_DEBIAN_MIRROR" >&2
  exit 1
}
# Manuals and translations are left out as the official slim images leave them out; licences stay.
mmdebstrap --quiet --variant=minbase --include=ca-certificates,python3,python3-venv \
  --aptopt='APT::Install-Recommends "false"' \
  --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
  --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
  "$suite" "$work/base.tar" "$work/sources.list"
docker import "$work/base.tar" "$image"
