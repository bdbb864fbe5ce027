"""Packets through an aliasing engine (libalias/alias.c).

LibAliasOut gives a packet that leaves the alias address and port of its link, LibAliasIn gives one that arrives those of the
inside host back.  Messages about errors are known by the packet they carry, fragments by the identifier of their packet.
The packet is changed in place: its IP header begins at data[off].
"""

from __future__ import annotations

from vshell.abi.socket import IPPROTO_GRE, IPPROTO_ICMP, IPPROTO_SCTP, IPPROTO_TCP, IPPROTO_UDP
from vshell.kernel.netinet.libalias.alias_db import (
    CONNECTED,
    DISCONNECTED,
    NOT_CONNECTED,
    PKT_ALIAS_ERROR,
    PKT_ALIAS_FOUND_HEADER_FRAGMENT,
    PKT_ALIAS_IGNORED,
    PKT_ALIAS_OK,
    PKT_ALIAS_PROXY_ONLY,
    PKT_ALIAS_REVERSE,
    PKT_ALIAS_UNREGISTERED_CGN,
    PKT_ALIAS_UNREGISTERED_ONLY,
    PKT_ALIAS_UNRESOLVED_FRAGMENT,
    AliasData,
    AliasLink,
    Libalias,
)
from vshell.kernel.netinet.libalias.alias_mod import DIR_IN, DIR_OUT, PROTO_IP, PROTO_TCP, PROTO_UDP, find_handler
from vshell.kernel.netinet.libalias.alias_proxy import proxy_check, proxy_modify
from vshell.kernel.netinet.libalias.alias_util import adjust, adjust_checksum, change_address, get16, put16, words

ICMP_MINLEN, ICMP_ADVLENMIN, IP_HLEN, TCP_HLEN, UDP_HLEN = 8, 36, 20, 20, 8
ECHOREPLY, UNREACH, SOURCEQUENCH, ECHO, TIMXCEED, PARAMPROB, TSTAMP, TSTAMPREPLY = 0, 3, 4, 8, 11, 12, 13, 14
QUERIES, REPLIES, ERRORS = (ECHO, TSTAMP), (ECHOREPLY, TSTAMPREPLY), (UNREACH, SOURCEQUENCH, TIMXCEED, PARAMPROB)
MF, OFFMASK = 0x2000, 0x1FFF
FIN, SYN, RST = 1, 2, 4
SRC, DST, SUM = 12, 16, 10
UNREGISTERED = ((0xC0A80000, 0xC0A8FFFF), (0xAC100000, 0xAC1FFFFF), (0x0A000000, 0x0AFFFFFF))
UNREGISTERED_CGN = (0x64400000, 0x647FFFFF)


def _addr(data: bytearray, at: int) -> bytes:
    return bytes(data[at : at + 4])


# ICMP ----------------------------------------------------------------------------------------------------------


def _icmp_in1(la: Libalias, data: bytearray, off: int, ic: int) -> int:
    """Echo and timestamp messages: the identifier stands for a port."""
    ident = get16(data, ic + 4)
    ret, lnk = la.FindIcmpIn(_addr(data, off + SRC), _addr(data, off + DST), ident, True)
    if lnk is not None:
        adjust(data, ic + 2, ident - lnk.src_port)
        put16(data, ic + 4, lnk.src_port)
        change_address(data, off, DST, lnk.original_address)
    return ret


def _icmp_out1(la: Libalias, data: bytearray, off: int, ic: int, create: bool) -> int:
    ident = get16(data, ic + 4)
    ret, lnk = la.FindIcmpOut(_addr(data, off + SRC), _addr(data, off + DST), ident, create)
    if lnk is not None:
        adjust(data, ic + 2, ident - lnk.alias_port)
        put16(data, ic + 4, lnk.alias_port)
        change_address(data, off, SRC, lnk.alias_address)
    return ret


def _embedded(data: bytearray, ic: int) -> tuple[int, int, int] | None:
    """Of the packet a message is about: place, place of what follows its header, protocol; None if it is cut short."""
    ip = ic + ICMP_MINLEN
    if ip + IP_HLEN > len(data):
        return None
    up = ip + ((data[ip] & 15) << 2)
    return None if up + 8 > len(data) else (ip, up, data[ip + 9])


