"""tcpdump: PPP and PPPoE (print-ppp.c, print-pppoe.c, print-chdlc.c)."""

from __future__ import annotations

from vshell.commands.tcpdump.netdissect import Ndo, Trunc, bittok2str, tok2str
from vshell.commands.tcpdump.print_ether import ETHERTYPES, ethertype_print, find
from vshell.commands.tcpdump.print_llc import OUIS

PROTOCOLS = {
    0x21: "IP", 0x23: "OSI", 0x25: "NS", 0x27: "DECNET", 0x29: "APPLE", 0x2B: "IPX", 0x2D: "VJC IP", 0x2F: "VJNC IP",
    0x31: "BRPDU", 0x33: "STII", 0x35: "VINES", 0x281: "MPLS", 0x283: "MPLS", 0xFD: "Compressed", 0x3D: "MLPPP", 0x57: "IP6",
    0x201: "HELLO", 0x231: "LUXCOM", 0x233: "SNS", 0x8021: "IPCP", 0x8023: "OSICP", 0x8025: "NSCP", 0x8027: "DECNETCP",
    0x8029: "APPLECP", 0x802B: "IPXCP", 0x8033: "STIICP", 0x8035: "VINESCP", 0x8057: "IP6CP", 0x8281: "MPLSCP", 0xC021: "LCP",
    0xC023: "PAP", 0xC025: "LQM", 0xC223: "CHAP", 0xC227: "EAP", 0xC027: "SPAP", 0xC123: "Old-SPAP", 0xC02B: "BACP",
    0xC02D: "BAP", 0xC03D: "MLPPP-CP", 0x80FD: "CCP",
}  # fmt: skip
LCP, IPCP, IP6CP, CCP, BACP, CHAP, PAP = 0xC021, 0x8021, 0x8057, 0x80FD, 0xC02B, 0xC223, 0xC023
CONTROL = (LCP, IPCP, 0x8023, 0x8281, IP6CP, CCP, BACP)
CODES = {
    0: "Vendor-Extension", 1: "Conf-Request", 2: "Conf-Ack", 3: "Conf-Nack", 4: "Conf-Reject", 5: "Term-Request",
    6: "Term-Ack", 7: "Code-Reject", 8: "Prot-Reject", 9: "Echo-Request", 10: "Echo-Reply", 11: "Disc-Req", 12: "Ident",
    13: "Time-Rem", 14: "Reset-Req", 15: "Reset-Ack",
}  # fmt: skip
LCP_OPTIONS = (
    "Vend-Ext", "MRU", "ACCM", "Auth-Prot", "Qual-Prot", "Magic-Num", "deprecated(6)", "PFC", "ACFC", "FCS-Alt", "SDP",
    "Num-Mode", "deprecated(12)", "Call-Back", "deprecated(14)", "deprecated(15)", "deprecated(16)", "MRRU", "12-Bit seq #",
    "End-Disc", "Proprietary", "DCE-Id", "MP+", "Link-Disc", "LCP-Auth-Opt", "COBS", "Prefix-elision",
    "Multilink-header-Form", "I18N", "SDL-over-SONET/SDH", "PPP-Muxing",
)  # fmt: skip
CCP_OPTIONS = {
    0: "OUI", 1: "Pred-1", 2: "Pred-2", 3: "Puddle", 16: "HP-PPC", 17: "Stac-LZS", 18: "MPPC", 19: "Gand-FZA", 20: "V.42bis",
    21: "BSD-Comp", 23: "LZS-DCP", 24: "MVRCA", 25: "DEC", 26: "Deflate", 255: "Reserved",
}  # fmt: skip
IPCP_OPTIONS = {
    1: "IP-Addrs", 2: "IP-Comp", 3: "IP-Addr", 4: "Home-Addr", 129: "Pri-DNS", 130: "Pri-NBNS", 131: "Sec-DNS", 132: "Sec-NBNS",
}  # fmt: skip
OPTIONS = {IPCP: IPCP_OPTIONS, IP6CP: {1: "Interface-ID"}, CCP: CCP_OPTIONS, BACP: {1: "Favored-Peer"}}
SHORT_NAMES = {LCP: "lcp", IPCP: "ipcp", IP6CP: "ip6cp", CCP: "ccp", BACP: "bacp"}
ALGORITHMS = {5: "MD5", 128: "MS-CHAPv1", 129: "MS-CHAPv2"}
CALLBACKS = {0: "UserAuth", 1: "DialString", 2: "LocalID", 3: "E.164", 4: "X.500", 6: "CBCP"}
DISCRIMINATORS = {0: "Null", 1: "Local", 4: "Magic-Num-Block", 5: "PSNDN"}
PAYLOADS = {
    0x21: ("print_ip", "ip_print"), 0x0800: ("print_ip", "ip_print"), 0x2F: ("print_ip", "ip_print"),
    0x57: ("print_ip6", "ip6_print"), 0x86DD: ("print_ip6", "ip6_print"), 0x281: ("print_mpls", "mpls_print"),
    0x283: ("print_mpls", "mpls_print"),
}  # fmt: skip
PPPOE_CODES = {0x09: "PADI", 0x07: "PADO", 0x19: "PADR", 0x65: "PADS", 0xA7: "PADT", 0: ""}
PPPOE_TAGS = {
    0: "EOL", 0x101: "Service-Name", 0x102: "AC-Name", 0x103: "Host-Uniq", 0x104: "AC-Cookie", 0x105: "Vendor-Specific",
    0x110: "Relay-Session-ID", 0x120: "PPP-Max-Payload", 0x201: "Service-Name-Error", 0x202: "AC-System-Error",
    0x203: "Generic-Error",
}  # fmt: skip


