"""Hosts and interfaces in rules (host, ifa_lookup and their kin, sbin/pfctl/pfctl_parser.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi import pf as P
from vshell.abi.errno import KError
from vshell.abi.netlink_iface import RTM_GETADDR, Address, Link
from vshell.abi.pf import PfAddr, PfrAddr
from vshell.abi.record import replace
from vshell.abi.socket import AF_INET, AF_INET6, AF_NETLINK, SOCK_DGRAM, SOCK_RAW
from vshell.abi.sockio import IFF_BROADCAST, IFF_POINTOPOINT, SIOCGIFGMEMB
from vshell.userland.addr import inet_ntop, is_linklocal
from vshell.userland.humanize import strtonum
from vshell.userland.netdb import AI_NUMERICHOST, GaiError, getaddrinfo, numeric_host
from vshell.userland.rtnl import dump_links

if TYPE_CHECKING:
    from vshell.commands.pfctl.context import Context
    from vshell.userland.program import Program

PF_OPT_NODNS = 0x10000
SIZES = {AF_INET: 32, AF_INET6: 128}


def mask16(bits: int) -> bytes:
    """A mask of that many bits in 16 octets."""
    return ((1 << 128) - (1 << (128 - bits))).to_bytes(16, "big") if bits else bytes(16)


def unmask(mask: bytes) -> int:
    """unmask: leading ones."""
    inverted = int.from_bytes(mask, "big") ^ ((1 << 128) - 1)
    return 128 - inverted.bit_length()


def wide(addr: bytes) -> bytes:
    """struct pf_addr: 16 octets."""
    return addr + bytes(16 - len(addr))


def narrow(addr: bytes, af: int) -> bytes:
    """The octets of the family."""
    return addr[:4] if af == AF_INET else addr


class Host:
    """struct node_host."""

    def __init__(self, addr: PfAddr, af: int = 0, ifindex: int = 0, ifname: str | None = None) -> None:
        self.addr = addr
        self.af = af
        self.neg = False
        self.ifindex = ifindex
        self.ifname = ifname

    def copy(self) -> Host:
        """Another one of the same contents."""
        new = Host(self.addr, self.af, self.ifindex, self.ifname)
        new.neg = self.neg
        return new

    def set_ipmask(self, bits: int) -> None:
        """set_ipmask: a mask, -1 for a host's; the address loses what the mask does not cover."""
        mask = mask16(SIZES.get(self.af, 128) if bits == -1 else bits)
        addr = self.addr.addr
        if self.addr.type == P.PF_ADDR_ADDRMASK:
            addr = bytes(a & m for a, m in zip(addr, mask, strict=True))
        self.addr = replace(self.addr, mask=mask, addr=addr)


class Ifa:
    """One address of an interface, as getifaddrs(3) lists it."""

    def __init__(self, link: Link, address: Address) -> None:
        self.ifname = link.name
        self.flags = link.flags
        self.af = address.family
        self.addr = wide(address.addr)
        self.bits = address.prefixlen
        self.bcast = wide(address.broadaddr or b"")
        self.peer = wide(address.dstaddr or b"")
        self.ifindex = link.index if self.af == AF_INET6 and is_linklocal(address.addr) else 0


