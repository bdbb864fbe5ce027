"""What an interface gets by itself for IPv6: interface identifiers, the link-local address, ::1 (netinet6/in6_ifattach.c)."""

from __future__ import annotations

from hashlib import md5, sha256
from hmac import new as hmac_new

from vshell.abi.errno import KError
from vshell.abi.in6 import (
    ND6_IFF_AUTO_LINKLOCAL,
    ND6_IFF_IFDISABLED,
    ND6_IFF_NO_DAD,
    ND6_IFF_STABLEADDR,
    SIOCAIFADDR_IN6,
)  # fmt: skip
from vshell.abi.sockio import IFF_LOOPBACK, IFF_MULTICAST, IFT_BRIDGE, IFT_ETHER, IFT_IEEE8023ADLAG, IFT_L2VLAN, IFT_STF
from vshell.kernel.net.ifnet import Ifnet
from vshell.kernel.netinet6.in6_var import Ip6, ext6, in6ifa_ifpforlinklocal, in6ifa_ifwithaddr
from vshell.wire.ip6 import LOOPBACK

IP6_STABLEADDR_NETIFSRC_ID, IP6_STABLEADDR_NETIFSRC_MAC = 1, 2
LL_PREFIX = b"\xfe\x80" + bytes(6)


def in6_get_hw_ifid(ifp: Ifnet) -> bytes | None:
    """The modified EUI-64 of an interface's hardware address, None if it has none that serves."""
    mac = ifp.lladdr
    if ifp.type not in (IFT_ETHER, IFT_BRIDGE, IFT_L2VLAN, IFT_IEEE8023ADLAG) or len(mac) != 6:
        return None
    if mac in (bytes(6), b"\xff" * 6) or mac[0] & 1:
        return None
    ifid = bytes((mac[0] ^ 2,)) + mac[1:3] + b"\xff\xfe" + mac[3:]
    if ifid[0] & ~3 == 0 and not any(ifid[1:]):
        return None
    return ifid


def validate_ifid(ifid: bytes) -> bool:
    """False for identifiers with a meaning of their own (RFC 4291, RFC 6543, RFC 2526)."""
    if not any(ifid) or ifid.startswith(b"\x02\x00\x5e\xff\xfe"):
        return False
    return not (ifid.startswith(b"\xfd" + b"\xff" * 6) and ifid[7] >= 0x80)


def in6_get_stableifid(ifp: Ifnet, prefix: bytes, plen: int) -> bytes | None:
    """A stable, opaque identifier (RFC 7217); None after too many duplicates, or without what it is made from."""
    extra = ext6(ifp)
    if extra is None or extra.nd.dad_failures > extra.ip6.stableaddr_maxretries:
        return None
    source = extra.ip6.stableaddr_netifsource
    if source == IP6_STABLEADDR_NETIFSRC_MAC and not ifp.lladdr:
        return None
    if source == IP6_STABLEADDR_NETIFSRC_ID:
        netiface = ifp.index.to_bytes(2, "little")
    else:
        netiface = ifp.lladdr if source == IP6_STABLEADDR_NETIFSRC_MAC else ifp.xname.encode()
    key = ifp.kernel.prison0.hostuuid.encode()
    data = prefix[: plen // 8] + netiface + extra.nd.dad_failures.to_bytes(8, "little") + key
    for offset in range(255):
        ifid = hmac_new(key, data + bytes((offset,)), sha256).digest()[:8]
        if validate_ifid(ifid):
            return ifid
    return None


def in6_get_tmp_ifid(ifp: Ifnet) -> bytes:
    """A random identifier (RFC 8981, 3.3.1)."""
    while True:
        ifid: bytes = ifp.kernel.random.bytes(8)
        if validate_ifid(ifid):
            return ifid


def get_ifid(ifp: Ifnet) -> bytes:
    """An identifier for the interface: its own, another interface's universal one, or a made-up one."""
    extra = ext6(ifp)
    if extra is not None and extra.nd.flags & ND6_IFF_STABLEADDR:
        stable = in6_get_stableifid(ifp, LL_PREFIX, 64)
        if stable is not None:
            return stable
    ifid = in6_get_hw_ifid(ifp)
    if ifid is not None:
        return ifid
    for other in ifp.vnet.ifnets:
        ifid = in6_get_hw_ifid(other) if other is not ifp else None
        if ifid is not None and ifid[0] & 2:
            return ifid
    digest = md5(ifp.kernel.prison0.hostname.encode(), usedforsecurity=False).digest()
    return bytes((digest[0] & ~1 & 0xFF,)) + digest[1:8]


def in6_ifattach_linklocal(ifp: Ifnet) -> None:
    """Give the interface its link-local address."""
    from vshell.kernel.netinet6.in6 import in6_update_ifa
    from vshell.kernel.netinet6.nd6_rtr import nd6_prefix_lookup, nd6_prelist_add

    ifid = bytes(7) + b"\1" if ifp.flags & IFF_LOOPBACK else get_ifid(ifp)
    try:
        in6_update_ifa(ifp, SIOCAIFADDR_IN6(ifp.xname, addr=LL_PREFIX + ifid, prefixlen=64, prefix_given=True), None, delay=True)
    except KError:
        return  # the interface cannot do it; nobody asked
    ia = in6ifa_ifpforlinklocal(ifp)
    if ia is not None and nd6_prefix_lookup(ifp, LL_PREFIX + bytes(8), 64) is None:
        prefix = nd6_prelist_add(ifp, LL_PREFIX + bytes(8), 64, auto=True)
        ia.prefix = prefix
        prefix.addrcnt += 1


def in6_ifattach_loopback(ifp: Ifnet) -> None:
    """Give the loopback interface ::1."""
    from vshell.kernel.netinet6.in6 import in6_update_ifa

    request = SIOCAIFADDR_IN6(ifp.xname, addr=LOOPBACK, prefixlen=128, dstaddr=LOOPBACK, prefix_given=True)
    in6_update_ifa(ifp, request, None)


def in6_ifattach(ifp: Ifnet) -> None:
    """Configure what an interface that comes up should have (in6_ifattach)."""
    extra = ext6(ifp)
    if extra is None:
        return
    if ifp.type == IFT_STF:
        extra.nd.flags = extra.nd.flags & ~ND6_IFF_AUTO_LINKLOCAL | ND6_IFF_NO_DAD
    if not ifp.flags & IFF_MULTICAST:
        return
    if ifp.flags & IFF_LOOPBACK and in6ifa_ifwithaddr(ifp.vnet, LOOPBACK) is None:
        in6_ifattach_loopback(ifp)
    auto = extra.nd.flags & ND6_IFF_AUTO_LINKLOCAL and not extra.nd.flags & ND6_IFF_IFDISABLED
    if auto and in6ifa_ifpforlinklocal(ifp) is None:
        in6_ifattach_linklocal(ifp)


def in6_ifdetach(ifp: Ifnet) -> None:
    """Take everything of IPv6 off an interface that leaves its stack."""
    from vshell.kernel.netinet6.in6 import in6_purgeaddr
    from vshell.kernel.netinet6.in6_var import In6Ifaddr
    from vshell.kernel.netinet6.nd6 import nd6_purge

    if ext6(ifp) is None or Ip6 not in ifp.vnet:
        return
    for ia in ifp.addrs[:]:
        if isinstance(ia, In6Ifaddr):
            in6_purgeaddr(ia)
    nd6_purge(ifp)
