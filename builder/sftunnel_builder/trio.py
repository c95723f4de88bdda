"""Does a trio hang together, and is it this device's? Decided without disk, clock or network.

The checks, in order; each one that fails raises, and the code below carries the same numbers:

 1. the three files parse: one certificate each, one unencrypted RSA key
 2. both public keys have at least 2048 bits
 3. both signatures use SHA-256 or stronger
 4. the CA signed itself
 5. the certificate was issued by that CA: its name and its signature
 6. both certificates hold now
 7. the certificate serves a TLS client and a TLS server
 8. the CA's common name is the UUID of the FMC whose peer directory it goes to
 9. the certificate's title is the device's UUID
10. the key is the certificate's
11. the key's numbers fit together
12. the CA was made by the generate_certs.pl run that FAILED_PUSH is of
13. FAILED_PUSH lists all three files, from and to the places that belong to device and FMC

The first eleven are `check_trio`; 12 is `check_run`; 13 needs no certificate, and is in `devices`.

A field that is missing, where another version of the FMC may have left it out, is a warning; one
that says something else is an error.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sftunnel_builder.certificates import Certificate, load_certificate
from sftunnel_builder.errors import BundlerError, printable
from sftunnel_builder.private_key import canonical_pem, is_sound, load_private_key
from sftunnel_builder.words import N_, _

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import rsa

TRIO_NAMES = ("cacert.pem", "sftunnel-cert.pem", "sftunnel-key.pem")
"""The trio's file names, in the order in which they stand in bundles."""

MIN_RSA_BITS = 2048
RUN_SLACK_S = 60
"""How far behind its run a CA may date."""
STRONG_DIGESTS = {"sha256", "sha384", "sha512"}
RENEW = N_("run generate_certs.pl on the FMC, then build again")
SAME_RUN = N_("take all three files from one generate_certs.pl run")


@dataclass(frozen=True)
class TrioFiles:
    """The three PEM files as read, and what to call each in messages."""

    cacert: bytes
    cert: bytes
    key: bytes
    places: tuple[str, str, str] = TRIO_NAMES


@dataclass(frozen=True)
class CheckedTrio:
    """A trio that passed every check."""

    files: dict[str, bytes]
    """What must land on the device, by name: the certificates as they were, the key canonical."""
    ca: Certificate
    cert: Certificate
    warnings: tuple[str, ...]

    def sha256(self, name: str) -> str:
        """Return the SHA-256 of what must land under a name, 64 hex digits."""
        return hashlib.sha256(self.files[name]).hexdigest()


def check_trio(files: TrioFiles, *, device_uuid: str, fmc_uuid: str, now: datetime) -> CheckedTrio:
    """Check a trio against the list at the top of this file.

    The UUIDs are those that the files were meant for; now is UTC. Raises BundlerError (REFUSED)
    that names the file.
    """
    ca, cert, warnings = check_certificates(
        files, device_uuid=device_uuid, fmc_uuid=fmc_uuid, now=now
    )
    _ca_place, cert_place, key_place = files.places
    key = load_private_key(files.key, key_place)  # 1
    _check_key(key, cert, key_place, cert_place)  # 10, 11
    canonical = canonical_pem(key)
    if canonical != files.key:
        warnings.append(_("'{place}' was converted to canonical PKCS#8").format(place=key_place))
    landing = (files.cacert, files.cert, canonical)
    return CheckedTrio(dict(zip(TRIO_NAMES, landing, strict=True)), ca, cert, tuple(warnings))


def check_certificates(
    files: TrioFiles, *, device_uuid: str, fmc_uuid: str, now: datetime
) -> tuple[Certificate, Certificate, list[str]]:
    """Check all but the key, which may be locked; returns CA, certificate and warnings."""
    ca_place, cert_place, _key_place = files.places
    ca = load_certificate(files.cacert, ca_place)  # 1
    cert = load_certificate(files.cert, cert_place)
    both = ((ca, ca_place), (cert, cert_place))
    for each, place in both:
        _check_strength(each, place)  # 2, 3
    _check_chain(ca, cert, ca_place, cert_place)  # 4, 5
    for each, place in both:
        _check_dates(each, place, now)  # 6
    warnings = [
        *_check_usage(cert, cert_place),  # 7
        *_check_name(_("common name"), ca.common_name, fmc_uuid, "FMC", ca_place),  # 8
        *_check_name(_("title"), cert.title, device_uuid, _("device"), cert_place),  # 9
    ]
    return ca, cert, warnings


def check_run(ca: Certificate, place: str, run_id: int | None, run_ids: Sequence[int]) -> int:
    """Return the id of the run that made a CA; check 12.

    run_id is that of FAILED_PUSH, None if there is none; run_ids are those of all runs that the
    FMC has a directory of, oldest first. A run's id is the Unix time seconds before its CA's
    notBefore. Raises BundlerError (REFUSED) when the CA is of a later run than FAILED_PUSH.
    """
    made = max(int(ca.not_before_utc.timestamp()), 0)
    fitting = [each for each in run_ids if each <= made + RUN_SLACK_S]
    if run_id is None:
        return max(fitting, default=made)
    later = [each for each in fitting if each > run_id]  # 12
    if later:
        raise BundlerError(
            _("FAILED_PUSH is of run '{run}', and '{place}' was made by run '{later}'").format(
                run=run_id, place=place, later=later[-1]
            ),
            _("use /var/tmp/certs/{later}/FAILED_PUSH, or --all-devices").format(later=later[-1]),
        )
    return run_id


