"""Congestion control: what an algorithm answers, and where TCP asks it (netinet/cc/cc.c, cc_module.h, mod_cc(4)).

An algorithm is a file cc_NAME with a module whose `algo` is a subclass of CcAlgo; `net.inet.tcp.cc.algorithm` chooses the
one of new connections, TCP_CONGESTION that of one connection.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from vshell.abi.errno import ESRCH, KError
from vshell.kernel.kern.module import SI_SUB_PROTO_DOMAIN, KernelModule, Sysctl, VnetModule, sysctl_proc
from vshell.kernel.netinet.tcp_var import TCP_MAXWIN, Tcp, Tcpcb

if TYPE_CHECKING:
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.kern.kernel import Kernel

CC_ACK, CC_DUPACK, CC_PARTIALACK = 1, 2, 4
"""What kind of acknowledgement came."""
CC_ECN, CC_RTO, CC_RTO_ERR, CC_NDUPACK = 1, 2, 4, 0x100
"""Signs of congestion: a mark, a timeout, a timeout that was none, duplicate acknowledgements."""
BETA = 50
"""What NewReno keeps of its window after a loss, in per cent."""


class CcModule(KernelModule, sub=SI_SUB_PROTO_DOMAIN):
    """A file with an algorithm."""

    algo: ClassVar[type[CcAlgo]]


class CcSettings(VnetModule, sub=SI_SUB_PROTO_DOMAIN):
    """What a stack chooses."""

    algorithm = "cubic"
    abc_l_var = Sysctl(
        "net.inet.tcp.abc_l_var", 2, "Cap the max cwnd increment during slow-start to this number of segments", minimum=1
    )
    rfc3465 = Sysctl("net.inet.tcp.rfc3465", 1, "Enable RFC 3465 (Appropriate Byte Counting)")
    newcwv = Sysctl("net.inet.tcp.newcwv", 0, "Enable New Congestion Window Validation per RFC7661")

    @sysctl_proc("net.inet.tcp.cc.algorithm", "Default congestion control algorithm", fmt="string")
    def _algorithm(self, td: Proc, new: Any) -> Any:
        if new is not None:
            if new not in cc_algos(self.vnet.kernel):
                raise KError(ESRCH)
            self.algorithm = new
        return self.algorithm

    @sysctl_proc("net.inet.tcp.cc.available", "List available congestion control algorithms", flags="r", fmt="string")
    def _available(self, td: Proc, new: Any) -> Any:
        kernel = self.vnet.kernel
        lines = ["", f"{'CCmod':<16}D {'PCB count':<32}".rstrip()]
        for name in cc_algos(kernel):
            count = sum(inp.ppcb.cc.name == name for vnet in kernel.vnets for inp in vnet[Tcp].info.pcbs)
            lines.append(f"{name:<16}{'*' if name == self.algorithm else ' '} {count}")
        return "\n".join(lines) + "\n"


def cc_algos(kernel: Kernel) -> dict[str, type[CcAlgo]]:
    """The algorithms in the kernel, by name."""
    return {cls.algo.name: cls.algo for cls in kernel if issubclass(cls, CcModule) and cls is not CcModule}


def cc_attach(tp: Tcpcb, name: str = "") -> None:
    """Give a connection an algorithm, that of the stack unless one is named.  ESRCH."""
    algos = cc_algos(tp.vnet.kernel)
    wanted = name or tp.vnet[CcSettings].algorithm
    if name and name not in algos:
        raise KError(ESRCH)
    tp.cc = algos.get(wanted, next(iter(algos.values())))(tp)


class CcAlgo:
    """One connection's congestion control; in itself, what the algorithms have in common: NewReno's ways."""

    name: ClassVar[str] = ""
    __slots__ = ("settings", "tp")

    def __init__(self, tp: Tcpcb) -> None:
        self.tp = tp
        self.settings = tp.vnet[CcSettings]

    def conn_init(self) -> None:
        """The connection is established."""

    def ack_received(self, kind: int, acked: int) -> None:
        """An acknowledgement came, for `acked` bytes."""

    def cong_signal(self, kind: int) -> None:
        """The network is congested."""

    def post_recovery(self, ack: int) -> None:
        """Recovery from a loss is over."""
        tp = self.tp
        if tp.fastrecovery:
            pipe = tp.compute_pipe()
            mss = tp.fixed_maxseg()
            tp.snd_cwnd = max(pipe, mss) + mss if pipe < tp.snd_ssthresh else tp.snd_ssthresh

    def after_idle(self) -> None:
        """Nothing was sent for so long that the window says nothing any more (RFC 5681, 4.1)."""
        tp = self.tp
        tp.snd_ssthresh = max(tp.snd_ssthresh, tp.snd_cwnd - (tp.snd_cwnd >> 2))
        tp.snd_cwnd = min(tp.compute_initwnd(tp.fixed_maxseg()), tp.snd_cwnd)

    def cwnd_limited(self) -> bool:
        """True if the congestion window is what holds the sender back, or may soon be (CCF_CWND_LIMITED)."""
        tp = self.tp
        if tp.snd_cwnd > tp.snd_wnd:
            return False
        return not self.settings.newcwv or tp.snd_cwnd < 2 * tp.compute_pipe()

    def slow_start(self, acked: int) -> None:
        """The window grows by what is acknowledged (RFC 3465), after a timeout by one segment at most."""
        tp, mss = self.tp, self.tp.fixed_maxseg()
        most = self.settings.abc_l_var * mss if tp.snd_nxt == tp.snd_max and self.settings.rfc3465 else mss
        tp.snd_cwnd = min(tp.snd_cwnd + min(acked, most), TCP_MAXWIN << tp.snd_scale)

    def avoidance(self, acked: int) -> int:
        """What NewReno's window would be now: one segment more each time a window's worth is acknowledged."""
        tp, mss = self.tp, self.tp.fixed_maxseg()
        if not self.settings.rfc3465:
            return tp.snd_cwnd + max(mss * mss // tp.snd_cwnd, 1)
        tp.bytes_acked += acked
        if tp.bytes_acked < tp.snd_cwnd:
            return tp.snd_cwnd
        tp.bytes_acked -= tp.snd_cwnd
        return tp.snd_cwnd + mss

    def decreased(self, mss: int) -> int:
        """NewReno's window after a loss."""
        return max(self.tp.snd_cwnd * BETA // (100 * mss), 2) * mss


def cc_cong_signal(tp: Tcpcb, kind: int, ack: int = 0) -> None:
    """Tell the algorithm of congestion, after what is the same for all."""
    if kind == CC_NDUPACK:
        if not tp.fastrecovery:
            tp.snd_recover = tp.snd_max
            tp.ecn_snd_cwr = tp.ecn_snd_cwr or tp.ecn_permit
    elif kind == CC_ECN:
        if not tp.congrecovery or ack >= tp.snd_recover:
            tp.congrecovery = False
            tp.tcp.stat.ecn_rcwnd += 1
            tp.snd_recover = tp.snd_max + 1
            tp.ecn_snd_cwr = tp.ecn_snd_cwr or tp.ecn_permit
    elif kind == CC_RTO:
        tp.dupacks = tp.bytes_acked = 0
        tp.fastrecovery = tp.congrecovery = False
        tp.ecn_snd_cwr = tp.ecn_snd_cwr or tp.ecn_permit
    elif kind == CC_RTO_ERR:
        tp.tcp.stat.sndrexmitbad += 1
        tp.snd_cwnd, tp.snd_ssthresh, tp.snd_recover, tp.fastrecovery, tp.congrecovery = tp.undo
        tp.snd_nxt = tp.snd_max
        tp.prevvalid = False
        tp.rxtshift = tp.badrxtwin = 0
    tp.cc.cong_signal(kind)


def cc_post_recovery(tp: Tcpcb, ack: int) -> None:
    """All that was under way when the loss was seen has arrived."""
    tp.cc.post_recovery(ack)
    tp.fastrecovery = tp.congrecovery = False
    tp.bytes_acked = tp.delivered = tp.prr_delivered = tp.prr_out = 0
