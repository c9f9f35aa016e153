#!/bin/sh
# The accessibility tests run axe-core in the browser; it is fetched beside the environment, never committed.
set -eu
version=4.14.1
target="$(dirname "$0")/../.venv/axe"
if [ -f "$target/$version" ]; then exit 0; fi
if ! command -v npm >/dev/null; then
    echo "The accessibility tests need axe-core: install npm and run make test again." >&2
    exit 1
fi
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$target" "axe-core@$version" >/dev/null
touch "$target/$version"
