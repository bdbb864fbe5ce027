"""Source nodes: who made how many states, and what is too much (netpfil/pf/pf.c: pf_insert_src_node, pf_src_connlimit)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi import pf as P
from vshell.abi.pf import PfrAddAddrs, PfrAddr, PfrTable, PfSrcNode
from vshell.abi.socket import AF_INET

if TYPE_CHECKING:
    from vshell.kernel.netpfil.pf.pf_ioctl import Pf
    from vshell.kernel.netpfil.pf.pf_ruleset import Krule
    from vshell.kernel.netpfil.pf.pf_state import State

NS = 1_000_000_000
PF_THRESHOLD_MULT = 1000
LCNT_SRCSTATES, LCNT_SRCNODES, LCNT_SRCCONN, LCNT_SRCCONNRATE, LCNT_OVERLOAD_TABLE, LCNT_OVERLOAD_FLUSH = range(1, 7)
Key = tuple[int, int, int, bytes]


class SrcNode:
    """struct pf_ksrc_node."""

    def __init__(self, af: int, addr: bytes, rule: Krule, kind: int, now: int) -> None:
        self.af, self.addr, self.rule, self.kind = af, addr, rule, kind
        self.raf, self.raddr = af, b""
        self.states = self.conn = 0
        self.creation = now
        self.expire = 0
        self.packets = self.bytes = 0
        self.rate_last = now // NS
        self.rate_count = 0
        self.entry = 0
        """Place in the rule's pool of what was chosen."""

    def over_rate(self, now: int) -> bool:
        """pf_add_threshold, pf_check_threshold: more than so many in so many seconds?"""
        limit, seconds = self.rule.max_src_conn_rate
        if not limit:
            return False
        t = now // NS
        diff = t - self.rate_last
        if diff >= seconds:
            self.rate_count = 0
        else:
            self.rate_count -= self.rate_count * diff // seconds
        self.rate_count += PF_THRESHOLD_MULT
        self.rate_last = t
        return bool(self.rate_count > limit * PF_THRESHOLD_MULT)


