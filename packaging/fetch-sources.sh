#!/bin/bash
# The sources of CPython, zlib and libffi, from the Debian archive that this machine's apt uses and
# with its signatures checked; apt's own lists and sources are left alone.
set -euo pipefail
# shellcheck source=packaging/settings.sh
. packaging/settings.sh
[[ ! -f $sources/.whole ]] || exit 0
rm -rf "$sources"
mkdir -p "$sources/lists/partial"
cd "$sources"

keyring=/usr/share/keyrings/debian-archive-keyring.gpg
[[ -f $keyring ]] || die 'the keys of the Debian archive are not installed' \
    'apt-get install debian-archive-keyring'
# Security updates stand in an archive of their own, under a name of their own. The main one comes
# first: some mirrors lack files of the other that both have.
# shellcheck disable=SC2016 # apt-get fills this in, not the shell
apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | sort -ru |
    while IFS= read -r archive; do
        case ${archive%/} in
        */debian) echo "deb-src [signed-by=$keyring] $archive $RELEASE main" ;;
        */debian-security) echo "deb-src [signed-by=$keyring] $archive $RELEASE-security main" ;;
        esac
    done >sources.list
options=(-q -o "Dir::Etc::sourcelist=$PWD/sources.list" -o Dir::Etc::sourceparts=/dev/null
    -o "Dir::State::lists=$PWD/lists" -o Acquire::Retries=3 -o APT::Sandbox::User=root)
quiet sources-list apt-get "${options[@]}" -o APT::Update::Error-Mode=any update

# fetch PACKAGE: its newest source that can be had. An archive's list may name a version whose files
# are not there yet, or are gone already; the one before it may lack a fix, so that is said.
fetch() {
    local version newest=
    while IFS= read -r version; do
        if apt-get "${options[@]}" source --download-only "$1=$version" >>"$work/sources.log" 2>&1
        then
            [[ -z $newest ]] || printf 'warning: %s %s is listed, but its files are not there: %s is taken\n' \
                "$1" "$newest" "$version" >&2
            # What the SBOM names.
            printf '%s %s\n' "$1" "$version" >>versions
            return
        fi
        newest=${newest:-$version}
    done < <(apt-cache "${options[@]}" madison "$1" |
        awk '$NF == "Sources" { print $3 }' | sort -ruV)
    die "no source of \"$1\" in Debian's \"$RELEASE\" can be had, see \"$work/sources.log\"" \
        'if the archive has no such release any more, name the next in packaging/settings.sh'
}
: >versions
for package in "python$PYTHON_MINOR" zlib libffi; do fetch "$package"; done
rm -rf lists
touch .whole
