#!/bin/sh
# The browser tests drive the system's Chromium; install Debian's where there is none.
set -eu
for name in chromium chromium-browser google-chrome; do
    if command -v "$name" >/dev/null; then exit 0; fi
done
if ! command -v apt-get >/dev/null; then
    echo "The browser tests need Chromium: install it and run make test again." >&2
    exit 1
fi
run=""
if [ "$(id -u)" -ne 0 ]; then run=sudo; fi
$run apt-get update -qq
DEBIAN_FRONTEND=noninteractive $run apt-get install -y -qq chromium >/dev/null
