"""netstat -r: the routing tables, and with -s statistics about them (usr.bin/netstat/route.c, route_netlink.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from vshell.abi.errno import KError
from vshell.abi.netlink_iface import Link
from vshell.abi.route import RTF_HOST, RTF_UP, DumpRoutes, GetRtStat, RtGateway, RtMsg, RtStat
from vshell.abi.socket import AF_INET, AF_INET6
from vshell.commands.netstat.names import Names, flag_names, fmt_flags
from vshell.commands.netstat.options import Options
from vshell.userland.addr import is_linklocal
from vshell.userland.rtnl import dump_links, request

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vshell.userland.libxo import Xo

FAMILY_NAMES = {AF_INET: "Internet", AF_INET6: "Internet6"}


class Path:
    """One line of the table: a route, or one of several paths of it."""

    __slots__ = ("dst", "expire", "flags", "gateway", "ifname", "knh_id", "mpath", "mtu", "weight")

    def __init__(self, dst: str, gateway: str, flags: int, ifname: str, mtu: int, expire: int) -> None:
        self.dst = dst
        self.gateway = gateway
        self.flags = flags
        self.ifname = ifname
        self.mtu = mtu
        self.expire = expire
        self.weight = 1
        self.knh_id = 0
        self.mpath = False


class Table:
    """Turns messages about routes into lines."""

    def __init__(self, o: Options) -> None:
        self.links: dict[int, Link] = {link.index: link for link in dump_links(o.p)}
        self.names = Names(o, {index: link.name for index, link in self.links.items()})

    def destination(self, r: RtMsg, flags: int, oif: int) -> str:
        """The first column."""
        if flags & RTF_HOST:
            return self.names.host(r.dst, oif if is_linklocal(r.dst) else 0)
        return self.names.network(r.family, r.dst, r.plen, oif)

    def gateway(self, gw: RtGateway | None, oif: int) -> str:
        """The second column: where it goes, the interface of a direct route as link#INDEX."""
        if gw is None or not gw.family:
            return f"link#{oif}"
        return self.names.host(gw.addr, oif)

    def path(self, r: RtMsg, gw: RtGateway | None, oif: int, flags: int, mtu: int, expire: int) -> Path:
        """One line."""
        link = self.links.get(oif)
        if not mtu and link is not None:
            mtu = link.mtu
        name = link.name if link is not None else "---"
        return Path(self.destination(r, flags, oif), self.gateway(gw, oif), flags | RTF_UP, name, mtu, expire)

    def paths(self, r: RtMsg) -> Iterator[Path]:
        """The lines of one route."""
        if not r.multipath:
            path = self.path(r, r.gateway, r.oif, r.rtflags, r.mtu, r.expires)
            path.weight, path.knh_id = r.weight or 1, r.knh_id
            yield path
            return
        for nh in r.multipath:
            path = self.path(r, nh.gateway, nh.oif, nh.rtflags, nh.mtu, nh.expires)
            path.weight, path.knh_id, path.mpath = nh.weight, r.knh_id, True
            yield path


class Widths:
    """Widths of the columns (set_wid)."""

    def __init__(self, o: Options, family: int) -> None:
        wide6 = family == AF_INET6 and o.numeric_addr
        self.dst = 33 if wide6 else 18
        self.gw = 29 if wide6 else 18
        self.flags = 6
        self.mtu = 6
        self.iface = 16 if o.wide else 12
        self.expire = 6
        self.cut = not (o.wide or o.numeric_addr)
        """Names that are too long are cut rather than pushing the next column."""

    def address(self, text: str, width: int) -> tuple[str, int]:
        """p_sockaddr: a column and by how much it is too wide."""
        if width < 0:
            return text + " ", 0
        if self.cut:
            return f"{text[:width]:<{width}} ", 0
        return f"{text:<{width}} ", max(0, len(text) - width)

    def emit(self, xo: Xo, name: str, text: str, width: int) -> int:
        """The same for another encoder."""
        if width < 0:
            xo.emit(f"{{:{name}/%s}} ", text)
            return 0
        if self.cut:
            text = text[:width]
        xo.emit(f"{{[:{-width}}}{{:{name}/%s}}{{]:}} ", text)
        return max(0, len(text) - width)


def dump(o: Options, fib: int) -> list[RtMsg]:
    """The routes to show."""
    if o.af not in (0, AF_INET, AF_INET6):
        return []
    try:
        return cast("list[RtMsg]", request(o.p, DumpRoutes(o.af, fib)))
    except KError:
        return []


def routepr(o: Options) -> int:
    """Print the tables."""
    fib = o.check_fib()
    table = Table(o)
    if o.xo is not None:
        return _structured(o, o.xo, fib, table)
    write = o.p.stdout.write
    write("Routing tables" + (f" (fib: {fib})" if fib else "") + "\n")
    family = 0
    for r in dump(o, fib):
        if r.family != family:
            family = r.family
            w = Widths(o, family)
            write(f"\n{FAMILY_NAMES[family]}:\n" + header(o, w))
        for path in table.paths(r):
            write(line(o, w, path))
    return 0


