"""Sockets: struct socket, its buffers, and what is common to all protocols (socket(9), uipc_socket.c, uipc_sockbuf.c).

A socket is born in the network stack of its maker and stays there for life, wherever its process goes.  A protocol is a
class derived from Protosw, found in the table by (domain, type, protocol).
"""

from __future__ import annotations

from collections import deque

from vshell.abi.errno import (
    EAFNOSUPPORT,
    EAGAIN,
    EINVAL,
    EISCONN,
    ENOPROTOOPT,
    ENOTCONN,
    ENOTTY,
    EOPNOTSUPP,
    EPIPE,
    EPROTONOSUPPORT,
    EPROTOTYPE,
    KError,
)  # fmt: skip
from vshell.abi.fcntl import O_NONBLOCK, O_RDWR, POLLHUP, POLLIN, POLLOUT, S_IFSOCK, Stat
from vshell.abi.record import Record
from vshell.abi.socket import (
    MSG_DONTWAIT,
    MSG_PEEK,
    MSG_TRUNC,
    SHUT_RD,
    SHUT_RDWR,
    SHUT_WR,
    SO_ACCEPTCONN,
    SO_BROADCAST,
    SO_DEBUG,
    SO_DONTROUTE,
    SO_ERROR,
    SO_KEEPALIVE,
    SO_LINGER,
    SO_OOBINLINE,
    SO_PROTOCOL,
    SO_RCVBUF,
    SO_RCVLOWAT,
    SO_RCVTIMEO,
    SO_REUSEADDR,
    SO_REUSEPORT,
    SO_SETFIB,
    SO_SNDBUF,
    SO_SNDLOWAT,
    SO_SNDTIMEO,
    SO_TIMESTAMP,
    SO_TYPE,
    SO_USELOOPBACK,
    SO_USER_COOKIE,
    SOCK_RAW,
    SOCK_STREAM,
    SOL_SOCKET,
    Message,
)  # fmt: skip
from vshell.abi.sockio import IfRequest
from vshell.kernel.kern.kern_descrip import File
from vshell.kernel.kern.kern_synch import Wchan, sched_preempt, tsleep

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, ClassVar

    from vshell.kernel.kern.kern_proc import Proc, Ucred
    from vshell.kernel.net.vnet import Vnet

OVERINTERVAL = 60_000_000_000
"""kern.ipc.sooverinterval: so often a full queue is logged."""
LOG_DEBUG = 7

_FLAG_OPTIONS = (
    SO_DEBUG, SO_REUSEADDR, SO_KEEPALIVE, SO_DONTROUTE, SO_BROADCAST, SO_USELOOPBACK, SO_OOBINLINE, SO_REUSEPORT, SO_TIMESTAMP,
)  # fmt: skip


class Sockbuf:
    """A socket buffer: bytes of a stream, or records (data, from, control) of anything else."""

    __slots__ = ("autosize", "cantmore", "cc", "hiwat", "lowat", "records", "stream", "timeo")

    def __init__(self, hiwat: int) -> None:
        self.hiwat = hiwat
        self.lowat = 1
        self.timeo = 0
        """SO_RCVTIMEO/SO_SNDTIMEO in ns, 0 is for ever."""
        self.stream = bytearray()
        self.records: deque[tuple[bytes, Record | None, dict[int, object]]] = deque()
        self.cc = 0
        """Bytes of payload held."""
        self.cantmore = False
        self.autosize = False
        """SB_AUTOSIZE: the protocol may make it larger."""

    def space(self) -> int:
        """Room left (sbspace)."""
        return self.hiwat - self.cc

    def append_record(self, data: bytes, name: Record | None = None, control: dict[int, object] | None = None) -> bool:
        """sbappendaddr: add a datagram; False if it does not fit."""
        if self.cc + len(data) > self.hiwat:
            return False
        self.records.append((data, name, control or {}))
        self.cc += len(data)
        return True

    def append_stream(self, data: bytes) -> None:
        """sbappendstream."""
        self.stream += data
        self.cc += len(data)

    def drop(self, count: int) -> None:
        """sbdrop: remove bytes at the front of a stream."""
        del self.stream[:count]
        self.cc -= count


