"""A kit with one device, and its vectors: of its files and of the hashes of confirmation codes."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Iterator

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

from vectors.container import Member, octal, tar
from vectors.parts import (
    CREATED,
    DEVICE_UUID,
    FMC_UUID,
    GOOD,
    OTHER_UUID,
    RSA,
    SIGNER,
    STRANGER,
    TRIO,
    Edit,
    Files,
    bundle,
    bundle_conf,
    checksums,
    fingerprint,
    public_pem,
    same,
    sha256,
    sign,
)
from vectors.vector import Stance, Vector

ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
TOP = f"sftunnel-test-vector-{DEVICE_UUID[:8]}"
_ID = re.search(rb"bundle_id=(\w+)", bundle_conf({FMC_UUID: TRIO}))
assert _ID
BUNDLE_ID = _ID[1].decode()
PART_DONE = "9"
ALTERED = "4 the kit is damaged or was altered: "
CODES = f"{ALTERED}'codes' is not in the form of the format: "


def code(verb: str, ended: int, bundle_id: str = BUNDLE_ID, key: str = "device") -> str:
    """Return the confirmation code of a run."""
    text = f"sftunnel-bundler code 1 {bundle_id}\n".encode()
    proof = base64.b64encode(RSA[key].sign(text, PKCS1v15(), hashes.SHA256())).decode()
    digest = hashlib.sha256(f"{proof} {verb} {ended}\n".encode()).digest()
    letters = base64.b64encode(digest).decode().lower()
    return "".join(letter for letter in letters if letter in ALPHABET)[:12]


def codes(uuid: str = DEVICE_UUID) -> list[str]:
    """Return the lines of the kit's `codes`, sorted."""
    runs = [f"{uuid} {v} {e}" for v in ("install", "recover", "rollback") for e in (0, 6, 7, 8)]
    lines = []
    for run in runs:
        _, verb, ended = run.split()
        lines.append(f"{sha256(f'{code(verb, int(ended))} {run}'.encode() + bytes([10]))}  {run}\n")
    return sorted(lines)


def kit(
    *,
    data: bytes = GOOD,
    files: Callable[[Files], Files] = dict,
    sums: Edit = same,
    signer: ec.EllipticCurvePrivateKey = SIGNER,
    signature: Edit = same,
    signed: Callable[[Files], Files] = dict,
    members: Callable[[list[Member]], list[Member]] = list,
) -> bytes:
    """Return a tar of a kit; the arguments change it as those of `parts.bundle` do."""
    stand_in = b"A stand-in: test vectors install nothing.\n"
    name = f"{TOP}.tar.gz"
    content: Files = {
        f"bundles/{name}": data,
        f"bundles/{name}.sha256": f"{sha256(data)}  {name}\n".encode(),
        "codes": "".join(codes()).encode(),
        "index.html": stand_in,
        f"runbooks/{TOP}.html": stand_in,
        f"runbooks/{TOP}.txt": stand_in,
        "signer.pem": public_pem(signer),
        "start.sh": b"#!/bin/sh\n# A stand-in: test vectors install nothing.\nexit 1\n",
    }
    content = dict(sorted(files(content).items()))
    listed = sums(checksums(content))
    content |= {"SHA256SUMS": listed, "SHA256SUMS.sig": signature(sign(listed, signer))}
    time = octal(int(CREATED.timestamp()))
    packed = [
        Member(f"kit/{file}".encode(), each, mode=b"0000600\0", mtime=time)
        for file, each in signed(content).items()
    ]
    return tar(members(packed))


KIT = kit()


def of_kit(
    name: str, fault: str, data: bytes, receipts: str = PART_DONE, *, free: bool = False
) -> Vector:
    """Return a vector of a kit, from which no receipt has come back: so exit 9 is a good end."""
    stance: Stance = "free" if free else "takes" if receipts == PART_DONE else "refuses"
    return Vector(name, fault, "kit.tar", data, {"receipts": receipts}, stance)


def kit_vectors() -> Iterator[Vector]:
    """Yield them."""
    yield of_kit("kit/good", "none: the base itself; its device is pending, hence exit 9", KIT)
    yield from _damaged()
    yield from _signed()
    yield from _codes()


