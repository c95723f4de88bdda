"""What an appliance says of itself: /etc/sf/ims.conf.

Shell-style `KEY=value`, some values quoted; holds SWVERSION, SWBUILD, MODEL and APPLIANCE_UUID. A
peer directory has an ims.conf of its own, which describes the other side: it is never read here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

IMS_CONF_PATH = "/etc/sf/ims.conf"
_LINE = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*)=(.*)")


def parse_ims_conf(data: bytes) -> Mapping[str, str]:
    """Return the values by key, without quotes and blanks around them; the last of a key counts.

    Lines of another form are passed over. Never raises.
    """
    values = {}
    for line in data.decode("utf-8", "replace").splitlines():
        found = _LINE.fullmatch(line)
        if found:
            value = found[2].strip()
            if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
                value = value[1:-1].strip()
            values[found[1]] = value
    return values
