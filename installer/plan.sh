# shellcheck shell=sh
# A plan says what the peer directories should hold: bundle.conf for an install, a backup.conf for a
# rollback. Files are named <FMC UUID>/NAME: no blanks, nothing that a shell would expand.

# read_plan CONF: sets what its lines name; fmcs, runs, files and absent are lists of words, sums and
# modes lines as of sha256sum and of `stat -c '%a %u:%g %n'`, pending the files to be replaced. Returns
# 1, with $why, unless it is a whole trio for every FMC.
read_plan() {
    format='' bundle_id='' device_name='' device_uuid='' created=''
    fmcs='' runs='' files='' absent='' sums='' modes='' new_key_sum=''
    while IFS='=' read -r key value; do
        case $key in
        format) format=$value ;;
        bundle_id) bundle_id=$value ;;
        device_name) device_name=$value ;;
        device_uuid) device_uuid=$value ;;
        created) created=$value ;;
        new_key) new_key_sum=$value ;;
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
    # shellcheck disable=SC2086
    set -- $files $absent
    planned=$#
    # shellcheck disable=SC2086
    set -- $fmcs
    case $bundle_id in *[!A-Za-z0-9._-]*) return 1 ;; esac
    first_fmc=${fmcs# }
    first_fmc=${first_fmc%% *}
    is_uuid "$device_uuid" && [ -n "$fmcs" ] && [ "$planned" -eq $((3 * $#)) ]
}

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

# add_absent TARGET
add_absent() { add_name "${1-}" && absent="$absent $file"; }

# add_name TARGET: sets $file; of a trio of the plan, not named before.
add_name() {
    file=${1#/var/sf/peers/}
    case " $fmcs " in *" ${file%/*} "*) ;; *) return 1 ;; esac
    case " $trio_names " in *" ${file#*/} "*) ;; *) return 1 ;; esac
    case " $files $absent " in *" $file "*) return 1 ;; esac
    [ "$1" = "/var/sf/peers/$file" ]
}

# find_odd DIR FILES [PLACE]: sets $odd, those that DIR, each in PLACE of its FMC's directory, does not hold
# with the planned contents, modes and owners.
find_odd() {
    where=$1 wanted=$2 place=${3-} odd='' found=''
    set --
    for file in $wanted; do set -- "$@" "${file%/*}/$place${file#*/}"; done
    [ $# -gt 0 ] || return 0
    found=$nl$(exec 2>/dev/null; cd "$where" && sha256sum "$@"; echo; exec stat -c "%a %u:%g %n$nl%h:%n" "$@")$nl
    for file in $wanted; do
        sum=${sums%%"  $file$nl"*} mode=${modes%%" $file$nl"*}
        case $found in *"$nl${sum##*"$nl"}  $1$nl"*"$nl${mode##*"$nl"} $1$nl"*) ;; *) odd="$odd$file " ;; esac
        shift
    done
}

is_in() { find_odd "$@" && [ -z "$odd" ]; }

# holds: is all on the device as planned? Sets $odd, what is not, and $linked, what has other names.
holds() {
    find_odd "$peers" "$files"
    linked=''
    for file in $files; do case $found in *"${nl}1:$file$nl"*) ;; *":$file$nl"*) linked="$linked $file" ;; esac; done
    for file in $absent; do [ ! -e "$peers/$file" ] || odd="$odd$file "; done
    [ -z "$odd" ]
}
