# shellcheck shell=bash
# What the freezing chain is built from and where it works; sourced by each of its scripts, which
# are run from the top of the checkout by make-dist.

# The oldest C library that the executables run on. Which one appliances have is not published; their
# kernels, from 3.10 on, are younger than this one.
export GLIBC=2.17
# The Debian release whose sources are compiled. The newest version that its archive has is taken,
# with its security fixes, and recorded in the SBOM: a fixed one would be gone from the archive some
# day, and with it the build. When the release itself is gone, name the next one here.
export RELEASE=bookworm
# The CPython in that release, and of the wheels that are frozen with it.
export PYTHON_MINOR=3.11

# Nothing is cached outside the checkout. `make clean` removes it; a release is built from nothing.
work=$PWD/.cache/freeze
export sources=$work/sources tools=$work/tools built=$work/built wheels=$work/wheels
# The built Python, found by its own libpython at the place where it was unpacked.
export python=$built/python/bin/python$PYTHON_MINOR python_libraries=$built/python/lib
export ZIG_GLOBAL_CACHE_DIR=$work/zig ZIG_LOCAL_CACHE_DIR=$work/zig
export PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1

die() {
    printf 'error: %s\nhint: %s\n' "$1" "$2" >&2
    exit 1
}

# quiet LOG COMMAND...: runs it with its output in a file, whose end is shown when it fails.
quiet() {
    local log=$work/$1.log
    shift
    "$@" >"$log" 2>&1 && return
    tail -n 30 "$log" >&2
    die "building the executables failed in $(basename "$0"), the end of the log is above" \
        "read all of it in \"$log\""
}
