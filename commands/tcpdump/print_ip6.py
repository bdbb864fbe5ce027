"""tcpdump: IPv6 and its extension headers (print-ip6.c, print-ip6opts.c, print-frag6.c, print-rt6.c)."""

from __future__ import annotations

from vshell.commands.tcpdump.ipproto import IPPROTOS
from vshell.commands.tcpdump.netdissect import Invalid, Ndo
from vshell.commands.tcpdump.print_ip import PORTED, ip_demux
from vshell.wire.cksum import in_cksum

HBH, ROUTING, FRAGMENT, DSTOPTS, MOBILITY, MOBILITY_OLD = 0, 43, 44, 60, 135, 62


def nextproto6_cksum(ndo: Ndo, ip: int, at: int, length: int, proto: int) -> int:
    """The checksum of a transport packet; 0 if it is right."""
    dst = ndo.get(ip + 24, 16)
    if ndo.u1(ip + 6) in (HBH, DSTOPTS, MOBILITY, MOBILITY_OLD, FRAGMENT, ROUTING):
        dst = finddst(ndo, ip)
    pseudo = ndo.get(ip + 8, 16) + dst + length.to_bytes(4, "big") + bytes((0, 0, 0, proto))
    return in_cksum(pseudo + ndo.get(at, length))


def finddst(ndo: Ndo, ip: int) -> bytes:
    """ip6_finddst: a routing header may name the last destination."""
    at, nh, advance = ip, ndo.u1(ip + 6), 40
    while at < ndo.snapend:
        at += advance
        if nh in (HBH, DSTOPTS, MOBILITY, MOBILITY_OLD):
            advance = (ndo.u1(at + 1) + 1) << 3
        elif nh == FRAGMENT:
            advance = 8
        else:
            if nh == ROUTING:
                size = ndo.u1(at + 1)
                if size and not size & 1:
                    kind = ndo.u1(at + 2)
                    if kind in (0, 2) and ndo.ttest(at + 8, size * 8):
                        return ndo.get(at + 8 + (size // 2 - 1) * 16, 16)
                    if kind == 4 and ndo.ttest(at + 8, 16):
                        return ndo.get(at + 8, 16)
            break
        nh = ndo.u1(at)
    return ndo.get(ip + 24, 16)


def ip6_print(ndo: Ndo, at: int, length: int) -> None:
    """A packet."""
    ndo.protocol = "ip6"
    if not ndo.e:
        ndo.p("IP6 ")
    saved = ndo.snapend
    try:
        ndo.check("length", length, "<", 40)
        ndo.check("version", ndo.u1(at) >> 4, "!=", 6)
        Packet6(ndo, at, length).print()
    except Invalid:
        ndo.invalid()
    ndo.snapend = saved


class Packet6:
    """A packet that is being printed."""

    def __init__(self, ndo: Ndo, ip: int, length: int) -> None:
        self.ndo = ndo
        self.ip = ip
        self.length = length
        self.payload = ndo.u2(ip + 4)
        self.jumbo = self.hbh = self.extension = self.fragmented = False

    def print(self) -> None:
        """ip6_print from the length on."""
        ndo, ip, length = self.ndo, self.ip, self.length
        size = length + 40
        if self.payload:
            size = self.payload + 40
            if size > length:
                self.too_long(size)
        nh = ndo.u1(ip + 6)
        if ndo.v:
            self.verbose(nh)
        if not ndo.ttest(ip, 40):
            ndo.trunc()
            return
        ndo.snapend = min(ndo.snapend, ip + min(length, size))
        self.headers(size, nh)

    def too_long(self, size: int) -> None:
        """The header promises too much."""
        ndo = self.ndo
        ndo.p(f"[header+payload length {size} > length {self.length}]")
        ndo.invalid()
        ndo.p(" ")

    def verbose(self, nh: int) -> None:
        """The header of -v."""
        ndo = self.ndo
        flow = ndo.u4(self.ip)
        ndo.p("(")
        if flow & 0x0FF00000:
            ndo.p(f"class 0x{(flow & 0x0FF00000) >> 20:02x}, ")
        if flow & 0xFFFFF:
            ndo.p(f"flowlabel 0x{flow & 0xFFFFF:05x}, ")
        ndo.p(f"hlim {ndo.u1(self.ip + 7)}, next-header {IPPROTOS.get(nh, 'unknown')} ({nh}), payload length {self.payload}) ")

    def headers(self, size: int, nh: int) -> None:
        """Go from header to header."""
        ndo, ip = self.ndo, self.ip
        at, advance, total, before = ip, 40, 0, 255
        while at < ndo.snapend and advance > 0:
            if size < advance:
                ndo.trunc()
                return
            at += advance
            size -= advance
            total += advance
            if at == ip + 40 and nh not in PORTED:
                ndo.p(f"{ndo.ip6addr(ip + 8)} > {ndo.ip6addr(ip + 24)}: ")
            step = self.extension_header(at, nh, before)
            if step is None:
                self.upper(at, size, nh, total)
                return
            if step < 0:
                return
            advance = step
            before, nh = nh, ndo.u1(at)
            self.extension = True
            ndo.protocol = "ip6"

    def extension_header(self, at: int, nh: int, before: int) -> int | None:
        """Print an extension header: its length, -1 if that was all, None if it is none."""
        ndo = self.ndo
        if nh == HBH:
            return self.hopbyhop(at, before)
        if nh == DSTOPTS:
            ndo.protocol = "dstopt"
            size = (ndo.u1(at + 1) + 1) << 3
            ndo.tcheck(at, size)
            ndo.p("DSTOPT ")
            if ndo.v:
                self.options(at + 2, size - 2, False)
            return size
        if nh == FRAGMENT:
            return self.fragment(at)
        if nh == ROUTING:
            return self.routing(at)
        return None

    def hopbyhop(self, at: int, before: int) -> int:
        """hbhopt_process."""
        ndo = self.ndo
        if self.hbh:
            ndo.p("[The Hop-by-Hop Options header was already found]")
            raise Invalid
        if before != 255:
            ndo.p("[The Hop-by-Hop Options header don't follow the IPv6 header]")
            raise Invalid
        ndo.protocol = "hbh"
        size = (ndo.u1(at + 1) + 1) << 3
        ndo.tcheck(at, size)
        ndo.p("HBH ")
        self.options(at + 2, size - 2, True)
        if not self.payload and not self.jumbo:
            ndo.p("[No valid Jumbo Payload Hop-by-Hop option found]")
            raise Invalid
        self.hbh = True
        return size

    def options(self, at: int, size: int, hopbyhop: bool) -> None:
        """ip6_opt_process."""
        ndo = self.ndo
        i = 0
        seen = False
        while i < size:
            kind = ndo.u1(at + i)
            optlen = 1
            if kind:
                ndo.check("remaining length", size - i, "<", 2)
                optlen = ndo.u1(at + i + 1) + 2
            ndo.check("remaining length", size - i, "<", optlen)
            ndo.tcheck(at + i, optlen)
            if kind == 0xC2:
                ndo.check("(jumbo) length", optlen - 2, "!=", 4)
                self.jumbogram(ndo.u4(at + i + 2), hopbyhop, seen)
                seen = True
            else:
                self.option(at + i, kind, optlen)
            i += optlen
        if ndo.v:
            ndo.p(" ")

    def option(self, at: int, kind: int, optlen: int) -> None:
        """Any but the jumbo option."""
        ndo = self.ndo
        text = f"(unknown opt-type 0x{kind:02x} len={optlen - 2})"
        if kind == 0:
            text = "(pad1)"
        elif kind == 1:
            text = "(padn)"
        elif kind == 5:
            ndo.check("(rtalert) length", optlen - 2, "!=", 2)
            text = f"(rtalert: 0x{ndo.u2(at + 2):04x}) "
        elif kind == 0xC9:
            ndo.check("(homeaddr) length", optlen - 2, "<", 16)
            text = f"(homeaddr: {ndo.ip6addr(at + 2)})"
        if ndo.v:
            ndo.p(text)

    def jumbogram(self, size: int, hopbyhop: bool, seen: bool) -> None:
        """The length of a jumbogram."""
        ndo = self.ndo
        wrong = ""
        if seen:
            wrong = " - already seen"
        elif not hopbyhop:
            wrong = " - not a hop-by-hop option"
        elif self.payload:
            wrong = " - payload len != 0"
        elif size < 65536:
            wrong = " - < 65536"
        else:
            self.jumbo, self.payload = True, size
        if ndo.v:
            ndo.p(f"(jumbo: {size}{wrong}) ")

    def fragment(self, at: int) -> int:
        """frag6_print."""
        ndo, ip = self.ndo, self.ip
        ndo.protocol = "frag6"
        ndo.p("frag (")
        ident = ndo.u4(at + 4)
        if ndo.v:
            ndo.p(f"0x{ident:08x}:")
        offset = ndo.u2(at + 2) & 0xFFF8
        ndo.p(f"{offset}|")
        left = 40 + ndo.u2(ip + 4) - (at - ip) - 8
        ndo.p("[length < 0] (invalid))" if left < 0 else f"{left})")
        if offset:
            return -1
        ndo.p(" ")
        if ndo.snapend <= at + 8:
            return -1
        self.fragmented = True
        return 8

    def routing(self, at: int) -> int:
        """rt6_print."""
        ndo = self.ndo
        ndo.tcheck(at, 1)
        ndo.protocol = "rt6"
        ndo.p("RT6")
        size = ndo.u1(at + 1)
        ndo.p(f" (len={size}")
        kind = ndo.u1(at + 2)
        ndo.p(f", type={kind}{' [Deprecated]' if kind == 0 else ''}")
        ndo.p(f", segleft={ndo.u1(at + 3)}")
        if kind in (0, 2):
            reserved = ndo.u4(at + 4)
            if reserved or ndo.v:
                ndo.p(f", rsv=0x{reserved:x}")
            wrong = f" [length {size}]"
        elif kind == 4:
            ndo.p(f", last-entry={ndo.u1(at + 4)}")
            if ndo.u1(at + 5) or ndo.v:
                ndo.p(f", flags=0x{ndo.u1(at + 5):x}")
            ndo.p(f", tag={ndo.u2(at + 6):x}")
            wrong = f" (invalid length {size})"
        else:
            ndo.p(" (unknown type)")
            raise Invalid
        if size & 1:
            ndo.p(wrong)
            raise Invalid
        for i in range(size >> 1):
            ndo.p(f", [{i}]{ndo.ip6addr(at + 8 + 16 * i)}")
        ndo.p(") ")
        return (size + 1) << 3

    def upper(self, at: int, size: int, nh: int, total: int) -> None:
        """It is no extension header."""
        ndo, ip = self.ndo, self.ip
        if self.jumbo:
            size = self.payload + 40
            if size < total:
                ndo.trunc()
                return
            if size > self.length:
                self.too_long(size)
            size -= total
        elif not self.payload:
            if self.extension:
                ndo.trunc()
                return
            ndo.snapend = min(ndo.snapend, ip + 40)
            size = 40 - total
        if nh in (MOBILITY, MOBILITY_OLD):
            ndo.p("mobility")
            return
        ip_demux(ndo, at, size, 6, self.fragmented, ndo.u1(ip + 7), nh, ip)
