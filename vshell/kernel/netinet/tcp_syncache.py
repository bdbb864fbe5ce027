"""TCP: connections that have not finished their handshake (netinet/tcp_syncache.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from vshell.abi.in_pcb import INP_IPV4, INP_IPV6, Xinpcb
from vshell.abi.socket import SO_ACCEPTCONN, SOCK_STREAM
from vshell.abi.tcp import TCPS_LISTEN, TCPS_SYN_RECEIVED, Xtcpcb
from vshell.kernel.kern.clock import MS
from vshell.kernel.kern.uipc_socket import Socket, solisten_room
from vshell.kernel.netinet.cc import cc_attach
from vshell.kernel.netinet.tcp_af import TCP_AF
from vshell.kernel.netinet.tcp_ecn import tcp_ecn_syncache_add
from vshell.kernel.netinet.tcp_hostcache import tcp_mssopt
from vshell.kernel.netinet.tcp_subr import tcp_challenge_ack_check, tcp_mss, tcp_new_iss, tcp_newtcpcb
from vshell.kernel.netinet.tcp_syncookie import Names, Syncookies
from vshell.kernel.netinet.tcp_timer import tcp_timer_activate
from vshell.kernel.netinet.tcp_var import MASK, SB_MAX, TCP_BACKOFF, TCP_MAXWIN, TT_KEEP, Tcp, Tcpcb, TcpGlobal, tstmp_lt
from vshell.wire.tcp import TCP_MAX_WINSHIFT, TH_ACK, TH_ECE, TH_SYN, Tcphdr, Tcpopt, tcp_addoptions, tcp_pack

if TYPE_CHECKING:
    from vshell.kernel.netinet.in_pcb import Inpcb
    from vshell.kernel.netinet.tcp_segment import Seg


def wscale_for(limit: int) -> int:
    """The smallest scale with which a window can grow to the largest buffer."""
    scale = 0
    while scale < TCP_MAX_WINSHIFT and TCP_MAXWIN << scale < limit:
        scale += 1
    return scale


class Syncache:
    """One such connection (struct syncache)."""

    __slots__ = (
        "challenge_cnt", "challenge_end", "ecn", "fib", "inp", "irs", "iss", "key", "mss", "noopt", "rxmits", "sack", "scope",
        "sscale", "tcp", "timer", "ts", "tsoff", "unreached", "win",
    )  # fmt: skip

    def __init__(self, inp: Inpcb, seg: Seg) -> None:
        self.inp = inp
        """The listening socket."""
        self.tcp: Tcp = inp.info.vnet[Tcp]
        self.key = (seg.src, seg.th.sport, seg.dst, seg.th.dport)
        self.irs = seg.th.seq
        self.scope, self.fib = seg.scope, inp.fib
        ltp: Tcpcb = inp.ppcb
        self.noopt = ltp.noopt
        rfc1323, to = (0 if self.noopt else self.tcp.rfc1323), seg.to
        self.ts = to.ts[0] if to.ts is not None and rfc1323 not in (0, 2) else None
        self.tsoff = inp.info.vnet.kernel.random.uniform(1 << 31) if self.ts is not None else 0
        self.sscale = to.wscale if rfc1323 not in (0, 3) else None
        self.sack = to.sackperm and bool(self.tcp.do_sack) and not self.noopt
        self.mss = to.mss or 0
        self.ecn = tcp_ecn_syncache_add(self.tcp, seg)
        tcp = self.tcp
        if tcp.syncookies or tcp.syncookies_only:
            self.iss = inp.info.vnet[Syncookies].generate(self.key, self.irs, self.mss, self.sscale, self.sack)
        else:
            self.iss = tcp_new_iss(inp.info.vnet)
        self.challenge_cnt = self.challenge_end = 0
        self.win = min(max(inp.so.rcv.hiwat, 0), TCP_MAXWIN)
        self.rxmits = 0
        self.unreached = False
        self.timer = inp.info.vnet.kernel.clock.callout()

    def arm(self) -> None:
        """syncache_timeout."""
        shared: TcpGlobal = self.inp.info.vnet.kernel[TcpGlobal]
        delay = shared.rexmit_initial
        if self.rxmits:
            delay = min(max(delay * TCP_BACKOFF[self.rxmits] + shared.rexmit_slop, shared.rexmit_min), shared.rexmit_max)
        self.rxmits += 1
        self.timer.reset(delay * MS, self._timeout)

    def _timeout(self) -> None:
        stat = self.tcp.stat
        if self.rxmits > self.tcp.syncache_rexmtlimit or self.inp.ppcb.state != TCPS_LISTEN:
            self.drop()
            stat.sc_stale += 1
            return
        if self.rxmits > self.tcp.ecn_maxretries:
            self.ecn = False
        self.respond(TH_SYN | TH_ACK)
        stat.sndacks += 1
        stat.sndtotal += 1
        stat.sc_retransmitted += 1
        self.arm()

    def drop(self) -> None:
        """Forget it."""
        self.timer.stop()
        if self.tcp.syncache.get(self.key) is self:
            del self.tcp.syncache[self.key]
            cookies = self.tcp.vnet[Syncookies]
            cookies.buckets[cookies.bucket(self.key)].remove(self)
            self.tcp.states[TCPS_SYN_RECEIVED] -= 1

    def unreach(self, seq: int) -> None:
        """An ICMP error about our SYN,ACK: once is no reason to give up."""
        if seq != self.iss:
            return
        if not self.unreached or self.rxmits < 4:
            self.unreached = True
            return
        self.drop()
        self.tcp.stat.sc_unreach += 1

    def respond(self, flags: int) -> int:
        """Send a SYN,ACK, or an ACK that challenges."""
        src, sport, dst, dport = self.key
        vnet = self.tcp.vnet
        options = b""
        if not self.noopt:
            syn = bool(flags & TH_SYN)
            mss = max(tcp_mssopt(vnet, src, self.fib, self.scope), self.tcp.minmss) if syn else None
            wscale = wscale_for(SB_MAX) if self.sscale is not None and syn else None
            now = vnet.kernel.clock.now // MS + self.tsoff
            ts = (now & MASK, self.ts) if self.ts is not None else None
            options = tcp_addoptions(Tcpopt(mss, wscale, self.sack and syn, ts))
        seq = self.iss if flags & TH_SYN else self.iss + 1
        win = self.win if flags & TH_SYN or self.sscale is None else self.win >> wscale_for(SB_MAX)
        if flags & TH_SYN and self.ecn:
            flags |= TH_ECE
            self.tcp.stat.ecn_shs += 1
        th = Tcphdr(dport, sport, seq & MASK, (self.irs + 1) & MASK, flags=flags, win=win)
        df = bool(self.tcp.path_mtu_discovery)
        return TCP_AF[len(src)].send(vnet, dst, src, tcp_pack(th, options), self.inp, df, self.fib, self.scope)

    def xinpcb(self) -> Xinpcb:
        """As sysctl shows it (syncache_pcblist)."""
        src, sport, dst, dport = self.key
        so = self.inp.so
        vflag = INP_IPV4 if len(src) == 4 else INP_IPV6
        xtp = Xtcpcb(TCPS_SYN_RECEIVED, 0, 0, 0, self.mss)
        return Xinpcb(
            vflag, so.pr.protocol, SOCK_STREAM, dst, dport, src, sport, 0, self.scope, 0, 0, 0, 0, so.cred.uid, 0, self.fib,
            0, 0, 0, 0, id(self), 6, xtp,
        )  # fmt: skip


def syncache_add(inp: Inpcb, seg: Seg) -> None:
    """A SYN came to a listening socket."""
    tcp = inp.info.vnet[Tcp]
    stat = tcp.stat
    cookies = tcp.vnet[Syncookies]
    old = tcp.syncache.get((seg.src, seg.th.sport, seg.dst, seg.th.dport)) if not cookies.unused else None
    if old is not None:
        stat.sc_dupsyn += 1
        old.ts = seg.to.ts[0] if old.ts is not None and seg.to.ts is not None else None
        if old.respond(TH_SYN | TH_ACK):
            old.drop()
            stat.sc_dropped += 1
            return
        old.rxmits = 0
        old.arm()
        stat.sndacks += 1
        stat.sndtotal += 1
        return
    sc = Syncache(inp, seg)
    if sc.respond(TH_SYN | TH_ACK):
        stat.sc_dropped += 1
        return
    if not cookies.unused:
        _insert(tcp, cookies, sc, seg)
    stat.sndacks += 1
    stat.sndtotal += 1


def _insert(tcp: Tcp, cookies: Syncookies, sc: Syncache, seg: Seg) -> None:
    """syncache_insert: remember a connection, in place of the oldest of its bucket if that is full."""
    if len(tcp.syncache) >= cookies.cachelimit:
        tcp.stat.sc_cacheoverflow += 1
        next(iter(tcp.syncache.values())).drop()
    bucket = cookies.buckets.setdefault(cookies.bucket(sc.key), [])
    if len(bucket) >= cookies.bucketlimit:
        cookies.pause(seg.names().partition("; tcpflags")[0].partition(" tcpflags")[0])
        bucket[0].drop()
    bucket.append(sc)
    tcp.syncache[sc.key] = sc
    tcp.states[TCPS_SYN_RECEIVED] += 1
    tcp.stat.sc_added += 1
    sc.arm()


def syncache_chkrst(tcp: Tcp, seg: Seg) -> None:
    """A RST to a listening socket: the peer does not want our SYN,ACK."""
    stat = tcp.stat
    sc = tcp.syncache.get((seg.src, seg.th.sport, seg.dst, seg.th.dport))
    if sc is None or (seg.th.seq - sc.irs - 1) & MASK >= max(sc.win, 1):
        stat.badrst += 1
    elif tcp.insecure_rst or seg.th.seq == (sc.irs + 1) & MASK:
        sc.drop()
        stat.sc_reset += 1
    else:
        stat.badrst += 1
        _challenge(sc)


def _challenge(sc: Syncache) -> None:
    if not tcp_challenge_ack_check(sc):
        return
    sc.respond(TH_ACK)
    sc.tcp.stat.sndacks += 1
    sc.tcp.stat.sndtotal += 1


def syncache_expand(inp: Inpcb, seg: Seg) -> Tcpcb | Literal[False] | None:
    """An ACK came to a listening socket: the new connection, None if the segment is dropped, False if it is no such ACK."""
    tcp, th = inp.info.vnet[Tcp], seg.th
    stat = tcp.stat
    names = (seg.src, th.sport, seg.dst, th.dport)
    cookies = tcp.vnet[Syncookies]
    sc = tcp.syncache.get(names) if not cookies.unused else None
    if sc is None:
        return _from_cookie(inp, seg, cookies, names)
    if sc.ts is not None and (tstmp_lt(seg.to.ts[0], sc.ts) if seg.to.ts is not None else not tcp.tolerate_missing_ts):
        return None
    if not 0 < (th.seq - sc.irs) & MASK <= sc.win:
        _challenge(sc)
        return None
    if th.ack != (sc.iss + 1) & MASK:
        return False
    sc.drop()
    tp = _socket(sc, inp)
    if tp is None:
        stat.sc_aborted += 1
        return False if cookies.rst_on_sock_fail else None
    stat.sc_completed += 1
    return tp


def _from_cookie(inp: Inpcb, seg: Seg, cookies: Syncookies, names: Names) -> Tcpcb | Literal[False] | None:
    """An ACK of a SYN,ACK we do not remember: what it acknowledges may tell all we need."""
    tcp, th = inp.info.vnet[Tcp], seg.th
    stat = tcp.stat
    if not cookies.unused and not (tcp.syncookies and cookies.recently):
        stat.sc_spurcookie += 1
        return False
    irs, iss = (th.seq - 1) & MASK, (th.ack - 1) & MASK
    found = cookies.expand(names, irs, iss)
    if found is None:
        stat.sc_failcookie += 1
        return False
    stat.sc_recvcookie += 1
    sc = Syncache.__new__(Syncache)
    sc.inp, sc.tcp, sc.key, sc.irs, sc.iss = inp, tcp, names, irs, iss
    sc.mss, sc.sscale, sc.sack = found
    sc.scope, sc.fib, sc.noopt, sc.ecn, sc.rxmits = seg.scope, inp.fib, False, False, 0
    sc.ts = seg.to.ts[0] if seg.to.ts is not None else None
    # The offset of our clock is lost: take it from what the peer echoes.
    sc.tsoff = (seg.to.ts[1] - tcp.vnet.kernel.clock.now // MS) & MASK if seg.to.ts is not None else 0
    sc.win = min(max(inp.so.rcv.hiwat, 0), TCP_MAXWIN)
    tp = _socket(sc, inp)
    if tp is None:
        stat.sc_aborted += 1
        return False if cookies.rst_on_sock_fail else None
    return tp


def _socket(sc: Syncache, inp: Inpcb) -> Tcpcb | None:
    """syncache_socket: a full connection, in the queue of the listening socket."""
    lso = inp.so
    stat = sc.tcp.stat
    if not solisten_room(lso):
        stat.listendrop += 1
        return None
    so = Socket(lso.pr, lso.cred, lso.vnet, lso.protocol, lso.fibnum)
    so.options = lso.options & ~SO_ACCEPTCONN
    so.linger, so.user_cookie = lso.linger, lso.user_cookie
    so.rcv.autosize, so.snd.autosize = lso.rcv.autosize, lso.snd.autosize
    so.rcv.hiwat, so.snd.hiwat, so.rcv.timeo, so.snd.timeo = lso.rcv.hiwat, lso.snd.hiwat, lso.rcv.timeo, lso.snd.timeo
    src, sport, dst, dport = sc.key
    new = so.pcb = inp.info.alloc(so, INP_IPV4 if len(src) == 4 else INP_IPV6)
    new.fib, new.tos, new.ttl, new.minttl, new.scope = inp.fib, inp.tos, inp.ttl, inp.minttl, sc.scope
    new.faddr, new.fport, new.laddr, new.lport = src, sport, dst, dport
    inp.info.inshash(new)
    tp = tcp_newtcpcb(new)
    _init(tp, sc, inp.ppcb)
    tcp_mss(tp, sc.mss)
    if sc.rxmits > 1:
        tp.snd_cwnd = 1
    tcp_timer_activate(tp, TT_KEEP, tp.keepinit or tp.shared().keepinit)
    stat.accepts += 1
    so.head = lso
    so.connected = True
    lso.complete.append(so)
    lso.sorwakeup()
    return tp


def _init(tp: Tcpcb, sc: Syncache, ltp: Tcpcb) -> None:
    tp.set_state(TCPS_SYN_RECEIVED)
    tp.iss, tp.irs = sc.iss, sc.irs
    tp.rcv_nxt = tp.irs + 1
    tp.snd_una = tp.snd_recover = tp.iss
    tp.snd_wl1 = sc.irs
    tp.snd_max = tp.snd_nxt = tp.iss + 1
    tp.rcv_wnd = sc.win
    tp.rcv_adv = tp.rcv_nxt + sc.win
    tp.last_ack_sent = tp.rcv_nxt
    tp.nopush, tp.nodelay, tp.noopt = ltp.nopush, ltp.nodelay, sc.noopt
    tp.req_scale = tp.rcvd_scale = sc.sscale is not None
    if sc.sscale is not None:
        tp.snd_scale, tp.request_r_scale = sc.sscale, wscale_for(SB_MAX)
    tp.req_tstmp = tp.rcvd_tstmp = sc.ts is not None
    if sc.ts is not None:
        tp.ts_recent, tp.ts_offset, tp.ts_recent_age = sc.ts, sc.tsoff, tp.ticks()
    tp.sack_permit = sc.sack
    tp.ecn_permit = sc.ecn
    tp.keepinit, tp.keepidle, tp.keepintvl, tp.keepcnt = ltp.keepinit, ltp.keepidle, ltp.keepintvl, ltp.keepcnt
    tp.maxunacktime = ltp.maxunacktime
    if ltp.cc.name != tp.cc.name:
        cc_attach(tp, ltp.cc.name)