class Interfaces:
    """iftab and isgroup_map."""

    def __init__(self, p: Program) -> None:
        self.p = p
        self.links: list[Link] = dump_links(p)
        self.groups = {group for link in self.links for group in link.groups if group != "all"}
        self.addresses: list[Ifa] = []
        fd = p.sys.socket(AF_NETLINK, SOCK_RAW, 0)
        try:
            found: list[Address] = p.sys.netlink(fd, RTM_GETADDR())  # type: ignore[assignment]
        finally:
            p.sys.close(fd)
        for link in self.links:
            self.addresses += [
                Ifa(link, a) for a in found if a.index == link.index and a.family in (AF_INET, AF_INET6)
            ]  # fmt: skip

    def link(self, name: str) -> Link | None:
        """The interface of that name."""
        return next((link for link in self.links if link.name == name), None)

    def exists(self, name: str) -> bool:
        """ifa_exists: an interface or a group."""
        return name in self.groups or self.link(name) is not None

    def flags(self, name: str) -> int:
        """Flags of an interface; a group has none."""
        link = self.link(name) if name not in self.groups else None
        return link.flags if link is not None else 0

    def index(self, name: str) -> int:
        """ifa_nametoindex."""
        link = self.link(name)
        return link.index if link is not None else 0

    def name(self, index: int) -> str:
        """ifa_indextoname; "" if there is none."""
        return next((link.name for link in self.links if link.index == index), "")

    def members(self, group: str) -> list[str]:
        """Members of a group, none if it is not one."""
        if group not in self.groups:
            return []
        fd = self.p.sys.socket(AF_INET, SOCK_DGRAM, 0)
        try:
            return list(self.p.sys.ioctl(fd, SIOCGIFGMEMB(group)))
        except KError:
            return []
        finally:
            self.p.sys.close(fd)

    def grouplookup(self, name: str, flags: int) -> list[Host]:
        """ifa_grouplookup."""
        return [host for member in self.members(name) for host in self.lookup(member, flags)]

    def lookup(self, name: str, flags: int) -> list[Host]:
        """ifa_lookup: the addresses of an interface, a group, all interfaces of a kind, or ("self") of all."""
        hosts = self.grouplookup(name, flags)
        if hosts:
            return hosts
        wanted = "" if name == "self" else name
        last = ""
        got: set[int] = set()
        for ifa in self.addresses:
            if not _named(ifa.ifname, wanted) or not _suits(ifa, flags):
                continue
            if ifa.ifname != last:
                got = set()
            last = ifa.ifname
            if flags & P.PFI_AFLAG_NOALIAS and (ifa.af in got or (ifa.af == AF_INET6 and is_linklocal(ifa.addr))):
                continue
            got.add(ifa.af)
            addr = ifa.bcast if flags & P.PFI_AFLAG_BROADCAST else ifa.peer if flags & P.PFI_AFLAG_PEER else ifa.addr
            host = Host(PfAddr(addr=addr), ifa.af, ifa.ifindex, ifa.ifname)
            host.set_ipmask(ifa.bits if flags & P.PFI_AFLAG_NETWORK else -1)
            hosts.append(host)
        return hosts


def _named(ifname: str, wanted: str) -> bool:
    """ifa_skip_if, the other way round: a name without digits at its end stands for all units."""
    if not wanted or ifname == wanted:
        return True
    if len(wanted) >= 16 or wanted[-1].isdigit() or not ifname.startswith(wanted):
        return False
    return ifname[len(wanted) : len(wanted) + 1].isdigit()


def _suits(ifa: Ifa, flags: int) -> bool:
    if flags & P.PFI_AFLAG_BROADCAST and (ifa.af != AF_INET or not ifa.flags & IFF_BROADCAST or ifa.bcast == P.ZERO):
        return False
    if flags & P.PFI_AFLAG_PEER and not ifa.flags & IFF_POINTOPOINT:
        return False
    return not (flags & P.PFI_AFLAG_NETWORK and ifa.ifindex > 0)


MODIFIERS = {
    "network": P.PFI_AFLAG_NETWORK, "broadcast": P.PFI_AFLAG_BROADCAST, "peer": P.PFI_AFLAG_PEER, "0": P.PFI_AFLAG_NOALIAS,
}  # fmt: skip


def split_modifiers(name: str) -> tuple[str, int] | None:
    """An interface's name and PFI_AFLAG_*; None if something else follows a colon."""
    flags = 0
    while ":" in name:
        name, _, word = name.rpartition(":")
        if word not in MODIFIERS:
            return None
        flags |= MODIFIERS[word]
    return name, flags


def host(ctx: Context, text: str) -> list[Host]:
    """host: all that a host specification stands for; none if it is wrong, which was told then."""
    name, slash, rest = text.partition("/")
    mask = -1
    if slash:
        mask, bad = strtonum(rest, 0, 128)
        if bad:
            ctx.note(f"netmask is {bad}: /{rest}\n")
            return []
    found = _host_ip(ctx, name, mask) or _host_if(ctx, name, mask) or _host_dns(ctx, name, mask)
    if not found:
        ctx.note(f"no IP address found for {text}\n")
    return found


def _inet_net_pton(text: str) -> bytes | None:
    """inet_net_pton(AF_INET): one to four decimal octets, the rest zero."""
    parts = text.split(".")
    if len(parts) > 4 or not all(part.isascii() and part.isdigit() and len(part) < 4 and int(part) < 256 for part in parts):
        return None
    return bytes(int(part) for part in parts) + bytes(4 - len(parts))


def _host_ip(ctx: Context, text: str, mask: int) -> list[Host]:
    if mask != -1:
        addr = _inet_net_pton(text)
        if addr is not None:
            new = Host(PfAddr(addr=wide(addr)), AF_INET)
            new.set_ipmask(mask)
            return [new]
    found = numeric_host(ctx.p, text)
    if found is None:
        return []
    new = Host(PfAddr(addr=wide(found[0])), AF_INET if len(found[0]) == 4 else AF_INET6, found[1])
    new.set_ipmask(mask)
    return [new]


