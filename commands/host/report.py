"""What host(1) prints of an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi.record import Record
from vshell.abi.socket import SockaddrIn, SockaddrIn6
from vshell.commands.host.dns import FLAGS, OPCODES, RCODES, Packet, Rr, class_name, type_name
from vshell.userland.addr import inet_ntoa, inet_ntop6

if TYPE_CHECKING:
    from vshell.userland.program import Program

TEXTS = {
    "A": "has address", "NS": "name server", "CNAME": "is an alias for", "WKS": "has well known services",
    "PTR": "domain name pointer", "HINFO": "host information", "MX": "mail is handled by", "TXT": "descriptive text",
    "X25": "x25 address", "ISDN": "ISDN address", "SIG": "has signature", "KEY": "has key", "AAAA": "has IPv6 address",
    "LOC": "location",
}  # fmt: skip
PORT = 53


def text_of(addr: Record) -> str:
    """A socket address without its port."""
    if isinstance(addr, SockaddrIn6):
        return inet_ntop6(addr.addr)
    return inet_ntoa(addr.addr) if isinstance(addr, SockaddrIn) else "?"


def reverse(addr: bytes, base6: str) -> str:
    """The name that stands for an address."""
    if len(addr) == 4:
        return ".".join(str(byte) for byte in reversed(addr)) + ".in-addr.arpa."
    return ".".join(f"{byte & 15:x}.{byte >> 4:x}" for byte in reversed(addr)) + f".{base6}."


def _nodot(name: str) -> str:
    return name[:-1] if name.endswith(".") else name


def _padding(column: int, to: int) -> tuple[str, int]:
    """print_padding: tabs, then blanks; at least one column."""
    to = max(to, column + 1)
    out, following = "", column + 8 - column % 8
    while following <= to:
        out += "\t"
        column, following = following, following + 8
    return out + " " * (to - column), to


def _verbose(rr: Rr, question: bool) -> str:
    line, n = rr.owner, len(rr.owner)
    if not question:
        pad, n = _padding(n, 24)
        line += f"{pad}{rr.ttl}"
        n += len(str(rr.ttl))
    for word, column in ((class_name(rr.cls), 32), (type_name(rr.type), 40)):
        pad, n = _padding(n, column)
        line += pad + word
        n += len(word)
    if not question:
        line += _padding(n, 48)[0] + rr.data
    return (";" if question else "") + line + "\n"


class Report:
    """Prints answers."""

    def __init__(self, p: Program, verbose: bool, with_server: bool) -> None:
        self.out = p.stdout
        self.verbose, self.with_server = verbose, with_server
        self.server = ""
        """The server of the command line, until it has been printed."""
        self.source, self.milliseconds = "", 0

    def received(self, source: str, milliseconds: int) -> None:
        """Where the next answer to be told came from."""
        self.source, self.milliseconds = source, milliseconds

    def tell(self, name: str, packet: Packet, kind: int, single: bool) -> None:
        """report."""
        if self.server:
            self.out.write(f"Using domain server:\nName: {self.server}\nAddress: {self.source}#{PORT}\nAliases: \n\n")
            self.server = ""
        if packet.rcode:
            word = RCODES.get(packet.rcode, f"RESERVED{packet.rcode}")
            self.out.write(f"Host {_nodot(name)} not found: {packet.rcode}({word})\n")
        elif self.verbose:
            self._packet(packet)
        else:
            self._short(packet)
            if single and not packet.answer:
                self.out.write(f"{_nodot(name)} has no {type_name(kind)} record\n")
        if self.verbose:
            self.out.write(f"Received {packet.size} bytes from {self.source}#{PORT} in {self.milliseconds} ms\n")

    def _short(self, packet: Packet) -> None:
        for rr in packet.answer:
            if self.with_server:
                self.out.write(f"Nameserver {self.source}:\n\t")
            name = type_name(rr.type)
            text = TEXTS.get(name, f"has {name} record")
            self.out.write(f"{_nodot(rr.owner)} {text} {rr.data}".rstrip() + "\n")

    def _packet(self, packet: Packet) -> None:
        opcode = packet.flags >> 11 & 15
        status = RCODES.get(packet.rcode, f"RESERVED{packet.rcode}")
        head = f";; ->>HEADER<<- opcode: {OPCODES.get(opcode, f'RESERVED{opcode}')}, status: {status}, id: {packet.ident}\n"
        flags = "".join(f" {name}" for name, bit in FLAGS if packet.flags & bit) or " "
        edns = [rr for rr in packet.additional if rr.type == 41]
        packet.additional = [rr for rr in packet.additional if rr.type != 41]
        sections = (("QUESTION", "QUERY", packet.question), ("ANSWER", "ANSWER", packet.answer),
                    ("AUTHORITY", "AUTHORITY", packet.authority), ("ADDITIONAL", "ADDITIONAL", packet.additional))  # fmt: skip
        counts = ", ".join(f"{count}: {len(rrs)}" for _, count, rrs in sections)
        self.out.write(f"{head};; flags:{flags}; {counts}\n")
        for rr in edns:
            self.out.write(f";; EDNS: version: {rr.ttl >> 16 & 255}, udp={rr.cls}\n")
        self.out.write("\n")
        for name, _, rrs in sections:
            if rrs:
                self.out.write(f";; {name} SECTION:\n" + "".join(_verbose(rr, name == "QUESTION") for rr in rrs) + "\n")
