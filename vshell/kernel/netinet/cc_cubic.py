"""CUBIC, the default congestion control (RFC 9438, netinet/cc/cc_cubic.c, cc_cubic(4)).

After a loss the window grows along C * (t - K)^3 + W_max: fast at first, slowly near the size at which the loss came, and
fast again beyond.  Times are in milliseconds, windows in bytes; only whole numbers are used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.kernel.netinet.cc import CC_ACK, CC_ECN, CC_NDUPACK, CC_RTO, CC_RTO_ERR, CcAlgo, CcModule
from vshell.kernel.netinet.tcp_var import TCP_RTT_SHIFT

if TYPE_CHECKING:
    from vshell.kernel.netinet.tcp_var import Tcpcb

BETA = 7, 10
"""beta_cubic, what is kept of a window after a loss."""
CONVERGE = 17, 20
"""(1 + beta) / 2: a window that shrinks again makes room for others (RFC 9438, 4.7)."""
MIN_RTT_SAMPLES = 8
UNSET = 1 << 32


def cube_root(number: int) -> int:
    """The whole part of a cube root."""
    root = 1 << -(-number.bit_length() // 3)
    while True:
        better = (2 * root + number // (root * root)) // 3
        if better >= root:
            return root
        root = better


class Cubic(CcAlgo):
    """The state of a connection (struct cubic)."""

    name = "cubic"
    __slots__ = ("cwnd_epoch", "fresh", "friendly", "k", "min_rtt", "rtt_count", "rtt_mean", "rtt_sum", "t_epoch", "timeout",
                 "undo", "w_max")  # fmt: skip

    def __init__(self, tp: Tcpcb) -> None:
        super().__init__(tp)
        self.t_epoch = self.cwnd_epoch = self.k = self.w_max = 0
        self.min_rtt = self.rtt_sum = self.rtt_count = 0
        self.rtt_mean = 1
        self.fresh = self.timeout = self.friendly = False
        """The curve has to begin anew; because of a timeout; NewReno's window is the larger one."""
        self.undo = (0, 0, 0, 0)

    def conn_init(self) -> None:
        """Until there was a loss, no window is too large."""
        self.w_max = UNSET

    def ack_received(self, kind: int, acked: int) -> None:
        """cubic_ack_received."""
        tp = self.tp
        self._record_rtt()
        if kind != CC_ACK or tp.fastrecovery or tp.congrecovery:
            return
        if not self.cwnd_limited():
            self.fresh = True
        elif tp.snd_cwnd <= tp.snd_ssthresh or not self.min_rtt:
            self.fresh = True
            tp.bytes_acked = 0
            self.slow_start(acked)
        else:
            self._avoid(acked)

    def _avoid(self, acked: int) -> None:
        tp, cwnd, mss = self.tp, self.tp.snd_cwnd, self.tp.fixed_maxseg()
        now = tp.ticks()
        if self.fresh:
            self.fresh = False
            self.t_epoch, self.cwnd_epoch = now, cwnd
            self.k = self._k(mss)
            if self.timeout:
                self.timeout, self.w_max, self.k = False, cwnd, 0
        friend = self.avoidance(acked)
        curve = self._window(now - self.t_epoch + self.rtt_mean, mss)
        self.friendly = curve < friend
        if self.friendly:
            tp.snd_cwnd = friend
        else:
            target = min(max(curve, cwnd), cwnd * 3 // 2)
            tp.snd_cwnd = cwnd + (target - cwnd) * mss // cwnd

    def _k(self, mss: int) -> int:
        """How long the window takes to W_max."""
        less = self.w_max - self.cwnd_epoch
        return cube_root(less * 5 * 10**8 // mss * 5) if less > 0 else 0

    def _window(self, elapsed: int, mss: int) -> int:
        away = elapsed - self.k
        return max(self.w_max + 4 * mss * away**3 // 10**10, 0)

    def cong_signal(self, kind: int) -> None:
        """cubic_cong_signal."""
        tp, mss = self.tp, self.tp.fixed_maxseg()
        if kind == CC_NDUPACK:
            if not tp.fastrecovery:
                if not tp.congrecovery:
                    tp.snd_ssthresh = max(self._ssthresh(mss), 2 * mss)
                    self.fresh = True
                tp.fastrecovery = tp.congrecovery = True
        elif kind == CC_ECN:
            if not tp.congrecovery:
                ssthresh = self._ssthresh(mss)
                tp.snd_ssthresh, tp.snd_cwnd = max(ssthresh, 2 * mss), max(ssthresh, mss)
                self.fresh = tp.congrecovery = True
        elif kind == CC_RTO:
            if tp.rxtshift == 1:
                self.undo = self.t_epoch, self.cwnd_epoch, self.w_max, self.k
                pipe = min(tp.snd_wnd, tp.compute_pipe())
                tp.snd_ssthresh = max(pipe * BETA[0] // BETA[1] // mss, 2) * mss
            self.timeout = self.fresh = True
            tp.snd_cwnd = mss
        elif kind == CC_RTO_ERR:
            self.timeout = False
            self.t_epoch, self.cwnd_epoch, self.w_max, self.k = self.undo

    def _ssthresh(self, mss: int) -> int:
        tp = self.tp
        cwnd = tp.snd_cwnd
        self.w_max = cwnd * CONVERGE[0] // CONVERGE[1] if cwnd < self.w_max else cwnd
        return self.decreased(mss) if self.friendly else tp.compute_pipe() * BETA[0] // BETA[1]

    def post_recovery(self, ack: int) -> None:
        """cubic_post_recovery."""
        tp, mss = self.tp, self.tp.fixed_maxseg()
        if tp.fastrecovery:
            pipe = tp.compute_pipe()
            few = pipe < tp.snd_ssthresh
            tp.snd_cwnd = max(pipe, mss) + mss if few else max(self.w_max * BETA[0] // BETA[1], 2 * mss)
        if self.rtt_count and self.rtt_sum >= self.rtt_count:
            self.rtt_mean = self.rtt_sum // self.rtt_count
        self.rtt_count = self.rtt_sum = 0

    def after_idle(self) -> None:
        """cubic_after_idle."""
        tp = self.tp
        self.w_max = max(self.w_max, tp.snd_cwnd)
        self.k = self._k(tp.fixed_maxseg())
        super().after_idle()
        self.t_epoch = tp.ticks()

    def _record_rtt(self) -> None:
        tp = self.tp
        if tp.rttupdated < MIN_RTT_SAMPLES:
            return
        rtt = max(tp.srtt >> TCP_RTT_SHIFT, 1)
        if not self.min_rtt or rtt < self.min_rtt:
            self.min_rtt = rtt
            self.rtt_mean = max(self.rtt_mean, rtt)
        self.rtt_sum += rtt
        self.rtt_count += 1


class CcCubic(CcModule):
    """The file."""

    algo = Cubic
