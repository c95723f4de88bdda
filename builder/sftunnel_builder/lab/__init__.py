"""Make made-up FMC and FTD device trees, with a real TLS tunnel between them over loopback.

What the trees hold follows the field: certificate forms, file names, modes, screen and log texts.
The names of people, places and addresses in them are invented, and nothing leaves the machine.
"""

from sftunnel_builder.lab.appliance import TRIO, Appliance
from sftunnel_builder.lab.device import LabDevice
from sftunnel_builder.lab.fmc import LabFmc
from sftunnel_builder.lab.tunnel import TunnelServer

__all__ = ["TRIO", "Appliance", "LabDevice", "LabFmc", "TunnelServer"]
