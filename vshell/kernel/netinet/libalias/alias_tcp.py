"""Changing what a TCP segment carries, for handlers of protocols (the like parts of libalias/alias_ftp.c and alias_irc.c)."""

from __future__ import annotations

from vshell.kernel.netinet.libalias.alias_db import AliasLink
from vshell.kernel.netinet.libalias.alias_util import TH_RES1, adjust, get16, put16


def tcp_data(data: bytearray, off: int) -> tuple[int, int]:
    """Where the data of a segment begins and ends; nothing lies between if its headers make no sense."""
    tc = off + ((data[off] & 15) << 2)
    end = min(off + get16(data, off + 2), len(data))
    start = tc + (data[tc + 12] >> 4 << 2)
    return min(start, end), end


def replace_data(lnk: AliasLink, data: bytearray, off: int, new: bytes, room: int) -> None:
    """Other data for a segment, at most what there is room for; numbers of later segments will follow."""
    start, end = tcp_data(data, off)
    tc = off + ((data[off] & 15) << 2)
    seq = int.from_bytes(data[tc + 4 : tc + 8], "big")
    before = lnk.GetDeltaSeqOut(seq) if lnk.acks is not None else 0
    lnk.AddSeq(before + len(new) - (end - start), seq, end - start)
    new = new[: max(room - (start - off), 0)]
    data[start:end] = new
    length = start - off + len(new)
    adjust(data, off + 10, get16(data, off + 2) - length)
    put16(data, off + 2, length)
    put16(data, tc + 16, 0)
    data[tc + 12] |= TH_RES1
