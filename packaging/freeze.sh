#!/bin/bash
# One executable: PyInstaller gathers the program and what it imports into a tree, the tree is
# packed behind launcher.sh.
#
#   packaging/freeze.sh COMMAND PACKAGE      makes dist/COMMAND, which runs PACKAGE's main()
set -euo pipefail
# shellcheck source=packaging/settings.sh
. packaging/settings.sh
export COMMAND=$1 PACKAGE=$2
export OWN=$work/own BUILT=$built PYINSTALLER_CONFIG_DIR=$work/pyinstaller
rm -rf "$work/tree" "$work/pyinstaller"

# Only the built Python sees its libpython; PyInstaller runs under it and is itself pure Python.
run_python() {
    env LD_LIBRARY_PATH="$python_libraries" \
        PYTHONPATH="$work/own:$wheels:$(echo "$tools"/lib/python3*/site-packages)" \
        "$python" "$@"
}
quiet "freeze-$COMMAND" run_python -m PyInstaller --noconfirm --clean --log-level WARN \
    --distpath "$work/tree" --workpath "$work/pyinstaller" packaging/program.spec
cp "$built/libgcc/probe" dist/THIRD-PARTY-LICENSES.txt "$work/tree/$COMMAND/"
run_python packaging/glibc_floor.py "$GLIBC" "$work/tree/$COMMAND" >&2
run_python packaging/pack.py packaging/launcher.sh "$work/tree/$COMMAND" "dist/$COMMAND"
