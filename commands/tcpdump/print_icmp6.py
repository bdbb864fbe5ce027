"""tcpdump: ICMPv6, neighbour discovery, MLD (print-icmp6.c)."""

from __future__ import annotations

from vshell.commands.tcpdump.netdissect import Ndo, Trunc, bittok2str, in_cksum_shouldbe, tok2str
from vshell.commands.tcpdump.print_groups import queried, report
from vshell.commands.tcpdump.print_ip6 import nextproto6_cksum

TYPES = {
    1: "destination unreachable", 2: "packet too big", 3: "time exceeded in-transit", 4: "parameter problem",
    128: "echo request", 129: "echo reply", 130: "multicast listener query", 131: "multicast listener report",
    132: "multicast listener done", 133: "router solicitation", 134: "router advertisement", 135: "neighbor solicitation",
    136: "neighbor advertisement", 137: "redirect", 138: "router renumbering", 141: "inverse neighbor solicitation",
    142: "inverse neighbor advertisement", 143: "multicast listener report v2", 144: "ha discovery request",
    145: "ha discovery reply", 146: "mobile router solicitation", 147: "mobile router advertisement",
    139: "node information query", 140: "node information reply", 201: "mtrace message", 200: "mtrace response", 155: "RPL",
}  # fmt: skip
UNREACHABLE = {
    0: "unreachable route", 1: " unreachable prohibited", 2: "beyond scope", 3: "unreachable address", 4: "unreachable port",
}  # fmt: skip
PREFIX_FLAGS = ((0x80, "onlink"), (0x40, "auto"), (0x20, "router"))
RA_FLAGS = ((0x80, "managed"), (0x40, "other stateful"), (0x20, "home agent"), (0x02, "ipv6 only"))
NA_FLAGS = ((0x80000000, "router"), (0x40000000, "solicited"), (0x20000000, "override"))
OPTIONS = {
    1: "source link-address", 2: "destination link-address", 3: "prefix info", 4: "redirected header", 5: "mtu", 25: "rdnss",
    31: "dnssl", 7: "advertisement interval", 8: "homeagent information", 24: "route info",
}  # fmt: skip
PREFERENCES = ("medium", "high", "rsv", "low")
PROBLEMS = {0: "erroneous", 1: "next header", 2: "option", 3: "incomplete header chain"}
NI_ADDR_FLAGS = ((1, "T"), (2, "A"), (4, "C"), (8, "L"), (0x10, "S"), (0x20, "G"))
NI_V4_FLAGS = ((1, "T"), (2, "A"))
WITH_LENGTH = (133, 134, 135, 136, 137, 145, 147)


def icmp6_print(ndo: Ndo, at: int, length: int, ip: int, fragmented: bool) -> None:
    """A message."""
    ndo.protocol = "icmp6"
    if not length:
        ndo.p("ICMP6, length 0")
        ndo.invalid()
        return
    if ndo.v and not fragmented and ndo.ttest(at, length):
        field = ndo.u2(at + 2)
        wrong = nextproto6_cksum(ndo, ip, at, length, 58)
        ndo.p(f"[bad icmp6 cksum 0x{field:04x} -> 0x{in_cksum_shouldbe(field, wrong):04x}!] " if wrong else "[icmp6 sum ok] ")
    kind = ndo.u1(at)
    ndo.p(f"ICMP6, {tok2str(TYPES, 'unknown icmp6 type (%u)', kind)}")
    if ndo.v and kind in WITH_LENGTH:
        ndo.p(f", length {length}")
    if not Message(ndo, at, length, kind, ndo.u1(at + 1)).print():
        return
    if not ndo.v:
        ndo.p(f", length {length}")


