"""Local sockets, unix(4): names in the file system, pairs, streams and messages (kern/uipc_usrreq.c)."""

from __future__ import annotations

from vshell.abi.errno import (
    EADDRINUSE,
    EAFNOSUPPORT,
    ECONNREFUSED,
    ECONNRESET,
    EDESTADDRREQ,
    EEXIST,
    EINVAL,
    EISCONN,
    EMSGSIZE,
    ENOBUFS,
    ENOENT,
    ENOTCONN,
    ENOTSOCK,
    EPIPE,
    EPROTOTYPE,
    KError,
)  # fmt: skip
from vshell.abi.fcntl import S_IFSOCK, W_OK
from vshell.abi.socket import AF_LOCAL, SHUT_RD, SO_ACCEPTCONN, SOCK_DGRAM, SOCK_SEQPACKET, SOCK_STREAM, SockaddrUn
from vshell.abi.unpcb import Xunpcb
from vshell.kernel.kern.module import KernelModule, sysctl_proc
from vshell.kernel.kern.uipc_socket import Protosw, Socket, protosw, solisten_room
from vshell.kernel.kern.vfs import namei, new_name, vaccess

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from vshell.abi.record import Record
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.kern.kernel import Kernel
    from vshell.kernel.kern.vfs import Vnode


class Unpcb:
    """struct unpcb."""

    __slots__ = ("conn", "path", "refs", "so", "vnode")

    def __init__(self, so: Socket) -> None:
        self.so = so
        self.conn: Unpcb | None = None
        """The other end."""
        self.refs: list[Unpcb] = []
        """Datagram sockets that are connected to this one."""
        self.path = ""
        self.vnode: Vnode | None = None


class Unix(KernelModule):
    """All local sockets of the machine."""

    def __init__(self, kernel: Kernel) -> None:
        super().__init__(kernel)
        self.lists: dict[int, list[Unpcb]] = {SOCK_STREAM: [], SOCK_DGRAM: [], SOCK_SEQPACKET: []}
        """By type, the oldest first."""

    @sysctl_proc("net.local.stream.pcblist", "List of active local stream sockets", flags="r", fmt="opaque")
    def _stream(self, td: Proc, new: Any) -> Any:
        return self._pcblist(td, SOCK_STREAM)

    @sysctl_proc("net.local.dgram.pcblist", "List of active local datagram sockets", flags="r", fmt="opaque")
    def _dgram(self, td: Proc, new: Any) -> Any:
        return self._pcblist(td, SOCK_DGRAM)

    @sysctl_proc("net.local.seqpacket.pcblist", "List of active local seqpacket sockets", flags="r", fmt="opaque")
    def _seqpacket(self, td: Proc, new: Any) -> Any:
        return self._pcblist(td, SOCK_SEQPACKET)

    @sysctl_proc("net.local.sockcount", "Number of active local sockets.", flags="r", fmt="unsigned integer")
    def _count(self, td: Proc, new: Any) -> Any:
        return sum(map(len, self.lists.values()))

    def _pcblist(self, td: Proc, kind: int) -> tuple[Xunpcb, ...]:
        mine = td.ucred.prison
        return tuple(_xunpcb(unp) for unp in reversed(self.lists[kind]) if mine.contains(unp.so.cred.prison))


def _number(thing: object | None) -> int:
    return 0xFFFFF80000000000 | id(thing) & 0xFFFFFFFFFF if thing is not None else 0


def _xunpcb(unp: Unpcb) -> Xunpcb:
    so, conn = unp.so, unp.conn
    first = unp.refs[-1] if unp.refs else None
    return Xunpcb(
        id(so), _number(unp), _number(conn), _number(unp.vnode), _number(first), unp.path, conn.path if conn is not None else "",
        so.rcv.cc, so.snd.cc, len(so.complete), len(so.incomplete), so.qlimit, so.cred.uid,
    )  # fmt: skip


