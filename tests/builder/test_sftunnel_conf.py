"""What sftunnel.conf names, however it is written."""

from __future__ import annotations

import pytest

from sftunnel_builder.lab.fmc import SFTUNNEL_CONF
from sftunnel_builder.sftunnel_conf import files_named


def test_the_files_of_the_fmcs_own_end_are_found() -> None:
    conf = SFTUNNEL_CONF.encode()
    assert files_named(conf, "proxy_cert") == ["/etc/sf/keys/sftunnel-cert.pem"]
    assert files_named(conf, "proxy_cacert") == ["/etc/sf/ca_root/cacert.pem"]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        pytest.param("proxy_cert=/a.pem", ["/a.pem"], id="an equals sign, and no line end"),
        pytest.param("proxy_cert '/a.pem';", ["/a.pem"], id="quotes"),
        pytest.param("\tproxy_cert\t/a.pem ;\r\n", ["/a.pem"], id="tabs and carriage returns"),
        pytest.param("proxy_cert /a;\nproxy_cert /b;\nproxy_cert /a;", ["/a", "/b"], id="several"),
        pytest.param("# proxy_cert /a.pem;", [], id="commented out"),
        pytest.param("proxy_certs /a.pem;\nmy_proxy_cert /b;", [], id="other keys"),
        pytest.param("proxy_cert keys/a.pem;", [], id="a relative path"),
        pytest.param("proxy_cert;\nproxy_cert\n/a.pem;", [], id="no value on the line"),
        pytest.param("\udcff\udcfe", [], id="no text at all"),
        pytest.param("", [], id="nothing"),
    ],
)
def test_what_looks_different_is_passed_over(text: str, named: list[str]) -> None:
    assert files_named(text.encode("utf-8", "surrogateescape"), "proxy_cert") == named
