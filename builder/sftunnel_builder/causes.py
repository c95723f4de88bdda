"""Why tunnels fail: each cause in words, and what to do about it.

Sources: tech note 222464 (expiry), defect CSCwa10423 (weak digest), reports from the field on
release 7.6 (TLS 1.3), RFC 8446 section 6.2 (alerts). What is not known is not guessed: it is
reported by number.
"""

from __future__ import annotations

from enum import Enum

from sftunnel_builder.words import N_, _


class Cause(Enum):
    """A cause: its name for programs, what it is in words, and what to do."""

    EXPIRED = (
        "expired",
        N_("a certificate has expired"),
        N_(
            "on the FMC, look at the CA's date (openssl x509 -enddate -noout -in "
            "/etc/sf/ca_root/cacert.pem); if it has passed, run generate_certs.pl of the hotfix "
            "there, once, then 'sftunnel-bundler build' for the devices that it did not reach; if "
            "that has been done, install this peer's bundle"
        ),
    )
    WRONG_CA = (
        "wrong-ca",
        N_("the two sides have certificates of different CAs"),
        N_(
            "one side has an older trio, or generate_certs.pl ran again since: 'sftunnel-bundler "
            "build' from the FMC's files of today, and install the bundle on the device"
        ),
    )
    NOT_YET_VALID = (
        "clock",
        N_("a certificate is not valid yet: a clock is wrong"),
        N_("compare 'date -u' on both sides and set NTP or the time; leave the certificates alone"),
    )
    WEAK_DIGEST = (
        "weak-digest",
        N_("the CA signed with a digest that is too weak for this release (defect CSCwa10423)"),
        N_(
            "issue the certificates anew with generate_certs.pl of the hotfix, then "
            "'sftunnel-bundler build', and install the bundle"
        ),
    )
    PURPOSE = (
        "purpose",
        N_("a certificate is not one for this use: another file stands in its place"),
        N_(
            "compare the three files in the peer directory with those on the FMC; install the "
            "whole bundle rather than single files"
        ),
    )
    TLS13_MISMATCH = (
        "tls13-mismatch",
        N_(
            "the handshake succeeds, then the client's certificate is not accepted (TLS 1.3, "
            "release 7.6)"
        ),
        N_(
            "known from sides that have certificates of different CAs: compare the two cacert.pem; "
            "'sftunnel-bundler build' from the FMC's files of today, and install the bundle"
        ),
    )
    KEY_MISMATCH = (
        "key-mismatch",
        N_("the certificate and the key on the side that logs this do not belong together"),
        N_("the trio is a mix of two: install the whole bundle rather than single files"),
    )
    OTHER_VERIFY = (
        "other-verify",
        N_("a certificate was not accepted for another reason"),
        N_(
            "there is no advice for this number here: look it up in OpenSSL's x509_vfy.h, compare "
            "the trio with the FMC's, and show the line to the vendor's support"
        ),
    )
    HANDSHAKE = (
        "handshake",
        N_("the TLS handshake fails, and this log does not say why"),
        N_("read the log of the other side, too: the side that refuses says the reason"),
    )
    UNREACHABLE = (
        "unreachable",
        N_("no connection: the other side is not reached"),
        N_(
            "this is no matter of certificates: look at routing, access lists and NAT for TCP "
            "8305, both ways; where it is refused, whether sftunnel runs on the other side (pmtool "
            "status)"
        ),
    )
    DOWN = (
        "down",
        N_("the tunnel is down or went down, and no reason is given"),
        N_("read the messages of both sides with this command: they say the reason"),
    )
    NO_ANSWER = (
        "no-answer",
        N_("sftunnel did not answer the question for its status"),
        N_("look whether sftunnel runs (pmtool status); read the messages with this command"),
    )

    def __init__(self, code: str, words: str, advice: str) -> None:
        """Hold what a program, a person and an operator need to know of it."""
        self.code = code
        self._words = words
        self._advice = advice

    @property
    def words(self) -> str:
        """What it is, in the chosen language."""
        return _(self._words)

    @property
    def advice(self) -> str:
        """What to do about it, in the chosen language."""
        return _(self._advice)


ABOUT_CERTIFICATES = frozenset(
    {
        Cause.EXPIRED,
        Cause.WRONG_CA,
        Cause.NOT_YET_VALID,
        Cause.WEAK_DIGEST,
        Cause.PURPOSE,
        Cause.TLS13_MISMATCH,
        Cause.KEY_MISMATCH,
        Cause.OTHER_VERIFY,
    }
)
"""The latest of these leads, whatever else was seen of a peer."""

VAGUE = frozenset({Cause.HANDSHAKE, Cause.DOWN, Cause.NO_ANSWER})
"""These say that, not why: within one attempt any other cause stands for them."""

STANDING_ADVICE = N_(
    "While other tunnels are up and the CA has expired: do not restart, reboot or upgrade anything."
)

_BY_NUMBER = {
    7: Cause.WRONG_CA,
    9: Cause.NOT_YET_VALID,
    10: Cause.EXPIRED,
    18: Cause.WRONG_CA,
    19: Cause.WRONG_CA,
    20: Cause.WRONG_CA,
    21: Cause.WRONG_CA,
    26: Cause.PURPOSE,
    68: Cause.WEAK_DIGEST,
}

_BY_ALERT = {"certificate expired": Cause.EXPIRED, "unknown ca": Cause.WRONG_CA}


def cause_of_verify_error(number: int) -> Cause:
    """Return the cause that a verify error (X509_V_ERR) stands for."""
    return _BY_NUMBER.get(number, Cause.OTHER_VERIFY)


def cause_of_alert(description: str) -> Cause:
    """Return what a TLS alert, in OpenSSL's words (`unknown ca`), says of the other side's check.

    An alert that may mean several things is only a handshake that failed.
    """
    return _BY_ALERT.get(description.lower(), Cause.HANDSHAKE)