def _find_embedded(
    la: Libalias, data: bytearray, ip: int, up: int, proto: int, incoming: bool
) -> tuple[int, AliasLink | None, int]:
    """The link of the packet a message is about, and where its port is; it went the other way."""
    src, dst = _addr(data, ip + SRC), _addr(data, ip + DST)
    if proto in (IPPROTO_UDP, IPPROTO_TCP):
        sport, dport = get16(data, up), get16(data, up + 2)
        find = la.FindUdpTcpIn if incoming else la.FindUdpTcpOut
        ret, lnk = find(dst, src, dport, sport, proto, False)
        return ret, lnk, up if incoming else up + 2
    if proto == IPPROTO_ICMP and data[up] in QUERIES:
        find_icmp = la.FindIcmpIn if incoming else la.FindIcmpOut
        ret, lnk = find_icmp(dst, src, get16(data, up + 4), False)
        return ret, lnk, up + 4
    return PKT_ALIAS_IGNORED, None, 0


def _icmp_in2(la: Libalias, data: bytearray, off: int, ic: int) -> int:
    """A message about a packet of an inside host."""
    inner = _embedded(data, ic)
    if inner is None:
        return PKT_ALIAS_IGNORED
    ip, up, proto = inner
    ret, lnk, port_at = _find_embedded(la, data, ip, up, proto, True)
    if lnk is None:
        return ret
    original, port = lnk.original_address, lnk.src_port
    acc = words(data[ip + SRC : ip + SRC + 4]) - words(original) + get16(data, port_at) - port
    before = get16(data, ip + SUM)
    after = adjust_checksum(acc, before)
    put16(data, ip + SUM, after)
    adjust(data, ic + 2, acc + before - after)
    change_address(data, off, DST, original)
    data[ip + SRC : ip + SRC + 4] = original
    put16(data, port_at, port)
    return PKT_ALIAS_OK


def _icmp_out2(la: Libalias, data: bytearray, off: int, ic: int) -> int:
    """A message about a packet for an inside host, from it or from a router on the way to it."""
    inner = _embedded(data, ic)
    if inner is None:
        return PKT_ALIAS_IGNORED
    ip, up, proto = inner
    ret, lnk, port_at = _find_embedded(la, data, ip, up, proto, False)
    if lnk is None:
        return ret
    alias = lnk.alias_address
    was = data[ip + DST : ip + DST + 4]
    adjust(data, ic + 2, words(was) - words(alias) + get16(data, port_at) - lnk.alias_port)
    if data[off + SRC : off + SRC + 4] == was:
        change_address(data, off, SRC, alias)
    data[ip + DST : ip + DST + 4] = alias
    put16(data, port_at, lnk.alias_port)
    return PKT_ALIAS_OK


def _icmp_in(la: Libalias, data: bytearray, off: int) -> int:
    hlen = (data[off] & 15) << 2
    ic, dlen = off + hlen, get16(data, off + 2) - hlen
    if dlen < ICMP_MINLEN or ic + ICMP_MINLEN > len(data):
        return PKT_ALIAS_IGNORED
    if la.packetAliasMode & PKT_ALIAS_PROXY_ONLY:
        return PKT_ALIAS_OK
    kind = data[ic]
    if kind in QUERIES or (kind in REPLIES and not data[ic + 1]):
        return _icmp_in1(la, data, off, ic)
    if kind in ERRORS:
        if dlen < ICMP_ADVLENMIN or dlen < ICMP_MINLEN + ((data[ic + ICMP_MINLEN] & 15) << 2) + 8:
            return PKT_ALIAS_IGNORED
        return _icmp_in2(la, data, off, ic)
    return PKT_ALIAS_IGNORED


def _icmp_out(la: Libalias, data: bytearray, off: int, create: bool) -> int:
    if la.packetAliasMode & PKT_ALIAS_PROXY_ONLY:
        return PKT_ALIAS_OK
    ic = off + ((data[off] & 15) << 2)
    if ic + ICMP_MINLEN > len(data):
        return PKT_ALIAS_IGNORED
    kind = data[ic]
    if kind in REPLIES or (kind in QUERIES and not data[ic + 1]):
        return _icmp_out1(la, data, off, ic, create)
    return _icmp_out2(la, data, off, ic) if kind in ERRORS else PKT_ALIAS_IGNORED


# protocols without ports ---------------------------------------------------------------------------------------


def _proto_in(la: Libalias, data: bytearray, off: int) -> int:
    if la.packetAliasMode & PKT_ALIAS_PROXY_ONLY:
        return PKT_ALIAS_OK
    ret, lnk = la.FindProtoIn(_addr(data, off + SRC), _addr(data, off + DST), data[off + 9])
    if lnk is not None:
        change_address(data, off, DST, lnk.original_address)
    return ret


