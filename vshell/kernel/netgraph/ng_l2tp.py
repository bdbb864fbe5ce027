"""ng_l2tp(4): the Layer 2 Tunneling Protocol: a reliable control channel, and sessions (netgraph/ng_l2tp.c, RFC 2661)."""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Any

from vshell.abi.errno import (
    EADDRNOTAVAIL,
    EBUSY,
    EINVAL,
    EISCONN,
    ENOBUFS,
    ENOENT,
    ENOTCONN,
    ENXIO,
    EOVERFLOW,
    KError,
)  # fmt: skip
from vshell.kernel.kern.module import Kld
from vshell.kernel.net.mbuf import m_get
from vshell.kernel.netgraph.ng_base import LastHook, NgHook, NgMsg, ng_send_data, ng_send_msg_id, ngmsg
from vshell.kernel.netgraph.ng_parse import HINT16, INT16, UINT8, UINT16, UINT32, UINT64, NgStruct

if TYPE_CHECKING:
    from vshell.kernel.net.mbuf import Mbuf
    from vshell.kernel.net.vnet import Vnet

KLD = Kld(depends=("netgraph",), size=0x5A38)

COOKIE, ACK_FAILURE = 1091515793, 11
CTRL, LENGTH, SEQUENCE, OFFSET, VERSION = 0x8000, 0x4000, 0x0800, 0x0200, 0x0002
ZEROS, ONES = {True: 0x030D, False: 0x800D}, {True: 0xC802, False: 0x0002}
"""Bits that a control message, and a data message, must not and must have."""
CONTROL_HEADER = Struct("!HHHHHH")
MAX_WINDOW, MAX_REXMIT, MAX_REXMIT_TO = 128, 5, 30
SECOND, DELAYED_ACK, TICK = 1_000_000_000, 50_000_000, 10_000_000
PREFIX, HEXDIGITS = "session_", "0123456789abcdef"
SEQ_SIZE = 8

STAT_NAMES = (
    "xmitPackets", "xmitOctets", "xmitZLBs", "xmitDrops", "xmitTooBig", "xmitInvalid", "xmitDataTooBig", "xmitRetransmits",
    "recvPackets", "recvOctets", "recvRunts", "recvInvalid", "recvWrongTunnel", "recvUnknownSID", "recvBadAcks",
    "recvOutOfOrder", "recvDuplicates", "recvDataDrops", "recvZLBs", "memoryFailures",
)  # fmt: skip
SESSION_STAT_NAMES = ("xmitPackets", "xmitOctets", "recvPackets", "recvOctets")
CONFIG = NgStruct(
    ("enabled", UINT8), ("match_id", UINT8), ("tunnel_id", HINT16), ("peer_id", HINT16), ("peer_win", UINT16),
    ("rexmit_max", UINT16), ("rexmit_max_to", UINT16),
)  # fmt: skip
SESSION = NgStruct(
    ("session_id", HINT16), ("peer_id", HINT16), ("control_dseq", UINT8), ("enable_dseq", UINT8), ("include_length", UINT8),
)  # fmt: skip
STATS = NgStruct(*((name, UINT32) for name in STAT_NAMES))
SESSION_STATS = NgStruct(*((name, UINT64) for name in SESSION_STAT_NAMES))
SEQ = NgStruct(("ns", UINT16), ("nr", UINT16))


def hex_id(name: str) -> int:
    """The number of a hook session_XXXX.  EINVAL."""
    digits = name.removeprefix(PREFIX)
    if digits == name or len(digits) != 4 or any(c not in HEXDIGITS for c in digits):
        raise KError(EINVAL)
    return int(digits, 16)


def seq_diff(x: int, y: int) -> int:
    """How far x is ahead of y."""
    return (x - y + 0x8000 & 0xFFFF) - 0x8000


