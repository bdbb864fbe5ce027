"""NewReno, the classic congestion control (RFC 6582, netinet/cc/cc_newreno.c, cc_newreno(4))."""

from __future__ import annotations

from vshell.kernel.kern.module import Kld
from vshell.kernel.netinet.cc import CC_ACK, CC_ECN, CC_NDUPACK, CC_RTO, CcAlgo, CcModule

KLD = Kld(modules=("cc_newreno",), size=0x2000)


class Newreno(CcAlgo):
    """The state of a connection, of which there is none."""

    name = "newreno"
    __slots__ = ()

    def ack_received(self, kind: int, acked: int) -> None:
        """newreno_ack_received."""
        tp = self.tp
        if kind != CC_ACK or tp.fastrecovery or tp.congrecovery or not self.cwnd_limited():
            return
        if tp.snd_cwnd > tp.snd_ssthresh:
            tp.snd_cwnd = self.avoidance(acked)
        else:
            tp.bytes_acked = 0
            self.slow_start(acked)

    def cong_signal(self, kind: int) -> None:
        """newreno_cong_signal."""
        tp = self.tp
        mss = tp.fixed_maxseg()
        if kind == CC_NDUPACK:
            if not tp.fastrecovery:
                if not tp.congrecovery:
                    tp.snd_ssthresh = self.decreased(mss)
                tp.fastrecovery = tp.congrecovery = True
        elif kind == CC_ECN:
            if not tp.congrecovery:
                tp.snd_ssthresh = tp.snd_cwnd = self.decreased(mss)
                tp.congrecovery = True
        elif kind == CC_RTO:
            if tp.rxtshift == 1:
                tp.snd_ssthresh = max(min(tp.snd_wnd, tp.compute_pipe()) // 2 // mss, 2) * mss
            tp.snd_cwnd = mss


class CcNewreno(CcModule):
    """The file."""

    algo = Newreno
