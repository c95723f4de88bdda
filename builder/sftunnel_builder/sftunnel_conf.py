"""Which files are the FMC's own end of the tunnel: /etc/sf/sftunnel.conf.

Blocks of lines `key value;`, of which `proxy_cert`, `proxy_key` and `proxy_cacert` name files. How
else the file may be written is not known, so that whatever does not look like that is passed over.
"""

from __future__ import annotations

import re

_LINE = re.compile(r"^[ \t]*(proxy_\w+)[ \t=]+[\"']?(/[^\s;\"']+)", re.MULTILINE)


def files_named(data: bytes, key: str) -> list[str]:
    """Return the absolute paths that a key names, each once, in the order of the file.

    Never raises.
    """
    named = _LINE.findall(data.decode("utf-8", "replace"))
    return list(dict.fromkeys(path for name, path in named if name == key))
