"""TCP sockets of IPv4, and what those of both families share (netinet/tcp_usrreq.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.errno import (
    EACCES,
    EAFNOSUPPORT,
    ECONNABORTED,
    ECONNREFUSED,
    ECONNRESET,
    EINVAL,
    EISCONN,
    ENOPROTOOPT,
    ENOTCONN,
    ESRCH,
    KError,
)  # fmt: skip
from vshell.abi.in_pcb import INP_IPV4
from vshell.abi.record import Record
from vshell.abi.socket import AF_INET, INADDR_BROADCAST, IPPROTO_TCP, SHUT_RD, SO_LINGER, SOCK_STREAM, SockaddrIn
from vshell.abi.tcp import (
    TCP_CONGESTION,
    TCP_FUNCTION_BLK,
    TCP_INFO,
    TCP_KEEPCNT,
    TCP_KEEPIDLE,
    TCP_KEEPINIT,
    TCP_KEEPINTVL,
    TCP_MAXSEG,
    TCP_MAXUNACKTIME,
    TCP_MD5SIG,
    TCP_NODELAY,
    TCP_NOOPT,
    TCP_NOPUSH,
    TCPS_CLOSE_WAIT,
    TCPS_CLOSED,
    TCPS_CLOSING,
    TCPS_ESTABLISHED,
    TCPS_FIN_WAIT_1,
    TCPS_FIN_WAIT_2,
    TCPS_LAST_ACK,
    TCPS_LISTEN,
    TCPS_SYN_RECEIVED,
    TCPS_SYN_SENT,
    TCPS_TIME_WAIT,
    TcpDrop,
)  # fmt: skip
from vshell.kernel.kern.module import SI_SUB_PROTO_DOMAIN, VnetModule, sysctl_proc
from vshell.kernel.kern.uipc_socket import Protosw, Socket, protosw
from vshell.kernel.netinet.cc import cc_attach
from vshell.kernel.netinet.in_pcb import Inpcb, check_in, in_pcbbind, in_pcbconnect
from vshell.kernel.netinet.in_var import in_multicast
from vshell.kernel.netinet.ip_ctloutput import ip_getopt, ip_setopt
from vshell.kernel.netinet.tcp_hostcache import ntop
from vshell.kernel.netinet.tcp_output import tcp_output
from vshell.kernel.netinet.tcp_subr import tcp_close, tcp_drop, tcp_free, tcp_new_iss, tcp_newtcpcb
from vshell.kernel.netinet.tcp_syncache import wscale_for
from vshell.kernel.netinet.tcp_timer import tcp_timer_activate
from vshell.kernel.netinet.tcp_var import SB_MAX, TT_2MSL, TT_KEEP, Tcp, Tcpcb

if TYPE_CHECKING:
    from vshell.kernel.kern.kern_proc import Proc

_KNOWN = (TCP_MD5SIG, TCP_FUNCTION_BLK)
_TIMES = {
    TCP_KEEPINIT: "keepinit", TCP_KEEPIDLE: "keepidle", TCP_KEEPINTVL: "keepintvl", TCP_KEEPCNT: "keepcnt",
    TCP_MAXUNACKTIME: "maxunacktime",
}  # fmt: skip
"""Options about times: seconds for programs, ms here, but TCP_KEEPCNT which is a count."""


class TcpDropper(VnetModule, sub=SI_SUB_PROTO_DOMAIN):
    """net.inet.tcp.drop."""

    @sysctl_proc("net.inet.tcp.drop", "Drop TCP connection", fmt="opaque")
    def _drop(self, td: Proc, new: Any) -> Any:
        if new is None:
            return None
        if not isinstance(new, TcpDrop):
            raise KError(EINVAL)
        inp = self.vnet[Tcp].info.lookup(new.faddr, new.fport, new.laddr, new.lport, True)
        if inp is None or inp.ppcb.state == TCPS_LISTEN or inp.ppcb.dropped:
            raise KError(ESRCH)
        if inp.ppcb.state == TCPS_TIME_WAIT:
            tcp_close(inp.ppcb)
        else:
            tcp_drop(inp.ppcb, ECONNABORTED)
        return None


def tcp_usrclosed(tp: Tcpcb) -> None:
    """The user has no more to send: which state follows."""
    if tp.state in (TCPS_CLOSED, TCPS_LISTEN):
        if tp.state == TCPS_LISTEN:
            tp.set_state(TCPS_CLOSED)
        tcp_close(tp)
        return
    if tp.state in (TCPS_SYN_SENT, TCPS_SYN_RECEIVED):
        tp.needfin = True
    elif tp.state == TCPS_ESTABLISHED:
        tp.set_state(TCPS_FIN_WAIT_1)
    elif tp.state == TCPS_CLOSE_WAIT:
        tp.set_state(TCPS_LAST_ACK)
    if tp.state >= TCPS_FIN_WAIT_2:
        tp.so.soisdisconnected()
        if tp.state == TCPS_FIN_WAIT_2:
            shared = tp.shared()
            tcp_timer_activate(tp, TT_2MSL, shared.finwait2_timeout if shared.fast_finwait2_recycle else tp.maxidle())


def tcp_set_time(tp: Tcpcb, name: int, value: int) -> None:
    """One of those options; a timer that runs already starts again with the new value.  EINVAL."""
    if not 0 <= value <= 0xFFFFFFFF or (name != TCP_KEEPCNT and value > 0xFFFFFFFF // 1000):
        raise KError(EINVAL)
    setattr(tp, _TIMES[name], value if name == TCP_KEEPCNT else value * 1000)
    shared = tp.shared()
    if name == TCP_KEEPIDLE and TCPS_LISTEN < tp.state <= TCPS_CLOSING:
        tcp_timer_activate(tp, TT_KEEP, tp.keepidle or shared.keepidle)
    elif name == TCP_KEEPINIT and tp.state in (TCPS_SYN_SENT, TCPS_SYN_RECEIVED):
        tcp_timer_activate(tp, TT_KEEP, tp.keepinit or shared.keepinit)
    elif name in (TCP_KEEPINTVL, TCP_KEEPCNT) and tp.state == TCPS_FIN_WAIT_2 and tp.maxidle() > 0:
        tcp_timer_activate(tp, TT_2MSL, tp.maxidle())


class TcpSocket(Protosw):
    """What TCP sockets of both families have in common."""

    atomic = False
    sendspace = 32768
    recvspace = 65536
    vflag = INP_IPV4

    def attach(self, so: Socket, td: Proc) -> None:
        """A new socket."""
        tcp = so.vnet[Tcp]
        so.snd.hiwat, so.rcv.hiwat = tcp.sendspace, tcp.recvspace
        so.snd.autosize = so.rcv.autosize = True
        so.pcb = tcp.info.alloc(so, self.vflag)
        tcp_newtcpcb(so.pcb)

    def detach(self, so: Socket) -> None:
        """The user is gone: end the connection in peace."""
        tp: Tcpcb = so.pcb.ppcb
        if not tp.dropped and tp.state != TCPS_TIME_WAIT:
            if tp.state < TCPS_ESTABLISHED:
                tcp_close(tp)
            elif so.options & SO_LINGER and so.linger == 0:
                tcp_drop(tp, 0)
            else:
                so.connected = so.connecting = False
                so.rcv.drop(so.rcv.cc)
                so.rcv.cantmore = so.snd.cantmore = True
                tp.closed = True
                tcp_usrclosed(tp)
                if not tp.dropped:
                    tcp_output(tp)
        tp.closed = True
        if tp.dropped:
            tcp_free(tp)

    def abort(self, so: Socket) -> None:
        """A connection nobody accepted."""
        tp: Tcpcb = so.pcb.ppcb
        tp.closed = True
        if tp.dropped:
            tcp_free(tp)
        else:
            tcp_drop(tp, ECONNABORTED)

    def listen(self, so: Socket, backlog: int, td: Proc) -> None:
        """listen(2)."""
        inp: Inpcb = so.pcb
        tp: Tcpcb = inp.ppcb
        if tp.dropped or so.connected or so.connecting or so.disconnected:
            raise KError(EINVAL)
        if not inp.lport:
            self.bind_any(inp, td)
        if tp.state != TCPS_LISTEN:
            tp.set_state(TCPS_LISTEN)

    def bind_any(self, inp: Inpcb, td: Proc) -> None:
        """Take any port."""
        in_pcbbind(inp, None, td.ucred)

    def start(self, so: Socket) -> None:
        """The names are set: send a SYN (tcp_connect)."""
        inp: Inpcb = so.pcb
        tp: Tcpcb = inp.ppcb
        tp.request_r_scale = wscale_for(SB_MAX)
        so.connecting = True
        tp.tcp.stat.connattempt += 1
        tp.set_state(TCPS_SYN_SENT)
        tp.iss = tcp_new_iss(so.vnet)
        if tp.req_tstmp:
            tp.ts_offset = so.vnet.kernel.random.uniform(1 << 31)
        tp.snd_una = tp.snd_nxt = tp.snd_max = tp.snd_recover = tp.iss
        tcp_timer_activate(tp, TT_KEEP, tp.keepinit or tp.shared().keepinit)
        if error := tcp_output(tp):
            so.connecting = False
            raise KError(error)

    def disconnect(self, so: Socket) -> None:
        """There is no way back to a socket without a peer."""
        raise KError(EISCONN)

    def send(self, so: Socket, data: bytes, addr: Record | None, flags: int, td: Proc) -> int:
        """Take as much as fits."""
        tp: Tcpcb = so.pcb.ppcb
        if tp.dropped:
            raise KError(ECONNRESET)
        if addr is not None and so.connected:
            raise KError(EISCONN)
        size = min(len(data), max(so.snd.space(), 0))
        if size:
            so.snd.append_stream(data[:size])
            tcp_output(tp)
        return size

    def rcvd(self, so: Socket) -> None:
        """There is room: the window may open."""
        tp: Tcpcb = so.pcb.ppcb
        if not tp.dropped:
            tcp_output(tp)

    def shutdown(self, so: Socket, how: int) -> None:
        """shutdown(2)."""
        tp: Tcpcb = so.pcb.ppcb
        if how == SHUT_RD:
            return
        if tp.dropped:
            raise KError(ECONNRESET)
        tcp_usrclosed(tp)
        if not tp.dropped:
            tcp_output(tp)

    def describe(self, so: Socket) -> str:
        """As solisten_clone does."""
        inp: Inpcb = so.pcb
        return f"{ntop(inp.laddr)}:{inp.lport} (proto {IPPROTO_TCP})"

    def setopt(self, so: Socket, level: int, name: int, value: Any, td: Proc) -> None:
        """setsockopt(2)."""
        tp: Tcpcb = so.pcb.ppcb
        if level != IPPROTO_TCP:
            self.setopt_ip(so, level, name, value, td)
        elif tp.dropped:
            raise KError(ECONNRESET)
        elif name == TCP_NODELAY:
            tp.nodelay = bool(value)
            if tp.nodelay and tp.state >= TCPS_ESTABLISHED:
                tcp_output(tp)
        elif name == TCP_NOPUSH:
            push = tp.nopush and not value and tp.state >= TCPS_ESTABLISHED
            tp.nopush = bool(value)
            if push:
                tcp_output(tp)
        elif name == TCP_NOOPT:
            tp.noopt = bool(value)
        elif name == TCP_MAXSEG:
            if not 0 < value <= tp.maxseg or value + 40 < tp.tcp.minmss:
                raise KError(EINVAL)
            tp.maxseg = value
            tp.sack_prohibit = value < tp.tcp.mssdflt
        elif name == TCP_CONGESTION:
            cc_attach(tp, value)
        elif name in _TIMES:
            tcp_set_time(tp, name, value)
        elif name not in _KNOWN:
            raise KError(ENOPROTOOPT)

    def getopt(self, so: Socket, level: int, name: int, td: Proc) -> Any:
        """getsockopt(2)."""
        tp: Tcpcb = so.pcb.ppcb
        if level != IPPROTO_TCP:
            return self.getopt_ip(so, level, name)
        values = {
            TCP_NODELAY: tp.nodelay, TCP_NOPUSH: tp.nopush, TCP_NOOPT: tp.noopt, TCP_MAXSEG: tp.maxseg,
            TCP_CONGESTION: tp.cc.name, TCP_INFO: tp.xtcpcb(),
        }  # fmt: skip
        if name in _TIMES:
            attr = _TIMES[name]
            own = getattr(tp, attr) or getattr(tp.shared(), attr)
            return own if name == TCP_KEEPCNT else own // 1000
        if name not in values:
            raise KError(ENOPROTOOPT)
        return values[name]

    def setopt_ip(self, so: Socket, level: int, name: int, value: Any, td: Proc) -> None:
        """An option of the layer below."""
        ip_setopt(so.pcb, level, name, value, td)

    def getopt_ip(self, so: Socket, level: int, name: int) -> Any:
        """An option of the layer below."""
        return ip_getopt(so.pcb, level, name)


@protosw(AF_INET, SOCK_STREAM, IPPROTO_TCP)
class TcpProtosw(TcpSocket):
    """A TCP socket of IPv4."""

    name = "tcp"

    def bind(self, so: Socket, addr: Record, td: Proc) -> None:
        """bind(2)."""
        sin = check_in(addr)
        if so.pcb.ppcb.dropped:
            raise KError(EINVAL)
        if in_multicast(sin.addr):
            raise KError(EAFNOSUPPORT)
        in_pcbbind(so.pcb, sin, td.ucred)

    def connect(self, so: Socket, addr: Record, td: Proc) -> None:
        """connect(2)."""
        sin = check_in(addr)
        if so.pcb.ppcb.dropped:
            raise KError(ECONNREFUSED)
        if in_multicast(sin.addr):
            raise KError(EAFNOSUPPORT)
        if sin.addr == INADDR_BROADCAST:
            raise KError(EACCES)
        in_pcbconnect(so.pcb, sin, td.ucred)
        self.start(so)

    def sockaddr(self, so: Socket) -> Record:
        """getsockname(2)."""
        return SockaddrIn(so.pcb.laddr, so.pcb.lport)

    def peeraddr(self, so: Socket) -> Record:
        """getpeername(2)."""
        if not so.connected and so.pcb.faddr == bytes(4):
            raise KError(ENOTCONN)
        return SockaddrIn(so.pcb.faddr, so.pcb.fport)
