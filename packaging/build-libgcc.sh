#!/bin/bash
# libgcc_s.so.1, which the Rust in cryptography unwinds its stack with, from zig's LLVM libunwind.
# The build host's own, which PyInstaller would take, wants the host's glibc.
set -euo pipefail
# shellcheck source=packaging/compiler.sh
. packaging/compiler.sh
here=$PWD/packaging
fresh libgcc packaging/build-libgcc.sh packaging/libgcc_s.map packaging/probe.c && exit
mkdir -p "$built/libgcc"
cd "$built/libgcc"

compile() {
    local unwind file flags
    unwind=$(dirname "$ZIG")/lib/libunwind
    flags=(-O2 -fPIC -g0 -DNDEBUG -D_LIBUNWIND_DISABLE_VISIBILITY_ANNOTATIONS
        -D_LIBUNWIND_IS_NATIVE_ONLY "-I$unwind/include" "-I$unwind/src" -funwind-tables
        -fno-exceptions)
    for file in UnwindLevel1-gcc-ext.c UnwindLevel1.c gcc_personality_v0.c \
        UnwindRegistersRestore.S UnwindRegistersSave.S; do
        cc "${flags[@]}" -c "$unwind/src/$file" -o "$file.o" || return
    done
    c++ "${flags[@]}" -fno-rtti -std=c++17 -nostdinc++ -x c++ -c "$unwind/src/libunwind.cpp" \
        -o libunwind.o || return
    cc -shared -nostdlib++ -Wl,-soname,libgcc_s.so.1 "-Wl,--version-script=$here/libgcc_s.map" \
        -o libgcc_s.so.1 ./*.o -ldl || return
    cc -O2 -g0 "$here/probe.c" -o probe || return
    strip libgcc_s.so.1 probe
}
quiet libgcc compile
rm -f ./*.o
cd ../../../..
made libgcc
