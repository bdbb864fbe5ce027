"""Dynamic states: what keep-state and limit remember of a packet (netpfil/ipfw/ip_fw_dynamic.c).

A state is found by its name and the addresses and ports of a packet in either direction.  Its time is in seconds; those
that are over are thrown away when somebody looks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EINVAL, KError
from vshell.abi.ip_fw import (
    DYN_DST_ADDR,
    DYN_DST_PORT,
    DYN_SRC_ADDR,
    DYN_SRC_PORT,
    IP_FW_TARG,
    O_KEEP_STATE,
    O_LIMIT,
    O_LIMIT_PARENT,
    FwState,
    RangeRequest,
)
from vshell.abi.socket import IPPROTO_TCP, IPPROTO_UDP, IPPROTO_UDPLITE
from vshell.kernel.kern.module import SI_SUB_PROTO_FIREWALL, Sysctl, VnetModule, sysctl_proc
from vshell.kernel.net.mbuf import M_SKIP_FIREWALL, m_get
from vshell.kernel.netinet.ip_output import ip_output
from vshell.kernel.netinet.ip_var import Ip
from vshell.kernel.netinet6.ip6_output import ip6_output
from vshell.kernel.netpfil.ipfw.ip_fw_args import FwArgs
from vshell.kernel.netpfil.ipfw.ip_fw_log import ip6_sprintf
from vshell.wire.cksum import in_cksum, in_pseudo
from vshell.wire.tcp import TH_ACK, Tcphdr, tcp_pack

if TYPE_CHECKING:
    from vshell.kernel.net.vnet import Vnet
    from vshell.kernel.netpfil.ipfw.ip_fw2 import Rule

Flow = tuple[str, int, bytes, int, bytes, int]
FIN, SYN, RST = 1, 2, 4
BOTH_SYN, BOTH_FIN = SYN | SYN << 8, FIN | FIN << 8
TCP_FLAGS = (FIN | SYN | RST) * 0x101
ACK_FWD, ACK_REV = 0x10000, 0x20000
ACK_BOTH = ACK_FWD | ACK_REV
KEEPALIVE_INTERVAL, KEEPALIVE_PERIOD = 20, 5
"""Keepalives are sent in so many last seconds of a connection, every so many seconds."""
LOG_SECURITY, LOG_DEBUG = 13 << 3, 7
IPTOS_LOWDELAY = 0x10
NS = 1_000_000_000
UDP = (IPPROTO_UDP, IPPROTO_UDPLITE)


class State:
    """A state, or the parent that counts those of a limit."""

    __slots__ = (
        "ack_fwd", "ack_rev", "bcnt", "count", "expire", "fib", "flags", "flow", "kind", "parent", "pcnt", "rule", "rulenum",
        "set",
    )  # fmt: skip

    def __init__(self, flow: Flow, rule: Rule, kind: int, parent: State | None = None) -> None:
        self.flow, self.rule, self.kind, self.parent = flow, rule, kind, parent
        self.rulenum, self.set = rule.rulenum, rule.set
        self.pcnt = self.bcnt = self.count = self.expire = self.flags = self.fib = 0
        self.ack_fwd = self.ack_rev = 0
        """The last acknowledgements that went each way: what keepalives are made of."""

    def export(self, now: int) -> FwState:
        """As programs see it."""
        name, proto, src, sport, dst, dport = self.flow
        left = max(self.expire - now, 0)
        return FwState(
            self.rulenum, self.set, self.kind, self.pcnt, self.bcnt, left, proto, src, dst, sport, dport, name, self.flags,
            self.ack_fwd, self.ack_rev, self.count,
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


def _shown(addr: bytes) -> str:
    return ip6_sprintf(addr) if len(addr) == 16 else ".".join(map(str, addr))


def send_keepalive(vnet: Vnet, src: bytes, dst: bytes, th: Tcphdr, fib: int) -> None:
    """A bare segment from one end of a connection to the other; no firewall looks at it."""
    segment = bytearray(tcp_pack(th))
    six = len(src) == 16
    pseudo = in_pseudo(src, dst, IPPROTO_TCP, len(segment))
    segment[16:18] = in_cksum(segment, pseudo).to_bytes(2, "big")
    if six:
        header = b"\x60\0\0\0" + len(segment).to_bytes(2, "big") + bytes((IPPROTO_TCP, 64)) + src + dst
    else:
        size = (20 + len(segment)).to_bytes(2, "big")
        header = bytes((0x45, IPTOS_LOWDELAY)) + size + b"\0\0\x40\0" + bytes((vnet[Ip].ttl, IPPROTO_TCP, 0, 0)) + src + dst
    m = m_get(header + bytes(segment))
    m.fib = fib
    m.flags |= M_SKIP_FIREWALL
    if six:
        ip6_output(vnet, m)
    else:
        ip_output(vnet, m)


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
    max_states = _u32("dyn_max", 16384, "Max number of dynamic states.")
    curr_max_length = _u32("curr_max_length", 0, "Current maximum length of states chains in hash buckets.", "r")
    curr_buckets = _u32("curr_dyn_buckets", 256, "Current number of buckets for states hash table.", "r")

    def __init__(self, vnet: Vnet) -> None:
        super().__init__(vnet)
        self.states: dict[Flow, State] = {}
        self.parents: dict[Flow, State] = {}
        self.buckets_max = 8192
        self.timer = vnet.kernel.clock.callout()
        self.last_keepalive = self.last_log = 0
        self.room = 0
        """States the allocator holds ready beyond those in use: it takes them a bucket at a time, and only then asks
        whether there may be more."""

    def destroy(self) -> None:
        """No timer outlives the stack's firewall."""
        self.timer.stop()

    @sysctl_proc(
        "net.inet.ip.fw.dyn_buckets", "Max number of buckets for dynamic states hash table.", flags="w", fmt="uint32_t"
    )  # fmt: skip
    def _buckets(self, td: Any, new: Any) -> Any:
        if new is not None:
            if new <= 256:
                raise KError(EINVAL)
            self.buckets_max = 1 << (new - 1).bit_length()
        return self.buckets_max

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
        self.room += 1
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
                a.reverse = state.flow != flow
                self._update(state, a, not a.reverse)
                return state
        return None

    def _update(self, state: State, a: FwArgs, forward: bool) -> None:
        """dyn_update_proto_state."""
        state.pcnt += 1
        state.bcnt += a.iplen
        if a.proto in UDP:
            life = self.udp_lifetime
        elif a.proto == IPPROTO_TCP and a.ulp >= 0:
            self._tcp(state, a, forward)
            return
        else:
            life = self.short_lifetime
        state.expire = self.now() + life
        if state.parent is not None:
            state.parent.expire = self.now() + self.short_lifetime

    def _tcp(self, state: State, a: FwArgs, forward: bool) -> None:
        """dyn_update_tcp_state: how far the connection has come.

        Once it is open its time begins anew when both sides have acknowledged something.
        """
        bits = a.tcpflags & (FIN | SYN | RST)
        seen = (state.flags | (bits if forward else bits << 8)) & TCP_FLAGS
        life = None
        if seen == SYN:
            life = self.syn_lifetime
        elif seen in (BOTH_SYN, BOTH_SYN | FIN, BOTH_SYN | FIN << 8):
            acked = self._acked(state, a, forward)
            if acked == ACK_BOTH:
                life = self.ack_lifetime
                state.flags ^= ACK_BOTH
            else:
                state.flags |= acked
        elif seen == BOTH_SYN | BOTH_FIN:
            if self.fin_lifetime >= KEEPALIVE_PERIOD:
                self.fin_lifetime = KEEPALIVE_PERIOD - 1
            life = self.fin_lifetime
        else:
            if self.keepalive and self.rst_lifetime >= KEEPALIVE_PERIOD:
                self.rst_lifetime = KEEPALIVE_PERIOD - 1
            life = self.rst_lifetime
        state.flags |= seen
        if life is not None:
            state.expire = self.now() + life
        if state.parent is not None:
            state.parent.expire = self.now() + self.short_lifetime
        if self.keepalive and seen & BOTH_SYN == BOTH_SYN and not self.timer.pending:
            self._arm()

    def _acked(self, state: State, a: FwArgs, forward: bool) -> int:
        """Which sides have acknowledged since the time began anew."""
        ack = int.from_bytes(a.data[a.ulp + 8 : a.ulp + 12], "big")
        old = state.ack_fwd if forward else state.ack_rev
        acked = state.flags & ACK_BOTH
        if not old or (ack - old) & 0xFFFFFFFF < 1 << 31:
            if forward:
                state.ack_fwd = ack
                return acked | ACK_FWD
            state.ack_rev = ack
            return acked | ACK_REV
        return acked

    # keepalives ------------------------------------------------------------------------------------------------
    def _open(self) -> list[State]:
        """Connections that are established."""
        return [s for s in self.states.values() if s.flow[1] == IPPROTO_TCP and s.flags & BOTH_SYN == BOTH_SYN]

    def _arm(self) -> None:
        """Be woken when the first connection may need a keepalive; the original looks every second."""
        open_ = self._open()
        if open_ and self.keepalive:
            at = max(
                min(s.expire for s in open_) - KEEPALIVE_INTERVAL + 1, self.last_keepalive + KEEPALIVE_PERIOD, self.now() + 1
            )
            self.timer.reset(at * NS - self.vnet.kernel.clock.now, self._tick)

    def _tick(self) -> None:
        """dyn_tick: in the last seconds of a connection both sides are asked whether it lives, as if by each other."""
        self.expire()
        if self.keepalive:
            now = self.last_keepalive = self.now()
            for state in self._open():
                if now + KEEPALIVE_INTERVAL > state.expire:
                    self._ask(state)
        self._arm()

    def _ask(self, state: State) -> None:
        """dyn_enqueue_keepalive_ipv4, dyn_enqueue_keepalive_ipv6: an acknowledgement of what was acknowledged before."""
        _, _, src, sport, dst, dport = state.flow
        if not state.flags & ACK_FWD and state.ack_fwd:
            send_keepalive(self.vnet, dst, src, Tcphdr(dport, sport, state.ack_fwd - 1, state.ack_rev, flags=TH_ACK), state.fib)
        if not state.flags & ACK_REV and state.ack_rev:
            send_keepalive(self.vnet, src, dst, Tcphdr(sport, dport, state.ack_rev - 1, state.ack_fwd, flags=TH_ACK), state.fib)

    def _allocate(self) -> bool:
        """Is there room for one more?  A bucket of the allocator is at most a quarter of what is allowed."""
        if not self.room:
            bucket = min(128, max(self.max_states // 4, 1))
            self.room = max(min(bucket, self.max_states - len(self.states)), 0)
        if self.room:
            self.room -= 1
            return True
        self.log("ipfw: Cannot allocate dynamic state, consider increasing net.inet.ip.fw.dyn_max")
        return False

    def log(self, text: str, level: int = LOG_DEBUG) -> None:
        """Once a second."""
        if self.last_log != self.now():
            self.last_log = self.now()
            self.vnet.kernel.log(level, text)

    # packets that begin one ------------------------------------------------------------------------------------
    def install(self, a: FwArgs, rule: Rule, verbose: int = 0) -> bool:
        """ipfw_dyn_install_state; False if a limit is reached."""
        assert rule.keep is not None
        if not (a.v4 or a.v6):
            return False
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
                if len(self.parents) >= self.parent_max:
                    self.log("ipfw: Cannot allocate parent dynamic state, consider increasing net.inet.ip.fw.dyn_parent_max")
                    return False
                parent = self.parents[key] = State(key, rule, O_LIMIT_PARENT)
                parent.expire = self.now() + self.short_lifetime
            if parent.count >= (data[1] if data[1] != IP_FW_TARG else a.value.limit):
                if verbose:
                    ends = f"{_shown(a.src)} {a.sport} -> {_shown(a.dst)} {a.dport}"
                    text = f"{rule.rulenum} drop session type {O_LIMIT} {ends}, {len(self.states)} too many entries"
                    self.log(f"ipfw: {text}", LOG_SECURITY | LOG_DEBUG)
                return False
            parent.count += 1
        if not self._allocate():
            if parent is not None:
                parent.count -= 1
            return False
        state = self.states[flow] = State(flow, rule, kind, parent)
        state.fib = a.m.fib
        self._update(state, a, True)
        return True
