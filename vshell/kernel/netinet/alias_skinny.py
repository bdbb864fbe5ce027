"""alias_skinny.ko: Cisco's Skinny Station protocol (libalias/alias_skinny.c).

The handler wants segments from or to a port that the engine has been told (LibAliasSetSkinnyPort), and neither ipfw nor
ng_nat ever tells one: in the kernel the file can be loaded, and no packet is changed.
"""

from __future__ import annotations

from vshell.kernel.kern.module import Kld
from vshell.kernel.netinet.libalias.alias_db import AliasData, Libalias
from vshell.kernel.netinet.libalias.alias_mod import DIR_IN, DIR_OUT, PROTO_TCP, AliasModule, ProtoHandler

KLD = Kld(depends=("libalias",), size=0x3000)


def _wanted(la: Libalias, ad: AliasData) -> bool:
    return False


def _handle(la: Libalias, data: bytearray, off: int, ad: AliasData) -> int:
    return 0


class AliasSkinny(AliasModule):
    """The handler."""

    handlers = (ProtoHandler(110, DIR_IN | DIR_OUT, PROTO_TCP, _wanted, _handle),)
