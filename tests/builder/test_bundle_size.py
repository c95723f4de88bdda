"""What one device's bundle weighs, as a file and as what a console carries."""

from __future__ import annotations

from collections.abc import Callable

from rehearsal import Made
from sftunnel_builder.paste import make_paste

MOST_BYTES = 30_000
"""Three quarters of it are install.sh."""
MOST_PASTED = 41_000
BAUD = 9600
BITS_A_BYTE = 10
"""With a start and a stop bit."""


def test_a_bundle_with_an_encrypted_key_is_small(
    made: Made, record_property: Callable[[str, object], None]
) -> None:
    assert made.report.passphrases is not None
    for device in made.devices:
        path = made.bundle(device)
        archive = path.read_bytes()
        text = make_paste(archive, path.name, made.report.signer).text()
        seconds = len(text) * BITS_A_BYTE / BAUD
        said = f"{len(archive):,} bytes, pasted {len(text):,}: {seconds:.0f} s at {BAUD} baud"
        record_property("found", f"bundle with an encrypted key: {said}")
        assert len(archive) <= MOST_BYTES, said
        assert len(text) <= MOST_PASTED, said
