"""IPv6 packets into IPv4 packets and back (nat64/nat64_translate.c; RFC 6052, RFC 7915).

The translators hand over a packet and its new addresses; what comes out is put back into the input queue, where routing takes
it on (or, with net.inet.ip.fw.nat64_direct_output, is sent at once).  Messages about errors are translated with the packet
they carry; what cannot be translated is answered with a message of the same family.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from vshell.abi.errno import KError
from vshell.abi.ip_fw_nat64 import NAT64_ALLOW_PRIVATE, NAT64_LOG, WKPFX
from vshell.abi.socket import (
    AF_INET,
    AF_INET6,
    IPPROTO_DSTOPTS,
    IPPROTO_FRAGMENT,
    IPPROTO_HOPOPTS,
    IPPROTO_ICMP,
    IPPROTO_ICMPV6,
    IPPROTO_ROUTING,
    IPPROTO_TCP,
    IPPROTO_UDP,
)
from vshell.kernel.kern.module import SI_SUB_PROTO_FIREWALL, Sysctl, VnetModule, sysctl_proc
from vshell.kernel.net.mbuf import LEADING_SPACE, Mbuf
from vshell.kernel.net.route.nhop import NHF_BLACKHOLE, NHF_BROADCAST, NHF_REJECT, Nhop
from vshell.kernel.net.route.route_tables import fib_lookup
from vshell.kernel.netinet.ip_input import ip_input
from vshell.kernel.netinet.ip_var import Ip
from vshell.kernel.netinet6.in6_src import in6_selectsrc
from vshell.kernel.netinet6.in6_var import Ip6
from vshell.kernel.netinet6.ip6_input import ip6_input
from vshell.kernel.netpfil.ipfw.ip_fw_bpf import LogIfs
from vshell.kernel.netpfil.ipfw.ip_fw_eaction import NamedObject
from vshell.wire.cksum import in_cksum
from vshell.wire.ip import HEADER as IP4
from vshell.wire.ip import IP_DF, IP_MF, IP_OFFMASK, ip_pack
from vshell.wire.ip import Ip as IpHdr
from vshell.wire.ip6 import IP6, in6_cksum, ip6_header

if TYPE_CHECKING:
    from vshell.kernel.net.vnet import Vnet

NAT64SKIP, NAT64RETURN, NAT64MFREE = 0, 1, -1
IPV6_MMTU, IP6_LEN, IP4_LEN, FRAG_LEN, ICMP_LEN = 1280, 40, 20, 8, 8
REFLECTED = 64
"""How much of a packet a message about it carries."""
UNREACH6, TOO_BIG6, TIME6, PARAM6, ECHO6, REPLY6, REDIRECT6 = 1, 2, 3, 4, 128, 129, 137
ECHOREPLY, UNREACH, ECHO, TIMXCEED, PARAMPROB = 0, 3, 8, 11, 12
INFOTYPES = (0, 8, 9, 10, 13, 14, 15, 16, 17, 18)
LENGTHS = (32, 40, 48, 56, 64, 96)
FIELDS = (
    "opcnt64", "opcnt46", "ofrags", "ifrags", "oerrors", "noroute4", "noroute6", "nomatch4", "noproto", "nomem", "dropped",
    "jrequests", "jcalls", "jhostsreq", "jportreq", "jhostfails", "jportfails", "jmaxlen", "jnomem", "jreinjected", "screated",
    "sdeleted", "spgcreated", "spgdeleted",
)  # fmt: skip
PFLOG_HDRLEN, PFLOG_REAL_HDRLEN, PF_NAT, PF_IN, PF_OUT = 72, 69, 4, 1, 2

Log = Callable[[int, int, Mbuf], None]
"""log(family, direction, packet)."""


class Nat64(VnetModule, sub=SI_SUB_PROTO_FIREWALL):
    """How a stack's translators send."""

    debug = Sysctl("net.inet.ip.fw.nat64_debug", 0, "Debug level for NAT64 module")

    def __init__(self, vnet: Vnet) -> None:
        super().__init__(vnet)
        self.direct = False

    @sysctl_proc(
        "net.inet.ip.fw.nat64_direct_output",
        "Use if_output directly instead of deffered netisr-based processing",
        fmt="uint32_t",
    )
    def _direct(self, td: Any, new: Any) -> Any:
        """0 or 1."""
        if new is not None:
            self.direct = bool(new)
        return int(self.direct)


