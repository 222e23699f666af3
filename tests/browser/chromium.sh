#!/bin/sh
# Finds a Chromium for the browser tests, or installs Debian's where that is allowed.
complain() {
  echo "$1: apt-get install chromium, or name one: CHROMIUM=/path/to/chromium make test" >&2
  exit 1
}
if [ -n "$CHROMIUM" ]; then
  command -v "$CHROMIUM" >/dev/null && exit 0
  complain "CHROMIUM is $CHROMIUM, which cannot be run"
fi
for name in chromium chromium-browser google-chrome; do
  command -v "$name" >/dev/null && exit 0
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "installing chromium from Debian's packages for the browser tests"
  apt-get update -q >/dev/null && DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -q --no-install-recommends chromium >/dev/null
  command -v chromium >/dev/null && exit 0
fi
complain "The browser tests need Chromium"
