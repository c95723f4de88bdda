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
# The lock's hash covers the sdist as well as the wheel. What reads its name and version before the
# download is done is setuptools, of the same lock.
grep -A 99 '^pyinstaller==' requirements/freeze.lock |
    awk 'NR > 1 && /^[a-z]/ { exit } !/^ *#/' >"$scratch/pyinstaller.lock"
quiet bootloader-fetch "$tools/bin/python" -m pip download --no-deps --no-build-isolation \
    --no-binary=:all: --require-hashes -d "$scratch" -r "$scratch/pyinstaller.lock"
tar -xf "$scratch"/pyinstaller-*.tar.gz -C "$scratch"
build() {
    cd "$scratch"/pyinstaller-*/bootloader
    env -u CC -u CXX -u AR -u RANLIB "$tools/bin/python" ./waf --clang --static-zlib distclean \
        configure all
}
(quiet bootloader build)
cp "$scratch"/pyinstaller-*/PyInstaller/bootloader/Linux-64bit-intel/run "$built/bootloader/run"
rm -rf "$scratch"
made bootloader
