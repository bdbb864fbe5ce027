"""The parameters of a jail as tables: flags, permissions, and the nodes below security.jail.param (kern_jail.c).

libjail finds out from those nodes which parameters there are and of which type; nothing else lists them.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PR_PERSIST, PR_HOST, PR_IP4_USER, PR_IP6_USER, PR_VNET = 0x01, 0x02, 0x04, 0x08, 0x10
PR_IP4_SADDRSEL, PR_IP6_SADDRSEL = 0x80, 0x100
PR_REMOVE = 0x01000000
PR_IP4, PR_IP6 = 0x02000000, 0x04000000

BOOL_FLAGS: tuple[tuple[str, str, int], ...] = (
    ("persist", "nopersist", PR_PERSIST),
    ("ip4.saddrsel", "ip4.nosaddrsel", PR_IP4_SADDRSEL),
    ("ip6.saddrsel", "ip6.nosaddrsel", PR_IP6_SADDRSEL),
)
"""(name, its negation, flag)."""

JAILSYS_FLAGS: tuple[tuple[str, int, int], ...] = (
    ("host", 0, PR_HOST),
    ("vnet", 0, PR_VNET),
    ("ip4", PR_IP4_USER, PR_IP4_USER),
    ("ip6", PR_IP6_USER, PR_IP6_USER),
)
"""(name, flag of "disable", flag of "new")."""

ALLOW: tuple[str, ...] = (
    "set_hostname", "sysvipc", "raw_sockets", "chflags", "mount", "quotas", "socket_af", "mlock", "reserved_ports",
    "read_msgbuf", "unprivileged_proc_debug", "suser", "nfsd", "extattr", "adjtime", "settime", "routing",
    "unprivileged_parent_tampering", "setaudit",
)  # fmt: skip
"""Permissions every kernel has; file systems add theirs (allow.mount.NAME)."""

DEFAULT_ALLOW = frozenset({"set_hostname", "reserved_ports", "unprivileged_proc_debug", "suser"})
ALLOW_DIFFERENCES = frozenset({"unprivileged_proc_debug", "unprivileged_parent_tampering"})
"""What a jail may grant a child without having it itself."""

JAILSYS_MODULES = ("sysvmsg", "sysvsem", "sysvshm")
"""Subsystems that are disabled, new or inherited in a jail."""

METADATA = ("meta", "env")
"""Free-form information about a jail, lines of key=value."""

_RW, _RD, _RDTUN = "w", "", "t"

PARAMS: tuple[tuple[str, str, str, str, str], ...] = (
    ("sysvshm.", "integer", "E,jailsys", _RW, "SYSV shared memory"),
    ("sysvsem.", "integer", "E,jailsys", _RW, "SYSV semaphores"),
    ("sysvmsg.", "integer", "E,jailsys", _RW, "SYSV message queues"),
    ("env", "string", "A,keyvalue", _RW, "Jail meta information readable by the jail"),
    ("meta", "string", "A,keyvalue", _RW, "Jail meta information hidden from the jail"),
    ("allow.mount.", "integer", "B", _RW, "Jail may mount/unmount jail-friendly file systems in general"),
    ("allow.setaudit", "integer", "B", _RW, "Jail may set and get audit session state"),
    ("allow.routing", "integer", "B", _RW, "Jail may modify routing table"),
    ("allow.settime", "integer", "B", _RW, "Jail may set system time"),
    ("allow.adjtime", "integer", "B", _RW, "Jail may adjust system time"),
    ("allow.extattr", "integer", "B", _RW, "Jail may set system-level filesystem extended attributes"),
    ("allow.nfsd", "integer", "B", _RW, "Mountd/nfsd may run in the jail"),
    ("allow.suser", "integer", "B", _RW, "Processes in jail with uid 0 have privilege"),
    ("allow.unprivileged_parent_tampering", "integer", "B", _RW,
     "Unprivileged parent jail processes may tamper with same-uid processes (signal/debug/cpuset)"),
    ("allow.unprivileged_proc_debug", "integer", "B", _RW, "Unprivileged processes may use process debugging facilities"),
    ("allow.read_msgbuf", "integer", "B", _RW, "Jail may read the kernel message buffer"),
    ("allow.reserved_ports", "integer", "B", _RW, "Jail may bind sockets to reserved ports"),
    ("allow.mlock", "integer", "B", _RW, "Jail may lock (unlock) physical pages in memory"),
    ("allow.socket_af", "integer", "B", _RW, "Jail may create sockets other than just UNIX/IPv4/IPv6/route"),
    ("allow.quotas", "integer", "B", _RW, "Jail may set file quotas"),
    ("allow.chflags", "integer", "B", _RW, "Jail may alter system file flags"),
    ("allow.raw_sockets", "integer", "B", _RW, "Jail may create raw sockets"),
    ("allow.sysvipc", "integer", "B", _RW, "Jail may use SYSV IPC"),
    ("allow.set_hostname", "integer", "B", _RW, "Jail may set hostname"),
    ("ip6.saddrsel", "integer", "B", _RW,
     "Do (not) use IPv6 source address selection rather than the primary jail IPv6 address."),
    ("ip6.addr", "opaque", "S,in6_addr,a", _RW, "Jail IPv6 addresses"),
    ("ip6.", "integer", "E,jailsys", _RDTUN, "Jail IPv6 address virtualization"),
    ("ip4.saddrsel", "integer", "B", _RW,
     "Do (not) use IPv4 source address selection rather than the primary jail IPv4 address."),
    ("ip4.addr", "opaque", "S,in_addr,a", _RW, "Jail IPv4 addresses"),
    ("ip4.", "integer", "E,jailsys", _RDTUN, "Jail IPv4 address virtualization"),
    ("cpuset.id", "integer", "I", _RD, "Jail cpuset ID"),
    ("host.hostid", "unsigned long", "LU", _RW, "Jail host ID"),
    ("host.hostuuid", "string", "A", _RW, "Jail host UUID"),
    ("host.domainname", "string", "A", _RW, "Jail NIS domainname"),
    ("host.hostname", "string", "A", _RW, "Jail hostname"),
    ("host.", "integer", "E,jailsys", _RW, "Jail host info"),
    ("children.max", "integer", "I", _RW, "Maximum number of child jails"),
    ("children.cur", "integer", "I", _RD, "Current number of child jails"),
    ("dying", "integer", "B", _RD, "Jail is in the process of shutting down"),
    ("vnet", "integer", "E,jailsys", _RDTUN, "Virtual network stack"),
    ("persist", "integer", "B", _RW, "Jail persistence"),
    ("devfs_ruleset", "integer", "I", _RW, "Ruleset for in-jail devfs mounts"),
    ("enforce_statfs", "integer", "I", _RW, "Jail cannot see all mounted file systems"),
    ("osrelease", "string", "A", _RDTUN, "Jail value for kern.osrelease and uname -r"),
    ("osreldate", "integer", "I", _RDTUN, "Jail value for kern.osreldate and uname -K"),
    ("securelevel", "integer", "I", _RW, "Jail secure level"),
    ("path", "string", "A", _RDTUN, "Jail root path"),
    ("name", "string", "A", _RW, "Jail name"),
    ("parent", "integer", "I", _RD, "Jail parent ID"),
    ("jid", "integer", "I", _RDTUN, "Jail ID"),
)  # fmt: skip
"""(name, type, format, flags, text) in the order in which sysctl(8) lists security.jail.param; a name that ends in a
dot is the value of a node that has others below it."""

STRING_SIZES = {
    "env": 4096, "meta": 4096, "host.hostuuid": 64, "host.domainname": 256, "host.hostname": 256, "osrelease": 32,
    "path": 1024, "name": 256,
}  # fmt: skip
"""What reading the node of a string parameter gives: how long the string may be, the final NUL included."""


def positive(name: str) -> str:
    """A parameter's name without the "no" in front of it or of a part of it."""
    parts = name.split(".")
    for i, part in enumerate(parts):
        if part.startswith("no"):
            return ".".join((*parts[:i], part[2:], *parts[i + 1 :]))
    return name


def sanitized(params: dict[str, Any]) -> dict[str, Any]:
    """Of a parameter and its opposite only the last one counts (vfs_sanitizeopts)."""
    last = {positive(name): name for name in params}
    if len(last) == len(params):
        return params
    return {name: value for name, value in params.items() if last[positive(name)] == name}


VIMAGE_ONLY = frozenset({"vnet", "allow.nfsd"})
"""Parameters a kernel without VIMAGE does not have."""
