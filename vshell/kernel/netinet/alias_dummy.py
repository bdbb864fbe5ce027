"""alias_dummy.ko: the example of a protocol handler, which does nothing (libalias/alias_dummy.c)."""

from __future__ import annotations

from vshell.kernel.kern.module import Kld
from vshell.kernel.netinet.libalias.alias_db import AliasData, Libalias
from vshell.kernel.netinet.libalias.alias_mod import DIR_IN, DIR_OUT, PROTO_TCP, PROTO_UDP, AliasModule, ProtoHandler

KLD = Kld(depends=("libalias",), size=0x2000)

PORTS = (123, 456)


def _wanted(la: Libalias, ad: AliasData) -> bool:
    return ad.dport in PORTS


def _handle(la: Libalias, data: bytearray, off: int, ad: AliasData) -> int:
    return 0


class AliasDummy(AliasModule):
    """The handler."""

    handlers = (ProtoHandler(666, DIR_IN | DIR_OUT, PROTO_UDP | PROTO_TCP, _wanted, _handle),)
