"""gif(4) over IPv4 (netinet/in_gif.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi.socket import AF_INET, IPPROTO_ETHERIP, IPPROTO_IPV4, IPPROTO_IPV6
from vshell.kernel.kern.module import Sysctl, VnetModule
from vshell.kernel.net.if_gif import Gif, GifModule, gif_localip, gif_output
from vshell.kernel.netinet.in_var import in_localip
from vshell.kernel.netinet.ip_encap import ip_encap_attach
from vshell.kernel.netinet.ip_output import ip_output
from vshell.wire.ip import HEADER

if TYPE_CHECKING:
    from vshell.kernel.net.ifnet import Ifnet
    from vshell.kernel.net.mbuf import Mbuf


class InGif(VnetModule):
    """Settings."""

    ttl = Sysctl("net.inet.ip.gifttl", 30, "Default TTL value for encapsulated packets")


def in_gif_output(ifp: Gif, m: Mbuf, proto: int) -> int:
    """Put the outer header in front and send it."""
    vnet = ifp.vnet
    m.prepend(HEADER.pack(0x45, 0, len(m) + 20, 0, 0, vnet[InGif].ttl, proto, 0, ifp.src, ifp.dst))
    return ip_output(vnet, m)


def in_gif_input(ifp: Ifnet, m: Mbuf, hlen: int, proto: int) -> bool:
    """A packet came out of a tunnel."""
    data, off = m.data, m.off
    gif = ifp.vnet[GifModule].lookup(bytes(data[off + 12 : off + 16]), bytes(data[off + 16 : off + 20]))
    if gif is None or gif.outer != AF_INET:
        return False
    m.adj(hlen)
    gif.decapsulated(m, proto)
    return True


gif_output[AF_INET] = in_gif_output
gif_localip[AF_INET] = in_localip
for _proto in (IPPROTO_IPV4, IPPROTO_IPV6, IPPROTO_ETHERIP):
    ip_encap_attach(_proto, in_gif_input)
