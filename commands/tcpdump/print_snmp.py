"""tcpdump: SNMP, versions 1 and 2c; objects by number (print-snmp.c)."""

from __future__ import annotations

from vshell.commands.tcpdump.netdissect import Ndo

PDUS = ("GetRequest", "GetNextRequest", "GetResponse", "SetRequest", "Trap", "GetBulk", "Inform", "V2Trap", "Report")
GET, GETNEXT, TRAP, BULK = 0, 1, 4, 5
REQUESTS = (0, 1, 3, 6, 7, 8)
ERRORS = (
    "noError", "tooBig", "noSuchName", "badValue", "readOnly", "genErr", "noAccess", "wrongType", "wrongLength",
    "wrongEncoding", "wrongValue", "noCreation", "inconsistentValue", "resourceUnavailable", "commitFailed", "undoFailed",
    "authorizationError", "notWritable", "inconsistentName",
)  # fmt: skip
TRAPS = ("coldStart", "warmStart", "linkDown", "linkUp", "authenticationFailure", "egpNeighborLoss", "enterpriseSpecific")
VERSIONS = {0: "SNMPv1", 1: "SNMPv2c", 3: "SNMPv3"}
INTEGER, STRING, NULL, OID, SEQUENCE, ADDRESS = 0x02, 0x04, 0x05, 0x06, 0x30, 0x40
UNSIGNED = (0x41, 0x42, 0x43, 0x46)
EXCEPTIONS = {0x80: "noSuchObject", 0x81: "noSuchInstance", 0x82: "endOfMibView"}


class Stop(Exception):
    """Something is wrong; it has been printed."""


class Reader:
    """BER elements, one after the other."""

    def __init__(self, ndo: Ndo, at: int, left: int) -> None:
        self.ndo = ndo
        self.at = at
        self.left = left

    def next(self) -> tuple[int, int, int]:
        """asn1_parse: tag, offset and length of the contents."""
        ndo = self.ndo
        if self.left < 1:
            self.stop("[nothing to parse]")
        tag = ndo.u1(self.at)
        if self.left < 2:
            self.stop("[no asnlen]")
        size = ndo.u1(self.at + 1)
        header = 2
        if size & 0x80:
            octets = size & 0x7F
            if self.left - 2 < octets:
                self.stop(f"[asnlen? {self.left - 2}<{octets}]")
            size = int.from_bytes(ndo.get(self.at + 2, octets), "big")
            header += octets
        if self.left - header < size:
            self.stop(f"[len{self.left - header}<asnlen{size}]")
        if not ndo.ttest(self.at + header, size):
            ndo.trunc()
            raise Stop
        found = tag, self.at + header, size
        self.at += header + size
        self.left -= header + size
        return found

    def stop(self, text: str) -> None:
        """Give up."""
        self.ndo.p(text)
        raise Stop

    def want(self, tag: int, complaint: str) -> tuple[int, int]:
        """An element of a kind."""
        found, at, size = self.next()
        if found != tag:
            self.ndo.p(f"[{complaint}]")
            show(self.ndo, found, at, size)
            raise Stop
        return at, size

    def integer(self, name: str) -> int:
        """A number."""
        at, size = self.want(INTEGER, f"{name}!=INT")
        return int.from_bytes(self.ndo.get(at, size), "big", signed=True)


