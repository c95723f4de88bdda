"""Vectors of SHA256SUMS, its signature, and signer.pem."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization as s
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)

from sftunnel_builder.lab import der
from vectors.parts import (
    CERT,
    FMC_UUID,
    RSA,
    SIGNER,
    STRANGER,
    TRIO,
    Files,
    bundle,
    ec_key,
    fingerprint,
    pem,
    public_pem,
    sha256,
    sign,
    swap,
)
from vectors.vector import DAMAGED, Vector, of_bundle

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Of the group of P-256 (SEC 2, section 2.4.2)."""
UNFIT = f"{DAMAGED}its signature does not fit SHA256SUMS"
NO_LIST = "4 SHA256SUMS is not a list of checksums"
UNSIGNED = "4 the signature does not fit: SHA256SUMS, its signature or signer.pem is damaged"
FORM = f"{DAMAGED}SHA256SUMS is not in the form of the format"
NO_KEY = "4 'signer.pem' holds no ECDSA P-256 public key"


def list_vectors() -> Iterator[Vector]:
    """Yield them."""
    yield from _damaged_list()
    yield from _signed_list()
    yield from _signatures()
    yield from _signers()


def _damaged_list() -> Iterator[Vector]:
    """What happened on the way, and was not signed."""
    for name, fault, change, verify, check in (
        (
            "content",
            "another RUNBOOK.txt than was signed",
            _put("RUNBOOK.txt", b"Do as I say.\n"),
            f"{DAMAGED}the checksum of 'RUNBOOK.txt' is not the one that SHA256SUMS lists",
            "4 damaged, as its checksum is not the signed one: 'RUNBOOK.txt'",
        ),
        (
            "certificate",
            "another certificate than was signed",
            _put(f"payload/{FMC_UUID}/{CERT}", TRIO[CERT] + b"\n"),
            f"{DAMAGED}the checksum of 'payload/{FMC_UUID}/{CERT}' is not the one",
            "4 damaged, as its checksum is not the signed one: ",
        ),
        (
            "line-ends",
            "RUNBOOK.txt has line ends of CR LF",
            lambda files: {**files, "RUNBOOK.txt": files["RUNBOOK.txt"].replace(b"\n", b"\r\n")},
            f"{DAMAGED}the checksum of 'RUNBOOK.txt'",
            "4 line ends were changed on the way, in 'RUNBOOK.txt'",
        ),
        (
            "missing-file",
            "RUNBOOK.txt is not there",
            _drop("RUNBOOK.txt"),
            f"{DAMAGED}it has no 'RUNBOOK.txt'",
            "4 the bundle lacks what SHA256SUMS lists: 'RUNBOOK.txt'",
        ),
        (
            "extra-file",
            "a file that it does not list",
            _put("extra", b""),
            f"{DAMAGED}it holds 'extra', which SHA256SUMS does not list",
            "4 the bundle holds what SHA256SUMS does not list: 'extra'",
        ),
        (
            "missing",
            "no SHA256SUMS",
            _drop("SHA256SUMS"),
            f"{DAMAGED}it has no 'SHA256SUMS'",
            "4 '",
        ),
        ("empty", "an empty SHA256SUMS", _put("SHA256SUMS", b""), UNFIT, NO_LIST),
        (
            "digit",
            "another digit in it",
            _list(lambda sums: bytes([sums[0] ^ 1]) + sums[1:]),
            UNFIT,
            UNSIGNED,
        ),
        (
            "list-line-ends",
            "SHA256SUMS has line ends of CR LF",
            _list(lambda sums: sums.replace(b"\n", b"\r\n")),
            UNFIT,
            "4 line ends were changed on the way, in 'SHA256SUMS'",
        ),
        (
            "no-signature",
            "no SHA256SUMS.sig",
            _drop("SHA256SUMS.sig"),
            f"{DAMAGED}it has no 'SHA256SUMS.sig'",
            "4 '",
        ),
        (
            "no-signer",
            "no signer.pem",
            _drop("signer.pem"),
            f"{DAMAGED}it has no 'signer.pem'",
            "4 '",
        ),
    ):
        yield of_bundle(f"list/{name}", fault, bundle(signed=change), verify, check)


