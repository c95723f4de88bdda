from __future__ import annotations

import pytest

from sftunnel_builder.ims_conf import parse_ims_conf


@pytest.mark.parametrize(
    ("line", "value"),
    [
        pytest.param(b"SWVERSION=7.2.5", "7.2.5", id="bare"),
        pytest.param(b'SWVERSION="7.2.5"', "7.2.5", id="double quotes"),
        pytest.param(b"SWVERSION='7.2.5'", "7.2.5", id="single quotes"),
        pytest.param(b"SWVERSION=7.2.5\r", "7.2.5", id="CR LF"),
        pytest.param(b"  SWVERSION= 7.2.5  ", "7.2.5", id="blanks"),
        pytest.param(b"SWVERSION=1\nSWVERSION=7.2.5", "7.2.5", id="twice: the last counts"),
        pytest.param(b"SWVERSION=7\xff", "7\ufffd", id="not UTF-8"),
        pytest.param(b"SWVERSION=$(id)", "$(id)", id="nothing is run"),
        pytest.param(b'SWVERSION="', '"', id="a quote alone"),
        pytest.param(b"SWVERSION=", "", id="empty"),
    ],
)
def test_a_value_is_read_as_the_shell_would(line: bytes, value: str) -> None:
    assert parse_ims_conf(b"# head\n" + line + b"\nMODEL=x\n")["SWVERSION"] == value


@pytest.mark.parametrize("data", [b"", b"no line\n", b"=x\n", b"1A=b\n", b"\0\0"])
def test_lines_of_another_form_are_passed_over(data: bytes) -> None:
    assert parse_ims_conf(data) == {}