def oid(ndo: Ndo, at: int, size: int) -> str:
    """The numbers of an object."""
    text = ""
    value = 0
    for c in ndo.get(at, size):
        value = value << 7 | c & 0x7F
        if not c & 0x80:
            if not text:
                top = min(value // 40, 2)
                text = f".{top}"
                value -= top * 40
            text += f".{value}"
            value = 0
    return text


def string(ndo: Ndo, at: int, size: int) -> None:
    """asn1_print_string."""
    raw = ndo.get(at, size)
    if all(32 <= c < 127 for c in raw):
        ndo.p(f'"{raw.decode("ascii")}"')
    else:
        ndo.p(raw.hex("_"))


def show(ndo: Ndo, tag: int, at: int, size: int) -> None:
    """asn1_print."""
    raw = ndo.get(at, size)
    if tag == OID:
        ndo.p(oid(ndo, at, size))
    elif tag == INTEGER:
        ndo.p(str(int.from_bytes(raw, "big", signed=True)))
    elif tag in UNSIGNED:
        ndo.p(str(int.from_bytes(raw, "big")))
    elif tag == STRING:
        string(ndo, at, size)
    elif tag == ADDRESS:
        ndo.p("" if size == 4 else "[inetaddr len!=4]")
        ndo.p(".".join(map(str, raw)))
    elif tag in EXCEPTIONS:
        ndo.p(f"[{EXCEPTIONS[tag]}]")
    elif tag == SEQUENCE:
        ndo.p(f"Seq({size})")
    elif 0xA0 <= tag < 0xA0 + len(PDUS):
        ndo.p(f"{PDUS[tag - 0xA0]}({size})")
    elif tag != NULL:
        ndo.p("".join(f"_{c:02x}" for c in raw))


def snmp_print(ndo: Ndo, at: int, length: int) -> None:
    """A message."""
    ndo.protocol = "snmp"
    ndo.p(" ")
    try:
        _message(ndo, at, length)
    except Stop:
        pass


def _message(ndo: Ndo, at: int, length: int) -> None:
    outer = Reader(ndo, at, length)
    inner = Reader(ndo, *outer.want(SEQUENCE, "!init SEQ"))
    if outer.left:
        ndo.p(f"[{outer.left} extra after iSEQ]")
    version = inner.integer("version")
    if version not in VERSIONS:
        ndo.p(f"SNMP [version = {version}]")
        return
    if ndo.v:
        ndo.p(f"{{ {VERSIONS[version]} ")
    if version != 3:
        try:
            _community(ndo, inner, version)
        except Stop:
            pass
    if ndo.v:
        ndo.p("} ")


def _community(ndo: Ndo, message: Reader, version: int) -> None:
    at, size = message.want(STRING, "comm!=STR")
    if ndo.get(at, size) != b"public":
        ndo.p("C=")
        string(ndo, at, size)
        ndo.p(" ")
    tag, at, size = message.next()
    kind = tag - 0xA0
    if not 0 <= kind < len(PDUS):
        message.stop("[no PDU]")
    if message.left:
        ndo.p(f"[{message.left} extra after PDU]")
    if ndo.v:
        ndo.p("{ ")
    ndo.p(f"{PDUS[kind]}({size}) ")
    if version == 0 and kind > TRAP:
        message.stop("[v2 PDU in v1 message]")
    if version == 1 and kind == TRAP:
        message.stop("[v1 PDU in v2 message]")
    pdu = Reader(ndo, at, size)
    try:
        if kind == TRAP:
            _trap(ndo, pdu)
        else:
            _pdu(ndo, kind, pdu)
    except Stop:
        pass
    if ndo.v:
        ndo.p(" } ")


def _error(code: int) -> str:
    return ERRORS[code] if 0 <= code < len(ERRORS) else f"err={code}"


def _pdu(ndo: Ndo, kind: int, pdu: Reader) -> None:
    """snmppdu_print."""
    number = pdu.integer("reqId")
    if ndo.v:
        ndo.p(f"R={number} ")
    status = pdu.integer("errorStatus")
    if kind == BULK:
        ndo.p(f" N={status}")
    elif status:
        ndo.p(f"[errorStatus({_error(status)})!=0]" if kind in REQUESTS else f" {_error(status)}")
    index = pdu.integer("errorIndex")
    if kind == BULK:
        ndo.p(f" M={index}")
    elif index and kind in REQUESTS:
        ndo.p(f"[errorIndex({index})!=0]")
    elif index:
        ndo.p(f"@{index}" if status else f"[errorIndex({index}) w/o errorStatus]")
    elif status and kind not in REQUESTS:
        ndo.p("[errorIndex==0]")
    _varbinds(ndo, kind, pdu)


def _trap(ndo: Ndo, pdu: Reader) -> None:
    """trappdu_print."""
    ndo.p(" ")
    show(ndo, OID, *pdu.want(OID, "enterprise!=OID"))
    ndo.p(" ")
    show(ndo, ADDRESS, *pdu.want(ADDRESS, "agent-addr!=INETADDR"))
    generic = pdu.integer("generic-trap")
    ndo.p(f" {TRAPS[generic] if 0 <= generic < len(TRAPS) else f'gt={generic}'}")
    specific = pdu.integer("specific-trap")
    if generic == 6:
        ndo.p(f" s={specific}")
    elif specific:
        ndo.p(f"[specific-trap({specific})!=0]")
    ndo.p(" ")
    show(ndo, 0x43, *pdu.want(0x43, "time-stamp!=TIMETICKS"))
    _varbinds(ndo, TRAP, pdu)


def _varbinds(ndo: Ndo, kind: int, pdu: Reader) -> None:
    """varbind_print."""
    bindings = Reader(ndo, *pdu.want(SEQUENCE, "!SEQ of varbind"))
    if pdu.left:
        ndo.p(f"[{pdu.left} extra after SEQ of varbind]")
    asks = kind in (GET, GETNEXT, BULK)
    while bindings.left:
        ndo.p(" ")
        binding = Reader(ndo, *bindings.want(SEQUENCE, "!varbind"))
        show(ndo, OID, *binding.want(OID, "objName!=OID"))
        if not asks:
            ndo.p("=")
        tag, at, size = binding.next()
        if tag != NULL:
            ndo.p("[objVal!=NULL]" if asks else "")
            show(ndo, tag, at, size)