class Bogus(Exception):
    """The length of an option is wrong; whether the options after it are printed all the same."""

    def __init__(self, what: str, go_on: bool) -> None:
        super().__init__(f" (length bogus, should be {what})")
        self.go_on = go_on


def _need(size: int, operator: str, wanted: int, go_on: bool = False) -> None:
    if size != wanted if operator == "=" else size < wanted:
        raise Bogus(f"{operator} {wanted}", go_on)


class Control:
    """A packet of a control protocol (handle_ctrl_proto)."""

    def __init__(self, ndo: Ndo, proto: int, at: int, length: int) -> None:
        self.ndo = ndo
        self.proto = proto
        self.start = at
        self.length = length

    def print(self) -> None:
        """The header, and with -v what follows."""
        ndo, at = self.ndo, self.start
        name = PROTOCOLS[self.proto]
        ndo.p(f"{name}, ")
        if self.length < 4 or not ndo.ttest(at, 2):
            ndo.p(f"[|{name}]")
            return
        code = ndo.u1(at)
        ndo.p(f"{tok2str(CODES, 'Unknown Opcode', code)} (0x{code:02x}), id {ndo.u1(at + 1)}, length {self.length + 2}")
        if not ndo.v:
            return
        size = ndo.u2(at + 2)
        if size < 4:
            ndo.p(f"\n\tencoded length {size} (< 4))")
            return
        if size > self.length:
            ndo.p(f"\n\tencoded length {size} (> packet length {self.length}))")
            return
        self.length = size
        ndo.p(f"\n\tencoded length {size} (=Option(s) length {size - 4})")
        if size == 4:
            return
        if ndo.v > 1:
            ndo.unknown_data(at - 2, "\n\t", 6)
        self.body(code, at + 4, size)

    def body(self, code: int, at: int, size: int) -> None:
        """What the code says about the rest."""
        ndo = self.ndo
        if code in (1, 2, 3, 4):
            self.options(at, size - 4)
        elif code == 8:
            if size >= 6:
                rejected = ndo.u2(at)
                ndo.p(f"\n\t  Rejected {PROTOCOLS.get(rejected, 'unknown')} Protocol (0x{rejected:04x})")
                if size > 6:
                    ndo.p("\n\t  Rejected Packet")
                    ndo.unknown_data(at + 2, "\n\t    ", size - 2)
        elif code in (0, 9, 10, 11, 12, 13):
            self.magic(code, at, size)
        elif code not in (5, 6, 7) and ndo.v <= 1:
            ndo.unknown_data(self.start - 2, "\n\t  ", size + 2)

    def magic(self, code: int, at: int, size: int) -> None:
        """A magic number, and more."""
        ndo = self.ndo
        if size < {0: 11, 13: 12}.get(code, 8):
            return
        ndo.p(f"\n\t  Magic-Num 0x{ndo.u4(at):08x}")
        if code == 0:
            oui = ndo.u3(at + 4)
            ndo.p(f" Vendor: {OUIS.get(oui, 'Unknown')} ({oui})")
        elif code == 13:
            ndo.p(f", Seconds-Remaining {ndo.u4(at + 4)}s")
        elif size > 8 and code == 12:
            ndo.p("\n\t  Message\n\t    ")
            if ndo.printn(at + 4, size - 4):
                ndo.p(f"[|{PROTOCOLS[self.proto]}]")
        elif size > 8:
            ndo.p("\n\t  -----trailing data-----")
            if ndo.ttest(at + 4, size - 8):
                ndo.unknown_data(at + 4, "\n\t  ", size - 8)
            else:
                ndo.p(f"[|{PROTOCOLS[self.proto]}]")

    def options(self, at: int, left: int) -> None:
        """All options."""
        ndo = self.ndo
        if self.proto not in SHORT_NAMES:
            return
        limit = self.length
        while True:
            advance = self.option(at, limit)
            if not advance:
                return
            if left < advance:
                ndo.p(f" [remaining options length {left} < {advance}]")
                ndo.invalid()
                return
            at, left = at + advance, left - advance
            if not left:
                return

    def option(self, at: int, limit: int) -> int:
        """One option: the bytes it took, 0 if that is all."""
        ndo = self.ndo
        if limit < 2:
            return 0
        if not ndo.ttest(at, 2):
            ndo.p(f"[|{SHORT_NAMES[self.proto]}]")
            return 0
        number, size = ndo.u1(at), ndo.u1(at + 1)
        if limit < size:
            return 0
        bogus = " (length bogus, should be >= 2)" if size < 2 else ""
        if self.proto == LCP:
            if number >= len(LCP_OPTIONS):
                ndo.p(f"\n\tunknown LCP option 0x{number:02x}")
                return 0 if bogus else size
            name = LCP_OPTIONS[number]
        else:
            name = OPTIONS[self.proto].get(number, "Unknown" if self.proto in (CCP, BACP) else "unknown")
        ndo.p(f"\n\t  {name} Option (0x{number:02x}), length {size}{bogus}")
        if bogus:
            return 0
        try:
            known = {LCP: self.lcp, IPCP: self.ipcp, IP6CP: self.ip6cp, CCP: self.ccp, BACP: self.bacp}[self.proto](
                number, at, size
            )
        except Bogus as e:
            ndo.p(str(e))
            return size if e.go_on else 0
        if not known if ndo.v < 2 else self.proto != IPCP or ndo.ttest(at + 2, size - 2):
            ndo.unknown_data(at + 2, "\n\t    ", size - 2)
        return size

    def lcp(self, number: int, at: int, size: int) -> bool:
        """An option of LCP; False if it has no printer."""
        ndo = self.ndo
        if number == 0:
            _need(size, ">=", 6, True)
            oui = ndo.u3(at + 2)
            ndo.p(f": Vendor: {OUIS.get(oui, 'Unknown')} ({oui})")
        elif number in (1, 17):
            _need(size, "=", 4, number == 1)
            ndo.p(f": {ndo.u2(at + 2)}")
        elif number in (2, 5):
            _need(size, "=", 6, number == 2)
            ndo.p(f": 0x{ndo.u4(at + 2):08x}")
        elif number == 3:
            _need(size, ">=", 4, True)
            proto = ndo.u2(at + 2)
            ndo.p(f": {tok2str(PROTOCOLS, 'Unknown Auth Proto (0x04x)', proto)}")
            if proto == CHAP:
                ndo.p(f", {tok2str(ALGORITHMS, 'Unknown Auth Alg %u', ndo.u1(at + 4))}")
            elif proto not in (PAP, 0xC227, 0xC027, 0xC123):
                ndo.unknown_data(at, "\n\t", size)
        elif number == 4:
            _need(size, ">=", 4)
            ndo.p(": LQR" if ndo.u2(at + 2) == 0xC025 else ": unknown")
        elif number == 13:
            _need(size, ">=", 3)
            what = ndo.u1(at + 2)
            ndo.p(f": Callback Operation {CALLBACKS.get(what, 'Unknown')} ({what})")
        elif number == 19:
            self.endpoint(at, size)
        elif number == 23:
            _need(size, "=", 4)
            ndo.p(f": 0x{ndo.u2(at + 2):04x}")
        else:
            return number in (7, 8)
        return True

    def endpoint(self, at: int, size: int) -> None:
        """An endpoint discriminator."""
        ndo = self.ndo
        _need(size, ">=", 3)
        kind = ndo.u1(at + 2)
        if kind == 2:
            _need(size, "=", 7)
            ndo.p(f": IPv4 {ndo.ipaddr(at + 3)}")
        elif kind == 3:
            _need(size, "=", 9)
            ndo.p(f": MAC {ndo.etheraddr(at + 3)}")
        else:
            ndo.p(f": {tok2str(DISCRIMINATORS, 'Unknown class %u', kind)}")

    def ipcp(self, number: int, at: int, size: int) -> bool:
        """An option of IPCP."""
        ndo = self.ndo
        if number == 1:
            _need(size, "=", 10, True)
            ndo.p(f": src {ndo.ipaddr(at + 2)}, dst {ndo.ipaddr(at + 6)}")
        elif number == 2:
            _need(size, ">=", 4)
            proto = ndo.u2(at + 2)
            ndo.p(f": {tok2str({0x2D: 'VJ-Comp', 0x61: 'IP Header Compression'}, 'Unknown', proto)} (0x{proto:02x}):")
            if proto == 0x61:
                _need(size, ">=", 14)
                tcp, other, period, time, header = (ndo.u2(at + 4 + 2 * i) for i in range(5))
                ndo.p(f"\n\t    TCP Space {tcp}, non-TCP Space {other}, maxPeriod {period}, maxTime {time}, maxHdr {header}")
        elif number in IPCP_OPTIONS:
            _need(size, "=", 6)
            ndo.p(f": {ndo.ipaddr(at + 2)}")
        else:
            return False
        return True

    def ip6cp(self, number: int, at: int, size: int) -> bool:
        """An option of IPV6CP."""
        if number != 1:
            return False
        _need(size, "=", 10, True)
        self.ndo.p(": " + self.ndo.get(at + 2, 8).hex(":", 2))
        return True

    def ccp(self, number: int, at: int, size: int) -> bool:
        """An option of CCP."""
        ndo = self.ndo
        if number == 21:
            _need(size, ">=", 3, True)
            ndo.p(f": Version: {ndo.u1(at + 2) >> 5}, Dictionary Bits: {ndo.u1(at + 2) & 0x1F}")
        elif number == 24:
            _need(size, ">=", 4, True)
            bits = ndo.u1(at + 2)
            ndo.p(f": Features: {bits >> 6}, PxP: {'Enabled' if bits & 0x20 else 'Disabled'}, History: {bits & 0x1F}")
            ndo.p(f", #CTX-ID: {ndo.u1(at + 3)}")
        elif number == 26:
            _need(size, ">=", 4, True)
            bits, check = ndo.u1(at + 2), ndo.u1(at + 3)
            ndo.p(f": Window: {bits >> 4}K, Method: {'zlib' if bits & 0xF == 8 else 'unknown'} (0x{bits & 0xF:x})")
            ndo.p(f", MBZ: {check >> 2}, CHK: {check & 3}")
        else:
            return False
        return True

    def bacp(self, number: int, at: int, size: int) -> bool:
        """An option of BACP."""
        if number != 1:
            return False
        _need(size, "=", 6, True)
        self.ndo.p(f": Magic-Num 0x{self.ndo.u4(at + 2):08x}")
        return True