class Nat64Instance(NamedObject):
    """struct nat64_config: what the instances of all translators have."""

    def __init__(self, vnet: Vnet, kind: str, name: str, which: int, plat: tuple[bytes, int], flags: int) -> None:
        super().__init__(kind, name, which)
        self.vnet = vnet
        self.plat_prefix, self.plat_plen = plat
        self.clat_prefix, self.clat_plen = bytes(16), 0
        self.flags = flags
        self.stats = dict.fromkeys(FIELDS, 0)

    def private(self, addr: bytes) -> bool:
        """nat64_check_private_ip4: an address the well-known prefix must not stand for."""
        if self.flags & NAT64_ALLOW_PRIVATE or self.plat_prefix[:12] != WKPFX[:12]:
            return False
        number = int.from_bytes(addr, "big")
        return any(number & mask == net for net, mask in PRIVATE)

    def tap(self, ifname: str, rulenr: int, subrulenr: int) -> Log | None:
        """The function that shows packets at ipfwlog0; None if that is not wanted."""
        if not self.flags & NAT64_LOG:
            return None
        ifp = self.vnet[LogIfs].found.get("ipfwlog")
        if ifp is None or not ifp.bpf:
            return None

        def log(family: int, direction: int, m: Mbuf) -> None:
            head = bytes((PFLOG_REAL_HDRLEN, family, PF_NAT, 0)) + ifname.encode().ljust(16, b"\0") + bytes(16)
            head += rulenr.to_bytes(4, "big") + subrulenr.to_bytes(4, "big") + bytes(16) + bytes((direction,))
            frame = Mbuf(bytearray(head.ljust(PFLOG_HDRLEN, b"\0")) + m.data[m.off :], 0, m.rcvif, m.fib)
            for each in ifp.bpf:
                each(ifp, frame, False)

        return log


PRIVATE = (
    (0x0A000000, 0xFF000000), (0xAC100000, 0xFFF00000), (0xC0A80000, 0xFFFF0000), (0xC0000000, 0xFFFFFF00),
    (0xC0586300, 0xFFFFFF00), (0xC6120000, 0xFFFFFE00), (0xC0000200, 0xFFFFFF00), (0xC6336400, 0xFFFFFE00),
    (0xCB007100, 0xFFFFFF00),
)  # fmt: skip
"""Networks that are not global, with their masks (RFC 5735); of 198.18.0.0/15 only the first 512 addresses are meant."""


# addresses -----------------------------------------------------------------------------------------------------


def check_ip6(addr: bytes) -> bool:
    """nat64_check_ip6: fit to be translated?"""
    return addr[:2] != b"\0\0" and addr[0] != 0xFF and not (addr[0] == 0xFE and addr[1] & 0xC0 == 0x80)


def check_ip4(addr: bytes) -> bool:
    """nat64_check_ip4: fit to be translated?"""
    return addr[0] < 224 and addr[0] != 127 and addr[:2] != b"\xa9\xfe"


def check_prefix6(prefix: bytes, plen: int) -> bool:
    """nat64_check_prefix6 (RFC 6052)."""
    if plen not in LENGTHS or (prefix[:12] == WKPFX[:12] and plen != 96) or prefix[8]:
        return False
    return prefix[0] != 0xFF and prefix not in (bytes(16), bytes(15) + b"\1")


