#!/bin/bash
# The libraries that are frozen, at the versions and hashes of requirements/run.lock. The wheels are
# chosen by platform tag: pip would take those for this machine's glibc.
set -euo pipefail
# shellcheck source=packaging/settings.sh
. packaging/settings.sh
lock=requirements/run.lock
if ! cmp -s "$lock" "$wheels/run.lock"; then
    rm -rf "$wheels"
    platforms=()
    for tag in manylinux2014 manylinux_2_17 manylinux2010 manylinux1; do
        platforms+=(--platform "${tag}_x86_64")
    done
    quiet wheels "$tools/bin/python" -m pip install --require-hashes --no-deps --no-compile \
        --only-binary=:all: --implementation cp --python-version "$PYTHON_MINOR" \
        "${platforms[@]}" --target "$wheels" -r "$lock"
    cp "$lock" "$wheels/run.lock"
fi
