"""A receipt is taken from the device that it names, for this kit, and from nobody else."""

from __future__ import annotations

import json

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from receipts import Writer, expected, writer
from rehearsal import Made
from sftunnel_builder.errors import BundlerError, ExitCode
from sftunnel_builder.receipt import MAX_RECEIPT_BYTES, Expected, parse_receipt, verify_receipt


@pytest.fixture(scope="module")
def kit(made: Made) -> dict[str, Expected]:
    return expected(made)


@pytest.fixture(scope="module")
def first(made: Made) -> Writer:
    return writer(made, made.devices[0])


def refusal(data: bytes, kit: dict[str, Expected]) -> str:
    with pytest.raises(BundlerError) as caught:
        verify_receipt(parse_receipt(data), kit)
    assert caught.value.code == ExitCode.UNTRUSTED
    return caught.value.message


def test_a_good_one_is_taken(first: Writer, kit: dict[str, Expected]) -> None:
    receipt = parse_receipt(first.receipt())
    verify_receipt(receipt, kit)
    assert (receipt.verb, receipt.exit_code, receipt.backup_number) == ("install", 0, 1)
    assert receipt.text.encode() == first.receipt()


def test_one_that_was_altered_in_any_byte_is_refused(
    first: Writer, kit: dict[str, Expected]
) -> None:
    good = first.receipt()
    for at in range(len(good)):
        for flip in (1, 2, 0x20, 0x80):
            refusal(good[:at] + bytes([good[at] ^ flip]) + good[at + 1 :], kit)


def test_one_that_was_cut_or_grew_is_refused(first: Writer, kit: dict[str, Expected]) -> None:
    good = first.receipt()
    for at in range(len(good)):
        refusal(good[:at], kit)
    for more in (b"\n", b" ", b"A", good):
        refusal(good + more, kit)


def test_who_made_it_is_told(made: Made, first: Writer, kit: dict[str, Expected]) -> None:
    second = writer(made, made.devices[1])
    old = load_pem_private_key(made.devices[0].trio(made.fmc.uuid)["sftunnel-key.pem"], None)
    for other in (second.key, old):
        said = refusal(first.with_key(other).receipt(), kit)  # type: ignore[arg-type]
        assert "it is not signed with the new key of 'BSNS-1120-1'" in said
    assert "was altered after 'BSNS-1120-1' had signed it" in refusal(
        first.receipt().replace(b'"exit":0', b'"exit":8'), kit
    )
    assert "is not in this kit" in refusal(first.receipt(device=made.fmc.uuid), kit)
    assert "it is of another kit" in refusal(first.receipt(bundle="0" * 16), kit)
    assert "not signed with the new key of 'Plant 4 edge'" in refusal(
        first.receipt(
            device=second.expected.conf.device_uuid, bundle=second.expected.conf.bundle_id
        ),
        kit,
    )


NOT_OF_THE_FORM = [
    pytest.param({"format": 2}, "wanted format '1', found '2'", id="another format"),
    pytest.param({"format": True}, "wanted format '1', found 'True'", id="a truth for the format"),
    pytest.param({"format": 1.0}, "wanted format '1', found '1.0'", id="a fraction"),
    pytest.param({"exit": True}, "'exit' cannot be 'True'", id="a truth for a number"),
    pytest.param({"exit": 256}, "'exit' cannot be '256'", id="no exit code"),
    pytest.param({"verb": "check"}, "'verb' cannot be 'check'", id="a verb that changes nothing"),
    pytest.param({"tunnel": "up\u001b[2J"}, "'tunnel' cannot be 'up?[2J'", id="an escape sequence"),
    pytest.param({"ended": "2026-02-30T12:00:00Z"}, "'ended' cannot be", id="no such day"),
    pytest.param({"more": ""}, "its keys are not those", id="one key more"),
    pytest.param({"after": "A" * 64}, "'after' cannot be", id="capitals"),
    pytest.param({"device": ["x"]}, "'device' cannot be", id="a list"),
    pytest.param({"installer": "1" * MAX_RECEIPT_BYTES}, "it has over", id="too long"),
]


@pytest.mark.parametrize(("change", "message"), NOT_OF_THE_FORM)
def test_what_is_not_of_the_form_is_refused_though_it_is_signed(
    change: dict[str, object], message: str, first: Writer, kit: dict[str, Expected]
) -> None:
    assert message in refusal(first.receipt(**change), kit)


def test_only_the_canonical_form_is_taken(first: Writer, kit: dict[str, Expected]) -> None:
    value = json.loads(first.receipt().split(b"\n")[0])
    backwards = json.dumps(dict(reversed(value.items())), separators=(",", ":"))
    for said in (json.dumps(value, sort_keys=True), backwards, "[" * 2000, "1" * 4000, "null"):
        refusal(first.signed(said), kit)
