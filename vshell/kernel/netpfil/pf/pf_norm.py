"""Packets are put in order before rules see them: scrub rules, fragments, TCP flags (netpfil/pf/pf_norm.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi import pf as P
from vshell.abi.socket import AF_INET
from vshell.kernel.netpfil.pf.pf_match import match_port, mismatch
from vshell.kernel.netpfil.pf.pf_norm6 import normalize6
from vshell.kernel.netpfil.pf.pf_pdesc import (
    RES_FRAG,
    RES_NORM,
    TH_ACK,
    TH_FIN,
    TH_PUSH,
    TH_RST,
    TH_SYN,
    TH_URG,
    Pdesc,
    fix,
)

if TYPE_CHECKING:
    from vshell.kernel.net.mbuf import Mbuf
    from vshell.kernel.netpfil.pf.pf_ioctl import Pf
    from vshell.kernel.netpfil.pf.pf_ruleset import Krule

NS = 1_000_000_000
IP_MAXPACKET = 65535
FragKey = tuple[bytes, bytes, int, int]


class Fragment:
    """struct pf_fragment: the pieces of a packet that came so far."""

    __slots__ = ("born", "first", "pieces", "total")

    def __init__(self, now: int) -> None:
        self.born = now
        self.pieces: dict[int, bytes] = {}
        self.total = -1
        self.first: Mbuf | None = None


class Fragments:
    """All incomplete packets of a stack."""

    def __init__(self, pf: Pf) -> None:
        self.pf = pf
        self.found: dict[FragKey, Fragment] = {}

    def purge(self) -> None:
        """pf_purge_expired_fragments."""
        limit = self.pf.vnet.kernel.clock.now - self.pf.timeout[P.PFTM_FRAG] * NS
        for key in [key for key, frag in self.found.items() if frag.born <= limit]:
            del self.found[key]

    def add(self, m: Mbuf) -> Mbuf | None:
        """pf_reassemble: the whole packet once all of it is there."""
        data, off = m.data, m.off
        hlen = (data[off] & 15) << 2
        end = off + (data[off + 2] << 8 | data[off + 3])
        frag = data[off + 6] << 8 | data[off + 7]
        at = (frag & 0x1FFF) << 3
        body = bytes(data[off + hlen : end])
        src, dst = bytes(data[off + 12 : off + 16]), bytes(data[off + 16 : off + 20])
        key = (src, dst, data[off + 9], data[off + 4] << 8 | data[off + 5])
        whole = self.piece(key, m, at, body, bool(frag & 0x2000))
        return _join(whole[0], whole[1]) if whole is not None else None

    def piece(self, key: FragKey, m: Mbuf, at: int, body: bytes, more: bool) -> tuple[Mbuf, bytearray, int] | None:
        """pf_fillup_fragment: (the first piece, all of the contents, size of the longest piece) once nothing is missing."""
        whole = self.found.get(key)
        if whole is None:
            limit = self.pf.limits[P.PF_LIMIT_FRAGS]
            if limit and sum(len(f.pieces) for f in self.found.values()) >= limit:
                return None
            whole = self.found[key] = Fragment(self.pf.vnet.kernel.clock.now)
            self.pf.wake()
        whole.pieces.setdefault(at, body)
        if not more:
            whole.total = at + len(body)
        if not at:
            whole.first = m
        if whole.total < 0 or whole.first is None:
            return None
        content = bytearray(whole.total)
        reached = 0
        for start in sorted(whole.pieces):
            if start > reached:
                return None
            piece = whole.pieces[start][: max(0, whole.total - start)]
            content[start : start + len(piece)] = piece
            reached = max(reached, start + len(piece))
        if reached < whole.total:
            return None
        del self.found[key]
        return whole.first, content, max(len(piece) for piece in whole.pieces.values())


def _join(first: Mbuf, content: bytearray) -> Mbuf:
    data, off = first.data, first.off
    hlen = (data[off] & 15) << 2
    first.data = data[: off + hlen] + content
    _patch(first.data, off, off + 2, (hlen + len(content)).to_bytes(2, "big"))
    _patch(first.data, off, off + 6, bytes((data[off + 6] & 0x40, 0)))
    return first


def _patch(data: bytearray, off: int, at: int, new: bytes) -> None:
    """Change a word of an IPv4 header."""
    old = bytes(data[at : at + len(new)])
    if old != new:
        data[at : at + len(new)] = new
        fix(data, off + 10, old, new)


def normalize(pd: Pdesc) -> bool:
    """pf_normalize_ip, pf_normalize_ip6: False (and the reason) for what is dropped, or kept until the rest comes."""
    pf = pd.pf
    m = pd.m
    data, off = m.data, m.off
    rules: list[Krule] = pf.main.rules[P.PF_RULESET_SCRUB].active
    r: Krule | None = None
    if rules:
        six = pd.af != AF_INET
        pd.proto = data[off + (6 if six else 9)]
        pd.src, pd.dst = (
            (bytes(data[off + 8 : off + 24]), bytes(data[off + 24 : off + 40]))
            if six
            else (bytes(data[off + 12 : off + 16]), bytes(data[off + 16 : off + 20]))
        )
        r = _scrub_rule(pd, rules, ports=False)
        if r is None or r.action == P.PF_NOSCRUB:
            return True
        r.packets[pd.dir == P.PF_OUT] += 1
        pd.act.add(r)
    if pd.af != AF_INET:
        return normalize6(pd)
    return _normalize4(pd, r, bool(rules))


def _normalize4(pd: Pdesc, r: Krule | None, scrub: bool) -> bool:
    pf, m = pd.pf, pd.m
    data, off = m.data, m.off
    hlen, size = (data[off] & 15) << 2, data[off + 2] << 8 | data[off + 3]
    if hlen < 20 or hlen > size:
        pd.reason = RES_NORM
        return False
    if ((not scrub and pf.reass & P.PF_REASS_NODF) or (r is not None and r.rule_flag & P.PFRULE_NODF)) and data[off + 6] & 0x40:
        _patch(data, off, off + 6, bytes((data[off + 6] & ~0x40, data[off + 7])))
    frag = data[off + 6] << 8 | data[off + 7]
    if not frag & 0x3FFF:
        return True
    size -= hlen
    if frag & 0x4000 or (frag & 0x2000 and size & 7) or ((frag & 0x1FFF) << 3) + size > IP_MAXPACKET:
        pd.reason = RES_FRAG
        return False
    if (not scrub and pf.reass) or (r is not None and not r.rule_flag & P.PFRULE_FRAGMENT_NOREASS):
        whole = pf.fragments.add(m)
        if whole is None:
            pd.kept = True
            return False
        if whole is not m:
            m.data, m.off = whole.data, whole.off
    return True


def _scrub_rule(pd: Pdesc, rules: list[Krule], ports: bool) -> Krule | None:
    """The first one that matches."""
    i = 0
    while 0 <= i < len(rules):
        r = rules[i]
        r.evaluations += 1
        if r.ifname and pd.on(r.ifname) == r.ifnot:
            i = r.skip[0]
        elif r.direction and r.direction != pd.dir:
            i = r.skip[1]
        elif r.af and r.af != pd.af:
            i = r.skip[2]
        elif r.proto and r.proto != pd.proto:
            i = r.skip[3]
        elif mismatch(pd, r.src, pd.src, True):
            i = r.skip[4]
        elif mismatch(pd, r.dst, pd.dst, False):
            i = r.skip[5]
        elif ports and r.src.op and not match_port(r.src.op, r.src.port0, r.src.port1, pd.sport):
            i = r.skip[6]
        elif ports and r.dst.op and not match_port(r.dst.op, r.dst.port0, r.dst.port1, pd.dport):
            i = r.skip[7]
        elif not ports and r.match_tagname and (pd.tag == r.match_tagname) == r.match_tag_not:
            i += 1
        else:
            return r
    return None


def normalize_tcp(pd: Pdesc) -> bool:
    """pf_normalize_tcp: flags that cannot be together."""
    rules: list[Krule] = pd.pf.main.rules[P.PF_RULESET_SCRUB].active
    if rules:
        r = _scrub_rule(pd, rules, ports=True)
        if r is None or r.action == P.PF_NOSCRUB:
            return True
        r.packets[pd.dir == P.PF_OUT] += 1
        r.bytes[pd.dir == P.PF_OUT] += pd.tot_len
        pd.act.add(r)
        pd.norm = bool(r.rule_flag & P.PFRULE_REASSEMBLE_TCP)
    flags = pd.flags
    wrong = flags & (TH_RST | TH_FIN) if flags & TH_SYN else not flags & (TH_ACK | TH_RST)
    if wrong or (not flags & TH_ACK and flags & (TH_FIN | TH_PUSH | TH_URG)) or pd.data[pd.off + 12] >> 4 < 5:
        pd.reason = RES_NORM
        return False
    return True


def scrub(pd: Pdesc) -> None:
    """pf_scrub: what rules want changed in the header."""
    act, data, off = pd.act, pd.m.data, pd.m.off
    if pd.af == AF_INET:
        if act.flags & P.PFSTATE_NODF and data[off + 6] & 0x40:
            _patch(data, off, off + 6, bytes((data[off + 6] & ~0x40, data[off + 7])))
        if data[off + 8] < act.min_ttl:
            _patch(data, off, off + 8, bytes((act.min_ttl, data[off + 9])))
        if act.flags & P.PFSTATE_SETTOS:
            _patch(data, off, off, bytes((data[off], act.set_tos | data[off + 1] & 3)))
        if act.flags & P.PFSTATE_RANDOMID and not (data[off + 6] & 0x3F or data[off + 7]):
            _patch(data, off, off + 4, (pd.pf.vnet.kernel.random.arc4random() & 0xFFFF or 1).to_bytes(2, "big"))
        return
    data[off + 7] = max(data[off + 7], act.min_ttl)
    if act.flags & P.PFSTATE_SETTOS:
        ecn = data[off + 1] >> 4 & 3
        word = 6 << 12 | (act.set_tos | ecn) << 4 | data[off + 1] & 15
        data[off : off + 2] = word.to_bytes(2, "big")


def normalize_mss(pd: Pdesc) -> None:
    """pf_normalize_mss."""
    data, at = pd.data, pd.off + 20
    end = pd.off + (data[pd.off + 12] >> 4) * 4
    while at + 1 < end and data[at]:
        if data[at] == 1:
            at += 1
            continue
        if data[at + 1] < 2:
            return
        if data[at] == 2 and data[at + 1] == 4:
            old = bytes(data[at + 2 : at + 4])
            if int.from_bytes(old, "big") > pd.act.max_mss:
                new = pd.act.max_mss.to_bytes(2, "big")
                data[at + 2 : at + 4] = new
                fix(data, pd.off + 16, old, new)
        at += data[at + 1]
