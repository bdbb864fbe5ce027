"""alias_smedia.ko: TFTP, RTSP and PNA through address translation (libalias/alias_smedia.c; RFC 1350, RFC 2326).

A TFTP server answers a request from another port than it came to, so that a link to any port of it is made.  RTSP names the
ports on which media will come in the "Transport:" line of a SETUP request or of the answer to one, PNA in options.
"""

from __future__ import annotations

from vshell.abi.socket import IPPROTO_UDP
from vshell.kernel.kern.module import Kld
from vshell.kernel.netinet.libalias.alias_db import LINK_UDP, AliasData, AliasLink, Libalias
from vshell.kernel.netinet.libalias.alias_mod import DIR_OUT, PROTO_TCP, PROTO_UDP, AliasModule, ProtoHandler
from vshell.kernel.netinet.libalias.alias_tcp import replace_data, tcp_data
from vshell.kernel.netinet.libalias.alias_util import TH_RES1, get16, put16

KLD = Kld(depends=("libalias",), size=0x3000)

TFTP_PORT = 69
RTSP_PORTS = (554, 7070)
PORT_GROUP = 2
PNA_PORT_OPTIONS = (1, 7)


def _wanted(la: Libalias, ad: AliasData) -> bool:
    if ad.dport == TFTP_PORT:
        return True
    return ad.lnk is not None and bool(ad.maxpktsize) and (ad.dport in RTSP_PORTS or ad.sport in RTSP_PORTS)


def _link(la: Libalias, src: tuple[bytes, int], dst: bytes, alias_port: int) -> AliasLink | None:
    """FindRtspOut."""
    found = la.FindLinkOut(src[0], dst, src[1], 0, LINK_UDP, True)
    if found is not None:
        return found
    return la.AddLink(src, (dst, 0), la.FindAliasAddress(src[0]), alias_port, LINK_UDP)


def _out(la: Libalias, data: bytearray, off: int, ad: AliasData) -> int:
    if ad.dport == TFTP_PORT:
        _link(la, (bytes(data[off + 12 : off + 16]), ad.sport), bytes(data[off + 16 : off + 20]), ad.aport)
        return 0
    start, end = tcp_data(data, off)
    if end - off > ad.maxpktsize:
        return 0
    message = bytes(data[start:end])
    if ad.dport not in RTSP_PORTS:
        if _is_answer(message):
            _rtsp(la, data, off, ad, message, b"server_port")
    elif message.startswith(b"SETUP"):
        _rtsp(la, data, off, ad, message, b"client_port")
    elif message.startswith(b"PNA"):
        _pna(la, data, off, ad)
    return 0


def _is_answer(message: bytes) -> bool:
    """Does it say that a request was granted ("200 OK")?"""
    i = 0
    while len(message) >= 6 and i <= len(message) - 4:
        if message.startswith(b"200 ", i):
            i += 3
            while message.startswith(b" ", i):
                i += 1
            if message.startswith(b"OK", i):
                return True
        i += 1
    return False


def _search(text: bytes, word: bytes) -> int:
    """search_string: what follows the first place of a word, in small or big letters; not looked for at the very end."""
    last = len(text) - len(word)
    for i in range(max(last - len(word) + 1, 0)):
        if all(text[i + k] in (c, c - 32) for k, c in enumerate(word)):
            return i + len(word)
    return -1


def _ports(text: bytes, at: int) -> tuple[int, int, int] | None:
    """The numbers of "=FIRST-LAST;" and where to go on, None if they do not end; whatever ends a range is taken for ';'."""
    state, first, last = 0, 0, 0
    for i in range(at, len(text)):
        c = text[i : i + 1]
        if state == 3:
            return first, last, i
        if state == 0:
            state = 1 if c == b"=" else 0
        elif state == 1:
            if c.isdigit():
                first = first * 10 + int(c) & 0xFFFF
            else:
                state = {b";": 3, b"-": 2}.get(c, 1)
        elif c.isdigit():
            last = last * 10 + int(c) & 0xFFFF
        else:
            state = 3
    return None


def _group(la: Libalias, lnk: AliasLink, src: bytes, base: int) -> int:
    """Links for two ports in a row; the first one's alias, 0 if there are none."""
    nobody = bytes(4)
    alias = la.FindNewPortGroup(nobody, la.FindAliasAddress(src), base, 0, PORT_GROUP, IPPROTO_UDP, True)
    for j in range(PORT_GROUP if alias else 0):
        if _link(la, (lnk.original_address, base + j & 0xFFFF), nobody, alias + j & 0xFFFF) is None:
            return 0
    return alias


def _rtsp(la: Libalias, data: bytearray, off: int, ad: AliasData, message: bytes, word: bytes) -> None:
    """alias_rtsp_out: all ports that a message names become those of one pair of links."""
    lnk = ad.lnk
    assert lnk is not None
    room = ad.maxpktsize - (tcp_data(data, off)[0] - off)
    at = _search(message, b"transport:")
    if at < 0:
        return
    new, rest = message[:at], message[at:]
    alias, made, changed = 0, False, False
    while len(rest) > len(word):
        at = _search(rest, word)
        if at < 0 or at + 1 > room - len(new):
            break
        new += rest[: at + 1]
        ports = _ports(rest, at)
        if ports is None:
            rest = b""
            break
        first, last, after = ports
        if not made:
            made, alias = True, _group(la, lnk, bytes(data[off + 12 : off + 16]), first)
        if alias:
            changed = True
            new += b"%d-%d;" % (alias, alias + PORT_GROUP - 1) if last else b"%d;" % alias
        rest = rest[after:]
    if changed and len(new) + len(rest) <= room:
        replace_data(lnk, data, off, new + rest, ad.maxpktsize)


def _pna(la: Libalias, data: bytearray, off: int, ad: AliasData) -> None:
    """alias_pna_out: the ports in options of early RealPlayers."""
    lnk = ad.lnk
    assert lnk is not None
    start, end = tcp_data(data, off)
    tc = off + ((data[off] & 15) << 2)
    at = start + 5
    while at + 4 < end:
        option, length = get16(data, at), get16(data, at + 2)
        at += 4
        if option == 0:
            return
        if option in PNA_PORT_OPTIONS and at + 2 <= len(data):
            src = bytes(data[off + 12 : off + 16])
            made = la.FindUdpTcpOut(src, lnk.dst_addr, get16(data, at), 0, IPPROTO_UDP, True)[1]
            if made is not None:
                put16(data, at, made.alias_port)
                put16(data, tc + 16, 0)
                data[tc + 12] |= TH_RES1
        at += length


class AliasSmedia(AliasModule):
    """The handler."""

    handlers = (ProtoHandler(100, DIR_OUT, PROTO_TCP | PROTO_UDP, _wanted, _out),)
