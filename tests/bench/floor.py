"""The cryptography and the packing of a build alone: `python -m bench.floor INPUTS COUNT KEYS`.

Nothing is checked but what takes time to check, and nothing is written. INPUTS is a directory with
a tree, a kit of its devices, and their signer; the figures are for one device after the other, in
this process, when all is read. Prints seconds on the clock and of the processor for COUNT devices.
"""

from __future__ import annotations

import hashlib
import io
import sys
import tarfile
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from sftunnel_builder.archive import unpack
from sftunnel_builder.certificates import load_certificate
from sftunnel_builder.private_key import ITERATIONS_RANDOM, encrypt_pkcs8, is_sound
from sftunnel_builder.signer import KeySigner, load_signer


@dataclass(frozen=True)
class Inputs:
    """What is there before the clock runs, of one device."""

    cert: bytes
    key: bytes
    top: str
    members: Mapping[str, bytes]
    """All that is in its bundle."""
    pages: tuple[bytes, ...]
    """Its runbooks."""


def read_inputs(place: Path, count: int) -> list[Inputs]:
    """Read the files of so many devices."""
    found = []
    for bundle in sorted((place / "kit/bundles").glob("*.tar.gz"))[:count]:
        archive = unpack(bundle.read_bytes())
        uuid = archive.members["bundle.conf"].partition(b"device_uuid=")[2].split(b"\n")[0].decode()
        (pushed,) = place.glob(f"fmc-*/var/sf/peers/{uuid}/certs_pushed")
        cert, key = ((pushed / f"sftunnel-{name}.pem").read_bytes() for name in ("cert", "key"))
        runbooks = [place / f"kit/runbooks/{archive.top}{end}" for end in (".txt", ".html")]
        pages = tuple(page.read_bytes() for page in runbooks)
        found.append(Inputs(cert, key, archive.top, archive.members, pages))
    return found


def build(device: Inputs, ca: RSAPublicKey, signer: KeySigner, *, is_locked: bool) -> bytes:
    """Do for one device what no way of building it could leave out; returns the .tar.gz."""
    cert = x509.load_pem_x509_certificate(device.cert)
    ca.verify(cert.signature, cert.tbs_certificate_bytes, PKCS1v15(), SHA256())
    key = serialization.load_pem_private_key(device.key, None, unsafe_skip_rsa_key_validation=True)
    if not isinstance(key, RSAPrivateKey) or not is_sound(key):
        raise ValueError(device.top)
    if key.public_key() != cert.public_key():
        raise ValueError(device.top)
    landing = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    # For the confirmation codes.
    key.sign(device.members["bundle.conf"], PKCS1v15(), SHA256())
    if is_locked:
        encrypt_pkcs8(landing, "k7md-2xqa-9fhw-pz4c-bt6n", ITERATIONS_RANDOM)
    for content in (device.cert, landing, *device.members.values(), *device.pages):
        hashlib.sha256(content).digest()
    signer.sign(device.members["SHA256SUMS"])
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, content in device.members.items():
            info = tarfile.TarInfo(f"{device.top}/{name}")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    squeeze = zlib.compressobj(9, zlib.DEFLATED, 31)
    packed = squeeze.compress(out.getvalue()) + squeeze.flush()
    hashlib.sha256(packed).digest()
    return packed


def main() -> None:
    """Measure, and print."""
    place, count, keys = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    devices = read_inputs(place, count)
    (ca_file,) = place.glob("fmc-*/etc/sf/ca_root/cacert.pem")
    ca = load_certificate(ca_file.read_bytes(), str(ca_file)).public_key()
    signer = load_signer(place / "signing-key.pem", None)
    if not isinstance(ca, RSAPublicKey) or len(devices) != count:
        raise SystemExit(f"wanted {count} devices and an RSA key, found {len(devices)}")
    began, cpu_began = time.perf_counter(), time.process_time()
    for device in devices:
        build(device, ca, signer, is_locked=keys == "locked")
    print(time.perf_counter() - began, time.process_time() - cpu_began)


if __name__ == "__main__":
    main()
