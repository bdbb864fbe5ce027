"""What every printer of tcpdump(8) works with: the packet, the options, the text so far, names (netdissect.h, util-print.c,
addrtoname.c, print-ascii.c).

A printer is a function of (ndo, offset of its header, ...).  It reads the packet with `u1`, `u2` ... which end it with
`Trunc` when what it asks for was not captured, as a longjmp does there; `Invalid` is its `goto invalid`.
"""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.userland.addr import ether_aton, inet_ntop
from vshell.userland.netdb import gethostbyaddr
from vshell.userland.slurp import slurp
from vshell.userland.stdio import decode
from vshell.userland.strftime import gmtime, localtime, strftime

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from vshell.userland.pcap.savefile import Packet
    from vshell.userland.program import Program

    Printer = Callable[["Ndo", int, int], None]


class Trunc(Exception):
    """The packet ends too early."""


class Invalid(Exception):
    """The packet is wrong: " (invalid)"."""


def file_lines(p: Program, path: str) -> list[str]:
    """The lines of a file, none if it cannot be read."""
    try:
        return decode(slurp(p, path)).splitlines()
    except KError:
        return []


def tok2str(table: Mapping[int, str], fmt: str, value: int) -> str:
    """The name of a value, or a C format of it."""
    found = table.get(value)
    if found is not None:
        return found
    return fmt % value if "%" in fmt else fmt


def bittok2str(table: Sequence[tuple[int, str]], fmt: str, value: int, sep: str = ", ") -> str:
    """The names of all bits that are set."""
    found = [name for bits, name in table if bits and value & bits == bits]
    if found:
        return sep.join(found)
    return fmt % value if "%" in fmt else fmt


