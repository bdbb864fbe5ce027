"""The state of TCP: settings and counters of a stack, and one connection's control block (netinet/tcp_var.h)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.tcp import TCPS_CLOSED, TCPS_ESTABLISHED, Tcpstat, Xtcpcb
from vshell.kernel.kern.clock import MS
from vshell.kernel.kern.module import SI_SUB_PROTO_DOMAIN, KernelModule, Sysctl, VnetModule, sysctl_proc
from vshell.kernel.netinet.counters import Counters
from vshell.kernel.netinet.in_pcb import Inpcbinfo, cr_canseeinpcb, in_pcbtoxinpcb

if TYPE_CHECKING:
    from vshell.kernel.kern.clock import Callout
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.kern.uipc_socket import Socket
    from vshell.kernel.net.vnet import Vnet
    from vshell.kernel.netinet.cc import CcAlgo
    from vshell.kernel.netinet.in_pcb import Inpcb
    from vshell.kernel.netinet.tcp_sack import Hole
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
    sack_maxholes = Sysctl("net.inet.tcp.sack.maxholes", 128, "Maximum number of TCP SACK holes allowed per connection")
    sack_globalmaxholes = Sysctl("net.inet.tcp.sack.globalmaxholes", 65536, "Global maximum number of TCP SACK holes")
    sack_globalholes = Sysctl(
        "net.inet.tcp.sack.globalholes", 0, "Global number of TCP SACK holes currently allocated", flags="r"
    )
    sack_lrd = Sysctl("net.inet.tcp.sack.lrd", 1, "Perform Lost Retransmission Detection")
    newsack = Sysctl("net.inet.tcp.sack.revised", 1, "Use revised SACK loss recovery per RFC 6675")
    rfc3042 = Sysctl("net.inet.tcp.rfc3042", 1, "Enable RFC 3042 (Limited Transmit)")
    rfc3390 = Sysctl("net.inet.tcp.rfc3390", 1, "Enable RFC 3390 (Increasing TCP's Initial Congestion Window)")
    do_prr = Sysctl("net.inet.tcp.do_prr", 1, "Enable Proportional Rate Reduction per RFC 6937")
    do_ecn = Sysctl("net.inet.tcp.ecn.enable", 2, "TCP ECN support")
    ecn_maxretries = Sysctl("net.inet.tcp.ecn.maxretries", 1, "Max retries before giving up on ECN")
    ack_war_cnt = Sysctl("net.inet.tcp.ack_war_cnt", 5, flags="w", fmt="unsigned integer")
    ack_war_timewindow = Sysctl("net.inet.tcp.ack_war_timewindow", 1000, fmt="unsigned integer")
    autosndbuf = Sysctl("net.inet.tcp.sendbuf_auto", 1, "Enable automatic send buffer sizing")
    autosndbuf_inc = Sysctl("net.inet.tcp.sendbuf_inc", 8192, "Incrementor step size of automatic send buffer")
    autosndbuf_max = Sysctl("net.inet.tcp.sendbuf_max", SB_MAX, "Max size of automatic send buffer")
    autorcvbuf = Sysctl("net.inet.tcp.recvbuf_auto", 1, "Enable automatic receive buffer sizing")
    autorcvbuf_max = Sysctl("net.inet.tcp.recvbuf_max", SB_MAX, "Max size of automatic receive buffer")
    syncookies = Sysctl("net.inet.tcp.syncookies", 1, fmt="uint8_t")
    syncookies_only = Sysctl("net.inet.tcp.syncookies_only", 0, fmt="uint8_t")
    syncache_rexmtlimit = Sysctl("net.inet.tcp.syncache.rexmtlimit", 3, "Limit on SYN/ACK retransmissions", minimum=0, maximum=12)
    pmtud_blackhole = Sysctl("net.inet.tcp.pmtud_blackhole_detection", 0, "Path MTU Discovery Black Hole Detection Enabled")
    pmtud_mss = Sysctl("net.inet.tcp.pmtud_blackhole_mss", 1200, "Path MTU Discovery Black Hole Detection lowered MSS")
    v6pmtud_mss = Sysctl("net.inet.tcp.v6pmtud_blackhole_mss", 1220, "Path MTU Discovery IPv6 Black Hole Detection lowered MSS")

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

    @sysctl_proc("net.inet.tcp.functions_available", "list available TCP Function sets", flags="r", fmt="string")
    def _functions(self, td: Proc, new: Any) -> Any:
        count = sum(len(vnet[Tcp].info.pcbs) for vnet in self.vnet.kernel.vnets)
        return f"\n{'Stack':<32}D {'Alias':<32} PCB count\n{'freebsd':<32}* {'freebsd':<32} {count}\n"

    @sysctl_proc("net.inet.tcp.syncache.count", "Current number of entries in syncache", flags="r")
    def _sc_count(self, td: Proc, new: Any) -> Any:
        return len(self.syncache)

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
    rexmit_slop = Sysctl("net.inet.tcp.rexmit_slop", 200, "Retransmission Timer Slop", minimum=1)
    persmin = Sysctl("net.inet.tcp.persmin", 5000, "minimum persistence interval", minimum=1)
    persmax = Sysctl("net.inet.tcp.persmax", 60000, "maximum persistence interval", minimum=1)
    maxunacktime = Sysctl(
        "net.inet.tcp.maxunacktime", 0, "Maximum time (in ms) that a session can linger without making progress"
    )
    maxqueuelen = Sysctl(
        "net.inet.tcp.reass.maxqueuelen", 100, "Maximum number of TCP Segments per Reassembly Queue", fmt="unsigned integer"
    )
    rexmit_drop_options = Sysctl("net.inet.tcp.rexmit_drop_options", 0, "Drop TCP options from 3rd and later retransmitted SYN")


class Tcpcb:
    """struct tcpcb.  Sequence numbers grow without end; only on the wire they are cut to 32 bits."""

    __slots__ = (
        "acknow", "acktime", "badrxtwin", "blackhole", "bytes_acked", "cc", "challenge_cnt", "challenge_end", "closed",
        "congrecovery", "delack", "delivered", "dropped", "dsack", "dupacks", "ecn_permit", "ecn_snd_cwr", "ecn_snd_ece",
        "fastrecovery", "forcedata", "holes", "inp", "irs", "iss", "keepcnt", "keepidle", "keepinit", "keepintvl",
        "last_ack_sent", "lost_bytes", "max_sndwnd", "maxseg", "maxsegsnt", "maxunacktime", "needfin", "needsyn", "nodelay",
        "noopt", "nopush", "pmtud", "prevvalid", "prr_delivered", "prr_out", "rcv_adv", "rcv_nxt", "rcv_scale", "rcv_wnd",
        "rcvd_scale", "rcvd_tstmp", "rcvoopack", "rcvtime", "reass", "recover_fs", "req_scale", "req_tstmp", "request_r_scale",
        "rfbuf_cnt", "rfbuf_ts", "rtseq", "rttmin", "rtttime", "rttupdated", "rttvar", "rxtcur", "rxtshift", "rxwin0sent",
        "sack_permit", "sack_prohibit", "sackblks", "sacked_bytes", "sentfin", "snd_cwnd", "snd_fack", "snd_limited", "snd_max",
        "snd_nxt", "snd_recover", "snd_scale", "snd_ssthresh", "snd_una", "snd_wl1", "snd_wl2", "snd_wnd", "sndrexmitpack",
        "sndtime", "sndzerowin", "so", "softerror", "sonotconn", "srtt", "state", "tcp", "timers", "ts_offset", "ts_recent",
        "ts_recent_age", "undo", "vnet",
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
        self.snd_cwnd = self.snd_ssthresh = TCP_MAXWIN << 14
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
        self._init_recovery()
        self.ecn_permit = self.ecn_snd_cwr = self.ecn_snd_ece = False
        self.keepinit = self.keepidle = self.keepintvl = self.keepcnt = self.maxunacktime = 0
        """What the socket asked for, 0 where that of all counts."""
        self.rfbuf_ts = self.rfbuf_cnt = self.acktime = self.sndtime = self.challenge_end = self.challenge_cnt = 0
        self.pmtud = bool(self.tcp.path_mtu_discovery)
        self.maxsegsnt = False
        self.blackhole = (0, 0, 0)
        """Path MTU black holes: the retransmissions at which to begin and to give up, and the segment size before (0: none)."""
        self.dropped = False
        """INP_DROPPED: the connection is over, only the socket still holds on to this."""
        self.reass: list[tuple[int, bytes, bool]] = []
        """Segments that came too early: (sequence, data, FIN), in order."""
        self.timers: list[Callout | None] = [None] * 5
        self.rcvtime = self.ticks()

    def _init_recovery(self) -> None:
        self.cc: CcAlgo
        self.holes: list[Hole] = []
        self.snd_fack = self.sacked_bytes = self.lost_bytes = self.delivered = 0
        """The scoreboard: see tcp_sack.py."""
        self.prr_delivered = self.prr_out = self.recover_fs = self.snd_limited = self.bytes_acked = self.rttupdated = 0
        self.congrecovery = self.sack_prohibit = False
        self.sackblks: list[tuple[int, int]] = []
        self.dsack: tuple[int, int] | None = None
        self.undo = (0, 0, 0, False, False)
        """snd_cwnd, snd_ssthresh, snd_recover, fastrecovery and congrecovery before a timeout."""

    def maxidle(self) -> int:
        """TP_MAXIDLE, in ms."""
        shared = self.shared()
        return (self.keepcnt or shared.keepcnt) * (self.keepintvl or shared.keepintvl)

    def fixed_maxseg(self) -> int:
        """tcp_fixed_maxseg: what of a full segment is data, but for options that come and go."""
        if self.noopt:
            return self.maxseg
        if self.state >= TCPS_ESTABLISHED:
            return self.maxseg - 12 if self.rcvd_tstmp else self.maxseg
        options = (12 if self.req_tstmp else 4) + (4 if self.req_scale else 0) + (4 if self.sack_permit else 0)
        return self.maxseg - options

    def eff_maxseg(self) -> int:
        """tcp_maxseg: with those too."""
        size = self.fixed_maxseg()
        if self.sackblks and self.sack_permit and not self.noopt and self.state >= TCPS_ESTABLISHED:
            options = self.maxseg - size
            size = self.maxseg - min(options + 4 + 8 * len(self.sackblks), 40)
        return size

    def sack_bytes_rexmit(self) -> int:
        """What of the holes was sent again."""
        return sum([min(hole.rxmit, hole.end) - hole.start for hole in self.holes])

    def compute_pipe(self) -> int:
        """tcp_compute_pipe: bytes on their way."""
        if self.tcp.newsack:
            flight = self.snd_max - self.snd_una - self.sacked_bytes - self.lost_bytes
        else:
            flight = self.snd_nxt - self.snd_fack
        if self.holes:
            flight += self.sack_bytes_rexmit()
        return max(flight, 0)

    def compute_initwnd(self, size: int) -> int:
        """The congestion window to begin with (tcp_compute_initwnd)."""
        segments = self.tcp.initcwnd_segments
        if segments:
            return min(segments * size, max(2 * size, segments * 1460))
        if self.tcp.rfc3390:
            return min(4 * size, max(2 * size, 4380))
        return size * (2 if size > 2190 else 3 if size > 1095 else 4)

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
            left(TT_KEEP), left(TT_2MSL), left(TT_DELACK), self.ticks() - self.rcvtime, cc=self.cc.name,
            snd_cwnd=self.snd_cwnd, snd_ssthresh=self.snd_ssthresh, ecn=int(self.ecn_permit),
        )  # fmt: skip


def unwrap(number: int, near: int) -> int:
    """The sequence number of the wire that is nearest to one of ours."""
    return near + ((number - near + 0x80000000) & MASK) - 0x80000000


def tstmp_lt(one: int, two: int) -> bool:
    """TSTMP_LT."""
    return (one - two) & MASK >= 0x80000000
