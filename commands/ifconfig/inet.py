"""The inet address family of ifconfig(8) (af_inet.c)."""

from __future__ import annotations

from collections.abc import Callable

from vshell.abi.errno import EADDRNOTAVAIL, KError
from vshell.abi.if_tunnel import SIOCGIFPDSTADDR, SIOCGIFPSRCADDR, SIOCSIFPHYADDR
from vshell.abi.netlink_iface import RTM_DELADDR, RTM_GETADDR, RTM_NEWADDR, Address, Link
from vshell.abi.socket import AF_INET, AF_INET6
from vshell.abi.sockio import IFF_BROADCAST, IFF_LOOPBACK, IFF_POINTOPOINT
from vshell.commands.ifconfig.configure import bad_value
from vshell.commands.ifconfig.context import Context
from vshell.commands.ifconfig.keywords import ADDR, BRDADDR, DSTADDR, MASK, RIDADDR, Family
from vshell.userland.addr import inet_aton, inet_ntoa, plen2mask
from vshell.userland.netdb import NI_NOFQDN, NI_NUMERICHOST, gethostbyname, getnameinfo, numeric_name

ORDER = 20


class Request:
    """What has been read of the addresses (struct in_pdata)."""

    def __init__(self) -> None:
        self.addrs: dict[int, bytes] = {}
        self.plen = 0
        self.maskset = False
        self.vhid = 0


def request(ctx: Context) -> Request:
    """The addresses read so far."""
    found: Request = ctx.shared.setdefault("inet", Request())
    return found


class Internet(Family):
    """What inet and inet6 have in common."""

    read: Callable[[Context], Request] = staticmethod(request)
    """The addresses read so far."""
    phyaddr = "SIOCSIFPHYADDR"

    def copyaddr(self, ctx: Context, to: int, source: int) -> None:
        """in_copyaddr."""
        addrs = self.read(ctx).addrs
        if source in addrs:
            addrs[to] = addrs[source]

    def setvhid(self, ctx: Context, vhid: int) -> None:
        """in_set_vhid."""
        self.read(ctx).vhid = vhid

    def settunnel(self, ctx: Context, src: bytes, dst: bytes) -> bool:
        """in_set_tunnel."""
        try:
            ctx.ioctl(SIOCSIFPHYADDR(ctx.ifname, self.af, src, dst))
        except KError:
            ctx.warn(self.phyaddr)
        return True

    def status_tunnel(self, ctx: Context) -> None:
        """in_status_tunnel."""
        ends = []
        for question in (SIOCGIFPSRCADDR, SIOCGIFPDSTADDR):
            try:
                answer: bytes = ctx.ioctl(question(ctx.ifname), ctx.local_socket())
            except KError:
                return
            if len(answer) != (16 if self.af == AF_INET6 else 4):
                return
            ends.append(self.end_name(ctx, answer))
        ctx.out(f"\ttunnel {self.name} {ends[0]} --> {ends[1]}\n")

    def end_name(self, ctx: Context, addr: bytes) -> str:
        """One end of a tunnel."""
        return inet_ntoa(addr)


