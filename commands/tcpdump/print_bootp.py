"""tcpdump: BOOTP and DHCP (print-bootp.c)."""

from __future__ import annotations

from vshell.commands.tcpdump.netdissect import Ndo, tok2str

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

TAGS = {
    0: " PAD", 1: "iSubnet-Mask", 2: "LTime-Zone", 3: "iDefault-Gateway", 4: "iTime-Server", 5: "iIEN-Name-Server",
    6: "iDomain-Name-Server", 7: "iLOG", 8: "iCS", 9: "iLPR-Server", 10: "iIM", 11: "iRL", 12: "aHostname", 13: "sBS",
    255: " END", 14: "aDP", 15: "aDomain-Name", 16: "iSS", 17: "aRP", 18: "aEP", 19: "BIPF", 20: "BSRT", 21: "pPF",
    22: "sRSZ", 23: "bTTL", 24: "lMTU-Timeout", 25: "sMTU-Table", 26: "sMTU", 27: "BLSN", 28: "iBR", 29: "BMD", 30: "BMS",
    31: "BRouter-Discovery", 32: "iRSA", 33: "pStatic-Route", 34: "BUT", 35: "lAT", 36: "BIE", 37: "bTT", 38: "lKI",
    39: "BKG", 40: "aYD", 41: "iYS", 42: "iNTP", 43: "bVendor-Option", 44: "iNetbios-Name-Server", 45: "iWDD",
    46: "$Netbios-Node", 47: "aNetbios-Scope", 48: "iXFS", 49: "iXDM", 64: "sN+D", 65: "iN+S", 68: "iMH", 69: "iSMTP",
    70: "iPOP3", 71: "iNNTP", 72: "iWWW", 73: "iFG", 74: "iIRC", 75: "iSTS", 76: "iSTDA", 50: "iRequested-IP",
    51: "lLease-Time", 52: "$OO", 66: "aTFTP", 67: "aBF", 53: " DHCP-Message", 54: "iServer-ID", 55: "bParameter-Request",
    56: "aMSG", 57: "sMSZ", 58: "lRN", 59: "lRB", 60: "aVendor-Class", 61: "$Client-ID", 98: "aUAP", 116: "BAuto-Configure",
    78: "bSLP-DA", 79: "bSLP-SCOPE", 117: "sNSSEARCH", 77: "$User-Class", 118: "iSUBNET", 121: "$Classless-Static-Route",
    249: "$Classless-Static-Route-Microsoft", 143: "$SZTP-Redirect", 150: "iTFTP-Server-Address", 80: "aSLP-NA",
    81: "$FQDN", 82: "$Agent-Information", 83: "bARMT", 88: "aTZSTR", 89: "bFQDNS", 90: "bAUTH",
    91: "lLast-Transaction-Time", 92: "iAssociated-IP", 93: "sARCH", 94: "bNDI", 97: "bGUID", 95: "aLDAP", 100: "aPOSIX-TZ",
    101: "aTZ-Name", 112: "iNI", 113: "aNITAG", 114: "aURL", 161: "aMUD-URL",
}  # fmt: skip
"""Names of options; the first letter says how they are printed."""
OVERLOAD = {1: "file", 2: "sname", 3: "file+sname"}
NODES = {1: "b-node", 2: "p-node", 4: "m-node", 8: "h-node"}
HARDWARE = {1: "ether", 6: "ieee802", 7: "arcnet", 0xF: "frelay", 0x17: "strip", 0x18: "ieee1394"}
MESSAGES = {
    1: "Discover", 2: "Offer", 3: "Request", 4: "Decline", 5: "ACK", 6: "NACK", 7: "Release", 8: "Inform", 10: "LeaseQuery",
    11: "LeaseUnassigned", 12: "LeaseUnknown", 13: "LeaseActive",
}  # fmt: skip
AGENT = {1: "Circuit-ID", 2: "Remote-ID", 6: "Subscriber-ID"}
PAD, END, MESSAGE_TYPE, PARAMETERS = 0, 255, 53, 55
NETBIOS_NODE, OVERLOADED, CLIENT_ID, USER_CLASS, FQDN, AGENT_INFO, ROUTES, ROUTES_MS, SZTP = 46, 52, 61, 77, 81, 82, 121, 249, 143


class Cut(Exception):
    """The options are cut off."""


