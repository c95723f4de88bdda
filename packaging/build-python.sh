#!/bin/bash
# CPython for an old glibc, all its own modules inside libpython: Debian's source with Debian's
# fixes, zlib and libffi linked into it. It has no ssl, bz2, lzma, sqlite3 or curses.
set -euo pipefail
# shellcheck source=packaging/compiler.sh
. packaging/compiler.sh
here=$PWD/packaging
fresh python packaging/build-python.sh packaging/int128.c "$sources/versions" && exit
scratch=$work/python-build
rm -rf "$scratch"
mkdir -p "$scratch"
cd "$scratch"

# --- sources
mkdir python zlib libffi libraries
tar -xf "$sources/python${PYTHON_MINOR}"_*.orig.tar.* -C python --strip-components=1
tar -xf "$sources"/zlib_*.orig.tar.* -C zlib --strip-components=1
tar -xf "$sources"/libffi_*.orig.tar.* -C libffi --strip-components=1
# Only the fixes: what makes Debian's layout (dist-packages, multiarch) is not wanted.
quiet unpack dpkg-source --no-check -x "$sources/python${PYTHON_MINOR}"_*.dsc debian
grep -E '^(CVE-|00|git-updates|frame_dealloc|shutdown-deadlock|relfile)' \
    debian/debian/patches/series >fixes
while IFS= read -r fix; do
    quiet patch patch -d python -p1 --no-backup-if-mismatch -i "$PWD/debian/debian/patches/$fix"
done <fixes

# --- zlib, libffi and int128.c, static
build_zlib() {
    cd zlib
    CFLAGS='-O2 -fPIC -g0' ./configure --static --prefix="$scratch/libraries"
    make -j"$(nproc)" libz.a
    make install
}
build_libffi() {
    cd libffi
    CFLAGS='-O2 -fPIC -g0' ./configure --disable-shared --enable-static --with-pic \
        --disable-docs --disable-multi-os-directory --disable-exec-static-tramp \
        --prefix="$scratch/libraries"
    make -j"$(nproc)"
    make install
}
quiet zlib build_zlib && cd "$scratch"
quiet libffi build_libffi && cd "$scratch"
cc -O2 -fPIC -g0 -c "$here/int128.c" -o int128.o
ar rcs libraries/lib/libint128.a int128.o

# --- CPython
unwanted=(xxlimited xxlimited_35 _xxsubinterpreters ossaudiodev spwd nis audioop _crypt _curses
    _curses_panel _tkinter _lsprof _elementtree _codecs_cn _codecs_hk _codecs_iso2022 _codecs_jp
    _codecs_kr _codecs_tw _multibytecodec)
mkdir build
cd build
export PKG_CONFIG_LIBDIR=$scratch/libraries/lib/pkgconfig
export CPPFLAGS=-I$scratch/libraries/include LIBS=-lint128
export LDFLAGS="-L$scratch/libraries/lib -Wl,--gc-sections"
export OPT='-DNDEBUG -fwrapv -O2 -g0 -ffunction-sections -fdata-sections'
# The prefix is the same wherever the checkout stands, as it is written into libpython; Python finds
# its files beside its own executable.
quiet configure ../python/configure --prefix=/python --enable-shared --without-ensurepip \
    --disable-test-modules --with-system-ffi --without-doc-strings
{
    sed -e 's/^\*shared\*/*static*/' Modules/Setup.stdlib |
        grep -vE "^($(IFS='|' && echo "${unwanted[*]}")|_test[a-z]*) "
    echo '_ctypes _ctypes/_ctypes.c _ctypes/callbacks.c _ctypes/callproc.c _ctypes/stgdict.c' \
        '_ctypes/cfield.c -lffi -DHAVE_FFI_PREP_CIF_VAR -DHAVE_FFI_PREP_CLOSURE_LOC' \
        '-DHAVE_FFI_CLOSURE_ALLOC'
    echo '*disabled*'
    printf '%s\n' "${unwanted[@]}"
} >Modules/Setup.local
# Makes the Makefile anew, with the modules above; then there is nothing more to it.
quiet makefile make Makefile
# libpython3.so, which holds nothing, is what zig cannot link. ASM: libmpdec without most of its
# divisions of 128 bits, for which int128.c stands in.
sed -i -e 's/^PY3LIBRARY=.*/PY3LIBRARY=/' -e 's/-DANSI=1 -DHAVE_UINT128_T=1/-DASM=1/' Makefile
quiet make make -j"$(nproc)"
quiet install make install DESTDIR="$built"

# What zig brings itself (compiler_rt) is not as good as the appliance's own libm and libc: its log2
# is wrong for subnormal numbers. See int128.c.
imported=$(objdump -T "$python_libraries/libpython$PYTHON_MINOR.so.1.0" |
    grep -cE 'UND.* (log2|exp|pow|log|sin|cos|fmod|memcpy|memmove|memset)$' || :)
((imported >= 9)) || die "only $imported of 10 functions of libm and libc are imported" \
    'zig put its own into libpython: see packaging/int128.c'
mkdir "$built/python/licences"
cp ../python/LICENSE "$built/python/licences/CPython.txt"
cp ../libffi/LICENSE "$built/python/licences/libffi.txt"
sed -n '/^Copyright notice:/,$p' ../zlib/README >"$built/python/licences/zlib.txt"
cd ../../../..
rm -rf "$scratch"
made python
