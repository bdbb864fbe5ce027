"""tcpdump: DNS (print-domain.c)."""

from __future__ import annotations

from vshell.commands.tcpdump.netdissect import Ndo, tok2str
from vshell.userland.addr import inet_ntop

TYPES = {
    1: "A", 2: "NS", 3: "MD", 4: "MF", 5: "CNAME", 6: "SOA", 7: "MB", 8: "MG", 9: "MR", 10: "NULL", 11: "WKS", 12: "PTR",
    13: "HINFO", 14: "MINFO", 15: "MX", 16: "TXT", 17: "RP", 18: "AFSDB", 19: "X25", 20: "ISDN", 21: "RT", 22: "NSAP",
    23: "NSAP_PTR", 24: "SIG", 25: "KEY", 26: "PX", 27: "GPOS", 28: "AAAA", 29: "LOC", 30: "NXT", 31: "EID", 32: "NIMLOC",
    33: "SRV", 34: "ATMA", 35: "NAPTR", 36: "KX", 37: "CERT", 38: "A6", 39: "DNAME", 40: "SINK", 41: "OPT", 42: "APL",
    43: "DS", 44: "SSHFP", 45: "IPSECKEY", 46: "RRSIG", 47: "NSEC", 48: "DNSKEY", 49: "DHCID", 50: "NSEC3",
    51: "NSEC3PARAM", 52: "TLSA", 53: "SMIMEA", 55: "HIP", 56: "NINFO", 57: "RKEY", 58: "TALINK", 59: "CDS", 60: "CDNSKEY",
    61: "OPENPGPKEY", 62: "CSYNC", 63: "ZONEMD", 64: "SVCB", 65: "HTTPS", 99: "SPF", 100: "UINFO", 101: "UID", 102: "GID",
    103: "UNSPEC", 104: "NID", 105: "L32", 106: "L64", 107: "LP", 108: "EUI48", 109: "EUI64", 249: "TKEY", 250: "TSIG",
    251: "IXFR", 252: "AXFR", 253: "MAILB", 254: "MAILA", 255: "ANY", 256: "URI", 257: "CAA", 258: "AVC", 259: "DOA",
    260: "AMTRELAY", 32768: "TA", 32769: "DLV",
}  # fmt: skip
CLASSES = {1: "IN", 3: "CHAOS", 4: "HS", 255: "ANY"}
EDNS = {
    1: "LLQ", 2: "UL", 3: "NSID", 5: "DAU", 6: "DHU", 7: "N3U", 8: "ECS", 9: "EXPIRE", 10: "COOKIE", 11: "KEEPALIVE",
    12: "PADDING", 13: "CHAIN", 14: "KEY-TAG", 16: "CLIENT-TAG", 17: "SERVER-TAG",
}  # fmt: skip
DAU = {
    0: "DELETE", 1: "RSAMD5", 2: "DH", 3: "DS", 5: "RSASHA1", 6: "DSA-NSEC3-SHA1", 7: "RSASHA1-NSEC3-SHA1", 8: "RSASHA256",
    10: "RSASHA512", 12: "ECC-GOST", 13: "ECDSAP256SHA256", 14: "ECDSAP384SHA384", 15: "ED25519", 16: "ED448",
    252: "INDIRECT", 253: "PRIVATEDNS", 254: "PRIVATEOID",
}  # fmt: skip
DHU = {1: "SHA-1", 2: "SHA-256", 3: "GOST_R_34.11-94", 4: "SHA-384"}
OPERATIONS = (
    "", " inv_q", " stat", " op3", " notify", " update", " op6", " op7", " op8", " updateA", " updateD", " updateDA",
    " updateM", " updateMA", " zoneInit", " zoneRef",
)  # fmt: skip
ANSWERS = (
    "", " FormErr", " ServFail", " NXDomain", " NotImp", " Refused", " YXDomain", " YXRRSet", " NXRRSet", " NotAuth",
    " NotZone", " Resp11", " Resp12", " Resp13", " Resp14", " NoChange", " BadVers", "Resp17", " Resp18", " Resp19",
    " Resp20", "Resp21", " Resp22", " BadCookie",
)  # fmt: skip
POINTER, EXTENDED, RESERVED = 0xC0, 0x40, 0x80
BITLABEL = 1
LONGEST = 255
IN, A, NS, CNAME, SOA, PTR, MX, TXT, AAAA, SRV, A6, DNAME, OPT, TSIG, URI = (
    1, 1, 2, 5, 6, 12, 15, 16, 28, 33, 38, 39, 41, 250, 256,
)  # fmt: skip


