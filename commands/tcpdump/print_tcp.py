"""tcpdump: TCP (print-tcp.c)."""

from __future__ import annotations

from vshell.commands.tcpdump.netdissect import Ndo, Trunc, bittok2str, in_cksum_shouldbe, tok2str
from vshell.commands.tcpdump.print_ip import nextproto4_cksum
from vshell.commands.tcpdump.print_ip6 import nextproto6_cksum

FIN, SYN, RST, PUSH, ACK, URG = 1, 2, 4, 8, 16, 32
FLAGS = ((FIN, "F"), (SYN, "S"), (RST, "R"), (PUSH, "P"), (ACK, "."), (URG, "U"), (64, "E"), (128, "W"))
OPTIONS = {
    0: "eol", 1: "nop", 2: "mss", 3: "wscale", 4: "sackOK", 5: "sack", 6: "echo", 7: "echoreply", 8: "TS", 11: "cc",
    12: "ccnew", 13: "ccecho", 19: "md5", 20: "scps", 28: "uto", 29: "tcp-ao", 30: "mptcp", 34: "tfo", 254: "exp",
}  # fmt: skip
MAX_RST_DATA_LEN = 30
M32 = 0xFFFFFFFF
TEXT = {21: "ftp", 25: "smtp", 43: "whois", 80: "http", 554: "rtsp", 8080: "http", 8554: "rtsp"}
"""Ports whose data are lines of text."""


class BadOption(Exception):
    """An option of wrong length."""


def tcp_print(ndo: Ndo, at: int, length: int, ip: int, fragmented: bool) -> None:
    """A segment."""
    ndo.protocol = "tcp"
    six = ndo.u1(ip) >> 4 == 6
    src, dst = (ndo.ip6addr(ip + 8), ndo.ip6addr(ip + 24)) if six else (ndo.ipaddr(ip + 12), ndo.ipaddr(ip + 16))
    if not ndo.ttest(at + 2, 2):
        ndo.p(f"{src} > {dst}:")
        ndo.trunc()
        return
    sport, dport = ndo.u2(at), ndo.u2(at + 2)
    if ndo.u1(ip + (6 if six else 9)) == 6:
        ndo.p(f"{src}.{ndo.tcpport(sport)} > {dst}.{ndo.tcpport(dport)}: ")
    else:
        ndo.p(f"{ndo.tcpport(sport)} > {ndo.tcpport(dport)}: ")
    segment = Segment(ndo, at, length, ip, six, sport, dport)
    try:
        segment.print(fragmented)
    except BadOption:
        ndo.p("[bad opt]")
        if segment.between:
            ndo.p("]")


