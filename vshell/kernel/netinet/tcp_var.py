"""The state of TCP: settings and counters of a stack, and one connection's control block (netinet/tcp_var.h)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.tcp import TCPS_CLOSED, Tcpstat, Xtcpcb
from vshell.kernel.kern.clock import MS
from vshell.kernel.kern.module import SI_SUB_PROTO_DOMAIN, KernelModule, Sysctl, VnetModule, sysctl_proc
from vshell.kernel.netinet.counters import Counters
from vshell.kernel.netinet.in_pcb import Inpcbinfo, cr_canseeinpcb, in_pcbtoxinpcb

if TYPE_CHECKING:
    from vshell.kernel.kern.clock import Callout
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.kern.uipc_socket import Socket
    from vshell.kernel.net.vnet import Vnet
    from vshell.kernel.netinet.in_pcb import Inpcb
    from vshell.kernel.netinet.tcp_syncache import Syncache

TCP_MAXWIN = 65535
SB_MAX = 8 * 1024 * 1024
TCP_RTT_SHIFT, TCP_RTTVAR_SHIFT, TCP_DELTA_SHIFT = 5, 4, 2
TCP_MAXRXTSHIFT = 12
TCP_BACKOFF = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 512, 512, 512)
TT_DELACK, TT_REXMT, TT_PERSIST, TT_KEEP, TT_2MSL = range(5)
MASK = 0xFFFFFFFF


class Tcp(VnetModule, sub=SI_SUB_PROTO_DOMAIN):
    """TCP in one stack."""

    rfc1323 = Sysctl("net.inet.tcp.rfc1323", 1, "Enable rfc1323 (high performance TCP) extensions")
    mssdflt = Sysctl("net.inet.tcp.mssdflt", 536, "Default TCP Maximum Segment Size")
    v6mssdflt = Sysctl("net.inet.tcp.v6mssdflt", 1220, "Default TCP Maximum Segment Size for IPv6")
    minmss = Sysctl("net.inet.tcp.minmss", 216, "Minimum TCP Maximum Segment Size")
    sendspace = Sysctl("net.inet.tcp.sendspace", 32768, "Initial send socket buffer size")
    recvspace = Sysctl("net.inet.tcp.recvspace", 65536, "Initial receive socket buffer size")
    retries = Sysctl("net.inet.tcp.retries", 12, "maximum number of consecutive timer based retransmissions")
    always_keepalive = Sysctl("net.inet.tcp.always_keepalive", 1, "Assume SO_KEEPALIVE on all TCP connections")
    msl_local = Sysctl("net.inet.tcp.msl_local", 10, "Maximum segment lifetime for local communication", minimum=1)
    msl = Sysctl("net.inet.tcp.msl", 30000, "Maximum segment lifetime", minimum=1)
    nolocaltimewait = Sysctl(
        "net.inet.tcp.nolocaltimewait", 0, "Do not create TCP TIME_WAIT state for local connections", fmt="uint8_t"
    )
    icmp_may_rst = Sysctl("net.inet.tcp.icmp_may_rst", 1, "Certain ICMP unreachable messages may abort connections in SYN_SENT")
    tolerate_missing_ts = Sysctl("net.inet.tcp.tolerate_missing_ts", 1, "Tolerate missing TCP timestamps")
    do_sack = Sysctl("net.inet.tcp.sack.enable", 1, "Enable/Disable TCP SACK support")
    path_mtu_discovery = Sysctl("net.inet.tcp.path_mtu_discovery", 1, "Enable Path MTU Discovery")
    insecure_ack = Sysctl("net.inet.tcp.insecure_ack", 0, "Follow RFC793 criteria for validating SEG.ACK")
    insecure_rst = Sysctl("net.inet.tcp.insecure_rst", 0, "Follow RFC793 instead of RFC5961 criteria for accepting RST packets")
    insecure_syn = Sysctl("net.inet.tcp.insecure_syn", 0, "Follow RFC793 instead of RFC5961 criteria for accepting SYN packets")
    initcwnd_segments = Sysctl(
        "net.inet.tcp.initcwnd_segments", 10, "Slow-start flight size (initial congestion window) in number of segments"
    )
    drop_synfin = Sysctl("net.inet.tcp.drop_synfin", 0, "Drop TCP packets with SYN+FIN set")
    delayed_ack = Sysctl("net.inet.tcp.delayed_ack", 1, "Delay ACK to try and piggyback it onto a data packet")
    blackhole = Sysctl("net.inet.tcp.blackhole", 0, "Do not send RST on segments to closed ports")
    blackhole_local = Sysctl(
        "net.inet.tcp.blackhole_local", 0, "Enforce net.inet.tcp.blackhole for locally originated packets", fmt="uint8_t"
    )
    bind_all_fibs = Sysctl("net.inet.tcp.bind_all_fibs", 1, "Bound sockets receive traffic from all FIBs", flags="t")
    log_in_vain = Sysctl("net.inet.tcp.log_in_vain", 0, "Log all incoming TCP segments to closed ports")

    def __init__(self, vnet: Vnet) -> None:
        super().__init__(vnet)
        self.stat = Counters(Tcpstat)
        self.info = Inpcbinfo(vnet)
        self.states = [0] * 11
        self.syncache: dict[tuple[bytes, int, bytes, int], Syncache] = {}

    @sysctl_proc("net.inet.tcp.stats", "TCP statistics (struct tcpstat, netinet/tcp_var.h)", fmt="opaque")
    def _stats(self, td: Proc, new: Any) -> Any:
        return self.stat.sysctl(new)

    @sysctl_proc("net.inet.tcp.states", "TCP connection counts by TCP state", flags="r", fmt="uint64_t")
    def _states(self, td: Proc, new: Any) -> Any:
        return tuple(self.states)

    @sysctl_proc("net.inet.tcp.pcbcount", "Number of active PCBs", flags="r", fmt="unsigned integer")
    def _pcbcount(self, td: Proc, new: Any) -> Any:
        return len(self.info.pcbs)

    @sysctl_proc("net.inet.tcp.pcblist", "List of active TCP connections", flags="r", fmt="opaque")
    def _pcblist(self, td: Proc, new: Any) -> Any:
        half = [sc.xinpcb() for sc in self.syncache.values()]
        return (
            *half,
            *(in_pcbtoxinpcb(inp, inp.ppcb.xtcpcb()) for inp in self.info.pcbs if cr_canseeinpcb(td.ucred, inp)),
        )

    def destroy(self) -> None:
        """The stack goes: nothing may fire any more."""
        for inp in self.info.pcbs:
            inp.ppcb.stop_timers()
        for sc in self.syncache.values():
            sc.timer.stop()


class TcpGlobal(KernelModule, sub=SI_SUB_PROTO_DOMAIN):
    """What all stacks share; times in ms."""

    keepidle = Sysctl("net.inet.tcp.keepidle", 7200000, "time before keepalive probes begin", minimum=1)
    keepintvl = Sysctl("net.inet.tcp.keepintvl", 75000, "time between keepalive probes", minimum=1)
    keepinit = Sysctl("net.inet.tcp.keepinit", 75000, "time to establish connection", minimum=1)
    keepcnt = Sysctl("net.inet.tcp.keepcnt", 8, "Number of keepalive probes to send")
    delacktime = Sysctl("net.inet.tcp.delacktime", 40, "Time before a delayed ACK is sent", minimum=1)
    finwait2_timeout = Sysctl("net.inet.tcp.finwait2_timeout", 60000, "FIN-WAIT2 timeout", minimum=1)
    fast_finwait2_recycle = Sysctl("net.inet.tcp.fast_finwait2_recycle", 0, "Recycle closed FIN_WAIT_2 connections faster")
    rexmit_initial = Sysctl("net.inet.tcp.rexmit_initial", 1000, "Initial Retransmission Timeout", minimum=1)
    rexmit_min = Sysctl("net.inet.tcp.rexmit_min", 30, "Minimum Retransmission Timeout", minimum=1)
    rexmit_max = Sysctl("net.inet.tcp.rexmit_max", 64000, "Maximum Retransmission Timeout", minimum=1)
    rexmit_drop_options = Sysctl("net.inet.tcp.rexmit_drop_options", 0, "Drop TCP options from 3rd and later retransmitted SYN")

    def maxidle(self) -> int:
        """TP_MAXIDLE."""
        return self.keepcnt * self.keepintvl


class Tcpcb:
    """struct tcpcb.  Sequence numbers grow without end; only on the wire they are cut to 32 bits."""

    __slots__ = (
        "acknow", "badrxtwin", "closed", "cwnd_prev", "delack", "dropped", "dupacks", "fastrecovery", "forcedata", "inp",
        "irs", "iss", "last_ack_sent", "max_sndwnd", "maxseg", "needfin", "needsyn", "nodelay", "noopt", "nopush", "prevvalid",
        "rcv_adv", "rcv_nxt", "rcv_scale", "rcv_wnd", "rcvd_scale", "rcvd_tstmp", "rcvoopack", "rcvtime", "reass", "req_scale",
        "req_tstmp", "request_r_scale", "rtseq", "rttmin", "rtttime", "rttvar", "rxtcur", "rxtshift", "rxwin0sent",
        "sack_permit", "sentfin", "snd_cwnd", "snd_max", "snd_nxt", "snd_recover", "snd_scale", "snd_ssthresh", "snd_una",
        "snd_wl1", "snd_wl2", "snd_wnd", "sndrexmitpack", "sndzerowin", "so", "softerror", "sonotconn", "srtt",
        "ssthresh_prev", "state", "tcp", "timers", "ts_offset", "ts_recent", "ts_recent_age", "vnet",
    )  # fmt: skip

    def __init__(self, inp: Inpcb) -> None:
        self.inp = inp
        self.so: Socket = inp.so
        self.vnet: Vnet = inp.info.vnet
        self.tcp: Tcp = self.vnet[Tcp]
        shared = self.vnet.kernel[TcpGlobal]
        self.state = TCPS_CLOSED
        self.tcp.states[TCPS_CLOSED] += 1
        self.maxseg: int = self.tcp.mssdflt if len(inp.laddr) == 4 else self.tcp.v6mssdflt
        self.req_scale = self.tcp.rfc1323 not in (0, 3)
        self.req_tstmp = self.tcp.rfc1323 not in (0, 2)
        self.sack_permit = bool(self.tcp.do_sack)
        self.rcvd_scale = self.rcvd_tstmp = False
        self.iss = self.irs = 0
        self.snd_una = self.snd_nxt = self.snd_max = self.snd_recover = 0
        self.snd_wl1 = self.snd_wl2 = self.snd_wnd = self.max_sndwnd = 0
        self.snd_cwnd = self.snd_ssthresh = self.cwnd_prev = self.ssthresh_prev = TCP_MAXWIN << 14
        self.rcv_nxt = self.rcv_adv = self.rcv_wnd = self.last_ack_sent = 0
        self.snd_scale = self.rcv_scale = self.request_r_scale = 0
        self.ts_recent = self.ts_recent_age = self.ts_offset = 0
        self.srtt = 0
        self.rttvar: int = (shared.rexmit_initial << TCP_RTTVAR_SHIFT) // 4
        self.rttmin: int = shared.rexmit_min
        self.rxtcur: int = shared.rexmit_initial
        self.rxtshift = self.rtttime = self.rtseq = self.badrxtwin = 0
        self.dupacks = self.softerror = 0
        self.sndrexmitpack = self.rcvoopack = self.sndzerowin = 0
        self.acknow = self.delack = self.nodelay = self.nopush = self.noopt = self.sentfin = self.needfin = self.needsyn = False
        self.forcedata = self.closed = self.sonotconn = self.fastrecovery = self.rxwin0sent = self.prevvalid = False
        self.dropped = False
        """INP_DROPPED: the connection is over, only the socket still holds on to this."""
        self.reass: list[tuple[int, bytes, bool]] = []
        """Segments that came too early: (sequence, data, FIN), in order."""
        self.timers: list[Callout | None] = [None] * 5
        self.rcvtime = self.ticks()

    def ticks(self) -> int:
        """The clock TCP counts in: ms."""
        return int(self.vnet.kernel.clock.now // MS)

    def shared(self) -> TcpGlobal:
        """Settings of all stacks."""
        shared: TcpGlobal = self.vnet.kernel[TcpGlobal]
        return shared

    def set_state(self, state: int) -> None:
        """tcp_state_change."""
        self.tcp.states[self.state] -= 1
        self.tcp.states[state] += 1
        self.state = state

    def stop_timers(self) -> None:
        """tcp_timer_stop."""
        for timer in self.timers:
            if timer is not None:
                timer.stop()

    def active(self, which: int) -> bool:
        """tcp_timer_active."""
        timer = self.timers[which]
        return timer is not None and timer.pending

    def stop(self, which: int) -> None:
        """Disarm a timer."""
        timer = self.timers[which]
        if timer is not None:
            timer.stop()

    def _remaining(self, which: int) -> int:
        timer = self.timers[which]
        if timer is None or not timer.pending:
            return 0
        return int((timer.when - self.vnet.kernel.clock.now) // MS)

    def xtcpcb(self) -> Xtcpcb:
        """tcp_inptoxtp."""
        left = self._remaining
        return Xtcpcb(
            self.state, self.sndrexmitpack, self.rcvoopack, self.sndzerowin, self.maxseg, left(TT_REXMT), left(TT_PERSIST),
            left(TT_KEEP), left(TT_2MSL), left(TT_DELACK), self.ticks() - self.rcvtime, snd_cwnd=self.snd_cwnd,
            snd_ssthresh=self.snd_ssthresh,
        )  # fmt: skip


def unwrap(number: int, near: int) -> int:
    """The sequence number of the wire that is nearest to one of ours."""
    return near + ((number - near + 0x80000000) & MASK) - 0x80000000


def tstmp_lt(one: int, two: int) -> bool:
    """TSTMP_LT."""
    return (one - two) & MASK >= 0x80000000
