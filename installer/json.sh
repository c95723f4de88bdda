# shellcheck shell=sh
# JSON, for programs: how a text and a list are written, and what status says, in one line with
# sorted keys.

status_json() {
    find_interrupted
    printf '{"backups":%s,' "$(json_backups | json_list '[]')"
    printf '"device":{"model":%s,"uuid":"%s"},"format":1,' "$(json_text "$this_model")" "$this_uuid"
    case $phase in '' | running) printf '"interrupted":null,' ;; *) printf '"interrupted":{"phase":"%s","verb":%s},' "$phase" "$(json_text "$cut_verb")" ;; esac
    printf '"peers":%s,' "$(json_peers | json_list '[]')"
    if [ "$phase" = running ]; then printf '"running":%s,' "${holder%%:*}"; else printf '"running":null,'; fi
    printf '"signers":%s,"staged":' "$(json_signers | json_list '[]')"
    if [ -f "$state/staged/bundle.conf" ]; then
        printf '{"bundle":%s,"device_name":%s}}\n' "$(json_text "$(value_of bundle_id "$state/staged/bundle.conf")")" "$(json_text "$(value_of device_name "$state/staged/bundle.conf")")"
    else
        printf 'null}\n'
    fi
}

# json_text TEXT: a JSON string.
json_text() { printf '"%s"' "$(printf '%s' "$1" | tr '\001-\037\177' '?' | sed 's/[\\"]/\\&/g')"; }

# json_list BRACKETS: the lines of standard input as a list, or members of an object.
json_list() { printf '%s%s%s' "${1%?}" "$(tr '\n' ',' | sed 's/,$//')" "${1#?}"; }

json_backups() {
    for dir in "$state"/backups/[0-9][0-9][0-9][0-9]-*; do
        [ -f "$dir/backup.conf" ] || continue
        if [ -e "$dir/undone" ]; then undone=true; else undone=false; fi
        printf '{"id":%s,"undone":%s,"verb":%s}\n' "$(json_text "${dir##*/}")" "$undone" "$(json_text "$(value_of verb "$dir/backup.conf")")"
    done
}

json_signers() {
    for file in "$state"/signers/*; do
        [ ! -f "$file" ] || printf '{"bundle":%s,"fingerprint":%s,"pinned":%s}\n' "$(json_text "$(value_of bundle "$file")")" \
            "$(json_text "${file##*/}")" "$(json_text "$(value_of pinned "$file")")"
    done
}

json_peers() {
    for fmc in $(ls_peers); do
        read_key
        printf '{"ca":%s,"certificate":%s,"fmc":"%s","key":"%s","litter":%s}\n' "$(json_certificate cacert.pem)" \
            "$(json_certificate sftunnel-cert.pem)" "$fmc" "$key_is" "$(json_litter | json_list '[]')"
    done
}

json_litter() { ls_litter | while IFS= read -r litter; do printf '%s\n' "$(json_text "$litter")"; done; }

# json_certificate NAME: of $fmc.
json_certificate() {
    name=$1
    if read_certificate; then
        # shellcheck disable=SC2086
        set -- $not_after
        count_days "$@"
        printf '{"days_left":%s,"fingerprint":"%s","not_after":"%s","subject":%s}' "$days_left" "$fingerprint" "$iso_time" "$(json_text "$subject")"
    else
        printf null
    fi
}
