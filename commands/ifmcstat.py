"""ifmcstat(8): multicast group memberships of interfaces (usr.sbin/ifmcstat)."""

from __future__ import annotations

from typing import cast

from vshell.abi.errno import KError
from vshell.abi.netlink_iface import RTM_GETMADDR, RTM_GETQUERIER, Address, GroupAddress, Querier
from vshell.abi.socket import AF_INET, AF_INET6, AF_LINK
from vshell.abi.sockio import IFT_BRIDGE, IFT_ETHER, IFT_L2VLAN
from vshell.userland.addr import ether_ntoa, inet_ntoa
from vshell.userland.getopt import Getopt
from vshell.userland.netdb import if_nametoindex, numeric_name
from vshell.userland.program import Program, program
from vshell.userland.rtnl import dump_addrs, dump_links, request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from vshell.userland.completion import Candidate, Context

USAGE = "usage: ifmcstat [-i interface] [-f address family] [-v]\n"
EX_USAGE = 64
EX_NOHOST = 68
FAMILIES = {"inet": AF_INET, "inet6": AF_INET6, "link": AF_LINK}
FLAGS = {AF_INET: ("SILENT", "LOOPBACK"), AF_INET6: ("SILENT", "USEALLOW")}
NAMES = {AF_INET: "igmpv", AF_INET6: "mldv"}
NEWEST = {AF_INET: 3, AF_INET6: 2}
MODES = ("undefined", "include", "exclude")
MAPPED = (IFT_ETHER, IFT_L2VLAN, IFT_BRIDGE)
"""Types of interfaces on which groups have link-level addresses."""


class Ifmcstat:
    """One run."""

    def __init__(self, p: Program, family: int, index: int, verbose: int) -> None:
        self.p = p
        self.family = family
        self.index = index
        self.verbose = verbose
        links = dump_links(p)
        self.names = {link.index: link.name for link in links}
        self.mapped = {link.index for link in links if link.type in MAPPED}
        self.lladdrs = {link.index: link.lladdr for link in links}
        self.addrs = dump_addrs(p)

    def run(self) -> None:
        """All memberships chosen, below the address they are held with."""
        interface = 0
        heading = ""
        for group in cast("list[GroupAddress]", request(self.p, RTM_GETMADDR(self.index))):
            if self.family and group.family != self.family:
                continue
            if group.index != interface:
                interface = group.index
                heading = ""
                self.p.stdout.write(f"{group.ifname}:\n")
            primary = self.primary(group)
            if not primary:
                continue
            if primary != heading:
                heading = primary
                self.p.stdout.write(primary)
            self.member(group)

    def primary(self, group: GroupAddress) -> str:
        """The lines of the address the interface speaks with, "" without one."""
        if group.family == AF_LINK:
            lladdr = self.lladdrs.get(group.index)
            return f"\tlink {ether_ntoa(lladdr)}\n" if lladdr and self.verbose else ""
        for addr in self.addrs:
            if addr.index == group.index and addr.family == group.family and self.usable(addr):
                name = "inet" if addr.family == AF_INET else "inet6"
                return f"\t{name} {self.text(addr.family, addr.addr, addr.index)}\n{self.querier(addr.family, addr.index)}"
        return ""

    def querier(self, family: int, index: int) -> str:
        """What IGMP or MLD know about the link (in_ifinfo and in6_ifinfo)."""
        try:
            (found,) = cast("list[Querier]", request(self.p, RTM_GETQUERIER(family, index)))
        except KError as e:
            name = "igmp" if family == AF_INET else "mld"
            tree = "inet" if family == AF_INET else "inet6"
            self.p.stderr.write(f"sysctl net.{tree}.{name}.ifinfo: {e}\n")
            return ""
        text = f"\t{NAMES[family]}{found.version}"
        if found.flags:
            names = [name for bit, name in enumerate(FLAGS[family]) if found.flags >> bit & 1]
            text += f" flags={found.flags:x}<{','.join(names)}>"
        if found.version == NEWEST[family]:
            text += f" rv {found.rv} qi {found.qi} qri {found.qri} uri {found.uri}"
        if self.verbose >= 2:
            text += "".join(f" v{number}timer {timer}" for number, timer in enumerate(found.timers, 1))
        return text + "\n"

    @staticmethod
    def usable(addr: Address) -> bool:
        """MLD speaks with link-local addresses only."""
        return addr.family == AF_INET or (addr.addr[0] == 0xFE and addr.addr[1] & 0xC0 == 0x80)

    def text(self, family: int, addr: bytes, index: int) -> str:
        """An address and its scope."""
        if family == AF_LINK:
            return ether_ntoa(addr)
        if family == AF_INET:
            return inet_ntoa(addr)
        scoped = addr[0] == 0xFE or addr[1] & 0x0F in (1, 2)
        shown = numeric_name(self.p, addr, index if scoped else 0, self.names)
        return f"{shown} scopeid 0x{index:x}" if scoped else shown

    def member(self, group: GroupAddress) -> None:
        """One membership."""
        mode = "" if group.family == AF_LINK else f" mode {MODES[group.mode]}"
        if self.verbose and group.sources:
            mode += " srcs " + ",".join(inet_ntoa(source) for source in group.sources)
        self.p.stdout.write(f"\t\tgroup {self.text(group.family, group.addr, group.index)}{mode}\n")
        if group.index not in self.mapped or group.family == AF_LINK:
            return
        if group.family == AF_INET:
            mac = bytes((0x01, 0x00, 0x5E, group.addr[1] & 0x7F)) + group.addr[2:]
        else:
            mac = b"\x33\x33" + group.addr[12:]
        self.p.stdout.write(f"\t\t\tmcast-macaddr {ether_ntoa(mac)}\n")


@program("/usr/sbin/ifmcstat")
def main(p: Program) -> int:
    """ifmcstat(8)."""
    family = index = 0
    verbose = 0
    parsed = Getopt(p, "i:f:v")
    for letter, value in parsed:
        if letter == "i":
            index = if_nametoindex(p, value)
            if not index:
                p.stderr.write(f"{value}: unknown interface\n")
                return EX_NOHOST
        elif letter == "f":
            family = FAMILIES.get(value, 0)
            if not family:
                p.stderr.write(f"{value}: unknown address family\n")
                return EX_USAGE
        elif letter == "v":
            verbose += 1
        else:
            p.usage(USAGE, EX_USAGE)
    if family == AF_LINK and verbose:
        p.usage(USAGE, EX_USAGE)
    Ifmcstat(p, family, index, verbose).run()
    return 0


def complete(c: Context) -> Iterator[Candidate]:
    """Interfaces after -i."""
    if c.options("if").typing == "i":
        yield from c.interfaces()