def _host_if(ctx: Context, text: str, mask: int) -> list[Host]:
    split = split_modifiers(text)
    if split is None:
        return []
    name, flags = split
    if flags & (flags - 1) & P.PFI_AFLAG_MODEMASK:
        ctx.note("illegal combination of interface modifiers\n")
        return []
    if flags & (P.PFI_AFLAG_NETWORK | P.PFI_AFLAG_BROADCAST) and mask > -1:
        ctx.note("network or broadcast lookup, but extra netmask given\n")
        return []
    if not ctx.interfaces.exists(name) and name != "self":
        return []
    found = ctx.interfaces.lookup(name, flags)
    if mask > -1:
        for one in found:
            one.set_ipmask(mask)
    return found


def _host_dns(ctx: Context, text: str, mask: int) -> list[Host]:
    noalias = text.endswith(":0") and text.rpartition(":")[2] == "0"
    if noalias:
        text = text[:-2]
    try:
        results = getaddrinfo(ctx.p, text, flags=AI_NUMERICHOST if ctx.opts & PF_OPT_NODNS else 0, socktype=1)
    except GaiError:
        return []
    got: set[int] = set()
    hosts = []
    for result in results:
        if noalias and result.family in got:
            continue
        got.add(result.family)
        new = Host(PfAddr(addr=wide(result.addr.addr)), result.family, getattr(result.addr, "scope_id", 0))
        new.set_ipmask(mask)
        hosts.append(new)
    return hosts


def check_netmask(ctx: Context, hosts: list[Host], af: int) -> bool:
    """check_netmask: True (and told) if the mask is longer than an IPv4 address."""
    if not hosts:
        return False
    first = hosts[0].addr
    if first.type != P.PF_ADDR_TABLE and af == AF_INET and any(first.mask[4:]):
        ctx.note(f"netmask {unmask(first.mask)} invalid for IPv4 address\n")
        return True
    return False


def gen_dynnode(old: Host, af: int) -> Host:
    """gen_dynnode: an interface in parentheses for one family."""
    new = old.copy()
    new.ifname = None
    if af == AF_INET and unmask(new.addr.mask) > 32:
        new.set_ipmask(32)
    return new


class BadAddress(Exception):
    """An address that tables do not take; `told` if the user knows already."""

    def __init__(self, told: bool) -> None:
        super().__init__(told)
        self.told = told


def append_addr(ctx: Context, found: list[PfrAddr], text: str, test: bool) -> None:
    """append_addr: what a word stands for; BadAddress."""
    plain = text.lstrip("!")
    hosts = host(ctx, plain)
    if not hosts:
        raise BadAddress(True)
    append_addr_host(found, hosts, test, bool((len(text) - len(plain)) & 1))


def append_addr_host(found: list[PfrAddr], hosts: list[Host], test: bool, neg: bool) -> None:
    """append_addr_host; with `test` only whole hosts."""
    for one in hosts:
        bits = SIZES.get(one.af)
        net = unmask(one.addr.mask)
        if bits is None or (test and (neg or net != bits)) or net > bits:
            raise BadAddress(False)
        found.append(PfrAddr(one.af, narrow(one.addr.addr, one.af), net, one.neg != neg))


def addr_text(addr: PfAddr, af: int, verbose: bool) -> str:
    """print_addr."""
    if addr.type == P.PF_ADDR_TABLE:
        if verbose:
            return f"<{addr.name}:*>" if addr.count == -1 else f"<{addr.name}:{addr.count}>"
        return f"<{addr.name}>"
    if addr.type == P.PF_ADDR_NOROUTE:
        return "no-route"
    if addr.type == P.PF_ADDR_URPFFAILED:
        return "urpf-failed"
    if addr.type == P.PF_ADDR_RANGE:
        return f"{inet_text(addr.addr, af)} - {inet_text(addr.mask, af)}"
    everything = addr.addr == P.ZERO and addr.mask == P.ZERO
    if addr.type == P.PF_ADDR_DYNIFTL:
        text = f"({addr.name}"
        for word, flag in MODIFIERS.items():
            text += f":{word}" if addr.iflags & flag else ""
        if verbose:
            text += ":*" if addr.count <= 0 else f":{addr.count}"
        text += ")"
    elif addr.type == P.PF_ADDR_ADDRMASK:
        text = "any" if everything else inet_text(addr.addr, af)
    else:
        return "?"
    if not everything and af in SIZES:
        bits = unmask(addr.mask)
        if bits < SIZES[af]:
            text += f"/{bits}"
    return text


def inet_text(addr: bytes, af: int) -> str:
    """print_addr_str."""
    return inet_ntop(narrow(addr, af)) if af in SIZES else "?"
