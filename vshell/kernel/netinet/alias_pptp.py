"""alias_pptp.ko: PPTP through address translation (libalias/alias_pptp.c; RFC 2637).

Several inside hosts may call one server: the call numbers of control messages are translated as ports are, and GRE packets
find their way by them.
"""

from __future__ import annotations

from collections.abc import Callable

from vshell.kernel.kern.module import Kld
from vshell.kernel.netinet.libalias.alias_db import (
    GET_ALIAS_PORT,
    LINK_PPTP,
    PKT_ALIAS_PROXY_ONLY,
    AliasData,
    AliasLink,
    Libalias,
)
from vshell.kernel.netinet.libalias.alias_mod import (
    DIR_IN,
    DIR_OUT,
    PROTO_IP,
    PROTO_TCP,
    AliasModule,
    ProtoHandler,
)
from vshell.kernel.netinet.libalias.alias_tcp import tcp_data
from vshell.kernel.netinet.libalias.alias_util import adjust, change_address, get16, put16

KLD = Kld(depends=("libalias",), size=0x3000)

CONTROL_PORT = 1723
MAGIC = 0x1A2B3C4D
OUT_REQUEST, OUT_REPLY, IN_REQUEST, IN_REPLY, IN_CONN, CLEAR_REQUEST, DISC_NOTIFY, WAN_ERROR, LINK_INFO = range(7, 16)
REPLIES = (OUT_REPLY, IN_REPLY)
GRE_VALUE, GRE_MASK = 0x2001880B, 0xEF7FFFFF
LAST = 0x7FFFFFFF
"""Handlers of GRE come after all others."""


def _find(la: Libalias, use: bool, fits: Callable[[AliasLink], bool]) -> AliasLink | None:
    lnk = next((each for each in la.pptp if fits(each)), None)
    return la.UseLink(lnk) if use else lnk


def _verify(data: bytearray, off: int) -> tuple[int, int]:
    """AliasVerifyPptp: the type of a control message and where its call numbers are; 0 if it is none."""
    start, end = tcp_data(data, off)
    if end - start < 16 or get16(data, start + 2) != 1 or int.from_bytes(data[start + 4 : start + 8], "big") != MAGIC:
        return 0, 0
    kind = get16(data, start + 8)
    return (0, 0) if kind in REPLIES and end - start < 18 else (kind, start + 12)


def _change(data: bytearray, off: int, at: int, new: int) -> None:
    tc = off + ((data[off] & 15) << 2)
    adjust(data, tc + 16, get16(data, at) - new)
    put16(data, at, new)


def _wanted(la: Libalias, ad: AliasData) -> bool:
    return ad.lnk is not None and CONTROL_PORT in (ad.sport, ad.dport)


def _reply(la: Libalias, lnk: AliasLink, data: bytearray, codes: int, call: int) -> None:
    """The answer to a call: the peer's number is known now, or the call was refused."""
    if data[codes] != 1:
        la.SetExpire(lnk, 0)
        return
    la.AddLink((lnk.src_addr, lnk.src_port), (lnk.dst_addr, call), lnk.alias_addr, lnk.alias_port, LINK_PPTP)
    la.DeleteLink(lnk, True)


def _out(la: Libalias, data: bytearray, off: int, ad: AliasData) -> int:
    """AliasHandlePptpOut."""
    control = ad.lnk
    assert control is not None
    kind, at = _verify(data, off)
    call = get16(data, at)
    if kind in (OUT_REQUEST, OUT_REPLY, IN_REQUEST, IN_REPLY):
        src, dst = (control.original_address, call), (control.dst_addr, 0)
        lnk = la.AddLink(src, dst, control.alias_address, GET_ALIAS_PORT, LINK_PPTP)
    elif kind in (CLEAR_REQUEST, DISC_NOTIFY):
        ends = (control.original_address, control.dst_addr, call)
        lnk = _find(la, True, lambda each: (each.src_addr, each.dst_addr, each.src_port) == ends)
    else:
        return 0
    if lnk is not None:
        _change(data, off, at, lnk.alias_port)
        if kind in REPLIES:
            _reply(la, lnk, data, at + 4, get16(data, at + 2))
        elif kind == DISC_NOTIFY:
            la.SetExpire(lnk, 0)
    return 0


def _in(la: Libalias, data: bytearray, off: int, ad: AliasData) -> int:
    """AliasHandlePptpIn."""
    control = ad.lnk
    assert control is not None
    kind, at = _verify(data, off)
    peer, alias = control.dst_addr, control.alias_address
    if kind == DISC_NOTIFY:
        ends = (get16(data, at), peer, alias)
        gone = _find(la, True, lambda each: (each.dst_port, each.dst_addr, each.alias_addr) == ends)
        if gone is not None:
            la.SetExpire(gone, 0)
        return 0
    if kind not in (IN_CONN, WAN_ERROR, LINK_INFO, *REPLIES):
        return 0
    where = at + 2 if kind in REPLIES else at
    lnk = _by_peer_call(la, peer, alias, get16(data, where))
    if lnk is not None:
        _change(data, off, where, lnk.src_port)
        if kind in REPLIES:
            _reply(la, lnk, data, at + 4, get16(data, at))
    return 0


def _by_peer_call(la: Libalias, peer: bytes, alias: bytes, call: int) -> AliasLink | None:
    """FindPptpInByPeerCallId."""
    ends = (call, peer, alias)
    return _find(la, False, lambda each: (each.alias_port, each.dst_addr, each.alias_addr) == ends)


def _gre(data: bytearray, off: int) -> int:
    """Where the header of a PPTP packet is, -1 if it is none."""
    gr = off + ((data[off] & 15) << 2)
    if gr + 8 > len(data):
        return -1
    return gr if int.from_bytes(data[gr : gr + 4], "big") & GRE_MASK == GRE_VALUE else -1


def _gre_out(la: Libalias, data: bytearray, off: int, ad: AliasData) -> int:
    """AliasHandlePptpGreOut."""
    gr = _gre(data, off)
    if gr < 0:
        return -1
    ends = (bytes(data[off + 12 : off + 16]), bytes(data[off + 16 : off + 20]), get16(data, gr + 6))
    lnk = _find(la, True, lambda each: (each.src_addr, each.dst_addr, each.dst_port) == ends)
    if lnk is not None:
        change_address(data, off, 12, lnk.alias_address)
    return 0


def _gre_in(la: Libalias, data: bytearray, off: int, ad: AliasData) -> int:
    """AliasHandlePptpGreIn."""
    if la.packetAliasMode & PKT_ALIAS_PROXY_ONLY:
        return 0
    gr = _gre(data, off)
    if gr < 0:
        return -1
    lnk = _by_peer_call(la, bytes(data[off + 12 : off + 16]), bytes(data[off + 16 : off + 20]), get16(data, gr + 6))
    if lnk is not None:
        put16(data, gr + 6, lnk.src_port)
        change_address(data, off, 16, lnk.original_address)
    return 0


class AliasPptp(AliasModule):
    """The handlers."""

    handlers = (
        ProtoHandler(200, DIR_IN, PROTO_TCP, _wanted, _in),
        ProtoHandler(210, DIR_OUT, PROTO_TCP, _wanted, _out),
        ProtoHandler(LAST, DIR_IN, PROTO_IP, lambda la, ad: True, _gre_in),
        ProtoHandler(LAST, DIR_OUT, PROTO_IP, lambda la, ad: True, _gre_out),
    )
