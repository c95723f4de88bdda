#!/bin/bash
# Wheel and sdist into dist/, and the wheel unpacked for freezing: what is frozen is what is
# released as a wheel. Manual pages and completion as an archive, too, for beside an executable.
set -euo pipefail
# shellcheck source=packaging/settings.sh
. packaging/settings.sh
quiet wheel .venv/bin/python -m hatchling build -t wheel -t sdist -d dist
rm -rf "$work/own"
quiet own "$tools/bin/python" -m pip install --no-index --no-deps --no-compile \
    --target "$work/own" dist/*.whl
tar -C "$work/own" --sort=name --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX \
    --mtime="@$SOURCE_DATE_EPOCH" --format=ustar -cf - share | gzip -9n >dist/sftunnel-bundler-share.tar.gz
