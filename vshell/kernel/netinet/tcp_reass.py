"""TCP: segments that come before their turn (netinet/tcp_reass.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi.tcp import TCPS_ESTABLISHED

if TYPE_CHECKING:
    from vshell.kernel.netinet.tcp_var import Tcpcb


def tcp_reass(tp: Tcpcb, seq: int, data: bytes, fin: bool) -> bool:
    """Keep a segment, and hand on whatever is in order now; True if that includes the FIN."""
    stat = tp.tcp.stat
    if data or fin:
        if len(tp.reass) >= tp.shared().maxqueuelen and seq != tp.rcv_nxt:
            stat.rcvreassfull += 1
            return False
        if seq > tp.rcv_nxt:
            tp.rcvoopack += 1
            stat.rcvoopack += 1
            stat.rcvoobyte += len(data)
        if any(s <= seq and seq + len(data) <= s + len(d) and (f or not fin) for s, d, f in tp.reass):
            stat.rcvduppack += 1
            stat.rcvdupbyte += len(data)
        else:
            tp.reass.append((seq, data, fin))
            tp.reass.sort(key=lambda item: item[0])
    return deliver(tp)


def deliver(tp: Tcpcb) -> bool:
    """Move what is in order to the socket; True if the FIN is reached."""
    if tp.state < TCPS_ESTABLISHED:
        return False
    fin = False
    while tp.reass and tp.reass[0][0] <= tp.rcv_nxt and not fin:
        seq, data, fin = tp.reass.pop(0)
        data = data[tp.rcv_nxt - seq :]
        tp.rcv_nxt += len(data)
        if data and not tp.so.rcv.cantmore:
            tp.so.rcv.append_stream(data)
    return fin
