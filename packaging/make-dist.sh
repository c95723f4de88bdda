#!/bin/bash
# Builds everything that is released, into dist/: wheel, sdist, the two executables, the list of
# what they are made of, their licences, and the checksums. See docs/freezing.md.
#
#   SIGNING_KEY=FILE packaging/make-dist.sh      without a key the checksums are not signed
set -euo pipefail
cd "$(dirname "$0")/.."
umask 022
# A build takes nothing from the one who starts it but these.
unset PYTHONPATH PYTHONHOME LD_LIBRARY_PATH CFLAGS CPPFLAGS CXXFLAGS LDFLAGS
# What `make dist` was run with is not for the makes of others: CPython's needs the built-in rules.
unset MAKEFLAGS MFLAGS MAKELEVEL
export LC_ALL=C TZ=UTC PYTHONHASHSEED=0 PYTHONDONTWRITEBYTECODE=1
# The time that everything in dist/ is of: that of the last commit.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null ||
    stat -c %Y pyproject.toml)}
export SOURCE_DATE_EPOCH
# shellcheck source=packaging/settings.sh
. packaging/settings.sh

step() {
    local began=$SECONDS runner=bash
    [[ $1 != *.py ]] || runner=.venv/bin/python
    "$runner" "packaging/$1" "${@:2}"
    printf '%-22s %4d s\n' "$1" "$((SECONDS - began))" >&2
}

[[ $(uname -sm) == 'Linux x86_64' ]] ||
    die 'the executables are built on Linux on x86-64' "make wheel builds what runs everywhere"
for tool in apt-get dpkg-source patch make objdump strip; do
    command -v "$tool" >/dev/null ||
        die "\"$tool\" is not installed" 'apt-get install apt dpkg-dev patch make binutils'
done
mkdir -p "$work"
find dist -mindepth 1 ! -name .gitignore -delete
step fetch-tools.sh
step fetch-sources.sh
step build-python.sh
step build-libgcc.sh
step build-bootloader.sh
step fetch-wheels.sh
step build-wheel.sh
step licences.py dist/THIRD-PARTY-LICENSES.txt
for program in sftunnel-bundler:sftunnel_builder sftunnel-installer:sftunnel_installer; do
    step freeze.sh "${program%:*}" "${program#*:}"
done
step sbom.py dist/sbom.cdx.json dist/sftunnel-bundler dist/sftunnel-installer
step sums.py dist "${SIGNING_KEY:-}"
ls -l dist >&2