def header(o: Options, w: Widths) -> str:
    """pr_rthdr."""
    text = f"{'Destination':<{w.dst}} {'Gateway':<{w.gw}} {'Flags':<{w.flags}} "
    if o.wide:
        text += f"{'Nhop#':>{w.mtu}} {'Mtu':>{w.mtu}} "
    return text + f"{'Netif':>{w.iface}} {'Expire':>{w.expire}}\n"


def line(o: Options, w: Widths, path: Path) -> str:
    """p_path: a column that is too wide eats the room of the next."""
    dst, over = w.address(path.dst, w.dst)
    gw, over = w.address(path.gateway, w.gw - over)
    text = f"{dst}{gw}{fmt_flags(path.flags):<{max(0, w.flags - over)}} "
    if o.wide:
        text += f"{0 if path.mpath else path.knh_id:>{w.mtu}} {path.mtu or '':>{w.mtu}} "
        text += f"{path.ifname:>{w.iface}}"
    else:
        text += f"{path.ifname[: w.iface]:>{w.iface}}"
    if path.expire > 0:
        text += f" {path.expire:>{w.expire}}"
    return text + "\n"


def _structured(o: Options, xo: Xo, fib: int, table: Table) -> int:
    o.open_statistics(xo)
    xo.open_container("route-information")
    xo.emit("{T:Routing tables}")
    if fib:
        xo.emit(" ({L:fib}: {:fib/%d})", fib)
    xo.emit("\n")
    xo.open_container("route-table")
    xo.open_list("rt-family")
    family = 0
    for r in dump(o, fib):
        if r.family != family:
            _close_family(xo, family)
            family = r.family
            w = Widths(o, family)
            xo.open_instance("rt-family")
            xo.emit("\n{k:address-family/%s}:\n", FAMILY_NAMES[family])
            xo.open_list("rt-entry")
            _emit_header(o, xo, w)
        for path in table.paths(r):
            xo.open_instance("rt-entry")
            _emit_path(o, xo, w, path)
            xo.close_instance("rt-entry")
    _close_family(xo, family)
    xo.close_list("rt-family")
    xo.close_container("route-table")
    xo.close_container("route-information")
    o.close_statistics(xo)
    return 0


def _close_family(xo: Xo, family: int) -> None:
    if family:
        xo.close_list("rt-entry")
        xo.close_instance("rt-family")


def _emit_header(o: Options, xo: Xo, w: Widths) -> None:
    columns = [(-w.dst, "Destination"), (-w.gw, "Gateway"), (-w.flags, "Flags")]
    if o.wide:
        columns += [(w.mtu, "Nhop#"), (w.mtu, "Mtu")]
    columns += [(w.iface, "Netif"), (w.expire, "Expire")]
    for i, (width, title) in enumerate(columns):
        xo.emit(" " if i else "")
        xo.emit("{T:/%*s}", width, title)
    xo.emit("\n")


def _emit_path(o: Options, xo: Xo, w: Widths, path: Path) -> None:
    over = w.emit(xo, "destination", path.dst, w.dst)
    over = w.emit(xo, "gateway", path.gateway, w.gw - over)
    xo.emit(f"{{[:-{w.flags - over}}}{{:flags/%s}}{{]:}} ", fmt_flags(path.flags))
    xo.open_list("flags_pretty")
    for name in flag_names(path.flags):
        xo.emit("{le:flags_pretty/%s}", name)
    xo.close_list("flags_pretty")
    xo.emit("{e:weight/%u}", path.weight)
    xo.emit("{e:nhg-kidx/%u}" if path.mpath else "{e:nhop-kidx/%u}", path.knh_id)
    if o.wide:
        xo.emit("{t:nhop/%*lu} ", w.mtu, 0 if path.mpath else path.knh_id)
        if path.mtu:
            xo.emit("{t:mtu/%*lu} ", w.mtu, path.mtu)
        else:
            xo.emit("{P:/%*s} ", w.mtu, "")
        xo.emit("{t:interface-name/%*s}", w.iface, path.ifname)
    else:
        xo.emit("{t:interface-name/%*.*s}", w.iface, w.iface, path.ifname)
    if path.expire > 0:
        xo.emit(" {:expire-time/%*u}", w.expire, path.expire)
    xo.emit("\n")


_STATS = (
    ("badredirect", "bad-redirects", "bad routing redirect{s}"),
    ("dynamic", "dynamically-created", "dynamically created route{s}"),
    ("newgateway", "new-gateways", "new gateway{s} due to redirects"),
    ("unreach", "unreachable-destination", "destination{s} found unreachable"),
    ("wildcard", "wildcard-uses", "use{s} of a wildcard route"),
)


def rt_stats(o: Options) -> int:
    """-rs: counters of the routing code; -rss leaves out those that are zero."""
    stats = cast(RtStat, request(o.p, GetRtStat())[0])
    if o.xo is not None:
        o.open_statistics(o.xo)
        o.xo.emit("{T:routing}:\n")
    else:
        o.p.stdout.write("routing:\n")
    for field, tag, text in _STATS:
        value = getattr(stats, field)
        if not value and o.sflag > 1:
            continue
        words = text.format(s="" if value == 1 else "s")
        if o.xo is not None:
            o.xo.emit("\t{:" + tag + "/%ju} {N:/%s}\n", value, words)
        else:
            o.p.stdout.write(f"\t{value} {words}\n")
    if o.xo is not None:
        o.close_statistics(o.xo)
    return 0