def bootp_print(ndo: Ndo, at: int, length: int) -> None:
    """A message."""
    ndo.protocol = "bootp"
    op = ndo.u1(at)
    ndo.p(f"BOOTP/DHCP, {tok2str({1: 'Request', 2: 'Reply'}, 'unknown (0x%02x)', op)}")
    htype, hlen = ndo.u1(at + 1), ndo.u1(at + 2)
    ethernet = htype == 1 and hlen == 6
    if ethernet and op == 1:
        ndo.p(f" from {ndo.etheraddr(at + 28)}")
    ndo.p(f", length {length}")
    if not ndo.v:
        return
    if not ndo.ttest(at + 8, 2):
        ndo.trunc()
        return
    if htype != 1:
        ndo.p(f", htype {htype}")
    if not ethernet:
        ndo.p(f", hlen {hlen}")
    for where, read, text in ((3, ndo.u1, ", hops {}"), (4, ndo.u4, ", xid 0x{:x}"), (8, ndo.u2, ", secs {}")):
        value = read(at + where)
        if value:
            ndo.p(text.format(value))
    flags = ndo.u2(at + 10)
    ndo.p(", Flags [" + ("Broadcast" if flags & 0x8000 else "none") + "]")
    if ndo.v > 1:
        ndo.p(f" (0x{flags:04x})")
    for offset, name in ((12, "Client"), (16, "Your"), (20, "Server"), (24, "Gateway")):
        if ndo.u4(at + offset):
            ndo.p(f"\n\t  {name}-IP {ndo.ipaddr(at + offset)}")
    if ethernet:
        ndo.p(f"\n\t  Client-Ethernet-Address {ndo.etheraddr(at + 28)}")
    for offset, name, size in ((44, "sname", 64), (108, "file", 128)):
        if ndo.u1(at + offset):
            ndo.p(f'\n\t  {name} "')
            whole = ndo.printztn(at + offset, size, ndo.snapend)
            ndo.p('"')
            if not whole:
                ndo.trunc()
                return
    _vendor(ndo, at + 236)


def _vendor(ndo: Ndo, at: int) -> None:
    if not ndo.ttest(at, 4):
        ndo.trunc()
        return
    magic = ndo.u4(at)
    if magic == 0x63825363:
        try:
            _extensions(ndo, at)
        except Cut:
            ndo.trunc()
    elif magic == 0x434D5500:
        ndo.p(" vend-cmu")
        _cmu(ndo, at)
    elif magic:
        ndo.p(f"\n\t  Vendor-#0x{magic:08x}")


def _cmu(ndo: Ndo, at: int) -> None:
    """cmu_print."""
    if not ndo.ttest(at + 4, 4):
        ndo.trunc()
        return
    flags = ndo.u1(at + 4)
    if flags & ~1:
        ndo.p(f" F:0x{flags:x}")
    for i, name in enumerate(("SM" if flags & 1 else "SM*", "DG", "TS1", "TS2", "NS1", "NS2", "IEN1", "IEN2")):
        if not ndo.ttest(at + 8 + 4 * i, 4):
            ndo.trunc()
            return
        if ndo.u4(at + 8 + 4 * i):
            ndo.p(f" {name}:{ndo.ipaddr(at + 8 + 4 * i)}")


def _extensions(ndo: Ndo, at: int) -> None:
    """rfc1048_print."""
    ndo.p(f"\n\t  Vendor-rfc1048 Extensions\n\t    Magic Cookie 0x{ndo.u4(at):08x}")
    at += 4
    while ndo.ttest(at, 1):
        tag = ndo.u1(at)
        at += 1
        if tag == PAD and ndo.v < 3:
            continue
        if tag == END and ndo.v < 3:
            return
        name = TAGS.get(tag, "?Unknown")
        size = 0
        if tag not in (PAD, END):
            size = ndo.u1(at)
            at += 1
        ndo.p(f"\n\t    {name[1:]} ({tag}), length {size}{': ' if size else ''}")
        if tag == PAD:
            start = at
            while ndo.ttest(at, 1) and ndo.u1(at) == PAD:
                at += 1
            if at > start:
                ndo.p(f", occurs {at - start + 1}")
        if not ndo.ttest(at, size):
            raise Cut
        left = Option(ndo, tag, at, size).print(name[0])
        if left:
            ndo.p(f"\n\t  trailing data length {left}")
        at += size


