# shellcheck shell=sh
# What is on this device now, as text or as a line of JSON, its keys sorted. Reads only; takes no lock.

do_status() {
    read_identity
    find_interrupted
    [ "$json" = no ] || exec 3>&1 >/dev/null
    step device "$this_uuid${this_model:+, $this_model}"
    list=''
    for dir in "$peers"/*; do
        [ ! -d "$dir" ] || ! is_uuid "${dir##*/}" || look_at_peer
    done
    of_peers=$list list='' of_staged=null
    [ ! -f "$state/staged/bundle.conf" ] || look_at_staged
    for dir in "$state"/backups/[0-9][0-9][0-9][0-9]-*; do
        [ -f "$dir/backup.conf" ] || continue
        value_of verb "$dir/backup.conf"
        id=${dir##*/} undone=false note='' object=''
        [ ! -e "$dir/undone" ] || undone=true note=', which came to nothing'
        step backup "$id, made by $value$note"
        add_text id "$id"
        object="$object,\"undone\":$undone"
        add_text verb "$value"
        list="$list,{${object#,}}"
    done
    of_backups=$list list=''
    for file in "$state"/signers/*; do [ ! -f "$file" ] || look_at_signer; done
    if [ "$json" = no ]; then warn_interrupted; else status_json >&3; fi
}

status_json() {
    interrupted=null running=null
    case $phase in '') ;; running) running=${holder%%:*} ;; *) json_text "$cut_verb"; interrupted="{\"phase\":\"$phase\",\"verb\":$quoted}" ;; esac
    json_text "$this_model"
    printf '{"backups":[%s],"device":{"model":%s,"uuid":"%s"},"format":1,"interrupted":%s,' "${of_backups#,}" "$quoted" "$this_uuid" "$interrupted"
    printf '"peers":[%s],"running":%s,"signers":[%s],"staged":%s}\n' "${of_peers#,}" "$running" "${list#,}" "$of_staged"
}

# json_text TEXT: sets $quoted, a JSON string.
json_text() {
    swap "$1" '[[:cntrl:]]' '?'
    swap "$swapped" '[\\]' "\\\\"
    swap "$swapped" '"' '\"'
    quoted="\"$swapped\""
}

# add_text KEY TEXT: to $object.
add_text() {
    json_text "$2"
    object="$object,\"$1\":$quoted"
}

look_at_staged() {
    value_of bundle_id "$state/staged/bundle.conf"
    id=$value object=''
    add_text bundle "$id"
    value_of device_name "$state/staged/bundle.conf"
    add_text device_name "$value"
    step staged "bundle $id for $value: activate commits it"
    of_staged="{${object#,}}"
}

# look_at_signer: $file.
look_at_signer() {
    object=''
    value_of bundle "$file"
    add_text bundle "$value"
    add_text fingerprint "${file##*/}"
    value_of pinned "$file"
    add_text pinned "$value"
    step signer "${file##*/} is pinned since $value"
    list="$list,{${object#,}}"
}

# look_at_peer: $dir.
look_at_peer() {
    step peer "FMC ${dir##*/}"
    look_at_certificate cacert.pem
    ca=$certificate litter=''
    look_at_certificate sftunnel-cert.pem
    # With an empty passphrase, or it asks for one.
    of_key=$(echo | openssl pkey -pubout -in "$dir/sftunnel-key.pem" -passin stdin 2>/dev/null) || of_key=''
    of_cert=$(exec 2>/dev/null; openssl x509 -noout -pubkey -in "$dir/sftunnel-cert.pem") || of_cert=none
    key_is=unreadable
    [ -z "$of_key" ] || key_is=another
    [ "$of_key" != "$of_cert" ] || key_is=matching
    if [ "$key_is" = matching ]; then step '' "sftunnel-key.pem: the certificate's"; else step '' "sftunnel-key.pem: NOT THE CERTIFICATE'S ($key_is)"; fi
    # A paste by hand leaves invisible bytes in names.
    for file in "$dir"/*.pem?*; do
        [ -e "$file" ] || continue
        printable "${file##*/}"
        step '' "also there: '$swapped'"
        json_text "$swapped"
        litter="$litter,$quoted"
    done
    list="$list,{\"ca\":$ca,\"certificate\":$certificate,\"fmc\":\"${dir##*/}\",\"key\":\"$key_is\",\"litter\":[${litter#,}]}"
}

# look_at_certificate NAME: in $dir; sets $certificate, its JSON.
look_at_certificate() {
    certificate=null
    shown=$(exec 2>/dev/null; openssl x509 -noout -subject -nameopt RFC2253 -enddate -fingerprint -sha256 -in "$dir/$1") || { step '' "$1: MISSING, OR NOT A CERTIFICATE"; return 0; }
    shown=$nl$shown$nl
    subject=${shown#*"${nl}subject="} not_after=${shown#*"${nl}notAfter="} fingerprint=${shown##*Fingerprint=}
    trim "${subject%%"$nl"*}"
    printable "$trimmed"
    subject=$swapped not_after=${not_after%%"$nl"*}
    hex_digits "$fingerprint"
    # shellcheck disable=SC2046
    count_days $(date -u '+%b %d %H:%M:%S %Y')
    today=$days now=${iso_time#*T}
    # shellcheck disable=SC2086
    count_days $not_after
    days_left=$((days - today))
    # A day that has begun is not left any more.
    in_order "$now" "${iso_time#*T}" || days_left=$((days_left - 1))
    until="valid until $not_after, $days_left days left"
    [ "$days_left" -ge 0 ] || until="EXPIRED, was valid until $not_after"
    step '' "$1: subject $subject"
    step '' "$1: SHA-256 fingerprint $digits"
    step '' "$1: $until"
    json_text "$subject"
    certificate="{\"days_left\":$days_left,\"fingerprint\":\"$digits\",\"not_after\":\"$iso_time\",\"subject\":$quoted}"
}

# warn_interrupted: for the verbs that never write.
warn_interrupted() {
    case $phase in
    running) warn "another run is at work: process ${holder%%:*}" ;;
    commit) warn "an earlier $cut_verb was interrupted: recover puts the old trio back, as do install and rollback before anything else" ;;
    unusable) warn "'$journal' names no usable backup: compare the files in '$peers' with those in '$state/backups' by hand" ;;
    restart) warn "after an earlier $cut_verb sftunnel was not seen to come up: recover restarts it again" ;;
    esac
}

# find_interrupted: sets $phase: running, commit, restart, unusable, or nothing.
find_interrupted() {
    phase=''
    find_holder
    if is_held; then phase=running; elif [ -f "$journal" ]; then read_journal || :; fi
}
