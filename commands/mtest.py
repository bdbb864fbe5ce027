"""mtest(8): join and leave groups, with and without sources (usr.sbin/mtest/mtest.c)."""

from __future__ import annotations

import re
from typing import cast

from vshell.abi.errno import EADDRNOTAVAIL, EAFNOSUPPORT, EINVAL, EPROTONOSUPPORT, KError
from vshell.abi.fcntl import O_RDONLY
from vshell.abi.in6 import IPV6_JOIN_GROUP, IPV6_LEAVE_GROUP, In6Pktinfo
from vshell.abi.in_ import MCAST_EXCLUDE, MCAST_INCLUDE, GroupSourceReq, IpMreq, IpMreqSource, MsFilterReq
from vshell.abi.record import Record
from vshell.abi.socket import (
    AF_INET,
    AF_INET6,
    AF_UNSPEC,
    IP_ADD_MEMBERSHIP,
    IP_ADD_SOURCE_MEMBERSHIP,
    IP_BLOCK_SOURCE,
    IP_DROP_MEMBERSHIP,
    IP_DROP_SOURCE_MEMBERSHIP,
    IP_MSFILTER,
    IP_UNBLOCK_SOURCE,
    IPPROTO_IP,
    IPPROTO_IPV6,
    IPPROTO_UDP,
    MCAST_JOIN_SOURCE_GROUP,
    MCAST_LEAVE_SOURCE_GROUP,
    SOCK_DGRAM,
)
from vshell.abi.sockio import IFF_PPROMISC, SIOCADDMULTI, SIOCDELMULTI, SIOCGIFFLAGS, SIOCSIFFLAGS
from vshell.userland.addr import ether_aton
from vshell.userland.netdb import AI_NUMERICHOST, GaiError, gai_strerror, getaddrinfo, if_nametoindex, numeric_name
from vshell.userland.program import Program, program
from vshell.userland.rtnl import dump_addrs
from vshell.userland.stdio import Reader, decode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

MAX_ADDRS = 20
LINE_LENGTH = 80
STR_SIZE = 20
NAMES = {
    IP_ADD_MEMBERSHIP: "IP_ADD_MEMBERSHIP", IP_DROP_MEMBERSHIP: "IP_DROP_MEMBERSHIP",
    IP_ADD_SOURCE_MEMBERSHIP: "IP_ADD_SOURCE_MEMBERSHIP", IP_DROP_SOURCE_MEMBERSHIP: "IP_DROP_SOURCE_MEMBERSHIP",
    IP_BLOCK_SOURCE: "IP_BLOCK_SOURCE", IP_UNBLOCK_SOURCE: "IP_UNBLOCK_SOURCE",
}  # fmt: skip
NAMES6 = {
    IPV6_JOIN_GROUP: "IPV6_JOIN_GROUP", IPV6_LEAVE_GROUP: "IPV6_LEAVE_GROUP",
    MCAST_JOIN_SOURCE_GROUP: "MCAST_JOIN_SOURCE_GROUP", MCAST_LEAVE_SOURCE_GROUP: "MCAST_LEAVE_SOURCE_GROUP",
}  # fmt: skip
COMMANDS = """\
j mcast-addr ifname [src-addr] - join IP multicast group
l mcast-addr ifname [src-addr] - leave IP multicast group
i mcast-addr ifname n          - set n include mode src filter
e mcast-addr ifname n          - set n exclude mode src filter
t mcast-addr ifname src-addr  - allow traffic from src
b mcast-addr ifname src-addr  - block traffic from src
g mcast-addr ifname n        - get and show n src filters
a ifname mac-addr          - add link multicast filter
d ifname mac-addr          - delete link multicast filter
m ifname 1/0               - set/clear ether allmulti flag
p ifname 1/0               - set/clear ether promisc flag
f filename                 - read command(s) from file
s seconds                  - sleep for some time
q                          - quit
"""


class Failed(Exception):
    """A command came to nothing; `told` if no -1 follows."""

    def __init__(self, told: bool = False) -> None:
        super().__init__()
        self.told = told