class Inet(Internet):
    """inet."""

    name = "inet"
    af = AF_INET

    def status(self, ctx: Context, link: Link, addr: Address | None) -> None:
        """in_status_nl."""
        assert addr is not None
        formats = ctx.args.formats
        ctx.out(f"\tinet {host_name(ctx, addr.addr)}")
        if link.flags & IFF_POINTOPOINT:
            ctx.out(f" --> {inet_ntoa(addr.dstaddr or bytes(4))}")
        plen, shown = addr.prefixlen, formats.get("inet")
        if shown == "cidr":
            ctx.out(f"/{plen}")
        elif shown == "dotted":
            ctx.out(f" netmask {inet_ntoa(plen2mask(plen))}")
        else:
            ctx.out(f" netmask {int.from_bytes(plen2mask(plen), 'big'):#x}")
        if link.flags & IFF_BROADCAST and plen and addr.broadaddr is not None:
            ctx.out(f" broadcast {inet_ntoa(addr.broadaddr)}")
        ctx.out(f" vhid {addr.vhid}\n" if addr.vhid else "\n")

    def getaddr(self, ctx: Context, text: str, which: int) -> None:
        """in_getaddr."""
        req = request(ctx)
        if which == MASK:
            # Only the number of its bits counts, not where they are.
            req.plen = int.from_bytes(getip(ctx, text), "big").bit_count()
            req.maskset = True
            return
        if which == ADDR and "/" in text:
            name, _, width = text.rpartition("/")
            req.plen = _width(ctx, text, width)
            req.maskset = True
            text = name
        req.addrs[which] = getip(ctx, text)

    def postproc(self, ctx: Context, newaddr: bool, ifflags: int) -> None:
        """in_postproc: a mask is a must, but on point-to-point links and loopbacks."""
        req = request(ctx)
        if newaddr and ADDR in req.addrs and not req.maskset and not ifflags & (IFF_POINTOPOINT | IFF_LOOPBACK):
            ctx.errx("ERROR: setting interface address without mask is no longer supported.")

    def remove(self, ctx: Context) -> int:
        """Without an address the first one goes."""
        addr = request(ctx).addrs.get(RIDADDR)
        index = link_index(ctx)
        if addr is None:
            if not index:
                return EADDRNOTAVAIL
            found = ctx.netlink(RTM_GETADDR(AF_INET, index))
            if not found:
                return 0
            addr = found[0].addr
            return execute(ctx, RTM_DELADDR(AF_INET, index, addr), "in_delete_first_nl")
        return execute(ctx, RTM_DELADDR(AF_INET, index, addr), "in_exec_nl")

    def add(self, ctx: Context) -> int:
        """in_exec_nl(NL_RTM_NEWADDR)."""
        req = request(ctx)
        addrs = req.addrs
        new = RTM_NEWADDR(
            AF_INET, link_index(ctx), addrs.get(ADDR, bytes(4)), req.plen, addrs.get(DSTADDR), addrs.get(BRDADDR), vhid=req.vhid
        )
        return execute(ctx, new, "in_exec_nl")


def _width(ctx: Context, text: str, width: str) -> int:
    """strtonum(3) from 0 to 32."""
    why = ""
    if not width.isascii() or not width.isdigit():
        why = "invalid"
    elif int(width) > 32:
        why = "too large"
    if why:
        ctx.errx(f"{text}: bad value (width {why})")
    return int(width)


def getip(ctx: Context, text: str) -> bytes:
    """A number, or the name of a host."""
    addr = inet_aton(text)
    if addr is None:
        found = gethostbyname(ctx.p, text)
        addr = found[0] if found else None
    if addr is None:
        bad_value(ctx, text)
    return addr


def host_name(ctx: Context, addr: bytes, scope: int = 0) -> str:
    """An address as -f addr: wants it."""
    wanted = ctx.args.formats.get("addr")
    flags = 0 if wanted == "fqdn" else NI_NOFQDN if wanted == "host" else NI_NUMERICHOST
    if flags == NI_NUMERICHOST and scope:
        link = ctx.shared.get("link")
        if link is not None and link.index == scope:
            return numeric_name(ctx.p, addr, scope, {scope: link.name})
    return getnameinfo(ctx.p, addr, scope, flags)


def link_index(ctx: Context) -> int:
    """The index of the interface, 0 if it is gone."""
    link = ctx.getlink(ctx.ifname)
    return link.index if link else 0


def execute(ctx: Context, message: RTM_NEWADDR | RTM_DELADDR, function: str) -> int:
    """Send a change; the kernel's own words are printed, the errno is returned."""
    try:
        ctx.netlink(message)
    except KError as e:
        if e.text and function:
            ctx.warnx(f"{function}(): {e.text}")
        return e.errno
    return 0


FAMILIES = (Inet(),)
