#!/bin/sh
# Finds a Chromium for the browser tests, or installs Debian's where that is allowed.
found=${CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome)}
[ -n "$found" ] && command -v "$found" >/dev/null && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "installing chromium from Debian's packages for the browser tests"
  apt-get update -q >/dev/null && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends chromium >/dev/null
  command -v chromium >/dev/null && exit 0
fi
echo "The browser tests need Chromium: apt-get install chromium, or name one: CHROMIUM=/path/to/chromium make test" >&2
exit 1