class Mtest:
    """One run: two sockets, and lines that do something with them."""

    def __init__(self, p: Program) -> None:
        self.p = p
        self.s = self.open(AF_INET)
        self.s6 = self.open(AF_INET6)
        if self.s < 0 and self.s6 < 0:
            p.err(1, EPROTONOSUPPORT, "can't open socket")

    def open(self, family: int) -> int:
        """The socket of a family, -1 if the stack has none."""
        try:
            return self.p.sys.socket(family, SOCK_DGRAM, IPPROTO_UDP)
        except KError as e:
            if e.errno == EAFNOSUPPORT:
                return -1
            self.p.err(1, e, "can't open IPv4 socket" if family == AF_INET else "can't open IPv6 socket")

    async def file(self, name: str) -> None:
        """Commands of a file; comments and empty lines are skipped."""
        try:
            fd = self.p.sys.open(name, O_RDONLY)
        except KError as e:
            self.p.warn(e, "fopen")
            return
        source = Reader(self.p.sys, fd)
        while line := await self.line(source):
            line = line.lstrip(" \t")
            if line[:1] not in ("#", "\n", ""):
                await self.command(line, source)
        self.p.sys.close(fd)

    @staticmethod
    async def line(source: Reader) -> str:
        """The next line, "" at the end."""
        return decode(await source.readline())

    async def command(self, line: str, source: Reader) -> None:
        """process_cmd."""
        verb, rest = line[:1], line[1:].lstrip(" \t")
        if verb == "\n":
            return
        if verb == "q":
            self.p.exit(0)
        run = VERBS.get(verb)
        if run is None:
            self.p.stdout.write("invalid command\n")
            return
        try:
            await run(self, verb, rest.split(), source)
        except Failed as failed:
            if not failed.told:
                self.p.stdout.write("-1\n")

    # arguments ----------------------------------------------------------------------------------------------
    def address(self, text: str, family: int = AF_UNSPEC) -> bytes:
        """A numeric address."""
        try:
            found = getaddrinfo(self.p, text[: STR_SIZE - 1], "0", family, SOCK_DGRAM, 0, AI_NUMERICHOST)
        except GaiError as e:
            self.p.warnx(f"getaddrinfo: {gai_strerror(e.code)}")
            raise Failed from None
        return found[0].addr.addr

    def group(self, words: list[str], count: int) -> tuple[bytes, int]:
        """The group and the interface every command begins with."""
        if len(words) < count:
            raise Failed
        index = if_nametoindex(self.p, words[1])
        if not index:
            raise Failed
        return self.address(words[0]), index

    def primary(self, index: int, name: str) -> bytes:
        """The first IPv4 address of an interface."""
        for addr in dump_addrs(self.p, AF_INET, index):
            return addr.addr
        self.p.warn(EADDRNOTAVAIL, f"primary_ip_lookup {name}")
        raise Failed

    def sock(self, addr: bytes, what: str) -> int:
        """The socket for an address."""
        s = self.s if len(addr) == 4 else self.s6
        if s < 0:
            self.p.warn(EPROTONOSUPPORT, what)
            raise Failed(told=what.endswith("sourcefilter"))
        return s

    def set(self, group: bytes, option: int, value: Record) -> None:
        """setsockopt(2), and say how it went."""
        v4 = len(group) == 4
        what = f"setsockopt {(NAMES if v4 else NAMES6)[option]}"
        s = self.sock(group, what)
        try:
            self.p.sys.setsockopt(s, IPPROTO_IP if v4 else IPPROTO_IPV6, option, value)
        except KError as e:
            self.p.warn(e, what)
            raise Failed from None
        self.p.stdout.write("ok\n")

    # commands -----------------------------------------------------------------------------------------------
    async def membership(self, verb: str, words: list[str], source: Reader) -> None:
        """j and l."""
        group, index = self.group(words, 2)
        src = self.address(words[2], AF_INET if len(group) == 4 else AF_INET6) if len(words) > 2 else None
        self.change(group, index, words[1], src, verb == "j")

    def change(self, group: bytes, index: int, name: str, src: bytes | None, join: bool) -> None:
        """Join or leave a group or a source of it."""
        if len(group) == 4:
            primary = self.primary(index, name)
            if src is None:
                self.set(group, IP_ADD_MEMBERSHIP if join else IP_DROP_MEMBERSHIP, IpMreq(group, primary))
            else:
                option = IP_ADD_SOURCE_MEMBERSHIP if join else IP_DROP_SOURCE_MEMBERSHIP
                self.set(group, option, IpMreqSource(group, src, primary))
        elif src is None:
            self.set(group, IPV6_JOIN_GROUP if join else IPV6_LEAVE_GROUP, In6Pktinfo(group, index))
        else:
            option = MCAST_JOIN_SOURCE_GROUP if join else MCAST_LEAVE_SOURCE_GROUP
            self.set(group, option, GroupSourceReq(index, group, src))

    async def filter(self, verb: str, words: list[str], source: Reader) -> None:
        """i and e: the sources are on the lines that follow."""
        group, index = self.group(words, 3)
        count = int(words[2]) if re.fullmatch(r"[0-9]{1,9}", words[2]) else -1
        if not 0 <= count <= MAX_ADDRS:
            raise Failed
        s = self.sock(group, "setsourcefilter")
        family = AF_INET if len(group) == 4 else AF_INET6
        sources = []
        for _ in range(count):
            sources.append(self.address((await self.line(source)).rstrip("\n"), family))
        mode = MCAST_INCLUDE if verb == "i" else MCAST_EXCLUDE
        try:
            level = IPPROTO_IP if family == AF_INET else IPPROTO_IPV6
            self.p.sys.setsockopt(s, level, IP_MSFILTER, MsFilterReq(index, group, mode, tuple(sources)))
        except KError as e:
            self.p.warn(e, "setsourcefilter")
            raise Failed(told=True) from None
        self.p.stdout.write("ok\n")

    def current(self, group: bytes, index: int) -> MsFilterReq:
        """getsourcefilter(3)."""
        s = self.sock(group, "getsourcefilter")
        try:
            level = IPPROTO_IP if len(group) == 4 else IPPROTO_IPV6
            filters = cast("tuple[MsFilterReq, ...]", self.p.sys.getsockopt(s, level, IP_MSFILTER))
        except KError as e:
            self.p.warn(e, "getsourcefilter")
            raise Failed(told=True) from None
        for found in filters:
            if (found.ifindex, found.group) == (index, group):
                return found
        self.p.warn(EADDRNOTAVAIL, "getsourcefilter")
        raise Failed(told=True)

    async def allow(self, verb: str, words: list[str], source: Reader) -> None:
        """t and b: allow or block one source, by the mode of the filter."""
        group, index = self.group(words, 3)
        src = self.address(words[2], AF_INET if len(group) == 4 else AF_INET6)
        if self.current(group, index).fmode == MCAST_EXCLUDE and len(group) == 4:
            option = IP_UNBLOCK_SOURCE if verb == "t" else IP_BLOCK_SOURCE
            self.set(group, option, IpMreqSource(group, src, self.primary(index, words[1])))
        else:
            self.change(group, index, words[1], src, verb == "t")

    async def show(self, verb: str, words: list[str], source: Reader) -> None:
        """g: the filter as it is."""
        group, index = self.group(words, 3)
        wanted = int(words[2]) if re.fullmatch(r"[0-9]{1,9}", words[2]) else 0
        try:
            found = self.current(group, index)
        except Failed:
            raise Failed from None
        mode = "include" if found.fmode == MCAST_INCLUDE else "exclude"
        sources = found.sources[:wanted]
        self.p.stdout.write(f"{mode}\n{len(found.sources)}\n")
        dump = "".join((bytes((16, AF_INET, 0, 0)) + src).ljust(128, b"\0").hex() for src in sources)
        self.p.stderr.write(f"hexdump of sources:\n{dump}\nend hexdump\n")
        self.p.stdout.write("".join(f"{numeric_name(self.p, src)}\n" for src in sorted(sources)) + "ok\n")

    async def link(self, verb: str, words: list[str], source: Reader) -> None:
        """a and d: groups of the link level."""
        if len(words) < 2:
            self.p.warn(EINVAL, "sscanf")
            raise Failed(told=True)
        mac = ether_aton(words[1])
        if mac is None:
            self.p.warn(EINVAL, "ether_aton")
            raise Failed(told=True)
        try:
            self.p.sys.ioctl(self.s, (SIOCADDMULTI if verb == "a" else SIOCDELMULTI)(words[0], mac))
        except KError as e:
            self.p.warn(e, "ioctl SIOCADDMULTI/SIOCDELMULTI")
            raise Failed from None
        self.p.stdout.write("ok\n")

    async def allmulti(self, verb: str, words: list[str], source: Reader) -> None:
        """m."""
        self.p.stderr.write("warning: IFF_ALLMULTI cannot be set from userland in FreeBSD; command ignored.\n")
        raise Failed

    async def promisc(self, verb: str, words: list[str], source: Reader) -> None:
        """p."""
        if len(words) < 2 or not re.match(r"[0-9]", words[1]):
            raise Failed
        try:
            flags = cast("int", self.p.sys.ioctl(self.s, SIOCGIFFLAGS(words[0])))
            flags = flags & ~IFF_PPROMISC if words[1].startswith("0") else flags | IFF_PPROMISC
            self.p.sys.ioctl(self.s, SIOCSIFFLAGS(words[0], flags))
        except KError as e:
            self.p.warn(e, "ioctl SIOCGIFFLAGS")
            raise Failed(told=True) from None
        self.p.stdout.write(f"changed to 0x{flags:08x}\n")

    async def sleep(self, verb: str, words: list[str], source: Reader) -> None:
        """s."""
        if not words or not re.match(r"0*[1-9]", words[0]):
            raise Failed
        seconds = re.match(r"[0-9]{1,9}", words[0])
        await self.p.sys.nanosleep(int(seconds.group()) * 1_000_000_000 if seconds else 0)
        self.p.stdout.write("ok\n")

    async def help(self, verb: str, words: list[str], source: Reader) -> None:
        """?"""
        self.p.stdout.write(COMMANDS)


VERBS: dict[str, Callable[[Mtest, str, list[str], Reader], Awaitable[None]]] = {
    "?": Mtest.help, "j": Mtest.membership, "l": Mtest.membership, "i": Mtest.filter, "e": Mtest.filter, "t": Mtest.allow,
    "b": Mtest.allow, "g": Mtest.show, "a": Mtest.link, "d": Mtest.link, "m": Mtest.allmulti, "p": Mtest.promisc,
    "s": Mtest.sleep,
}  # fmt: skip


@program("/usr/sbin/mtest")
async def main(p: Program) -> int:
    """Commands of files, or of the standard input."""
    run = Mtest(p)
    if len(p.argv) > 1:
        for name in p.argv[1:]:
            await run.file(name)
        return 0
    if p.sys.isatty(0):
        p.stdout.write("multicast membership test program; enter ? for list of commands\n")
    while line := await run.line(p.stdin):
        if line.startswith("f"):
            await run.file(line[1:].strip(" \t\n"))
        else:
            await run.command(line, p.stdin)
    return 0
