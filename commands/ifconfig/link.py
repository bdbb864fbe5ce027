"""Link-level addresses: the families link, ether and lladdr of ifconfig(8) (af_link.c)."""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.abi.netlink_iface import Address, Link
from vshell.abi.socket import AF_LINK
from vshell.abi.sockio import IFNET_PCP_NONE, IFT_ETHER, IFT_IEEE8023ADLAG, SIOCGLANPCP, SIOCSIFLLADDR
from vshell.commands.ifconfig.context import Context
from vshell.commands.ifconfig.display import is_ether
from vshell.commands.ifconfig.keywords import ADDR, Family
from vshell.userland.addr import ether_ntoa

ORDER = 10


class LinkFamily(Family):
    """One of the names of the family."""

    af = AF_LINK
    has_remove = False

    def __init__(self, name: str) -> None:
        self.name = name

    def status(self, ctx: Context, link: Link, addr: Address | None) -> None:
        """link_status_nl."""
        if is_ether(link):
            print_ether(ctx, "ether", link.lladdr)
        else:
            ctx.out(f"\tlladdr {'.'.join(f'{octet:x}' for octet in link.lladdr)}\n")
        if link.hwaddr is not None and link.hwaddr != link.lladdr:
            print_ether(ctx, "hwaddr", link.hwaddr)
        if link.type in (IFT_ETHER, IFT_IEEE8023ADLAG):
            try:
                pcp: int = ctx.ioctl(SIOCGLANPCP(link.name), ctx.local_socket())
            except KError:
                return
            if pcp != IFNET_PCP_NONE:
                ctx.out(f"\tpcp {pcp}\n")

    def getaddr(self, ctx: Context, text: str, which: int) -> None:
        """link_getaddr."""
        if which != ADDR:
            ctx.errx("can't set link-level netmask or broadcast")
        if text == "random":
            octets = bytearray(_random(ctx, 6))
            octets[0] = octets[0] & 0xFC | 0x02
            ctx.shared["lladdr"] = bytes(octets)
            return
        address = link_addr(text)
        if address is None or len(address) > 14:
            ctx.errx("malformed link-level address")
        ctx.shared["lladdr"] = address

    def remove(self, ctx: Context) -> int:
        """There is no such request: ioctl(2) with command 0."""
        from vshell.abi.errno import ENOTTY

        ctx.errno = ENOTTY
        return ENOTTY

    def add(self, ctx: Context) -> int:
        """SIOCSIFLLADDR."""
        try:
            ctx.ioctl(SIOCSIFLLADDR(ctx.ifname, ctx.shared.get("lladdr", b"")))
        except KError as e:
            return e.errno
        return 0


def print_ether(ctx: Context, label: str, address: bytes) -> None:
    """An Ethernet address as -f ether: wants it."""
    text = ether_ntoa(address)
    wanted = ctx.args.formats.get("ether")
    if wanted == "dash":
        text = text.replace(":", "-")
    elif wanted == "dotted":
        digits = text.replace(":", "")
        text = ".".join((digits[:4], digits[4:8], digits[8:]))
    ctx.out(f"\t{label} {text}\n")


def link_addr(text: str) -> bytes | None:
    """link_addr(3): hexadecimal octets between separators, or two or more octets in one group (0200.0001.0203)."""
    separator = next((c for c in text if c in ":.-"), "")
    groups = text.split(separator) if separator else [text]
    octets = bytearray()
    for group in groups:
        if not group or any(c not in "0123456789abcdefABCDEF" for c in group):
            return None
        if len(group) <= 2:
            octets.append(int(group, 16))
        elif len(group) % 2:
            return None
        else:
            octets += bytes.fromhex(group)
    return bytes(octets) if len(octets) <= 24 else None


def _random(ctx: Context, count: int) -> bytes:
    """arc4random_buf(3): the moment and the process decide."""
    from hashlib import sha1

    return sha1(f"{ctx.sys.clock_gettime()} {ctx.sys.getpid()}".encode()).digest()[:count]


FAMILIES = (LinkFamily("link"), LinkFamily("ether"), LinkFamily("lladdr"))