def _signed_list() -> Iterator[Vector]:
    """A list of another form, which the signer has signed."""
    runbook = sha256(b"A stand-in: test vectors install nothing.\n").encode()
    line = runbook + b"  RUNBOOK.txt\n"
    for name, fault, sums, verify, check in (
        (
            "signed-extra-line",
            "it lists a file that is not there",
            lambda sums: sums + runbook + b"  extra\n",
            f"{DAMAGED}it lacks 'extra', which SHA256SUMS lists",
            "4 the bundle lacks what SHA256SUMS lists: 'extra'",
        ),
        (
            "signed-missing-line",
            "it does not list RUNBOOK.txt",
            swap(line, b""),
            f"{DAMAGED}it holds 'RUNBOOK.txt', which SHA256SUMS does not list",
            "4 the bundle holds what SHA256SUMS does not list: 'RUNBOOK.txt'",
        ),
        (
            "signed-wrong",
            "it lists another checksum of RUNBOOK.txt",
            swap(runbook, sha256(b"").encode()),
            f"{DAMAGED}the checksum of 'RUNBOOK.txt'",
            "4 damaged, as its checksum is not the signed one: 'RUNBOOK.txt'",
        ),
        (
            "signed-doubled",
            "a line twice",
            lambda sums: sums + line,
            FORM,
            "4 SHA256SUMS lists a file twice",
        ),
        (
            "signed-order",
            "its lines are sorted, and not in the order of the archive",
            lambda sums: b"".join(sorted(sums.splitlines(keepends=True))),
            FORM,
            "0",
        ),
        (
            "signed-absolute",
            "it lists an absolute name",
            lambda sums: sums + runbook + b"  /etc/passwd\n",
            f"{DAMAGED}it lacks '/etc/passwd', which SHA256SUMS lists",
            "4 the bundle lacks what SHA256SUMS lists: '/etc/passwd'",
        ),
        (
            "signed-way-out",
            "it lists a name with `..`",
            lambda sums: sums + runbook + b"  ../extra\n",
            f"{DAMAGED}it lacks '../extra', which SHA256SUMS lists",
            "4 SHA256SUMS is not a list of checksums",
        ),
        (
            "signed-dot",
            "`./` before a name",
            swap(b"  RUNBOOK.txt", b"  ./RUNBOOK.txt"),
            f"{DAMAGED}it holds 'RUNBOOK.txt', which SHA256SUMS does not list",
            "4 the bundle holds what SHA256SUMS does not list: 'RUNBOOK.txt'",
        ),
        (
            "signed-one-blank",
            "one blank before a name",
            swap(b"  RUNBOOK.txt", b" RUNBOOK.txt"),
            f"{DAMAGED}it holds 'RUNBOOK.txt', which SHA256SUMS does not list",
            NO_LIST,
        ),
        (
            "signed-binary-mark",
            "the mark of a binary file before a name",
            swap(b"  RUNBOOK.txt", b" *RUNBOOK.txt"),
            f"{DAMAGED}it holds 'RUNBOOK.txt', which SHA256SUMS does not list",
            NO_LIST,
        ),
        (
            "signed-upper-case",
            "a checksum in upper case",
            swap(runbook, runbook.upper()),
            f"{DAMAGED}it holds 'RUNBOOK.txt', which SHA256SUMS does not list",
            NO_LIST,
        ),
        (
            "signed-no-end",
            "no line feed at its end",
            lambda sums: sums[:-1],
            f"{DAMAGED}it holds 'signer.pem', which SHA256SUMS does not list",
            NO_LIST,
        ),
        ("signed-empty-line", "an empty line at its end", lambda sums: sums + b"\n", FORM, NO_LIST),
        ("signed-comment", "a comment", lambda sums: sums + b"# a comment\n", FORM, NO_LIST),
        (
            "signed-itself",
            "it lists itself",
            lambda sums: sums + runbook + b"  SHA256SUMS\n",
            f"{DAMAGED}it lacks 'SHA256SUMS', which SHA256SUMS lists",
            "4 SHA256SUMS lists a file twice",
        ),
        (
            "signed-line-ends",
            "it has line ends of CR LF",
            lambda sums: sums.replace(b"\n", b"\r\n"),
            f"{DAMAGED}it holds 'install.sh', which SHA256SUMS does not list",
            "4 line ends were changed on the way, in 'SHA256SUMS'",
        ),
    ):
        yield of_bundle(f"list/{name}", fault, bundle(sums=sums), verify, check)


