#!/bin/sh
# Installs Docker Compose v2 for this user, if it is missing. Debian 12 has v1 only; the package docker-compose of
# Debian 13 holds v2. That package is fetched from apt's own mirror, checked by apt, and unpacked; apt's sources and lists
# are not changed.
set -eu
suite=trixie
if docker compose version >/dev/null 2>&1; then exit 0; fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
: >"$work/status"
apt-get indextargets --format '$(ORIGIN) $(CODENAME) $(REPO_URI) $(COMPONENT)' 'Created-By: Packages' |
  awk -v suite="$suite" '$1 == "Debian" && $2 !~ "-" && $4 == "main" { print "deb", $3, suite, $4; exit }' \
    >"$work/sources.list"
[ -s "$work/sources.list" ] || {
  echo "error: apt has no Debian mirror; install Docker's package docker-compose-plugin" >&2
  exit 1
}
apt_alone() {
  apt-get -qq -o Dir::Etc::SourceList="$work/sources.list" -o Dir::Etc::SourceParts=/dev/null \
    -o Dir::State::Lists="$work/lists" -o Dir::State::Status="$work/status" -o Dir::Cache="$work/cache" \
    -o APT::Sandbox::User=root "$@"
}
apt_alone update
(cd "$work" && apt_alone download docker-compose)
dpkg-deb --extract "$work"/docker-compose_*.deb "$work/package"
plugins=${DOCKER_CONFIG:-$HOME/.docker}/cli-plugins
mkdir -p "$plugins"
install -m 755 "$work/package/usr/libexec/docker/cli-plugins/docker-compose" "$plugins/docker-compose"
docker compose version
