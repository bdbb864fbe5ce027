"""jail(2): flags of the jail system calls, and the values of "jailsys" parameters (sys/jail.h).

The system calls take parameters by name.  Values are `int`, `str`, tuples of addresses in network order for ip4.addr
and ip6.addr, and None for a boolean parameter, whose name says it all ("persist", "nopersist").
"""

from __future__ import annotations

JAIL_CREATE, JAIL_UPDATE, JAIL_ATTACH, JAIL_DYING = 0x01, 0x02, 0x04, 0x08
JAIL_SET_MASK = 0x0F
JAIL_GET_MASK = 0x08

JAIL_SYS_DISABLE, JAIL_SYS_NEW, JAIL_SYS_INHERIT = 0, 1, 2

JAIL_MAX = 999999
MAXHOSTNAMELEN = 256
HOSTUUIDLEN = 64
OSRELEASELEN = 32
DEFAULT_HOSTUUID = "00000000-0000-0000-0000-000000000000"