class Message:
    """What a message says."""

    def __init__(self, ndo: Ndo, at: int, length: int, kind: int, code: int) -> None:
        self.ndo = ndo
        self.at = at
        self.length = length
        self.kind = kind
        self.code = code
        self.inner = at + 8

    def print(self) -> bool:
        """Print it; False if the length is not to follow."""
        ndo, at, kind = self.ndo, self.at, self.kind
        if kind == 1:
            return self.unreachable()
        if kind == 2:
            ndo.p(f", mtu {ndo.u4(at + 4)}")
        elif kind in (3, 4):
            self.error()
        elif kind in (128, 129):
            ndo.p(f", id {ndo.u2(at + 4)}, seq {ndo.u2(at + 6)}")
        elif kind in (130, 131, 132, 143):
            self.mld()
        elif 133 <= kind <= 137:
            return self.discovery()
        elif kind in (139, 140):
            NodeInfo(ndo, at, self.length).print()
        elif kind == 138:
            ndo.p(f", code-#{self.code}, seq={ndo.u4(at + 4)}")
        elif kind in (144, 146):
            ndo.p(f", id 0x{ndo.u2(at + 4):04x}")
        elif kind in (145, 147):
            return self.mobile()
        elif kind not in (141, 142):
            ndo.p(f", length {self.length}")
            if ndo.v <= 1:
                ndo.unknown_data(at, "\n\t", self.length)
            return False
        return True

    def unreachable(self) -> bool:
        """Destination unreachable."""
        ndo, code, inner = self.ndo, self.code, self.inner
        ndo.p(f", {tok2str(UNREACHABLE, 'unknown unreach code (%u)', code)}")
        if code in (0, 1, 3):
            ndo.p(f" {ndo.ip6addr(inner + 24)}")
        elif code == 2:
            ndo.p(f" {ndo.ip6addr(inner + 24)}, source address {ndo.ip6addr(inner + 8)}")
        elif code == 4:
            found = upperlayer(ndo, inner)
            if found is None:
                ndo.trunc()
                return False
            proto, header = found
            port = ndo.u2(header + 2)
            name = ndo.tcpport(port) if proto == 6 else ndo.udpport(port)
            ndo.p(f", {ndo.ip6addr(inner + 24)} {'tcp' if proto == 6 else 'udp'} port {name}")
        elif ndo.v <= 1:
            ndo.unknown_data(self.at, "\n\t", self.length)
            return False
        return True

    def error(self) -> None:
        """Time exceeded, parameter problem."""
        ndo, code = self.ndo, self.code
        if self.kind == 3:
            if code == 0:
                ndo.p(f" for {ndo.ip6addr(self.inner + 24)}")
            else:
                ndo.p(" (reassembly)" if code == 1 else f", unknown code ({code})")
            return
        ndo.tcheck(self.inner + 24, 16)
        ndo.p(f", {PROBLEMS[code]} - octet {ndo.u4(self.at + 4)}" if code in PROBLEMS else f", code-#{code}")

    def mld(self) -> None:
        """Multicast listener discovery."""
        ndo, at = self.ndo, self.at
        if self.kind == 143:
            mldv2_report(ndo, at, self.length)
        elif self.kind != 130 or self.length == 24:
            if ndo.ttest(at, 24):
                ndo.p(f"max resp delay: {ndo.u2(at + 4)} addr: {ndo.ip6addr(at + 8)}")
        elif self.length >= 28:
            ndo.p(" v2")
            mldv2_query(ndo, at, self.length)
        else:
            ndo.p(f" unknown-version (len {self.length}) ")

    def discovery(self) -> bool:
        """Neighbour discovery."""
        ndo, at, kind = self.ndo, self.at, self.kind
        size = {133: 8, 134: 16, 135: 24, 136: 24, 137: 40}[kind]
        if kind == 135:
            ndo.p(f", who has {ndo.ip6addr(at + 8)}")
        elif kind == 136:
            ndo.p(f", tgt is {ndo.ip6addr(at + 8)}")
            if ndo.v:
                ndo.p(f", Flags [{bittok2str(NA_FLAGS, 'none', ndo.u4(at + 4))}]")
        elif kind == 137:
            ndo.p(f", {ndo.ip6addr(at + 24)} to {ndo.ip6addr(at + 8)}")
        elif kind == 134 and ndo.v:
            flags = ndo.u1(at + 5)
            ndo.p(
                f"\n\thop limit {ndo.u1(at + 4)}, Flags [{bittok2str(RA_FLAGS, 'none', flags)}], "
                f"pref {PREFERENCES[flags >> 3 & 3]}, router lifetime {ndo.u2(at + 6)}s, "
                f"reachable time {ndo.u4(at + 8)}ms, retrans timer {ndo.u4(at + 12)}ms"
            )
        return not ndo.v or self.options(size)

    def options(self, size: int) -> bool:
        """The options behind `size` bytes; False if they were cut off."""
        if options_print(self.ndo, self.at + size, self.length - size):
            return True
        self.ndo.trunc()
        return False

    def mobile(self) -> bool:
        """Home agent discovery, mobile prefixes."""
        ndo, at = self.ndo, self.at
        if not ndo.v:
            return True
        ndo.p(f", id 0x{ndo.u2(at + 4):04x}")
        if self.kind == 145:
            for i in range(at + 8, at + min(self.length, ndo.avail(at)), 16):
                ndo.p(f", {ndo.ip6addr(i)}")
            return True
        flags = ndo.u2(at + 6)
        if flags & 0xC000:
            ndo.p(f" {'M' if flags & 0x8000 else ''}{'O' if flags & 0x4000 else ''}")
        return self.options(8)


