#!/bin/sh
# Installs the Debian packages of the given lists that are not installed yet. In a list, # begins a comment.
set -eu
wanted=$(cat "$@" | sed 's/#.*//')
missing=
for package in $wanted; do
  dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
as_root=
[ "$(id -u)" -eq 0 ] || as_root=sudo
$as_root apt-get update -q
# shellcheck disable=SC2086 - one argument a package
DEBIAN_FRONTEND=noninteractive $as_root apt-get -o DPkg::Lock::Timeout=300 install -qy --no-install-recommends $missing
