"""Write the published vectors anew, and the files that they are changes of.

PYTHONPATH=builder:tests .venv/bin/python tests/vectors/write.py
"""

from __future__ import annotations

from vectors.archive import archive_vectors
from vectors.frame import frame_vectors
from vectors.kit import KIT, kit_vectors
from vectors.ledger import LEDGER, code_vectors, ledger_vectors
from vectors.lists import list_vectors
from vectors.parts import GOOD, PLACE, SIGNER, fingerprint
from vectors.plan import plan_vectors
from vectors.plan_form import plan_form_vectors
from vectors.receipts import RECEIPT, receipt_vectors
from vectors.trio import trio_vectors
from vectors.vector import Vector

PUBLISHED = PLACE / "published"
BASES = {
    "bundle.tar.gz": GOOD,
    "kit.tar": KIT,
    "receipt.json": RECEIPT,
    "ledger.jsonl": LEDGER,
}


def all_vectors() -> list[Vector]:
    """Return every vector, once each."""
    found = [
        *frame_vectors(),
        *archive_vectors(),
        *list_vectors(),
        *plan_vectors(),
        *plan_form_vectors(),
        *trio_vectors(),
        *kit_vectors(),
        *receipt_vectors(),
        *code_vectors(),
        *ledger_vectors(),
    ]
    assert len({vector.name for vector in found}) == len(found)
    return found


def published() -> dict[str, bytes]:
    """Return every published file, by path."""
    signer = fingerprint(SIGNER)
    texts = {f"{v.name}.txt": v.render(BASES[v.base], signer).encode() for v in all_vectors()}
    return {**BASES, **texts}


def main() -> None:
    """Write what differs, and remove what is no longer."""
    files = published()
    for path in PUBLISHED.rglob("*"):
        if path.is_file() and path.relative_to(PUBLISHED).as_posix() not in files:
            path.unlink()
    for name, data in files.items():
        path = PUBLISHED / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.is_file() or path.read_bytes() != data:
            path.write_bytes(data)


if __name__ == "__main__":
    main()
