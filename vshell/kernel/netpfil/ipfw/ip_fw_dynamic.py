"""Dynamic states: what keep-state and limit remember of a packet (netpfil/ipfw/ip_fw_dynamic.c).

A state is found by its name and the addresses and ports of a packet in either direction.  Its time is in seconds; those
that are over are thrown away when somebody looks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.ip_fw import (
    DYN_DST_ADDR,
    DYN_DST_PORT,
    DYN_SRC_ADDR,
    DYN_SRC_PORT,
    O_KEEP_STATE,
    O_LIMIT,
    O_LIMIT_PARENT,
    FwState,
    RangeRequest,
)
from vshell.kernel.kern.module import SI_SUB_PROTO_FIREWALL, Sysctl, VnetModule, sysctl_proc
from vshell.kernel.netpfil.ipfw.ip_fw_args import TCP, FwArgs

if TYPE_CHECKING:
    from vshell.kernel.net.vnet import Vnet
    from vshell.kernel.netpfil.ipfw.ip_fw2 import Rule

Flow = tuple[str, int, bytes, int, bytes, int]
FIN, SYN, RST = 1, 2, 4
BOTH_SYN, BOTH_FIN = SYN | SYN << 8, FIN | FIN << 8
UDP = (17, 136)


class State:
    """A state, or the parent that counts those of a limit."""

    __slots__ = ("bcnt", "count", "expire", "flags", "flow", "kind", "parent", "pcnt", "rule", "rulenum", "set")

    def __init__(self, flow: Flow, rule: Rule, kind: int, parent: State | None = None) -> None:
        self.flow, self.rule, self.kind, self.parent = flow, rule, kind, parent
        self.rulenum, self.set = rule.rulenum, rule.set
        self.pcnt = self.bcnt = self.count = self.expire = self.flags = 0

    def export(self, now: int) -> FwState:
        """As programs see it."""
        name, proto, src, sport, dst, dport = self.flow
        left = max(self.expire - now, 0)
        return FwState(
            self.rulenum, self.set, self.kind, self.pcnt, self.bcnt, left, proto, src, dst, sport, dport, name, self.flags,
            count=self.count,
        )  # fmt: skip


def flow_of(name: str, a: FwArgs) -> Flow:
    """What identifies the packet's connection."""
    return name, a.proto, a.src, a.sport, a.dst, a.dport


def masked(flow: Flow, mask: int) -> Flow:
    """The parts of it a limit goes by."""
    name, proto, src, sport, dst, dport = flow
    return (
        name,
        proto,
        src if mask & DYN_SRC_ADDR else bytes(len(src)),
        sport if mask & DYN_SRC_PORT else 0,
        dst if mask & DYN_DST_ADDR else bytes(len(dst)),
        dport if mask & DYN_DST_PORT else 0,
    )


def _u32(name: str, value: int, text: str, flags: str = "w") -> int:
    return Sysctl(f"net.inet.ip.fw.{name}", value, text, flags=flags, fmt="uint32_t")


