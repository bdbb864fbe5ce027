"""Messages of the domain name system, written and read (RFC 1035, RFC 3596)."""

from __future__ import annotations

from dataclasses import dataclass, field

from vshell.userland.addr import inet_ntoa, inet_ntop6

TYPES = {
    "A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "WKS": 11, "PTR": 12, "HINFO": 13, "MX": 15, "TXT": 16, "RP": 17, "X25": 19,
    "ISDN": 20, "SIG": 24, "KEY": 25, "AAAA": 28, "LOC": 29, "SRV": 33, "NAPTR": 35, "DNAME": 39, "DS": 43, "SSHFP": 44,
    "RRSIG": 46, "NSEC": 47, "DNSKEY": 48, "TLSA": 52, "SVCB": 64, "HTTPS": 65, "SPF": 99, "IXFR": 251, "AXFR": 252,
    "MAILB": 253, "ANY": 255, "CAA": 257,
}  # fmt: skip
CLASSES = {"IN": 1, "CH": 3, "HS": 4, "NONE": 254, "ANY": 255}
RCODES = {
    0: "NOERROR", 1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMPL", 5: "REFUSED", 6: "YXDOMAIN", 7: "YXRRSET",
    8: "NXRRSET", 9: "NOTAUTH", 10: "NOTZONE",
}  # fmt: skip
OPCODES = {0: "QUERY", 1: "IQUERY", 2: "STATUS", 4: "NOTIFY", 5: "UPDATE"}
FLAGS = (("qr", 0x8000), ("aa", 0x400), ("tc", 0x200), ("rd", 0x100), ("ra", 0x80), ("ad", 0x20), ("cd", 0x10))
MAX_LABEL, MAX_NAME = 63, 255
_NAMES = {number: name for name, number in TYPES.items()}
_CLASS_NAMES = {number: name for name, number in CLASSES.items()}


class BadName(Exception):
    """A name that cannot be asked for."""


@dataclass(frozen=True, slots=True)
class Rr:
    """A resource record; a question has no ttl and no data."""

    owner: str
    type: int
    cls: int
    ttl: int = 0
    data: str = ""


@dataclass(slots=True)
class Packet:
    """A message."""

    ident: int
    flags: int
    size: int
    question: list[Rr] = field(default_factory=list)
    answer: list[Rr] = field(default_factory=list)
    authority: list[Rr] = field(default_factory=list)
    additional: list[Rr] = field(default_factory=list)

    @property
    def rcode(self) -> int:
        """How it went."""
        return self.flags & 15


def type_name(number: int) -> str:
    """A type in words."""
    return _NAMES.get(number, f"TYPE{number}")


def class_name(number: int) -> str:
    """A class in words."""
    return _CLASS_NAMES.get(number, f"CLASS{number}")


def number_of(name: str, table: dict[str, int], prefix: str) -> int:
    """A type or class by its name, or as TYPE or CLASS and a number; 0 if it is none."""
    name = name.upper()
    if name.startswith(prefix) and name[len(prefix) :].isdecimal():
        return int(name[len(prefix) :])
    return table.get(name, 0)


def labels(name: str) -> bytes:
    """A name as it stands in a message."""
    out = b""
    for label in name.rstrip(".").split(".") if name.rstrip(".") else []:
        raw = label.encode("utf-8", "surrogateescape")
        if not raw:
            raise BadName("Empty label")
        if len(raw) > MAX_LABEL:
            raise BadName("Label length overflow")
        out += bytes((len(raw),)) + raw
    if len(out) + 1 > MAX_NAME:
        raise BadName("Domainname length overflow")
    return out + b"\0"


def ask(ident: int, name: str, kind: int, cls: int, recursive: bool) -> bytes:
    """A question."""
    flags = 0x100 if recursive else 0
    head = b"".join(value.to_bytes(2, "big") for value in (ident, flags, 1, 0, 0, 0))
    return head + labels(name) + kind.to_bytes(2, "big") + cls.to_bytes(2, "big")


class _Reader:
    """Reads a message; IndexError at its end."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def number(self, size: int) -> int:
        """An integer."""
        if self.at + size > len(self.data):
            raise IndexError
        self.at += size
        return int.from_bytes(self.data[self.at - size : self.at], "big")

    def name(self) -> str:
        """A name, which may continue elsewhere."""
        parts: list[str] = []
        at, back, hops = self.at, -1, 0
        while length := self.data[at]:
            if length >= 0xC0:
                back = at + 2 if back < 0 else back
                at = (length & 0x3F) << 8 | self.data[at + 1]
                hops += 1
                if hops > MAX_NAME:
                    raise IndexError
                continue
            parts.append(self.data[at + 1 : at + 1 + length].decode("latin-1"))
            at += 1 + length
        self.at = back if back >= 0 else at + 1
        return ".".join([*parts, ""]) if parts else "."

    def text(self) -> str:
        """A character string, in quotes."""
        size = self.number(1)
        self.at += size
        return '"' + self.data[self.at - size : self.at].decode("latin-1").replace("\\", "\\\\").replace('"', '\\"') + '"'

    def record(self) -> Rr:
        """A resource record."""
        owner, kind, cls, ttl, size = self.name(), self.number(2), self.number(2), self.number(4), self.number(2)
        end = self.at + size
        if end > len(self.data):
            raise IndexError
        data = self.rdata(kind, end)
        self.at = end
        return Rr(owner, kind, cls, ttl, data)

    def rdata(self, kind: int, end: int) -> str:
        """The data of a record in presentation format."""
        name = type_name(kind)
        if name == "A" and end - self.at == 4:
            return inet_ntoa(self.data[self.at : end])
        if name == "AAAA" and end - self.at == 16:
            return inet_ntop6(self.data[self.at : end])
        if name in ("NS", "CNAME", "PTR", "DNAME"):
            return self.name()
        if name == "MX":
            return f"{self.number(2)} {self.name()}"
        if name == "SRV":
            return f"{self.number(2)} {self.number(2)} {self.number(2)} {self.name()}"
        if name == "SOA":
            return " ".join([self.name(), self.name(), *(str(self.number(4)) for _ in range(5))])
        if name in ("TXT", "SPF", "HINFO", "X25", "ISDN"):
            words = []
            while self.at < end:
                words.append(self.text())
            return " ".join(words)
        return f"\\# {end - self.at} {self.data[self.at : end].hex()}"


def read(data: bytes) -> Packet | None:
    """An answer; None if it is none."""
    r = _Reader(data)
    try:
        packet = Packet(r.number(2), r.number(2), len(data))
        counts = [r.number(2) for _ in range(4)]
        for _ in range(counts[0]):
            packet.question.append(Rr(r.name(), r.number(2), r.number(2)))
        for section, count in zip((packet.answer, packet.authority, packet.additional), counts[1:], strict=True):
            section.extend(r.record() for _ in range(count))
    except IndexError:
        return None
    return packet if packet.flags & 0x8000 else None
