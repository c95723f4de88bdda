# shellcheck shell=sh
# Step 3: is this the device that the bundle was made for? Its identity is the APPLIANCE_UUID in its
# own /etc/sf/ims.conf; the ims.conf in a peer directory describes the other side. Exit 5 if not.

# read_identity: sets this_uuid and this_model from ims.conf: KEY=value, the value maybe quoted.
read_identity() {
    [ -r "$ims_conf" ] || die 5 "cannot read '$ims_conf'" 'this does not look like an FTD or FMC; in a rehearsal, the copy needs /etc/sf/ims.conf too'
    this_uuid='' this_model=''
    while IFS='=' read -r key value || [ -n "$key" ]; do
        key=${key#"${key%%[! 	]*}"} key=${key%"${key##*[! 	]}"}
        case $key in APPLIANCE_UUID | MODEL) ;; *) continue ;; esac
        value=$(printf '%s' "$value" | tr -d '\r' | sed "s/^[[:blank:]]*//; s/[[:blank:]]*\$//; s/^\\([\"']\\)\\(.*\\)\\1\$/\\2/")
        case $key in
        APPLIANCE_UUID) this_uuid=$(printf '%s' "$value" | tr A-F a-f) ;;
        MODEL) this_model=$value ;;
        esac
    done <"$ims_conf"
    is_uuid "$this_uuid" || die 5 "'$ims_conf' holds no usable APPLIANCE_UUID" "look at it: grep APPLIANCE_UUID '$ims_conf'"
}

# check_device: this device's UUID is the plan's, and every peer directory is here.
check_device() {
    read_identity
    [ "$this_uuid" = "$device_uuid" ] || die 5 \
        "wrong device: the files are for '$device_name', '$device_uuid'; this is '$this_uuid'${this_model:+, $this_model}" \
        'find the bundle of this device in the kit; a device that was reimaged has a new UUID and needs a new bundle'
    for fmc in $fmcs; do
        [ -d "$peers/$fmc" ] && [ ! -L "$peers/$fmc" ] || die 5 \
            "there is no peer directory '/var/sf/peers/$fmc'" \
            "this device is not registered with that FMC; ls $peers shows with which it is"
    done
    step device "$this_uuid is $device_name, as wanted"
}