class Option:
    """An option; its methods return how many bytes were not printed."""

    def __init__(self, ndo: Ndo, tag: int, at: int, size: int) -> None:
        self.ndo = ndo
        self.tag = tag
        self.at = at
        self.size = size

    def print(self, kind: str) -> int:
        """The data."""
        ndo, at, size = self.ndo, self.at, self.size
        if self.tag == MESSAGE_TYPE and size == 1:
            ndo.p(tok2str(MESSAGES, "Unknown (%u)", ndo.u1(at)))
            return 0
        if self.tag == PARAMETERS:
            for i in range(size):
                asked = ndo.u1(at + i)
                ndo.p(("\n\t      " if i % 4 == 0 else ", ") + f"{TAGS.get(asked, '?Unknown')[1:]} ({asked})")
            return 0
        if kind == "?":
            kind = "b" if size & 1 else "s" if size & 2 else "l"
        if kind == "a":
            self.quoted(at, size)
            return 0
        if kind in "ilL":
            return self.items(4, lambda a: ndo.ipaddr(a) if kind == "i" else str(ndo.s4(a) if kind == "L" else ndo.u4(a)))
        if kind == "s":
            return self.items(2, lambda a: str(ndo.u2(a)))
        if kind == "p":
            if size < 8 or size % 8:
                ndo.p(f"{'' if size else ' '}[length != N x 8 bytes]")
                return 0
            return self.items(8, lambda a: f"({ndo.ipaddr(a)}:{ndo.ipaddr(a + 4)})")
        if kind == "B":
            return self.boolean()
        if kind == "$":
            return self.special()
        ndo.p(".".join(str(c) for c in ndo.get(at, size)))
        return 0

    def quoted(self, at: int, size: int) -> None:
        """A string."""
        self.ndo.p('"')
        cut = self.ndo.printn(at, size)
        self.ndo.p('"')
        if cut:
            raise Cut

    def items(self, width: int, text: Callable[[int], str]) -> int:
        """A list."""
        count = self.size // width
        self.ndo.p(",".join(text(self.at + width * i) for i in range(count)))
        return self.size - count * width

    def boolean(self) -> int:
        """Y or N."""
        if self.size != 1:
            self.wrong("length != 1 byte")
        else:
            value = self.ndo.u1(self.at)
            self.ndo.p("NY"[value] if value < 2 else f"{value}?")
        return 0

    def wrong(self, what: str) -> int:
        """The length is wrong."""
        self.ndo.p(f"[{what}]")
        self.ndo.invalid()
        return 0

    def special(self) -> int:
        """The options with a format of their own."""
        ndo, tag, at, size = self.ndo, self.tag, self.at, self.size
        if tag in (NETBIOS_NODE, OVERLOADED):
            if size < 1:
                return self.wrong("length < 1 byte")
            ndo.p(tok2str(NODES if tag == NETBIOS_NODE else OVERLOAD, "#%d", ndo.u1(at)))
            return size - 1
        if tag == FQDN:
            return self.fqdn()
        if tag == CLIENT_ID:
            if size < 1:
                return self.wrong("length < 1 byte")
            kind = ndo.u1(at)
            if not kind:
                self.quoted(at + 1, size - 1)
            else:
                ndo.p(f"{tok2str(HARDWARE, 'hardware-type %u,', kind)} {ndo.get(at + 1, size - 1).hex(':')}")
            return 0
        if tag == AGENT_INFO:
            return self.agent()
        if tag in (ROUTES, ROUTES_MS):
            return self.routes()
        if tag == USER_CLASS:
            return self.classes()
        ndo.p(f"[unknown special tag {tag}, size {size}]")
        return 0

    def fqdn(self) -> int:
        """The client's name."""
        ndo, at, size = self.ndo, self.at, self.size
        if size < 3:
            return self.wrong("length < 3 bytes")
        flags = ndo.u1(at)
        if flags & 0xF0:
            ndo.p(f"[MBZ nibble 0x{flags >> 4:x} != 0] ")
            ndo.invalid()
        if flags & 0xF:
            ndo.p("[" + "".join(letter for i, letter in enumerate("SOEN") if flags & 1 << i) + "] ")
        if ndo.u2(at + 1):
            ndo.p(f"{ndo.u1(at + 1)}/{ndo.u1(at + 2)} ")
        self.quoted(at + 3, size - 3)
        return 0

    def agent(self) -> int:
        """What relays added."""
        ndo, at, left = self.ndo, self.at, self.size
        while left >= 2:
            kind, size = ndo.u1(at), ndo.u1(at + 1)
            at, left = at + 2, left - 2
            ndo.p(f"\n\t      {AGENT.get(kind, 'Unknown')} SubOption {kind}, length {size}: ")
            if size > left:
                ndo.p("length goes past end of option")
                return 0
            if kind in AGENT:
                if ndo.printn(at, size):
                    raise Cut
            else:
                ndo.unknown_data(at, "\n\t\t", size)
            at, left = at + size, left - size
        return left

    def routes(self) -> int:
        """Classless static routes."""
        ndo, at, left = self.ndo, self.at, self.size
        if left < 5:
            return self.wrong("length < 5 bytes")
        sep = ""
        while left > 0:
            width = ndo.u1(at)
            at, left = at + 1, left - 1
            ndo.p(sep)
            if width > 32:
                return self.wrong(f"Mask width ({width}) > 32")
            octets = (width + 7) // 8
            if left < octets + 4:
                return self.wrong(f"Remaining length ({left}) < {octets + 4} bytes")
            net = ".".join(str(c) for c in ndo.get(at, octets).ljust(4, b"\0"))
            ndo.p(f"({f'{net}/{width}' if width else 'default'}:{ndo.ipaddr(at + octets)})")
            at, left = at + octets + 4, left - octets - 4
            sep = ","
        return 0

    def classes(self) -> int:
        """User classes."""
        ndo, at, left = self.ndo, self.at, self.size
        if left < 2:
            return self.wrong("length < 2 bytes")
        number = 1
        while left > 0:
            size = ndo.u1(at)
            at, left = at + 1, left - 1
            ndo.p(f"\n\t      instance#{number}: ")
            if not size:
                return self.wrong("suboption length == 0")
            if left < size:
                ndo.p(f"[length {left} < suboption length {size}")
                ndo.invalid()
                return 0
            self.quoted(at, size)
            ndo.p(f", length {size}")
            number += 1
            at, left = at + size, left - size
        return 0
