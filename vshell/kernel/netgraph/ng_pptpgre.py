"""ng_pptpgre(4): PPP in the GRE of PPTP, with sequence numbers and a window (netgraph/ng_pptpgre.c, RFC 2637)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EINVAL, EMSGSIZE, ENOBUFS, ENXIO, KError
from vshell.kernel.kern.module import KernelModule, Kld, Sysctl
from vshell.kernel.net.mbuf import m_get
from vshell.kernel.netgraph.ng_base import LastHook, NgHook, NgMsg, ng_send_data, ngmsg
from vshell.kernel.netgraph.ng_l2tp import hex_id
from vshell.kernel.netgraph.ng_parse import HINT16, UINT8, UINT16, UINT32, NgStruct

if TYPE_CHECKING:
    from vshell.kernel.net.mbuf import Mbuf
    from vshell.kernel.net.vnet import Vnet

KLD = Kld(depends=("netgraph",), size=0x5348)

PROTO = 0x880B
INIT, INIT_MASK = 0x2001 << 16 | PROTO, 0xEF7FFFFF
HAS_SEQ, HAS_ACK = 0x1000 << 16, 0x0080 << 16
MAX_PAYLOAD = 0xFFFF - 8 - 8
SCALE = 1024
"""Times are counted in 1/1024 s."""
XMIT_WINDOW = 16
MIN_TIMEOUT, MAX_TIMEOUT = SCALE // 83, 3 * SCALE
MIN_ACK_DELAY, MAX_ACK_DELAY = SCALE // 500, SCALE // 2
SECOND, TICK, HZ = 1_000_000_000, 10_000_000, 100
MASK = 0xFFFFFFFF

CONFIG = NgStruct(
    ("enabled", UINT8), ("enableDelayedAck", UINT8), ("enableAlwaysAck", UINT8), ("enableWindowing", UINT8), ("cid", HINT16),
    ("peerCid", HINT16), ("recvWin", UINT16), ("peerPpd", UINT16),
)  # fmt: skip
STAT_NAMES = (
    "xmitPackets", "xmitOctets", "xmitLoneAcks", "xmitDrops", "xmitTooBig", "recvPackets", "recvOctets", "recvRunts",
    "recvBadGRE", "recvBadAcks", "recvBadCID", "recvOutOfOrder", "recvDuplicates", "recvLoneAcks", "recvAckTimeouts",
    "memoryFailures", "recvReorderOverflow", "recvReorderTimeouts",
)  # fmt: skip
STATS = NgStruct(*((name, UINT32) for name in STAT_NAMES))


class PptpModule(KernelModule):
    """How packets are put in order again."""

    reorder_max = Sysctl("net.graph.pptpgre.reorder_max", 1, "Reorder queue maximum length", flags="wt", fmt="unsigned integer")
    reorder_timeout = Sysctl(
        "net.graph.pptpgre.reorder_timeout", 1, "Reorder timeout is milliseconds", flags="wt", fmt="unsigned integer"
    )


def seq_diff(x: int, y: int) -> int:
    """How far x is ahead of y."""
    return (x - y + 0x80000000 & MASK) - 0x80000000


class PptpSession:
    """A call (struct ng_pptpgre_sess)."""

    def __init__(self, node: Pptpgre, hook: NgHook | None, cid: int) -> None:
        self.hook = hook
        self.conf = dict.fromkeys((f[0] for f in CONFIG.fields), 0) | {"cid": cid}
        clock = node.kernel.clock
        self.send_timer, self.recv_timer, self.reorder_timer = clock.callout(), clock.callout(), clock.callout()
        self.recv_seq = self.xmit_seq = self.recv_ack = self.xmit_ack = 0
        self.ato = self.rtt = self.dev = 0
        self.window = self.window_ack = 0
        self.sent: list[int] = []
        """When packets that are not acknowledged left."""
        self.waiting: list[tuple[int, Mbuf]] = []
        """Packets that came too early."""

    def stop(self) -> None:
        """Without timers."""
        for timer in (self.send_timer, self.recv_timer, self.reorder_timer):
            timer.stop()

    def reset(self) -> None:
        """ng_pptpgre_reset; by the settings there were."""
        self.stop()
        self.ato, self.dev = MAX_TIMEOUT, 0
        self.rtt = SCALE // 10 * max(self.conf["peerPpd"], 1)
        self.window = self.window_ack = min(max((self.conf["recvWin"] + 1) // 2, 2), XMIT_WINDOW)
        self.recv_seq = self.recv_ack = self.xmit_seq = self.xmit_ack = MASK
        self.sent.clear()
        self.waiting.clear()

    def measure(self, sample: int) -> None:
        """A new round trip time."""
        diff = sample - self.rtt
        self.rtt += diff + 4 >> 3
        self.dev += abs(diff) - self.dev + 2 >> 2
        self.ato = min(max(self.rtt + (self.dev + 2 << 2), MIN_TIMEOUT), MAX_TIMEOUT)


class Pptpgre(LastHook, ngtype="pptpgre", cookie=1082548365):
    """The node: IP with GRE on "lower", PPP on "upper" or on session_XXXX."""

    def __init__(self, vnet: Vnet) -> None:
        super().__init__(vnet)
        self.upper = PptpSession(self, None, 0)
        self.lower: NgHook | None = None
        self.sessions = [self.upper]
        self.stats = dict.fromkeys(STAT_NAMES, 0)

    def newhook(self, hook: NgHook, name: str) -> None:
        """Both ends, and calls."""
        if name == "upper":
            self.upper.hook, hook.private = hook, self.upper
        elif name == "lower":
            self.lower, hook.rcvdata = hook, self._rcvdata_lower
        else:
            hook.private = PptpSession(self, hook, hex_id(name))
            self.sessions.insert(0, hook.private)

    def disconnect(self, hook: NgHook) -> None:
        """One less."""
        if hook.private is self.upper:
            self.upper.hook = None
        elif hook.private is not None:
            hook.private.reset()
            if hook.private in self.sessions:
                self.sessions.remove(hook.private)
        elif hook is self.lower:
            self.lower = None
        super().disconnect(hook)

    def shutdown(self) -> bool:
        """Without timers."""
        for session in self.sessions:
            session.reset()
        return False

    def _find(self, cid: int) -> PptpSession | None:
        return next((s for s in self.sessions if s.conf["cid"] == cid), None)

    # messages --------------------------------------------------------------------------------------------------
    @ngmsg(1, "setconfig", arg=CONFIG)
    def setconfig(self, arg: dict[str, int], msg: NgMsg) -> None:
        """Of the call of that number, or of "upper"."""
        session = self._find(arg["cid"])
        if session is None:
            session = self.upper
            self.sessions.remove(session)
            self.sessions.insert(0, session)
        session.reset()
        session.conf = arg

    @ngmsg(2, "getconfig", arg=HINT16, resp=CONFIG, size=0)
    def getconfig(self, arg: int, msg: NgMsg) -> Any:
        """Of a call, or of "upper" without a number."""
        if len(msg.data) not in (0, 2):
            raise KError(EINVAL)
        session = self._find(arg) if msg.data else self.upper
        if session is None:
            raise KError(EINVAL)
        return session.conf

    @ngmsg(3, "getstats", resp=STATS)
    def getstats(self, arg: Any, msg: NgMsg) -> Any:
        """The counters."""
        return self.stats

    @ngmsg(4, "clrstats")
    def clrstats(self, arg: Any, msg: NgMsg) -> None:
        """Count anew."""
        self.stats = dict.fromkeys(STAT_NAMES, 0)

    @ngmsg(5, "getclrstats", resp=STATS)
    def getclrstats(self, arg: Any, msg: NgMsg) -> Any:
        """Both."""
        stats, self.stats = self.stats, dict.fromkeys(STAT_NAMES, 0)
        return stats

    # sending ---------------------------------------------------------------------------------------------------
    def _time(self) -> int:
        return self.kernel.clock.now * SCALE // SECOND

    def rcvdata(self, hook: NgHook, m: Mbuf) -> int:
        """A packet for the peer."""
        session: PptpSession = hook.private
        return self._xmit(session, m) if session.conf["enabled"] else ENXIO

    def _xmit(self, session: PptpSession, m: Mbuf | None) -> int:
        """ng_pptpgre_xmit: a packet, or nothing but an acknowledgement."""
        conf, size = session.conf, 0
        if m is None:
            self.stats["xmitLoneAcks"] += 1
        else:
            size = len(m)
            if conf["enableWindowing"] and (session.xmit_seq - session.recv_ack & MASK) >= session.window:
                self.stats["xmitDrops"] += 1
                return ENOBUFS
            if size > MAX_PAYLOAD:
                self.stats["xmitTooBig"] += 1
                return EMSGSIZE
        flags, rest = INIT, b""
        if m is not None:
            flags |= HAS_SEQ
            if conf["enableWindowing"]:
                session.sent.append(self._time())
            session.xmit_seq = session.xmit_seq + 1 & MASK
            rest = session.xmit_seq.to_bytes(4, "big")
        if conf["enableAlwaysAck"] or session.xmit_ack != session.recv_seq:
            flags |= HAS_ACK
            rest += session.recv_seq.to_bytes(4, "big")
            session.xmit_ack = session.recv_seq
            if conf["enableDelayedAck"]:
                session.send_timer.stop()
        head = flags.to_bytes(4, "big") + size.to_bytes(2, "big") + conf["peerCid"].to_bytes(2, "big") + rest
        first = m is not None and session.xmit_seq == session.recv_ack + 1 & MASK
        if m is None:
            m = m_get(head)
        else:
            m.prepend(head)
        self.stats["xmitPackets"] += 1
        self.stats["xmitOctets"] += len(m)
        if conf["enableWindowing"] and first:
            self._start_recv_timer(session)
        return ng_send_data(self.lower, m)

    def _ack(self, session: PptpSession) -> None:
        """ng_pptpgre_ack: soon, with a packet that goes that way anyhow if there is one."""
        if session.send_timer.pending:
            return
        if not session.conf["enableDelayedAck"]:
            self._xmit(session, None)
            return
        delay = min(max(session.rtt >> 2, MIN_ACK_DELAY), MAX_ACK_DELAY)
        session.send_timer.reset(-(-delay * HZ // SCALE) * TICK, lambda: self._xmit(session, None))

    def _start_recv_timer(self, session: PptpSession) -> None:
        oldest = session.sent[0] if session.sent else self._time()
        remain = max(oldest + session.ato - self._time(), 0)
        session.recv_timer.reset((-(-remain * HZ // SCALE) + 1) * TICK, lambda: self._recv_timeout(session))

    def _recv_timeout(self, session: PptpSession) -> None:
        """ng_pptpgre_recv_ack_timeout: the peer did not acknowledge; go more slowly."""
        self.stats["recvAckTimeouts"] += 1
        session.rtt = (session.rtt << 1) + 1
        session.ato = min(max(session.rtt + (session.dev << 2), MIN_TIMEOUT), MAX_TIMEOUT)
        session.recv_ack = session.xmit_seq
        session.sent.clear()
        session.window = (session.window + 1) // 2
        session.window_ack = session.recv_ack + session.window & MASK

    # receiving -------------------------------------------------------------------------------------------------
    def _drop(self, counter: str, error: int = EINVAL) -> int:
        self.stats[counter] += 1
        return error

    def _rcvdata_lower(self, hook: NgHook, m: Mbuf) -> int:
        """ng_pptpgre_rcvdata_lower: an IP packet with GRE."""
        size = len(m)
        self.stats["recvPackets"] += 1
        self.stats["recvOctets"] += size
        if size < 28:
            return self._drop("recvRunts")
        data = m.bytes()
        at = (data[0] & 15) * 4
        if size < at + 8:
            return ENOBUFS
        flags = int.from_bytes(data[at : at + 4], "big")
        length, cid = (int.from_bytes(data[at + i : at + i + 2], "big") for i in (4, 6))
        has_seq, has_ack = bool(flags & HAS_SEQ), bool(flags & HAS_ACK)
        start = at + 8 + 4 * (has_seq + has_ack)
        if size < start:
            return self._drop("recvRunts")
        extra = size - start - (length if has_seq else 0)
        if extra < 0 or flags & INIT_MASK != INIT:
            return self._drop("recvBadGRE")
        session = self._find(cid)
        if session is None or session.hook is None or not session.conf["enabled"]:
            return self._drop("recvBadCID")
        if has_ack:
            self._acked(session, int.from_bytes(data[start - 4 : start], "big"))
        if not has_seq:
            return self._drop("recvLoneAcks", 0)
        m.adj(start)
        if extra:
            m.adj(-extra)
        return self._sequence(session, int.from_bytes(data[at + 8 : at + 12], "big"), m)

    def _acked(self, session: PptpSession, ack: int) -> None:
        """The peer says what it has."""
        if seq_diff(ack, session.xmit_seq) > 0:
            self.stats["recvBadAcks"] += 1
            return
        count = seq_diff(ack, session.recv_ack)
        if count <= 0:
            return
        session.recv_ack = ack
        if not session.conf["enableWindowing"]:
            return
        if len(session.sent) >= count:
            session.measure(self._time() - session.sent[count - 1])
            del session.sent[:count]
        if seq_diff(ack, session.window_ack) >= 0 and session.window < XMIT_WINDOW:
            session.window += 1
            session.window_ack = ack + session.window & MASK
        session.recv_timer.stop()
        if session.recv_ack != session.xmit_seq:
            self._start_recv_timer(session)

    def _sequence(self, session: PptpSession, seq: int, m: Mbuf) -> int:
        """What comes too early waits a little for what is missing."""
        limit = self.kernel[PptpModule].reorder_max
        diff = seq_diff(seq, session.recv_seq)
        if diff <= 0:
            return self._drop("recvOutOfOrder" if diff < 0 and not limit else "recvDuplicates")
        ready: list[Mbuf] = []
        if diff == 1:
            ready.append(m)
            session.recv_seq = seq
        else:
            if any(number == seq for number, _ in session.waiting):
                return self._drop("recvDuplicates")
            self.stats["recvOutOfOrder"] += 1
            session.waiting.append((seq, m))
            session.waiting.sort(key=lambda item: seq_diff(item[0], session.recv_seq))
            if len(session.waiting) > limit:
                # Too many wait: what is missing before the first of them is given up.
                self.stats["recvReorderOverflow"] += 1
                session.recv_seq, first = session.waiting.pop(0)
                ready.append(first)
        self._collect(session, ready)
        if not session.waiting:
            session.reorder_timer.stop()
        elif not session.reorder_timer.pending:
            self._start_reorder_timer(session)
        if ready:
            self._ack(session)
        return self._deliver(session, ready)

    def _collect(self, session: PptpSession, ready: list[Mbuf]) -> None:
        """What follows without a gap."""
        while session.waiting and seq_diff(session.waiting[0][0], session.recv_seq) <= 1:
            session.recv_seq, m = session.waiting.pop(0)
            ready.append(m)

    def _deliver(self, session: PptpSession, ready: list[Mbuf]) -> int:
        error = 0
        for m in ready:
            error = ng_send_data(session.hook, m)
        return error

    def _start_reorder_timer(self, session: PptpSession) -> None:
        ticks = -(-self.kernel[PptpModule].reorder_timeout * HZ // 1000) + 1
        session.reorder_timer.reset(ticks * TICK, lambda: self._reorder_timeout(session))

    def _reorder_timeout(self, session: PptpSession) -> None:
        """ng_pptpgre_reorder_timeout: what is missing will not come any more."""
        self.stats["recvReorderTimeouts"] += 1
        if not session.waiting:
            return
        session.recv_seq, first = session.waiting.pop(0)
        ready = [first]
        self._collect(session, ready)
        if session.waiting:
            self._start_reorder_timer(session)
        self._ack(session)
        self._deliver(session, ready)
