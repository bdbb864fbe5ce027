"""route add, change, delete, get, show: the arguments and what comes of them (newroute of route.c)."""

from __future__ import annotations

from vshell.abi.errno import EADDRINUSE, EBUSY, EEXIST, EINVAL, ENOBUFS, ESRCH, strerror
from vshell.abi.route import (
    RTF_ANNOUNCE,
    RTF_BLACKHOLE,
    RTF_GATEWAY,
    RTF_HOST,
    RTF_PINNED,
    RTF_PROTO1,
    RTF_PROTO2,
    RTF_REJECT,
    RTF_STATIC,
    RTF_STICKY,
    RTF_UP,
    RTF_XRESOLVE,
)  # fmt: skip
from vshell.abi.socket import AF_INET, AF_INET6, AF_LINK, SOCK_DGRAM, SockaddrIn6
from vshell.commands.route.keywords import MODIFIERS
from vshell.commands.route.message import Request, rtmsg
from vshell.commands.route.names import Sockaddr
from vshell.commands.route.options import EX_DATAERR, EX_NOHOST, EX_NOPERM, EX_OSERR, EX_USAGE, Options, usage
from vshell.userland.addr import inet_aton, inet_ntoa, plen2mask
from vshell.userland.cnumber import atoi, strtol
from vshell.userland.netdb import GaiError, getaddrinfo, gethostbyname
from vshell.userland.rtnl import dump_links

AF_SA = 17
"""Stands for addresses given octet by octet (-sa)."""

_SET = {
    "reject": RTF_REJECT, "blackhole": RTF_BLACKHOLE, "proto1": RTF_PROTO1, "proto2": RTF_PROTO2, "xresolve": RTF_XRESOLVE,
    "static": RTF_STATIC, "sticky": RTF_STICKY,
}  # fmt: skip
_CLEAR = {"nostatic": RTF_STATIC, "nostick": RTF_STICKY}
_FAMILIES = {"4": AF_INET, "inet": AF_INET, "6": AF_INET6, "inet6": AF_INET6, "link": AF_LINK, "sa": AF_SA}
_METRICS = frozenset(word for word, (kind, _) in MODIFIERS.items() if kind == "number" and word != "prefixlen")
_WITH_ARGUMENT = frozenset(word for word, (kind, _) in MODIFIERS.items() if kind)

_ERRORS = {
    ESRCH: "not in table",
    EBUSY: "entry in use",
    ENOBUFS: "not enough memory",
    EADDRINUSE: "gateway uses the same route",
    EEXIST: "route already in table",
}


