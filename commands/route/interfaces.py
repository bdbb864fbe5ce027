"""route -d monitor: interfaces and addresses in the words of the routing socket (interfaces, print_rtmsg of route.c)."""

from __future__ import annotations

from vshell.abi.netlink_iface import Address, Link
from vshell.abi.socket import AF_INET, AF_INET6
from vshell.abi.sockio import IFF_UP, LINK_STATE_DOWN, LINK_STATE_UP
from vshell.commands.route.names import IFNET_FLAGS, ROUTE_FLAGS, Sockaddr, printb, routename
from vshell.commands.route.options import Options
from vshell.userland.addr import is_linklocal, plen2mask
from vshell.userland.rtnl import dump_addrs, dump_links

IFINFO_LEN = 224
"""Size of RTM_IFINFO with a link-level address of any interface."""
IFA_HEADER = 24
_SA_SIZE = {AF_INET: 16, AF_INET6: 32}
_EMPTY_SIZE = 8


def interfaces(o: Options) -> int:
    """Print them all."""
    addresses = dump_addrs(o.p)
    for link in dump_links(o.p):
        _print_link(o, link)
        mine = [a for a in addresses if a.index == link.index]
        # The kernel keeps IPv6 addresses of an interface where they came in; the dump of this socket is by family.
        for a in mine:
            _print_addr(o, link, a)
    return 0


def _print_link(o: Options, link: Link) -> None:
    state = {LINK_STATE_DOWN: "down", LINK_STATE_UP: "up"}.get(link.link_state, "unknown")
    lladdr = ".".join(f"{octet:x}" for octet in link.lladdr)
    name = f"{link.name}:{lladdr}" if lladdr else link.name
    o.p.stdout.write(
        f"RTM_IFINFO: iface status change: len {IFINFO_LEN}, if# {link.index}, link: {state}, "
        f"flags:{printb(link.flags & 0xFFFF, IFNET_FLAGS)}\nsockaddrs: <IFP>\n {name}\n"
    )


def _print_addr(o: Options, link: Link, a: Address) -> None:
    size = _SA_SIZE[a.family]
    scope = a.index if is_linklocal(a.addr) else 0
    texts = [
        routename(o, Sockaddr(a.family, plen2mask(a.prefixlen, len(a.addr)))),
        routename(o, Sockaddr(a.family, a.addr, scope)),
    ]
    length = IFA_HEADER + 2 * size
    names = "NETMASK,IFA"
    other = a.broadaddr or a.dstaddr
    if a.family == AF_INET or other is not None or link.flags & 0x18:
        names += ",BRD"
        if other is not None:
            texts.append(routename(o, Sockaddr(a.family, other)))
            length += size
        else:
            texts.append("default" if not o.numeric else "0.0.0.0" if a.family == AF_INET else "::")
            length += _EMPTY_SIZE
    flags = printb(0x4 if a.family == AF_INET6 else int(bool(link.flags & IFF_UP)), ROUTE_FLAGS)
    o.p.stdout.write(
        f"RTM_NEWADDR: address being added to iface: len {length}, metric 0, flags:{flags}\n"
        f"sockaddrs: <{names}>\n {' '.join(texts)}\n"
    )
