"""The display: which interfaces are shown, and what is said about each (ifconfig_netlink.c)."""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.abi.netlink_iface import RTM_GETADDR, RTM_GETLINK, Address, Link
from vshell.abi.socket import AF_LINK, AF_UNSPEC
from vshell.abi.sockio import (
    IFCAP_NV,
    IFF_CANTCONFIG,
    IFF_UP,
    IFT_BRIDGE,
    IFT_ETHER,
    IFT_IEEE8023ADLAG,
    IFT_L2VLAN,
)  # fmt: skip
from vshell.commands.ifconfig.bits import IFCAPBITS, IFFBITS, print_bits
from vshell.commands.ifconfig.configure import configure
from vshell.commands.ifconfig.context import Context
from vshell.commands.ifconfig.keywords import families, family_by_number, statuses


def list_interfaces(ctx: Context) -> None:
    """Show what was asked for."""
    args = ctx.args
    try:
        links: list[Link] = ctx.netlink(RTM_GETLINK(args.ifname or ""))
    except KError:
        links = []
    addrs: dict[int, list[Address]] = {}
    for addr in ctx.netlink(RTM_GETADDR()):
        addrs.setdefault(addr.index, []).append(addr)
    shown = []
    for link in links:
        mine = addrs.get(link.index, [])
        if not match_iface(ctx, link, mine):
            continue
        ctx.ifname = link.name
        if args.namesonly:
            shown.append(link.name)
        elif not args.words:
            status(ctx, link, mine)
        else:
            configure(ctx, False, args.family)
    if args.namesonly:
        ctx.out(" ".join(shown) + "\n")


def is_ether(link: Link) -> bool:
    """match_ether: it has an Ethernet address.  A lagg(4) port counts as Ethernet."""
    return link.type in (IFT_ETHER, IFT_L2VLAN, IFT_BRIDGE, IFT_IEEE8023ADLAG) and len(link.lladdr) == 6


def match_iface(ctx: Context, link: Link, addrs: list[Address]) -> bool:
    """True if the options let an interface through."""
    args = ctx.args
    up = link.flags & IFF_UP
    if link.flags & IFF_CANTCONFIG or (args.downonly and up) or (args.uponly and not up):
        return False
    if not group_member(link, args.matchgroup, args.nogroup):
        return False
    family = args.family
    if family is None:
        return True
    if family.name == "ether":
        return is_ether(link)
    if family.af == AF_LINK:
        return bool(link.lladdr)
    return any(addr.family == family.af for addr in addrs)


def group_member(link: Link, match: str | None, nomatch: str | None) -> bool:
    """-g and -G: some group matches the one pattern, none the other."""
    if match is None and nomatch is None:
        return True
    from fnmatch import fnmatchcase

    if match is not None and not any(fnmatchcase(group, match) for group in link.groups):
        return False
    return nomatch is None or not any(fnmatchcase(group, nomatch) for group in link.groups)


def status(ctx: Context, link: Link, addrs: list[Address]) -> None:
    """Everything about one interface, or what belongs to one family."""
    args = ctx.args
    ctx.shared["link"] = link
    ctx.out(f"{link.name}: flags={link.flags:x}{print_bits('IFF', link.flags, IFFBITS)}")
    ctx.out(f" metric {link.metric} mtu {link.mtu}\n")
    if link.description:
        ctx.out(f"\tdescription: {link.description}\n")
    print_ifcaps(ctx, link)
    for family in families():
        family.status_tunnel(ctx)
    if link.lladdr and (args.allfamilies or (args.family is not None and args.family.af == AF_LINK)):
        family_by_number(AF_LINK).status(ctx, link, None)  # type: ignore[union-attr]
    for addr in sorted(addrs, key=lambda a: a.family):
        shown = family_by_number(addr.family)
        if shown is not None and (args.allfamilies or (args.family is not None and args.family.af == addr.family)):
            shown.status(ctx, link, addr)
    if args.allfamilies:
        other_status(ctx)
    elif args.family is not None and args.family.af != AF_UNSPEC:
        args.family.other_status(ctx)
    _ifstatus(ctx)
    if args.drivername or args.verbose:
        ctx.out(f"\tdrivername: {link.dname}{'' if link.dunit is None else link.dunit}\n")


def other_status(ctx: Context) -> None:
    """Lines of all sections and families, in their order."""
    for show in statuses():
        show(ctx)


def print_ifcaps(ctx: Context, link: Link) -> None:
    """options= and, with -m, capabilities=."""
    shown = [("options", link.capenable)]
    if ctx.args.supmedia:
        shown.append(("capabilities", link.capabilities))
    for label, caps in shown:
        ctx.out(f"\t{label}={caps & 0xFFFFFFFF:x}{print_bits('IFCAPS', caps & ~IFCAP_NV, IFCAPBITS)}\n")


def _ifstatus(ctx: Context) -> None:
    """SIOCGIFSTATUS: what a type has to say in its own words."""
    from vshell.abi.sockio import SIOCGIFSTATUS

    try:
        ctx.out(ctx.ioctl(SIOCGIFSTATUS(ctx.ifname), ctx.local_socket()))
    except KError:
        pass
