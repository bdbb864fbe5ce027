"""netstat -i, -I and -w: interfaces with their addresses and counters (usr.bin/netstat/if.c).

The mode is `intpr(o)`; with an interval it waits, so it answers a coroutine then.
"""

from __future__ import annotations

from collections.abc import Coroutine, Iterator
from typing import Any, cast

from vshell.abi.netlink_iface import RTM_GETMADDR, Address, GroupAddress, Link
from vshell.abi.socket import AF_INET, AF_INET6, AF_LINK
from vshell.abi.sockio import IFF_LOWER_UP, IFF_UP, IFT_ETHER
from vshell.commands.netstat.names import Names
from vshell.commands.netstat.options import EX_DATAERR, Options
from vshell.userland.addr import ether_ntoa, is_scoped, masked
from vshell.userland.humanize import humanize_number
from vshell.userland.libxo import Xo
from vshell.userland.netdb import numeric_name
from vshell.userland.rtnl import dump_addrs, dump_links, request

Entry = tuple[Link, Address | None]
"""An interface, alone for its link-level address, or with one of its addresses (struct ifaddrs)."""

NS = 1_000_000_000


class Widths:
    """Columns grow with what stands in them."""

    def __init__(self) -> None:
        self.name, self.net, self.addr = 5, len("Network "), len("Address ")
        self.packets, self.bytes, self.errors = 8, 10, 5

    @staticmethod
    def number(width: int, value: int) -> int:
        """max_num_len."""
        size = 2
        while value > 10:
            value //= 10
            size += 1
        return max(width, size)


def intpr(o: Options) -> Coroutine[Any, Any, int] | int:
    """The table, or with -w counters as they grow."""
    if o.interval:
        return sidewaysintpr(o)
    xo = o.xo or Xo(o.p)
    links = dump_links(o.p)
    names = Names(o, {link.index: link.name for link in links})
    entries = list(getifaddrs(o, links))
    groups: list[GroupAddress] = []
    if "a" in o.flags:
        groups = cast("list[GroupAddress]", request(o.p, RTM_GETMADDR()))
    widths = measure(o, names, [e for e in entries if wanted(o, e)])
    if o.xo is not None:
        o.open_statistics(o.xo)
    xo.open_list("interface")
    heading(o, xo, widths)
    for entry in entries:
        if wanted(o, entry):
            row(o, xo, names, widths, entry, groups)
    xo.close_list("interface")
    if o.xo is not None:
        o.close_statistics(o.xo)
    xo.flush()
    return 0


def getifaddrs(o: Options, links: list[Link]) -> Iterator[Entry]:
    """getifaddrs(3): each interface, then its addresses in its order."""
    addrs: dict[int, list[Address]] = {}
    for addr in dump_addrs(o.p):
        addrs.setdefault(addr.index, []).append(addr)
    for link in links:
        yield link, None
        for addr in addrs.get(link.index, ()):
            yield link, addr


def wanted(o: Options, entry: Entry) -> bool:
    """-I and -f."""
    link, addr = entry
    if o.interface is not None and link.name != o.interface:
        return False
    return o.af in (0, AF_LINK if addr is None else addr.family)


def texts(names: Names, entry: Entry) -> tuple[str, str]:
    """What stands under Network and Address."""
    link, addr = entry
    if addr is None:
        return f"<Link#{link.index}>", lladdr(link)
    net = names.network(addr.family, masked(addr.addr, addr.prefixlen), addr.prefixlen, link.index)
    return net, names.host(addr.addr, link.index)


def lladdr(link: Link) -> str:
    """A link-level address; an interface without one shows its name."""
    if not link.lladdr:
        return link.name
    return ether_ntoa(link.lladdr) if len(link.lladdr) == 6 else ".".join(f"{octet:x}" for octet in link.lladdr)


def measure(o: Options, names: Names, entries: list[Entry]) -> Widths:
    """Find the widths of all columns."""
    w = Widths()
    for link, addr in entries:
        w.name = max(w.name, len(link.name) + (not link.flags & IFF_UP))
        net, host = texts(names, (link, addr))
        w.net, w.addr = max(w.net, len(net)), max(w.addr, len(host))
        if "h" in o.flags:
            continue
        data = addr or link
        for count in (data.ipackets, data.opackets):
            w.packets = w.number(w.packets, count)
        if addr is None:
            for count in (link.ierrors, link.iqdrops, link.collisions, link.oqdrops if "d" in o.flags else 0):
                w.errors = w.number(w.errors, count)
        if "b" in o.flags:
            for count in (data.ibytes, data.obytes):
                w.bytes = w.number(w.bytes, count)
    return w