def _text(ndo: Ndo, at: int, size: int) -> None:
    for i in range(size):
        ndo.char(ndo.u1(at + i))


def _short(ndo: Ndo, name: str, at: int, length: int) -> bool:
    if length < 4:
        ndo.p(f"[|{name}]" if length < 1 else f"[|{name} 0x{ndo.u1(at):02x}]")
    return length < 4


def _chap(ndo: Ndo, at: int, length: int) -> None:
    """handle_chap."""
    if _short(ndo, "chap", at, length):
        return
    code = ndo.u1(at)
    names = {1: "Challenge", 2: "Response", 3: "Success", 4: "Fail"}
    ndo.p(f"CHAP, {names.get(code, 'unknown')} (0x{code:02x})")
    ndo.p(f", id {ndo.u1(at + 1)}")
    size = ndo.u2(at + 2)
    if code in (1, 2):
        if length < 5:
            return
        value = ndo.u1(at + 4)
        if length - 5 < value:
            return
        ndo.p(", Value ")
        for i in range(value):
            ndo.p(f"{ndo.u1(at + 5 + i):02x}")
        ndo.p(", Name ")
        _text(ndo, at + 5 + value, size - 5 - value)
    elif code in (3, 4):
        ndo.p(", Msg ")
        _text(ndo, at + 4, size - 4)