class Local(Protosw):
    """What all kinds have in common."""

    name = "local"

    def attach(self, so: Socket, td: Proc) -> None:
        """A new socket."""
        self.add(so)

    def add(self, so: Socket) -> Unpcb:
        """uipc_attach."""
        unp = so.pcb = Unpcb(so)
        so.vnet.kernel[Unix].lists[self.type].append(unp)
        return unp

    def connect2(self, one: Socket, two: Socket) -> None:
        """socketpair(2)."""
        one.pcb.conn, two.pcb.conn = two.pcb, one.pcb
        one.soisconnected()
        two.soisconnected()

    def detach(self, so: Socket) -> None:
        """The other end sees the end."""
        unp: Unpcb = so.pcb
        known = so.vnet.kernel[Unix].lists[self.type]
        if unp in known:
            known.remove(unp)
        if unp.vnode is not None:
            unp.vnode.un = None
            unp.vnode = None
        self.unlink(unp)

    def unlink(self, unp: Unpcb) -> None:
        """unp_disconnect, unp_drop."""
        peer, unp.conn = unp.conn, None
        if peer is not None:
            peer.conn = None
            peer.so.soisdisconnected()

    def bind(self, so: Socket, addr: Record, td: Proc) -> None:
        """bind(2): make a name in the file system."""
        unp: Unpcb = so.pcb
        if not isinstance(addr, SockaddrUn):
            raise KError(EAFNOSUPPORT)
        if unp.vnode is not None or not addr.path:
            raise KError(EINVAL)
        try:
            dvp, name = new_name(td, addr.path)
        except KError as e:
            raise KError(EADDRINUSE if e.errno == EEXIST else e.errno) from e
        vnode = dvp.mksock(name, 0o777 & ~td.cmask, td.ucred.uid)
        vnode.un = unp
        unp.vnode, unp.path = vnode, addr.path

    def named(self, addr: Record, td: Proc) -> Unpcb:
        """The socket of a name.  ENOENT, ENOTSOCK, EACCES, ECONNREFUSED, EPROTOTYPE."""
        if not isinstance(addr, SockaddrUn):
            raise KError(EAFNOSUPPORT)
        if not addr.path:
            raise KError(ENOENT)
        vnode = namei(td, addr.path)
        if vnode.type != S_IFSOCK:
            raise KError(ENOTSOCK)
        vaccess(vnode, td.ucred, W_OK)
        unp: Unpcb | None = vnode.un
        if unp is None:
            raise KError(ECONNREFUSED)
        if unp.so.pr.type != self.type:
            raise KError(EPROTOTYPE)
        return unp

    def shutdown(self, so: Socket, how: int) -> None:
        """What is sent no more is received no more."""
        if how != SHUT_RD and so.pcb.conn is not None:
            so.pcb.conn.so.socantrcvmore()

    def sockaddr(self, so: Socket) -> Record:
        """Its own name."""
        return SockaddrUn(so.pcb.path)

    def peeraddr(self, so: Socket) -> Record:
        """ENOTCONN."""
        if so.pcb.conn is None:
            raise KError(ENOTCONN)
        return SockaddrUn(so.pcb.conn.path)


class Connected(Local):
    """Sockets that listen, connect and accept."""

    def listen(self, so: Socket, backlog: int, td: Proc) -> None:
        """listen(2)."""
        if so.pcb.conn is not None:
            raise KError(EINVAL)
        if so.pcb.vnode is None:
            raise KError(EDESTADDRREQ)

    def connect(self, so: Socket, addr: Record, td: Proc) -> None:
        """connect(2): the other end exists at once, in the queue of the one that listens."""
        unp: Unpcb = so.pcb
        if unp.conn is not None:
            raise KError(EISCONN)
        to = self.named(addr, td)
        lso = to.so
        if not lso.options & SO_ACCEPTCONN or not solisten_room(lso):
            raise KError(ECONNREFUSED)
        new = Socket(lso.pr, lso.cred, lso.vnet, lso.protocol, lso.fibnum)
        new.options = lso.options & ~SO_ACCEPTCONN
        other = self.add(new)
        other.path = to.path
        other.conn, unp.conn = unp, other
        new.connected = True
        new.head = lso
        so.soisconnected()
        lso.complete.append(new)
        lso.sorwakeup()

    def describe(self, so: Socket) -> str:
        """As solisten_clone does."""
        return f"local:{so.pcb.path or '(unknown)'}"

    def disconnect(self, so: Socket) -> None:
        """There is no way back."""
        raise KError(EISCONN)