def heading(o: Options, xo: Xo, w: Widths) -> None:
    """The first line."""
    err = w.errors
    xo.emit("{T:/%-*.*s}", w.name, w.name, "Name")
    xo.emit(
        " {T:/%5.5s} {T:/%-*.*s}  {T:/%-*.*s} {T:/%*.*s} {T:/%*.*s} {T:/%*.*s}",
        "Mtu", w.net, w.net, "Network", w.addr, w.addr, "Address", w.packets, w.packets, "Ipkts", err, err, "Ierrs", err, err,
        "Idrop",
    )  # fmt: skip
    if "b" in o.flags:
        xo.emit(" {T:/%*.*s}", w.bytes, w.bytes, "Ibytes")
    xo.emit(" {T:/%*.*s} {T:/%*.*s}", w.packets, w.packets, "Opkts", err, err, "Oerrs")
    if "b" in o.flags:
        xo.emit(" {T:/%*.*s}", w.bytes, w.bytes, "Obytes")
    xo.emit(" {T:/%*s}", err, "Coll")
    if "d" in o.flags:
        xo.emit(" {T:/%*.*s}", err, err, "Drop")
    xo.emit("\n")


def show_stat(
    o: Options, xo: Xo, width: int, name: str, value: int, shown: bool, div1000: bool, left: str = "", right: str = " "
) -> None:
    """A number, or a dash in its place."""
    if not shown:
        if left:
            xo.emit("{P: }")
        xo.emit("{D:/%*s}", width, "-")
        if right:
            xo.emit("{P: }")
        return
    if left:
        xo.emit("{P: }")
    if "h" in o.flags:
        text = humanize_number(value, 5, decimal=True, space=False, divisor=1000 if div1000 else 1024)
        xo.emit(f"{{:{name}/%{width}s}}", text)
    else:
        xo.emit(f"{{:{name}/%{width}lu}}", value)
    if right:
        xo.emit("{P: }")


def row(o: Options, xo: Xo, names: Names, w: Widths, entry: Entry, groups: list[GroupAddress]) -> None:
    """One line."""
    link, addr = entry
    is_link = addr is None
    shown = link.name if link.flags & IFF_UP else link.name + "*"
    xo.open_instance("interface")
    xo.emit("{d:/%-*.*s}{etk:name}{eq:flags/0x%x}", w.name, w.name, shown, link.name, link.flags & ~IFF_LOWER_UP)
    mtu = link.mtu if is_link else 0
    show_stat(o, xo, 6, "mtu", mtu, bool(mtu), False)
    net, host = texts(names, entry)
    xo.emit("{t:network/%-*.*s}  ", w.net, w.net, net)
    xo.emit("{t:address/%-*.*s} ", w.addr, w.addr, host)
    data = addr or link
    ip = is_link or addr is not None
    show_stat(o, xo, w.packets, "received-packets", data.ipackets, ip, True)
    show_stat(o, xo, w.errors, "received-errors", link.ierrors, is_link, True)
    show_stat(o, xo, w.errors, "dropped-packets", link.iqdrops, is_link, True)
    if "b" in o.flags:
        show_stat(o, xo, w.bytes, "received-bytes", data.ibytes, ip, False)
    show_stat(o, xo, w.packets, "sent-packets", data.opackets, ip, True)
    show_stat(o, xo, w.errors, "send-errors", link.oerrors, is_link, True)
    if "b" in o.flags:
        show_stat(o, xo, w.bytes, "sent-bytes", data.obytes, ip, False)
    show_stat(o, xo, w.errors, "collisions", link.collisions, is_link, True, right="")
    if "d" in o.flags:
        show_stat(o, xo, w.errors, "dropped-packets", link.oqdrops, is_link, True, left=" ")
    xo.emit("\n")
    if "a" in o.flags:
        multicast(o, xo, names, entry, groups)
    xo.close_instance("interface")


