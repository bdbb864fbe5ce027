"""States: connections that were let pass, and who made them (netpfil/pf/pf.c: pf_state_insert, pf_find_state, purging)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi import pf as P
from vshell.abi.pf import PfState, PfStateKey, PfStatePeer
from vshell.abi.socket import AF_INET, IPPROTO_TCP
from vshell.kernel.netpfil.pf.pf_actions import Actions

if TYPE_CHECKING:
    from vshell.kernel.net.ifnet import Ifnet
    from vshell.kernel.netpfil.pf.pf_ioctl import Pf
    from vshell.kernel.netpfil.pf.pf_ruleset import Krule
    from vshell.kernel.netpfil.pf.pf_src import SrcNode

NS = 1_000_000_000
Key = tuple[int, int, bytes, bytes, int, int]
"""Family, protocol, two addresses, two ports (in order of the wire: source of the first packet is 1 going out, 0 coming in)."""
TCPS_CLOSED, TCPS_LISTEN, TCPS_SYN_SENT, TCPS_SYN_RECEIVED, TCPS_ESTABLISHED = range(5)
TCPS_CLOSE_WAIT, TCPS_FIN_WAIT_1, TCPS_CLOSING, TCPS_LAST_ACK, TCPS_FIN_WAIT_2, TCPS_TIME_WAIT = range(5, 11)
PROXY_SRC, PROXY_DST = 11, 12
WIRE, STACK = 0, 1


class Peer:
    """struct pf_state_peer."""

    __slots__ = ("max_win", "mss", "scrub_ttl", "seqdiff", "seqhi", "seqlo", "state", "wscale")

    def __init__(self) -> None:
        self.seqlo = self.seqhi = self.seqdiff = 0
        self.max_win = self.mss = 0
        self.state = 0
        self.wscale = 0
        self.scrub_ttl = 0

    def record(self) -> PfStatePeer:
        """As programs see it."""
        return PfStatePeer(self.seqlo, self.seqhi, self.seqdiff, self.state, self.wscale)


class State:
    """struct pf_kstate."""

    def __init__(self, number: int, creatorid: int, rule: Krule, direction: int, now: int) -> None:
        self.id, self.creatorid = number, creatorid
        self.rule = rule
        self.anchor: Krule | None = None
        self.nat_rule: Krule | None = None
        self.match_rules: list[Krule] = []
        self.direction = direction
        self.keys: tuple[Key, Key] = ((0, 0, b"", b"", 0, 0), (0, 0, b"", b"", 0, 0))
        self.ifname = "all"
        self.orig_ifname = ""
        self.src, self.dst = Peer(), Peer()
        self.timeout = 0
        self.creation = self.expire = now
        """Uptime, ns."""
        self.packets = [0, 0]
        self.bytes = [0, 0]
        self.flags = 0
        self.act = Actions()
        self.tag = ""
        self.sns: list[SrcNode | None] = [None, None, None]
        self.dead = False

    @property
    def translated(self) -> bool:
        """Its two ends see different addresses."""
        return self.keys[WIRE] != self.keys[STACK]

    def rules(self) -> list[Krule]:
        """The rules that count it: each once."""
        nat = self.nat_rule
        found = [self.rule, self.anchor, nat if nat is not self.rule else None, *(r for r in self.match_rules if r is not nat)]
        return [r for r in found if r is not None]

    def set_both(self, level: int) -> None:
        """pf_set_protostate of both peers."""
        self.src.state = self.dst.state = level


class States:
    """All states of a stack."""

    def __init__(self, pf: Pf) -> None:
        self.pf = pf
        self.by_key: dict[Key, list[State]] = {}
        self.all: dict[int, State] = {}
        self.serial = 0

    def new(self, rule: Krule, direction: int) -> State:
        """One that is in no table yet."""
        clock = self.pf.vnet.kernel.clock
        self.serial += 1
        number = (clock.realtime() // NS) << 32 | self.serial
        return State(number, self.pf.hostid, rule, direction, clock.now)

    def insert(self, state: State, wire: Key, stack: Key) -> bool:
        """pf_state_insert; False if another state has its keys."""
        for side, key in ((WIRE, wire), (STACK, stack)):
            for other in self.by_key.get(key, ()):
                if other.keys[side] != key or other.ifname != state.ifname:
                    continue
                reuse = other.keys[WIRE][1] == IPPROTO_TCP and min(other.src.state, other.dst.state) >= TCPS_FIN_WAIT_2
                if not reuse:
                    return False
                self.remove(other)
                break
        state.keys = (wire, stack)
        for key in {wire, stack}:
            self.by_key.setdefault(key, []).append(state)
        self.all[state.id] = state
        self.pf.fcounters[1] += 1
        return True

    def remove(self, state: State) -> None:
        """pf_remove_state."""
        if state.dead:
            return
        state.dead = True
        state.timeout = P.PFTM_UNLINKED
        for key in set(state.keys):
            left = self.by_key.get(key)
            if left is not None:
                left.remove(state)
                if not left:
                    del self.by_key[key]
        self.all.pop(state.id, None)
        self.pf.fcounters[2] += 1
        for rule in state.rules():
            rule.states_cur -= 1
        self.pf.src.release(state)

    def find(self, key: Key, direction: int, ifp: Ifnet) -> State | None:
        """pf_find_state."""
        self.pf.fcounters[0] += 1
        found = self.by_key.get(key)
        if found is None:
            return None
        side = WIRE if direction == P.PF_IN else STACK
        name = ifp.xname
        for state in found:
            if state.keys[side] == key and state.ifname in ("all", name):
                return state
            if state.keys[side] == key and state.orig_ifname == name:
                return state
        for state in found:
            if state.keys[1 - side] == key and state.keys[WIRE][0] != state.keys[STACK][0] and state.ifname in ("all", name):
                return state
        return None

    def exists(self, key: Key, direction: int) -> bool:
        """pf_find_state_all_exists."""
        side = WIRE if direction == P.PF_IN else STACK
        return any(state.keys[side] == key for state in self.by_key.get(key, ()))

    # time ------------------------------------------------------------------------------------------------------
    def expires(self, state: State) -> int:
        """pf_state_expires: uptime in seconds; sooner when there are many states."""
        pf = self.pf
        clock = pf.vnet.kernel.clock
        rule = state.rule
        own = rule.timeout
        timeout = own[state.timeout] or pf.timeout[state.timeout]
        start = own[P.PFTM_ADAPTIVE_START]
        if start and rule is not pf.default_rule:
            end, count = own[P.PFTM_ADAPTIVE_END], rule.states_cur
        else:
            start, end, count = pf.timeout[P.PFTM_ADAPTIVE_START], pf.timeout[P.PFTM_ADAPTIVE_END], len(self.all)
        expire = state.expire // NS
        if end and count > start and start < end:
            if count >= end:
                return clock.now // NS
            timeout = timeout * (end - count) // (end - start)
        return int(expire + timeout)

    def purge(self) -> None:
        """pf_purge_expired_states."""
        now = self.pf.vnet.kernel.clock.now // NS
        for state in [s for s in self.all.values() if self.expires(s) <= now]:
            self.remove(state)

    def export(self, state: State) -> PfState:
        """As programs see it."""
        now = self.pf.vnet.kernel.clock.now // NS
        act = state.act
        flags = 0
        for sn, bit in zip(state.sns, (P.PFSTATE_SRC_NODE_LIMIT, P.PFSTATE_SRC_NODE_NAT, P.PFSTATE_SRC_NODE_ROUTE), strict=True):
            flags |= bit if sn is not None else 0
        limit = state.sns[P.PF_SN_LIMIT]
        if limit is not None and not limit.rule.rule_flag & P.PFRULE_RULESRCTRACK:
            flags |= P.PFSTATE_SRC_NODE_LIMIT_GLOBAL
        return PfState(
            state.id, state.creatorid, state.ifname, state.orig_ifname, state.direction, _key(state.keys[WIRE]),
            _key(state.keys[STACK]), state.src.record(), state.dst.record(),
            state.rule.nr if state.rule is not self.pf.default_rule else -1,
            state.anchor.nr if state.anchor is not None else -1,
            state.nat_rule.nr if state.nat_rule is not None else -1, now - state.creation // NS,
            max(0, self.expires(state) - now), (state.packets[0], state.packets[1]), (state.bytes[0], state.bytes[1]),
            state.flags, flags, act.log, act.min_ttl, act.max_mss, act.set_tos, act.set_prio, act.dnpipe, act.dnrpipe, act.rt,
            act.rt_addr + bytes(16 - len(act.rt_addr)), act.rt_ifname, act.rt_af, act.rtableid,
        )  # fmt: skip


def _key(key: Key) -> PfStateKey:
    af, proto, a, b, p, q = key
    return PfStateKey((a + bytes(16 - len(a)), b + bytes(16 - len(b))), (p, q), af, proto)


def masked(af: int, addr: bytes, wanted: Any) -> bool:
    """PF_MATCHA: is an address in a network, both of a family?"""
    size = 4 if af == AF_INET else 16
    mask = int.from_bytes(wanted.mask[:size], "big")
    return (int.from_bytes(addr, "big") ^ int.from_bytes(wanted.addr[:size], "big")) & mask == 0
