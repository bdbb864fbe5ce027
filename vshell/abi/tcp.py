"""TCP: what programs and the kernel share about it (netinet/tcp.h, tcp_var.h, tcp_fsm.h)."""

from __future__ import annotations

from vshell.abi.record import Record

TCP_NODELAY, TCP_MAXSEG, TCP_NOPUSH, TCP_NOOPT, TCP_MD5SIG, TCP_INFO = 1, 2, 4, 8, 16, 32
TCP_MAXUNACKTIME = 68
TCP_CONGESTION, TCP_KEEPINIT, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT, TCP_FUNCTION_BLK = 64, 128, 256, 512, 1024, 8192
"""Options at level IPPROTO_TCP."""

(
    TCPS_CLOSED, TCPS_LISTEN, TCPS_SYN_SENT, TCPS_SYN_RECEIVED, TCPS_ESTABLISHED, TCPS_CLOSE_WAIT, TCPS_FIN_WAIT_1, TCPS_CLOSING,
    TCPS_LAST_ACK, TCPS_FIN_WAIT_2, TCPS_TIME_WAIT,
) = range(11)  # fmt: skip
TCPSTATES = (
    "CLOSED", "LISTEN", "SYN_SENT", "SYN_RCVD", "ESTABLISHED", "CLOSE_WAIT", "FIN_WAIT_1", "CLOSING", "LAST_ACK", "FIN_WAIT_2",
    "TIME_WAIT",
)  # fmt: skip


class Xtcpcb(Record):
    """The part of a TCP socket that only TCP knows, as net.inet.tcp.pcblist shows it; timers in ms, 0 when not armed."""

    state: int
    sndrexmitpack: int
    rcvoopack: int
    sndzerowin: int
    maxseg: int
    rexmt: int = 0
    persist: int = 0
    keep: int = 0
    msl2: int = 0
    delack: int = 0
    rcvtime: int = 0
    stack: str = "freebsd"
    cc: str = "cubic"
    snd_cwnd: int = 0
    snd_ssthresh: int = 0
    ecn: int = 0
    """1 if both sides speak ECN."""


class TcpDrop(Record):
    """What is written to net.inet.tcp.drop: the two names of a connection."""

    faddr: bytes
    fport: int
    laddr: bytes
    lport: int
    scope: int = 0


class Tcpstat(Record):
    """struct tcpstat."""

    connattempt: int = 0
    accepts: int = 0
    connects: int = 0
    drops: int = 0
    conndrops: int = 0
    minmssdrops: int = 0
    closed: int = 0
    segstimed: int = 0
    rttupdated: int = 0
    delack: int = 0
    timeoutdrop: int = 0
    rexmttimeo: int = 0
    persisttimeo: int = 0
    keeptimeo: int = 0
    keepprobe: int = 0
    keepdrops: int = 0
    progdrops: int = 0
    sndtotal: int = 0
    sndpack: int = 0
    sndbyte: int = 0
    sndrexmitpack: int = 0
    sndrexmitbyte: int = 0
    sndrexmitbad: int = 0
    sndacks: int = 0
    sndprobe: int = 0
    sndurg: int = 0
    sndwinup: int = 0
    sndctrl: int = 0
    rcvtotal: int = 0
    rcvpack: int = 0
    rcvbyte: int = 0
    rcvbadsum: int = 0
    rcvbadoff: int = 0
    rcvreassfull: int = 0
    rcvshort: int = 0
    rcvduppack: int = 0
    rcvdupbyte: int = 0
    rcvpartduppack: int = 0
    rcvpartdupbyte: int = 0
    rcvoopack: int = 0
    rcvoobyte: int = 0
    rcvpackafterwin: int = 0
    rcvbyteafterwin: int = 0
    rcvafterclose: int = 0
    rcvwinprobe: int = 0
    rcvdupack: int = 0
    rcvacktoomuch: int = 0
    rcvackpack: int = 0
    rcvackbyte: int = 0
    rcvwinupd: int = 0
    pawsdrop: int = 0
    predack: int = 0
    preddat: int = 0
    pcbcachemiss: int = 0
    cachedrtt: int = 0
    cachedrttvar: int = 0
    cachedssthresh: int = 0
    usedrtt: int = 0
    usedrttvar: int = 0
    usedssthresh: int = 0
    persistdrop: int = 0
    badsyn: int = 0
    mturesent: int = 0
    listendrop: int = 0
    badrst: int = 0
    sc_added: int = 0
    sc_retransmitted: int = 0
    sc_dupsyn: int = 0
    sc_dropped: int = 0
    sc_completed: int = 0
    sc_bucketoverflow: int = 0
    sc_cacheoverflow: int = 0
    sc_reset: int = 0
    sc_stale: int = 0
    sc_aborted: int = 0
    sc_badack: int = 0
    sc_unreach: int = 0
    sc_zonefail: int = 0
    sc_sendcookie: int = 0
    sc_recvcookie: int = 0
    sc_spurcookie: int = 0
    sc_failcookie: int = 0
    hc_added: int = 0
    hc_bucketoverflow: int = 0
    finwait2_drops: int = 0
    sack_recovery_episode: int = 0
    sack_rexmits: int = 0
    sack_rexmits_tso: int = 0
    sack_rexmit_bytes: int = 0
    sack_rcv_blocks: int = 0
    sack_send_blocks: int = 0
    sack_lostrexmt: int = 0
    sack_sboverflow: int = 0
    ecn_rcvce: int = 0
    ecn_rcvect0: int = 0
    ecn_rcvect1: int = 0
    ecn_shs: int = 0
    ecn_rcwnd: int = 0
    sig_rcvgoodsig: int = 0
    sig_rcvbadsig: int = 0
    sig_err_buildsig: int = 0
    sig_err_sigopt: int = 0
    sig_err_nosigopt: int = 0
    pmtud_blackhole_activated: int = 0
    pmtud_blackhole_activated_min_mss: int = 0
    pmtud_blackhole_failed: int = 0
    tunneled_pkts: int = 0
    tunneled_errs: int = 0
    dsack_count: int = 0
    dsack_bytes: int = 0
    dsack_tlp_bytes: int = 0
    tw_recycles: int = 0
    tw_resets: int = 0
    tw_responds: int = 0
    ace_nect: int = 0
    ace_ect1: int = 0
    ace_ect0: int = 0
    ace_ce: int = 0
    ecn_sndect0: int = 0
    ecn_sndect1: int = 0
    tlpresends: int = 0
    tlpresend_bytes: int = 0
    rcvghostack: int = 0
    rcvacktooold: int = 0