class Protosw:
    """A protocol (struct protosw): one instance serves all sockets of its kind; per-socket state hangs on `so.pcb`."""

    domain: ClassVar[int]
    type: ClassVar[int]
    protocol: ClassVar[int] = 0
    atomic: ClassVar[bool] = True
    """PR_ATOMIC: one send is one message."""
    name: ClassVar[str] = ""
    sendspace: ClassVar[int] = 9216
    recvspace: ClassVar[int] = 42080

    def attach(self, so: Socket, td: Proc) -> None:
        """A new socket."""

    def detach(self, so: Socket) -> None:
        """The socket is gone (pr_close, pr_detach)."""

    def abort(self, so: Socket) -> None:
        """The socket is gone before anybody accepted it (pr_abort)."""
        self.detach(so)

    def bind(self, so: Socket, addr: Record, td: Proc) -> None:
        """bind(2)."""
        raise KError(EOPNOTSUPP)

    def connect(self, so: Socket, addr: Record, td: Proc) -> None:
        """Begin to connect; sets so.connected at once or later."""
        raise KError(EOPNOTSUPP)

    def disconnect(self, so: Socket) -> None:
        """Dissolve the association of a datagram socket."""
        raise KError(EOPNOTSUPP)

    def listen(self, so: Socket, backlog: int, td: Proc) -> None:
        """listen(2)."""
        raise KError(EOPNOTSUPP)

    def send(self, so: Socket, data: bytes, addr: Record | None, flags: int, td: Proc) -> int:
        """Take data; for a stream as much as fits now (0 makes the sender wait)."""
        raise KError(EOPNOTSUPP)

    def rcvd(self, so: Socket) -> None:
        """The user took data from a stream: the window may open."""

    def shutdown(self, so: Socket, how: int) -> None:
        """shutdown(2) beyond marking the buffers."""

    def describe(self, so: Socket) -> str:
        """How log messages name a listening socket."""
        return self.name or "unknown"

    def sockaddr(self, so: Socket) -> Record:
        """getsockname(2)."""
        raise KError(EOPNOTSUPP)

    def peeraddr(self, so: Socket) -> Record:
        """getpeername(2)."""
        raise KError(ENOTCONN)

    def control(self, so: Socket, request: Record, td: Proc) -> Any:
        """ioctl(2) that is not an interface request."""
        raise KError(ENOTTY)

    def setopt(self, so: Socket, level: int, name: int, value: Any, td: Proc) -> Any:
        """setsockopt(2) above the socket level (pr_ctloutput)."""
        raise KError(ENOPROTOOPT)

    def getopt(self, so: Socket, level: int, name: int, td: Proc) -> Any:
        """getsockopt(2) above the socket level."""
        raise KError(ENOPROTOOPT)


ProtoClass = type[Protosw]

PROTOSW: list[ProtoClass] = []
"""Every protocol whose file has been loaded, in order of loading; filled by `protosw`."""


upcalls: dict[str, Callable[..., Any]] = {}
"""What the network does for sockets, by the name of its function; filled by net/ifioctl.py."""


def protosw(domain: int, type: int, protocol: int = 0) -> Any:
    """Register a protocol class for (domain, type, protocol)."""

    def register(cls: ProtoClass) -> ProtoClass:
        cls.domain, cls.type, cls.protocol = domain, type, protocol
        PROTOSW.append(cls)
        return cls

    return register


def pffindproto(domain: int, type: int, protocol: int) -> ProtoClass:
    """The protocol for socket(2): an exact match, or the wildcard of raw sockets.  EAFNOSUPPORT, EPROTOTYPE, ..."""
    maybe = None
    same = [pr for pr in PROTOSW if pr.domain == domain]
    if not same:
        raise KError(EAFNOSUPPORT)
    for pr in same:
        if pr.type != type:
            continue
        if pr.protocol == protocol or protocol == 0:
            return pr
        if type == SOCK_RAW and pr.protocol == 0 and maybe is None:
            maybe = pr
    if maybe is not None:
        return maybe
    if any(pr.protocol == protocol for pr in same):
        raise KError(EPROTOTYPE)
    raise KError(EPROTONOSUPPORT)


