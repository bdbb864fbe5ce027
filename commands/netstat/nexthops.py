"""netstat -o and -O: next hops and groups of them (usr.bin/netstat/nhops.c, nhgrp.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from vshell.abi.errno import KError
from vshell.abi.record import Record
from vshell.abi.route import RTF_GATEWAY, DumpNexthops, DumpNhGroups, NhExternal, NhGrpExternal
from vshell.abi.socket import AF_INET, AF_INET6
from vshell.commands.netstat.names import Names, flag_names, fmt_flags
from vshell.commands.netstat.options import EX_OSERR, Options
from vshell.commands.netstat.routes import FAMILY_NAMES, Widths
from vshell.userland.rtnl import dump_links, request

if TYPE_CHECKING:
    from vshell.userland.libxo import Xo

PKSENT = 8
REFCNT = 6


def _dump(o: Options, message: Record, what: str, fib: int) -> list[Record]:
    try:
        return request(o.p, message)
    except KError as e:
        text = f"sysctl: net.route.0.{o.af}.{what}.{fib} estimate"
        if o.xo is not None:
            o.xo.err(EX_OSERR, e, text)
        o.p.err(EX_OSERR, e, text)


class NexthopNames:
    """Names used in both lists."""

    def __init__(self, o: Options) -> None:
        self.ifnames = {link.index: link.name for link in dump_links(o.p)}
        self.names = Names(o, self.ifnames)

    def ifname(self, index: int) -> str:
        """An interface."""
        return self.ifnames.get(index, "---")

    def gateway(self, nh: NhExternal) -> str:
        """Where it goes."""
        if nh.rtflags & RTF_GATEWAY:
            return self.names.host(nh.gateway.addr, nh.oif)
        return f"{self.ifname(nh.oif)}/resolve"

    def source(self, nh: NhExternal) -> str:
        """The source address."""
        return f"link#{nh.src_scope}" if nh.src is None else self.names.host(nh.src, nh.src_scope)


def _type(nh: NhExternal) -> str:
    return f"{'v4' if nh.family == AF_INET else 'v6'}/{'gw' if nh.rtflags & RTF_GATEWAY else 'resolve'}"


def nhops_print(o: Options) -> int:
    """-o."""
    fib = o.check_fib()
    names = NexthopNames(o)
    nhops = cast("list[NhExternal]", _dump(o, DumpNexthops(o.af, fib), "nhdump", fib))
    if o.xo is not None:
        return _nhops_structured(o, o.xo, fib, names, nhops)
    write = o.p.stdout.write
    write("Nexthop data" + (f" (fib: {fib})" if fib else "") + "\n")
    if nhops:
        w = Widths(o, nhops[0].family)
        w.dst = w.gw
        write(f"\n{FAMILY_NAMES[nhops[0].family]}:\n" + _nhop_header(o, w))
        for nh in nhops:
            write(_nhop_line(o, w, names, nh))
    return 0


def _nhop_header(o: Options, w: Widths) -> str:
    text = f"{'Idx':<5} " + (f"{'Type':<12} " if o.wide else "")
    text += f"{'IFA':<{w.dst}} {'Gateway':<{w.gw}} "
    if o.wide:
        text += f"{'Flags':>{w.flags}} "
        text += f"{'Use':>{PKSENT}} {'Mtu':<{w.mtu}} {'Netif':>{w.iface}} {'Addrif':>{w.iface}} {'Refcnt':>{REFCNT}} Prepend\n"
        return text
    return text + f"{'Flags':<{w.flags}} {'Netif':>{w.iface}}  Refcnt\n"


def _nhop_line(o: Options, w: Widths, names: NexthopNames, nh: NhExternal) -> str:
    text = f"{nh.idx:<5} " + (f"{_type(nh):>12} " if o.wide else "")
    source, over = w.address(names.source(nh), w.dst)
    gw, over = w.address(names.gateway(nh), w.dst - over)
    text += f"{source}{gw}{fmt_flags(nh.rtflags):<{max(0, w.flags - over)}} "
    if not o.wide:
        return text + f"{names.ifname(nh.oif)[: w.iface]:>{w.iface}}{nh.refcnt:>{REFCNT}} \n"
    other = names.ifname(nh.aif) if nh.aif != nh.oif else ""
    text += f"{nh.pksent:>{PKSENT}} {nh.mtu:>{w.mtu}} {names.ifname(nh.oif):>{w.iface}} "[:-1]
    return text + f"{other:>{w.iface}}{nh.refcnt:>{REFCNT}} \n"


def _nhops_structured(o: Options, xo: Xo, fib: int, names: NexthopNames, nhops: list[NhExternal]) -> int:
    o.open_statistics(xo)
    xo.open_container("route-nhop-information")
    xo.emit("{T:Nexthop data}")
    if fib:
        xo.emit(" ({L:fib}: {:fib/%d})", fib)
    xo.emit("\n")
    xo.open_container("nhop-table")
    xo.open_list("rt-family")
    if nhops:
        xo.open_instance("rt-family")
        xo.emit("\n{k:address-family/%s}:\n", FAMILY_NAMES[nhops[0].family])
        xo.open_list("nh-entry")
        for nh in nhops:
            _emit_nhop(o, xo, names, nh)
        xo.close_list("nh-entry")
        xo.close_instance("rt-family")
    xo.close_list("rt-family")
    xo.close_container("nhop-table")
    xo.close_container("route-nhop-information")
    o.close_statistics(xo)
    return 0


def _emit_nhop(o: Options, xo: Xo, names: NexthopNames, nh: NhExternal) -> None:
    xo.open_instance("nh-entry")
    xo.emit("{:index/%lu} ", nh.idx)
    if o.wide:
        xo.emit("{t:type_str/%*s} ", 12, _type(nh))
    xo.emit("{:ifa/%s} ", names.source(nh))
    xo.emit("{:gateway/%s} ", names.gateway(nh))
    xo.emit("{:flags/%s} ", fmt_flags(nh.rtflags))
    xo.open_list("rt_flags_pretty")
    for name in flag_names(nh.rtflags):
        xo.emit("{le:rt_flags_pretty/%s}", name)
    xo.close_list("rt_flags_pretty")
    if o.wide:
        xo.emit("{t:use/%*lu} ", PKSENT, nh.pksent)
        xo.emit("{t:mtu/%*lu} ", 6, nh.mtu)
    xo.emit("{t:interface-name/%s}", names.ifname(nh.oif))
    if o.wide:
        xo.emit("{t:address-interface-name/%s}", names.ifname(nh.aif) if nh.aif != nh.oif else "")
    xo.emit("{t:refcount/%*lu} ", REFCNT, nh.refcnt)
    xo.emit("\n")
    xo.close_instance("nh-entry")


# groups --------------------------------------------------------------------------------------------------------


def nhgrp_print(o: Options) -> int:
    """-O."""
    fib = o.check_fib()
    names = NexthopNames(o)
    nhops = {nh.idx: nh for nh in cast("list[NhExternal]", _dump(o, DumpNexthops(o.af, fib), "nhdump", fib))}
    groups = cast("list[NhGrpExternal]", _dump(o, DumpNhGroups(o.af, fib), "nhgrpdump", fib))
    if o.xo is not None:
        return _groups_structured(o, o.xo, fib, names, nhops, groups)
    write = o.p.stdout.write
    write("Nexthop groups data" + (f" (fib: {fib})" if fib else "") + "\n")
    if not groups:
        return 0
    gw = 40 if o.af == AF_INET6 else 18
    titles = "".join(f"{title:>8}" for title in ("Weight", "Slots"))
    write(f"\n{FAMILY_NAMES[o.af]}:\n{'GrpIdx':<8}{'NhIdx':<8}{titles}{'Gateway':>{gw}}{'Netif':>10}{'Refcnt':>8}\n")
    dashes = "".join(" " + "-" * (width - 1) for width in (8, 8, 8, gw, 10))
    for grp in groups:
        # The index is padded to its column and a blank follows, which the dashes begin with.
        write(f"{grp.idx:<8} {dashes}{grp.refcnt:>8}\n")
        for idx, weight, slots in grp.members:
            nh = nhops.get(idx)
            text = " " * 8 + f"{idx:>8}{weight:>8}{slots:>8}"
            if nh is not None:
                text += f"{names.gateway(nh)[:gw]:>{gw}}{names.ifname(nh.oif)[:10]:>10}"
            write(text + "\n")
    return 0


def _groups_structured(
    o: Options, xo: Xo, fib: int, names: NexthopNames, nhops: dict[int, NhExternal], groups: list[NhGrpExternal]
) -> int:
    o.open_statistics(xo)
    xo.open_container("route-nhgrp-information")
    xo.emit("{T:Nexthop groups data}")
    if fib:
        xo.emit(" ({L:fib}: {:fib/%d})", fib)
    xo.emit("\n")
    xo.open_container("nhgrp-table")
    xo.open_list("rt-family")
    if groups:
        xo.open_instance("rt-family")
        xo.emit("\n{k:address-family/%s}:\n", FAMILY_NAMES[o.af])
        xo.open_list("nhgrp-entry")
        for grp in groups:
            _emit_group(xo, names, nhops, grp)
    xo.close_list("rt-family")
    xo.close_container("nhgrp-table")
    xo.close_container("route-nhgrp-information")
    o.close_statistics(xo)
    return 0


def _emit_group(xo: Xo, names: NexthopNames, nhops: dict[int, NhExternal], grp: NhGrpExternal) -> None:
    xo.open_instance("nhgrp-entry")
    xo.emit("{:nhgrp-index/%lu} ", grp.idx)
    xo.emit("{t:nhg-refcnt/%*lu}", 8, grp.refcnt)
    xo.emit("\n")
    xo.open_list("nhop-weights")
    for idx, weight, slots in grp.members:
        xo.open_instance("nhop-weight")
        xo.emit("{t:nh-index/%*lu}", 8, idx)
        xo.emit("{t:nh-weight/%*lu}", 8, weight)
        xo.emit("{t:nh-slots/%*lu}", 8, slots)
        nh = nhops.get(idx)
        if nh is not None:
            xo.emit("{t:nh-gw/%s}", names.gateway(nh))
            xo.emit("{t:nh-interface/%s}", names.ifname(nh.oif))
        xo.emit("\n")
        xo.close_instance("nhop-weight")
    xo.close_list("nhop-weights")
    xo.close_instance("nhgrp-entry")
