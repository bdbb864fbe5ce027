"""System calls on sockets (uipc_syscalls.c)."""

from __future__ import annotations

from vshell.abi.errno import EAGAIN, EINVAL, ENOTSOCK, EOPNOTSUPP, EPIPE, KError
from vshell.abi.fcntl import O_NONBLOCK
from vshell.abi.file import Xfile
from vshell.abi.record import Record
from vshell.abi.signal import SIGPIPE
from vshell.abi.socket import MSG_NOSIGNAL, SO_ACCEPTCONN, SOCK_CLOEXEC, SOCK_NONBLOCK, Message
from vshell.kernel.kern.kern_proc import p_cansee
from vshell.kernel.kern.kern_sig import psignal
from vshell.kernel.kern.kern_synch import tsleep
from vshell.kernel.kern.uipc_socket import Protosw, Socket, pffindproto

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.kern.kernel import Kernel

_INSTANCES: dict[type[Protosw], Protosw] = {}


def socreate(td: Proc, domain: int, type: int, protocol: int) -> Socket:
    """Make a socket in the stack of the caller's jail."""
    td.kernel.network()
    # The jail is asked first: a jail without IP says so even for a protocol that does not exist.
    td.ucred.prison.check_af(domain)
    cls = pffindproto(domain, type, protocol)
    pr = _INSTANCES.get(cls)
    if pr is None:
        pr = _INSTANCES[cls] = cls()
    so = Socket(pr, td.ucred, td.vnet, protocol or cls.protocol, td.fibnum)
    try:
        pr.attach(so, td)
    except KError:
        so.sofree()
        raise
    return so


class SocketCalls:
    """System calls on sockets."""

    proc: Proc
    kernel: Kernel

    def _so(self, fd: int) -> Socket:
        file = self.proc.fd.get(fd)
        if not isinstance(file, Socket):
            raise KError(ENOTSOCK)
        return file

    def socket(self, domain: int, type: int, protocol: int = 0) -> int:
        """socket(2)."""
        so = socreate(self.proc, domain, type & 0xF, protocol)
        if type & SOCK_NONBLOCK:
            so.flags |= O_NONBLOCK
        fd = self.proc.fd.install(so)
        if type & SOCK_CLOEXEC:
            self.proc.fd.cloexec.add(fd)
        return fd

    def socketpair(self, domain: int, type: int) -> tuple[int, int]:
        """socketpair(2)."""
        one, two = socreate(self.proc, domain, type, 0), socreate(self.proc, domain, type, 0)
        connect2 = getattr(one.pr, "connect2", None)
        if connect2 is None:
            raise KError(EOPNOTSUPP)
        connect2(one, two)
        return self.proc.fd.install(one), self.proc.fd.install(two)

    def bind(self, fd: int, addr: Record) -> None:
        """bind(2)."""
        so = self._so(fd)
        so.pr.bind(so, addr, self.proc)

    async def connect(self, fd: int, addr: Record) -> None:
        """connect(2)."""
        await self._so(fd).soconnect(addr, self.proc)

    def listen(self, fd: int, backlog: int) -> None:
        """listen(2)."""
        so = self._so(fd)
        so.pr.listen(so, backlog, self.proc)
        so.options |= SO_ACCEPTCONN
        limit = 128
        so.qlimit = backlog if 0 <= backlog <= limit else limit

    async def accept(self, fd: int) -> tuple[int, Record]:
        """accept(2)."""
        so = self._so(fd)
        if not so.options & SO_ACCEPTCONN:
            raise KError(EINVAL)
        while not so.complete:
            if error := so.take_error():
                raise KError(error)
            if so.flags & O_NONBLOCK:
                raise KError(EAGAIN)
            await tsleep(self.proc, so.rchan)
        new = so.complete.popleft()
        new.head = None
        new.flags = so.flags
        return self.proc.fd.install(new), new.pr.peeraddr(new)

    async def sendto(self, fd: int, data: bytes, addr: Record | None = None, flags: int = 0) -> int:
        """sendto(2)."""
        try:
            return await self._so(fd).sosend(data, addr, flags, self.proc)
        except KError as e:
            if e.errno == EPIPE and not flags & MSG_NOSIGNAL:
                psignal(self.proc, SIGPIPE)
                self.proc.cursig(False)
            raise

    async def recvmsg(self, fd: int, size: int, flags: int = 0) -> Message:
        """recvmsg(2)."""
        return await self._so(fd).soreceive(size, flags, self.proc)

    def shutdown(self, fd: int, how: int) -> None:
        """shutdown(2)."""
        self._so(fd).soshutdown(how)

    def getsockname(self, fd: int) -> Record:
        """getsockname(2)."""
        so = self._so(fd)
        return so.pr.sockaddr(so)

    def getpeername(self, fd: int) -> Record:
        """getpeername(2)."""
        so = self._so(fd)
        return so.pr.peeraddr(so)

    def setsockopt(self, fd: int, level: int, name: int, value: Any) -> Any:
        """setsockopt(2); some options answer."""
        return self._so(fd).sosetopt(level, name, value, self.proc)

    def getsockopt(self, fd: int, level: int, name: int) -> Any:
        """getsockopt(2)."""
        return self._so(fd).sogetopt(level, name, self.proc)

    def open_sockets(self) -> tuple[Xfile, ...]:
        """The sockets among the files of every process one may see (sysctl kern.file), the youngest process first."""
        found = []
        for p in reversed(list(self.kernel.procs.values())):
            if not p_cansee(self.proc, p):
                continue
            for fd, file in sorted(p.fd.files.items()):
                if isinstance(file, Socket):
                    found.append(Xfile(id(file), p.pid, p.ucred.uid, fd, p.comm, p.ucred.prison.id))
        return tuple(found)

    def netlink(self, fd: int, request: Record) -> list[Record]:
        """A typed netlink request (netlink(4)); see net/netlink.py."""
        from vshell.kernel.net.netlink import nl_receive

        return nl_receive(self._so(fd), request, self.proc)