def multicast(o: Options, xo: Xo, names: Names, entry: Entry, groups: list[GroupAddress]) -> None:
    """-a: group memberships of the family of the line."""
    link, addr = entry
    family = AF_LINK if addr is None else addr.family
    xo.open_list("multicast-address")
    for group in groups:
        if group.ifname != link.name or group.family != family:
            continue
        xo.open_instance("multicast-address")
        text = None
        if family == AF_LINK:
            if link.type == IFT_ETHER:
                text = ether_ntoa(group.addr)
        elif family in (AF_INET, AF_INET6):
            scope = link.index if is_scoped(group.addr) else 0
            text = numeric_name(o.p, group.addr, scope, names.ifnames) if scope else names.host(group.addr)
        if text is not None:
            if o.wide:
                xo.emit("{P:/%27s }{t:address/%-17s/}", "", text)
            else:
                xo.emit("{P:/%25s }{t:address/%-17.17s/}", "", text)
            if family == AF_LINK:
                xo.emit(" {:received-packets/%8lu}", link.imcasts)
                xo.emit("{P:/%*s}", 17 if "b" in o.flags else 6, "")
                xo.emit(" {:sent-packets/%8lu}", link.omcasts)
            xo.emit("\n")
        xo.close_instance("multicast-address")
    xo.close_list("multicast-address")


# -w ------------------------------------------------------------------------------------------------------------
COLUMNS = (
    (10, "received-packets", "ipackets", True), (5, "received-errors", "ierrors", True), (5, "dropped-packets", "iqdrops", True),
    (10, "received-bytes", "ibytes", False), (10, "sent-packets", "opackets", True), (5, "send-errors", "oerrors", True),
    (10, "sent-bytes", "obytes", False), (5, "collisions", "collisions", True),
)  # fmt: skip
LINES = 21
"""As many as fit between two headings on a screen."""


def fill_iftot(o: Options) -> dict[str, int]:
    """The sum over the interfaces, or one of them."""
    links = [link for link in dump_links(o.p) if o.interface in (None, link.name)]
    if o.interface is not None and not links:
        # errno is what stdio left there when it asked whether its output is a terminal.
        o.errx(EX_DATAERR, f"interface {o.interface} not found: Inappropriate ioctl for device")
    fields = [field for _, _, field, _ in COLUMNS] + ["oqdrops"]
    return {field: sum(getattr(link, field) for link in links) for field in fields}


def banner(o: Options, xo: Xo) -> None:
    """The two heading lines."""
    xo.emit("{T:/%17s} {T:/%14s} {T:/%16s}\n", "input", o.interface if o.interface is not None else "(Total)", "output")
    xo.emit(
        "{T:/%10s} {T:/%5s} {T:/%5s} {T:/%10s} {T:/%10s} {T:/%5s} {T:/%10s} {T:/%5s}",
        "packets", "errs", "idrops", "bytes", "packets", "errs", "bytes", "colls",
    )  # fmt: skip
    if "d" in o.flags:
        xo.emit(" {T:/%5.5s}", "drops")
    xo.emit("\n")
    xo.flush()
    o.p.stdout.flush()


async def sidewaysintpr(o: Options) -> int:
    """What was counted in each interval."""
    xo = o.xo or Xo(o.p)
    old = fill_iftot(o)
    if o.xo is not None:
        o.open_statistics(o.xo)
    xo.open_list("interface-statistics")
    banner(o, xo)
    line = 0
    left = o.noutputs
    start = o.p.sys.clock_gettime("uptime")
    while True:
        start += o.interval * NS
        await o.p.sys.nanosleep(start - o.p.sys.clock_gettime("uptime"))
        new = fill_iftot(o)
        if line == LINES:
            banner(o, xo)
            line = 0
        line += 1
        xo.open_instance("stats")
        for width, name, field, div1000 in COLUMNS:
            show_stat(o, xo, width, name, new[field] - old[field], True, div1000, right="" if name == "collisions" else " ")
        if "d" in o.flags:
            show_stat(o, xo, 5, "dropped-packets", new["oqdrops"] - old["oqdrops"], True, True, left=" ")
        xo.close_instance("stats")
        xo.emit("\n")
        xo.flush()
        o.p.stdout.flush()
        old = new
        left -= 1
        if not left:
            break
    xo.close_list("interface-statistics")
    if o.xo is not None:
        o.close_statistics(o.xo)
    return 0
