"""alias_ftp.ko: FTP through address translation (libalias/alias_ftp.c; RFC 959, RFC 2428).

PORT and EPRT commands of an inside client, and 227 and 229 replies of an inside server, name an address and a port; they are
given those of a link that is made for the data connection.  A client outside that names its own address to a server inside
gets a link for the connection the server will make.
"""

from __future__ import annotations

import re

from vshell.kernel.kern.module import Kld
from vshell.kernel.netinet.libalias.alias_db import GET_ALIAS_PORT, LINK_TCP, AliasData, AliasLink, Libalias
from vshell.kernel.netinet.libalias.alias_mod import DIR_IN, DIR_OUT, PROTO_TCP, AliasModule, ProtoHandler
from vshell.kernel.netinet.libalias.alias_tcp import replace_data, tcp_data
from vshell.kernel.netinet.libalias.alias_util import get16
from vshell.wire.ip import inet_ntoa

KLD = Kld(depends=("libalias",), size=0x3000)

CONTROL_PORT, IPPORT_RESERVED, MAX_MESSAGE = 21, 1024, 128
WAIT_CRLF = 1
"""Of a link's pflags: the last message had no end, so that what follows is no command."""
PORT, EPRT, PASV, EPSV = "PORT", "EPRT", "227", "229"
NUMBERS = rb"(\d+),(\d+),(\d+),(\d+),(\d+),(\d+)"
COMMANDS = (
    (PORT, re.compile(rb"(?i:PORT )\s*" + NUMBERS + rb"[^\d]"), 18),
    (EPRT, re.compile(rb"(?i:EPRT )\s*(\S)1\1(\d+)\.(\d+)\.(\d+)\.(\d+)\1(\d+)\1"), 18),
)
REPLIES = (
    (PASV, re.compile(rb"227 [^(]*\(" + NUMBERS + rb"\)"), 17),
    (EPSV, re.compile(rb"229 [^(]*\((.)\1\1(\d+)\1\)", re.DOTALL), 11),
)
"""Messages with the least they may have of data."""


def _parse(kinds: tuple[tuple[str, re.Pattern[bytes], int], ...], data: bytes, src: bytes) -> tuple[str, bytes, int] | None:
    """Kind, address and port of a message; numbers are taken modulo what fits, as in the original."""
    for kind, pattern, least in kinds:
        found = pattern.match(data) if len(data) >= least else None
        if found is None:
            continue
        groups = found.groups()
        if kind == EPSV:
            return kind, src, int(groups[1]) & 0xFFFF
        if kind == EPRT:
            return kind, bytes(int(g) & 0xFF for g in groups[1:5]), int(groups[5]) & 0xFFFF
        octets = [int(g) & 0xFF for g in groups]
        return kind, bytes(octets[:4]), octets[4] << 8 | octets[5]
    return None


def _wanted(la: Libalias, ad: AliasData) -> bool:
    return ad.lnk is not None and CONTROL_PORT in (ad.sport, ad.dport)


def _wanted_out(la: Libalias, ad: AliasData) -> bool:
    return _wanted(la, ad) and bool(ad.maxpktsize)


def _ended(lnk: AliasLink, data: bytearray, off: int) -> None:
    """Remember whether the message was complete."""
    start, end = tcp_data(data, off)
    if end > start:
        lnk.pflags = lnk.pflags & ~WAIT_CRLF if data[end - 2 : end] == b"\r\n" else lnk.pflags | WAIT_CRLF


def _out(la: Libalias, data: bytearray, off: int, ad: AliasData) -> int:
    """AliasHandleFtpOut."""
    lnk = ad.lnk
    assert lnk is not None
    start, end = tcp_data(data, off)
    if end - start <= MAX_MESSAGE and not lnk.pflags & WAIT_CRLF:
        to_server = get16(data, off + ((data[off] & 15) << 2) + 2) == CONTROL_PORT
        src = bytes(data[off + 12 : off + 16])
        found = _parse(COMMANDS if to_server else REPLIES, bytes(data[start:end]), src)
        if found is not None and found[1] == src and found[2] >= IPPORT_RESERVED:
            _new_message(la, data, off, lnk, found, ad.maxpktsize)
    _ended(lnk, data, off)
    return 0


def _new_message(la: Libalias, data: bytearray, off: int, lnk: AliasLink, what: tuple[str, bytes, int], room: int) -> None:
    """NewFtpMessage: a link for the data connection, and its address in place of the one named."""
    kind, addr, port = what
    made = la.AddLink((addr, port), (lnk.dst_addr, 0), lnk.alias_address, GET_ALIAS_PORT, LINK_TCP)
    if made is None:
        return
    alias, port = lnk.alias_address, made.alias_port
    numbers = ",".join(map(str, (*alias, port >> 8, port & 0xFF)))
    text = {
        PORT: f"PORT {numbers}\r\n",
        PASV: f"227 Entering Passive Mode ({numbers})\r\n",
        EPRT: f"EPRT |1|{inet_ntoa(alias)}|{port}|\r\n",
        EPSV: f"229 Entering Extended Passive Mode (|||{port}|)\r\n",
    }[kind]
    replace_data(lnk, data, off, text.encode(), room)


def _in(la: Libalias, data: bytearray, off: int, ad: AliasData) -> int:
    """AliasHandleFtpIn: an outside client of an inside server."""
    lnk = ad.lnk
    assert lnk is not None
    start, end = tcp_data(data, off)
    if end - start <= MAX_MESSAGE and not lnk.pflags & WAIT_CRLF and ad.dport == CONTROL_PORT:
        found = _parse(COMMANDS, bytes(data[start:end]), b"")
        if found is not None:
            local = (lnk.original_address, CONTROL_PORT - 1)
            la.AddLink(local, (found[1], found[2]), lnk.alias_address, GET_ALIAS_PORT, LINK_TCP)
    _ended(lnk, data, off)
    return 0


class AliasFtp(AliasModule):
    """The handlers."""

    handlers = (
        ProtoHandler(80, DIR_OUT, PROTO_TCP, _wanted_out, _out),
        ProtoHandler(80, DIR_IN, PROTO_TCP, _wanted, _in),
    )
