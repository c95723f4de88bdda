#!/bin/bash
# The compiler (zig, which brings the headers and symbol versions of every glibc) and PyInstaller,
# at the versions and hashes of requirements/freeze.lock, in an environment of their own.
set -euo pipefail
# shellcheck source=packaging/settings.sh
. packaging/settings.sh
lock=requirements/freeze.lock
if ! cmp -s "$lock" "$tools/freeze.lock"; then
    rm -rf "$tools"
    .venv/bin/python -m venv "$tools"
    quiet tools "$tools/bin/python" -m pip install --require-hashes --only-binary=:all: -r "$lock"
    cp "$lock" "$tools/freeze.lock"
fi
