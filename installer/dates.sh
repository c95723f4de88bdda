# shellcheck shell=sh
# The dates that openssl prints, as figures that can be compared.

# count_days MONTH DAY TIME YEAR: sets $days, since 1970, and $iso_time. busybox's date cannot, and
# -checkend of openssl 1.0.2 is wrong from 2050 on.
count_days() {
    month_number=JanFebMarAprMayJunJulAugSepOctNovDec
    month_number=${month_number%%"$1"*}
    month_number=$((${#month_number} / 3 + 1))
    # A year that begins in March has the leap day as its last.
    year=$(($4 - (month_number < 3)))
    days=$((365 * year + year / 4 - year / 100 + year / 400 + (153 * ((month_number + 9) % 12) + 2) / 5 + ${2#0} - 719469))
    iso_month=0$month_number iso_day=0${2#0}
    iso_time=$4-${iso_month#"${iso_month%??}"}-${iso_day#"${iso_day%??}"}T$3Z
}

# in_order TIME TIME: such as 2026-11-28T09:30:00Z.
# shellcheck disable=SC3012
in_order() { [ "$1" = "$2" ] || [ "$1" \< "$2" ]; }

# count_start: of $facts, notBefore.
count_start() {
    facts=${facts##*notBefore=}
    # shellcheck disable=SC2086
    count_days ${facts%%"$nl"*}
}
