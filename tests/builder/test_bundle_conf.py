"""A bundle.conf is taken only as `render` writes it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from sftunnel_builder.bundle_conf import BundleConf, FmcTrio, parse_bundle_conf
from sftunnel_builder.errors import BundlerError, ExitCode
from sftunnel_builder.trio import TRIO_NAMES

from .conftest import DEVICE, FMC

SUMS = dict.fromkeys(TRIO_NAMES, "0" * 64)
CONF = BundleConf(
    device_name="Plant 4",
    device_uuid=DEVICE,
    device_address="",
    created=datetime(2026, 11, 23, 12, 0, tzinfo=UTC),
    builder_version="0.1.0",
    trios=(FmcTrio(FMC, 1728915794, SUMS), FmcTrio(DEVICE, 0, SUMS)),
).with_id()


def _swap(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    def changed(text: bytes) -> bytes:
        assert old in text
        return text.replace(old, new)

    return changed


def test_what_is_written_is_read() -> None:
    assert parse_bundle_conf(CONF.render()) == CONF


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(_swap(b"Plant", b"\x1b[31m"), "wanted one line 'device_name", id="a colour"),
        pytest.param(_swap(b"Plant", b"\xc2\x9b"), "line 'device_name", id="a C1 code"),
        pytest.param(_swap(b"Plant", "\u2028".encode()), "line 'device_name", id="a line mark"),
        pytest.param(_swap(b"Plant", "\u202e".encode()), "line 'device_name", id="right to left"),
        pytest.param(_swap(b"Plant", b"\xff"), "in the order or form", id="no UTF-8"),
        pytest.param(_swap(b"address=", b"address=\x07"), "line 'device_address", id="a bell"),
        pytest.param(_swap(DEVICE.encode() + b" 0\n", FMC.encode() + b" 0\n"), "twice", id="twice"),
        pytest.param(_swap(b"/var/sf/peers/", b"/etc/"), "in the order or form", id="elsewhere"),
        pytest.param(_swap(b" 644 ", b" 666 "), "in the order or form", id="another mode"),
        pytest.param(_swap(b"\n", b"\r\n"), "line 'format", id="CR LF"),
        pytest.param(
            _swap(FMC.encode(), b"../../../../../../../../../../../../"), "fmc=", id="out"
        ),
        pytest.param(lambda _: b"", "wanted one line 'format", id="empty"),
    ],
)
def test_what_is_not_is_refused(change: Callable[[bytes], bytes], message: str) -> None:
    with pytest.raises(BundlerError) as caught:
        parse_bundle_conf(change(CONF.render()))
    assert message in caught.value.message
    assert caught.value.code == ExitCode.UNTRUSTED
