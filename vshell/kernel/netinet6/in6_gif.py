"""gif(4) over IPv6 (netinet6/in6_gif.c)."""

from __future__ import annotations

from collections.abc import Callable
from struct import pack
from typing import TYPE_CHECKING

from vshell.abi.socket import AF_INET6, IPPROTO_ETHERIP, IPPROTO_IPV4, IPPROTO_IPV6
from vshell.kernel.kern.module import Sysctl, VnetModule
from vshell.kernel.net.if_gif import Gif, GifModule, gif_localip, gif_output
from vshell.kernel.netinet.ip_encap import encap6, ip6_encap_attach
from vshell.kernel.netinet6.ip6_input import ip6_protox
from vshell.kernel.netinet6.ip6_output import ip6_output

if TYPE_CHECKING:
    from vshell.kernel.net.ifnet import Ifnet
    from vshell.kernel.net.mbuf import Mbuf
    from vshell.kernel.net.vnet import Vnet


class In6Gif(VnetModule):
    """Settings."""

    hlim = Sysctl("net.inet6.ip6.gifhlim", 30, "Default hop limit for encapsulated packets")


def in6_gif_output(ifp: Gif, m: Mbuf, proto: int) -> int:
    """Put the outer header in front and send it."""
    vnet = ifp.vnet
    m.prepend(pack("!IHBB", 0x60000000, len(m), proto, vnet[In6Gif].hlim) + ifp.src + ifp.dst)
    return ip6_output(vnet, m, scope=ifp.scope)


def in6_gif_input(ifp: Ifnet, m: Mbuf, off: int, proto: int) -> bool:
    """A packet came out of a tunnel."""
    data, at = m.data, m.off
    gif = ifp.vnet[GifModule].lookup(bytes(data[at + 8 : at + 24]), bytes(data[at + 24 : at + 40]))
    if gif is None or gif.outer != AF_INET6:
        return False
    m.adj(off)
    gif.decapsulated(m, proto)
    return True


def in6_localip(vnet: Vnet, addr: bytes) -> bool:
    """True if an address is one of the stack's."""
    return any(ifa.family == AF_INET6 and ifa.addr == addr for ifp in vnet.ifnets for ifa in ifp.addrs)


def encap6_input(ifp: Ifnet, m: Mbuf, off: int, proto: int) -> None:
    """Find a tunnel; without one it is a matter of raw sockets."""
    for taker in encap6.get(proto, ()):
        if taker(ifp, m, off, proto):
            return
    from vshell.kernel.netinet6.raw_ip6 import rip6_input

    rip6_input(ifp, m, off, proto)


def encap6_handler(proto: int) -> Callable[[Ifnet, Mbuf, int], None]:
    """The entry of the protocol in the table of IPv6."""

    def handler(ifp: Ifnet, m: Mbuf, off: int) -> None:
        encap6_input(ifp, m, off, proto)

    return handler


gif_output[AF_INET6] = in6_gif_output
gif_localip[AF_INET6] = in6_localip
for _proto in (IPPROTO_IPV4, IPPROTO_IPV6, IPPROTO_ETHERIP):
    ip6_encap_attach(_proto, in6_gif_input)
    ip6_protox[_proto] = encap6_handler(_proto)
