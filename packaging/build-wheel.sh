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
# Files only: unpacked into /usr/local, directories that are there keep their owner and mode.
cd "$work/own"
find share -type f -print0 | LC_ALL=C sort -z | tar --null --files-from=- \
    --owner=0 --group=0 --numeric-owner --mode=u=rw,go=r --mtime="@$SOURCE_DATE_EPOCH" \
    --format=ustar -cf - | gzip -9n >"$OLDPWD/dist/sftunnel-bundler-share.tar.gz"