def upperlayer(ndo: Ndo, ip: int) -> tuple[int, int] | None:
    """get_upperlayer: the TCP or UDP header in a quoted packet."""
    try:
        at, nh, hlen = ip, ndo.u1(ip + 6), 40
        while at < ndo.snapend:
            at += hlen
            if nh in (6, 17):
                return (nh, at) if ndo.ttest(at + 2, 2) else None
            if nh in (0, 60, 43):
                hlen = (ndo.u1(at + 1) + 1) << 3
            elif nh == 44:
                if ndo.u2(at + 2) & 0xFFF8:
                    return None
                hlen = 8
            elif nh == 51:
                hlen = (ndo.u1(at + 1) + 2) << 2
            else:
                return None
            nh = ndo.u1(at)
    except Trunc:
        pass
    return None


def lifetime(value: int) -> str:
    """get_lifetime."""
    return "infinity" if value == 0xFFFFFFFF else f"{value}s"


def options_print(ndo: Ndo, at: int, left: int) -> bool:
    """icmp6_opt_print; False if they are cut off."""
    start = at
    while at < ndo.snapend:
        if not ndo.ttest(at + 1, 1):
            return False
        if left <= 0:
            return True
        kind, units = ndo.u1(at), ndo.u1(at + 1)
        size = units << 3
        if not units or at + size > ndo.snapend:
            return False
        ndo.p(f"\n\t  {OPTIONS.get(kind, 'unknown')} option ({kind}), length {size} ({units}): ")
        if kind == 4:
            # Not where the option is, but where all of them begin.
            ndo.unknown_data(start, "\n\t    ", size)
        elif kind in OPTIONS:
            if not option(ndo, at, kind, units):
                return False
        elif ndo.v <= 1:
            ndo.unknown_data(at + 2, "\n\t  ", size - 2)
            return True
        if ndo.v > 1:
            ndo.unknown_data(at + 2, "\n\t    ", size - 2)
        at += size
        left -= size
    return True


