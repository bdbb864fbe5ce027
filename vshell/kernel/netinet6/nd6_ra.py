"""Router solicitations and advertisements received: what hosts learn from them (the input half of netinet6/nd6_rtr.c).

An advertisement changes the settings of the interface it comes in by, the list of default routers (nd6_rtr.py), the
prefixes on the link, and the addresses made from them (RFC 4861, 6.3.4; RFC 4862, 5.5; temporary ones RFC 8981).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi.errno import KError
from vshell.abi.in6 import (
    IN6_IFF_ANYCAST,
    IN6_IFF_AUTOCONF,
    IN6_IFF_DUPLICATED,
    IN6_IFF_TEMPORARY,
    ND6_IFF_ACCEPT_RTADV,
    ND6_IFF_NO_RADR,
    ND6_IFF_STABLEADDR,
    ND6_INFINITE_LIFETIME,
    SIOCAIFADDR_IN6,
)  # fmt: skip
from vshell.abi.socket import AF_INET6
from vshell.abi.sockio import IFT_BRIDGE, IFT_ETHER, IFT_IEEE8023ADLAG, IFT_L2VLAN, IFT_LOOP
from vshell.kernel.kern.clock import NS
from vshell.kernel.net.route.nhop import link_mtu
from vshell.kernel.net.route.route import rt_updatemtu
from vshell.kernel.netinet6.icmp6 import icmp6_handlers
from vshell.kernel.netinet6.in6_ifattach import in6_get_stableifid, in6_get_tmp_ifid
from vshell.kernel.netinet6.in6_var import (
    IPV6_MMTU,
    TEMPADDR_REGEN_ADVANCE,
    In6Ifaddr,
    In6Ifextra,
    Ip6,
    NdDefrouter,
    NdPrefix,
    compute_rtime,
    ext6,
    in6_linkmtu,
    in6ifa_ifpforlinklocal,
    in6ifa_ifpwithaddr,
    in6ifa_ifwithaddr,
)  # fmt: skip
from vshell.kernel.netinet6.nd6 import nd6_cache_lladdr
from vshell.kernel.netinet6.nd6_rtr import (
    defrtrlist_update,
    nd6_prefix_lookup,
    nd6_prefix_onlink,
    nd6_prelist_add,
    pfxlist_onlink_check,
    pfxrtr_add,
)  # fmt: skip
from vshell.wire.ip6 import (
    ND_OPT_MTU,
    ND_OPT_PREFIX_INFORMATION,
    ND_OPT_SOURCE_LINKADDR,
    ND_ROUTER_ADVERT,
    ND_ROUTER_SOLICIT,
    UNSPECIFIED,
    is_linklocal,
    is_multicast,
    masked,
    nd_option_list,
    nd_options,
)  # fmt: skip

if TYPE_CHECKING:
    from vshell.kernel.net.ifnet import Ifnet
    from vshell.kernel.net.mbuf import Mbuf

RS_LEN, RA_LEN = 8, 16
MAX_REACHABLE_TIME = 3_600_000
TWOHOUR = 120 * 60
PI_ONLINK, PI_AUTO = 0x80, 0x40


class Prefixctl:
    """A prefix as an advertisement has it (struct nd_prefixctl)."""

    __slots__ = ("auto", "network", "onlink", "plen", "pltime", "vltime")

    def __init__(self, option: bytes) -> None:
        self.plen = option[2]
        self.onlink = bool(option[3] & PI_ONLINK)
        self.auto = bool(option[3] & PI_AUTO)
        self.vltime = int.from_bytes(option[4:8], "big")
        self.pltime = int.from_bytes(option[8:12], "big")
        self.network = masked(option[16:32], min(self.plen, 128))


def _lladdr(ifp: Ifnet, option: bytes | None) -> bytes | None:
    """The address in an option: b"" if there is none, None if it cannot be one of this link."""
    if option is None:
        return b""
    if (ifp.addrlen + 2 + 7) & ~7 != len(option):
        return None
    return option[2 : 2 + ifp.addrlen]


def nd6_rs_input(ifp: Ifnet, m: Mbuf, src: bytes, _dst: bytes, body: bytes) -> None:
    """A host asks for routers: rtadvd(8) answers; the kernel learns its link-level address."""
    ip6: Ip6 = ifp.vnet[Ip6]
    extra = ext6(ifp)
    if not _well_formed(ip6, body, RS_LEN):
        return
    if extra is None or not ip6.forwarding or extra.nd.flags & ND6_IFF_ACCEPT_RTADV:
        return
    if m.data[m.off + 7] != 255:
        ip6.icmp6stat.invlhlim += 1
        ip6.icmp6stat.badrs += 1
        return
    options = nd_options(body[RS_LEN:])
    if src == UNSPECIFIED or options is None:
        return
    lladdr = _lladdr(ifp, options.get(ND_OPT_SOURCE_LINKADDR))
    if lladdr is None:
        ip6.icmp6stat.badrs += 1
        return
    nd6_cache_lladdr(ifp, src, lladdr, ND_ROUTER_SOLICIT)


def _well_formed(ip6: Ip6, body: bytes, least: int) -> bool:
    if body[1]:
        ip6.icmp6stat.badcode += 1
        return False
    if len(body) < least:
        ip6.icmp6stat.badlen += 1
        return False
    return True


def nd6_ra_input(ifp: Ifnet, m: Mbuf, src: bytes, dst: bytes, body: bytes) -> None:
    """A router advertises itself."""
    ip6: Ip6 = ifp.vnet[Ip6]
    extra = ext6(ifp)
    if not _well_formed(ip6, body, RA_LEN) or extra is None or not extra.nd.flags & ND6_IFF_ACCEPT_RTADV:
        return
    if m.data[m.off + 7] != 255:
        ip6.icmp6stat.invlhlim += 1
        ip6.icmp6stat.badra += 1
        return
    if not is_linklocal(src):
        ip6.icmp6stat.badra += 1
        return
    options = nd_option_list(body[RA_LEN:])
    if options is None:
        return
    _settings(ifp, extra, src, body)
    lifetime = int.from_bytes(body[6:8], "big")
    if extra.nd.flags & ND6_IFF_NO_RADR or (ip6.forwarding and not ip6.rfc6204w3):
        lifetime = 0
    router = defrtrlist_update(NdDefrouter(ifp, src, body[5], lifetime))
    for option in options:
        if option[0] == ND_OPT_PREFIX_INFORMATION and len(option) == 32 and option[2] <= 128:
            prefix = Prefixctl(option)
            if not is_multicast(option[16:32]) and not is_linklocal(option[16:32]):
                prelist_update(ifp, prefix, router, is_multicast(dst))
    first = nd_options(body[RA_LEN:]) or {}
    if len(first.get(ND_OPT_MTU, b"")) == 8:
        _link_mtu(ifp, extra, int.from_bytes(first[ND_OPT_MTU][4:8], "big"))
    lladdr = _lladdr(ifp, first.get(ND_OPT_SOURCE_LINKADDR))
    if lladdr is None:
        ip6.icmp6stat.badra += 1
        return
    nd6_cache_lladdr(ifp, src, lladdr, ND_ROUTER_ADVERT)
    pfxlist_onlink_check(ifp.vnet)


def _settings(ifp: Ifnet, extra: In6Ifextra, src: bytes, body: bytes) -> None:
    """Hop limit and times."""
    nd = extra.nd
    reachable, retrans = int.from_bytes(body[8:12], "big"), int.from_bytes(body[12:16], "big")
    if reachable and reachable <= MAX_REACHABLE_TIME and nd.basereachable != reachable:
        nd.basereachable = reachable
        nd.reachable = compute_rtime(ifp, reachable)
    if retrans:
        nd.retrans = retrans
    if body[4] > nd.chlim:
        nd.chlim = body[4]


def _link_mtu(ifp: Ifnet, extra: In6Ifextra, mtu: int) -> None:
    if IPV6_MMTU <= mtu <= ifp.mtu and extra.nd.linkmtu != mtu:
        extra.nd.linkmtu = mtu
        rt_updatemtu(ifp)


# prefixes and their addresses ----------------------------------------------------------------------------------


def prelist_update(ifp: Ifnet, new: Prefixctl, router: NdDefrouter | None, mcast: bool) -> None:
    """A prefix was advertised."""
    prefix = nd6_prefix_lookup(ifp, new.network, new.plen)
    if prefix is not None:
        _refresh(prefix, new, router)
    else:
        if not new.vltime or not (new.onlink or new.auto):
            return
        prefix = nd6_prelist_add(
            ifp, new.network, new.plen, onlink=new.onlink, auto=new.auto, vltime=new.vltime, pltime=new.pltime, router=router
        )
        if not prefix.raf_onlink:
            prefix.vltime = prefix.pltime = 0
    if new.auto and new.pltime <= new.vltime:
        _addresses(ifp, prefix, new, mcast)


def _refresh(prefix: NdPrefix, new: Prefixctl, router: NdDefrouter | None) -> None:
    prefix.raf_onlink = prefix.raf_onlink or new.onlink
    prefix.raf_auto = prefix.raf_auto or new.auto
    if new.onlink:
        prefix.vltime, prefix.pltime = new.vltime, new.pltime
        prefix.lastupdate = prefix.ifp.kernel.clock.now
        if not prefix.onlink:
            nd6_prefix_onlink(prefix)
    if router is not None:
        pfxrtr_add(prefix, router)


def _addresses(ifp: Ifnet, prefix: NdPrefix, new: Prefixctl, mcast: bool) -> None:
    """Give addresses of the prefix their new lifetimes; make one if there is none."""
    extra = ext6(ifp)
    assert extra is not None
    stable = bool(extra.nd.flags & ND6_IFF_STABLEADDR)
    found = temporary = False
    for ia in ifp.addrs:
        if not isinstance(ia, In6Ifaddr) or ia.prefix is not prefix or not ia.flags6 & IN6_IFF_AUTOCONF:
            continue
        if ia.flags6 & IN6_IFF_ANYCAST:
            continue
        _lifetimes(ia, new)
        if ia.flags6 & IN6_IFF_TEMPORARY:
            temporary = temporary or stable
        retry = stable and extra.nd.dad_failures <= extra.ip6.stableaddr_maxretries
        found = found or not (retry and ia.flags6 & (IN6_IFF_DUPLICATED | IN6_IFF_TEMPORARY))
    if found or not new.vltime:
        return
    if in6_if2idlen(ifp) + prefix.plen != 128:
        return
    made = in6_ifadd(ifp, new, mcast)
    if made is None:
        return
    prefix.addrcnt += 1
    made.prefix = prefix
    if extra.ip6.use_tempaddr and not temporary:
        in6_tmpifadd(made, True)
    pfxlist_onlink_check(ifp.vnet)


def _lifetimes(ia: In6Ifaddr, new: Prefixctl) -> None:
    """RFC 4862, 5.5.3 (e): nobody can shorten a lifetime to less than two hours with one forged packet."""
    ip6: Ip6 = ia.ifp.vnet[Ip6]
    now = ia.ifp.kernel.clock.now
    age = ia.age(now)
    remaining = ND6_INFINITE_LIFETIME if ia.vltime == ND6_INFINITE_LIFETIME else max(ia.vltime - age, 0)
    vltime, pltime = remaining, new.pltime
    if new.vltime > TWOHOUR or remaining < new.vltime:
        vltime = new.vltime
    elif remaining > TWOHOUR:
        vltime = TWOHOUR
    if ia.flags6 & IN6_IFF_TEMPORARY:
        lived = now // NS - ia.createtime // NS + ip6.desync_factor
        vltime = min(vltime, max(ip6.temp_valid_lifetime - lived, 0))
        pltime = min(pltime, max(ip6.temp_preferred_lifetime - lived, 0))
    ia.vltime, ia.pltime, ia.updatetime = vltime, pltime, now


def in6_if2idlen(ifp: Ifnet) -> int:
    """How many bits of an address name the interface; negative if that is not known."""
    return 64 if ifp.type in (IFT_ETHER, IFT_L2VLAN, IFT_IEEE8023ADLAG, IFT_BRIDGE, IFT_LOOP) or ifp.addrlen == 0 else -1


def in6_ifadd(ifp: Ifnet, new: Prefixctl, mcast: bool) -> In6Ifaddr | None:
    """Make the address of a prefix (stateless autoconfiguration)."""
    from vshell.kernel.netinet6.in6 import in6_update_ifa

    extra = ext6(ifp)
    if extra is not None and extra.nd.flags & ND6_IFF_STABLEADDR:
        ifid = in6_get_stableifid(ifp, new.network, new.plen)
        if ifid is None:
            return None
    else:
        own = in6ifa_ifpforlinklocal(ifp)
        if own is None or own.prefixlen != new.plen:
            return None
        ifid = own.addr[8:]
    host = int.from_bytes(ifid, "big") & ((1 << (128 - new.plen)) - 1)
    addr = (int.from_bytes(new.network, "big") | host).to_bytes(16, "big")
    if in6ifa_ifpwithaddr(ifp, addr) is not None:
        return None
    request = SIOCAIFADDR_IN6(
        ifp.xname, addr=addr, prefixlen=new.plen, prefix_given=True, flags=IN6_IFF_AUTOCONF, vltime=new.vltime, pltime=new.pltime
    )
    try:
        in6_update_ifa(ifp, request, None, delay=mcast)
    except KError:
        return None
    return in6ifa_ifpwithaddr(ifp, addr)


def in6_tmpifadd(public: In6Ifaddr, delay: bool) -> bool:
    """Make a temporary address beside a public one (RFC 8981); False if that cannot be."""
    from vshell.kernel.netinet6.in6 import in6_update_ifa

    ifp, ip6 = public.ifp, public.ifp.vnet[Ip6]
    now = ifp.kernel.clock.now
    network = masked(public.addr, public.prefixlen)
    for _ in range(4):
        addr = network[:8] + in6_get_tmp_ifid(ifp)
        if in6ifa_ifwithaddr(ifp.vnet, addr) is None:
            break
    else:
        return False
    left, preferred = public.left(public.vltime, now), public.left(public.pltime, now)
    vltime = ip6.temp_valid_lifetime if left is None else 0 if public.is_invalid(now) else min(left, ip6.temp_valid_lifetime)
    most = ip6.temp_preferred_lifetime - ip6.desync_factor
    pltime = most if preferred is None else 0 if public.is_deprecated(now) else min(preferred, most)
    if pltime <= TEMPADDR_REGEN_ADVANCE:
        return True
    request = SIOCAIFADDR_IN6(
        ifp.xname, addr=addr, prefixlen=public.prefixlen, prefix_given=True, flags=IN6_IFF_AUTOCONF | IN6_IFF_TEMPORARY,
        vltime=vltime, pltime=pltime,
    )  # fmt: skip
    try:
        in6_update_ifa(ifp, request, None, delay=delay)
    except KError:
        return False
    made = in6ifa_ifpwithaddr(ifp, addr)
    if made is None:
        return False
    made.prefix = public.prefix
    if made.prefix is not None:
        made.prefix.addrcnt += 1
    pfxlist_onlink_check(ifp.vnet)
    return True


def regen_tmpaddr(old: In6Ifaddr) -> bool:
    """A temporary address is no longer preferred: make the next one; False if there is no public one to make it from."""
    now = old.ifp.kernel.clock.now
    public: In6Ifaddr | None = None
    for ia in old.ifp.addrs:
        if not isinstance(ia, In6Ifaddr) or not ia.flags6 & IN6_IFF_AUTOCONF or ia.prefix is None:
            continue
        if ia.prefix is not old.prefix or ia.is_deprecated(now):
            continue
        if ia.flags6 & IN6_IFF_TEMPORARY:
            return False
        public = ia
    return public is not None and in6_tmpifadd(public, False)


link_mtu[AF_INET6] = in6_linkmtu
icmp6_handlers.setdefault(ND_ROUTER_SOLICIT, []).append(nd6_rs_input)
icmp6_handlers.setdefault(ND_ROUTER_ADVERT, []).append(nd6_ra_input)
