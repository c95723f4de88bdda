# shellcheck shell=sh
# A plan says what the peer directories should hold: bundle.conf for an install, a backup.conf for a
# rollback. Files are named <FMC UUID>/NAME, below the peers directory as below wherever they come
# from; these names hold no blank and nothing that a shell would expand, so that they may be split.

# read_plan CONF: sets bundle_id device_name device_uuid created; fmcs, runs, files and absent, lists of
# words; sums and modes, lines in the form of sha256sum and of `stat -c '%a %u:%g %n'`; and pending, the
# files that are to be replaced. Returns 1, with $why, unless the plan is a whole trio for every FMC,
# and nothing else.
read_plan() {
    format='' bundle_id='' device_name='' device_uuid='' created=''
    fmcs='' runs='' files='' absent='' sums='' modes=''
    while IFS='=' read -r key value; do
        case $key in
        format) format=$value ;;
        bundle_id) bundle_id=$value ;;
        device_name) device_name=$value ;;
        device_uuid) device_uuid=$value ;;
        created) created=$value ;;
        fmc | file | absent)
            why="unusable line '$key=$value'"
            case $value in *[!A-Za-z0-9\ ./:_-]*) return 1 ;; esac
            # shellcheck disable=SC2086
            "add_$key" $value || return 1 ;;
        esac
    done <"$1"
    why="wanted format '1', found '$format'"
    [ "$format" = 1 ] || return 1
    why='it does not name a device, or not a whole trio for every FMC'
    pending=$files
    # One substitution a command, see receipt_json.
    # shellcheck disable=SC2086
    planned=$(count $files $absent)
    # shellcheck disable=SC2086
    wanted=$(count $fmcs)
    case $bundle_id in *[!A-Za-z0-9._-]*) return 1 ;; esac
    is_uuid "$device_uuid" && [ -n "$fmcs" ] && [ "$planned" -eq $((3 * wanted)) ]
}

count() { echo $#; }

# value_of KEY FILE: of a line KEY=VALUE; nothing if there is none.
value_of() { sed -n "s/^$1=//p" "$2" 2>/dev/null || :; }

# add_fmc UUID [RUN]
add_fmc() {
    case ${2:-0} in *[!0-9]*) return 1 ;; esac
    is_uuid "${1-}" && fmcs="$fmcs $1" runs="$runs $1:${2:-0}"
}

# add_file SOURCE TARGET SHA256 MODE OWNER
add_file() {
    [ $# -eq 5 ] && add_name "$2" && [ "${#3}" -eq 64 ] || return 1
    # A bundle brings files for root with mode 644, a backup has what was there.
    case "$1 $4 $5" in "payload/$file 644 root:root" | "$file "*) ;; *) return 1 ;; esac
    owner=$5
    [ "$owner" != root:root ] || owner=0:0
    files="$files $file" sums="$sums$3  $file$nl" modes="$modes$4 $owner $file$nl"
}

# add_absent TARGET: there must be no such file.
add_absent() { add_name "${1-}" && absent="$absent $file"; }

# add_name TARGET: sets $file; TARGET must be a trio file of an FMC of the plan, not named before.
add_name() {
    file=${1#/var/sf/peers/}
    case " $fmcs " in *" ${file%/*} "*) ;; *) return 1 ;; esac
    case " $trio_names " in *" ${file#*/} "*) ;; *) return 1 ;; esac
    case " $files $absent " in *" $file "*) return 1 ;; esac
    [ "$1" = "/var/sf/peers/$file" ]
}

# differing DIR [PREFIX SUFFIX]: the pending files that DIR does not hold, as DIR/<FMC UUID>/NAME or
# DIR/<FMC UUID>/PREFIX NAME SUFFIX, with the planned contents, modes and owners.
differing() {
    where=$1 prefix=${2-} suffix=${3-}
    set --
    for file in $pending; do set -- "$@" "${file%/*}/$prefix${file#*/}$suffix"; done
    [ $# -gt 0 ] || return 0
    found=$nl$(cd "$where" && { sha256 "$@"; stat -c '%a %u:%g %n' "$@"; } 2>/dev/null | sed "s|/$prefix\([^/]*\)$suffix\$|/\1|")$nl
    for file in $pending; do
        sum=${sums%%"  $file$nl"*} mode=${modes%%" $file$nl"*}
        case $found in *"$nl${sum##*"$nl"}  $file$nl"*) ;; *) printf '%s ' "$file" && continue ;; esac
        case $found in *"$nl${mode##*"$nl"} $file$nl"*) ;; *) printf '%s ' "$file" ;; esac
    done
}

# is_in DIR [PREFIX SUFFIX]: it holds them all.
is_in() { [ -z "$(differing "$@")" ]; }

# unlike: the files on the device that are not as planned, and those that should not be there.
unlike() {
    for file in $absent; do [ ! -e "$peers/$file" ] || printf '%s ' "$file"; done
    pending=$files
    differing "$peers"
}

# holds: the device is as planned.
holds() { [ -z "$(unlike)" ]; }