class SrcNodes:
    """All of a stack."""

    def __init__(self, pf: Pf) -> None:
        self.pf = pf
        self.found: dict[Key, SrcNode] = {}

    def _key(self, af: int, addr: bytes, rule: Krule, kind: int) -> Key:
        own = rule.rule_flag & P.PFRULE_RULESRCTRACK or kind != P.PF_SN_LIMIT
        return (kind, id(rule) if own else 0, af, addr)

    def find(self, af: int, addr: bytes, rule: Krule, kind: int) -> SrcNode | None:
        """pf_find_src_node."""
        self.pf.scounters[0] += 1
        return self.found.get(self._key(af, addr, rule, kind))

    def insert(self, af: int, addr: bytes, rule: Krule, kind: int) -> SrcNode | None:
        """pf_insert_src_node; None when that would be too many."""
        pf = self.pf
        node = self.find(af, addr, rule, kind)
        if node is None:
            if rule.max_src_nodes and rule.src_nodes[kind] >= rule.max_src_nodes:
                pf.lcounters[LCNT_SRCNODES] += 1
                return None
            limit = pf.limits[P.PF_LIMIT_SRC_NODES]
            if limit and len(self.found) >= limit:
                return None
            node = SrcNode(af, addr, rule, kind, pf.vnet.kernel.clock.now)
            self.found[self._key(af, addr, rule, kind)] = node
            rule.src_nodes[kind] += 1
            pf.scounters[1] += 1
        elif rule.max_src_states and node.states >= rule.max_src_states and kind == P.PF_SN_LIMIT:
            pf.lcounters[LCNT_SRCSTATES] += 1
            return None
        node.states += 1
        return node

    def undo(self, node: SrcNode) -> None:
        """The state was not made after all."""
        node.states -= 1
        if not node.states and not node.expire:
            self._remove(node)

    def _remove(self, node: SrcNode) -> None:
        self.found.pop(self._key(node.af, node.addr, node.rule, node.kind), None)
        node.rule.src_nodes[node.kind] -= 1
        self.pf.scounters[2] += 1

    def release(self, state: State) -> None:
        """pf_src_tree_remove_state."""
        pf = self.pf
        now = pf.vnet.kernel.clock.now // NS
        for kind, node in enumerate(state.sns):
            if node is None:
                continue
            if kind == P.PF_SN_LIMIT and state.src.state >= 4 and node.conn and state.keys[0][1] == 6:
                node.conn -= 1
            node.states -= 1
            if not node.states:
                node.expire = now + (node.rule.timeout[P.PFTM_SRC_NODE] or pf.timeout[P.PFTM_SRC_NODE])
        state.sns = [None, None, None]

    def purge(self) -> None:
        """pf_purge_expired_src_nodes."""
        now = self.pf.vnet.kernel.clock.now // NS
        for node in list(self.found.values()):
            if not node.states and node.expire <= now:
                self._remove(node)

    def clear(self) -> None:
        """pf_clear_srcnodes: those with states forget their counts, the others go."""
        for state in self.pf.states.all.values():
            for node in state.sns:
                if node is not None:
                    node.states -= 1
            state.sns = [None, None, None]
        for node in list(self.found.values()):
            self._remove(node)

    def connlimit(self, state: State) -> bool:
        """pf_src_connlimit: a connection is established; True if it is one too many."""
        node = state.sns[P.PF_SN_LIMIT]
        if node is None:
            return False
        pf = self.pf
        rule = state.rule
        node.conn += 1
        rate = node.over_rate(pf.vnet.kernel.clock.now)
        bad = False
        if rule.max_src_conn and rule.max_src_conn < node.conn:
            pf.lcounters[LCNT_SRCCONN] += 1
            bad = True
        if rate:
            pf.lcounters[LCNT_SRCCONNRATE] += 1
            bad = True
        if not bad:
            return False
        if rule.overload is not None:
            self._overload(node, rule)
        # The state is to go at the next chance.
        pf.states.remove(state)
        return True

    def _overload(self, node: SrcNode, rule: Krule) -> None:
        """pf_overload_task: the source goes into the table, its states may be flushed."""
        pf = self.pf
        kt = rule.overload
        if kt is None:
            return
        pf.lcounters[LCNT_OVERLOAD_TABLE] += 1
        bits = 32 if node.af == AF_INET else 128
        table = PfrTable(kt.name, kt.anchor)
        pf.tables.add_addrs(PfrAddAddrs(table, 0, (PfrAddr(node.af, node.addr, bits),)))
        if not rule.flush:
            return
        for other in list(pf.states.all.values()):
            mine = other.keys[0][2 + (other.direction == P.PF_OUT)] == node.addr
            if mine and other.keys[0][0] == node.af and (rule.flush & P.PF_FLUSH_GLOBAL or other.rule is rule):
                pf.lcounters[LCNT_OVERLOAD_FLUSH] += 1
                pf.states.remove(other)

    def export(self) -> list[PfSrcNode]:
        """As programs see them."""
        now = self.pf.vnet.kernel.clock.now
        rows = []
        for n in self.found.values():
            seconds = n.rule.max_src_conn_rate[1]
            diff = now // NS - n.rate_last
            count = 0 if seconds and diff >= seconds else n.rate_count - (n.rate_count * diff // seconds if seconds else 0)
            action = n.rule.action
            rows.append(
                PfSrcNode(
                    n.af, n.addr + bytes(16 - len(n.addr)), n.raf, n.raddr + bytes(16 - len(n.raddr)), n.states, n.conn, count,
                    seconds, (now - n.creation) // NS, max(0, n.expire - now // NS), n.packets, n.bytes, action, n.rule.nr,
                    n.kind,
                )
            )  # fmt: skip
        return rows
