#!/bin/bash
# Wheel and sdist into dist/, and the wheel unpacked for freezing: what is frozen is what is
# released as a wheel.
set -euo pipefail
# shellcheck source=packaging/settings.sh
. packaging/settings.sh
quiet wheel .venv/bin/python -m hatchling build -t wheel -t sdist -d dist
rm -rf "$work/own"
quiet own "$tools/bin/python" -m pip install --no-index --no-deps --no-compile \
    --target "$work/own" dist/*.whl
