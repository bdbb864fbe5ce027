"""Advertisements of carp(4): CARP's own and those of VRRP version 3, over IPv4 and IPv6 (netinet/ip_carp.c, RFC 9568)."""

from __future__ import annotations

from hashlib import sha1
from hmac import new as hmac_new
from struct import Struct
from typing import TYPE_CHECKING

from vshell.abi.carp import CARP_VERSION_CARP, CARP_VERSION_VRRPV3, IN6ADDR_CARP_GROUP, INADDR_CARP_GROUP
from vshell.abi.socket import AF_INET, AF_INET6, IPPROTO_CARP
from vshell.kernel.net.mbuf import M_MCAST, m_get
from vshell.kernel.netinet.in_var import in_multicast
from vshell.kernel.netinet.ip_output import ip_output
from vshell.wire.cksum import in_cksum, in_pseudo
from vshell.wire.ip import HEADER
from vshell.wire.ip6 import in6_cksum, ip6_header, is_multicast, is_scoped

if TYPE_CHECKING:
    from vshell.kernel.net.ifnet import Ifnet
    from vshell.kernel.netinet.carp import CarpHost

ADVERTISEMENT = 1
TTL = 255
AUTHLEN = 7
"""Length of counter and digest, in words of 4 bytes."""

CARP_HEADER = Struct("!BBBBBBHII20s")
"""Version and type, vhid, skew, length of the authentication, demotion, interval, checksum, counter, digest."""
VRRP_HEADER = Struct("!BBBBHH")
"""Version and type, vrid, priority, count of addresses, interval (centiseconds), checksum; addresses follow."""
MINLEN = {CARP_VERSION_CARP: CARP_HEADER.size, CARP_VERSION_VRRPV3: VRRP_HEADER.size}


class Moptions4:
    """How advertisements are sent over IPv4."""

    __slots__ = ("ifp", "loop", "ttl")

    def __init__(self, ifp: Ifnet) -> None:
        self.ifp = ifp
        self.ttl = TTL
        self.loop = 0


def addresses(sc: CarpHost, family: int) -> list[bytes]:
    """The addresses of a virtual host in one family, in the order in which they came."""
    return [ia.addr for ia in sc.addrs if ia.family == family]


def digest(sc: CarpHost, counter: int) -> bytes:
    """carp_hmac_generate: over all addresses, each family in ascending order."""
    message = bytes((CARP_VERSION_CARP, ADVERTISEMENT, sc.vhid))
    for family in (AF_INET, AF_INET6):
        message += b"".join(sorted(addresses(sc, family)))
    return hmac_new(sc.key.ljust(20, b"\0")[:20], message + counter.to_bytes(8, "big"), sha1).digest()


def _carp(sc: CarpHost) -> bytes:
    """carp_prepare_ad: the next one, checksum included."""
    module = sc.module
    if sc.counter < 0:
        sc.counter = int.from_bytes(sc.ifp.kernel.random.bytes(8), "big")
    else:
        sc.counter = (sc.counter + 1) & 0xFFFFFFFFFFFFFFFF
    demotion = max(0, min(module.demotion, 255))
    high, low = sc.counter >> 32, sc.counter & 0xFFFFFFFF
    fields = (CARP_VERSION_CARP << 4 | ADVERTISEMENT, sc.vhid, sc.skew(), AUTHLEN, demotion, sc.advbase)
    body = CARP_HEADER.pack(*fields, 0, high, low, digest(sc, sc.counter))
    return body[:6] + in_cksum(body).to_bytes(2, "big") + body[8:]


def _vrrp(sc: CarpHost, family: int, src: bytes, dst: bytes) -> bytes:
    """vrrp_send_ad_locked's body, checksum included."""
    addrs = addresses(sc, family)
    fields = (CARP_VERSION_VRRPV3 << 4 | ADVERTISEMENT, sc.vhid, sc.vrrp_prio & 0xFF, len(addrs), sc.vrrp_adv_inter & 0xFFFF)
    body = VRRP_HEADER.pack(*fields, 0) + b"".join(addrs)
    if family == AF_INET:
        cksum = in_cksum(body, in_pseudo(src, dst, IPPROTO_CARP, len(body)))
    else:
        cksum = in6_cksum(src, dst, IPPROTO_CARP, body)
    return body[:6] + cksum.to_bytes(2, "big") + body[8:]


def source(ifp: Ifnet, family: int) -> bytes:
    """carp_best_ifa: the first address, one of the interface itself before one that is shared and not ours now."""
    best = None
    for ia in ifp.addrs:
        if ia.family != family:
            continue
        if best is None or (best.carp is not None and (ia.carp is None or (ia.carp.master() and not best.carp.master()))):
            best = ia
    if best is not None:
        return best.addr
    return bytes(4 if family == AF_INET else 16)


def send(sc: CarpHost) -> None:
    """send_ad_locked, without the wait for the next one: in every family the virtual host has addresses of."""
    if addresses(sc, AF_INET):
        sc.sent(_send4(sc))
    if addresses(sc, AF_INET6):
        sc.sent(_send6(sc))


def _send4(sc: CarpHost) -> int:
    ifp, module = sc.ifp, sc.module
    vrrp = sc.version == CARP_VERSION_VRRPV3
    src, dst = source(ifp, AF_INET), INADDR_CARP_GROUP if vrrp else sc.peer
    body = _vrrp(sc, AF_INET, src, dst) if vrrp else _carp(sc)
    header = HEADER.pack(0x45, module.dscp << 2, 20 + len(body), 0, 0x4000, TTL, IPPROTO_CARP, 0, src, dst)
    m = m_get(header + body)
    if in_multicast(dst):
        m.flags |= M_MCAST
        m.tags = {"carp": sc}
    module.stat.opackets += 1
    return ip_output(ifp.vnet, m, imo=sc.cif.imo)


def _send6(sc: CarpHost) -> int:
    from vshell.kernel.netinet6.ip6_output import Moptions, ip6_output

    ifp, module = sc.ifp, sc.module
    vrrp = sc.version == CARP_VERSION_VRRPV3
    src, dst = source(ifp, AF_INET6), IN6ADDR_CARP_GROUP if vrrp else sc.peer6
    body = _vrrp(sc, AF_INET6, src, dst) if vrrp else _carp(sc)
    m = m_get(ip6_header(src, dst, IPPROTO_CARP, len(body), TTL, module.dscp << 22) + body)
    if is_multicast(dst):
        m.flags |= M_MCAST
        m.tags = {"carp": sc}
    module.stat.opackets6 += 1
    return ip6_output(ifp.vnet, m, moptions=Moptions(ifp, TTL, False), ifp=ifp if is_scoped(dst) else None)
