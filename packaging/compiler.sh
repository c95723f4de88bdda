# shellcheck shell=bash
# Settings, and zig in the place of every compiler; sourced by the scripts that compile.
# shellcheck source=packaging/settings.sh
. packaging/settings.sh
ZIG=$(echo "$tools"/lib/python3*/site-packages/ziglang/zig)
export ZIG
compilers=$work/compilers
mkdir -p "$compilers"
for name in cc c++; do install -m 755 packaging/cc "$compilers/$name"; done
for name in ar ranlib; do
    # shellcheck disable=SC2016 # for the script that this writes
    printf '#!/bin/sh\nexec "$ZIG" %s "$@"\n' "$name" >"$compilers/$name"
    chmod 755 "$compilers/$name"
done
export PATH=$compilers:$PATH CC=cc CXX=c++ AR=ar RANLIB=ranlib

# fresh NAME FILE...: whether $built/NAME was made of these files, of this compiler and settings.
# made NAME: says that it now is.
fresh() {
    key=$(cat packaging/settings.sh packaging/compiler.sh packaging/cc requirements/freeze.lock \
        "${@:2}" | sha256sum)
    [[ -f $built/$1.key && $(<"$built/$1.key") == "$key" ]] && return
    mkdir -p "$built"
    rm -rf "${built:?}/$1" "$built/$1.key"
    return 1
}
made() { printf '%s\n' "$key" >"$built/$1.key"; }
