from __future__ import annotations

import io
from pathlib import Path

import pytest

from sftunnel_builder.devices_csv import MAX_LINE_BYTES, parse_devices_csv, read_devices_csv
from sftunnel_builder.errors import BundlerError

PASSWORD = "Tr0ub4dor"


def _read(text: str | bytes) -> list[tuple[str, str]]:
    data = text if isinstance(text, bytes) else text.encode()
    return [(d.name, d.address) for d in parse_devices_csv(io.BytesIO(data), "devices.csv")]


HEADER = "device_name, IP address, admin_username, admin_password\n"
LINE = f"edge, 10.0.0.1, admin, {PASSWORD}\n"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        pytest.param(LINE, [("edge", "10.0.0.1")], id="as Cisco's script takes it"),
        pytest.param(HEADER + LINE, [("edge", "10.0.0.1")], id="with its header"),
        pytest.param("\ufeff" + HEADER + LINE, [("edge", "10.0.0.1")], id="with a BOM"),
        pytest.param("\ufeff" + LINE, [("edge", "10.0.0.1")], id="a BOM and no header"),
        pytest.param((HEADER + LINE).replace("\n", "\r\n"), [("edge", "10.0.0.1")], id="CR LF"),
        pytest.param(LINE.replace(",", ";"), [("edge", "10.0.0.1")], id="semicolons"),
        pytest.param(LINE.replace(", ", "\t"), [("edge", "10.0.0.1")], id="tabs"),
        pytest.param(LINE.rstrip(), [("edge", "10.0.0.1")], id="no line end at the end"),
        pytest.param(f"# {PASSWORD}\n\n  # x\n" + LINE, [("edge", "10.0.0.1")], id="comments"),
        pytest.param('"edge", "10.0.0.1", "a", "b"\n', [("edge", "10.0.0.1")], id="quotes"),
        pytest.param('"edge, ""the"" one",10.0.0.1\n', [('edge, "the" one', "10.0.0.1")], id="in"),
        pytest.param("edge;10.0.0.1;admin;a,b\n", [("edge", "10.0.0.1")], id="a comma behind"),
        pytest.param('edge,10.0.0.1,admin,"open\n', [("edge", "10.0.0.1")], id="an open password"),
        pytest.param("edge\n", [("edge", "")], id="a name alone"),
        pytest.param(",10.0.0.1\n", [("", "10.0.0.1")], id="an address alone"),
        pytest.param("edge,2001:db8::1,a,b\n", [("edge", "2001:db8::1")], id="IPv6"),
        pytest.param("ip,name\n10.0.0.1,edge\n", [("edge", "10.0.0.1")], id="the other way round"),
        pytest.param(
            f"username,password,host,device\na,{PASSWORD},10.0.0.1,edge\n",
            [("edge", "10.0.0.1")],
            id="credentials first",
        ),
        pytest.param(b"\xe9dge,10.0.0.1\n", [("\\xe9dge", "10.0.0.1")], id="not UTF-8"),
        pytest.param("\x1b[31m\u202eedge,$(id)\n", [("\x1b[31m\u202eedge", "$(id)")], id="odd"),
    ],
)
def test_names_and_addresses_are_read(text: str | bytes, wanted: list[tuple[str, str]]) -> None:
    found = _read(text)
    assert found == wanted
    assert PASSWORD not in repr(found)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(f'{LINE}"edge,1,{PASSWORD}\n', "line 2: a quote in it is not closed", id="q"),
        pytest.param(f"{LINE},,a,{PASSWORD}\n", "line 2: neither a name nor an address", id="no"),
        pytest.param("x" * (MAX_LINE_BYTES + 1), "line 1: too long to be a list", id="one line"),
        pytest.param("x\n" * 100_001, "line 100001: too long to be a list", id="many lines"),
        pytest.param("x".encode("utf-16"), "is UTF-16 text", id="UTF-16"),
    ],
)
def test_what_is_no_list_is_refused_by_its_line(text: str | bytes, message: str) -> None:
    with pytest.raises(BundlerError) as caught:
        _read(text)
    assert message in caught.value.message
    assert PASSWORD not in caught.value.message + caught.value.hint


def test_a_file_without_a_device_is_refused(tmp_path: Path) -> None:
    listed = tmp_path / "devices.csv"
    listed.write_text(HEADER)
    with pytest.raises(BundlerError, match="names no device"):
        read_devices_csv(listed)
    with pytest.raises(BundlerError, match="cannot read"):
        read_devices_csv(tmp_path / "none.csv")
