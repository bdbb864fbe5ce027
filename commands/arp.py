"""arp(8): show and change the table of IPv4 neighbours (usr.sbin/arp)."""

from __future__ import annotations

from typing import cast

from vshell.abi.errno import KError, strerror
from vshell.abi.neigh import Neighbour, NeighDelete, NeighDump, NeighNew
from vshell.abi.route import RTF_GATEWAY, DumpNexthops, GetRoute, NhExternal, RtMsg
from vshell.abi.socket import AF_INET
from vshell.abi.sockio import (
    IFF_BROADCAST,
    IFF_LOOPBACK,
    IFF_NOARP,
    IFF_POINTOPOINT,
    IFF_UP,
    IFT_BRIDGE,
    IFT_ETHER,
    IFT_L2VLAN,
)  # fmt: skip
from vshell.userland.addr import ether_aton, ether_ntoa, inet_aton, inet_ntoa, plen2mask
from vshell.userland.getopt import Getopt
from vshell.userland.libxo import Xo
from vshell.userland.netdb import gethostbyaddr, gethostbyname, if_nametoindex
from vshell.userland.program import Program, program
from vshell.userland.rtnl import dump_addrs, dump_links, get_link, request
from vshell.userland.slurp import slurp
from vshell.userland.stdio import decode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from vshell.userland.completion import Candidate, Context

USAGE = """\
usage: arp [-n] [-i interface] hostname
       arp [-n] [-i interface] -a
       arp -d hostname [pub]
       arp -d [-i interface] -a
       arp -s hostname ether_addr [temp] [reject | blackhole] [pub [only]]
       arp -S hostname ether_addr [temp] [reject | blackhole] [pub [only]]
       arp -f filename
"""
NS = 1_000_000_000
TYPES = {IFT_ETHER: "ethernet", IFT_L2VLAN: "vlan", IFT_BRIDGE: "bridge", 0x0F: "fddi", 0x90: "firewire", 0xC7: "infiniband"}
"""Interfaces that use ARP, and what they are called here."""