def _pap(ndo: Ndo, at: int, length: int) -> None:
    """handle_pap."""
    if _short(ndo, "pap", at, length):
        return
    code = ndo.u1(at)
    names = {1: "Auth-Req", 2: "Auth-ACK", 3: "Auth-NACK"}
    ndo.p(f"PAP, {names.get(code, 'unknown')} (0x{code:02x})")
    ndo.p(f", id {ndo.u1(at + 1)}")
    size = ndo.u2(at + 2)
    if size > length:
        ndo.p(f", length {size} > packet size")
        return
    if size < 4:
        ndo.p(f", length {size} < PAP header length")
        return
    end = at + size
    at += 4
    titles = {1: ("Peer", "Name"), 2: ("Msg",), 3: ("Msg",)}.get(code, ())
    if titles and size < (6 if code == 1 else 5):
        ndo.p("[|pap]")
        return
    for title in titles:
        if at >= end or ndo.u1(at) > end - at - 1:
            return
        count = ndo.u1(at)
        ndo.p(f", {title} ")
        _text(ndo, at + 1, count)
        at += 1 + count


def _mlppp(ndo: Ndo, at: int, length: int) -> None:
    if not ndo.e:
        ndo.p("MLPPP, ")
    if length < 2 or not ndo.ttest(at, 2):
        ndo.p("[|mlppp]")
        return
    flags = bittok2str(((0x80, "begin"), (0x40, "end")), "none", ndo.u1(at) & 0xC0)
    ndo.p(f"seq 0x{ndo.u2(at) & 0xFFF:03x}, Flags [{flags}], length {length}")


