"""ng_ksocket(4): a socket as a node; what comes in by its hook is sent, what it receives leaves (netgraph/ng_ksocket.c).

The name of the hook says what socket: "inet/dgram/udp".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EINVAL, EISCONN, ENOTCONN, KError
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
from vshell.kernel.netgraph.ng_base import LastHook, NgHook, NgMsg, ng_send_data, ngmsg
from vshell.kernel.netgraph.ng_parse import INT32, ParseType, encode_string, get_string, skip_space

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


class Upcall(Wchan):
    """Instead of a sleeping process, a function waits for data."""

    def __init__(self, node: Ksocket) -> None:
        super().__init__("ksock")
        self.node = node

    def wakeup(self) -> None:
        """ng_ksocket_incoming."""
        self.node.incoming()


class Ksocket(LastHook, ngtype="ksocket", cookie=942710669):
    """The node."""

    def __init__(self, vnet: Vnet) -> None:
        super().__init__(vnet)
        self.so: Socket | None = None
        self.td: Proc | None = None
        self.end: NgHook | None = None
        self.eof = False

    # hooks -----------------------------------------------------------------------------------------------------
    def newhook(self, hook: NgHook, name: str) -> None:
        """The hook makes the socket."""
        if self.end is not None:
            raise KError(EISCONN)
        parts = name.split("/")
        if len(parts) != 3:
            raise KError(EINVAL)
        family = _alias(FAMILIES, parts[0])
        kind = _alias(TYPES, parts[1])
        proto = _alias(PROTOS.get(family, {}), parts[2])
        td = self.kernel.curproc
        if td is None:
            raise KError(EINVAL)
        self.so, self.td = socreate(td, family, kind, proto), td
        self.so.rchan = Upcall(self)
        self.end = hook

    def disconnect(self, hook: NgHook) -> None:
        """Without its hook there is no socket."""
        self.end = None
        super().disconnect(hook)

    def shutdown(self) -> bool:
        """Close the socket."""
        so, self.so = self.so, None
        if so is not None:
            so.rchan = Wchan("ksock")
            so.close()
        return False

    def _socket(self) -> tuple[Socket, Proc]:
        if self.so is None or self.td is None:
            raise KError(ENOTCONN)
        return self.so, self.td

    # messages --------------------------------------------------------------------------------------------------
    @ngmsg(1, "bind", arg=SOCKADDR, size=0)
    def bind(self, arg: Record | None, msg: NgMsg) -> None:
        """bind(2)."""
        so, td = self._socket()
        if arg is None:
            raise KError(EINVAL)
        so.pr.bind(so, arg, td)

    @ngmsg(2, "listen", arg=INT32)
    def listen(self, arg: int, msg: NgMsg) -> None:
        """listen(2)."""
        so, td = self._socket()
        so.pr.listen(so, arg, td)
        so.options |= SO_ACCEPTCONN
        so.qlimit = max(0, min(arg, 128))

    @ngmsg(3, "connect", arg=SOCKADDR, size=0)
    def connect_(self, arg: Record | None, msg: NgMsg) -> None:
        """connect(2), without waiting."""
        so, td = self._socket()
        if arg is None:
            raise KError(EINVAL)
        if so.connected and so.pr.type == SOCK_STREAM:
            raise KError(EISCONN)
        so.pr.connect(so, arg, td)

    @ngmsg(5, "getname", resp=SOCKADDR)
    def getname(self, arg: Any, msg: NgMsg) -> Any:
        """getsockname(2)."""
        so, _ = self._socket()
        return so.pr.sockaddr(so)

    @ngmsg(6, "getpeername", resp=SOCKADDR)
    def getpeername(self, arg: Any, msg: NgMsg) -> Any:
        """getpeername(2)."""
        so, _ = self._socket()
        if not so.connected:
            raise KError(ENOTCONN)
        return so.pr.peeraddr(so)

    # data ------------------------------------------------------------------------------------------------------
    def rcvdata(self, hook: NgHook, m: Mbuf) -> int:
        """Send it."""
        if self.so is None or self.td is None:
            return ENOTCONN
        try:
            self.so.pr.send(self.so, m.bytes(), None, SEND_FLAGS, self.td)
        except KError as e:
            return e.errno
        return 0

    def incoming(self) -> None:
        """ng_ksocket_incoming2: everything that is there leaves by the hook; the end of a stream as an empty packet."""
        so = self.so
        if so is None or so.options & SO_ACCEPTCONN:
            return
        rcv = so.rcv
        while rcv.records:
            data, _, _ = rcv.records.popleft()
            rcv.cc -= len(data)
            ng_send_data(self.end, m_get(data))
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