class Arp:
    """One run; what an entry is to be like outlives the line of a file that said it."""

    def __init__(self, p: Program) -> None:
        self.p = p
        self.xo = Xo(p)
        self.numeric = self.all = False
        self.ifname = ""
        self.ifindex = 0
        self.published = self.reject = self.blackhole = False
        self.lifetime = 0

    def main(self) -> int:
        """Options, then the action."""
        func = ""
        parsed = Getopt(self.p, "andfsSi:", self.xo.parse_args(self.p.argv))
        for letter, value in parsed:
            if letter == "a":
                self.all = True
            elif letter == "n":
                self.numeric = True
            elif letter == "i":
                self.ifname = value
            elif letter == "?" or func:
                self.p.usage(USAGE)
            else:
                func = letter
        if self.ifname:
            self.choose_interface(func)
        args = parsed.args
        if not func:
            return self.show(args)
        if func in "sS":
            return self.change(func, args)
        if func == "d":
            return self.remove(args)
        if len(args) != 1:
            self.p.usage(USAGE)
        return self.file(args[0])

    def choose_interface(self, func: str) -> None:
        """-i."""
        if func == "f" or (func == "d" and not self.all):
            self.p.errx(1, "-i not applicable to this operation")
        self.ifindex = if_nametoindex(self.p, self.ifname)
        if not self.ifindex:
            self.p.errx(1, f"interface {self.ifname} does not exist")

    def getaddr(self, host: str) -> bytes | None:
        """The address of a host; says so if there is none."""
        addr = inet_aton(host)
        if addr is not None and addr != b"\xff" * 4:
            return addr
        found = gethostbyname(self.p, host)
        if found:
            return found[0]
        self.p.warnx(f"{host}: Host name lookup failure")
        return None

    # showing ---------------------------------------------------------------------------------------------------
    def show(self, args: list[str]) -> int:
        """arp -a, arp HOST."""
        if len(args) != (0 if self.all else 1):
            self.p.usage(USAGE)
        xo = self.xo
        addr: bytes | None = bytes(4)
        if not self.all:
            addr = self.getaddr(args[0])
            if addr is None:
                return 1
        assert addr is not None
        xo.version = "1"
        xo.attr("version", "1")
        xo.open_container("arp")
        xo.open_list("arp-cache")
        found = self.print_entries(addr)
        if not found and not self.all:
            xo.emit("{d:hostname/%s} ({d:ip-address/%s}) -- no entry", args[0], inet_ntoa(addr))
            if self.ifname:
                xo.emit(" on {d:interface/%s}", self.ifname)
            xo.emit("\n")
        xo.close_list("arp-cache")
        xo.close_container("arp")
        xo.finish()
        return 0 if found or self.all else 1

    def entries(self) -> list[Neighbour]:
        """The table, of the chosen interface or all."""
        try:
            return cast("list[Neighbour]", request(self.p, NeighDump(self.ifindex)))
        except KError:
            return []

    def print_entries(self, addr: bytes) -> int:
        """Show the entries of an address, or of all with 0.0.0.0; how many there were."""
        now = self.p.sys.clock_gettime("uptime") // NS
        visible: dict[int, bool] = {}
        count = 0
        for entry in self.entries():
            if entry.ifindex not in visible:
                visible[entry.ifindex] = get_link(self.p, entry.ifindex) is not None
            if visible[entry.ifindex] and addr in (bytes(4), entry.addr):
                self.print_entry(entry, now)
                count += 1
        return count

    def print_entry(self, entry: Neighbour, now: int) -> None:
        """One line."""
        xo = self.xo
        xo.open_instance("arp-cache")
        host = None if self.numeric else gethostbyaddr(self.p, entry.addr)
        if host is None:
            # A name server that does not answer is not asked again.
            host, self.numeric = "?", True
        xo.emit("{:hostname/%s} ({:ip-address/%s}) at ", host, inet_ntoa(entry.addr))
        if entry.incomplete:
            xo.emit("{d:/(incomplete)}{en:incomplete/true}")
        else:
            xo.emit("{:mac-address/%s}", ether_ntoa(entry.lladdr))
        xo.emit(" on {:interface/%s}", entry.ifname)
        if entry.expire == 0:
            xo.emit("{d:/ permanent}{en:permanent/true}")
        elif entry.expire > now:
            xo.emit(" expires in {:expires/%d} seconds", entry.expire - now)
        else:
            xo.emit("{d:/ expired}{en:expired/true}")
        if entry.published:
            xo.emit("{d:/ published}{en:published/true}")
        if entry.iftype in TYPES:
            xo.emit(" [{:type/" + TYPES[entry.iftype] + "}]")
        xo.emit("\n")
        xo.close_instance("arp-cache")

    # changing --------------------------------------------------------------------------------------------------
    def change(self, func: str, args: list[str]) -> int:
        """arp -s, arp -S."""
        if not 2 <= len(args) <= 6:
            self.p.usage(USAGE)
        if func == "S":
            self.delete(args[0])
        return self.set(args)

    def file(self, name: str) -> int:
        """arp -f: a line is what -s takes."""
        try:
            text = decode(slurp(self.p, name))
        except KError as e:
            self.p.err(1, e, f"cannot open {name}")
        status = 0
        for line in text.splitlines(keepends=True):
            line = line.split("#", 1)[0]
            words = line.split()[:5]
            if not words:
                continue
            if len(words) < 2:
                self.p.warnx(f"bad line: {line.lstrip(' ' + chr(9))}")
                status = 1
            elif self.set(words):
                status = 1
        return status

    def parameters(self, words: list[str]) -> None:
        """temp, pub, only, reject, blackhole."""
        p = self.p
        at = 0
        while at < len(words):
            word = words[at]
            if word == "temp":
                self.lifetime = p.sys.sysctl("net.link.ether.inet.max_age")
            elif word == "pub":
                self.published = True
                if words[at + 1 : at + 2] == ["only"]:
                    at += 1
            elif word in ("blackhole", "reject"):
                if self.reject if word == "blackhole" else self.blackhole:
                    p.errx(1, "Choose one of blackhole or reject, not both.")
                if word == "reject":
                    self.reject = True
                else:
                    self.blackhole = True
            else:
                p.warnx(f"Invalid parameter '{word}'")
                p.usage(USAGE)
            at += 1

    def set(self, args: list[str]) -> int:
        """Make one entry; 0 or 1."""
        p = self.p
        host, eaddr = args[0], args[1]
        dst = self.getaddr(host)
        if dst is None:
            return 1
        self.parameters(args[2:])
        if self.published and eaddr == "auto":
            chosen = self.get_ifinfo(dst)
            if chosen is None:
                p.warnx(f"no interface found for {inet_ntoa(dst)}")
                return 1
            index, lladdr = chosen
            self.ifindex = self.ifindex or index
        else:
            parsed = ether_aton(eaddr)
            if parsed is None:
                p.warnx(f"invalid Ethernet address '{eaddr}'")
                return 1
            lladdr = parsed
        ifindex = self.ifindex or self.guess_ifindex(dst)
        if not ifindex:
            p.warnx(f"set: cannot locate {host}")
            return 0
        expire = p.sys.clock_gettime("uptime") // NS + self.lifetime if self.lifetime else 0
        try:
            request(p, NeighNew(dst, ifindex, lladdr, not self.lifetime, self.published, expire))
        except KError as e:
            if e.text:
                p.warnx(f"set: {host}: {strerror(e.errno)} ({e.text})")
            else:
                p.warnx(f"set {host}: {strerror(e.errno)}")
            return 1
        return 0

    def remove(self, args: list[str]) -> int:
        """arp -d."""
        if len(args) != (0 if self.all else 1):
            self.p.usage(USAGE)
        if not self.all:
            return self.delete(args[0])
        for entry in self.entries():
            if not entry.own:
                self.delete(inet_ntoa(entry.addr))
        return 0

    def delete(self, host: str) -> int:
        """Remove one entry; 0 or 1."""
        p = self.p
        dst = self.getaddr(host)
        if dst is None:
            return 1
        ifindex = self.ifindex or self.guess_ifindex(dst)
        if not ifindex:
            p.warnx(f"delete: cannot locate {host}")
            return 0
        try:
            request(p, NeighDelete(dst, ifindex))
        except KError as e:
            p.warnx(f"delete {host}: {strerror(e.errno)}" + (f" ({e.text})" if e.text else ""))
            return 1
        p.stdout.write(f"{host} ({inet_ntoa(dst)}) deleted\n")
        return 0

    # finding the interface -------------------------------------------------------------------------------------
    def get_ifinfo(self, addr: bytes, quiet: bool = False) -> tuple[int, bytes] | None:
        """The interface that has an address in the subnet of another, with its link-level address."""
        links = {link.index: link for link in dump_links(self.p)}
        for ifa in dump_addrs(self.p, AF_INET):
            link = links.get(ifa.index)
            if link is None:
                continue
            flags = link.flags & (IFF_UP | IFF_BROADCAST | IFF_POINTOPOINT | IFF_LOOPBACK | IFF_NOARP)
            mask = plen2mask(ifa.prefixlen)
            same = all((a ^ b) & m == 0 for a, b, m in zip(addr, ifa.addr, mask, strict=True))
            if flags == IFF_UP | IFF_BROADCAST and same:
                if not quiet:
                    text = f"using interface {link.name} for proxy with address {ether_ntoa(link.lladdr)}\n"
                    self.p.stdout.write(text)
                return link.index, link.lladdr
        return None

    def guess_ifindex(self, addr: bytes) -> int:
        """The interface over which an address is reached directly, 0 if there is none."""
        p = self.p
        fib = p.sys.getfib()
        try:
            route = cast(RtMsg, request(p, GetRoute(AF_INET, addr, 32, 0, fib))[0])
        except (KError, IndexError):
            return 0
        if route.multipath or route.rtflags & RTF_GATEWAY:
            return 0
        link = get_link(p, route.oif)
        if link is None:
            return 0
        if link.type in TYPES:
            return route.oif
        if link.flags & IFF_POINTOPOINT:
            found = self.get_ifinfo(addr, quiet=True)
            if found is not None:
                return found[0]
        if p.sys.sysctl("security.jail.jailed") and not p.sys.sysctl("security.jail.vnet"):
            return 0  # a jail that shares the stack of its parent is told of no next hop
        for nh in cast("list[NhExternal]", request(p, DumpNexthops(AF_INET, fib))):
            if nh.idx == route.knh_id:
                return nh.aif
        return 0


@program("/usr/sbin/arp")
def main(p: Program) -> int:
    """arp(8)."""
    return Arp(p).main()


def complete(c: Context) -> Iterator[Candidate]:
    """Interfaces after -i."""
    if c.options("if").typing == "i":
        yield from c.interfaces()
