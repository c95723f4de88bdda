# shellcheck shell=sh
# The command line, turned into variables.

usage() {
    cat <<'END'
usage: sh install.sh [check|status|install|activate|rollback|recover] [options]

  check      verify bundle, device and trio; change nothing
  status     show what is installed, staged, backed up or interrupted; change nothing
  install    verify, back up, replace the trio, restart sftunnel, confirm (the default)
  activate   commit what install --stage-only left ready, restart sftunnel, confirm
  rollback   put the trio of a backup back, restart sftunnel
  recover    finish or undo what an interrupted run left, nothing else

  --signer FPR           fingerprint of the signer to trust, from the printed runbook
  --digest HEX           SHA-256 of the bundle's SHA256SUMS, from the printed runbook,
                         in place of a signature
  --root DIR             act on DIR instead of /: a rehearsal on a copy of a device
  --yes                  ask nothing
  --passphrase-file F    file whose first line is the key's passphrase (else it is asked)
  --backup ID            which backup to roll back to (default: the newest of an install)
  --keep N               how many backups to keep (default 5)
  --export-backup DIR    write the backup to DIR, too, as one .tar.gz (it holds a private
                         key); with recover: that of --backup, or the newest
  --no-restart           leave sftunnel alone
  --wait SECONDS         how long to wait for the tunnel (default 60; 0: do not look;
                         after a rollback it is only waited for if this is given)
  --stage-only           everything but the commit; activate does the rest later
  --allow-older          accept a bundle of an older generate_certs.pl run
  --receipt-dir DIR      where else to write the receipt (default: beside the bundle)
  --forget-signer FPR    with recover: trust this pinned signer no longer
  --json                 with status: print JSON
END
}

parse_options() {
    while [ $# -gt 0 ]; do
        case $1 in
        check | status | install | activate | rollback | recover)
            [ -z "$verb" ] || die 2 "two verbs: '$verb' and '$1'" 'give one; --help lists them'
            verb=$1 ;;
        --yes) yes=yes ;;
        --no-restart) restart=no ;;
        --stage-only) stage_only=yes ;;
        --allow-older) allow_older=yes ;;
        --json) json=yes ;;
        --help | -h) usage; exit 0 ;;
        --version) say "sftunnel-bundler installer $installer_version"; exit 0 ;;
        --?*=*) option=${1%%=*} value=${1#*=}; shift; set -- "$option" "$value" "$@"; continue ;;
        --signer | --root | --passphrase-file | --backup | --wait | --receipt-dir | --keep | --export-backup | --forget-signer | --digest)
            [ $# -gt 1 ] && [ -n "$2" ] || die 2 "option '$1' needs a value" '--help shows what each takes'
            set_option "$1" "$2"
            shift ;;
        *) die 2 "unknown word '$1'" '--help lists the verbs and options' ;;
        esac
        shift
    done
    : "${verb:=$default_verb}"
    [ "$stage_only" = no ] || goes_with --stage-only install
    [ "$json" = no ] || goes_with --json status
    [ -z "$digest" ] || goes_with --digest check install
    [ -z "$forgotten" ] || goes_with --forget-signer recover
    [ -z "$backup_wanted" ] || goes_with --backup rollback recover
    [ -z "$export_dir" ] || [ "$stage_only$verb" = noinstall ] || goes_with --export-backup activate rollback recover
}

# goes_with OPTION VERB...
goes_with() {
    option=$1
    shift
    case " $* " in *" $verb "*) ;; *) die 2 "$option does not go with '$verb'" "it is an option of: $*" ;; esac
}

set_option() {
    case $1 in
    --signer | --forget-signer | --digest)
        hex_digits "$2"
        case $digits in *[!0-9a-f]*) digits='' ;; esac
        [ "${#digits}" -eq 64 ] || die 2 "$1 wants 64 hex digits, found '$2'" 'copy them from the printed runbook'
        case $1 in --signer) signers="$signers $digits" ;; --digest) digest=$digits ;; *) forgotten=$digits ;; esac ;;
    --keep)
        case $2 in *[!0-9]* | ???* | 0*) die 2 "--keep wants a whole number from 1 to 99, found '$2'" 'for example --keep 5' ;; esac
        keep=$2 ;;
    --export-backup)
        find_real "$2" || die 2 "--export-backup '$2' is not a directory" 'name a directory that is there, such as that of the mounted stick'
        export_dir=$real ;;
    --wait)
        # A leading 0 would make it octal.
        case $2 in *[!0-9]* | ??????* | 0?*) die 2 "--wait wants whole seconds, found '$2'" 'for example --wait 120' ;; esac
        wait_s=$2 ;;
    --root) root=$2 ;;
    --passphrase-file) passphrase_file=$2 ;;
    --backup) backup_wanted=$2 ;;
    --receipt-dir) receipt_dir=$2 ;;
    esac
}