def _proto_out(la: Libalias, data: bytearray, off: int, create: bool) -> int:
    if la.packetAliasMode & PKT_ALIAS_PROXY_ONLY:
        return PKT_ALIAS_OK
    if not create:
        return PKT_ALIAS_IGNORED
    ret, lnk = la.FindProtoOut(_addr(data, off + SRC), _addr(data, off + DST), data[off + 9])
    if lnk is not None:
        change_address(data, off, SRC, lnk.alias_address)
    return ret


def _gre(la: Libalias, data: bytearray, off: int, direction: int, create: bool) -> int:
    if find_handler(direction, PROTO_IP, la, data, off, AliasData()) == 0:
        return PKT_ALIAS_OK
    return _proto_in(la, data, off) if direction == DIR_IN else _proto_out(la, data, off, create)


# UDP and TCP ---------------------------------------------------------------------------------------------------


def _udp_header(data: bytearray, off: int) -> int:
    """ValidateUdpLength: where it is, -1 if the packet is too short for what it says."""
    hlen = (data[off] & 15) << 2
    ud, dlen = off + hlen, get16(data, off + 2) - hlen
    if dlen < UDP_HLEN or ud + UDP_HLEN > len(data):
        return -1
    return -1 if not get16(data, off + 6) & MF and dlen < get16(data, ud + 4) else ud


def _udp_in(la: Libalias, data: bytearray, off: int) -> int:
    ud = _udp_header(data, off)
    if ud < 0:
        return PKT_ALIAS_IGNORED
    sport, alias_port = get16(data, ud), get16(data, ud + 2)
    create = not la.packetAliasMode & PKT_ALIAS_PROXY_ONLY
    src, dst = _addr(data, off + SRC), _addr(data, off + DST)
    ret, lnk = la.FindUdpTcpIn(src, dst, sport, alias_port, IPPROTO_UDP, create)
    if lnk is None:
        return ret
    ad = AliasData(lnk, sport, lnk.src_port)
    ad.oaddr, ad.aaddr, ad.aport = lnk.original_address, lnk.alias_address, alias_port
    put16(data, ud + 2, lnk.src_port)
    if find_handler(DIR_IN, PROTO_UDP, la, data, off, ad) < 0:
        return PKT_ALIAS_IGNORED
    if data[ud + 6] or data[ud + 7]:
        acc = alias_port - get16(data, ud + 2) + words(ad.aaddr) - words(ad.oaddr)
        if lnk.proxy_port:
            acc += sport - lnk.proxy_port
        if lnk.proxy_addr != bytes(4):
            acc += words(src) - words(lnk.proxy_addr)
        adjust(data, ud + 6, acc)
    if lnk.proxy_port:
        put16(data, ud, lnk.proxy_port)
    if lnk.proxy_addr != bytes(4):
        change_address(data, off, SRC, lnk.proxy_addr)
    change_address(data, off, DST, ad.oaddr)
    return PKT_ALIAS_OK


def _to_proxy(data: bytearray, off: int, up: int, sum_at: int, server: tuple[bytes, int]) -> None:
    """Send a packet to a proxy server instead."""
    addr, port = server
    if sum_at != up + 6 or data[sum_at] or data[sum_at + 1]:
        adjust(data, sum_at, words(data[off + DST : off + DST + 4]) - words(addr) + get16(data, up + 2) - port)
    change_address(data, off, DST, addr)
    put16(data, up + 2, port)


def _udp_out(la: Libalias, data: bytearray, off: int, room: int, create: bool) -> int:
    ud = _udp_header(data, off)
    if ud < 0:
        return PKT_ALIAS_IGNORED
    kind, server = proxy_check(la, data, off, get16(data, ud + 2))
    if not kind and la.packetAliasMode & PKT_ALIAS_PROXY_ONLY:
        return PKT_ALIAS_OK
    dest = (_addr(data, off + DST), get16(data, ud + 2))
    if kind:
        _to_proxy(data, off, ud, ud + 6, server)
    src, sport = _addr(data, off + SRC), get16(data, ud)
    ret, lnk = la.FindUdpTcpOut(src, _addr(data, off + DST), sport, get16(data, ud + 2), IPPROTO_UDP, create)
    if lnk is None:
        return ret
    if kind:
        lnk.proxy_addr, lnk.proxy_port = dest
        proxy_modify(lnk, data, off, room, kind)
        ud = off + ((data[off] & 15) << 2)
    ad = AliasData(lnk, sport, get16(data, ud + 2))
    ad.aaddr, ad.aport = lnk.alias_address, lnk.alias_port
    find_handler(DIR_OUT, PROTO_UDP, la, data, off, ad)
    if data[ud + 6] or data[ud + 7]:
        adjust(data, ud + 6, get16(data, ud) - ad.aport + words(data[off + SRC : off + SRC + 4]) - words(ad.aaddr))
    put16(data, ud, ad.aport)
    change_address(data, off, SRC, ad.aaddr)
    return PKT_ALIAS_OK


