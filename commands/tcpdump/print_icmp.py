"""tcpdump: ICMP (print-icmp.c)."""

from __future__ import annotations

from vshell.commands.tcpdump.netdissect import Ndo, Trunc, in_cksum_shouldbe, tok2str
from vshell.commands.tcpdump.print_ip import ip_print
from vshell.wire.cksum import in_cksum

UNREACH, QUENCH, REDIRECT, TIMXCEED, PARAMPROB = 3, 4, 5, 11, 12
ERRORS = (UNREACH, QUENCH, REDIRECT, TIMXCEED, PARAMPROB)
EXTENDED = (UNREACH, TIMXCEED, PARAMPROB)
EXTD_MINLEN = 136
PLAIN = {4: "source quench", 10: "router solicitation", 15: "information request", 16: "information reply",
         17: "address mask request"}  # fmt: skip
UNREACHABLE = {
    0: "net {} unreachable", 1: "host {} unreachable", 5: "{} unreachable - source route failed",
    6: "net {} unreachable - unknown", 7: "host {} unreachable - unknown", 8: "{} unreachable - source host isolated",
    9: "net {} unreachable - admin prohibited", 10: "host {} unreachable - admin prohibited",
    11: "net {} unreachable - tos prohibited", 12: "host {} unreachable - tos prohibited",
    13: "host {} unreachable - admin prohibited filter", 14: "host {} unreachable - host precedence violation",
    15: "host {} unreachable - precedence cutoff",
}  # fmt: skip
REDIRECTS = {
    0: "redirect {} to net {}",
    1: "redirect {} to host {}",
    2: "redirect-tos {} to net {}",
    3: "redirect-tos {} to host {}",
}
OBJECTS = {1: "MPLS Stack Entry", 2: "Interface Identification"}


def tstamp(value: int) -> str:
    """icmp_tstamp_print: ms since midnight."""
    seconds, ms = divmod(value, 1000)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{ms:03d}"


def _unreachable(ndo: Ndo, at: int, code: int) -> str:
    inner = at + 8
    if code in UNREACHABLE:
        return UNREACHABLE[code].format(ndo.ipaddr(inner + 16))
    if code == 2:
        return f"{ndo.ipaddr(inner + 16)} protocol {ndo.u1(inner + 9)} unreachable"
    if code == 3:
        hlen = (ndo.u1(inner) & 0xF) * 4
        port, proto = ndo.u2(inner + hlen + 2), ndo.u1(inner + 9)
        dst = ndo.ipaddr(inner + 16)
        if proto == 6:
            return f"{dst} tcp port {ndo.tcpport(port)} unreachable"
        if proto == 17:
            return f"{dst} udp port {ndo.udpport(port)} unreachable"
        return f"{dst} protocol {proto} port {port} unreachable"
    if code == 4:
        mtu = ndo.u2(at + 6)
        return f"{ndo.ipaddr(inner + 16)} unreachable - need to frag" + (f" (mtu {mtu})" if mtu else "")
    return f"{ndo.ipaddr(inner + 16)} unreachable - #{code}"


def _advertisement(ndo: Ndo, at: int) -> str:
    ndo.tcheck(at + 4, 4)
    life = ndo.u2(at + 6)
    text = "router advertisement lifetime "
    if life < 60:
        text += f"{life}"
    elif life < 3600:
        text += f"{life // 60}:{life % 60:02d}"
    else:
        text += f"{life // 3600}:{life % 3600 // 60:02d}:{life % 60:02d}"
    count, size = ndo.u1(at + 4), ndo.u1(at + 5)
    text += f" {count}:"
    if size != 2:
        return f"{text} [size {size}]"
    for i in range(count):
        text += f" {{{ndo.ipaddr(at + 8 + 8 * i)} {ndo.u4(at + 12 + 8 * i)}}}"
    return text