def option(ndo: Ndo, at: int, kind: int, units: int) -> bool:
    """An option that is known."""
    if kind in (1, 2):
        ndo.p(ndo.get(at + 2, units * 8 - 2).hex(":"))
    elif kind == 3:
        bad = "badlen" if units != 4 else ""
        ndo.p(f"{ndo.ip6addr(at + 16)}/{ndo.u1(at + 2)}{bad}, Flags [{bittok2str(PREFIX_FLAGS, 'none', ndo.u1(at + 3))}], ")
        ndo.p(f"valid time {lifetime(ndo.u4(at + 4))}, pref. time {lifetime(ndo.u4(at + 8))}")
    elif kind == 5:
        ndo.p(f" {ndo.u4(at + 4)}{'bad option length' if units != 1 else ''}")
    elif kind == 25:
        ndo.p(f" lifetime {ndo.u4(at + 4)}s,")
        for i in range((units - 1) // 2):
            ndo.p(f" addr: {ndo.ip6addr(at + 8 + 16 * i)}")
    elif kind == 31:
        return domains(ndo, at, units << 3)
    elif kind == 7:
        ndo.p(f" {ndo.u4(at + 4)}ms")
    elif kind == 8:
        ndo.p(f" preference {ndo.u2(at + 4)}, lifetime {ndo.u2(at + 6)}")
    else:
        if not ndo.ttest(at + 4, 4) or units > 3:
            return False
        prefix = ndo.get(at + 8, 8 * (units - 1)).ljust(16, b"\0")
        pref = PREFERENCES[ndo.u1(at + 3) >> 3 & 3]
        ndo.p(f" {ndo.host(prefix)}/{ndo.u1(at + 2)}, pref={pref}, lifetime={lifetime(ndo.u4(at + 4))}")
    return True


def domains(ndo: Ndo, at: int, size: int) -> bool:
    """A search list."""
    from vshell.commands.tcpdump.print_domain import fqdn_print

    ndo.p(f" lifetime {ndo.u4(at + 4)}s, domain(s):")
    name = at + 8
    while name < at + size and ndo.u1(name):
        ndo.p(" ")
        after = fqdn_print(ndo, name, at)
        if after is None:
            return False
        name = after
    return True


def mldv2_report(ndo: Ndo, at: int, length: int) -> None:
    """mldv2_report_print."""
    report(ndo, at, length, 16, ndo.ip6addr, " [v2-report-#%u]")


def mldv2_query(ndo: Ndo, at: int, length: int) -> None:
    """mldv2_query_print."""
    mrc = ndo.u2(at + 4)
    if ndo.v:
        ndo.p(f" [max resp delay={mrc if mrc < 32768 else ((mrc & 0xFFF) | 0x1000) << ((mrc >> 12 & 7) + 3)}]")
    ndo.p(f" [gaddr {ndo.ip6addr(at + 8)}")
    if ndo.v:
        flags = ndo.u1(at + 24)
        if flags & 8:
            ndo.p(" sflag")
        if flags & 7:
            ndo.p(f" robustness={flags & 7}")
        qqic = ndo.u1(at + 25)
        ndo.p(f" qqi={qqic if qqic < 128 else ((qqic & 0xF) | 0x10) << ((qqic >> 4 & 7) + 3)}")
    queried(ndo, at, length, 28, 16, ndo.ip6addr)


class Cut(Exception):
    """The header is cut off."""


class NodeInfo:
    """icmp6_nodeinfo_print."""

    def __init__(self, ndo: Ndo, at: int, length: int) -> None:
        self.ndo = ndo
        self.at = at
        self.length = length
        self.end = ndo.snapend
        self.size = self.end - at

    def print(self) -> None:
        """A query or a reply."""
        try:
            self.whole()
        except Cut:
            self.ndo.trunc()

    def whole(self) -> None:
        """All of it."""
        ndo = self.ndo
        if ndo.u1(self.at) == 139:
            if self.size == 12:
                ndo.p(" who-are-you request")
                return
            self.head()
            self.query(ndo.u2(self.at + 4))
        else:
            if self.length > self.size:
                ndo.trunc()
                return
            self.head()
            self.reply(ndo.u1(self.at + 1), ndo.u2(self.at + 4))
        ndo.p(")")

    def head(self) -> None:
        """Is all of the header there?"""
        if not self.ndo.ttest(self.at, 16):
            raise Cut
        self.ndo.p(" (")

    def flags(self, table: tuple[tuple[int, str], ...], query: bool) -> None:
        """Flags of a question about addresses."""
        ndo = self.ndo
        flags = ndo.u2(self.at + 6)
        if flags:
            ndo.p(f" [{bittok2str(table, 'none', flags, '')}]")
        if query and flags & 1:
            ndo.p(" [invalid flag Truncate present]")

    def query(self, qtype: int) -> None:
        """What is asked, about whom."""
        ndo, at = self.ndo, self.at
        ndo.p({0: "noop", 2: "node name", 3: "node addresses", 4: "ipv4 addresses"}.get(qtype, "unknown"))
        if qtype in (3, 4):
            self.flags(NI_ADDR_FLAGS if qtype == 3 else NI_V4_FLAGS, True)
        if qtype == 0:
            if self.size != 16 and ndo.v:
                ndo.p(", invalid len")
            return
        code = ndo.u1(at + 1)
        if code == 1:
            ndo.p(", subject=DNS name")
            self.dnsname(at + 16)
        elif code in (0, 2):
            size = 16 if code == 0 else 4
            if not ndo.ttest(at, 16 + size):
                return
            if self.size == 16 + size:
                ndo.p(f", subject={ndo.ip6addr(at + 16) if code == 0 else ndo.ipaddr(at + 16)}")
            elif ndo.v:
                ndo.p(", invalid subject len")
        else:
            ndo.p(", unknown subject")

    def reply(self, code: int, qtype: int) -> None:
        """An answer."""
        ndo, at = self.ndo, self.at
        if code:
            if code in (1, 2):
                ndo.p("refused" if code == 1 else "unknown")
                if self.size != 16 and ndo.v:
                    ndo.p(", invalid length")
            return
        if ndo.v:
            ndo.p("success, ")
        ndo.p({0: "noop", 2: "node name", 3: "node addresses", 4: "ipv4 addresses"}.get(qtype, "unknown"))
        if qtype == 0 and self.size != 16 and ndo.v:
            ndo.p(", invalid length")
        elif qtype == 2:
            self.dnsname(at + 20)
            if ndo.u2(at + 6) & 1:
                ndo.p(f" [TTL={ndo.u4(at + 16)}]")
        elif qtype in (3, 4):
            self.flags(NI_ADDR_FLAGS, False)
            size = 16 if qtype == 3 else 4
            i = at + 16
            while i + (4 + size if qtype == 3 else 1) <= self.end:
                ndo.p(f" {ndo.host(ndo.get(i + 4, size))}({ndo.u4(i)})")
                i += 4 + size

    def dnsname(self, at: int) -> None:
        """dnsname_print."""
        ndo, end = self.ndo, self.end
        ndo.p(', "')
        while at < end:
            size = ndo.u1(at)
            at += 1
            if not size:
                if at == end:
                    ndo.p(".")
                elif not (at + 1 == end and not ndo.u1(at)):
                    ndo.p("???")
                break
            if size > end - at:
                ndo.p("???")
                break
            ndo.printn(at, size)
            at += size
            if at + 1 < end and ndo.u1(at):
                ndo.p(".")
        ndo.p('"')
