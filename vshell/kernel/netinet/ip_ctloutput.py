"""Options of IPv4 sockets (ip_ctloutput of netinet/ip_output.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EINVAL, ENOPROTOOPT, KError
from vshell.abi.in_ import IP_PORTRANGE_DEFAULT, IP_PORTRANGE_HIGH, IP_PORTRANGE_LOW
from vshell.abi.socket import (
    IP_BINDANY,
    IP_DONTFRAG,
    IP_MINTTL,
    IP_ONESBCAST,
    IP_OPTIONS,
    IP_PORTRANGE,
    IP_RECVDSTADDR,
    IP_RECVIF,
    IP_RECVOPTS,
    IP_RECVTOS,
    IP_RECVTTL,
    IP_TOS,
    IP_TTL,
    IPPROTO_IP,
)  # fmt: skip
from vshell.kernel.kern.kern_priv import PRIV_NETINET_BINDANY, priv_check
from vshell.kernel.netinet.in_pcb import INP_HIGHPORT, INP_LOWPORT, Inpcb
from vshell.kernel.netinet.ip_moptions import MOPTIONS, inp_getmoptions, inp_setmoptions
from vshell.kernel.netinet.ip_options import ip_pcbopts

if TYPE_CHECKING:
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.net.ifnet import Ifnet
    from vshell.kernel.net.mbuf import Mbuf

_RECV = (IP_RECVOPTS, IP_RECVDSTADDR, IP_RECVTTL, IP_RECVIF, IP_RECVTOS)
_BOOLS = {IP_DONTFRAG: "dontfrag", IP_ONESBCAST: "onesbcast", IP_BINDANY: "bindany"}
_NUMBERS = {IP_TTL: "ttl", IP_TOS: "tos", IP_MINTTL: "minttl"}
_RANGES = {IP_PORTRANGE_DEFAULT: 0, IP_PORTRANGE_HIGH: INP_HIGHPORT, IP_PORTRANGE_LOW: INP_LOWPORT}


def ip_setopt(inp: Inpcb, level: int, name: int, value: Any, td: Proc) -> None:
    """setsockopt(2) at level IPPROTO_IP."""
    if level != IPPROTO_IP:
        raise KError(EINVAL)
    if name == IP_OPTIONS:
        inp.options = ip_pcbopts(bytes(value))
    elif name in _NUMBERS:
        if name == IP_MINTTL and not 0 <= value <= 255:
            raise KError(EINVAL)
        setattr(inp, _NUMBERS[name], value & 0xFF)
    elif name in _BOOLS:
        if name == IP_BINDANY:
            priv_check(td, PRIV_NETINET_BINDANY)
        setattr(inp, _BOOLS[name], bool(value))
    elif name in _RECV:
        (inp.recv.add if value else inp.recv.discard)(name)
    elif name == IP_PORTRANGE:
        if value not in _RANGES:
            raise KError(EINVAL)
        inp.portrange = _RANGES[value]
    elif name in MOPTIONS:
        inp_setmoptions(inp, name, value)
    else:
        raise KError(ENOPROTOOPT)


def ip_getopt(inp: Inpcb, level: int, name: int) -> Any:
    """getsockopt(2) at level IPPROTO_IP."""
    if level != IPPROTO_IP:
        raise KError(EINVAL)
    if name == IP_OPTIONS:
        return (inp.options or b"")[4:]
    if name in _NUMBERS:
        return getattr(inp, _NUMBERS[name])
    if name in _BOOLS:
        return int(getattr(inp, _BOOLS[name]))
    if name in _RECV:
        return int(name in inp.recv)
    if name == IP_PORTRANGE:
        return next(k for k, v in _RANGES.items() if v == inp.portrange)
    if name in MOPTIONS:
        return inp_getmoptions(inp, name)
    raise KError(ENOPROTOOPT)


def ip_savecontrol(inp: Inpcb, ifp: Ifnet, m: Mbuf) -> dict[int, object]:
    """What the user wants to know about a packet besides its data."""
    control: dict[int, object] = {}
    data, off = m.data, m.off
    for name in inp.recv:
        if name == IP_RECVDSTADDR:
            control[name] = bytes(data[off + 16 : off + 20])
        elif name == IP_RECVTTL:
            control[name] = data[off + 8]
        elif name == IP_RECVTOS:
            control[name] = data[off + 1]
        elif name == IP_RECVIF:
            control[name] = ifp.index
    return control
