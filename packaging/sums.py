"""Write SHA256SUMS over all that is in a directory; sign it, if a key is given, as a kit is signed.

    sums.py DIRECTORY [SIGNING_KEY]

The key is one of `sftunnel-bundler keygen`; its passphrase is asked for.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from sftunnel_builder.cli.signing import choose_signer
from sftunnel_builder.errors import BundlerError


def sums(directory: Path) -> str:
    """Return a line a file, in the format of sha256sum."""
    files = [path for path in sorted(directory.iterdir()) if not path.name.startswith(".")]
    return "".join(
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files
    )


def main() -> None:
    """Write the sums, and the signature with the public key of who made it."""
    directory, *keys = map(Path, filter(None, sys.argv[1:]))
    listed = sums(directory).encode()
    (directory / "SHA256SUMS").write_bytes(listed)
    if not keys:
        print("dist/SHA256SUMS is not signed: make dist SIGNING_KEY=FILE signs it", file=sys.stderr)
        return
    try:
        signer = choose_signer(keys[0], None, None)
        (directory / "SHA256SUMS.sig").write_bytes(signer.sign(listed))
        (directory / "signer.pem").write_bytes(signer.public_pem())
        print(f"dist/SHA256SUMS is signed by {signer.fingerprint()}", file=sys.stderr)
    except BundlerError as error:
        sys.exit(f"error: {error.message}\nhint: {error.hint}")


if __name__ == "__main__":
    main()
