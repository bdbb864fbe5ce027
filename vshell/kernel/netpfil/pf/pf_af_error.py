"""ICMP errors change their family with the packets they tell of (pf_translate_icmp_af, pf_change_icmp_af of netpfil/pf/pf.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi.socket import AF_INET, IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_SCTP, IPPROTO_TCP, IPPROTO_UDP
from vshell.kernel.netpfil.pf.pf_state import STACK, WIRE, State
from vshell.wire.cksum import in_cksum
from vshell.wire.icmp import ICMP_PARAMPROB, ICMP_TIMXCEED, ICMP_UNREACH, ICMP_UNREACH_NEEDFRAG

if TYPE_CHECKING:
    from vshell.kernel.netpfil.pf.pf_pdesc import Pdesc

UNREACH6, TOO_BIG6, TIME_EXCEEDED6, PARAM_PROB6 = 1, 2, 3, 4
NEXT_HEADER = 1
PROTOCOL_UNREACH = 2
TO_UNREACH6 = {0: 0, 1: 0, 3: 4, 6: 0, 7: 0, 8: 0, 9: 1, 10: 1, 11: 0, 12: 0, 13: 1, 15: 1}
TO_UNREACH4 = {0: 1, 1: 10, 2: 1, 3: 1, 4: 3}
OTHER_POINTER6 = {0: 0, 1: 1, 2: 4, 3: 4, 8: 7, 9: 6, 12: 8, 16: 24}
OTHER_POINTER4 = {0: 0, 1: 1, 4: 2, 5: 2, 6: 9, 7: 8, 8: 12, 24: 16}
ECHOES = {8: 128, 0: 129, 128: 8, 129: 0}
NEXT_OFFSET6 = 6
HEADERS = 20


def _to6(kind: int, code: int, mtu: int, pointer: int) -> tuple[int, int, int] | None:
    """Type, code and the word after the checksum for IPv6."""
    if kind == ICMP_UNREACH:
        if code == ICMP_UNREACH_NEEDFRAG:
            return TOO_BIG6, 0, mtu + HEADERS
        if code == PROTOCOL_UNREACH:
            return PARAM_PROB6, NEXT_HEADER, NEXT_OFFSET6
        return (UNREACH6, TO_UNREACH6[code], 0) if code in TO_UNREACH6 else None
    if kind == ICMP_TIMXCEED:
        return TIME_EXCEEDED6, code, 0
    if kind == ICMP_PARAMPROB and pointer in OTHER_POINTER6:
        return PARAM_PROB6, 0, OTHER_POINTER6[pointer]
    return None


def _to4(kind: int, code: int, word: int) -> tuple[int, int, int] | None:
    """The same for IPv4."""
    if kind == UNREACH6:
        return (ICMP_UNREACH, TO_UNREACH4[code], 0) if code in TO_UNREACH4 else None
    if kind == TOO_BIG6:
        return ICMP_UNREACH, ICMP_UNREACH_NEEDFRAG, max(0, word - HEADERS) & 0xFFFF
    if kind == TIME_EXCEEDED6:
        return ICMP_TIMXCEED, code, 0
    if kind == PARAM_PROB6 and code == NEXT_HEADER:
        return ICMP_UNREACH, PROTOCOL_UNREACH, 0
    if kind == PARAM_PROB6 and not code and word in OTHER_POINTER4:
        return ICMP_PARAMPROB, 0, OTHER_POINTER4[word] << 24
    return None


def translate_error(pd: Pdesc, s: State, proto: int, ip: int, at: int) -> bool:
    """Make the message for the other family; `proto` is quoted, its IP header is at `ip`, the one behind at `at`."""
    data = pd.data
    word = int.from_bytes(data[pd.off + 4 : pd.off + 8], "big")
    four = pd.af == AF_INET
    new = _to6(pd.icmptype, pd.icmpcode, word & 0xFFFF, word >> 24) if four else _to4(pd.icmptype, pd.icmpcode, word)
    if new is None:
        return False
    if four:
        _, _, src, dst, sport, dport = s.keys[WIRE]
        pd.nsaddr, pd.ndaddr = dst[:12] + pd.src, src
    else:
        _, _, src, dst, sport, dport = s.keys[STACK]
        pd.nsaddr, pd.ndaddr = dst, src
    rest = bytearray(data[at : pd.m.off + pd.tot_len])
    inner = proto
    if proto in (IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP):
        rest[:4] = sport.to_bytes(2, "big") + dport.to_bytes(2, "big")
    elif proto in (IPPROTO_ICMP, IPPROTO_ICMPV6):
        inner = IPPROTO_ICMPV6 if four else IPPROTO_ICMP
        if rest[0] not in ECHOES:
            return False
        rest[0] = ECHOES[rest[0]]
        rest[4:6] = (sport if four else dport).to_bytes(2, "big")
    if four:
        size = max(0, (data[ip + 2] << 8 | data[ip + 3]) - (at - ip))
        header = bytearray(b"\x60\0\0\0" + size.to_bytes(2, "big") + bytes((inner, data[ip + 8])) + src + dst)
    else:
        size = (data[ip + 4] << 8 | data[ip + 5]) + HEADERS
        header = bytearray(b"\x45\0" + size.to_bytes(2, "big") + bytes(4) + bytes((data[ip + 7], inner)) + b"\0\0" + src + dst)
        header[10:12] = in_cksum(bytes(header)).to_bytes(2, "big")
    kind, code, word = new
    pd.inner = bytes((kind, code, 0, 0)) + word.to_bytes(4, "big") + bytes(header) + bytes(rest)
    return True
