"""libnetgraph: talk to netgraph through a node of one's own (netgraph(3), lib/libnetgraph)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi.errno import EAFNOSUPPORT, EINVAL, KError, strerror
from vshell.abi.fcntl import POLLIN
from vshell.abi.netgraph import (
    NG_CMDSTRSIZ,
    NG_CONTROL,
    NG_DATA,
    NG_NODESIZ,
    NG_PATHSIZ,
    NGF_RESP,
    NGM_ASCII2BINARY,
    NGM_GENERIC_COOKIE,
    NGM_HASREPLY,
    NGM_NODEINFO,
    NODEINFO,
    NgMesg,
    SockaddrNg,
)  # fmt: skip
from vshell.abi.socket import AF_NETGRAPH, SO_RCVBUF, SOCK_DGRAM, SOL_SOCKET
from vshell.userland.stdio import encode

if TYPE_CHECKING:
    from vshell.userland.program import Program

_ASCII_SPACE = " \t\n\v\f\r"
COOKIES = {NGM_GENERIC_COOKIE: "GENERIC"}


def to_bytes(text: str) -> bytes:
    """Program text as the bytes it stands for."""
    return encode(text)


def to_path(text: str) -> str:
    """Program text as a path in an address: one character per byte."""
    return encode(text).decode("latin-1")


class Netgraph:
    """A node of a program: control and data socket."""

    def __init__(self, p: Program, debug: int = 0) -> None:
        self.p = p
        self.csock = -1
        self.dsock = -1
        self.debug = debug
        self.token = 0

    def log(self, level: int, text: str, error: KError | None = None) -> None:
        """NGLOG, NGLOGX."""
        if self.debug >= level:
            self.p.warnx(f"{text}: {strerror(error.errno)}" if error is not None else text)

    # making the node -------------------------------------------------------------------------------------------
    def _control(self) -> int:
        sys = self.p.sys
        try:
            return sys.socket(AF_NETGRAPH, SOCK_DGRAM, NG_CONTROL)
        except KError as e:
            if e.errno != EAFNOSUPPORT:
                self.log(1, "socket", e)
                raise
        try:
            sys.kldload("ng_socket")
        except KError as e:
            self.log(1, "can't load ng_socket", e)
            raise
        return sys.socket(AF_NETGRAPH, SOCK_DGRAM, NG_CONTROL)

    async def make(self, name: str = "") -> None:
        """NgMkSockNode: the sockets, the node, its name.  Any error of these."""
        sys = self.p.sys
        self.csock = self._control()
        try:
            if name:
                name = to_path(name)[: NG_NODESIZ - 1]
                sys.bind(self.csock, SockaddrNg(name))
            else:
                await self.send(".", NGM_GENERIC_COOKIE, NGM_NODEINFO)
                answer, _ = await self.receive()
                name = f"[{NODEINFO.unpack_from(answer.data)[2]:x}]"
            self.dsock = sys.socket(AF_NETGRAPH, SOCK_DGRAM, NG_DATA)
            await sys.connect(self.dsock, SockaddrNg(f"{name}:"[:NG_NODESIZ]))
        except KError:
            for fd in (self.csock, self.dsock):
                if fd >= 0:
                    sys.close(fd)
            raise

    # messages --------------------------------------------------------------------------------------------------
    async def send(self, path: str, cookie: int, cmd: int, args: bytes = b"") -> None:
        """NgSendMsg."""
        message = NgMesg(cookie, cmd, args, token=self._token(), cmdstr=f"cmd{cmd}".encode())
        await self.deliver(path, message)

    async def deliver(self, path: str, message: NgMesg) -> None:
        """NgDeliverMsg: send, and wait if there must be an answer."""
        sys = self.p.sys
        address = to_path(path)[: NG_PATHSIZ - 1]
        if self.debug >= 2:
            self.log(2, f"SENDING {'RESPONSE' if message.flags & NGF_RESP else 'MESSAGE'}:")
            self._show(message, address)
        try:
            await sys.sendto(self.csock, message.pack(), SockaddrNg(address))
        except KError as e:
            self.log(1, f"sendto({path})", e)
            raise
        if message.cmd & NGM_HASREPLY and not message.flags & NGF_RESP:
            await sys.poll([(self.csock, POLLIN)], None)

    async def send_ascii(self, path: str, text: str) -> None:
        """NgSendAsciiMsg: let the node translate the message, then send it."""
        text = text.lstrip(_ASCII_SPACE)
        end = next((i for i, c in enumerate(text) if c in _ASCII_SPACE), len(text))
        name, args = text[:end], text[end:].lstrip(_ASCII_SPACE)
        inner = NgMesg(0, 0, to_bytes(args) + b"\0", cmdstr=to_bytes(name)[: NG_CMDSTRSIZ - 1], version=0)
        await self.send(path, NGM_GENERIC_COOKIE, NGM_ASCII2BINARY, inner.pack())
        reply, _ = await self.receive()
        binary = NgMesg.unpack(reply.data)
        if binary is None:
            raise KError(EINVAL)
        binary.token = self._token()
        binary.version = 8
        await self.deliver(path, binary)

    async def receive(self) -> tuple[NgMesg, str]:
        """NgAllocRecvMsg: a message and the path of its sender."""
        sys = self.p.sys
        size = sys.getsockopt(self.csock, SOL_SOCKET, SO_RCVBUF)
        try:
            got = await sys.recvmsg(self.csock, size)
        except KError as e:
            self.log(1, "recvfrom", e)
            raise
        name = getattr(got, "name", None)
        path = name.path if isinstance(name, SockaddrNg) else ""
        message = NgMesg.unpack(getattr(got, "data", b"")) or NgMesg(0, 0)
        if self.debug >= 2:
            self.log(2, f"RECEIVED {'RESPONSE' if message.flags & NGF_RESP else 'MESSAGE'}:")
            self._show(message, path)
        return message, path

    # data ------------------------------------------------------------------------------------------------------
    async def receive_data(self) -> tuple[bytes, str]:
        """NgAllocRecvData: a packet and the hook it came by."""
        sys = self.p.sys
        size = sys.getsockopt(self.dsock, SOL_SOCKET, SO_RCVBUF)
        got = await sys.recvmsg(self.dsock, size)
        name = getattr(got, "name", None)
        return getattr(got, "data", b""), name.path if isinstance(name, SockaddrNg) else ""

    async def send_data(self, hook: str, data: bytes) -> None:
        """NgSendData."""
        await self.p.sys.sendto(self.dsock, data, SockaddrNg(to_path(hook)))

    # debugging -------------------------------------------------------------------------------------------------
    def _token(self) -> int:
        self.token += 1
        return self.token - 1

    def _show(self, message: NgMesg, address: str) -> None:
        """_NgDebugSockaddr, _NgDebugMsg."""
        size = len(address) + 3
        self.log(2, f'SOCKADDR: {{ fam={AF_NETGRAPH} len={size} addr="{address}" }}')
        cookie = COOKIES.get(message.cookie)
        self.log(2, "NG_MESG :")
        self.log(2, f"  vers   {message.version}")
        self.log(2, f"  arglen {len(message.data)}")
        self.log(2, f"  flags  {message.flags}")
        self.log(2, f"  token  {message.token}")
        self.log(2, f"  cookie {cookie or '?'} ({message.cookie})")
        self.log(2, f"  cmd    {message.cmd}")
        self.log(2, f"  args ({len(message.data)} bytes)")
        for at in range(0, len(message.data), 16):
            line = message.data[at : at + 16]
            text = "".join(chr(c) if 32 <= c < 127 else "." for c in line)
            self.log(2, f"{at:04x}:  {' '.join(f'{c:02x}' for c in line):<48} {text}")
