"""ng_ksocket(4): a socket as a node; what comes in by its hook is sent, what it receives leaves (netgraph/ng_ksocket.c).

The name of the hook says what socket: "inet/dgram/udp".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EALREADY, EINVAL, EISCONN, ENOTCONN, ENXIO, KError
from vshell.abi.netgraph import NGF_RESP
from vshell.abi.record import Record
from vshell.abi.socket import (
    AF_INET,
    AF_INET6,
    AF_UNIX,
    IPPROTO_AH,
    IPPROTO_DIVERT,
    IPPROTO_ESP,
    IPPROTO_GRE,
    IPPROTO_ICMP,
    IPPROTO_ICMPV6,
    IPPROTO_IGMP,
    IPPROTO_IP,
    IPPROTO_IPV6,
    IPPROTO_PIM,
    IPPROTO_RAW,
    IPPROTO_TCP,
    IPPROTO_UDP,
    MSG_DONTWAIT,
    SO_ACCEPTCONN,
    SOCK_DGRAM,
    SOCK_RAW,
    SOCK_RDM,
    SOCK_SEQPACKET,
    SOCK_STREAM,
    SockaddrIn,
    SockaddrIn6,
    SockaddrUn,
)  # fmt: skip
from vshell.kernel.kern.kern_synch import Wchan
from vshell.kernel.kern.module import Kld
from vshell.kernel.kern.uipc_syscalls import socreate
from vshell.kernel.net.mbuf import m_get
from vshell.kernel.netgraph.ng_base import LastHook, NgHook, NgMsg, ng_rmnode, ng_send_data, ng_send_msg_id, ngmsg
from vshell.kernel.netgraph.ng_parse import (
    HINT8,
    HINT32,
    INT32,
    UINT8,
    Array,
    ByteArray,
    NgStruct,
    ParseType,
    encode_string,
    get_string,
    ng_dump,
    skip_space,
)  # fmt: skip

if TYPE_CHECKING:
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.kern.uipc_socket import Socket
    from vshell.kernel.net.mbuf import Mbuf
    from vshell.kernel.net.vnet import Vnet

KLD = Kld(depends=("netgraph",), size=0x5D20)

FAMILIES = {"local": AF_UNIX, "inet": AF_INET, "inet6": AF_INET6, "atm": 30, "divert": 44}
TYPES = {"stream": SOCK_STREAM, "dgram": SOCK_DGRAM, "raw": SOCK_RAW, "rdm": SOCK_RDM, "seqpacket": SOCK_SEQPACKET}
PROTOS = {
    AF_INET: {
        "ip": IPPROTO_IP, "raw": IPPROTO_RAW, "icmp": IPPROTO_ICMP, "igmp": IPPROTO_IGMP, "tcp": IPPROTO_TCP,
        "udp": IPPROTO_UDP, "gre": IPPROTO_GRE, "esp": IPPROTO_ESP, "ah": IPPROTO_AH, "swipe": 53, "encap": 98,
        "pim": IPPROTO_PIM,
    },
    AF_INET6: {
        "ip6": IPPROTO_IPV6, "raw6": IPPROTO_RAW, "icmp6": IPPROTO_ICMPV6, "igmp6": IPPROTO_IGMP, "tcp6": IPPROTO_TCP,
        "udp6": IPPROTO_UDP, "gre6": IPPROTO_GRE, "esp6": IPPROTO_ESP, "ah6": IPPROTO_AH, "swipe6": 53, "encap6": 98,
        "divert6": IPPROTO_DIVERT, "pim6": IPPROTO_PIM,
    },
}  # fmt: skip
SEND_FLAGS = MSG_DONTWAIT
COOKIE, ACCEPT_CMD, CONNECT_CMD = 942710669, 3, 4
SOMAXCONN = 128


class SockaddrType(ParseType):
    """struct sockaddr in words: inet/address:port, inet6/[address]:port, local/"path"; there is no default."""

    def parse(self, s: str, off: int, buf: bytearray) -> int:
        """By family."""
        off = skip_space(s, off)
        slash = s.find("/", off)
        if slash < 0:
            raise KError(EINVAL)
        family = FAMILIES.get(s[off:slash])
        off = slash + 1
        if family == AF_UNIX:
            found = get_string(s, off)
            if found is None:
                raise KError(EINVAL)
            self.dump(SockaddrUn(found[0]), buf)
            return found[1]
        end = next((i for i in range(off, len(s)) if s[i] in " \t\n"), len(s))
        text = s[off:end]
        if family == AF_INET:
            host, _, port = text.partition(":")
            self.dump(SockaddrIn(_inet(host), _port(port) if ":" in text else 0), buf)
        elif family == AF_INET6 and text.startswith("[") and "]" in text:
            host, _, port = text[1:].partition("]")
            self.dump(SockaddrIn6(_inet6(host.partition("%")[0]), _port(port[1:]) if port else 0), buf)
        else:
            raise KError(EINVAL)
        return end

    def unparse(self, data: bytes, off: int) -> tuple[str, int]:
        """By family."""
        addr, end = self.load(data, off)
        if isinstance(addr, SockaddrUn):
            return f"local/{encode_string(addr.path)}", end
        if isinstance(addr, SockaddrIn6):
            from ipaddress import IPv6Address

            host = f"inet6/[{IPv6Address(addr.addr)}]"
        elif isinstance(addr, SockaddrIn):
            host = "inet/" + ".".join(map(str, addr.addr))
        else:
            return "{}", end
        return (f"{host}:{addr.port}" if addr.port else host), end

    def load(self, data: bytes, off: int) -> tuple[Record | None, int]:
        """An address, None for what is too short or of another family."""
        if len(data) < off + 2 or len(data) < off + data[off] or data[off] < 2:
            return None, len(data)
        raw = data[off : off + data[off]]
        end = off + len(raw)
        if raw[1] == AF_INET and len(raw) >= 8:
            return SockaddrIn(bytes(raw[4:8]), int.from_bytes(raw[2:4], "big")), end
        if raw[1] == AF_INET6 and len(raw) >= 28:
            scope = int.from_bytes(raw[24:28], "little")
            return SockaddrIn6(bytes(raw[8:24]), int.from_bytes(raw[2:4], "big"), scope), end
        if raw[1] == AF_UNIX:
            return SockaddrUn(raw[2:].partition(b"\0")[0].decode("latin-1")), end
        return None, end

    def dump(self, value: Record, buf: bytearray) -> None:
        """As a struct."""
        if isinstance(value, SockaddrIn):
            buf += bytes((16, AF_INET)) + value.port.to_bytes(2, "big") + value.addr + bytes(8)
        elif isinstance(value, SockaddrIn6):
            buf += bytes((28, AF_INET6)) + value.port.to_bytes(2, "big") + bytes(4) + value.addr
            buf += value.scope_id.to_bytes(4, "little")
        elif isinstance(value, SockaddrUn):
            raw = value.path.encode("latin-1", "replace")[:253]
            buf += bytes((len(raw) + 2, AF_UNIX)) + raw


def _inet(text: str) -> bytes:
    parts = text.split(".")
    if len(parts) != 4 or not all(p.isascii() and p.isdigit() and int(p) <= 0xFF for p in parts):
        raise KError(EINVAL)
    return bytes(int(p) for p in parts)


def _inet6(text: str) -> bytes:
    from ipaddress import AddressValueError, IPv6Address

    try:
        return IPv6Address(text).packed
    except AddressValueError:
        raise KError(EINVAL) from None


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text) > 0xFFFF:
        raise KError(EINVAL)
    return int(text)


SOCKADDR = SockaddrType()


SOCKOPT_SIZE = 8


class SockoptType(ParseType):
    """struct ng_ksocket_sockopt: the value fills the rest of the message, whose length in ASCII is that of its text."""

    @staticmethod
    def _fields(size: int) -> NgStruct:
        return NgStruct(("level", INT32), ("name", INT32), ("value", ByteArray(lambda data, off: size)))

    def parse(self, s: str, off: int, buf: bytearray) -> int:
        """As long a value as there are characters."""
        return self._fields(max(len(s) + 1 - SOCKOPT_SIZE, 0)).parse(s, off, buf)

    def unparse(self, data: bytes, off: int) -> tuple[str, int]:
        """The rest is the value."""
        return self._fields(max(len(data) - off - SOCKOPT_SIZE, 0)).unparse(data, off)

    def load(self, data: bytes, off: int) -> tuple[tuple[int, int, bytes], int]:
        """(level, name, value)."""
        level, name = INT32.load(data, off)[0], INT32.load(data, off + 4)[0]
        return (level, name, bytes(data[off + SOCKOPT_SIZE :])), len(data)

    def dump(self, value: tuple[int, int, bytes], buf: bytearray) -> None:
        """The same."""
        INT32.dump(value[0], buf)
        INT32.dump(value[1], buf)
        buf += value[2]


SOCKOPT = SockoptType()
GENERIC_SOCKADDR = NgStruct(
    ("len", UINT8), ("family", UINT8), ("data", Array(HINT8, lambda data, off: max(data[off - 2] - 2, 0))),
)  # fmt: skip
ACCEPT = NgStruct(("nodeid", HINT32), ("addr", GENERIC_SOCKADDR))
TAG = "ksocket_sockaddr"
"""Where an mbuf has (id of the node, address) of its sender."""


class Upcall(Wchan):
    """Instead of a sleeping process, a function waits for data."""

    def __init__(self, node: Ksocket) -> None:
        super().__init__("ksock")
        self.node = node

    def wakeup(self) -> None:
        """ng_ksocket_incoming."""
        self.node.incoming()


class Ksocket(LastHook, ngtype="ksocket", cookie=COOKIE):
    """The node."""

    def __init__(self, vnet: Vnet) -> None:
        super().__init__(vnet)
        self.so: Socket | None = None
        self.td: Proc | None = None
        self.end: NgHook | None = None
        self.eof = self.connecting = self.accepting = self.cloned = False
        self.asked = (0, 0)
        """Who waits for an answer: (token, id of the node)."""
        self.parent: Ksocket | None = None
        self.embryos: list[Ksocket] = []
        """Connections nobody has taken with a hook yet."""

    # hooks -----------------------------------------------------------------------------------------------------
    def newhook(self, hook: NgHook, name: str) -> None:
        """The hook makes the socket; that of an accepted connection has one."""
        if self.end is not None:
            raise KError(EISCONN)
        if self.cloned:
            self._born()
            self.end = hook
            return
        parts = name.split("/", 2)
        if len(parts) != 3:
            raise KError(EINVAL)
        family = _alias(FAMILIES, parts[0])
        kind = _alias(TYPES, parts[1])
        proto = _alias(PROTOS.get(family, {}), parts[2])
        td = self.kernel.curproc
        if td is None:
            raise KError(EINVAL)
        self._own(socreate(td, family, kind, proto), td)
        self.end = hook

    def _own(self, so: Socket, td: Proc) -> None:
        self.so, self.td = so, td
        so.rchan = Upcall(self)

    def _born(self) -> None:
        if self.parent is not None:
            self.parent.embryos.remove(self)
            self.parent = None

    def connect(self, hook: NgHook) -> None:
        """What has already arrived on an accepted connection leaves soon."""
        if self.cloned:
            self.kernel.clock.callout().reset(0, self.incoming)

    def disconnect(self, hook: NgHook) -> None:
        """Without its hook there is no socket."""
        self.end = None
        super().disconnect(hook)

    def shutdown(self) -> bool:
        """Close the socket, and those of connections nobody took."""
        so, self.so = self.so, None
        if so is not None:
            so.rchan = Wchan("ksock")
            so.close()
        self._born()
        for embryo in self.embryos[:]:
            ng_rmnode(embryo)
        return False

    def _socket(self) -> tuple[Socket, Proc]:
        if self.so is None or self.td is None:
            raise KError(ENXIO)
        return self.so, self.td

    # messages --------------------------------------------------------------------------------------------------
    @ngmsg(1, "bind", arg=SOCKADDR, size=0)
    def bind(self, arg: Record | None, msg: NgMsg) -> None:
        """bind(2)."""
        if arg is None:
            raise KError(EINVAL)
        so, td = self._socket()
        so.pr.bind(so, arg, td)

    @ngmsg(2, "listen", arg=INT32)
    def listen(self, arg: int, msg: NgMsg) -> None:
        """listen(2)."""
        so, td = self._socket()
        so.pr.listen(so, arg, td)
        so.options |= SO_ACCEPTCONN
        so.qlimit = arg if 0 <= arg <= SOMAXCONN else SOMAXCONN

    @ngmsg(ACCEPT_CMD, "accept", resp=ACCEPT)
    def accept(self, arg: Any, msg: NgMsg) -> None:
        """accept(2): the answer with the id of a new node comes when there is a connection."""
        if msg.data:
            raise KError(EINVAL)
        so, _ = self._socket()
        if not so.options & SO_ACCEPTCONN:
            raise KError(EINVAL)
        if self.accepting:
            raise KError(EALREADY)
        self.asked = msg.token, msg.retaddr
        self._accept()

    def _accept(self) -> None:
        """ng_ksocket_accept."""
        so, td = self._socket()
        self.accepting = not so.complete
        if self.accepting:
            return
        new = so.complete.popleft()
        new.head = None
        node = Ksocket(self.vnet)
        node.cloned, node.parent = True, self
        self.embryos.insert(0, node)
        node._own(new, td)
        peer = ng_dump(SOCKADDR, new.pr.peeraddr(new))
        self._answer(ACCEPT_CMD, node.id.to_bytes(4, "little") + peer)

    def _answer(self, cmd: int, data: bytes) -> None:
        token, dest = self.asked
        ng_send_msg_id(self, dest, NgMsg(COOKIE, cmd, data, NGF_RESP, token))

    @ngmsg(CONNECT_CMD, "connect", arg=SOCKADDR, resp=INT32, size=0)
    def connect_(self, arg: Record | None, msg: NgMsg) -> None:
        """connect(2): if it takes time, the answer with an error number comes when it is decided."""
        if arg is None:
            raise KError(EINVAL)
        so, td = self._socket()
        if so.connecting:
            raise KError(EALREADY)
        if so.connected:
            if so.pr.type == SOCK_STREAM:
                raise KError(EISCONN)
            so.pr.disconnect(so)
        so.error = 0
        so.pr.connect(so, arg, td)
        if so.connecting:
            self.asked = msg.token, msg.retaddr
            self.connecting = True

    @ngmsg(5, "getname", resp=SOCKADDR)
    def getname(self, arg: Any, msg: NgMsg) -> Any:
        """getsockname(2)."""
        if msg.data:
            raise KError(EINVAL)
        so, _ = self._socket()
        return so.pr.sockaddr(so)

    @ngmsg(6, "getpeername", resp=SOCKADDR)
    def getpeername(self, arg: Any, msg: NgMsg) -> Any:
        """getpeername(2)."""
        if msg.data:
            raise KError(EINVAL)
        so, _ = self._socket()
        if not so.connected:
            raise KError(ENOTCONN)
        return so.pr.peeraddr(so)

    @ngmsg(7, "setopt", arg=SOCKOPT, size=0)
    def setopt(self, arg: tuple[int, int, bytes], msg: NgMsg) -> None:
        """setsockopt(2); DIFFERS: with numbers only."""
        if len(msg.data) < SOCKOPT_SIZE:
            raise KError(EINVAL)
        so, td = self._socket()
        level, name, value = arg
        if len(value) < INT32.size:
            raise KError(EINVAL)
        so.sosetopt(level, name, INT32.load(value, 0)[0], td)

    @ngmsg(8, "getopt", arg=SOCKOPT, resp=SOCKOPT, size=SOCKOPT_SIZE)
    def getopt(self, arg: tuple[int, int, bytes], msg: NgMsg) -> Any:
        """getsockopt(2).  The ASCII form always has a value, and so never works."""
        so, td = self._socket()
        value = so.sogetopt(arg[0], arg[1], td)
        if not isinstance(value, int):
            raise KError(EINVAL)
        return 0, 0, ng_dump(INT32, value)

    # data ------------------------------------------------------------------------------------------------------
    def rcvdata(self, hook: NgHook, m: Mbuf) -> int:
        """Send it; a packet that has come from here goes back to its sender."""
        if self.so is None or self.td is None:
            return ENOTCONN
        sender, addr = (m.tags or {}).get(TAG, (0, None))
        try:
            self.so.pr.send(self.so, m.bytes(), addr if sender in (0, self.id) else None, SEND_FLAGS, self.td)
        except KError as e:
            return e.errno
        return 0

    def incoming(self) -> None:
        """ng_ksocket_incoming2: everything that is there leaves by the hook; the end of a stream as an empty packet."""
        so = self.so
        if so is None:
            return
        if so.options & SO_ACCEPTCONN:
            if self.accepting:
                self._accept()
            return
        if self.connecting and (so.error or not so.connecting):
            self.connecting = False
            self._answer(CONNECT_CMD, ng_dump(INT32, so.take_error()))
        if self.end is None:
            return
        rcv = so.rcv
        while rcv.records:
            data, name, _ = rcv.records.popleft()
            rcv.cc -= len(data)
            m = m_get(data)
            if name is not None and not so.connected:
                m.tags = {TAG: (self.id, name)}
            ng_send_data(self.end, m)
        if rcv.stream:
            data = bytes(rcv.stream)
            rcv.drop(len(data))
            so.pr.rcvd(so)
            ng_send_data(self.end, m_get(data))
        if rcv.cantmore and not self.eof and so.pr.type == SOCK_STREAM:
            self.eof = True
            ng_send_data(self.end, m_get(b""))


def _alias(aliases: dict[str, int], text: str) -> int:
    """A name or a number."""
    if text in aliases:
        return aliases[text]
    if text.isascii() and text.isdigit() and int(text) <= 255:
        return int(text)
    raise KError(EINVAL)