class Ndo:
    """One run's options, and the packet that is being printed (netdissect_options)."""

    def __init__(self, p: Program) -> None:
        self.prog = p
        self.A = self.H = self.K = self.N = self.S = self.X = 0
        self.b = self.e = self.f = self.g = self.n = self.q = self.t = self.u = self.v = self.x = 0
        self.number = self.nano = False
        self.packettype = ""
        self.suppress_default_print = 0
        self.localnet = self.netmask = 0
        self.out: list[str] = []
        self.data = b""
        self.snapend = 0
        self.protocol = ""
        self.ll_hdr_len = 0
        self.if_printer: Callable[[Ndo, int, int, int], int] | None = None
        """f(ndo, offset, length on the wire, bytes captured) -> length of the link-level header."""
        self.reference: tuple[int, int] | None = None
        """The time -ttt counts from."""
        self.seqs: dict[object, list[int]] = {}
        """First sequence numbers of TCP connections."""
        self._hosts: dict[bytes, str] = {}
        self._ports: dict[str, dict[int, str]] | None = None
        self._ethers: dict[bytes, str] | None = None

    # the text --------------------------------------------------------------------------------------------------
    def p(self, text: str) -> None:
        """ND_PRINT."""
        self.out.append(text)

    def trunc(self) -> None:
        """nd_print_trunc."""
        self.out.append(f" [|{self.protocol}]")

    def invalid(self) -> None:
        """nd_print_invalid."""
        self.out.append(" (invalid)")

    def check(self, message: str, a: int, operator: str, b: int) -> None:
        """ND_ICHECKMSG: Invalid, with the reason printed, if `a operator b` holds."""
        wrong = a < b if operator == "<" else a > b if operator == ">" else a != b if operator == "!=" else a == b
        if wrong:
            self.out.append(f" [{message} {a} {operator} {b}]")
            raise Invalid

    # the packet ------------------------------------------------------------------------------------------------
    def ttest(self, at: int, size: int) -> bool:
        """Was all of it captured?"""
        return at >= 0 and at + size <= self.snapend

    def tcheck(self, at: int, size: int) -> None:
        """Trunc unless all of it was captured."""
        if at < 0 or at + size > self.snapend:
            raise Trunc

    def get(self, at: int, size: int) -> bytes:
        """Bytes."""
        if at < 0 or at + size > self.snapend:
            raise Trunc
        return self.data[at : at + size]

    def avail(self, at: int) -> int:
        """ND_BYTES_AVAILABLE_AFTER."""
        return max(self.snapend - at, 0)

    def u1(self, at: int) -> int:
        """One byte."""
        if at < 0 or at >= self.snapend:
            raise Trunc
        return self.data[at]

    def u2(self, at: int) -> int:
        """Two bytes in network order."""
        return int.from_bytes(self.get(at, 2), "big")

    def u3(self, at: int) -> int:
        """Three bytes."""
        return int.from_bytes(self.get(at, 3), "big")

    def u4(self, at: int) -> int:
        """Four bytes."""
        return int.from_bytes(self.get(at, 4), "big")

    def u8(self, at: int) -> int:
        """Eight bytes."""
        return int.from_bytes(self.get(at, 8), "big")

    def s1(self, at: int) -> int:
        """One signed byte."""
        return int.from_bytes(self.get(at, 1), "big", signed=True)

    def s4(self, at: int) -> int:
        """Four bytes, signed."""
        return int.from_bytes(self.get(at, 4), "big", signed=True)

    def le2(self, at: int) -> int:
        """Two bytes, the lower first."""
        return int.from_bytes(self.get(at, 2), "little")

    def le4(self, at: int) -> int:
        """Four bytes, the lowest first."""
        return int.from_bytes(self.get(at, 4), "little")

    # names -----------------------------------------------------------------------------------------------------
    def ipaddr(self, at: int) -> str:
        """GET_IPADDR_STRING."""
        return self.host(self.get(at, 4))

    def ip6addr(self, at: int) -> str:
        """GET_IP6ADDR_STRING."""
        return self.host(self.get(at, 16))

    def host(self, addr: bytes) -> str:
        """The name or the number of an address."""
        found = self._hosts.get(addr)
        if found is None:
            found = self._hosts[addr] = self._lookup(addr)
        return found

    def _lookup(self, addr: bytes) -> str:
        local = len(addr) == 16 or int.from_bytes(addr, "big") & self.netmask == self.localnet
        if not self.n and local:
            name = gethostbyaddr(self.prog, addr)
            if name:
                return name.partition(".")[0] if self.N else name
        return inet_ntop(addr)

    def etheraddr(self, at: int) -> str:
        """GET_ETHERADDR_STRING."""
        return self.ether(self.get(at, 6))

    def ether(self, addr: bytes) -> str:
        """A link-level address, with the maker's name unless -n."""
        text = addr.hex(":")
        if self.n:
            return text
        name = self.ethers().get(addr)
        if name:
            return name
        from vshell.commands.tcpdump.oui import OUIS

        return f"{text} (oui {OUIS.get(int.from_bytes(addr[:3], 'big'), 'Unknown')})"

    def ethers(self) -> dict[bytes, str]:
        """ether_ntohost: /etc/ethers."""
        if self._ethers is None:
            self._ethers = {}
            for line in file_lines(self.prog, "/etc/ethers"):
                words = line.partition("#")[0].split()
                addr = ether_aton(words[0]) if len(words) == 2 else None
                if addr is not None:
                    self._ethers.setdefault(addr, words[1])
        return self._ethers

    def linkaddr(self, at: int, size: int) -> str:
        """GET_LINKADDR_STRING of an Ethernet-like address."""
        if not size:
            return "<empty>"
        addr = self.get(at, size)
        return self.ether(addr) if size == 6 else addr.hex(":")

    def port(self, number: int, proto: str) -> str:
        """tcpport_string, udpport_string."""
        if self.n:
            return str(number)
        if self._ports is None:
            self._ports = {"tcp": {}, "udp": {}}
            for line in file_lines(self.prog, "/etc/services"):
                words = line.partition("#")[0].split()
                if len(words) >= 2:
                    where, _, kind = words[1].partition("/")
                    if kind in self._ports and where.isdecimal():
                        self._ports[kind].setdefault(int(where), words[0])
        return self._ports[proto].get(number, str(number))

    def tcpport(self, number: int) -> str:
        """The name of a TCP port."""
        return self.port(number, "tcp")

    def udpport(self, number: int) -> str:
        """The name of a UDP port."""
        return self.port(number, "udp")

    def protoname(self, number: int) -> str | None:
        """netdb_protoname."""
        from vshell.commands.tcpdump.ipproto import NAMES

        return NAMES.get(number)

    # strings in packets ----------------------------------------------------------------------------------------
    def char(self, c: int) -> None:
        """fn_print_char."""
        text = ""
        if c > 127:
            c &= 0x7F
            text = "M-"
        if not 32 <= c < 127:
            c ^= 0x40
            text += "^"
        self.out.append(text + chr(c))

    def printn(self, at: int, size: int) -> bool:
        """nd_printn up to the end of the snapshot; True if that came too early."""
        for i in range(at, min(at + size, self.snapend)):
            self.char(self.data[i])
        return at + size > self.snapend

    def printjn(self, at: int, size: int) -> None:
        """nd_printjn."""
        for i in range(size):
            self.char(self.u1(at + i))

    def printjnp(self, at: int, size: int) -> None:
        """nd_printjnp: up to a NUL."""
        for i in range(size):
            c = self.u1(at + i)
            if not c:
                break
            self.char(c)

    def printztn(self, at: int, size: int, end: int) -> int:
        """nd_printztn: a string with its NUL; the bytes it took, 0 if there was no NUL in `size` bytes."""
        for i in range(size):
            if at + i >= end:
                return 0
            c = self.u1(at + i)
            if not c:
                return i + 1
            self.char(c)
        return 0

    # hex -------------------------------------------------------------------------------------------------------
    def hex_print(self, indent: str, at: int, size: int, offset: int = 0) -> None:
        """hex_print: lines of 16 bytes."""
        avail = self.avail(at)
        data = self.data[at : at + min(size, avail)]
        for i in range(0, len(data), 16):
            line = data[i : i + 16]
            words = "".join(f" {line[j : j + 2].hex()}" for j in range(0, len(line), 2))
            self.out.append(f"{indent}0x{offset + i:04x}: {words}")
        if size > avail:
            raise Trunc

    def hex_and_ascii_print(self, indent: str, at: int, size: int) -> None:
        """hex_and_ascii_print."""
        avail = self.avail(at)
        data = self.data[at : at + min(size, avail)]
        for i in range(0, len(data), 16):
            line = data[i : i + 16]
            words = "".join(f" {line[j : j + 2].hex()}" for j in range(0, len(line), 2))
            text = "".join(chr(c) if 33 <= c < 127 else "." for c in line)
            self.out.append(f"{indent}0x{i:04x}: {words:<40}  {text}")
        if size > avail:
            raise Trunc

    def ascii_print(self, at: int, size: int) -> None:
        """ascii_print."""
        avail = self.avail(at)
        data = self.data[at : at + min(size, avail)]
        text = ["\n"]
        for i, c in enumerate(data):
            if c == 13:
                if len(data) - i - 1 > 1 and data[i + 1] != 10:
                    text.append(".")
            else:
                text.append(chr(c) if 33 <= c < 127 or c in (9, 10, 32) else ".")
        self.out.append("".join(text))
        if size > avail:
            raise Trunc

    def default_print(self, at: int, size: int) -> None:
        """ND_DEFAULTPRINT."""
        self.hex_and_ascii_print("\n\t", at, size)

    def unknown_data(self, at: int, indent: str, size: int) -> None:
        """print_unknown_data."""
        if at > self.snapend:
            self.p(f"{indent}Dissector error: print_unknown_data() called with pointer past end of packet")
            return
        self.hex_print(indent, at, min(size, self.avail(at)))

    # time ------------------------------------------------------------------------------------------------------
    def relts(self, seconds: int) -> str:
        """unsigned_relts_print."""
        if not seconds:
            return "0s"
        text = ""
        for letter, size in (("y", 31536000), ("w", 604800), ("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
            if seconds >= size:
                text += f"{seconds // size}{letter}"
                seconds %= size
        return text

    def stamp(self, seconds: int, fraction: int, date: bool = False, local: bool = True) -> str:
        """ts_date_hmsfrac_print."""
        t = localtime(seconds, self.prog.env) if local else gmtime(seconds)
        width = 9 if self.nano else 6
        return strftime("%Y-%m-%d %H:%M:%S" if date else "%H:%M:%S", t) + f".{fraction:0{width}d}"

    def ts_print(self, packet: Packet) -> None:
        """ts_print."""
        seconds, fraction = packet.seconds, packet.fraction
        if self.t == 0:
            self.p(self.stamp(seconds, fraction) + " ")
        elif self.t == 2:
            self.p(f"{seconds}.{fraction:0{9 if self.nano else 6}d} ")
        elif self.t == 4:
            self.p(self.stamp(seconds, fraction, date=True) + " ")
        elif self.t in (3, 5):
            units = 10**9 if self.nano else 10**6
            now = seconds * units + fraction
            if self.reference is None:
                self.reference = seconds, fraction
            before = self.reference[0] * units + self.reference[1]
            gap = abs(now - before)
            self.p(("-" if now < before else " ") + self.stamp(gap // units, gap % units, local=False) + " ")
            if self.t == 3:
                self.reference = seconds, fraction

    # a packet --------------------------------------------------------------------------------------------------
    def pretty_print_packet(self, packet: Packet, number: int) -> str:
        """The text of a packet with its newline."""
        self.out = []
        if self.number:
            self.p(f"{number:5d}  ")
        caplen, length = len(packet.data), packet.length
        if self._insane(caplen, length):
            return "".join(self.out)
        self.ts_print(packet)
        self.data = packet.data
        self.snapend = caplen
        self.protocol = ""
        self.ll_hdr_len = 0
        try:
            if self.if_printer is not None:
                hdrlen = self.if_printer(self, 0, length, caplen)
                self.ll_hdr_len += hdrlen
        except Trunc:
            self.trunc()
            self.ll_hdr_len = 0
        self.data, self.snapend = packet.data, caplen
        self._dump(caplen)
        self.p("\n")
        return "".join(self.out)

    def _insane(self, caplen: int, length: int) -> bool:
        """Complain about lengths that cannot be."""
        wrong = []
        if not caplen:
            wrong.append(" caplen==0")
        if not length:
            wrong.append(" len==0")
        elif length < caplen:
            wrong.append(f" len({length}) < caplen({caplen})")
        if caplen > 262144:
            wrong.append(f" caplen({caplen}) > 262144")
        if length > 262144:
            wrong.append(f" len({length}) > 262144")
        if not wrong:
            return False
        self.p("[Invalid header:" + ",".join(wrong) + "]\n")
        return True

    def _dump(self, caplen: int) -> None:
        """-x, -X, -A."""
        at = self.ll_hdr_len
        if self.X:
            at = 0 if self.X > 1 else at
            if caplen > at:
                self.hex_and_ascii_print("\n\t", at, caplen - at)
        elif self.x:
            at = 0 if self.x > 1 else at
            if caplen > at:
                self.hex_print("\n\t", at, caplen - at)
        elif self.A:
            at = 0 if self.A > 1 else at
            if caplen > at:
                self.ascii_print(at, caplen - at)


def in_cksum_shouldbe(field: int, computed: int) -> int:
    """What the field should hold."""
    total = field + computed
    total = (total & 0xFFFF) + (total >> 16)
    return (total & 0xFFFF) + (total >> 16)