def _text(ndo: Ndo, at: int, kind: int, code: int) -> str:
    """What a message says."""
    if kind in (0, 8):
        return f"echo {'request' if kind == 8 else 'reply'}, id {ndo.u2(at + 4)}, seq {ndo.u2(at + 6)}"
    if kind == UNREACH:
        return _unreachable(ndo, at, code)
    if kind == REDIRECT:
        text = REDIRECTS.get(code, f"redirect-#{code} {{}} to {{}}")
        return text.format(ndo.ipaddr(at + 24), ndo.ipaddr(at + 4))
    if kind == 9:
        return _advertisement(ndo, at)
    if kind == TIMXCEED:
        ndo.tcheck(at + 24, 4)
        return tok2str({0: "time exceeded in-transit", 1: "ip reassembly time exceeded"}, "time exceeded-#%u", code)
    if kind == PARAMPROB:
        return f"parameter problem - code {code}" if code else f"parameter problem - octet {ndo.u1(at + 4)}"
    if kind == 18:
        return f"address mask is 0x{ndo.u4(at + 8):08x}"
    if kind == 13:
        return f"time stamp query id {ndo.u2(at + 4)} seq {ndo.u2(at + 6)}"
    if kind == 14:
        return (
            f"time stamp reply id {ndo.u2(at + 4)} seq {ndo.u2(at + 6)}: org {tstamp(ndo.u4(at + 8))}, "
            f"recv {tstamp(ndo.u4(at + 12))}, xmit {tstamp(ndo.u4(at + 16))}"
        )
    return tok2str(PLAIN, "type-#%u", kind)


def icmp_print(ndo: Ndo, at: int, plen: int, ip: int, fragmented: bool) -> None:
    """A message."""
    ndo.protocol = "icmp"
    kind, code = ndo.u1(at), ndo.u1(at + 1)
    if kind in (TIMXCEED, 14) and not ndo.ttest(at + (24 if kind == TIMXCEED else 16), 4):
        ndo.trunc()
        return
    ndo.p(f"ICMP {_text(ndo, at, kind, code)}, length {plen}")
    if not ndo.v:
        return
    if not fragmented and ndo.ttest(at, plen):
        bad = in_cksum(ndo.get(at, plen))
        if bad:
            field = ndo.u2(at + 2)
            ndo.p(f" (wrong icmp cksum {field:x} (->{in_cksum_shouldbe(field, bad):x})!)")
    if kind in ERRORS:
        inner = at + 8
        ndo.p("\n\t")
        size = ndo.u2(inner + 2)
        saved = ndo.snapend
        ndo.snapend = min(inner + size, saved)
        ip_print(ndo, inner, size)
        ndo.snapend = saved
    ndo.protocol = "icmp"
    if plen > EXTD_MINLEN and kind in EXTENDED:
        _multipart(ndo, at, plen)


def _multipart(ndo: Ndo, at: int, plen: int) -> None:
    """The extension structure behind the quoted packet (RFC 4884)."""
    if not ndo.ttest(at, 141):
        ndo.trunc()
        return
    ext, left = at + 136, plen - EXTD_MINLEN
    whole = ndo.ttest(ext, left)
    if not ndo.u1(at + 5) and whole and in_cksum(ndo.get(ext, left)):
        return
    version = ndo.u1(ext) >> 4
    ndo.p(f"\n\tICMP Multi-Part extension v{version}")
    if version != 2:
        ndo.p(" packet not supported")
        return
    if whole:
        right = "in" if in_cksum(ndo.get(ext, left)) else ""
        ndo.p(f", checksum 0x{ndo.u2(ext + 2):04x} ({right}correct), length {left}")
    left -= 4
    obj = ext + 4
    while left > 4:
        if not ndo.ttest(obj, 4):
            raise Trunc
        size, number, ctype = ndo.u2(obj), ndo.u1(obj + 2), ndo.u1(obj + 3)
        obj += 4
        ndo.p(f"\n\t  {OBJECTS.get(number, 'unknown')} Object ({number}), Class-Type: {ctype}, length {size}")
        left -= 4
        if not number or size < 4:
            return
        size -= 4
        if number == 1 and ctype == 1:
            label = ndo.u4(obj)
            ndo.p(f"\n\t    label {label >> 12}, tc {label >> 9 & 7}{', [S]' if label & 0x100 else ''}, ttl {label & 0xFF}")
        else:
            ndo.unknown_data(obj, "\n\t    ", size)
        if left < size:
            return
        left -= size
        obj += size
