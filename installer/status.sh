# shellcheck shell=sh
# What is on this device now, as text or as a line of JSON, its keys sorted. Reads only; takes no lock.

do_status() {
    read_identity
    find_interrupted
    [ "$json" = no ] || exec 3>&1 >/dev/null
    step device "$this_uuid${this_model:+, $this_model}"
    list=''
    for dir in "$peers"/????????-????-????-????-????????????; do
        [ ! -d "$dir" ] || ! is_uuid "${dir##*/}" || look_at_peer
    done
    of_peers=$list list='' of_staged=null
    if [ -f "$state/staged/bundle.conf" ]; then
        id=$(value_of bundle_id "$state/staged/bundle.conf") name=$(value_of device_name "$state/staged/bundle.conf")
        step staged "bundle $id for $name: activate commits it"
        of_staged="{\"bundle\":$(json_text "$id"),\"device_name\":$(json_text "$name")}"
    fi
    for dir in "$state"/backups/[0-9][0-9][0-9][0-9]-*; do
        [ -f "$dir/backup.conf" ] || continue
        id=${dir##*/} made_by=$(value_of verb "$dir/backup.conf") undone=false note=''
        [ ! -e "$dir/undone" ] || undone=true note=', which came to nothing'
        step backup "$id, made by $made_by$note"
        list="$list,{\"id\":$(json_text "$id"),\"undone\":$undone,\"verb\":$(json_text "$made_by")}"
    done
    of_backups=$list list=''
    for file in "$state"/signers/*; do
        [ -f "$file" ] || continue
        id=${file##*/} since=$(value_of pinned "$file")
        step signer "$id is pinned since $since"
        list="$list,{\"bundle\":$(json_text "$(value_of bundle "$file")"),\"fingerprint\":$(json_text "$id"),\"pinned\":$(json_text "$since")}"
    done
    if [ "$json" = no ]; then warn_interrupted; else status_json >&3; fi
}

status_json() {
    interrupted=null running=null
    case $phase in '') ;; running) running=${holder%%:*} ;; *) interrupted="{\"phase\":\"$phase\",\"verb\":$(json_text "$cut_verb")}" ;; esac
    printf '{"backups":[%s],"device":{"model":%s,"uuid":"%s"},"format":1,"interrupted":%s,' "${of_backups#,}" "$(json_text "$this_model")" "$this_uuid" "$interrupted"
    printf '"peers":[%s],"running":%s,"signers":[%s],"staged":%s}\n' "${of_peers#,}" "$running" "${list#,}" "$of_staged"
}

# json_text TEXT: a JSON string.
json_text() { printf '"%s"' "$(printf '%s' "$1" | tr '\001-\037\177' '?' | sed 's/[\\"]/\\&/g')"; }

# look_at_peer: $dir.
look_at_peer() {
    step peer "FMC ${dir##*/}"
    look_at_certificate cacert.pem
    ca=$certificate litter=''
    look_at_certificate sftunnel-cert.pem
    # With an empty passphrase, or it asks for one.
    of_key=$(echo | openssl pkey -pubout -in "$dir/sftunnel-key.pem" -passin stdin 2>/dev/null) || of_key=''
    of_cert=$(openssl x509 -noout -pubkey -in "$dir/sftunnel-cert.pem" 2>/dev/null) || of_cert=none
    key_is=unreadable
    [ -z "$of_key" ] || key_is=another
    [ "$of_key" != "$of_cert" ] || key_is=matching
    if [ "$key_is" = matching ]; then step '' "sftunnel-key.pem: the certificate's"; else step '' "sftunnel-key.pem: NOT THE CERTIFICATE'S ($key_is)"; fi
    # A paste by hand leaves invisible bytes in names.
    for file in "$dir"/*.pem?*; do
        [ -e "$file" ] || continue
        name=$(printf '%s' "${file##*/}" | tr -c '\040-\176' '?')
        step '' "also there: '$name'"
        litter="$litter,$(json_text "$name")"
    done
    list="$list,{\"ca\":$ca,\"certificate\":$certificate,\"fmc\":\"${dir##*/}\",\"key\":\"$key_is\",\"litter\":[${litter#,}]}"
}

# look_at_certificate NAME: in $dir; sets $certificate, its JSON.
look_at_certificate() {
    certificate=null
    shown=$(openssl x509 -noout -subject -nameopt RFC2253 -enddate -fingerprint -sha256 -in "$dir/$1" 2>/dev/null) || { step '' "$1: MISSING, OR NOT A CERTIFICATE"; return 0; }
    subject=$(printf '%s\n' "$shown" | sed -n 's/^subject= *//p' | tr -c '\040-\176\n' '?')
    fingerprint=$(printf '%s\n' "$shown" | sed -n 's/.*Fingerprint=//p' | tr -d : | tr A-F a-f)
    not_after=$(printf '%s\n' "$shown" | sed -n 's/^notAfter=//p')
    # shellcheck disable=SC2046
    count_days $(date -u '+%b %d %H:%M:%S %Y')
    today=$days now=${iso_time#*T}
    # shellcheck disable=SC2086
    count_days $not_after
    days_left=$((days - today))
    # A day that has begun is not left any more.
    [ "$(printf '%s\n' "$now" "${iso_time#*T}" | sort | head -n 1)" = "$now" ] || days_left=$((days_left - 1))
    until="valid until $not_after, $days_left days left"
    [ "$days_left" -ge 0 ] || until="EXPIRED, was valid until $not_after"
    step '' "$1: subject $subject"
    step '' "$1: SHA-256 fingerprint $fingerprint"
    step '' "$1: $until"
    certificate="{\"days_left\":$days_left,\"fingerprint\":\"$fingerprint\",\"not_after\":\"$iso_time\",\"subject\":$(json_text "$subject")}"
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
