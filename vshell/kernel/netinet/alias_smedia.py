"""alias_smedia.ko: TFTP through address translation (libalias/alias_smedia.c; RFC 1350).

A server answers a request from another port than it came to, so that a link to any port of it is made.

DIFFERS: the ports that RTSP and PNA name are not translated.
"""

from __future__ import annotations

from vshell.kernel.kern.module import Kld
from vshell.kernel.netinet.libalias.alias_db import LINK_UDP, AliasData, Libalias
from vshell.kernel.netinet.libalias.alias_mod import DIR_OUT, PROTO_TCP, PROTO_UDP, AliasModule, ProtoHandler

KLD = Kld(depends=("libalias",), size=0x3000)

TFTP_PORT = 69


def _wanted(la: Libalias, ad: AliasData) -> bool:
    return ad.dport == TFTP_PORT


def _out(la: Libalias, data: bytearray, off: int, ad: AliasData) -> int:
    """FindRtspOut."""
    src, dst = bytes(data[off + 12 : off + 16]), bytes(data[off + 16 : off + 20])
    if la.FindLinkOut(src, dst, ad.sport, 0, LINK_UDP, True) is None:
        la.AddLink((src, ad.sport), (dst, 0), la.FindAliasAddress(src), ad.aport, LINK_UDP)
    return 0


class AliasSmedia(AliasModule):
    """The handler."""

    handlers = (ProtoHandler(100, DIR_OUT, PROTO_TCP | PROTO_UDP, _wanted, _out),)