class L2tpSession:
    """A session (struct ng_l2tp_hook_private)."""

    __slots__ = ("conf", "hook", "nr", "ns", "stats")

    def __init__(self, hook: NgHook, number: int) -> None:
        self.hook = hook
        self.conf = {"session_id": number, "peer_id": 0, "control_dseq": 1, "enable_dseq": 1, "include_length": 0}
        self.stats = dict.fromkeys(SESSION_STAT_NAMES, 0)
        self.ns = self.nr = 0


class Sequence:
    """The control channel (struct l2tp_seq)."""

    def __init__(self, node: L2tp) -> None:
        self.ns = self.nr = self.rack = self.xack = 0
        """The next to send and to receive; what was acknowledged in both directions."""
        self.cwnd, self.wmax = 1, 1
        self.ssth = self.wmax
        self.acks = self.rexmits = 0
        self.working = False
        """A message is being handed up."""
        self.window: list[bytes] = []
        """Sent and not acknowledged, and still to be sent."""
        clock = node.kernel.clock
        self.rack_timer, self.xack_timer = clock.callout(), clock.callout()

    def stop(self) -> None:
        """Without timers."""
        self.rack_timer.stop()
        self.xack_timer.stop()

    def reset(self) -> None:
        """ng_l2tp_seq_reset."""
        self.stop()
        self.ns = self.nr = self.rack = self.xack = 0
        self.wmax = self.ssth = MAX_WINDOW
        self.cwnd, self.acks, self.rexmits = 1, 0, 0
        self.window.clear()

    def grow(self, acked: int) -> None:
        """Slow start, then one more for each window that was acknowledged."""
        if self.cwnd >= self.wmax:
            return
        if self.cwnd < self.ssth:
            self.cwnd += acked
            acked = max(self.cwnd - self.ssth, 0)
            self.cwnd = min(self.cwnd, self.ssth)
        if self.cwnd >= self.ssth:
            self.acks += acked
            while self.acks >= self.cwnd:
                self.acks -= self.cwnd
                if self.cwnd < self.wmax:
                    self.cwnd += 1