def _tcp_state(state: int, flags: int) -> int:
    """TcpMonitorIn, TcpMonitorOut: the state of one direction after a segment; -1 if it stays."""
    if state == NOT_CONNECTED:
        return DISCONNECTED if flags & RST else CONNECTED if flags & SYN else -1
    return DISCONNECTED if state == CONNECTED and flags & (FIN | RST) else -1


def _number(data: bytearray, at: int, delta: int) -> int:
    """Change a sequence number; what that does to the checksum."""
    old = bytes(data[at : at + 4])
    data[at : at + 4] = (int.from_bytes(old, "big") + delta & 0xFFFFFFFF).to_bytes(4, "big")
    return words(old) - words(data[at : at + 4])


def _tcp_in(la: Libalias, data: bytearray, off: int) -> int:
    hlen = (data[off] & 15) << 2
    tc = off + hlen
    if get16(data, off + 2) - hlen < TCP_HLEN or tc + TCP_HLEN > len(data):
        return PKT_ALIAS_IGNORED
    sport, alias_port = get16(data, tc), get16(data, tc + 2)
    create = not la.packetAliasMode & PKT_ALIAS_PROXY_ONLY
    ret, lnk = la.FindUdpTcpIn(_addr(data, off + SRC), _addr(data, off + DST), sport, alias_port, IPPROTO_TCP, create)
    if lnk is None:
        return ret
    find_handler(DIR_IN, PROTO_TCP, la, data, off, AliasData(lnk, sport, alias_port))
    alias, original = lnk.alias_address, lnk.original_address
    alias_port = get16(data, tc + 2)
    put16(data, tc + 2, lnk.src_port)
    acc = alias_port - lnk.src_port + words(alias) - words(original)
    src = _addr(data, off + SRC)
    if lnk.proxy_port:
        acc += sport - lnk.proxy_port + words(src) - words(lnk.proxy_addr)
        put16(data, tc, lnk.proxy_port)
    if lnk.acks is not None:
        delta = lnk.GetDeltaAckIn(int.from_bytes(data[tc + 8 : tc + 12], "big"))
        if delta:
            acc += _number(data, tc + 8, -delta)
    adjust(data, tc + 16, acc)
    change_address(data, off, DST, original)
    if lnk.proxy_addr != bytes(4):
        change_address(data, off, SRC, lnk.proxy_addr)
    state = _tcp_state(lnk.state_in, data[tc + 13])
    if state >= 0:
        lnk.SetStateIn(state)
    return PKT_ALIAS_OK


def _tcp_out(la: Libalias, data: bytearray, off: int, room: int, create: bool) -> int:
    hlen = (data[off] & 15) << 2
    tc = off + hlen
    if get16(data, off + 2) - hlen < TCP_HLEN or tc + TCP_HLEN > len(data):
        return PKT_ALIAS_IGNORED
    kind, server = proxy_check(la, data, off, get16(data, tc + 2)) if create else (0, (b"", 0))
    if not kind and la.packetAliasMode & PKT_ALIAS_PROXY_ONLY:
        return PKT_ALIAS_OK
    dest = (_addr(data, off + DST), get16(data, tc + 2))
    if kind:
        _to_proxy(data, off, tc, tc + 16, server)
    src, sport = _addr(data, off + SRC), get16(data, tc)
    ret, lnk = la.FindUdpTcpOut(src, _addr(data, off + DST), sport, get16(data, tc + 2), IPPROTO_TCP, create)
    if lnk is None:
        return ret
    if kind:
        lnk.proxy_addr, lnk.proxy_port = dest
        proxy_modify(lnk, data, off, room, kind)
        tc = off + ((data[off] & 15) << 2)
    state = _tcp_state(lnk.state_out, data[tc + 13])
    if state >= 0:
        lnk.SetStateOut(state)
    ad = AliasData(lnk, sport, get16(data, tc + 2), room)
    ad.aaddr, ad.aport = lnk.alias_address, lnk.alias_port
    find_handler(DIR_OUT, PROTO_TCP, la, data, off, ad)
    acc = get16(data, tc) - ad.aport + words(data[off + SRC : off + SRC + 4]) - words(ad.aaddr)
    put16(data, tc, ad.aport)
    if lnk.acks is not None:
        delta = lnk.GetDeltaSeqOut(int.from_bytes(data[tc + 4 : tc + 8], "big"))
        if delta:
            acc += _number(data, tc + 4, delta)
    adjust(data, tc + 16, acc)
    change_address(data, off, SRC, ad.aaddr)
    return PKT_ALIAS_OK


