#!/bin/sh
# The tests of scanned pages use the real Tesseract where Debian has it; without it they use a stand-in.
set -eu
if command -v tesseract >/dev/null || ! command -v apt-get >/dev/null; then exit 0; fi
run=""
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then exit 0; fi
    run="sudo -n"
fi
DEBIAN_FRONTEND=noninteractive $run apt-get install -y -qq tesseract-ocr tesseract-ocr-eng >/dev/null 2>&1 ||
    echo "Tesseract could not be installed: its tests use a stand-in." >&2