class Segment:
    """A segment that is being printed."""

    def __init__(self, ndo: Ndo, at: int, length: int, ip: int, six: bool, sport: int, dport: int) -> None:
        self.ndo = ndo
        self.at, self.length, self.ip, self.six = at, length, ip, six
        self.sport, self.dport = sport, dport
        self.thseq = self.thack = 0
        self.rev = False
        self.seq = self.ack = 0
        self.between = ""

    def print(self, fragmented: bool) -> None:
        """tcp_print after the ports."""
        ndo, at = self.ndo, self.at
        if not ndo.ttest(at, 20):
            ndo.trunc()
            return
        hlen = (ndo.u1(at + 12) >> 4) * 4
        if hlen < 20:
            ndo.p(f" tcp {self.length - hlen} [bad hdr length {hlen} - too short, < 20]")
            return
        self.seq, self.ack = ndo.u4(at + 4), ndo.u4(at + 8)
        flags = ndo.u1(at + 13)
        if ndo.q:
            ndo.p(f"tcp {self.length - hlen & M32}")
            if hlen > self.length:
                ndo.p(f" [bad hdr length {hlen} - too long, > {self.length}]")
            return
        ndo.p(f"Flags [{bittok2str(FLAGS, 'none', flags, '')}]")
        if not ndo.S and flags & ACK:
            self.relative(flags)
        if hlen > self.length:
            ndo.p(f" [bad hdr length {hlen} - too long, > {self.length}]")
            return
        if ndo.v and not ndo.K and not fragmented:
            self.checksum()
        self.length -= hlen
        self.numbers(flags)
        if hlen > 20:
            self.options(at + 20, hlen - 20, flags)
        ndo.p(f", length {self.length}")
        if self.length:
            self.payload(at + hlen, hlen, flags)

    def relative(self, flags: int) -> None:
        """Count sequence numbers from the first of the connection."""
        ndo, ip = self.ndo, self.ip
        size, first = (16, 8) if self.six else (4, 12)
        src, dst = ndo.get(ip + first, size), ndo.get(ip + first + size, size)
        self.rev = self.sport > self.dport or (self.sport == self.dport and src > dst)
        key = (dst, src, self.dport, self.sport) if self.rev else (src, dst, self.sport, self.dport)
        known = ndo.seqs.get(key)
        if known is None or flags & SYN:
            if self.rev:
                known = [self.ack - 1 & M32, self.seq]
            else:
                known = [self.seq, self.ack - 1 & M32]
            ndo.seqs[key] = known
        elif self.rev:
            self.seq, self.ack = self.seq - known[1] & M32, self.ack - known[0] & M32
        else:
            self.seq, self.ack = self.seq - known[0] & M32, self.ack - known[1] & M32
        self.thseq, self.thack = known

    def checksum(self) -> None:
        """-v."""
        ndo = self.ndo
        if not ndo.ttest(self.at, self.length):
            return
        bad = (nextproto6_cksum if self.six else nextproto4_cksum)(ndo, self.ip, self.at, self.length, 6)
        field = ndo.u2(self.at + 16)
        ndo.p(f", cksum 0x{field:04x}")
        ndo.p(f" (incorrect -> 0x{in_cksum_shouldbe(field, bad):04x})" if bad else " (correct)")

    def numbers(self, flags: int) -> None:
        """Sequence numbers and window."""
        ndo, at, length = self.ndo, self.at, self.length
        if ndo.v > 1 or length > 0 or flags & (SYN | FIN | RST):
            ndo.p(f", seq {self.seq}")
            if length > 0:
                ndo.p(f":{self.seq + length & M32}")
        if flags & ACK:
            ndo.p(f", ack {self.ack}")
        elif ndo.v > 1 and self.ack:
            ndo.p(f", [ack {self.ack} != 0 while ACK flag not set]")
        ndo.p(f", win {ndo.u2(at + 14)}")
        urgent = ndo.u2(at + 18)
        if flags & URG:
            ndo.p(f", urg {urgent}")
        elif ndo.v > 1 and urgent:
            ndo.p(f", [urg {urgent} != 0 while URG flag not set]")

    # options ---------------------------------------------------------------------------------------------------
    def options(self, at: int, left: int, flags: int) -> None:
        """All options."""
        ndo = self.ndo
        ndo.p(", options [")
        try:
            while left > 0:
                ndo.p(self.between)
                kind = ndo.u1(at)
                size = 1
                if kind > 1:
                    size = ndo.u1(at + 1)
                    if size < 2 or size > left:
                        raise BadOption
                ndo.p(tok2str(OPTIONS, "unknown-%u", kind))
                if kind > 1:
                    took = self.option(at + 2, kind, size, left - 2) + 2
                    if took != size:
                        ndo.p(f"[len {size}]")
                        size = took
                at += size
                left -= size
                self.between = ","
                if not kind:
                    break
        except Trunc:
            raise
        ndo.p("]")

    def need(self, at: int, size: int, left: int) -> None:
        """LENCHECK."""
        if size > left:
            raise BadOption
        self.ndo.tcheck(at, size)

    def option(self, at: int, kind: int, size: int, left: int) -> int:
        """The body of one; how many bytes it took."""
        ndo = self.ndo
        fixed = {2: 2, 3: 1, 6: 4, 7: 4, 8: 8, 11: 4, 12: 4, 13: 4, 19: 16, 20: 2, 28: 2, 4: 0}.get(kind)
        if fixed is None:
            return self.variable(at, kind, size - 2, left)
        self.need(at, fixed, left)
        if kind == 2:
            ndo.p(f" {ndo.u2(at)}")
        elif kind == 3:
            ndo.p(f" {ndo.u1(at)}")
        elif kind == 8:
            ndo.p(f" val {ndo.u4(at)} ecr {ndo.u4(at + 4)}")
        elif kind == 19:
            ndo.p(" shared secret not supplied with -M, can't check - " + ndo.get(at, 16).hex())
        elif kind == 20:
            ndo.p(f" cap {ndo.u1(at):02x} id {ndo.u1(at + 1)}")
        elif kind == 28:
            value = ndo.u2(at)
            ndo.p(f" 0x{value:x} {(value >> 1) * 60 if value & 1 else value >> 1}")
        elif kind != 4:
            ndo.p(f" {ndo.u4(at)}")
        return fixed

    def variable(self, at: int, kind: int, size: int, left: int) -> int:
        """An option of any length."""
        ndo = self.ndo
        if kind == 5:
            self.sack(at, size, left)
            return size
        self.need(at, size, left)
        if kind == 29:
            if size < 2:
                ndo.invalid()
            else:
                ndo.p(f" keyid {ndo.u1(at)} rnextkeyid {ndo.u1(at + 1)}")
                if size > 2:
                    ndo.p(" mac 0x" + ndo.get(at + 2, size - 2).hex())
        elif kind == 34:
            ndo.p(" ")
            self.fastopen(at, size)
        elif kind == 254:
            if size < 2:
                raise BadOption
            ndo.p("-")
            if ndo.u2(at) == 0xF989:
                ndo.p("tfo")
                self.fastopen(at + 2, size - 2)
            else:
                ndo.p(f"{ndo.u2(at):04x}")
        elif size:
            ndo.p(" 0x" + ndo.get(at, size).hex())
        return size

    def sack(self, at: int, size: int, left: int) -> None:
        """Selective acknowledgements."""
        ndo = self.ndo
        if size % 8:
            ndo.p(" invalid sack")
            return
        ndo.p(f" {size // 8} ")
        base = self.thseq if self.rev else self.thack
        for i in range(0, size, 8):
            self.need(at, i + 8, left)
            ndo.p(f"{{{ndo.u4(at + i) - base & M32}:{ndo.u4(at + i + 4) - base & M32}}}")

    def fastopen(self, at: int, size: int) -> None:
        """print_tcp_fastopen_option."""
        ndo = self.ndo
        if not size:
            ndo.p(" cookiereq")
        elif size & 1 or not 4 <= size <= 16:
            ndo.invalid()
        else:
            ndo.p(" cookie " + ndo.get(at, size).hex())

    # data ------------------------------------------------------------------------------------------------------
    def payload(self, at: int, hlen: int, flags: int) -> None:
        """What the segment carries."""
        ndo, length = self.ndo, self.length
        if not ndo.ttest(self.at, hlen):
            ndo.p(f" [remaining caplen({ndo.avail(self.at)}) < header length({hlen})]")
            raise Trunc
        if flags & RST:
            if ndo.v:
                self.reset_data(at, length)
            elif not ndo.ttest(at, length):
                ndo.trunc()
            return
        ports = (self.sport, self.dport)
        if ndo.packettype:
            if ndo.packettype == "domain":
                self.domain(at, length)
            return
        for port in (21, 22, 23, 25, 43, 53, 80, 179, 554, 8080, 8554):
            if port in ports:
                self.application(port, at, length)
                return

    def domain(self, at: int, length: int) -> None:
        """DNS over TCP."""
        from vshell.commands.tcpdump.print_domain import domain_print

        domain_print(self.ndo, at, length, True, False)

    def application(self, port: int, at: int, length: int) -> None:
        """By the well-known port."""
        ndo = self.ndo
        if port in TEXT:
            from vshell.commands.tcpdump.print_text import text_print

            ndo.p(": ")
            text_print(ndo, at, length, TEXT[port])
        elif port == 22:
            from vshell.commands.tcpdump.print_text import ssh_print

            ssh_print(ndo, at, length)
        elif port == 23:
            from vshell.commands.tcpdump.print_telnet import telnet_print

            telnet_print(ndo, at, length)
        elif port == 53:
            self.domain(at, length)
        elif port == 179:
            from vshell.commands.tcpdump.print_bgp import bgp_print

            bgp_print(ndo, at, length)

    def reset_data(self, at: int, length: int) -> None:
        """print_tcp_rst_data: a reset may say why."""
        ndo = self.ndo
        ndo.p(" [RST" if ndo.ttest(at, length) else " [!RST")
        if length > MAX_RST_DATA_LEN:
            length = MAX_RST_DATA_LEN
            ndo.p("+")
        ndo.p(" ")
        ndo.printn(at, length)
        ndo.p("]")