class L2tp(LastHook, ngtype="l2tp", cookie=COOKIE):
    """The node: "ctrl" for control messages, "lower" for UDP, "session_XXXX" for PPP."""

    def __init__(self, vnet: Vnet) -> None:
        super().__init__(vnet)
        self.conf = {
            "enabled": 0, "match_id": 0, "tunnel_id": 0, "peer_id": 0, "peer_win": 1, "rexmit_max": MAX_REXMIT,
            "rexmit_max_to": MAX_REXMIT_TO,
        }  # fmt: skip
        self.stats = dict.fromkeys(STAT_NAMES, 0)
        self.seq = Sequence(self)
        self.ctrl: NgHook | None = None
        self.lower: NgHook | None = None
        self.owner = 0
        """Who is told that the peer does not answer."""

    def newhook(self, hook: NgHook, name: str) -> None:
        """Both ends, and sessions."""
        if name == "ctrl":
            if self.ctrl is not None:
                raise KError(EISCONN)
            self.ctrl, hook.rcvdata = hook, self._rcvdata_ctrl
        elif name == "lower":
            if self.lower is not None:
                raise KError(EISCONN)
            self.lower, hook.rcvdata = hook, self._rcvdata_lower
        else:
            hook.private = L2tpSession(hook, hex_id(name))

    def disconnect(self, hook: NgHook) -> None:
        """One less."""
        if hook is self.ctrl:
            self.ctrl = None
        elif hook is self.lower:
            self.lower = None
        super().disconnect(hook)

    def shutdown(self) -> bool:
        """Nothing is sent again."""
        self.seq.reset()
        return False

    def _session(self, number: int) -> L2tpSession | None:
        for hook in self.hooks:
            if hook.private is not None and hook.private.conf["session_id"] == number:
                found: L2tpSession = hook.private
                return found
        return None

    def _asked(self, number: int) -> L2tpSession:
        session = self._session(number & 0xFFFF)
        if session is None:
            raise KError(ENOENT)
        return session

    # messages --------------------------------------------------------------------------------------------------
    @ngmsg(1, "setconfig", arg=CONFIG)
    def setconfig(self, arg: dict[str, int], msg: NgMsg) -> None:
        """Begin or end; the numbers of a tunnel do not change once they are known."""
        arg["enabled"], arg["match_id"] = int(bool(arg["enabled"])), int(bool(arg["match_id"]))
        if self.conf["enabled"]:
            for name in ("tunnel_id", "peer_id"):
                if self.conf[name] and arg[name] != self.conf[name]:
                    raise KError(EBUSY)
        self.owner = msg.retaddr
        if arg["enabled"]:
            window = min(arg["peer_win"], MAX_WINDOW)
            if not window:
                raise KError(EINVAL)
            if window < self.seq.wmax:
                raise KError(EBUSY)
            self.seq.wmax = window
        else:
            self._reset()
        self.conf = arg

    def _reset(self) -> None:
        self.seq.reset()
        for hook in self.hooks:
            session: L2tpSession | None = hook.private
            if session is not None:
                session.conf["control_dseq"] = session.conf["enable_dseq"] = 0
                session.stats = dict.fromkeys(SESSION_STAT_NAMES, 0)
                session.ns = session.nr = 0

    @ngmsg(2, "getconfig", resp=CONFIG)
    def getconfig(self, arg: Any, msg: NgMsg) -> Any:
        """The settings."""
        return self.conf

    @ngmsg(3, "setsessconfig", arg=SESSION)
    def setsessconfig(self, arg: dict[str, int], msg: NgMsg) -> None:
        """Those of a session."""
        self._asked(arg["session_id"]).conf = arg

    @ngmsg(4, "getsessconfig", arg=HINT16, resp=SESSION)
    def getsessconfig(self, arg: int, msg: NgMsg) -> Any:
        """The same."""
        return self._asked(arg).conf

    @ngmsg(5, "getstats", resp=STATS)
    def getstats(self, arg: Any, msg: NgMsg) -> Any:
        """The counters."""
        return self.stats

    @ngmsg(6, "clrstats")
    def clrstats(self, arg: Any, msg: NgMsg) -> None:
        """Count anew."""
        self.stats = dict.fromkeys(STAT_NAMES, 0)

    @ngmsg(7, "getclrstats", resp=STATS)
    def getclrstats(self, arg: Any, msg: NgMsg) -> Any:
        """Both."""
        stats, self.stats = self.stats, dict.fromkeys(STAT_NAMES, 0)
        return stats

    @ngmsg(8, "getsessstats", arg=INT16, resp=SESSION_STATS)
    def getsessstats(self, arg: int, msg: NgMsg) -> Any:
        """The counters of a session."""
        return self._asked(arg).stats

    @ngmsg(9, "clrsessstats", arg=INT16)
    def clrsessstats(self, arg: int, msg: NgMsg) -> None:
        """Count anew."""
        self._asked(arg).stats = dict.fromkeys(SESSION_STAT_NAMES, 0)

    @ngmsg(10, "getclrsessstats", arg=INT16, resp=SESSION_STATS)
    def getclrsessstats(self, arg: int, msg: NgMsg) -> Any:
        """Both."""
        session = self._asked(arg)
        stats, session.stats = session.stats, dict.fromkeys(SESSION_STAT_NAMES, 0)
        return stats

    @ngmsg(ACK_FAILURE, "ackfailure")
    def ackfailure(self, arg: Any, msg: NgMsg) -> None:
        """It is sent, not received."""
        raise KError(EINVAL)

    @ngmsg(12, "setsequence", arg=SEQ, size=SEQ_SIZE)
    def setsequence(self, arg: Any, msg: NgMsg) -> None:
        """Where a tunnel that was taken over goes on.  The ASCII form is too short for it, so that one never works."""
        if self.conf["enabled"]:
            raise KError(EBUSY)
        ns, nr, rack, xack = Struct("!HHHH").unpack(msg.data)
        if xack != nr or ns != rack:
            raise KError(EINVAL)
        self.seq.ns, self.seq.nr, self.seq.rack, self.seq.xack = ns, nr, rack, xack

    # receiving -------------------------------------------------------------------------------------------------
    def _drop(self, counter: str, error: int) -> int:
        self.stats[counter] += 1
        return error

    def _rcvdata_lower(self, hook: NgHook, m: Mbuf) -> int:
        """ng_l2tp_rcvdata_lower."""
        if not self.conf["enabled"]:
            return ENXIO
        size = len(m)
        self.stats["recvPackets"] += 1
        self.stats["recvOctets"] += size
        if size < 6:
            return self._drop("recvRunts", EINVAL)
        data = m.bytes()
        flags = int.from_bytes(data[:2], "big")
        control = bool(flags & CTRL)
        if flags & ZEROS[control] or ~flags & ONES[control]:
            return self._drop("recvInvalid", EINVAL)
        if size < 6 + 2 * bool(flags & LENGTH) + 4 * bool(flags & SEQUENCE) + 2 * bool(flags & OFFSET):
            return self._drop("recvRunts", EINVAL)
        at = 2
        if flags & LENGTH:
            length = int.from_bytes(data[2:4], "big")
            if not 4 <= length <= size:
                return self._drop("recvInvalid", EINVAL)
            data, at = data[:length], 4
        tid, sid, ns, nr = (int.from_bytes(data[i : i + 2], "big") for i in range(at, at + 8, 2))
        at += 4
        if tid != self.conf["tunnel_id"] and (self.conf["match_id"] or tid):
            return self._drop("recvWrongTunnel", EADDRNOTAVAIL)
        session = None if control else self._session(sid)
        if not control and session is None:
            return self._drop("recvUnknownSID", ENOTCONN)
        at += 4 if flags & SEQUENCE else 0
        if flags & OFFSET:
            at += 2 + int.from_bytes(data[at : at + 2], "big")
            if at > len(data):
                return self._drop("recvInvalid", EINVAL)
        if session is None:
            return self._control(data[at:], sid, ns, nr)
        return self._data(session, data[at:], size, ns if flags & SEQUENCE else None)

    def _control(self, data: bytes, sid: int, ns: int, nr: int) -> int:
        """A control message: in order, or not at all."""
        seq = self.seq
        self._acked(nr)
        if not data:
            return self._drop("recvZLBs", 0)
        if ns != seq.nr or seq.working:
            self.stats["recvDuplicates" if seq_diff(ns, seq.nr) <= 0 else "recvOutOfOrder"] += 1
            self._xmit(None, seq.ns)
            return 0
        seq.working = True
        error = ng_send_data(self.ctrl, m_get(sid.to_bytes(2, "big") + data))
        seq.working = False
        if not error:
            seq.nr = seq.nr + 1 & 0xFFFF
            if not seq.xack_timer.pending:
                seq.xack_timer.reset(DELAYED_ACK, lambda: self._xmit(None, seq.ns))
        return error

    def _data(self, session: L2tpSession, data: bytes, size: int, ns: int | None) -> int:
        """A packet of a session; one that comes late is dropped."""
        conf = session.conf
        session.stats["recvPackets"] += 1
        session.stats["recvOctets"] += size
        if not conf["control_dseq"]:
            conf["enable_dseq"] = int(ns is not None)
        if ns is not None:
            if conf["enable_dseq"] and seq_diff(ns, session.nr) < 0:
                return self._drop("recvDataDrops", 0)
            session.nr = ns + 1 & 0xFFFF
        return ng_send_data(session.hook, m_get(data)) if data else 0

    # sending ---------------------------------------------------------------------------------------------------
    def _rcvdata_ctrl(self, hook: NgHook, m: Mbuf) -> int:
        """ng_l2tp_rcvdata_ctrl: the number of a session, then a message for the peer."""
        seq = self.seq
        if not self.conf["enabled"]:
            return ENXIO
        if len(m) < 2:
            return self._drop("xmitInvalid", EINVAL)
        if len(m) >= 0x10000 - 14:
            return self._drop("xmitTooBig", EOVERFLOW)
        place = len(seq.window)
        if place == MAX_WINDOW:
            return self._drop("xmitDrops", ENOBUFS)
        seq.window.append(m.bytes())
        if place >= seq.cwnd:
            return 0
        if not seq.rack_timer.pending:
            seq.rack_timer.reset(SECOND, self._rack_timeout)
        ns, seq.ns = seq.ns, seq.ns + 1 & 0xFFFF
        return self._xmit(seq.window[-1], ns)

    def rcvdata(self, hook: NgHook, m: Mbuf) -> int:
        """A packet of a session for the peer."""
        if not self.conf["enabled"]:
            return ENXIO
        if len(m) >= 0x10000 - 12:
            return self._drop("xmitDataTooBig", EOVERFLOW)
        session: L2tpSession = hook.private
        conf = session.conf
        flags, length, sequence = VERSION, b"", b""
        if conf["enable_dseq"]:
            flags |= SEQUENCE
            sequence = session.ns.to_bytes(2, "big") + session.nr.to_bytes(2, "big")
            session.ns = session.ns + 1 & 0xFFFF
        if conf["include_length"]:
            flags |= LENGTH
            length = (len(m) + 8 + len(sequence)).to_bytes(2, "big")
        ids = self.conf["peer_id"].to_bytes(2, "big") + conf["peer_id"].to_bytes(2, "big")
        m.prepend(flags.to_bytes(2, "big") + length + ids + sequence)
        for stats in (session.stats, self.stats):
            stats["xmitPackets"] += 1
            stats["xmitOctets"] += len(m)
        return ng_send_data(self.lower, m)

    def _xmit(self, message: bytes | None, ns: int) -> int:
        """ng_l2tp_xmit_ctrl: a message, or nothing but an acknowledgement."""
        seq = self.seq
        seq.xack_timer.stop()
        seq.xack = seq.nr
        if message is None:
            self.stats["xmitZLBs"] += 1
            message = b"\0\0"
        size = CONTROL_HEADER.size + len(message) - 2
        flags = CTRL | LENGTH | SEQUENCE | VERSION
        head = CONTROL_HEADER.pack(flags, size, self.conf["peer_id"], int.from_bytes(message[:2], "big"), ns, seq.nr)
        self.stats["xmitPackets"] += 1
        self.stats["xmitOctets"] += size
        return ng_send_data(self.lower, m_get(head + message[2:]))

    def _acked(self, nr: int) -> None:
        """ng_l2tp_seq_recv_nr: the peer says what it has; send more."""
        seq = self.seq
        acked = seq_diff(nr, seq.rack)
        if acked <= 0:
            return
        if seq_diff(nr, seq.ns) > 0:
            self.stats["recvBadAcks"] += 1
            return
        seq.rack, seq.rexmits = nr, 0
        del seq.window[:acked]
        seq.grow(acked)
        seq.rack_timer.stop()
        if not seq.window:
            return
        seq.rack_timer.reset(SECOND, self._rack_timeout)
        while (place := seq_diff(seq.ns, seq.rack)) < min(seq.cwnd, len(seq.window)):
            ns, seq.ns = seq.ns, seq.ns + 1 & 0xFFFF
            self._xmit(seq.window[place], ns)

    def _rack_timeout(self) -> None:
        """ng_l2tp_seq_rack_timeout: send again, more and more slowly."""
        seq = self.seq
        if not seq.window:
            return
        self.stats["xmitRetransmits"] += 1
        if seq.rexmits >= self.conf["rexmit_max"]:
            ng_send_msg_id(self, self.owner, NgMsg(COOKIE, ACK_FAILURE))
        seq.rexmits += 1
        delay = min(1 << min(seq.rexmits, 12), self.conf["rexmit_max_to"])
        seq.rack_timer.reset(max(delay * SECOND, TICK), self._rack_timeout)
        seq.ns = seq.rack
        seq.ssth = (seq.cwnd + 1) // 2
        seq.cwnd, seq.acks = 1, 0
        ns, seq.ns = seq.ns, seq.ns + 1 & 0xFFFF
        self._xmit(seq.window[0], ns)
