"""Sockets of the kernel for tunnels over UDP (udp_set_kernel_tunneling): every datagram is handed to a function."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from vshell.abi.errno import KError
from vshell.abi.socket import AF_INET, AF_INET6, IPPROTO_UDP, SOCK_DGRAM, SockaddrIn, SockaddrIn6
from vshell.kernel.kern.uipc_socket import Socket, pffindproto

if TYPE_CHECKING:
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.net.ifnet import Ifnet
    from vshell.kernel.net.mbuf import Mbuf
    from vshell.kernel.net.vnet import Vnet

Taker = Callable[["Ifnet", "Mbuf", bytes, bytes, int], bool]
"""f(ifp, m, payload, source, source port): True if it took the datagram."""


def udp_tunnel_open(vnet: Vnet, td: Proc, addr: bytes, port: int, taker: Taker, bindany: bool = False) -> Socket:
    """Open and bind a socket; KError as from bind(2)."""
    family = AF_INET if len(addr) == 4 else AF_INET6
    cls = pffindproto(family, SOCK_DGRAM, IPPROTO_UDP)
    so = Socket(cls(), td.ucred, vnet, IPPROTO_UDP, 0)
    so.pr.attach(so, td)
    try:
        if family == AF_INET:
            so.pcb.ppcb = taker
            so.pcb.bindany = bindany
            so.pr.bind(so, SockaddrIn(addr, port), td)
        else:
            so.pcb.tunnel = taker
            so.pr.bind(so, SockaddrIn6(addr, port), td)
    except KError:
        so.close()
        raise
    return so