def _damaged() -> Iterator[Vector]:
    """What happened on the way, and was not signed."""
    other_text = "runbooks/" + TOP + ".txt"
    for name, fault, change, receipts in (
        (
            "content",
            "another runbook than was signed",
            _put(other_text, b"Do as I say.\n"),
            f"{ALTERED}the checksum of '{other_text}' is not the one that SHA256SUMS lists",
        ),
        (
            "bundle",
            "a flipped bit in the bundle",
            _put(f"bundles/{TOP}.tar.gz", GOOD[:-1] + b"\1"),
            f"{ALTERED}the checksum of 'bundles/{TOP}.tar.gz'",
        ),
        (
            "missing",
            "index.html is not there",
            _drop("index.html"),
            f"{ALTERED}it lacks 'index.html', which SHA256SUMS lists",
        ),
        (
            "extra",
            "a file that SHA256SUMS does not list",
            _put("autorun.inf", b""),
            f"{ALTERED}it holds 'autorun.inf', which SHA256SUMS does not list",
        ),
        (
            "name",
            "a name with a blank",
            _put("a file", b""),
            f"{ALTERED}'a file' in it is no plain file",
        ),
        (
            "no-list",
            "no SHA256SUMS",
            _drop("SHA256SUMS"),
            "2 'kit' is not a kit: it has no 'SHA256SUMS'",
        ),
        (
            "no-signature",
            "no SHA256SUMS.sig",
            _drop("SHA256SUMS.sig"),
            f"{ALTERED}its signature does not fit SHA256SUMS",
        ),
        (
            "no-signer",
            "no signer.pem",
            _drop("signer.pem"),
            "4 'signer.pem' holds no ECDSA P-256 public key",
        ),
        (
            "line-ends",
            "SHA256SUMS has line ends of CR LF",
            lambda files: {**files, "SHA256SUMS": files["SHA256SUMS"].replace(b"\n", b"\r\n")},
            f"{ALTERED}its signature does not fit SHA256SUMS",
        ),
    ):
        yield of_kit(f"kit/{name}", fault, kit(signed=change), receipts)
    link = Member(b"kit/link", kind=b"2", link=b"index.html", mtime=octal(int(CREATED.timestamp())))
    yield of_kit(
        "kit/link",
        "a symbolic link",
        kit(members=lambda each: [*each, link]),
        f"{ALTERED}'link' in it is no plain file",
    )
    flipped = kit(signature=lambda sig: sig[:-1] + bytes([sig[-1] ^ 1]))
    yield of_kit(
        "kit/signature-flipped",
        "a flipped bit in the signature",
        flipped,
        f"{ALTERED}its signature does not fit SHA256SUMS",
    )