def handle_ppp(ndo: Ndo, proto: int, at: int, length: int) -> None:
    """A packet of any protocol."""
    if proto in CONTROL:
        Control(ndo, proto, at, length).print()
    elif proto == 0x3D:
        _mlppp(ndo, at, length)
    elif proto == CHAP:
        _chap(ndo, at, length)
    elif proto == PAP:
        _pap(ndo, at, length)
    elif proto in PAYLOADS:
        find(PAYLOADS[proto])(ndo, at, length)
    elif proto == 0xFD:
        ndo.p("compressed PPP data")
    elif proto != 0xC02D:
        ndo.p(f"{tok2str(PROTOCOLS, 'unknown PPP protocol (0x%04x)', proto)} ")
        ndo.unknown_data(at, "\n\t", length)


def ppp_print(ndo: Ndo, at: int, length: int) -> int:
    """A packet with or without address and control; the length of its header."""
    ndo.protocol = "ppp"
    start, whole = at, length
    if length < 2:
        ndo.trunc()
        return 0
    header = ndo.u2(at)
    if header in (0x0003, 0x0103, 0xFF03):
        if ndo.e and header != 0xFF03:
            ndo.p("Out " if header & 0x100 else "In  ")
        at, length = at + 2, length - 2
    if length < 2:
        ndo.trunc()
        return 0
    size = 1 if ndo.u1(at) & 1 else 2
    proto = ndo.u1(at) if size == 1 else ndo.u2(at)
    at, length = at + size, length - size
    if ndo.e:
        name = PROTOCOLS.get(proto)
        ndo.p(f"{name or 'unknown'} (0x{proto:04x}), length {whole}")
        if name is None:
            return at - start
        ndo.p(": ")
    handle_ppp(ndo, proto, at, length)
    return at - start


