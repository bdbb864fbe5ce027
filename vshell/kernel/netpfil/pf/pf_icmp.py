"""ICMP and states: echoes have their own, errors belong to those they tell of (pf_test_state_icmp of netpfil/pf/pf.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi import pf as P
from vshell.abi.socket import AF_INET
from vshell.kernel.netpfil.pf.pf_af_error import translate_error
from vshell.kernel.netpfil.pf.pf_pdesc import (
    ICMP,
    ICMPV6,
    RES_BADSTATE,
    RES_FRAG,
    RES_SHORT,
    SCTP,
    TCP,
    UDP,
    Pdesc,
    icmp_mapping,
)
from vshell.kernel.netpfil.pf.pf_state import STACK, WIRE
from vshell.kernel.netpfil.pf.pf_test import nd_addresses
from vshell.kernel.netpfil.pf.pf_track import M32, geq, other_key
from vshell.wire.cksum import in_cksum, in_pseudo

if TYPE_CHECKING:
    from vshell.kernel.netpfil.pf.pf_state import State

PASS, DROP, AFRT = P.PF_PASS, P.PF_DROP, P.PF_AFRT
ECHOES = (8, 128)


def test_state_icmp(pd: Pdesc) -> tuple[int, State | None]:
    """pf_test_state_icmp: PF_DROP without a state means that the rules are asked."""
    data, at = pd.data, pd.off
    if icmp_mapping(pd, pd.icmptype, data[at + 4] << 8 | data[at + 5]):
        return Inner(pd).run()
    state = _lookup(pd, False)
    if state is None and pd.af != AF_INET and pd.icmp_dir == P.PF_OUT and pd.icmptype == 136:
        state = _lookup(pd, True)
    if state is None:
        return DROP, None
    state.expire = pd.pf.vnet.kernel.clock.now
    state.timeout = P.PFTM_ICMP_ERROR_REPLY
    if not state.translated:
        return PASS, state
    nk = other_key(pd, state)
    if nk[0] != pd.af:
        pd.naf = nk[0]
        pd.nsaddr, pd.ndaddr, pd.nsport, pd.ndport = nk[3], nk[2], nk[5], nk[4]
        return AFRT, state
    ends = (nk[2], nk[3])
    if ends[pd.sidx] != pd.src:
        pd.set_src(ends[pd.sidx], None)
    if ends[pd.didx] != pd.dst:
        pd.set_dst(ends[pd.didx], None)
    ident = (nk[4], nk[5])[pd.sidx if pd.icmp_dir == P.PF_IN else pd.didx]
    if pd.virtual_type in ECHOES and ident != pd.virtual_id:
        pd.set_icmp_id(ident)
    return PASS, state


def _lookup(pd: Pdesc, multi: bool) -> State | None:
    """pf_icmp_state_lookup."""
    src, dst = pd.src, pd.dst
    if pd.proto == ICMPV6 and pd.icmptype in (135, 136):
        src, dst = nd_addresses(pd, src, dst)
        if multi:
            src = b"\xff\x02" + bytes(9) + b"\x01\xff" + src[13:]
    ports = (pd.virtual_id, pd.virtual_type) if pd.icmp_dir == P.PF_IN else (pd.virtual_type, pd.virtual_id)
    state = pd.pf.states.find(pd.key(src, ports[0], dst, ports[1]), pd.dir, pd.ifp)
    if state is None or state.flags & P.PFSTATE_SLOPPY:
        return state
    if state.keys[WIRE][0] != state.keys[STACK][0]:
        direction = P.PF_IN if pd.af == state.keys[WIRE][0] else P.PF_OUT
    else:
        direction = state.direction
    if state.rule.type and (P.PF_IN if direction == pd.dir else P.PF_OUT) != pd.icmp_dir:
        return None
    return state


class Inner:
    """An error, and the beginning of the packet it tells of."""

    def __init__(self, pd: Pdesc) -> None:
        self.pd = pd
        self.ip = pd.off + 8
        self.off = self.proto = 0
        self.src = self.dst = b""
        self.sidx, self.didx = pd.didx, pd.sidx

    def run(self) -> tuple[int, State | None]:
        """Find its state, and translate both."""
        pd = self.pd
        if not self._parse():
            return DROP, None
        if pd.dst != self.src:
            pd.reason = RES_BADSTATE
            return DROP, None
        data, at = pd.data, self.off
        a = b = 0
        if self.proto in (TCP, UDP, SCTP):
            a, b = data[at] << 8 | data[at + 1], data[at + 2] << 8 | data[at + 3]
        elif self.proto in (ICMP, ICMPV6):
            kept = pd.icmp_dir, pd.virtual_id, pd.virtual_type
            icmp_mapping(pd, data[at], data[at + 4] << 8 | data[at + 5])
            a, b = (pd.virtual_id, pd.virtual_type) if pd.icmp_dir == P.PF_IN else (pd.virtual_type, pd.virtual_id)
            pd.icmp_dir, pd.virtual_id, pd.virtual_type = kept
        pair = ((self.src, self.dst), (a, b)) if self.sidx == 0 else ((self.dst, self.src), (b, a))
        key = (pd.af, self.proto, *pair[0], *pair[1])
        state = pd.pf.states.find(key, pd.dir, pd.ifp)
        if state is None:
            return DROP, None
        if self.proto == TCP and not self._in_window(state):
            pd.reason = RES_BADSTATE
            return DROP, state
        if state.translated:
            nk = other_key(pd, state)
            if nk[0] != pd.af:
                pd.naf = nk[0]
                return (AFRT if translate_error(pd, state, self.proto, self.ip, self.off) else DROP), state
            self._translate((nk[2], nk[3]), (nk[4], nk[5]))
        return PASS, state

    def _parse(self) -> bool:
        pd, data, ip = self.pd, self.pd.data, self.ip
        end = pd.m.off + pd.tot_len
        four = pd.af == AF_INET
        if ip + (20 if four else 40) > end:
            pd.reason = RES_SHORT
            return False
        if four:
            if data[ip + 6] & 0x1F or data[ip + 7]:
                pd.reason = RES_FRAG
                return False
            self.off, self.proto = ip + ((data[ip] & 15) << 2), data[ip + 9]
            self.src, self.dst = bytes(data[ip + 12 : ip + 16]), bytes(data[ip + 16 : ip + 20])
        else:
            self.off, self.proto = ip + 40, data[ip + 6]
            self.src, self.dst = bytes(data[ip + 8 : ip + 24]), bytes(data[ip + 24 : ip + 40])
        if self.proto in (TCP, UDP, SCTP, ICMP, ICMPV6) and self.off + 8 > end:
            pd.reason = RES_SHORT
            return False
        return True

    def _in_window(self, s: State) -> bool:
        pd = self.pd
        src, dst = (s.dst, s.src) if pd.dir == s.direction else (s.src, s.dst)
        seq = (int.from_bytes(pd.data[self.off + 4 : self.off + 8], "big") - src.seqdiff) & M32
        dws = dst.wscale & P.PF_WSCALE_MASK if src.wscale and dst.wscale else 0
        if src.seqdiff:
            pd.data[self.off + 4 : self.off + 8] = seq.to_bytes(4, "big")
            self._sum()
        return bool(s.flags & P.PFSTATE_SLOPPY) or (geq(src.seqhi, seq) and geq(seq, src.seqlo - (dst.max_win << dws)))

    def _translate(self, ends: tuple[bytes, bytes], ports: tuple[int, int]) -> None:
        """pf_change_icmp."""
        pd, data, ip = self.pd, self.pd.data, self.ip
        src, dst = ends[self.sidx], ends[self.didx]
        at, size = (ip + 12, 4) if pd.af == AF_INET else (ip + 8, 16)
        data[at : at + 2 * size] = src + dst
        if self.proto in (TCP, UDP, SCTP):
            data[self.off : self.off + 4] = ports[self.sidx].to_bytes(2, "big") + ports[self.didx].to_bytes(2, "big")
        elif self.proto in (ICMP, ICMPV6) and data[self.off] in (0, 8, 128, 129):
            request = data[self.off] in ECHOES
            data[self.off + 4 : self.off + 6] = ports[self.sidx if request else self.didx].to_bytes(2, "big")
        if pd.af == AF_INET:
            data[ip + 10 : ip + 12] = b"\0\0"
            data[ip + 10 : ip + 12] = in_cksum(bytes(data[ip : self.off])).to_bytes(2, "big")
        if pd.dst != src:
            pd.set_dst(src, None)
        if pd.src == self.dst and dst != self.dst:
            pd.set_src(dst, None)
        self._sum()

    def _sum(self) -> None:
        """The error's own checksum anew."""
        pd, data = self.pd, self.pd.data
        data[pd.off + 2 : pd.off + 4] = b"\0\0"
        body = bytes(data[pd.off : pd.m.off + pd.tot_len])
        start = 0 if pd.af == AF_INET else in_pseudo(pd.src, pd.dst, ICMPV6, len(body))
        data[pd.off + 2 : pd.off + 4] = in_cksum(body, start).to_bytes(2, "big")