def _signed() -> Iterator[Vector]:
    """What the signer has signed, or another one."""
    name = f"bundles/{TOP}.tar.gz"
    for vector, fault, change, receipts in (
        (
            "signed-extra",
            "a file that no kit has",
            _put("autorun.inf", b""),
            f"{ALTERED}'autorun.inf' is missing, or is not of a kit",
        ),
        (
            "signed-missing",
            "no start.sh",
            _drop("start.sh"),
            f"{ALTERED}'start.sh' is missing, or is not of a kit",
        ),
        (
            "signed-no-sha256",
            "no .sha256 beside the bundle",
            _drop(f"{name}.sha256"),
            f"{ALTERED}'{name}.sha256' is missing, or is not of a kit",
        ),
        (
            "signed-no-runbook",
            "no page of the runbook",
            _drop(f"runbooks/{TOP}.html"),
            f"{ALTERED}'runbooks/{TOP}.html' is missing, or is not of a kit",
        ),
        ("signed-no-bundle", "no bundle", _drop(name), f"{ALTERED}it holds no bundle"),
        (
            "signed-bundle-name",
            "the bundle has another name",
            lambda files: {k.replace(name, "bundles/other.tar.gz"): v for k, v in files.items()},
            f"{ALTERED}'bundles/other.tar.gz' is the bundle that belongs in '{name}'",
        ),
        (
            "signed-bundle-cut",
            "the bundle is cut",
            _put(name, GOOD[:-1]),
            f"4 '{name}': the bundle is damaged or was altered",
        ),
    ):
        yield of_kit(f"kit/{vector}", fault, kit(files=change), receipts)
    yield of_kit(
        "kit/signed-bundle-stranger",
        "the bundle is signed by another signer",
        kit(data=bundle(signer=STRANGER)),
        f"{ALTERED}'{name}' is signed by '{fingerprint(STRANGER)}', the kit by",
    )
    yield of_kit(
        "kit/signed-order",
        "its lines are not sorted by path",
        kit(sums=lambda sums: b"".join(sums.splitlines(keepends=True)[::-1])),
        f"{ALTERED}SHA256SUMS is not in the form of the format",
    )
    yield of_kit(
        "kit/signed-sha256-wrong",
        "the .sha256 beside the bundle says another; it is for people",
        kit(files=_put(f"{name}.sha256", f"{sha256(b'')}  {TOP}.tar.gz\n".encode())),
        free=True,
    )
    yield of_kit(
        "kit/stranger",
        "a whole kit, signed by somebody else",
        kit(data=bundle(signer=STRANGER), signer=STRANGER),
        f"4 the kit is signed by another key: wanted '{fingerprint(SIGNER)}', found",
    )
    unsigned = bundle(members=lambda each: each[:-4])
    yield of_kit(
        "kit/unsigned",
        "an unsigned kit, from which nothing can have been installed",
        kit(
            files=lambda files: {f"unsigned/{TOP}.tar.gz": unsigned, "codes": files["codes"]},
            signed=_drop("SHA256SUMS.sig"),
        ),
        "4 the kit '",
    )
    yield of_kit(
        "kit/signed-bundle-unsigned",
        "a bundle that nobody has signed",
        kit(data=unsigned),
        f"{ALTERED}'{name}' is signed by 'nobody', the kit by",
    )


def _codes() -> Iterator[Vector]:
    lines = codes()
    for name, fault, text, receipts in (
        (
            "unsorted",
            "its lines are not sorted",
            "".join(lines[::-1]),
            f"{CODES}its lines are not sorted",
        ),
        (
            "doubled",
            "a line twice",
            "".join([*lines, lines[-1]]),
            f"{CODES}its lines are not sorted",
        ),
        (
            "missing",
            "a run is missing",
            "".join(lines[1:]),
            f"{ALTERED}'codes' is of other devices",
        ),
        (
            "other-device",
            "of another device",
            "".join(codes(OTHER_UUID)),
            f"{ALTERED}'codes' is of other devices",
        ),
        (
            "more-devices",
            "of another device, too",
            "".join(sorted([*lines, *codes(OTHER_UUID)])),
            f"{ALTERED}'codes' is of other devices",
        ),
        (
            "other-verb",
            "a verb that has no codes",
            "".join([line.replace(" recover ", " activate ") for line in lines]),
            f"{ALTERED}'codes' is of other devices",
        ),
        (
            "upper-case",
            "a hash in upper case",
            lines[0][:64].upper() + lines[0][64:] + "".join(lines[1:]),
            f"{CODES}unusable line",
        ),
        (
            "one-blank",
            "one blank behind a hash",
            lines[0].replace("  ", " ") + "".join(lines[1:]),
            f"{CODES}unusable line",
        ),
        (
            "line-ends",
            "line ends of CR LF",
            "".join(lines).replace("\n", "\r\n"),
            f"{CODES}unusable line",
        ),
        ("no-end", "no line feed at its end", "".join(lines)[:-1], f"{CODES}unusable line"),
        ("empty", "an empty file", "", f"{ALTERED}'codes' is of other devices"),
    ):
        yield of_kit(f"codes/{name}", fault, kit(files=_put("codes", text.encode())), receipts)
    yield of_kit(
        "codes/none",
        "no such file",
        kit(files=_drop("codes")),
        f"{ALTERED}'codes' is missing, or is not of a kit",
    )


def _put(name: str, content: bytes) -> Callable[[Files], Files]:
    return lambda files: {**files, name: content}


def _drop(name: str) -> Callable[[Files], Files]:
    return lambda files: {file: data for file, data in files.items() if file != name}