def embed_ip4(prefix: bytes, plen: int, addr: bytes) -> bytes:
    """nat64_embed_ip4: the IPv4 address behind the prefix; octet 8 stays zero."""
    if plen in (32, 96):
        new = prefix[: plen // 8] + addr + prefix[plen // 8 + 4 :]
        return new[:8] + b"\0" + new[9:]
    at = plen // 8
    new = prefix[:at] + addr[: 8 - at] + b"\0" + addr[8 - at :]
    return new.ljust(12, b"\0") + prefix[12:] if at < 8 else new.ljust(16, b"\0")


def extract_ip4(addr: bytes, plen: int) -> bytes | None:
    """nat64_extract_ip4; None if there is no fit one, or if something stands behind it."""
    found = addr[12:]
    if plen != 96:
        whole = addr[plen // 8 : 8] + addr[9:]
        found = whole[:4]
        if addr[8] or any(whole[4:]):
            return None
    return found if check_ip4(found) and found != bytes(4) else None


# checksums -----------------------------------------------------------------------------------------------------


def cksum_add(total: int, word: int) -> int:
    """Ones' complement addition."""
    total += word
    return (total & 0xFFFF) + (total >> 16)


def cksum_adjust(cksum: int, old: int, new: int) -> int:
    """A checksum after one word changed."""
    return cksum_add(cksum, cksum_add(~new & 0xFFFF, old))


def _words(octets: bytes) -> int:
    return sum(octets[::2]) * 256 + sum(octets[1::2])


def _fold(total: int) -> int:
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def cksum_convert(addrs6: bytes, addrs4: bytes) -> int:
    """nat64_cksum_convert: to be added when both IPv6 addresses give way to the IPv4 addresses."""
    return _fold(_words(addrs6) + 4 * 0xFFFF - _words(addrs4))


def _pseudo6(addrs6: bytes, length: int, proto: int) -> int:
    return _fold(_words(addrs6) + length + proto)


def _get(data: bytearray | bytes, at: int) -> int:
    return data[at] << 8 | data[at + 1]


def _put(data: bytearray, at: int, value: int) -> None:
    data[at], data[at + 1] = value >> 8, value & 0xFF


def _change(data: bytearray, at: int, sum_at: int, new: int) -> None:
    """A port or identifier, with its checksum; 0 leaves it."""
    if new:
        _put(data, sum_at, cksum_adjust(_get(data, sum_at), _get(data, at), new))
        _put(data, at, new)


# sending -------------------------------------------------------------------------------------------------------


def find_route(vnet: Vnet, family: int, dst: bytes, fib: int) -> Nhop | None:
    """nat64_find_route4, nat64_find_route6."""
    nh = fib_lookup(vnet, family, dst, fib)
    bad = NHF_BLACKHOLE | NHF_REJECT | (NHF_BROADCAST if family == AF_INET else 0)
    return None if nh is None or nh.flags & bad else nh


def _made(m: Mbuf, packet: bytes | bytearray) -> Mbuf:
    """A packet in place of another: it keeps where it came from, and all that was noted about it."""
    new = Mbuf(bytearray(LEADING_SPACE) + packet, LEADING_SPACE, m.rcvif, m.fib)
    new.flags = m.flags
    new.tags = dict(m.tags) if m.tags else None
    return new


def output(cfg: Nat64Instance, m: Mbuf, nh: Nhop | None, dst: bytes, log: Log | None) -> int:
    """nat64_output, nat64_direct_output: an errno."""
    vnet = cfg.vnet
    family = AF_INET if m.data[m.off] >> 4 == 4 else AF_INET6
    direct = vnet[Nat64].direct
    if direct and nh is None:
        nh = find_route(vnet, family, dst, m.fib)
        if nh is None:
            cfg.stats["noroute4" if family == AF_INET else "noroute6"] += 1
            return 65
    if log is not None:
        log(family, PF_OUT, m)
    if direct and nh is not None:
        error = nh.ifp.output(m, family, nh.gateway or dst, None)
        if error:
            cfg.stats["oerrors"] += 1
        return error
    if m.rcvif is None:
        m.rcvif = vnet.loif
    vnet.kernel.netisrq.append((ip_input if family == AF_INET else ip6_input, m.rcvif, m))
    return 0


def icmp6_reflect(cfg: Nat64Instance, m: Mbuf, kind: int, code: int, mtu: int, log: Log | None) -> None:
    """nat64_icmp6_reflect: tell the sender of an IPv6 packet."""
    packet = bytes(m.data[m.off :])
    proto, at = last_header(packet)
    if proto == IPPROTO_ICMPV6 and at + 4 <= len(packet):
        if packet[at] < ECHO6 or packet[at] == REDIRECT6:
            proto = -1
        # Headers in between are left out.
        packet = packet[:IP6_LEN] + packet[at:]
    src = packet[8:24]
    try:
        if proto < 0:
            raise KError(22)
        own, _ = in6_selectsrc(cfg.vnet, src, fib=m.fib)
    except KError:
        cfg.stats["dropped"] += 1
        return
    body = bytes((kind, code, 0, 0)) + mtu.to_bytes(4, "big") + packet[:REFLECTED]
    body = body[:2] + in6_cksum(own, src, IPPROTO_ICMPV6, body).to_bytes(2, "big") + body[4:]
    header = ip6_header(own, src, IPPROTO_ICMPV6, len(body), cfg.vnet[Ip6].hlim)
    output(cfg, _made(m, header + body), None, src, log)


def icmp_reflect(cfg: Nat64Instance, m: Mbuf, kind: int, code: int, mtu: int, log: Log | None) -> None:
    """nat64_icmp_reflect: tell the sender of an IPv4 packet."""
    packet = bytes(m.data[m.off :])
    hlen = (packet[0] & 15) << 2
    about_error = packet[9] == IPPROTO_ICMP and (len(packet) <= hlen or packet[hlen] not in INFOTYPES)
    if _get(packet, 6) & ~(IP_MF | IP_DF) or about_error:
        cfg.stats["dropped"] += 1
        return
    shown = packet[: hlen + 8] if len(packet) > REFLECTED else packet
    body = bytes((kind, code, 0, 0, 0, 0)) + (mtu & 0xFFFF).to_bytes(2, "big") + shown
    body = body[:2] + in_cksum(body).to_bytes(2, "big") + body[4:]
    ip = cfg.vnet[Ip]
    dst = packet[12:16]
    header = ip_pack(IpHdr(packet[16:20], dst, IPPROTO_ICMP, IP4_LEN + len(body), ip.ttl, 0, ip.next_id(), IP_DF))
    output(cfg, _made(m, header + body), None, dst, log)


def last_header(packet: bytes | bytearray, off: int = 0) -> tuple[int, int]:
    """nat64_getlasthdr: the protocol behind the extension headers, and where it begins; -1 if the packet is cut short."""
    if len(packet) < off + IP6_LEN:
        return -1, off
    proto, at = packet[off + 6], off + IP6_LEN
    while proto in (IPPROTO_HOPOPTS, IPPROTO_ROUTING, IPPROTO_DSTOPTS):
        if at + 2 > len(packet) or (proto == IPPROTO_HOPOPTS and not _get(packet, off + 4)):
            return -1, at
        proto, at = packet[at], at + (packet[at + 1] + 1) * 8
    return proto, at


# IPv4 to IPv6 --------------------------------------------------------------------------------------------------

TO_UNREACH6 = {
    **dict.fromkeys((0, 1, 5, 6, 7, 11, 12), (UNREACH6, 0)), 2: (PARAM6, 1), 3: (UNREACH6, 4), 4: (TOO_BIG6, 0),
    **dict.fromkeys((9, 10, 13, 15), (UNREACH6, 1)),
}  # fmt: skip
"""Codes of ICMP_UNREACH as type and code of ICMPv6 (RFC 7915, 4.2)."""
POINTERS6 = {
    0: 0, 1: 1, 2: 4, 3: 4, 8: 7, 9: 6, **dict.fromkeys(range(12, 16), 8), **dict.fromkeys(range(16, 20), 24),
}  # fmt: skip
"""Where a field of the IPv4 header is in an IPv6 header."""


def _icmp_type(message: bytes | bytearray) -> tuple[int, int, int] | None:
    """Type, code and parameter of an ICMP message in ICMPv6."""
    kind, code = message[0], message[1]
    if kind in (ECHO, ECHOREPLY):
        return (ECHO6 if kind == ECHO else REPLY6), 0, 0
    if kind == UNREACH and code in TO_UNREACH6:
        mtu = max(IPV6_MMTU, _get(message, 6) + 20) if code == 4 else 0
        return *TO_UNREACH6[code], mtu
    if kind == TIMXCEED:
        return TIME6, code, 0
    if kind == PARAMPROB and code in (0, 2) and message[4] in POINTERS6:
        return PARAM6, 0, POINTERS6[message[4]]
    return None


def _echo(message: bytearray, addrs6: bytes, plen: int, ident: int, kind: int) -> None:
    """nat64_icmp_handle_echo: ICMPv6's checksum covers addresses too."""
    old = _get(message, 0)
    message[0] = kind
    _put(message, 2, cksum_adjust(_get(message, 2), old, _get(message, 0)))
    _change(message, 4, 2, ident)
    _put(message, 2, ~_fold(_pseudo6(addrs6, plen, IPPROTO_ICMPV6) + (~_get(message, 2) & 0xFFFF)) & 0xFFFF)


def _icmp_translate(cfg: Nat64Instance, message: bytearray, addrs6: bytes, ident: int) -> bytearray | None:
    """nat64_icmp_translate: the ICMPv6 message; None if there is none."""
    what = _icmp_type(message) if len(message) >= ICMP_LEN else None
    if what is None:
        return None
    kind, code, param = what
    if kind in (ECHO6, REPLY6):
        _echo(message, addrs6, len(message), ident, kind)
        return message
    inner = message[ICMP_LEN:]
    if len(inner) < IP4_LEN + ICMP_LEN or inner[0] >> 4 != 4:
        return None
    hlen = (inner[0] & 15) << 2
    src, dst = bytes(inner[12:16]), bytes(inner[16:20])
    if not (check_ip4(src) and check_ip4(dst)) or cfg.private(src) or cfg.private(dst) or len(inner) < hlen + ICMP_LEN:
        return None
    data = inner[hlen:][: REFLECTED - ICMP_LEN - IP6_LEN]
    to6 = embed_ip4(addrs6[:16], cfg.plat_plen, dst)
    inner6 = addrs6[16:] + to6
    proto = inner[9]
    if proto in (IPPROTO_TCP, IPPROTO_UDP):
        sum_at = 16 if proto == IPPROTO_TCP else 6
        if len(data) >= sum_at:
            data += bytes(max(0, sum_at + 2 - len(data)))
            _change(data, 0, sum_at, ident)
            _put(data, sum_at, cksum_add(_get(data, sum_at), ~cksum_convert(inner6, src + dst) & 0xFFFF))
    elif proto == IPPROTO_ICMP:
        if data[0] != ECHO:
            return None
        _echo(data, inner6, _get(inner, 2) - hlen, ident, ECHO6)
    nxt = IPPROTO_ICMPV6 if proto == IPPROTO_ICMP else proto
    head = ip6_header(inner6[:16], inner6[16:], nxt, _get(inner, 2) - hlen & 0xFFFF, inner[8], inner[1] << 20)
    new = bytearray((kind, code, 0, 0)) + param.to_bytes(4, "big") + head + data
    _put(new, 2, in6_cksum(addrs6[:16], addrs6[16:], IPPROTO_ICMPV6, new))
    return new


def _fragment6(
    cfg: Nat64Instance, header: tuple[int, int, int, bytes], payload: bytearray, mtu: int, frag: tuple[int, int]
) -> list[bytes]:
    """nat64_fragment6: whole if it fits and was whole, else in pieces with a fragment header."""
    word, nxt, hlim, addrs = header
    ident, off = frag
    if not off and len(payload) <= mtu - IP6_LEN:
        return [IP6.pack(word, len(payload), nxt, hlim, addrs[:16], addrs[16:]) + payload]
    offset = (off & IP_OFFMASK) << 3
    if off:
        cfg.stats["ifrags"] += 1
    else:
        ident = cfg.vnet.kernel.random.arc4random()
    size = mtu - IP6_LEN - FRAG_LEN & ~7
    out = []
    for at in range(0, len(payload), size):
        piece = payload[at : at + size]
        more = at + size < len(payload) or bool(off & IP_MF)
        ext = bytes((nxt, 0)) + (offset + at & 0xFFFF | more).to_bytes(2, "big") + ident.to_bytes(4, "big")
        out.append(IP6.pack(word, len(piece) + FRAG_LEN, IPPROTO_FRAGMENT, hlim, addrs[:16], addrs[16:]) + ext + piece)
    cfg.stats["ofrags"] += len(out)
    return out


def do_handle_ip4(cfg: Nat64Instance, m: Mbuf, src: bytes, dst: bytes, lport: int, log: Log | None) -> int:
    """nat64_do_handle_ip4: an IPv4 packet becomes one from src to dst; `lport` replaces its port or identifier there."""
    direct = cfg.vnet[Nat64].direct
    packet = m.data[m.off :]
    vhl, tos, length, ident, off, ttl, proto, _, src4, dst4 = IP4.unpack_from(packet)
    hlen = (vhl & 15) << 2
    payload = packet[hlen:length]
    if direct and ttl <= 1:
        icmp_reflect(cfg, m, TIMXCEED, 0, 0, log)
        return NAT64RETURN
    if off & IP_MF and len(payload) & 7:
        icmp_reflect(cfg, m, PARAMPROB, 2, 0, log)
        return NAT64RETURN
    frag = off & (IP_OFFMASK | IP_MF)
    if proto == IPPROTO_ICMP and frag:
        cfg.stats["dropped"] += 1
        return NAT64MFREE
    nh = find_route(cfg.vnet, AF_INET6, dst, m.fib)
    if nh is None:
        cfg.stats["noroute6"] += 1
        icmp_reflect(cfg, m, UNREACH, 1, 0, log)
        return NAT64RETURN
    if nh.mtu < len(payload) + IP6_LEN and off & IP_DF:
        icmp_reflect(cfg, m, UNREACH, 4, nh.mtu - IP6_LEN - FRAG_LEN + IP4_LEN, log)
        return NAT64RETURN
    new = _payload6(cfg, payload, proto, src + dst, src4 + dst4, lport)
    if new is None:
        cfg.stats["dropped"] += 1
        return NAT64RETURN
    header = (0x60000000 | tos << 20, IPPROTO_ICMPV6 if proto == IPPROTO_ICMP else proto, ttl - direct, src + dst)
    for each in _fragment6(cfg, header, new, nh.mtu, (ident, frag)):
        if output(cfg, _made(m, each), nh, dst, log):
            break
        cfg.stats["opcnt46"] += 1
    return NAT64RETURN


def _payload6(cfg: Nat64Instance, payload: bytearray, proto: int, addrs6: bytes, addrs4: bytes, lport: int) -> bytearray | None:
    """The upper header with its checksum for IPv6."""
    if proto == IPPROTO_ICMP:
        return _icmp_translate(cfg, payload, addrs6, lport)
    if proto in (IPPROTO_TCP, IPPROTO_UDP):
        at = 16 if proto == IPPROTO_TCP else 6
        if len(payload) >= at + 2:
            _change(payload, 2, at, lport)
            _put(payload, at, cksum_add(_get(payload, at), ~cksum_convert(addrs6, addrs4) & 0xFFFF))
    return payload


# IPv6 to IPv4 --------------------------------------------------------------------------------------------------

POINTERS4 = {
    0: 0, 1: 1, 4: 2, 5: 2, 6: 9, 7: 8, **dict.fromkeys(range(8, 24), 12), **dict.fromkeys(range(24, 40), 16),
}  # fmt: skip
"""Where a field of the IPv6 header is in an IPv4 header."""
FROM_UNREACH6 = {0: 1, 2: 1, 3: 1, 1: 10, 4: 3}
"""Codes of ICMP6_DST_UNREACH as codes of ICMP_UNREACH."""


def _icmp6_type(message: bytes | bytearray) -> tuple[int, int, int] | None:
    """Type, code and parameter of an ICMPv6 error in ICMP; a parameter problem always becomes "protocol unreachable"."""
    kind, code, param = message[0], message[1], int.from_bytes(message[4:8], "big")
    if kind == UNREACH6 and code in FROM_UNREACH6:
        return UNREACH, FROM_UNREACH6[code], 0
    if kind == TOO_BIG6 and param >= IPV6_MMTU:
        return UNREACH, 4, param - IP6_LEN + IP4_LEN
    if kind == TIME6:
        return TIMXCEED, code, 0
    if kind == PARAM6 and code == 0 and param in POINTERS4:
        return UNREACH, 2, POINTERS4[param]
    return (UNREACH, 2, 0) if kind == PARAM6 and code == 1 else None


def init_ip4hdr(cfg: Nat64Instance, word: int, hlim: int, plen: int, proto: int, addrs4: bytes, frag: bytes | None) -> bytes:
    """nat64_init_ip4hdr: an IPv4 header; `frag` is the fragment header."""
    off = IP_DF
    if frag is not None:
        offlg = _get(frag, 2)
        off = offlg >> 3 | (IP_MF if offlg & 1 else 0)
    ttl = hlim - cfg.vnet[Nat64].direct & 0xFF
    ident = cfg.vnet[Ip].next_id()
    proto = IPPROTO_ICMP if proto == IPPROTO_ICMPV6 else proto
    return ip_pack(IpHdr(addrs4[:4], addrs4[4:], proto, IP4_LEN + plen & 0xFFFF, ttl, word >> 20 & 0xFF, ident, off))


def handle_icmp6(cfg: Nat64Instance, m: Mbuf, at: int, aaddr: bytes, log: Log | None) -> int:
    """nat64_handle_icmp6: an error about a translated packet, for the IPv4 side; `at` is where it begins, 0 if not known."""
    packet = m.data[m.off :]
    if not at:
        if not (check_ip6(bytes(packet[8:24])) and check_ip6(bytes(packet[24:40]))):
            return NAT64SKIP
        proto, at = last_header(packet)
        if proto != IPPROTO_ICMPV6:
            cfg.stats["dropped"] += 1
            return NAT64MFREE
    what = _icmp6_type(packet[at : at + 8]) if at + 8 <= len(packet) else None
    inner = at + ICMP_LEN
    if what is None or len(packet) < inner + IP6_LEN + ICMP_LEN:
        cfg.stats["dropped"] += 1
        return NAT64MFREE
    kind, code, mtu = what
    word, plen, proto, hlim, src, dst = IP6.unpack_from(packet, inner)
    body = inner + IP6_LEN
    frag = None
    if proto == IPPROTO_FRAGMENT and len(packet) >= body + FRAG_LEN + ICMP_LEN:
        frag = bytes(packet[body : body + FRAG_LEN])
        proto, plen, body = frag[0], plen - FRAG_LEN, body + FRAG_LEN
        mtu -= FRAG_LEN if (kind, code) == (UNREACH, 4) else 0
    src4 = extract_ip4(src, cfg.plat_plen)
    known = check_ip6(src) and check_ip6(dst) and packet[24:40] == src
    if proto not in (IPPROTO_TCP, IPPROTO_UDP) or not known or src4 is None:
        cfg.stats["dropped"] += 1
        return NAT64RETURN
    hlim += cfg.vnet[Nat64].direct
    header = init_ip4hdr(cfg, word, hlim, plen, proto, src4 + aaddr, frag)
    icmp_reflect(cfg, _made(m, header + packet[body:]), kind, code, mtu, log)
    return NAT64RETURN


def _frag6(cfg: Nat64Instance, m: Mbuf, packet: bytearray, at: int, log: Log | None) -> int:
    """Is that fragment one to translate?  0, or how it ended."""
    if len(packet) < at + FRAG_LEN or packet[at] == IPPROTO_ICMPV6:
        cfg.stats["dropped"] += 1
        return NAT64MFREE
    if packet[at + 3] & 1 and _get(packet, 4) + IP6_LEN - at - FRAG_LEN & 7:
        icmp6_reflect(cfg, m, PARAM6, 0, 4, log)
        return NAT64RETURN
    return 0


def do_handle_ip6(cfg: Nat64Instance, m: Mbuf, aaddr: bytes, aport: int, log: Log | None) -> int:
    """nat64_do_handle_ip6: an IPv6 packet becomes one from aaddr; `aport` replaces its port or identifier."""
    packet = m.data[m.off :]
    word, plen, _, hlim, src, dst = IP6.unpack_from(packet)
    if not (check_ip6(src) and check_ip6(dst)):
        return NAT64SKIP
    dst4 = extract_ip4(dst, cfg.plat_plen)
    if not check_ip4(aaddr) or dst4 is None:
        cfg.stats["dropped"] += 1
        return NAT64MFREE
    if cfg.vnet[Nat64].direct and hlim <= 1:
        icmp6_reflect(cfg, m, TIME6, 0, 0, log)
        return NAT64RETURN
    proto, at = last_header(packet)
    frag = None
    if proto == IPPROTO_FRAGMENT:
        ended = _frag6(cfg, m, packet, at, log)
        if ended:
            return ended
        frag = bytes(packet[at : at + FRAG_LEN])
        proto, at = frag[0], at + FRAG_LEN
    plen -= at - IP6_LEN
    if proto < 0 or plen < 0 or len(packet) < plen + at:
        cfg.stats["dropped"] += 1
        return NAT64MFREE
    if proto == IPPROTO_ICMPV6 and packet[at : at + 1] not in (bytes((ECHO6,)), bytes((REPLY6,))):
        return handle_icmp6(cfg, m, at, aaddr, log)
    nh = find_route(cfg.vnet, AF_INET, dst4, m.fib)
    if nh is None:
        cfg.stats["noroute4"] += 1
        icmp6_reflect(cfg, m, UNREACH6, 0, 0, log)
        return NAT64RETURN
    if nh.mtu < plen + IP4_LEN:
        icmp6_reflect(cfg, m, TOO_BIG6, 0, nh.mtu, log)
        return NAT64RETURN
    header = init_ip4hdr(cfg, word, hlim, plen, proto, aaddr + dst4, frag)
    payload = packet[at : at + plen]
    _payload4(payload, proto, src + dst, aaddr + dst4, aport)
    if output(cfg, _made(m, header + payload), nh, dst4, log) == 0:
        cfg.stats["opcnt64"] += 1
    return NAT64RETURN


def _payload4(payload: bytearray, proto: int, addrs6: bytes, addrs4: bytes, aport: int) -> None:
    """The upper header with its checksum for IPv4."""
    if proto in (IPPROTO_TCP, IPPROTO_UDP):
        at = 16 if proto == IPPROTO_TCP else 6
        if len(payload) >= at + 2:
            _change(payload, 0, at, aport)
            _put(payload, at, cksum_add(_get(payload, at), cksum_convert(addrs6, addrs4)))
    elif proto == IPPROTO_ICMPV6 and len(payload) >= ICMP_LEN:
        _put(payload, 2, cksum_add(_get(payload, 2), _pseudo6(addrs6, len(payload), IPPROTO_ICMPV6)))
        old = _get(payload, 0)
        payload[0] = ECHO if payload[0] == ECHO6 else ECHOREPLY
        _put(payload, 2, cksum_adjust(_get(payload, 2), old, _get(payload, 0)))
        _change(payload, 4, 2, aport)