def _check_chain(ca: Certificate, cert: Certificate, ca_place: str, cert_place: str) -> None:
    """Checks 4 and 5."""
    if not ca.is_issued_by(ca):
        raise BundlerError(
            _("'{place}' is not signed by its own key, so it is not the FMC's internal CA").format(
                place=ca_place
            ),
            _("take /etc/sf/ca_root/cacert.pem of the FMC"),
        )
    if not cert.is_issued_by(ca):
        raise BundlerError(
            _("'{cert_place}' was not issued by the CA in '{ca_place}'").format(
                cert_place=cert_place, ca_place=ca_place
            ),
            _hint_at_run(ca, cert),
        )


def _hint_at_run(ca: Certificate, cert: Certificate) -> str:
    """Say which of two files is older: both begin to hold seconds after their run."""
    if cert.not_before_utc == ca.not_before_utc:
        return _(SAME_RUN)
    text = (
        _("{same_run}: the certificate is of an older one, {made}, the CA of {ca_made} UTC")
        if cert.not_before_utc < ca.not_before_utc
        else _("{same_run}: the certificate is of a later one, {made}, the CA of {ca_made} UTC")
    )
    return text.format(
        same_run=_(SAME_RUN),
        made=f"{cert.not_before_utc:%Y-%m-%d %H:%M}",
        ca_made=f"{ca.not_before_utc:%Y-%m-%d %H:%M}",
    )


def _check_key(key: rsa.RSAPrivateKey, cert: Certificate, place: str, cert_place: str) -> None:
    """Checks 10 and 11."""
    if key.public_key() != cert.public_key():
        raise BundlerError(
            _("the key in '{place}' is not that of '{cert_place}'").format(
                place=place, cert_place=cert_place
            ),
            _(SAME_RUN),
        )
    if not is_sound(key):
        raise BundlerError(
            _("the key in '{place}' is damaged: its numbers do not fit together").format(
                place=place
            ),
            _("copy '{place}' from the FMC again").format(place=place),
        )


def _check_dates(cert: Certificate, place: str, now: datetime) -> None:
    """Check 6."""
    if now > cert.not_after_utc:
        raise BundlerError(
            _("'{place}' expired on {end} UTC").format(
                place=place, end=f"{cert.not_after_utc:%Y-%m-%d %H:%M:%S}"
            ),
            _(RENEW),
        )
    if now < cert.not_before_utc:
        raise BundlerError(
            _("'{place}' is not valid before {begins} UTC, and the clock here says {now}").format(
                place=place,
                begins=f"{cert.not_before_utc:%Y-%m-%d %H:%M:%S}",
                now=f"{now:%Y-%m-%d %H:%M:%S}",
            ),
            _("set the clock of this machine, or look at that of the FMC"),
        )


def _check_strength(cert: Certificate, place: str) -> None:
    """Checks 2 and 3. Weak digests are the vendor's defect CSCwa10423."""
    from cryptography.hazmat.primitives.asymmetric import rsa

    public = cert.public_key()
    if not isinstance(public, rsa.RSAPublicKey):
        raise BundlerError(
            _("'{place}' has no RSA key, which sftunnel uses").format(place=place), _(RENEW)
        )
    if public.key_size < MIN_RSA_BITS:
        raise BundlerError(
            _("'{place}' has a key of {bits} bits, wanted at least {wanted}").format(
                place=place, bits=public.key_size, wanted=MIN_RSA_BITS
            ),
            _(RENEW),
        )
    name = cert.digest_name()
    if name not in STRONG_DIGESTS:
        raise BundlerError(
            _("'{place}' is signed with '{name}', wanted SHA-256 or stronger").format(
                place=place, name=name
            ),
            _(RENEW),
        )


def _check_usage(cert: Certificate, place: str) -> list[str]:
    """Check 7; returns a warning when the certificate does not say."""
    from cryptography import x509
    from cryptography.x509.oid import ExtendedKeyUsageOID

    try:
        usage = cert.x509.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return [_("'{place}' does not say what it may be used for").format(place=place)]
    for wanted, word in (
        (ExtendedKeyUsageOID.CLIENT_AUTH, _("client")),
        (ExtendedKeyUsageOID.SERVER_AUTH, _("server")),
    ):
        if wanted not in usage and ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE not in usage:
            raise BundlerError(
                _("'{place}' is not for use as a TLS {word}").format(place=place, word=word),
                _(RENEW),
            )
    return []


def _check_name(field: str, found: str | None, wanted: str, whose: str, place: str) -> list[str]:
    """Checks 8 and 9; returns a warning when the certificate has no such field."""
    if found is None:
        return [
            _(
                "'{place}' has no {field}, which should be the UUID of the {whose}, '{wanted}'"
            ).format(place=place, field=field, whose=whose, wanted=wanted)
        ]
    if found.lower() != wanted:
        raise BundlerError(
            _("'{place}' is for another {whose}: wanted '{wanted}', found '{found}'").format(
                place=place, whose=whose, wanted=wanted, found=printable(found)
            ),
            _("look which device's or FMC's file stands there"),
        )
    return []
