"""Local sockets, unix(4): pairs of connected sockets, and the socket programs use to talk to interfaces (uipc_usrreq.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi.errno import EMSGSIZE, ENOBUFS, ENOTCONN, EPIPE, KError
from vshell.abi.socket import AF_LOCAL, SHUT_RD, SOCK_DGRAM, SOCK_STREAM, SockaddrUn
from vshell.kernel.kern.uipc_socket import Protosw, Socket, protosw

if TYPE_CHECKING:
    from vshell.abi.record import Record
    from vshell.kernel.kern.kern_proc import Proc


class Local(Protosw):
    """What both kinds have in common; `so.pcb` is the other end."""

    name = "local"
    sendspace = 8192
    recvspace = 8192

    def connect2(self, one: Socket, two: Socket) -> None:
        """socketpair(2)."""
        one.pcb, two.pcb = two, one
        one.soisconnected()
        two.soisconnected()

    def detach(self, so: Socket) -> None:
        """The other end sees the end."""
        peer, so.pcb = so.pcb, None
        if peer is not None:
            peer.pcb = None
            peer.soisdisconnected()

    def shutdown(self, so: Socket, how: int) -> None:
        """What is sent no more is received no more."""
        if how != SHUT_RD and so.pcb is not None:
            so.pcb.socantrcvmore()

    def sockaddr(self, so: Socket) -> Record:
        """Sockets have no names here."""
        return SockaddrUn("")

    def peeraddr(self, so: Socket) -> Record:
        """ENOTCONN."""
        if so.pcb is None:
            raise KError(ENOTCONN)
        return SockaddrUn("")


@protosw(AF_LOCAL, SOCK_STREAM)
class LocalStream(Local):
    """A pair of streams."""

    atomic = False

    def send(self, so: Socket, data: bytes, addr: Record | None, flags: int, td: Proc) -> int:
        """As much as the other end has room for."""
        peer: Socket | None = so.pcb
        if peer is None:
            raise KError(EPIPE if so.disconnected else ENOTCONN)
        if peer.rcv.cantmore:
            raise KError(EPIPE)
        size = min(len(data), peer.rcv.space())
        if size:
            peer.rcv.append_stream(data[:size])
            peer.sorwakeup()
        return size

    def rcvd(self, so: Socket) -> None:
        """There is room again."""
        if so.pcb is not None:
            so.pcb.sowwakeup()


@protosw(AF_LOCAL, SOCK_DGRAM)
class LocalDgram(Local):
    """A pair for messages."""

    def send(self, so: Socket, data: bytes, addr: Record | None, flags: int, td: Proc) -> int:
        """One message, if the other end has room."""
        peer: Socket | None = so.pcb
        if peer is None:
            raise KError(ENOTCONN)
        if len(data) > so.snd.hiwat:
            raise KError(EMSGSIZE)
        if not peer.rcv.append_record(data, SockaddrUn("")):
            raise KError(ENOBUFS)
        peer.sorwakeup()
        return len(data)
