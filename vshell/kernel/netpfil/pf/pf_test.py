"""A packet is tested: states first, then translation and rules (pf_test, pf_test_rule, pf_create_state of netpfil/pf/pf.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi import pf as P
from vshell.abi.socket import AF_INET
from vshell.kernel.netpfil.pf.pf_if import kif_match
from vshell.kernel.netpfil.pf.pf_lb import get_transaddr, get_translation, map_addr
from vshell.kernel.netpfil.pf.pf_log import log_packet
from vshell.kernel.netpfil.pf.pf_match import mismatch, other_mismatch, upper_mismatch
from vshell.kernel.netpfil.pf.pf_pdesc import (
    FRAGMENT,
    ICMP,
    ICMPV6,
    RES_MAPFAILED,
    RES_MATCH,
    RES_MAX,
    RES_MAXSTATES,
    RES_SRCLIMIT,
    RES_STATEINS,
    RES_SYNPROXY,
    RES_TRANSLATE,
    SCTP,
    TCP,
    TH_ACK,
    TH_FIN,
    TH_SYN,
    UDP,
    Pdesc,
    icmp_mapping,
)
from vshell.kernel.netpfil.pf.pf_send import pf_return, send_tcp, undo_nat
from vshell.kernel.netpfil.pf.pf_src import SrcNode
from vshell.kernel.netpfil.pf.pf_state import PROXY_SRC, TCPS_CLOSED, TCPS_SYN_SENT, State

if TYPE_CHECKING:
    from vshell.abi.pf import PfPoolAddr
    from vshell.kernel.net.ifnet import Ifnet
    from vshell.kernel.netpfil.pf.pf_pool import Pool
    from vshell.kernel.netpfil.pf.pf_ruleset import Krule, Ruleset

DROP, PASS, AFRT, SYNPROXY = P.PF_DROP, P.PF_PASS, P.PF_AFRT, P.PF_SYNPROXY_DROP
ANCHOR_DEPTH = 32
FIRST = {UDP: P.PFTM_UDP_FIRST_PACKET, ICMP: P.PFTM_ICMP_FIRST_PACKET, ICMPV6: P.PFTM_ICMP_FIRST_PACKET}
OK, FAIL, QUICK = range(3)


class Test:
    """struct pf_test_ctx: what rules have said about a packet so far."""

    __slots__ = (
        "a",
        "am",
        "arsm",
        "aruleset",
        "depth",
        "entry",
        "kifs",
        "match_rules",
        "nat_pool",
        "new",
        "nr",
        "original",
        "pd",
        "pf",
        "rm",
        "rsm",
        "tag",
        "tr",
    )  # fmt: skip

    def __init__(self, pd: Pdesc) -> None:
        self.pd = pd
        self.pf = pd.pf
        self.tag = ""
        self.a: Krule | None = None
        self.am: Krule | None = None
        self.rm: Krule = pd.pf.default_rule
        self.rsm: Ruleset | None = None
        self.aruleset: Ruleset | None = None
        self.arsm: Ruleset | None = None
        self.tr: Krule | None = None
        self.nr: Krule | None = None
        self.nat_pool: Pool | None = None
        self.new: tuple[bytes, int, bytes, int] | None = None
        """Source, port, destination, port after translation."""
        self.original: tuple[bytes, int, bytes, int] = (pd.src, pd.sport, pd.dst, pd.dport)
        self.match_rules: list[Krule] = []
        self.depth = 0
        self.entry: PfPoolAddr | None = None
        self.kifs: dict[tuple[str, str], bool] = {}

    def kif_match(self, name: str, ifp: Ifnet | None = None) -> bool:
        """pfi_kkif_match, remembered."""
        ifp = ifp or self.pd.ifp
        key = (name, ifp.xname)
        found = self.kifs.get(key)
        if found is None:
            found = self.kifs[key] = kif_match(name, ifp)
        return found

    def current_tag(self) -> str:
        """The tag the packet has, or is to get."""
        return self.tag or self.pd.tag

    # rules -----------------------------------------------------------------------------------------------------
    def match(self, ruleset: Ruleset) -> int:
        """pf_match_rule: the last rule that matches is in self.rm."""
        rules: list[Krule] = ruleset.rules[P.PF_RULESET_FILTER].active
        pd = self.pd
        i = 0
        while 0 <= i < len(rules):
            r = rules[i]
            r.evaluations += 1
            if r.ifname and self.kif_match(r.ifname) == r.ifnot:
                i = r.skip[0]
            elif r.direction and r.direction != pd.dir:
                i = r.skip[1]
            elif r.af and r.af != pd.af:
                i = r.skip[2]
            elif r.proto and r.proto != pd.proto:
                i = r.skip[3]
            elif mismatch(pd, r.src, pd.nsaddr, True):
                i = r.skip[4]
            elif mismatch(pd, r.dst, pd.ndaddr, False):
                i = r.skip[5]
            else:
                step = upper_mismatch(self, r)
                if step is not None:
                    i = r.skip[step] if step >= 0 else i + 1
                    continue
                i += 1
                if other_mismatch(self, r):
                    continue
                status = self._matched(r, ruleset)
                if status != OK:
                    return status
        return OK

    def _matched(self, r: Krule, ruleset: Ruleset) -> int:
        """One that matches: an anchor, a match rule, or the one that decides until another does."""
        pd = self.pd
        if r.tagname:
            self.tag = r.tagname
        if r.anchor is not None:
            return self._step_into(r, ruleset)
        if r.action == P.PF_MATCH:
            error = self.apply_nat(r)
            if error not in (RES_MATCH, RES_MAX):
                pd.reason = error
                return FAIL
            self.match_rules.append(r)
            pd.act.add(r)
            if r.log:
                log_packet(pd, r.action, RES_MATCH, r, self.a, ruleset)
        else:
            self.rm, self.am, self.rsm, self.arsm = r, self.a, ruleset, self.aruleset
        if pd.act.log & P.PF_LOG_MATCHES:
            self.log_matches(r, self.a, ruleset)
        return QUICK if r.quick else OK

    def _step_into(self, r: Krule, ruleset: Ruleset) -> int:
        """pf_step_into_anchor: with a wildcard, all the anchors in it; a quick anchor ends it if a rule in there matched."""
        anchor = r.anchor
        if anchor is None or self.depth >= ANCHOR_DEPTH:
            return FAIL
        saved = (self.a, self.aruleset)
        before = self.rm
        self.a, self.aruleset = r, ruleset
        self.depth += 1
        status = OK
        inner = [anchor.children[name].ruleset for name in sorted(anchor.children)] if r.anchor_wildcard else [anchor.ruleset]
        for one in inner:
            status = self.match(one)
            if status != OK:
                break
        self.depth -= 1
        if status == OK and r.quick and self.rm is not before:
            status = QUICK
        if status == OK:
            self.a, self.aruleset = saved
        return status

    def log_matches(self, rm: Krule, am: Krule | None, ruleset: Ruleset | None) -> None:
        """pf_log_matches."""
        if rm.log & P.PF_LOG_MATCHES:
            return
        for r in self.match_rules:
            if r.log & P.PF_LOG_MATCHES:
                log_packet(self.pd, rm.action, RES_MATCH, rm, am, ruleset, r)

    # translation -----------------------------------------------------------------------------------------------
    def apply_nat(self, r: Krule) -> int:
        """pf_rule_apply_nat: nat-to, rdr-to, af-to of a rule."""
        if r.rule_flag & P.PFRULE_AFTO:
            if self.nr is not None:
                return RES_TRANSLATE
            from vshell.kernel.netpfil.pf.pf_af import get_transaddr_af

            self.nat_pool, self.nr = r.nat, r
            self.pd.naf = r.naf
            return RES_MATCH if get_transaddr_af(self, r) else RES_TRANSLATE
        if not r.rdr and not r.nat:
            return RES_MAX
        if self.nr is not None:
            return RES_TRANSLATE
        self.nr = r
        pool = r.nat if r.nat else r.rdr
        self.nat_pool = pool
        error = get_transaddr(self, r, P.PF_NAT if r.nat else P.PF_RDR, pool)
        if error == RES_MATCH:
            self.translate()
        return error

    def translate(self) -> None:
        """pf_translate_compat: the packet gets its new addresses."""
        pd = self.pd
        if self.new is None:
            return
        src, sport, dst, dport = self.new
        ports = pd.virtual_proto in (TCP, UDP, SCTP)
        if ports:
            if (pd.nsaddr, pd.nsport) != (src, sport):
                pd.set_src(src, sport)
            if (pd.ndaddr, pd.ndport) != (dst, dport):
                pd.set_dst(dst, dport)
            pd.nsport, pd.ndport = sport, dport
        else:
            if pd.nsaddr != src:
                pd.set_src(src, None)
            if pd.ndaddr != dst:
                pd.set_dst(dst, None)
            if pd.virtual_proto in (ICMP, ICMPV6):
                ident = sport if pd.icmp_dir == P.PF_IN else dport
                if pd.virtual_type in (8, 128) and ident != pd.virtual_id and not pd.state_icmp:
                    pd.set_icmp_id(ident)
        pd.nsaddr, pd.ndaddr = pd.src, pd.dst

    def undo(self) -> tuple[bytes, int, bytes, int] | None:
        """What pf_undo_nat puts back."""
        return self.original if self.nr is not None and self.pd.af == self.pd.naf else None


def test_rule(pd: Pdesc) -> tuple[int, Test, State | None]:
    """pf_test_rule."""
    t = Test(pd)
    if pd.virtual_proto in (ICMP, ICMPV6):
        data, at = pd.data, pd.off
        pd.state_icmp = icmp_mapping(pd, pd.icmptype, data[at + 4] << 8 | data[at + 5])
        if pd.icmp_dir == P.PF_IN:
            pd.nsport, pd.ndport = pd.virtual_id, pd.virtual_type
        else:
            pd.nsport, pd.ndport = pd.virtual_type, pd.virtual_id
    pd.osport, pd.odport = pd.nsport, pd.ndport
    error = get_translation(t)
    if error == RES_MATCH and t.nr is not None:
        if t.nr.log:
            log_packet(pd, t.nr.action, RES_MATCH, t.nr, t.a, t.rsm)
        t.translate()
        t.nat_pool = t.nr.rdr
    elif error != RES_MAX:
        pd.reason = error
        return DROP, t, None
    if t.nr is not None and t.nr.natpass:
        t.rm = t.nr
    else:
        t.a = t.am = None
        if t.match(t.pf.main) == FAIL:
            return DROP, t, None
        t.a = t.am
        pd.act.add(t.rm)
        error = t.apply_nat(t.rm)
        if error not in (RES_MATCH, RES_MAX):
            pd.reason = error
            return DROP, t, None
    pd.reason = RES_MATCH
    return _decide(t)


def _decide(t: Test) -> tuple[int, Test, State | None]:
    """The rest of pf_test_rule: answer, refuse, or make a state."""
    pd, r = t.pd, t.rm
    if r.log:
        log_packet(pd, r.action, RES_MATCH, r, t.a, t.rsm)
    if pd.act.log & P.PF_LOG_MATCHES:
        t.log_matches(r, t.a, t.rsm)
    answers = P.PFRULE_RETURNRST | P.PFRULE_RETURNICMP | P.PFRULE_RETURN
    if r.action == P.PF_DROP:
        if pd.virtual_proto != FRAGMENT and r.rule_flag & answers:
            pf_return(r, pd, t.undo())
        return DROP, t, None
    if t.tag:
        _tag(pd, t.tag)
    if pd.act.rtableid >= 0:
        pd.m.fib = pd.act.rtableid
    if r.rt:
        pd.act.rt = r.rt
        pd.act.rt_af = pd.af if r.rt == P.PF_REPLYTO else pd.naf
        addr = map_addr(t, r, r.route, pd.act.rt_af, pd.src, P.PF_SN_ROUTE)
        if addr is None:
            pd.reason = RES_MAPFAILED
            return DROP, t, None
        pd.act.rt_addr = addr
        pd.act.rt_ifname = t.entry.ifname if t.entry is not None else ""
    if pd.virtual_proto == FRAGMENT or pd.state_icmp or not (r.keep_state or t.nr is not None or pd.norm):
        return PASS, t, None
    action, state = create_state(t)
    if action != PASS:
        if action == DROP and r.rule_flag & P.PFRULE_RETURN:
            pf_return(r, pd, t.undo())
        if r.log or (t.nr is not None and t.nr.log):
            pd.act.log |= P.PF_LOG_FORCE
        return action, t, None if action == DROP else state
    return (AFRT if pd.af != pd.naf else PASS), t, state


def _tag(pd: Pdesc, tag: str) -> None:
    """pf_tag_packet."""
    pd.tag = tag
    tags = pd.m.tags = dict(pd.m.tags or {})
    tags["pf_tag"] = tag


tag_packet = _tag


# states --------------------------------------------------------------------------------------------------------


def _src_nodes(t: Test) -> list[SrcNode | None] | None:
    """The source nodes of a new state; None (and the reason) if there are too many."""
    pd, r, pf = t.pd, t.rm, t.pf
    nodes: list[SrcNode | None] = [None, None, None]
    wanted: list[tuple[int, Krule, bytes, int, bytes]] = []
    if r.rule_flag & P.PFRULE_SRCTRACK:
        wanted.append((P.PF_SN_LIMIT, r, t.original[0], pd.af, b""))
    if r.rt and r.route.opts & P.PF_POOL_STICKYADDR:
        wanted.append((P.PF_SN_ROUTE, r, t.original[0], pd.act.rt_af, pd.act.rt_addr))
    if t.nr is not None and t.nat_pool is not None and t.nat_pool.opts & P.PF_POOL_STICKYADDR and t.new is not None:
        chosen = t.new[0] if t.new[0] != t.original[0] else t.new[2]
        wanted.append((P.PF_SN_NAT, t.nr, t.original[0], pd.naf, chosen))
    for kind, rule, addr, raf, raddr in wanted:
        node = pf.src.insert(pd.af, addr, rule, kind)
        if node is None:
            for other in nodes:
                if other is not None:
                    pf.src.undo(other)
            pd.reason = RES_SRCLIMIT
            return None
        node.raf, node.raddr = raf, raddr
        nodes[kind] = node
    return nodes


def create_state(t: Test) -> tuple[int, State | None]:
    """pf_create_state."""
    pd, r, pf = t.pd, t.rm, t.pf
    if r.max_states and r.states_cur >= r.max_states:
        pf.lcounters[0] += 1
        pd.reason = RES_MAXSTATES
        return DROP, None
    limit = pf.limits[P.PF_LIMIT_STATES]
    if limit and len(pf.states.all) >= limit:
        pd.reason = RES_MAXSTATES
        return DROP, None
    nodes = _src_nodes(t)
    if nodes is None:
        return DROP, None
    s = pf.states.new(r, pd.dir)
    s.nat_rule, s.anchor, s.match_rules = t.nr, t.a, t.match_rules
    s.act = pd.act.copy()
    s.flags = pd.act.flags
    s.flags |= P.PFSTATE_ALLOWOPTS if pd.act.allow_opts else 0
    s.flags |= P.PFSTATE_SLOPPY if r.rule_flag & P.PFRULE_STATESLOPPY else 0
    s.flags |= P.PFSTATE_NOSYNC if r.rule_flag & P.PFRULE_NOSYNC else 0
    s.flags |= P.PFSTATE_SCRUB_TCP if pd.norm else 0
    nr_flag = t.nr.rule_flag if t.nr is not None else 0
    s.flags |= P.PFSTATE_PFLOW if (r.rule_flag | nr_flag) & P.PFRULE_PFLOW else 0
    s.act.log = (pd.act.log | (t.nr.log if t.nr is not None else 0)) & P.PF_LOG_ALL
    s.orig_ifname = pd.ifp.xname
    s.ifname = pd.ifp.xname if r.rule_flag & P.PFRULE_IFBOUND else "all"
    _first_packet(t, s)
    here, there = _keys(t)
    inserted = pf.states.insert(s, here, there) if pd.dir == P.PF_IN else pf.states.insert(s, there, here)
    if not inserted:
        for node in nodes:
            if node is not None:
                pf.src.undo(node)
        pd.reason = RES_STATEINS
        return DROP, None
    for rule in s.rules():
        rule.states_cur += 1
        rule.states_tot += 1
    s.sns = nodes
    s.tag = t.tag
    pf.wake()
    if pd.proto == TCP and pd.flags & (TH_SYN | TH_ACK) == TH_SYN and r.keep_state == P.PF_STATE_SYNPROXY and pd.dir == P.PF_IN:
        _synproxy(t, s)
        return SYNPROXY, s
    return PASS, s


def _keys(t: Test) -> tuple[tuple[int, int, bytes, bytes, int, int], tuple[int, int, bytes, bytes, int, int]]:
    """pf_state_key_setup: as the packet came, and as it goes on."""
    pd = t.pd
    src, _, dst, _ = t.original
    if pd.proto == ICMPV6 and pd.icmptype in (135, 136):
        src, dst = nd_addresses(pd, src, dst)
    here = pd.key(src, pd.osport, dst, pd.odport)
    if pd.af != pd.naf:
        af_key = _af_key(t)
        return here, af_key
    if t.new is None:
        return here, here
    return here, pd.key(*t.new)


def _af_key(t: Test) -> tuple[int, int, bytes, bytes, int, int]:
    """The other side of af-to: it leaves by another family, and is seen as coming in turned round."""
    pd = t.pd
    proto = {ICMP: ICMPV6, ICMPV6: ICMP}.get(pd.proto, pd.proto)
    # Outgoing order: what it is sent to comes first.
    return (pd.naf, proto, pd.ndaddr, pd.nsaddr, pd.ndport, pd.nsport)


def nd_addresses(pd: Pdesc, src: bytes, dst: bytes) -> tuple[bytes, bytes]:
    """pf_state_key_addr_setup: neighbours are known by the address that is asked for."""
    target = bytes(pd.data[pd.off + 8 : pd.off + 24])
    if pd.icmptype == 135:
        return src, target
    return target, bytes(16) if dst[0] == 0xFF else dst


def _first_packet(t: Test, s: State) -> None:
    """What a state learns from the packet that made it."""
    pd, r = t.pd, t.rm
    s.timeout = FIRST.get(pd.proto, P.PFTM_OTHER_FIRST_PACKET)
    if pd.proto in (ICMP, ICMPV6):
        return
    if pd.proto == SCTP:
        s.src.state, s.dst.state, s.timeout = 4, 0, P.PFTM_SCTP_FIRST_PACKET
        return
    if pd.proto != TCP:
        s.src.state, s.dst.state = 1, 0
        return
    src = s.src
    src.seqlo = pd.seq
    src.seqhi = (pd.seq + pd.p_len + 1) & 0xFFFFFFFF
    if pd.flags & (TH_SYN | TH_ACK) == TH_SYN and r.keep_state == P.PF_STATE_MODULATE:
        src.seqdiff = (t.pf.vnet.kernel.random.arc4random() - src.seqlo) & 0xFFFFFFFF or 1
        pd.set_word(4, src.seqlo + src.seqdiff)
    if pd.flags & TH_SYN:
        src.seqhi = (src.seqhi + 1) & 0xFFFFFFFF
        src.wscale = pd.wscale()
    src.max_win = max(pd.win, 1)
    shift = src.wscale & P.PF_WSCALE_MASK
    if shift:
        src.max_win = (src.max_win + (1 << shift) - 1) >> shift
    if pd.flags & TH_FIN:
        src.seqhi = (src.seqhi + 1) & 0xFFFFFFFF
    s.dst.seqhi = s.dst.max_win = 1
    src.state, s.dst.state = TCPS_SYN_SENT, TCPS_CLOSED
    s.timeout = P.PFTM_TCP_FIRST_PACKET


def _synproxy(t: Test, s: State) -> None:
    """Answer the SYN in the name of the server."""
    pd = t.pd
    s.src.state = PROXY_SRC
    undo = t.undo()
    if undo is not None:
        undo_nat(pd, undo)
    s.src.seqhi = t.pf.vnet.kernel.random.arc4random()
    s.src.mss = max(64, min(pd.mss(), pd.ifp.mtu - (40 if pd.af == AF_INET else 60)))
    send_tcp(
        t.pf.vnet, pd.dst, pd.src, pd.dport, pd.sport, s.src.seqhi, pd.seq + 1, TH_SYN | TH_ACK, 0, s.src.mss, fib=pd.m.fib
    )  # fmt: skip
    pd.reason = RES_SYNPROXY