def _signatures() -> Iterator[Vector]:
    def low_and_high(data: bytes) -> bytes:
        r, s_value = decode_dss_signature(data)
        return encode_dss_signature(r, ORDER - s_value)

    for name, fault, edit in (
        ("flipped", "a flipped bit in its last byte", lambda sig: sig[:-1] + bytes([sig[-1] ^ 1])),
        ("empty", "an empty file", lambda _: b""),
        ("text", "base64 of it", base64.b64encode),
        (
            "raw",
            "r and s as 64 bytes, and no DER",
            lambda sig: b"".join(n.to_bytes(32, "big") for n in decode_dss_signature(sig)),
        ),
        ("byte-behind", "a byte behind it", lambda sig: sig + b"\0"),
        (
            "long-length",
            "a length in the long form, which is not DER",
            lambda sig: b"\x30\x81" + sig[1:],
        ),
        ("leading-zero", "r has a zero in front that DER does not allow", _with_zero),
        ("zero", "r and s are 0", lambda _: encode_dss_signature(0, 0)),
        (
            "r-too-large",
            "r is larger than the order of the group",
            lambda sig: encode_dss_signature(
                decode_dss_signature(sig)[0] + ORDER, decode_dss_signature(sig)[1]
            ),
        ),
    ):
        yield of_bundle(
            f"signature/{name}", f"SHA256SUMS.sig: {fault}", bundle(signature=edit), UNFIT, UNSIGNED
        )
    yield of_bundle(
        "signature/other-s",
        "none: s is the order of the group less s, as another signer may make it",
        bundle(signature=low_and_high),
        "0",
        "0",
    )
    for name, fault, signed in (
        (
            "other-key",
            "made by another key than that in signer.pem",
            lambda sums: sign(sums, STRANGER),
        ),
        (
            "sha512",
            "made over the SHA-512",
            lambda sums: SIGNER.sign(sums, ec.ECDSA(hashes.SHA512(), deterministic_signing=True)),
        ),
        ("other-list", "of another list", lambda sums: sign(sums + b"\n")),
        (
            "of-the-hash",
            "made over the SHA-256 of the list's SHA-256",
            lambda sums: sign(bytes.fromhex(sha256(sums))),
        ),
    ):
        yield of_bundle(f"signature/{name}", fault, _signed_by(signed), UNFIT, UNSIGNED)