class Parser:
    """Reads the words after the command."""

    def __init__(self, o: Options) -> None:
        self.o = o
        self.p = o.p
        self.af = o.af
        self.flags = RTF_STATIC
        self.forcenet = self.forcehost = self.ishost = self.interface = self.proxy = False
        self.addrs: dict[str, Sockaddr] = {}
        self.given: dict[str, str] = {}
        """The destination and gateway as they were written."""
        self.metrics: dict[str, int] = {}
        self.fibs: list[int] = []

    def parse(self, words: list[str]) -> None:
        """All words."""
        at = 0
        while at < len(words):
            word = words[at]
            at += 1
            if not word.startswith("-"):
                self.operand(word)
                continue
            key = word[1:]
            if key not in MODIFIERS:
                usage(self.p, key)
            if key not in _WITH_ARGUMENT:
                self.modifier(key)
            elif at >= len(words):
                usage(self.p)
            else:
                self.argument(key, words[at])
                at += 1

    def operand(self, word: str) -> None:
        """A word without dash: destination, gateway, mask, in this order."""
        if "dst" not in self.addrs:
            self.destination(word)
        elif "gateway" not in self.addrs:
            self.given["gateway"] = word
            self.getaddr("gateway", word)
        else:
            self.getaddr("netmask", word)
            self.forcenet = True

    def destination(self, word: str) -> None:
        """The destination."""
        self.given["dst"] = word
        if self.getaddr("dst", word):
            self.ishost = True

    def modifier(self, key: str) -> None:
        """A modifier that stands alone."""
        if key in _FAMILIES:
            self.af = _FAMILIES[key]
        elif key in _SET:
            self.flags |= _SET[key]
        elif key in _CLEAR:
            self.flags &= ~_CLEAR[key]
        elif key in ("iface", "interface"):
            self.interface = True
        elif key == "host":
            self.forcehost = True
        elif key == "net":
            self.forcenet = True
        elif key == "proxy":
            self.proxy = True

    def argument(self, key: str, value: str) -> None:
        """A modifier with an argument."""
        if key == "fib":
            fibs = self.o.fiblist(value)
            if fibs is None:
                self.p.errx(EX_USAGE, f"invalid fib number: {value}")
            self.fibs += fibs
        elif key == "dst":
            self.destination(value)
        elif key == "prefixlen":
            whole = self.prefixlen(value)
            self.forcenet, self.ishost = not whole, whole
        elif key in _METRICS:
            self.metric(key, value)
        else:
            if key == "gateway":
                self.given["gateway"] = value
            self.getaddr(key, value)
            self.forcenet = self.forcenet or key == "netmask"

    def metric(self, key: str, value: str) -> None:
        """set_metric."""
        number, rest, error = strtol(value, 0)
        if error or rest:
            self.p.errx(EX_USAGE, f"{value}: {strerror(error or EINVAL)}")
        if key == "expire" and value[:1] in ("+", "-"):
            number += self.p.sys.clock_gettime() // 1_000_000_000
        self.metrics[key] = number

    # addresses -------------------------------------------------------------------------------------------------
    def getaddr(self, slot: str, word: str) -> bool:
        """Read an address into a slot; True if it is that of a host."""
        if not self.af:
            self.af = AF_INET
        sa = self.addrs[slot] = Sockaddr(AF_LINK if slot == "ifp" else self.af)
        if slot == "gateway" and self.interface:
            return self.by_interface(sa, word)
        if word == "default":
            if slot == "dst":
                self.forcenet_for_default()
            return False
        if sa.family == AF_INET6:
            return self.getaddr6(slot, sa, word)
        if sa.family == AF_LINK:
            sa.text = word
            return True
        if sa.family == AF_SA:
            octets = _octets(word)
            sa.family = octets[0] if octets else 0
            sa.addr = octets[1:]
            if sa.family == AF_INET:
                sa.addr = (octets[3:7] + bytes(4))[:4]
            elif sa.family == AF_INET6:
                sa.addr = (octets[7:23] + bytes(16))[:16]
            return True
        return self.getaddr4(slot, sa, word)

    def forcenet_for_default(self) -> None:
        """`default` is the network of all zeros."""
        self.addrs["netmask"] = Sockaddr(self.af)

    def by_interface(self, sa: Sockaddr, name: str) -> bool:
        """The gateway is an interface."""
        for link in dump_links(self.p):
            if link.name == name:
                sa.family, sa.scope = AF_LINK, link.index
                return True
        self.p.errx(EX_DATAERR, f"interface '{name}' does not exist")

    def getaddr4(self, slot: str, sa: Sockaddr, word: str) -> bool:
        """ADDRESS/LENGTH for a destination, an address, or a host's name."""
        text, slash, length = word.partition("/")
        if slash and slot == "dst":
            return self.prefix4(sa, text, length)
        addr = inet_aton(word)
        if addr is None:
            found = gethostbyname(self.p, word)
            if not found:
                self.p.errx(EX_NOHOST, f"bad address: {word}")
            addr = found[0]
        sa.addr = addr
        return True

    def prefix4(self, sa: Sockaddr, text: str, length: str) -> bool:
        """ADDRESS/LENGTH."""
        addr = inet_aton(text)
        if addr is None:
            self.p.errx(EX_NOHOST, f"bad address: {text}")
        plen = atoi(length)
        if not 0 <= plen <= 32:
            self.p.errx(EX_NOHOST, f"bad mask length: {length}")
        mask = plen2mask(plen)
        self.addrs["netmask"] = Sockaddr(AF_INET, mask)
        # The original cuts the word at the slash and prints it so later (it mends IPv6 ones).
        self.given["dst"] = text
        # "10/8" is not 10.0.0.0/8 but 0.0.0.10/8, which nobody means.
        if "." not in text and any(a & ~m & 0xFF for a, m in zip(addr, mask, strict=True)):
            self.p.errx(EX_NOHOST, f"malformed address, bits set after mask; {text} means {inet_ntoa(addr)}")
        sa.addr = addr
        return False

    def getaddr6(self, slot: str, sa: Sockaddr, word: str) -> bool:
        """An IPv6 address or name, for a destination with /LENGTH."""
        length: str | None = None
        if slot == "dst" and "/" in word:
            word, _, length = word.partition("/")
        try:
            info = getaddrinfo(self.p, word, None, AF_INET6, SOCK_DGRAM)[0]
        except GaiError as e:
            self.p.errx(EX_OSERR, f"{word}: {e}")
        assert isinstance(info.addr, SockaddrIn6)
        sa.addr, sa.scope = info.addr.addr, info.addr.scope_id
        if slot != "dst":
            return False
        if length is None and not any(sa.addr) and not sa.scope:
            length = "0"
        if length is None or length == "128":
            return True
        self.prefixlen(length)
        return False

    def prefixlen(self, text: str) -> bool:
        """Set the mask from a length; True if it is the whole address."""
        plen = atoi(text)
        if self.af not in (AF_INET, AF_INET6):
            self.addrs.setdefault("netmask", Sockaddr(self.af))
            self.p.errx(EX_OSERR, "prefixlen not supported in this af")
        width = 32 if self.af == AF_INET else 128
        if not 0 <= plen <= width:
            self.p.errx(EX_USAGE, f"{text}: invalid prefixlen")
        self.addrs["netmask"] = Sockaddr(self.af, plen2mask(plen, width // 8))
        return plen == width

    # the result ------------------------------------------------------------------------------------------------
    def finish(self) -> Request:
        """Check the whole and complete the flags."""
        dst, mask = self.addrs.get("dst"), self.addrs.get("netmask")
        if dst is None:
            self.p.warnx("destination parameter required")
            usage(self.p)
        if mask is not None and mask.family != dst.family:
            self.p.warnx("destination and netmask family need to be the same")
            usage(self.p)
        if self.forcehost:
            self.ishost = True
            if self.af == AF_INET6:
                mask = None
        if self.forcenet:
            self.ishost = False
        self.flags |= RTF_UP
        if self.ishost:
            self.flags |= RTF_HOST
        if not self.interface:
            self.flags |= RTF_GATEWAY
        if self.proxy:
            self.flags |= RTF_ANNOUNCE
        r = Request()
        r.dst, r.mask, r.gateway, r.metrics = dst, mask, self.addrs.get("gateway"), self.metrics
        return r


def _octets(text: str) -> bytes:
    """The address of -sa: hexadecimal digits, pairs making an octet, anything else ending one (sockaddr of route.c)."""
    out = bytearray()
    digits = ""
    for c in text:
        if c in "0123456789abcdefABCDEF":
            if len(digits) == 2:
                out.append(int(digits, 16))
                digits = ""
            digits += c
        else:
            out.append(int(digits or "0", 16))
            digits = ""
    if digits:
        out.append(int(digits, 16))
    return bytes(out)


def newroute(o: Options, words: list[str]) -> int:
    """Carry out the command in every table asked for, and report."""
    command = words[0]
    getting = command[0] in "gs"
    if not (o.privileged or getting or o.debug or o.test):
        o.p.errx(EX_NOPERM, "must be root to alter routing table")
    parser = Parser(o)
    parser.parse(words[1:])
    r = parser.finish()
    fibs = parser.fibs or [o.defaultfib]
    flags = parser.flags | (RTF_PINNED if command[0] == "d" else 0)
    results = [(fib, rtmsg(o, command, flags, fib, r)) for fib in fibs]
    if getting:
        return -sum(1 for _, error in results if error)
    if not o.quiet:
        report(o, command, parser, results)
    return 1 if any(error for _, error in results) else 0


def report(o: Options, command: str, parser: Parser, results: list[tuple[int, int]]) -> None:
    """One line for all that went well, one for each failure."""
    head = f"{command} {'host' if parser.ishost else 'net'} {parser.given.get('dst', '')}"
    gateway = parser.given.get("gateway", "")
    if gateway:
        head += f": gateway {gateway}"
    done = [fib for fib, error in results if not error]
    if done:
        fibs = f" fib {','.join(map(str, done))}" if o.numfibs > 1 else ""
        o.p.stdout.write(f"{head}{fibs}\n")
    for fib, error in results:
        if error:
            o.p.stdout.write(f"{head} fib {fib}: {_ERRORS.get(error) or strerror(error)}\n")