# whole packets -------------------------------------------------------------------------------------------------


def _mangled(data: bytearray, off: int, room: int) -> bool:
    return get16(data, off + 2) > room or (data[off] & 15) << 2 > room


def _fragment_in(la: Libalias, data: bytearray, off: int) -> int:
    lnk = la.FindFragmentIn2(_addr(data, off + SRC), _addr(data, off + DST), get16(data, off + 4))
    if lnk is None:
        return PKT_ALIAS_UNRESOLVED_FRAGMENT
    change_address(data, off, DST, lnk.frag if lnk.frag is not None else bytes(4))
    return PKT_ALIAS_OK


def LibAliasIn(la: Libalias, data: bytearray, off: int, room: int) -> int:
    """A packet from outside; `room` is how long it may be or become."""
    if la.packetAliasMode & PKT_ALIAS_REVERSE:
        return _reversed(la, data, off, room, DIR_OUT)
    return _in(la, data, off, room)


def _reversed(la: Libalias, data: bytearray, off: int, room: int, direction: int) -> int:
    la.packetAliasMode &= ~PKT_ALIAS_REVERSE
    try:
        return _in(la, data, off, room) if direction == DIR_IN else _out(la, data, off, room, True)
    finally:
        la.packetAliasMode |= PKT_ALIAS_REVERSE


def _in(la: Libalias, data: bytearray, off: int, room: int) -> int:
    la.HouseKeeping()
    alias = _addr(data, off + DST)
    if _mangled(data, off, room):
        return PKT_ALIAS_IGNORED
    if get16(data, off + 6) & OFFMASK:
        return _fragment_in(la, data, off)
    proto = data[off + 9]
    if proto == IPPROTO_TCP:
        result = _tcp_in(la, data, off)
    elif proto == IPPROTO_UDP:
        result = _udp_in(la, data, off)
    elif proto == IPPROTO_ICMP:
        result = _icmp_in(la, data, off)
    elif proto == IPPROTO_GRE:
        result = _gre(la, data, off, DIR_IN, True)
    elif proto == IPPROTO_SCTP:
        result = PKT_ALIAS_IGNORED
    else:
        result = _proto_in(la, data, off)
    if get16(data, off + 6) & MF:
        lnk = la.FindFragmentIn1(_addr(data, off + SRC), alias, get16(data, off + 4))
        if lnk is None:
            return PKT_ALIAS_ERROR
        lnk.frag = _addr(data, off + DST)
        return PKT_ALIAS_FOUND_HEADER_FRAGMENT
    return result


def _is_private(addr: bytes, cgn: bool) -> bool:
    number = int.from_bytes(addr, "big")
    ranges = (*UNREGISTERED, UNREGISTERED_CGN) if cgn else UNREGISTERED
    return any(low <= number <= high for low, high in ranges)


def LibAliasOut(la: Libalias, data: bytearray, off: int, room: int, create: bool = True) -> int:
    """A packet from inside; a new link is made for it only if `create` (LibAliasOutTry)."""
    if la.packetAliasMode & PKT_ALIAS_REVERSE:
        return _reversed(la, data, off, room, DIR_IN)
    return _out(la, data, off, room, create)


def _out(la: Libalias, data: bytearray, off: int, room: int, create: bool) -> int:
    la.HouseKeeping()
    if _mangled(data, off, room):
        return PKT_ALIAS_IGNORED
    mode, saved = la.packetAliasMode, la.aliasAddress
    src = _addr(data, off + SRC)
    if mode & (PKT_ALIAS_UNREGISTERED_ONLY | PKT_ALIAS_UNREGISTERED_CGN):
        if not _is_private(src, bool(mode & PKT_ALIAS_UNREGISTERED_CGN)):
            la.aliasAddress = src
    elif mode & PKT_ALIAS_PROXY_ONLY:
        la.aliasAddress = src
    try:
        if get16(data, off + 6) & OFFMASK:
            change_address(data, off, SRC, la.FindAliasAddress(src))
            return PKT_ALIAS_OK
        proto = data[off + 9]
        if proto == IPPROTO_TCP:
            return _tcp_out(la, data, off, room, create)
        if proto == IPPROTO_UDP:
            return _udp_out(la, data, off, room, create)
        if proto == IPPROTO_ICMP:
            return _icmp_out(la, data, off, create)
        if proto == IPPROTO_GRE:
            return _gre(la, data, off, DIR_OUT, create)
        if proto == IPPROTO_SCTP:
            return PKT_ALIAS_IGNORED
        return _proto_out(la, data, off, create)
    finally:
        la.aliasAddress = saved