def nskip(ndo: Ndo, at: int | None) -> int | None:
    """Skip a name; None if it is cut off or wrong."""
    if at is None or not ndo.ttest(at, 1):
        return None
    size = ndo.u1(at)
    at += 1
    while size:
        kind = size & 0xC0
        if kind == POINTER:
            return at + 1
        if kind == RESERVED:
            return None
        if kind == EXTENDED:
            if size & 0x3F != BITLABEL or not ndo.ttest(at, 1):
                return None
            at += 1 + ((ndo.u1(at) or 256) + 7) // 8
        else:
            at += size
        if not ndo.ttest(at, 1):
            return None
        size = ndo.u1(at)
        at += 1
    return at


def _bits(ndo: Ndo, at: int) -> bool:
    """blabel_print."""
    if not ndo.ttest(at, 1):
        return False
    count = ndo.u1(at) or 256
    raw = ndo.get(at + 1, (count + 7) // 8)
    rest = count % 8
    text = raw[: count // 8].hex()
    if rest > 4:
        text += f"{raw[-1] & (0xFF << (8 - rest)):02x}"
    elif rest:
        text += f"{raw[-1] >> 4 & 0xF & (0xF << (4 - rest)):x}"
    ndo.p(f"\\[x{text}/{count}]")
    return True


def _labellen(ndo: Ndo, at: int) -> int:
    """The bytes of a label, -1 if it is wrong."""
    if not ndo.ttest(at, 1):
        return -1
    size = ndo.u1(at)
    kind = size & 0xC0
    if kind == EXTENDED:
        if size & 0x3F != BITLABEL:
            ndo.p(f"<ELT {size & 0x3F}>")
            return -1
        if not ndo.ttest(at + 1, 1):
            return -1
        return ((ndo.u1(at + 1) or 256) + 7) // 8 + 1
    if kind == RESERVED:
        ndo.p("<BAD LABEL TYPE>")
        return -1
    return size


def fqdn_print(ndo: Ndo, at: int, start: int) -> int | None:
    """Print a name of the message at `start`; what follows it, None if it is cut off or wrong."""
    size = _labellen(ndo, at)
    if size < 0:
        return None
    limit = at - start
    first = ndo.u1(at)
    at += 1
    after = 0
    compressed = False
    if first & 0xC0 != POINTER:
        after = at + size
    if not first:
        ndo.p(".")
        return after
    printed = 0
    while first and at < ndo.snapend:
        kind = first & 0xC0
        if kind == POINTER:
            if not compressed:
                after = at + 1
                compressed = True
            if not ndo.ttest(at, 1):
                return None
            offset = (first << 8 | ndo.u1(at)) & 0x3FFF
            if offset >= limit:
                ndo.p("<BAD PTR>")
                return None
            limit = offset
            at = start + offset
        else:
            if kind == EXTENDED:
                if not _bits(ndo, at):
                    return None
            else:
                if printed < LONGEST and ndo.printn(at, size if printed + size <= LONGEST else LONGEST - printed):
                    return None
                printed += size
            at += size
            if printed <= LONGEST:
                ndo.p(".")
            printed += 1
        size = _labellen(ndo, at)
        if size < 0:
            return None
        if kind != POINTER and not compressed:
            after += size + 1
        first = ndo.u1(at)
        at += 1
    if printed > LONGEST:
        ndo.p("<DOMAIN NAME TOO LONG>")
    return after or None


def _subnet(ndo: Ndo, at: int, size: int) -> None:
    """print_eopt_ecs."""
    if size >= 4:
        family, source, scope = ndo.u2(at), ndo.u1(at + 2), ndo.u1(at + 3)
        bits = {1: 32, 2: 128}.get(family, 0)
        if bits and size - 4 <= bits // 8 and source <= bits and scope <= bits and (source + 7) // 8 == size - 4:
            ndo.p(f"{inet_ntop(ndo.get(at + 4, size - 4).ljust(bits // 8, bytes(1)))}/{source}/{scope}")
            return
    ndo.invalid()


def _eopt(ndo: Ndo, at: int) -> int | None:
    """An EDNS option."""
    if not ndo.ttest(at, 2):
        return None
    option = ndo.u2(at)
    ndo.p(tok2str(EDNS, "Opt%u", option))
    if not ndo.ttest(at + 2, 2):
        return None
    size = ndo.u2(at + 2)
    at += 4
    if not ndo.ttest(at, size):
        return None
    if size:
        ndo.p(" ")
        _eopt_data(ndo, option, at, size)
    return at + size


def _eopt_data(ndo: Ndo, option: int, at: int, size: int) -> None:
    raw = ndo.get(at, size)
    wrong = {9: size != 4, 10: size < 8 or 8 < size < 16 or size > 40, 11: size != 2, 14: size % 2 != 0}
    if wrong.get(option):
        ndo.invalid()
    elif option == 8:
        _subnet(ndo, at, size)
    elif option == 9:
        ndo.p(f"{ndo.u4(at)} sec")
    elif option == 10:
        ndo.p(raw[:8].hex() + (f" {raw[8:].hex()}" if size > 8 else ""))
    elif option == 11:
        ndo.p(f"{ndo.u2(at) / 10:.1f} sec")
    elif option == 12:
        ndo.p(f"({size})")
    elif option == 13:
        fqdn_print(ndo, at, at + size)
    elif option == 14:
        ndo.p(" ".join(str(ndo.u2(at + i)) for i in range(0, size, 2)))
    elif option in (5, 6, 7):
        table = {5: DAU, 6: DHU, 7: {1: "SHA-1"}}[option]
        ndo.p(" ".join(tok2str(table, "Alg_%u", c) for c in raw))
    else:
        ndo.p(raw.hex())


def _question(ndo: Ndo, at: int, start: int, mdns: bool) -> int | None:
    """ns_qprint."""
    name = at
    after = nskip(ndo, at)
    if after is None or not ndo.ttest(after, 4):
        return None
    ndo.p(f" {tok2str(TYPES, 'Type%u', ndo.u2(after))}")
    raw = ndo.u2(after + 2)
    number = raw & 0x7FFF if mdns else raw
    if number != IN:
        ndo.p(f" {tok2str(CLASSES, '(Class %u)', number)}")
    if mdns:
        ndo.p(" (QU)" if raw & 0x8000 else " (QM)")
    ndo.p("? ")
    end = fqdn_print(ndo, name, start)
    return None if end is None else end + 4


def _record(ndo: Ndo, at: int, start: int, mdns: bool) -> int | None:
    """ns_rprint."""
    if ndo.v:
        ndo.p(" ")
        after = fqdn_print(ndo, at, start)
        if after is None:
            return None
    else:
        after = nskip(ndo, at)
    if after is None or not ndo.ttest(after, 10):
        return ndo.snapend
    at = after
    kind, raw = ndo.u2(at), ndo.u2(at + 2)
    number = raw & 0x7FFF if mdns else raw
    if number != IN and kind != OPT:
        ndo.p(f" {tok2str(CLASSES, '(Class %u)', number)}")
    if mdns and raw & 0x8000:
        ndo.p(" (Cache flush)")
    flags = ndo.u2(at + 6) if kind == OPT else 0
    if kind != OPT and ndo.v > 2:
        ndo.p(f" [{ndo.relts(ndo.u4(at + 4))}]")
    size = ndo.u2(at + 8)
    at += 10
    ndo.p(f" {tok2str(TYPES, 'Type%u', kind)}")
    if not ndo.ttest(at, size):
        return None
    if kind == OPT:
        ndo.p(f" UDPsize={number}{' DO' if flags & 0x8000 else ''}")
        return _options(ndo, at, at + size)
    return at + size if _data(ndo, kind, at, size, start) else None


def _options(ndo: Ndo, at: int, end: int) -> int | None:
    if at >= end:
        return end
    ndo.p(" [")
    while at < end:
        after = _eopt(ndo, at)
        if after is None:
            return None
        at = after
        if at < end:
            ndo.p(",")
    ndo.p("]")
    return end


def _data(ndo: Ndo, kind: int, at: int, size: int, start: int) -> bool:
    """The data of a record; False if they are cut off."""
    if kind in (NS, CNAME, PTR, DNAME):
        ndo.p(" ")
        return fqdn_print(ndo, at, start) is not None
    if kind in (MX, SRV):
        skip = 2 if kind == MX else 6
        ndo.p(" ")
        if not ndo.ttest(at, skip) or fqdn_print(ndo, at + skip, start) is None:
            return False
        ndo.p(f" {ndo.u2(at)}" if kind == MX else f":{ndo.u2(at + 4)} {ndo.u2(at)} {ndo.u2(at + 2)}")
        return True
    if kind in (A, AAAA):
        width = 4 if kind == A else 16
        if not ndo.ttest(at, width):
            return False
        ndo.p(f" {inet_ntop(ndo.get(at, width))}")
    elif kind == SOA and ndo.v:
        return _soa(ndo, at, start)
    elif kind == TXT:
        return _strings(ndo, at, at + size)
    elif kind == A6:
        return _a6(ndo, at, start)
    elif kind == URI:
        if size < 4:
            ndo.p(f" len {size} is too short (< 4)")
            return True
        ndo.p(f" {ndo.u2(at)} {ndo.u2(at + 2)} ")
        return not ndo.printn(at + 4, size - 4)
    elif kind == TSIG and ndo.v:
        return _tsig(ndo, at, start)
    return True


def _soa(ndo: Ndo, at: int, start: int) -> bool:
    after: int | None = at
    for _ in range(2):
        ndo.p(" ")
        if after is not None:
            after = fqdn_print(ndo, after, start)
        if after is None:
            return False
    if after is None or not ndo.ttest(after, 20):
        return False
    for i in range(5):
        ndo.p(f" {ndo.u4(after + 4 * i)}")
    return True


def _strings(ndo: Ndo, at: int, end: int) -> bool:
    while at < end:
        ndo.p(' "')
        if not ndo.ttest(at, 1):
            return False
        size = ndo.u1(at)
        if ndo.printn(at + 1, size):
            return False
        ndo.p('"')
        at += 1 + size
    return True


def _a6(ndo: Ndo, at: int, start: int) -> bool:
    if not ndo.ttest(at, 1):
        return False
    bits = ndo.u1(at)
    skipped = bits // 8
    if bits > 128:
        ndo.p(f" {bits}(bad plen)")
        return True
    if bits < 128:
        ndo.p(f" {bits} {inet_ntop(bytes(skipped) + ndo.get(at + 1, 16 - skipped))}")
    if bits > 0:
        ndo.p(" ")
        return fqdn_print(ndo, at + 17 - skipped, start) is not None
    return True


def _tsig(ndo: Ndo, at: int, start: int) -> bool:
    ndo.p(" ")
    after = fqdn_print(ndo, at, start)
    if after is None:
        return False
    at = after + 6
    for name in ("fudge", "maclen", "origid", "error", "otherlen"):
        if not ndo.ttest(at, 2):
            return False
        value = ndo.u2(at)
        ndo.p(f" {name}={value}")
        at += 2 + (value if name == "maclen" else 0)
    return True


class Cut(Exception):
    """The message is cut off: " [|domain]"."""


class Message:
    """A message that is being printed."""

    def __init__(self, ndo: Ndo, at: int, length: int, mdns: bool) -> None:
        self.ndo = ndo
        self.start = at
        self.length = length
        self.mdns = mdns
        self.at = at + 12
        self.flags = ndo.u2(at + 2)
        self.counts = [ndo.u2(at + 4 + 2 * i) for i in range(4)]

    def rcode(self) -> int:
        """The answer's code, with the bits an OPT record adds."""
        ndo = self.ndo
        code = self.flags & 0xF
        at: int | None = self.at
        for section, count in enumerate(self.counts):
            for _ in range(count):
                at = nskip(ndo, at)
                if at is None:
                    return code
                if section:
                    if at + 10 > ndo.snapend:
                        return code
                    if section == 3 and ndo.u2(at) == OPT:
                        return code | ndo.u1(at + 4) << 4
                    at += 10 + ndo.u2(at + 8)
                else:
                    at += 4
                if at >= ndo.snapend:
                    return code
        return code

    def records(self, count: int, title: str, must: bool = False) -> None:
        """The records of a section."""
        ndo = self.ndo
        done = 0
        while done < count and (self.at < ndo.snapend or (must and not done)):
            ndo.p(title if not done else ",")
            after = _record(ndo, self.at, self.start, self.mdns)
            if after is None:
                raise Cut
            self.at = after
            done += 1
        if done < count:
            raise Cut

    def print(self) -> None:
        """domain_print from the header on."""
        ndo, flags = self.ndo, self.flags
        operation = OPERATIONS[flags >> 11 & 0xF]
        ndo.p(f"{ndo.u2(self.start)}{operation}")
        if flags & 0x8000:
            code = self.rcode()
            ndo.p(ANSWERS[code] if code < len(ANSWERS) else f" Resp{code & 0xFFF}")
            for bit, is_set, clear in ((0x400, "*", ""), (0x80, "", "-"), (0x200, "|", ""), (0x20, "$", "")):
                ndo.p(is_set if flags & bit else clear)
            self.response()
        else:
            ndo.p(("+" if flags & 0x100 else "") + ("%" if flags & 0x10 else ""))
            self.request()
        ndo.p(f" ({self.length})")

    def response(self) -> None:
        """An answer."""
        ndo = self.ndo
        questions, answers, servers, more = self.counts
        if questions != 1:
            ndo.p(f" [{questions}q]")
        for i in range(questions):
            if i:
                ndo.p(",")
            if ndo.v > 1:
                ndo.p(" q:")
                after = _question(ndo, self.at, self.start, self.mdns)
            else:
                after = nskip(ndo, self.at)
                after = None if after is None else after + 4
            if after is None:
                raise Cut
            self.at = after
        ndo.p(f" {answers}/{servers}/{more}")
        self.records(answers, "", True)
        if ndo.v > 1:
            self.records(servers, " ns:")
            self.records(more, " ar:")

    def request(self) -> None:
        """A question."""
        ndo, flags = self.ndo, self.flags
        questions, answers, servers, more = self.counts
        if flags & 0x6CF:
            ndo.p(f" [b2&3=0x{flags:x}]")
        if flags >> 11 & 0xF == 1:
            ndo.p(f" [{questions}q]" if questions else "")
            ndo.p(f" [{answers}a]" if answers != 1 else "")
        else:
            ndo.p(f" [{answers}a]" if answers else "")
            ndo.p(f" [{questions}q]" if questions != 1 else "")
        ndo.p(f" [{servers}n]" if servers else "")
        ndo.p(f" [{more}au]" if more else "")
        for i in range(questions):
            after = _question(ndo, self.at, self.start, self.mdns) if not i or self.at < ndo.snapend else None
            if after is None:
                raise Cut
            self.at = after
        if ndo.v > 1:
            self.records(answers, "", True)
            self.records(servers, " ns:")
            self.records(more, " ar:")


def domain_print(ndo: Ndo, at: int, length: int, tcp: bool, mdns: bool) -> None:
    """A message."""
    ndo.protocol = "domain"
    if tcp:
        if length < 2:
            ndo.p(f" [DNS over TCP: length {length} < 2]")
            ndo.invalid()
            return
        length -= 2
        prefix = ndo.u2(at)
        if prefix != length:
            ndo.p(f" [prefix length({prefix}) != length({length})]")
            ndo.invalid()
            return
        at += 2
        ndo.p(" ")
    if length < 12:
        ndo.p(f"domain [length {length} < 12]")
        ndo.invalid()
        return
    if not ndo.ttest(at, 12):
        ndo.trunc()
        return
    try:
        Message(ndo, at, length, mdns).print()
    except Cut:
        ndo.trunc()


def udp_domain_print(ndo: Ndo, at: int, length: int) -> None:
    """A message over UDP."""
    domain_print(ndo, at, length, False, False)


def mdns_print(ndo: Ndo, at: int, length: int) -> None:
    """A message of multicast DNS."""
    domain_print(ndo, at, length, False, True)