def _signers() -> Iterator[Vector]:
    wanted = fingerprint(SIGNER)
    stranger = f"wanted '{wanted}', found '{fingerprint(STRANGER)}'"
    yield of_bundle(
        "signer/stranger",
        "a whole bundle, signed by somebody else",
        bundle(signer=STRANGER),
        f"4 the bundle is signed by another key: {stranger}",
        f"4 the bundle is signed by another key: {stranger}",
    )
    another = "4 the bundle is signed by another key: "
    for name, fault, curve, check in (
        ("p-384", "a key on P-384", ec.SECP384R1(), another),
        # Not every openssl knows this curve.
        ("secp256k1", "a key on secp256k1", ec.SECP256K1(), ""),
    ):
        key = ec_key(name, curve)
        yield of_bundle(
            f"signer/{name}",
            fault,
            bundle(signer=key),
            NO_KEY,
            check,
        )
    rsa = RSA["other"]
    data = bundle(
        files=lambda files: {**files, "signer.pem": public_pem(rsa)},
        signed=lambda files: {
            **files,
            "SHA256SUMS.sig": rsa.sign(files["SHA256SUMS"], padding.PKCS1v15(), hashes.SHA256()),
        },
    )
    yield of_bundle(
        "signer/rsa", "an RSA key", data, NO_KEY, "4 the bundle is signed by another key: "
    )
    encoded = SIGNER.public_key().public_bytes(s.Encoding.DER, s.PublicFormat.SubjectPublicKeyInfo)
    own = public_pem(SIGNER)
    for name, fault, content, verify, check, free in (
        ("der", "DER and no PEM", encoded, NO_KEY, "", False),
        (
            "private",
            "the private key",
            SIGNER.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption()),
            NO_KEY,
            UNSIGNED,
            False,
        ),
        (
            "label",
            "the label says another thing",
            pem("EC PUBLIC KEY", encoded),
            NO_KEY,
            UNSIGNED,
            False,
        ),
        (
            "not-on-the-curve",
            "a point that is not on the curve",
            pem("PUBLIC KEY", encoded[:-1] + bytes([encoded[-1] ^ 1])),
            NO_KEY,
            UNSIGNED,
            False,
        ),
        (
            "compressed",
            "the point is compressed",
            pem("PUBLIC KEY", _compressed()),
            "0",
            another,
            True,
        ),
        ("text-before", "a line of text before the block", b"a signer\n" + own, "0", "0", True),
        ("two", "a second key behind it", own + public_pem(STRANGER), "0", "0", True),
        ("line-ends", "line ends of CR LF", own.replace(b"\n", b"\r\n"), "0", "0", True),
    ):
        data = bundle(files=lambda files, c=content: {**files, "signer.pem": c})  # type: ignore[misc]
        yield of_bundle(f"signer/{name}", fault, data, verify, check, free=free)


def _compressed() -> bytes:
    """Return the signer's SubjectPublicKeyInfo with a compressed point (RFC 5480), DER."""
    point = SIGNER.public_key().public_bytes(s.Encoding.X962, s.PublicFormat.CompressedPoint)
    algorithm = der.encode(
        der.SEQUENCE, der.encode_oid("1.2.840.10045.2.1"), der.encode_oid("1.2.840.10045.3.1.7")
    )
    return der.encode(der.SEQUENCE, algorithm, der.encode(der.BIT_STRING, b"\0", point))


def _with_zero(signature: bytes) -> bytes:
    r, s_value = (n.to_bytes(33, "big") for n in decode_dss_signature(signature))
    return der.encode(
        der.SEQUENCE, der.encode(der.INTEGER, b"\0", r), der.encode(der.INTEGER, s_value)
    )


def _signed_by(signed: Callable[[bytes], bytes]) -> bytes:
    return bundle(signed=lambda files: {**files, "SHA256SUMS.sig": signed(files["SHA256SUMS"])})


def _put(name: str, content: bytes) -> Callable[[Files], Files]:
    def change(files: Files) -> Files:
        *rest, last, signature = {**files, name: content}.items()
        is_new = name not in files
        # The list and its signature stay at the end.
        return (
            dict([*rest[:-1], signature, rest[-1], last])
            if is_new
            else dict([*rest, last, signature])
        )

    return change


def _drop(name: str) -> Callable[[Files], Files]:
    return lambda files: {file: data for file, data in files.items() if file != name}


def _list(edit: Callable[[bytes], bytes]) -> Callable[[Files], Files]:
    return lambda files: {**files, "SHA256SUMS": edit(files["SHA256SUMS"])}
