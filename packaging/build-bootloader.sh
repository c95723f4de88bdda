#!/bin/bash
# PyInstaller's bootloader for an old glibc and with zlib inside: the one in its wheel wants
# libz.so.1, which a minimal system has not.
set -euo pipefail
# shellcheck source=packaging/compiler.sh
. packaging/compiler.sh
fresh bootloader packaging/build-bootloader.sh && exit
scratch=$work/bootloader-build
rm -rf "$scratch"
mkdir -p "$scratch" "$built/bootloader"
# The lock's hash covers the source archive as well as the wheel. What builds a wheel of it is among
# the tools for development.
grep -A 99 '^pyinstaller==' requirements/freeze.lock |
    awk 'NR > 1 && /^[a-z]/ { exit } !/^ *#/' >"$scratch/pyinstaller.lock"
quiet bootloader env PYI_STATIC_ZLIB=1 \
    .venv/bin/python -m pip wheel --no-deps --no-build-isolation --no-binary=:all: \
    --require-hashes --wheel-dir "$scratch" -r "$scratch/pyinstaller.lock"
.venv/bin/python -m zipfile -e "$scratch"/pyinstaller-*.whl "$scratch"
cp "$scratch/PyInstaller/bootloader/Linux-64bit-intel/run" "$built/bootloader/run"
chmod 755 "$built/bootloader/run"
rm -rf "$scratch"
made bootloader