def ppp_if_print(ndo: Ndo, at: int, length: int, caplen: int) -> int:
    """DLT_PPP."""
    ndo.protocol = "ppp"
    if caplen < 4:
        ndo.trunc()
        return caplen
    ppp_print(ndo, at, length)
    return 4


def ppp_hdlc_if_print(ndo: Ndo, at: int, length: int, caplen: int) -> int:
    """DLT_PPP_SERIAL."""
    ndo.protocol = "ppp_hdlc"
    if caplen < 2:
        ndo.trunc()
        return caplen
    first = ndo.u1(at)
    if first in (0x0F, 0x8F):
        return chdlc_if_print(ndo, at, length, caplen)
    if caplen < 4:
        ndo.trunc()
        return caplen
    if ndo.e:
        ndo.p(f"{first:02x} {ndo.u1(at + 1):02x} {length} ")
    if first != 0xFF:
        ndo.p(f"unknown addr {ndo.u1(at + 2):02x}; ctrl {ndo.u1(at + 3):02x}")
        return 2
    proto = ndo.u2(at + 2)
    ndo.p(f"{tok2str(PROTOCOLS, 'unknown PPP protocol (0x%04x)', proto)}: ")
    handle_ppp(ndo, proto, at + 4, length - 4)
    return 4


def chdlc_if_print(ndo: Ndo, at: int, length: int, caplen: int) -> int:
    """DLT_C_HDLC."""
    ndo.protocol = "chdlc"
    if min(length, caplen) < 4:
        ndo.trunc()
        return 0
    proto = ndo.u2(at + 2)
    if ndo.e:
        cast = {0x0F: "unicast", 0x8F: "bcast"}.get(ndo.u1(at))
        ndo.p(f"{cast} " if cast else f"0x{ndo.u1(at):02x} ")
        ndo.p(f"{length} {proto:04x}: ")
    if proto == 0x8035 or not ethertype_print(ndo, proto, at + 4, length - 4, caplen - 4):
        ndo.p(f"{'SLARP' if proto == 0x8035 else ETHERTYPES.get(proto, f'unknown CHDLC protocol (0x{proto:04x})')}")
    return 4


def pppoe_print(ndo: Ndo, at: int, length: int) -> int:
    """A PPPoE header; the length of the headers."""
    ndo.protocol = "pppoe"
    if length < 6:
        ndo.p(f" (length {length} < 6)")
        ndo.invalid()
        return 0
    length -= 6
    ndo.tcheck(at, 6)
    first, code, session, size = ndo.u1(at), ndo.u1(at + 1), ndo.u2(at + 2), ndo.u2(at + 4)
    if first >> 4 != 1:
        ndo.p(f" [ver {first >> 4}]")
    if first & 0xF != 1:
        ndo.p(f" [type {first & 0xF}]")
    ndo.p(f"PPPoE {tok2str(PPPOE_CODES, 'PAD-%x', code)}")
    if code == 9 and size > 1478:
        ndo.p(f" [len {size}!]")
    if size > length:
        ndo.p(f" [len {size} > {length}!]")
        size = length
    if session:
        ndo.p(f" [ses 0x{session:x}]")
    if not code:
        ndo.p(" ")
        return 6 + ppp_print(ndo, at + 6, size)
    _tags(ndo, at + 6, at + 6 + size)
    return 6


def _tags(ndo: Ndo, at: int, end: int) -> None:
    tag = 0xFFFF
    while tag and at < end:
        tag, size = ndo.u2(at), ndo.u2(at + 2)
        at += 4
        name = tok2str(PPPOE_TAGS, "TAG-0x%x", tag)
        if not size:
            ndo.p(f" [{name}]")
            continue
        if not ndo.ttest(at, size):
            raise Trunc
        raw = ndo.get(at, size)
        text = "".join(chr(c) if 32 <= c < 127 else "." for c in raw[:79])
        good = sum(32 <= c < 127 for c in raw[:79])
        ndo.p(f' [{name} "{text}"]' if good > len(text) - good else f" [{name} 0x{raw.hex().upper()}]")
        at += size


def pppoe_if_print(ndo: Ndo, at: int, length: int, caplen: int) -> int:
    """DLT_PPP_ETHER."""
    return pppoe_print(ndo, at, length)
