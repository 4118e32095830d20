#!/bin/sh
# Fetches the arduino-cli of docker/arduino-cli.lock into .arduino/bin, and puts that on the path of a workflow's later
# steps. Nothing of the archive is unpacked before its SHA-256 was compared.
set -eu
lock=$(dirname "$0")/arduino-cli.lock
value() { sed -n "s/^$1=//p" "$lock"; }
version=$(value version) url=$(value url) sha256=$(value sha256)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
curl --fail --silent --show-error --location --retry 3 --connect-timeout 20 --max-time 300 --max-filesize 100000000 \
  --output "$work/archive" "$url" || {
  echo "error: $url: not fetched; see $lock" >&2
  exit 1
}
echo "$sha256  $work/archive" | sha256sum --check --strict --status || {
  echo "error: $url: its SHA-256 is not that of $lock; nothing was installed" >&2
  exit 1
}
tar -xzf "$work/archive" -C "$work" arduino-cli
mkdir -p .arduino/bin
install -m 755 "$work/arduino-cli" .arduino/bin/arduino-cli
echo "arduino-cli $version: $PWD/.arduino/bin"
[ -z "${GITHUB_PATH:-}" ] || echo "$PWD/.arduino/bin" >>"$GITHUB_PATH"