def solisten_room(head: Socket) -> bool:
    """May a connection join the queue of a listening socket (solisten_clone)?  That it may not is logged once in a minute."""
    if len(head.complete) <= 3 * head.qlimit // 2:
        return True
    head.overcount += 1
    kernel = head.vnet.kernel
    if not head.lastover or kernel.clock.now - head.lastover >= OVERINTERVAL:
        head.lastover = kernel.clock.now or 1
        from zlib import crc32

        cred, name = head.cred, head.pr.describe(head)
        # An address, but one that does not differ from run to run.
        text = f"sonewconn: pcb {0xFFFFF80000000000 | crc32(name.encode()) << 8:#x} ({name}): Listen queue overflow: "
        text += f"{len(head.complete)} already in queue awaiting acceptance ({head.overcount} occurrences)"
        if cred.uid:
            text += f", euid {cred.uid}, rgid {cred.rgid}, jail {cred.prison.name}"
        head.overcount = 0
        kernel.log(LOG_DEBUG, text)
    return False


class Socket(File):
    """struct socket."""

    kind = "socket"

    def __init__(self, pr: Protosw, cred: Ucred, vnet: Vnet, protocol: int, fibnum: int) -> None:
        super().__init__(O_RDWR)
        self.pr = pr
        self.cred = cred
        cred.prison.hold()
        self.vnet = vnet
        """The stack the socket lives in, for good."""
        self.protocol = protocol
        self.fibnum = fibnum
        self.options = 0
        self.linger = -1
        self.error = 0
        """SO_ERROR: an asynchronous error, reported once."""
        self.rcv = Sockbuf(pr.recvspace)
        self.snd = Sockbuf(pr.sendspace)
        self.pcb: Any = None
        self.connected = self.connecting = self.disconnected = False
        self.qlimit = 0
        self.overcount = self.lastover = 0
        """Connections for which there was no room since that was logged, and when it was."""
        self.incomplete: list[Socket] = []
        self.complete: deque[Socket] = deque()
        self.head: Socket | None = None
        self.cchan = Wchan("connec")
        self.user_cookie = 0

    # upcalls of protocols --------------------------------------------------------------------------------------
    def sorwakeup(self) -> None:
        """There is something to read."""
        self.rchan.wakeup()

    def sowwakeup(self) -> None:
        """There is room to write."""
        self.wchan.wakeup()

    def soisconnected(self) -> None:
        """The connection is up."""
        self.connected, self.connecting = True, False
        head = self.head
        if head is not None and self in head.incomplete:
            head.incomplete.remove(self)
            head.complete.append(self)
            head.sorwakeup()
        self.cchan.wakeup()
        self.sorwakeup()
        self.sowwakeup()

    def soisdisconnected(self) -> None:
        """The connection is gone in both directions."""
        self.connected = self.connecting = False
        self.disconnected = True
        self.rcv.cantmore = self.snd.cantmore = True
        self.cchan.wakeup()
        self.sorwakeup()
        self.sowwakeup()

    def socantrcvmore(self) -> None:
        """The peer will send no more."""
        self.rcv.cantmore = True
        self.sorwakeup()

    def soerror(self, error: int) -> None:
        """Report an asynchronous error and wake everybody."""
        self.error = error
        self.cchan.wakeup()
        self.sorwakeup()
        self.sowwakeup()

    def take_error(self) -> int:
        """Return and clear the pending error."""
        error, self.error = self.error, 0
        return error

    # calls from below the descriptor ---------------------------------------------------------------------------
    def nonblocking(self, flags: int) -> bool:
        """True if the call must not sleep."""
        return bool(self.flags & O_NONBLOCK or flags & MSG_DONTWAIT)

    async def soconnect(self, addr: Record, td: Proc) -> None:
        """connect(2)."""
        from vshell.abi.errno import EALREADY, EINPROGRESS, EINTR

        if self.qlimit or self.options & SO_ACCEPTCONN:
            raise KError(EOPNOTSUPP)
        if self.connecting:
            raise KError(EALREADY)
        if self.connected:
            if self.pr.type == SOCK_STREAM:
                raise KError(EISCONN)
            self.pr.disconnect(self)
        self.error = 0
        self.pr.connect(self, addr, td)
        if not self.connecting:
            return
        if self.flags & O_NONBLOCK:
            raise KError(EINPROGRESS)
        while self.connecting and not self.error:
            try:
                await tsleep(td, self.cchan, eintr=True)
            except KError as e:
                raise KError(EINTR) from e
        if error := self.take_error():
            raise KError(error)

    async def sosend(self, data: bytes, addr: Record | None, flags: int, td: Proc) -> int:
        """send(2), sendto(2)."""
        done = 0
        while True:
            if self.snd.cantmore:
                raise KError(EPIPE)
            if error := self.take_error():
                raise KError(error)
            if self.pr.type == SOCK_STREAM and not (self.connected or self.connecting):
                raise KError(ENOTCONN)
            took = self.pr.send(self, data[done:] if done else data, addr, flags, td)
            done += took
            if (took or not data) and td.kernel.netisrq and self.connected and self.pr.type != SOCK_RAW:
                await sched_preempt(td)
                if done < len(data) and not self.nonblocking(flags):
                    continue  # what was on its way may have made room: there would be no wakeup for it any more
            if done >= len(data):
                return done
            if self.nonblocking(flags):
                if done:
                    return done
                raise KError(EAGAIN)
            if not await tsleep(td, self.wchan, timeout=self.snd.timeo or None):
                raise KError(EAGAIN)

    async def soreceive(self, size: int, flags: int, td: Proc) -> Message:
        """recvmsg(2)."""
        rcv = self.rcv
        while True:
            if rcv.records and self.pr.type != SOCK_STREAM:
                return self._take_record(size, flags)
            if rcv.stream:
                data = bytes(rcv.stream[:size])
                if not flags & MSG_PEEK:
                    rcv.drop(len(data))
                    self.pr.rcvd(self)
                return Message(data)
            if error := self.take_error():
                raise KError(error)
            if rcv.cantmore or not size:
                return Message(b"")
            if self.pr.type == SOCK_STREAM and not (self.connected or self.connecting or self.disconnected):
                raise KError(ENOTCONN)
            if self.nonblocking(flags):
                raise KError(EAGAIN)
            if not await tsleep(td, self.rchan, timeout=rcv.timeo or None):
                raise KError(EAGAIN)

    def _take_record(self, size: int, flags: int) -> Message:
        rcv = self.rcv
        data, name, control = rcv.records[0]
        if not flags & MSG_PEEK:
            rcv.records.popleft()
            rcv.cc -= len(data)
        return Message(data[:size], name, MSG_TRUNC if len(data) > size else 0, control)

    def soshutdown(self, how: int) -> None:
        """shutdown(2)."""
        if how not in (SHUT_RD, SHUT_WR, SHUT_RDWR):
            raise KError(EINVAL)
        if not (self.connected or self.connecting or self.disconnected) and self.pr.type == SOCK_STREAM:
            raise KError(ENOTCONN)
        if how != SHUT_WR:
            self.rcv.cantmore = True
            self.rcv.stream.clear()
            self.rcv.cc = 0
            self.sorwakeup()
        if how != SHUT_RD:
            self.snd.cantmore = True
            self.sowwakeup()
        self.pr.shutdown(self, how)

    # struct file -----------------------------------------------------------------------------------------------
    async def read(self, td: Proc, size: int) -> bytes:
        """read(2) on a socket."""
        return (await self.soreceive(size, 0, td)).data

    def write_nowait(self, td: Proc, data: bytes) -> int:
        """write(2) on a socket, as far as it goes."""
        if self.snd.cantmore:
            raise KError(EPIPE)
        if self.pr.type == SOCK_STREAM and not self.connected:
            raise KError(ENOTCONN)
        return self.pr.send(self, data, None, MSG_DONTWAIT, td)

    async def write(self, td: Proc, data: bytes) -> int:
        """write(2) on a socket."""
        return await self.sosend(data, None, 0, td)

    def poll(self, events: int) -> int:
        """sopoll."""
        ready = 0
        rcv = self.rcv
        if events & POLLIN and (rcv.records or rcv.stream or rcv.cantmore or self.error or self.complete):
            ready |= POLLIN
        writable = self.connected or self.pr.type != SOCK_STREAM
        if events & POLLOUT and (self.error or self.snd.cantmore or (writable and self.snd.space() >= self.snd.lowat)):
            ready |= POLLOUT
        if rcv.cantmore and self.snd.cantmore:
            ready |= POLLHUP
        return ready

    def stat(self, td: Proc) -> Stat:
        """A socket."""
        return Stat(0, 0, S_IFSOCK | 0o666, 1, self.cred.uid, self.cred.gid, 0, 0, 0, 0)

    def ioctl(self, td: Proc, request: Record) -> Any:
        """soo_ioctl: interface requests go to the stack the socket lives in."""
        if isinstance(request, IfRequest):
            return upcalls["ifioctl"](self, request, td)
        return self.pr.control(self, request, td)

    def close(self) -> None:
        """soclose."""
        for so in [*self.incomplete, *self.complete]:
            so.head = None
            so.pr.abort(so)
            so.sofree()
        self.pr.detach(self)
        self.sofree()

    def sofree(self) -> None:
        """The socket lets go of its jail; what of a connection lives on must hold the jail itself (`cred.prison.hold`)."""
        self.cred.prison.free()

    # socket-level options --------------------------------------------------------------------------------------
    def sosetopt(self, level: int, name: int, value: Any, td: Proc) -> Any:
        """setsockopt(2); some options answer."""
        if level != SOL_SOCKET:
            return self.pr.setopt(self, level, name, value, td)
        if name in _FLAG_OPTIONS:
            self.options = self.options | name if value else self.options & ~name
        elif name == SO_LINGER:
            self.linger = value
        elif name in (SO_SNDBUF, SO_RCVBUF):
            if value <= 0:
                raise KError(EINVAL)
            buffer = self.snd if name == SO_SNDBUF else self.rcv
            buffer.hiwat, buffer.autosize = value, False
        elif name in (SO_SNDLOWAT, SO_RCVLOWAT):
            (self.snd if name == SO_SNDLOWAT else self.rcv).lowat = value
        elif name in (SO_SNDTIMEO, SO_RCVTIMEO):
            (self.snd if name == SO_SNDTIMEO else self.rcv).timeo = value
        elif name == SO_SETFIB:
            if not 0 <= value < self.vnet.numfibs:
                raise KError(EINVAL)
            self.fibnum = value
            if hasattr(self.pcb, "fib"):
                # What the socket connects to and sends from now on goes by the new table.
                self.pcb.fib = value
        elif name == SO_USER_COOKIE:
            self.user_cookie = value
        else:
            raise KError(ENOPROTOOPT)

    def sogetopt(self, level: int, name: int, td: Proc) -> Any:
        """getsockopt(2)."""
        if level != SOL_SOCKET:
            return self.pr.getopt(self, level, name, td)
        if name in (*_FLAG_OPTIONS, SO_ACCEPTCONN):
            return self.options & name
        values = {
            SO_LINGER: self.linger, SO_SNDBUF: self.snd.hiwat, SO_RCVBUF: self.rcv.hiwat, SO_SNDLOWAT: self.snd.lowat,
            SO_RCVLOWAT: self.rcv.lowat, SO_SNDTIMEO: self.snd.timeo, SO_RCVTIMEO: self.rcv.timeo, SO_TYPE: self.pr.type,
            SO_PROTOCOL: self.protocol, SO_USER_COOKIE: self.user_cookie,
        }  # fmt: skip
        if name == SO_ERROR:
            return self.take_error()
        if name not in values:
            raise KError(ENOPROTOOPT)
        return values[name]
