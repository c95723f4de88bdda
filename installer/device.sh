# shellcheck shell=sh
# Step 3: is this the device that the plan is for? (Not by a peer directory's ims.conf: that is the FMC's.)

read_identity() {
    [ -r "$ims_conf" ] || die 5 "cannot read '$ims_conf'" 'this does not look like an FTD or FMC; in a rehearsal, the copy needs /etc/sf/ims.conf too'
    this_uuid='' this_model=''
    while key='' && { IFS='=' read -r key value || [ -n "${key-}" ]; }; do
        trim "$key"
        case $trimmed in
        APPLIANCE_UUID) trim "$value"; this_uuid=$trimmed ;;
        MODEL) trim "$value"; this_model=$trimmed ;;
        esac
    done <"$ims_conf"
    lower_hex "$this_uuid"
    this_uuid=$swapped
    is_uuid "$this_uuid" || die 5 "'$ims_conf' holds no usable APPLIANCE_UUID" "look at it: grep APPLIANCE_UUID '$ims_conf'"
    printable "$this_model"
    this_model=$swapped
}

# trim TEXT: sets $trimmed: without blanks, CR and quotes around it.
trim() {
    trimmed=${1#"${1%%[![:space:]]*}"}
    trimmed=${trimmed%"${trimmed##*[![:space:]]}"}
    case $trimmed in \"*\" | \'*\') trimmed=${trimmed#?} trimmed=${trimmed%?} ;; esac
}

check_device() {
    read_identity
    device_hint='find the bundle of this device in the kit; a device that was reimaged has a new UUID and needs a new bundle'
    case $this_model in *'Management Center'* | *'Defense Center'*) device_hint='this is an FMC: find the firewall, or the bundle of this FMC in the kit' ;; esac
    [ "$this_uuid" = "$device_uuid" ] || die 5 \
        "wrong device: the files are for '$device_name', '$device_uuid'; this is '$this_uuid'${this_model:+, $this_model}" "$device_hint"
    step device "ims.conf says $this_uuid: it is $device_name, as wanted"
    for fmc in $fmcs; do
        [ ! -L "$peers/$fmc" ] || die 5 "the peer directory '$peers/$fmc' is a symbolic link" 'sftunnel makes plain directories: find out what made this link, then remove it'
        [ -d "$peers/$fmc" ] || die 5 \
            "there is no peer directory '$peers/$fmc'" "this device is not registered with that FMC; with which it is: ls '$peers'"
        step '' "peer directory $peers/$fmc is there"
    done
}