class Dynamic(VnetModule, sub=SI_SUB_PROTO_FIREWALL):
    """The states of a stack."""

    keep_states = _u32("dyn_keep_states", 0, "Do not flush dynamic states on rule deletion")
    keepalive = _u32("dyn_keepalive", 1, "Enable keepalives for dynamic states.")
    short_lifetime = _u32("dyn_short_lifetime", 5, "Lifetime of dynamic states for other situations.")
    udp_lifetime = _u32("dyn_udp_lifetime", 10, "Lifetime of dynamic states for UDP.")
    rst_lifetime = _u32("dyn_rst_lifetime", 1, "Lifetime of dynamic states for TCP RST.")
    fin_lifetime = _u32("dyn_fin_lifetime", 1, "Lifetime of dynamic states for TCP FIN.")
    syn_lifetime = _u32("dyn_syn_lifetime", 20, "Lifetime of dynamic states for TCP SYN.")
    ack_lifetime = _u32("dyn_ack_lifetime", 300, "Lifetime of dynamic states for TCP ACK.")
    parent_max = _u32("dyn_parent_max", 4096, "Max number of parent dynamic states.")
    # DIFFERS: the allocator's limit is rounded up and per processor there; here it is only kept.
    max_states = _u32("dyn_max", 16384, "Max number of dynamic states.")
    curr_max_length = _u32("curr_max_length", 0, "Current maximum length of states chains in hash buckets.", "r")
    curr_buckets = _u32("curr_dyn_buckets", 256, "Current number of buckets for states hash table.", "r")

    def __init__(self, vnet: Vnet) -> None:
        super().__init__(vnet)
        self.states: dict[Flow, State] = {}
        self.parents: dict[Flow, State] = {}

    @sysctl_proc("net.inet.ip.fw.dyn_parent_count", "Current number of parent states. ", flags="r", fmt="uint32_t")
    def _parent_count(self, td: Any, new: Any) -> Any:
        self.expire()
        return len(self.parents)

    @sysctl_proc("net.inet.ip.fw.dyn_count", "Current number of dynamic states.", flags="r", fmt="uint32_t")
    def _count(self, td: Any, new: Any) -> Any:
        self.expire()
        return len(self.states)

    def now(self) -> int:
        """time_uptime."""
        return self.vnet.kernel.clock.now // 1_000_000_000

    # time ------------------------------------------------------------------------------------------------------
    def expire(self) -> None:
        """Throw away what is over (dyn_expire_states)."""
        now = self.now()
        for flow, state in list(self.states.items()):
            if state.expire <= now:
                self._drop(flow)
        for flow, parent in list(self.parents.items()):
            if not parent.count and parent.expire <= now:
                del self.parents[flow]

    def _drop(self, flow: Flow) -> None:
        state = self.states.pop(flow)
        if state.parent is not None:
            state.parent.count -= 1

    def forget(self, gone: set[Rule]) -> None:
        """Rules were deleted: their states go with them, unless those are to be kept."""
        if self.keep_states:
            return
        for flow, state in list(self.states.items()):
            if state.rule in gone:
                self._drop(flow)
        for flow, parent in list(self.parents.items()):
            if parent.rule in gone:
                del self.parents[flow]

    def forget_range(self, r: RangeRequest, matches: Any) -> None:
        """ipfw -D delete: states alone."""
        for flow, state in list(self.states.items()):
            if matches(state, r):
                self._drop(flow)

    def export(self) -> tuple[FwState, ...]:
        """All of them."""
        self.expire()
        now = self.now()
        return tuple(s.export(now) for s in (*self.states.values(), *self.parents.values()))

    # packets ---------------------------------------------------------------------------------------------------
    def lookup(self, a: FwArgs, name: str) -> State | None:
        """ipfw_dyn_lookup_state: of that name, or of any if it is empty; the state is refreshed."""
        if not self.states or not (a.v4 or a.v6):
            return None
        names = {name} if name else {flow[0] for flow in self.states}
        for each in names:
            flow = flow_of(each, a)
            back = (each, a.proto, a.dst, a.dport, a.src, a.sport)
            state = self.states.get(flow) or self.states.get(back)
            if state is not None and state.expire <= self.now():
                self._drop(state.flow)
            elif state is not None:
                self._update(state, a, state.flow == flow)
                return state
        return None

    def _update(self, state: State, a: FwArgs, forward: bool) -> None:
        """dyn_update_proto_state."""
        state.pcnt += 1
        state.bcnt += a.iplen
        if a.proto in UDP:
            life = self.udp_lifetime
        elif a.proto == TCP and a.ulp >= 0:
            life = self._tcp(state, a.tcpflags, forward)
        else:
            life = self.short_lifetime
        state.expire = self.now() + life
        if state.parent is not None:
            state.parent.expire = self.now() + self.short_lifetime

    def _tcp(self, state: State, flags: int, forward: bool) -> int:
        """dyn_update_tcp_state: how far the connection has come."""
        state.flags |= (flags & (FIN | SYN | RST)) << (0 if forward else 8)
        seen = state.flags
        if seen == SYN:
            return self.syn_lifetime
        if seen & (RST | RST << 8) or seen & BOTH_SYN != BOTH_SYN:
            return self.rst_lifetime
        return self.fin_lifetime if seen & BOTH_FIN == BOTH_FIN else self.ack_lifetime

    def install(self, a: FwArgs, rule: Rule) -> bool:
        """ipfw_dyn_install_state; False if a limit is reached."""
        assert rule.keep is not None
        data: Any = rule.keep.data
        flow = flow_of(data[-1], a)
        if flow in self.states or (flow[0], a.proto, a.dst, a.dport, a.src, a.sport) in self.states:
            return True
        parent = None
        kind = O_KEEP_STATE
        if rule.keep.opcode == O_LIMIT:
            kind = O_LIMIT
            self.expire()
            key = masked(flow, data[0])
            parent = self.parents.get(key)
            if parent is None:
                parent = self.parents[key] = State(key, rule, O_LIMIT_PARENT)
                parent.expire = self.now() + self.short_lifetime
            if parent.count >= data[1]:
                return False
            parent.count += 1
        state = self.states[flow] = State(flow, rule, kind, parent)
        self._update(state, a, True)
        return True
