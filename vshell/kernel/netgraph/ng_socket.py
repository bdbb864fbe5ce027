"""ng_socket(4): nodes that are programs, by way of sockets of AF_NETGRAPH (netgraph/ng_socket.c).

A control socket is a node; a data socket is connected to it by name.  The node lives until both are closed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.errno import (
    EADDRINUSE,
    EAFNOSUPPORT,
    EDESTADDRREQ,
    EEXIST,
    EHOSTUNREACH,
    EINVAL,
    EISCONN,
    ENOBUFS,
    ENOTCONN,
    ENXIO,
    KError,
)  # fmt: skip
from vshell.abi.netgraph import (
    NG_CONTROL,
    NG_DATA,
    NG_HOOKSIZ,
    NG_NODESIZ,
    NG_VERSION,
    NGM_GENERIC_COOKIE,
    NGM_MKPEER,
    NGM_SOCK_CMD_LINGER,
    NGM_SOCK_CMD_NOLINGER,
    NGM_SOCKET_COOKIE,
    NgMesg,
    SockaddrNg,
    cstring,
)  # fmt: skip
from vshell.abi.socket import AF_NETGRAPH, SOCK_DGRAM
from vshell.kernel.kern.kern_priv import PRIV_NETGRAPH_CONTROL, priv_check
from vshell.kernel.kern.module import KernelModule, Kld, Sysctl
from vshell.kernel.kern.uipc_socket import Protosw, protosw
from vshell.kernel.net.mbuf import m_get
from vshell.kernel.netgraph.netgraph import NgBase
from vshell.kernel.netgraph.ng_base import NgHook, NgMsg, Node, ng_deliver, ng_name_node, ng_path2node, ng_rmnode, ng_send_data

if TYPE_CHECKING:
    from vshell.abi.record import Record
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.kern.kernel import Kernel
    from vshell.kernel.kern.uipc_socket import Socket
    from vshell.kernel.net.mbuf import Mbuf

KLD = Kld(depends=("netgraph",), size=0x4228)


class NgSocketModule(KernelModule):
    """Settings of all netgraph sockets."""

    maxdgram: int = Sysctl("net.graph.maxdgram", 20 * 1024, "Maximum outgoing Netgraph datagram size", fmt="unsigned long")
    recvspace: int = Sysctl(
        "net.graph.recvspace", 20 * 1024, "Maximum space for incoming Netgraph datagrams", fmt="unsigned long"
    )
    family: int = Sysctl("net.graph.family", AF_NETGRAPH, flags="r")
    data: int = Sysctl("net.graph.data.proto", NG_DATA, flags="r")
    control: int = Sysctl("net.graph.control.proto", NG_CONTROL, flags="r")


class NgSocket(Node, ngtype="socket", cookie=NGM_SOCKET_COOKIE):
    """The node of a program."""

    unloadable = False

    def __init__(self, vnet: Any) -> None:
        super().__init__(vnet)
        self.ctlsock: Socket | None = None
        self.datasock: Socket | None = None
        self.nolinger = False

    def constructor(self) -> None:
        """It comes with a socket only."""
        raise KError(EINVAL)

    def rcvmsg(self, msg: NgMsg) -> None:
        """ngs_rcvmsg: what is not for the node itself goes to the program."""
        so = self.ctlsock
        if so is None:
            raise KError(EINVAL)
        if msg.cookie == NGM_SOCKET_COOKIE:
            if msg.cmd not in (NGM_SOCK_CMD_NOLINGER, NGM_SOCK_CMD_LINGER):
                raise KError(EINVAL)
            self.nolinger = msg.cmd == NGM_SOCK_CMD_NOLINGER
            return
        data = NgMesg(msg.cookie, msg.cmd, msg.data, msg.flags, msg.token, msg.cmdstr).pack()
        if not so.rcv.append_record(data, SockaddrNg(f"[{msg.retaddr:x}]:")):
            so.soerror(ENOBUFS)
            raise KError(ENOBUFS)
        so.sorwakeup()

    def rcvdata(self, hook: NgHook, m: Mbuf) -> int:
        """ngs_rcvdata."""
        so = self.datasock
        if so is None:
            return 0
        if not so.rcv.append_record(m.bytes(), SockaddrNg(hook.name)):
            return ENOBUFS
        so.sorwakeup()
        return 0

    def disconnect(self, hook: NgHook) -> None:
        """Some programs wish to end with their last hook."""
        if self.nolinger and not self.hooks and self.valid:
            ng_rmnode(self)

    def shutdown(self) -> bool:
        """ngs_shutdown: the sockets stay, but there is nothing behind them."""
        for so in (self.datasock, self.ctlsock):
            if so is not None:
                so.soisdisconnected()
        if self.ctlsock is not None:
            # ngs_shutdown forgets the control socket's reference, so that the node is counted for ever.
            self.kernel[self.typeclass].nodes += 1
        return False


class _NgProto(Protosw):
    """What both kinds of sockets have in common; `so.pcb` is the node."""

    sendspace = 20 * 1024
    recvspace = 20 * 1024

    def reserve(self, so: Socket, td: Proc) -> None:
        """The buffers; without the module there are no such sockets."""
        module = td.kernel.get(NgSocketModule)
        if module is None:
            raise KError(EAFNOSUPPORT)
        so.snd.hiwat, so.rcv.hiwat = module.maxdgram, module.recvspace

    def disconnect(self, so: Socket) -> None:
        """It stays connected."""

    def sockaddr(self, so: Socket) -> Record:
        """ng_getsockaddr."""
        node: NgSocket | None = so.pcb
        if node is None or not node.valid:
            raise KError(EINVAL)
        return SockaddrNg(node.label)

    def free(self, node: NgSocket) -> None:
        """ng_socket_free_priv: with the last of its sockets the node goes."""
        if node.ctlsock is None and node.datasock is None and node.valid:
            ng_rmnode(node)


@protosw(AF_NETGRAPH, SOCK_DGRAM, NG_CONTROL)
class NgControl(_NgProto):
    """A control socket."""

    name = "ctrl"

    def attach(self, so: Socket, td: Proc) -> None:
        """ngc_attach."""
        if NgSocketModule not in td.kernel:
            raise KError(EAFNOSUPPORT)
        priv_check(td, PRIV_NETGRAPH_CONTROL)
        self.reserve(so, td)
        so.pcb = NgSocket(so.vnet)
        so.pcb.ctlsock = so

    def detach(self, so: Socket) -> None:
        """ngc_detach."""
        node: NgSocket = so.pcb
        node.ctlsock = None
        self.free(node)

    def bind(self, so: Socket, addr: Record, td: Proc) -> None:
        """Name the node."""
        if not isinstance(addr, SockaddrNg) or not 0 < len(addr.path) < NG_NODESIZ:
            raise KError(EINVAL)
        ng_name_node(so.pcb, addr.path)

    def connect(self, so: Socket, addr: Record, td: Proc) -> None:
        """Not these."""
        raise KError(EINVAL)

    def send(self, so: Socket, data: bytes, addr: Record | None, flags: int, td: Proc) -> int:
        """ngc_send: deliver a message; the caller learns what the receiver says to it."""
        if not isinstance(addr, SockaddrNg):
            raise KError(EDESTADDRREQ if addr is None else EINVAL)
        if len(addr.path) >= NG_NODESIZ:
            raise KError(EINVAL)
        message = NgMesg.unpack(data)
        if message is None or message.version != NG_VERSION:
            raise KError(EINVAL)
        if message.cookie == NGM_GENERIC_COOKIE and message.cmd == NGM_MKPEER:
            load_type(td, cstring(message.data[:32]).decode("latin-1"))
        here: NgSocket = so.pcb
        node, hook = ng_path2node(here.vnet, here, addr.path)
        msg = NgMsg(message.cookie, message.cmd, message.data, message.flags, message.token, message.cmdstr, here.id)
        msg.hook = hook
        ng_deliver(node, msg)
        return len(data)


@protosw(AF_NETGRAPH, SOCK_DGRAM, NG_DATA)
class NgData(_NgProto):
    """A data socket."""

    name = "data"

    def attach(self, so: Socket, td: Proc) -> None:
        """ngd_attach."""
        self.reserve(so, td)

    def detach(self, so: Socket) -> None:
        """ngd_detach."""
        node: NgSocket | None = so.pcb
        if node is not None:
            node.datasock = None
            self.free(node)

    def connect(self, so: Socket, addr: Record, td: Proc) -> None:
        """ng_connect_data: become the data socket of a node."""
        if so.pcb is not None:
            raise KError(EISCONN)
        if not isinstance(addr, SockaddrNg):
            raise KError(EINVAL)
        node, _ = ng_path2node(so.vnet, None, addr.path)
        if not isinstance(node, NgSocket):
            raise KError(EINVAL)
        if node.datasock is not None:
            raise KError(EADDRINUSE)
        node.datasock = so
        so.pcb = node

    def send(self, so: Socket, data: bytes, addr: Record | None, flags: int, td: Proc) -> int:
        """ngd_send: a packet leaves by a hook."""
        node: NgSocket | None = so.pcb
        if node is None:
            raise KError(ENOTCONN)
        name = addr.path if isinstance(addr, SockaddrNg) else ""
        if len(name) >= NG_HOOKSIZ:
            raise KError(EINVAL)
        if not name:
            if len(node.hooks) != 1:
                raise KError(EDESTADDRREQ)
            hook: NgHook | None = next(iter(node.hooks))
        else:
            hook = node.findhook(name)
            if hook is None:
                raise KError(EHOSTUNREACH)
        error = ng_send_data(hook, m_get(data))
        if error:
            raise KError(error)
        return len(data)


def load_type(td: Proc, name: str) -> None:
    """mkpeer of a type that is not known loads its file.  ENOENT, EPERM, ENXIO."""
    kernel: Kernel = td.kernel
    if kernel[NgBase].findtype(name) is not None:
        return
    try:
        td.sysent.kldload(f"ng_{name}")
    except KError as e:
        if e.errno != EEXIST:
            raise
    if kernel[NgBase].findtype(name) is None:
        raise KError(ENXIO)