@protosw(AF_LOCAL, SOCK_STREAM)
class LocalStream(Connected):
    """A stream."""

    atomic = False
    sendspace = 65536
    recvspace = 65536

    def send(self, so: Socket, data: bytes, addr: Record | None, flags: int, td: Proc) -> int:
        """As much as the other end has room for."""
        peer: Unpcb | None = so.pcb.conn
        if peer is None:
            raise KError(EPIPE if so.disconnected else ENOTCONN)
        rcv = peer.so.rcv
        if rcv.cantmore:
            raise KError(EPIPE)
        size = min(len(data), rcv.space())
        if size > 0:
            rcv.append_stream(data[:size])
            peer.so.sorwakeup()
        return max(size, 0)

    def rcvd(self, so: Socket) -> None:
        """There is room again."""
        if so.pcb.conn is not None:
            so.pcb.conn.so.sowwakeup()


@protosw(AF_LOCAL, SOCK_SEQPACKET)
class LocalSeqpacket(Connected):
    """Messages over a connection."""

    sendspace = 65536
    recvspace = 65536

    def send(self, so: Socket, data: bytes, addr: Record | None, flags: int, td: Proc) -> int:
        """One message."""
        peer: Unpcb | None = so.pcb.conn
        if peer is None:
            raise KError(EPIPE if so.disconnected else ENOTCONN)
        if len(data) > so.snd.hiwat:
            raise KError(EMSGSIZE)
        if peer.so.rcv.cantmore:
            raise KError(EPIPE)
        if not peer.so.rcv.append_record(data):
            raise KError(ENOBUFS)
        peer.so.sorwakeup()
        return len(data)


@protosw(AF_LOCAL, SOCK_DGRAM)
class LocalDgram(Local):
    """Messages to whom they are addressed."""

    sendspace = 8192
    recvspace = 16384

    def connect(self, so: Socket, addr: Record, td: Proc) -> None:
        """connect(2): a name for all messages to come."""
        unp: Unpcb = so.pcb
        to = self.named(addr, td)
        unp.conn = to
        to.refs.append(unp)
        so.soisconnected()

    def disconnect(self, so: Socket) -> None:
        """Forget it."""
        self.unlink(so.pcb)
        so.connected = False

    def unlink(self, unp: Unpcb) -> None:
        """Those who sent here hear that nobody is there."""
        peer, unp.conn = unp.conn, None
        if peer is not None:
            if unp in peer.refs:
                peer.refs.remove(unp)
            elif peer.conn is unp:
                peer.conn = None
                peer.so.soisdisconnected()
        for ref in unp.refs:
            ref.conn = None
            ref.so.connected = False
            ref.so.soerror(ECONNRESET)
        unp.refs.clear()

    def send(self, so: Socket, data: bytes, addr: Record | None, flags: int, td: Proc) -> int:
        """One message, if the other end has room."""
        unp: Unpcb = so.pcb
        if addr is not None:
            if unp.conn is not None:
                raise KError(EISCONN)
            peer = self.named(addr, td)
        elif unp.conn is None:
            raise KError(ENOTCONN)
        else:
            peer = unp.conn
        if len(data) > so.snd.hiwat:
            raise KError(EMSGSIZE)
        if not peer.so.rcv.append_record(data, SockaddrUn(unp.path)):
            raise KError(ENOBUFS)
        peer.so.sorwakeup()
        return len(data)
