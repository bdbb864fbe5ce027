"""alias_irc.ko: DCC requests of IRC clients through address translation (libalias/alias_irc.c)."""

from __future__ import annotations

import re

from vshell.abi.socket import IPPROTO_TCP
from vshell.kernel.kern.module import Kld
from vshell.kernel.netinet.libalias.alias_db import AliasData, AliasLink, Libalias
from vshell.kernel.netinet.libalias.alias_mod import DIR_OUT, PROTO_TCP, AliasModule, ProtoHandler
from vshell.kernel.netinet.libalias.alias_tcp import replace_data, tcp_data

KLD = Kld(depends=("libalias",), size=0x3000)

CONTROL_PORTS, IPPORT_RESERVED = (6667, 6668), 1024
LEAST = len(":A!a@n.n PRIVMSG A :aDCC 1 1a")
REQUEST = re.compile(rb"\x01DCC +([^ ]+) +([^ ]+) +(\d+) +(\d+)(?=[\x01 ])")
"""DCC COMMAND ARGUMENT ADDRESS PORT."""


def _wanted(la: Libalias, ad: AliasData) -> bool:
    return ad.lnk is not None and bool(ad.maxpktsize) and ad.dport in CONTROL_PORTS


def _out(la: Libalias, data: bytearray, off: int, ad: AliasData) -> int:
    """AliasHandleIrcOut: requests that name the address of their sender name that of a link then."""
    lnk = ad.lnk
    assert lnk is not None
    start, end = tcp_data(data, off)
    message = bytes(data[start:end])
    if end - start < LEAST or b"\x01" not in message:
        return 0
    src = bytes(data[off + 12 : off + 16])
    new = REQUEST.sub(lambda found: _request(la, lnk, src, found), message)
    replace_data(lnk, data, off, new, ad.maxpktsize)
    return 0


def _request(la: Libalias, lnk: AliasLink, src: bytes, found: re.Match[bytes]) -> bytes:
    command, argument, addr, port = found.groups()
    number = int(port)
    if int(addr) != int.from_bytes(src, "big") or not IPPORT_RESERVED <= number <= 0xFFFF:
        return found.group()
    made = la.FindUdpTcpOut(src, bytes(4), number, 0, IPPROTO_TCP, True)[1]
    if made is None:
        return found.group()
    alias = int.from_bytes(lnk.alias_address, "big")
    return b"\x01DCC %s %s %d %d" % (command, argument, alias, made.alias_port)


class AliasIrc(AliasModule):
    """The handler."""

    handlers = (ProtoHandler(90, DIR_OUT, PROTO_TCP, _wanted, _out),)
