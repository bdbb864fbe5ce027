"""The network databases: hosts, networks, services and protocols, and names of interfaces (getaddrinfo(3), getnameinfo(3), ...).

Names of hosts come from /etc/hosts; after that a name server would be asked, and since none ever answers the question
fails as it does on a machine that is attached to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from vshell.abi.errno import KError
from vshell.abi.socket import (
    AF_INET,
    AF_INET6,
    AF_UNSPEC,
    IPPROTO_SCTP,
    IPPROTO_TCP,
    IPPROTO_UDP,
    SOCK_DGRAM,
    SOCK_RAW,
    SOCK_SEQPACKET,
    SOCK_STREAM,
    SockaddrIn,
    SockaddrIn6,
)  # fmt: skip
from vshell.abi.sockio import SIOCGIFINDEX
from vshell.userland.addr import inet_aton, inet_ntop, inet_ntop6, inet_pton6, is_scoped, masked
from vshell.userland.program import Program
from vshell.userland.slurp import slurp
from vshell.userland.stdio import decode

if TYPE_CHECKING:
    from vshell.abi.in6_policy import In6AddrPolicy

EAI_AGAIN, EAI_BADFLAGS, EAI_FAIL, EAI_FAMILY, EAI_NONAME, EAI_SERVICE, EAI_SOCKTYPE = 2, 3, 4, 5, 8, 9, 10
_EAI_TEXTS = (
    "Success",
    "Address family for hostname not supported",
    "Name could not be resolved at this time",
    "Flags parameter had an invalid value",
    "Non-recoverable failure in name resolution",
    "Address family not recognized",
    "Memory allocation failure",
    "No address associated with hostname",
    "Name does not resolve",
    "Service was not recognized for socket type",
    "Intended socket type was not recognized",
    "System error returned in errno",
    "Invalid value for hints",
    "Resolved protocol is unknown",
    "Argument buffer overflow",
)

AI_PASSIVE, AI_CANONNAME, AI_NUMERICHOST, AI_NUMERICSERV = 0x1, 0x2, 0x4, 0x8
NI_NOFQDN, NI_NUMERICHOST, NI_NAMEREQD, NI_NUMERICSERV, NI_DGRAM, NI_NUMERICSCOPE = 0x1, 0x2, 0x4, 0x8, 0x10, 0x20


def gai_strerror(code: int) -> str:
    """gai_strerror(3)."""
    return _EAI_TEXTS[code] if 0 <= code < len(_EAI_TEXTS) else "Unknown error"


class GaiError(Exception):
    """getaddrinfo(3) or getnameinfo(3) failed with an EAI_* code."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code

    def __str__(self) -> str:
        return gai_strerror(self.code)


# files ---------------------------------------------------------------------------------------------------------


def _lines(p: Program, path: str) -> list[list[str]]:
    """The words of each line that is not only a comment."""
    try:
        text = decode(slurp(p, path))
    except KError:
        return []
    return [words for line in text.split("\n") if (words := line.split("#", 1)[0].split())]


# interfaces ----------------------------------------------------------------------------------------------------


def if_nametoindex(p: Program, name: str) -> int:
    """if_nametoindex(3); 0 if there is none of that name."""
    for family in (AF_INET, AF_INET6):
        try:
            fd = p.sys.socket(family, SOCK_DGRAM)
        except KError:
            continue
        try:
            return int(p.sys.ioctl(fd, SIOCGIFINDEX(name)))
        except KError:
            return 0
        finally:
            p.sys.close(fd)
    return 0


def if_indextoname(p: Program, index: int) -> str | None:
    """if_indextoname(3)."""
    return if_names(p).get(index)


def if_names(p: Program) -> dict[int, str]:
    """if_nameindex(3): names of all interfaces by index."""
    from vshell.userland.rtnl import dump_links

    return {link.index: link.name for link in dump_links(p)}


# hosts ---------------------------------------------------------------------------------------------------------


class HostEnt(NamedTuple):
    """A line of /etc/hosts."""

    addr: bytes
    scope: str
    names: tuple[str, ...]


def hosts(p: Program) -> list[HostEnt]:
    """/etc/hosts in order."""
    entries = []
    for words in _lines(p, "/etc/hosts"):
        text, _, scope = words[0].partition("%")
        addr = inet_pton6(text) if ":" in text else inet_aton(text)
        if addr is not None and len(words) > 1:
            entries.append(HostEnt(addr, scope, tuple(words[1:])))
    return entries


def gethostbyname(p: Program, name: str, family: int = AF_INET) -> list[bytes]:
    """Addresses of a name in one family, [] if it is not known."""
    size = 4 if family == AF_INET else 16
    numeric = inet_aton(name) if family == AF_INET else inet_pton6(name)
    if numeric is not None:
        return [numeric]
    lower = name.lower()
    return [h.addr for h in hosts(p) if len(h.addr) == size and lower in (n.lower() for n in h.names)]


def gethostbyaddr(p: Program, addr: bytes) -> str | None:
    """The first name of an address, None if it has none."""
    for host in hosts(p):
        if host.addr == addr:
            return host.names[0]
    return None


# networks, protocols, services ---------------------------------------------------------------------------------


class NetEnt(NamedTuple):
    """A line of /etc/networks; `net` is the number inet_network(3) gives: without trailing zero octets."""

    name: str
    net: int
    aliases: tuple[str, ...]


def networks(p: Program) -> list[NetEnt]:
    """/etc/networks in order."""
    found = []
    for words in _lines(p, "/etc/networks"):
        if len(words) > 1:
            found.append(NetEnt(words[0], inet_network(words[1]) or 0, tuple(words[2:])))
    return found


def inet_network(text: str) -> int | None:
    """inet_network(3): octets as a number, not shifted to the left."""
    value = 0
    parts = text.split(".")
    if len(parts) > 4:
        return None
    for part in parts:
        if not (part.isascii() and part.isalnum()):
            return None
        try:
            octet = int(part, 16) if part[:2].lower() == "0x" else int(part, 8 if part[:1] == "0" and part != "0" else 10)
        except ValueError:
            return None
        if octet > 0xFF:
            return None
        value = value << 8 | octet
    return value


def getnetbyaddr(p: Program, net: int) -> str | None:
    """The name of a network number."""
    for entry in networks(p):
        if entry.net == net:
            return entry.name
    return None


def getprotobyname(p: Program, name: str) -> int | None:
    """The number of a protocol."""
    for words in _lines(p, "/etc/protocols"):
        if len(words) > 1 and words[1].isdecimal() and name in (words[0], *words[2:]):
            return int(words[1])
    return None


def getprotobynumber(p: Program, number: int) -> str | None:
    """The name of a protocol."""
    for words in _lines(p, "/etc/protocols"):
        if len(words) > 1 and words[1] == str(number):
            return words[0]
    return None


def getservbyname(p: Program, name: str, proto: str | None = None) -> tuple[int, str] | None:
    """(port, protocol) of a service."""
    for words in _lines(p, "/etc/services"):
        if len(words) < 2:
            continue
        port, _, protocol = words[1].partition("/")
        if name in (words[0], *words[2:]) and port.isdecimal() and proto in (None, protocol):
            return int(port), protocol
    return None


def getservbyport(p: Program, port: int, proto: str | None = None) -> str | None:
    """The name of a port."""
    for words in _lines(p, "/etc/services"):
        if len(words) < 2:
            continue
        number, _, protocol = words[1].partition("/")
        if number == str(port) and proto in (None, protocol):
            return words[0]
    return None


# getaddrinfo ---------------------------------------------------------------------------------------------------


class Addrinfo(NamedTuple):
    """struct addrinfo."""

    family: int
    socktype: int
    protocol: int
    addr: SockaddrIn | SockaddrIn6
    canonname: str


_SERVICES = {SOCK_DGRAM: "udp", SOCK_SEQPACKET: "sctp"}
_SOCKTYPES = ((SOCK_DGRAM, IPPROTO_UDP), (SOCK_STREAM, IPPROTO_TCP), (SOCK_SEQPACKET, IPPROTO_SCTP), (SOCK_RAW, 0))
"""Order in which getaddrinfo answers when no type is asked for (the table `explore` in getaddrinfo.c)."""


def getaddrinfo(
    p: Program,
    host: str | None,
    service: str | None = None,
    family: int = AF_UNSPEC,
    socktype: int = 0,
    protocol: int = 0,
    flags: int = 0,
) -> list[Addrinfo]:
    """getaddrinfo(3); raises GaiError.  IPv6 addresses come before IPv4 ones, as from FreeBSD's default policy."""
    if host is None and service is None:
        raise GaiError(EAI_NONAME)
    if family not in (AF_UNSPEC, AF_INET, AF_INET6):
        raise GaiError(EAI_FAMILY)
    kinds = _kinds(p, service, socktype, protocol, flags)
    found, canon = _addresses(p, host, family, flags)
    result: list[Addrinfo] = []
    for addr, scope in found:
        for kind, proto, port in kinds:
            sockaddr = SockaddrIn(addr, port) if len(addr) == 4 else SockaddrIn6(addr, port, scope)
            name = canon if flags & AI_CANONNAME and not result else ""
            result.append(Addrinfo(AF_INET if len(addr) == 4 else AF_INET6, kind, proto, sockaddr, name))
    return result


def _kinds(p: Program, service: str | None, socktype: int, protocol: int, flags: int) -> list[tuple[int, int, int]]:
    """(socket type, protocol, port) combinations that the hints allow."""
    kinds = []
    for kind, proto in _SOCKTYPES:
        if socktype not in (0, kind) or (protocol and proto and protocol != proto):
            continue
        if kind == SOCK_RAW and (not socktype or service is not None):
            continue
        port: int | None = 0
        if service is not None:
            port = _port(p, service, _SERVICES.get(kind, "tcp"), flags)
        if port is not None:
            kinds.append((kind, protocol or proto, port))
    if not kinds:
        raise GaiError(EAI_SERVICE if service is not None else EAI_FAIL)
    return kinds


def _port(p: Program, service: str, proto: str, flags: int) -> int | None:
    if service.isascii() and service.isdigit():
        if int(service) > 65535:
            raise GaiError(EAI_SERVICE)
        return int(service)
    if flags & AI_NUMERICSERV:
        raise GaiError(EAI_NONAME)
    found = getservbyname(p, service, proto)
    return found[0] if found else None


def _addresses(p: Program, host: str | None, family: int, flags: int) -> tuple[list[tuple[bytes, int]], str]:
    """((address, scope) ..., canonical name) of a host."""
    if host is None:
        six, four = (bytes(16), bytes(4)) if flags & AI_PASSIVE else (bytes(15) + b"\1", b"\x7f\0\0\1")
        every = ((six, AF_INET6), (four, AF_INET))
        return [(addr, 0) for addr, af in every if family in (AF_UNSPEC, af)], ""
    numeric = numeric_host(p, host, family)
    if numeric is not None:
        return [numeric], host
    if flags & AI_NUMERICHOST:
        raise GaiError(EAI_NONAME)
    # A name with a scope that is no address is no name either, but a name server would be asked all the same.
    lower = host.lower()
    matches = [h for h in hosts(p) if lower in (n.lower() for n in h.names)]
    result = [(h.addr, if_nametoindex(p, h.scope) if h.scope else 0) for h in matches]
    chosen = [(a, s) for a, s in result if family in (AF_UNSPEC, AF_INET if len(a) == 4 else AF_INET6)]
    if not chosen:
        raise GaiError(EAI_AGAIN)
    return _reorder(p, chosen), matches[0].names[0]


def _reorder(p: Program, found: list[tuple[bytes, int]]) -> list[tuple[bytes, int]]:
    """RFC 6724 as far as it matters here: what can be reached, then by precedence, then IPv6 before IPv4, else as they came.

    DIFFERS: labels and the length of the common prefix are left out.
    """
    if len(found) < 2:
        return found
    try:
        policy: tuple[In6AddrPolicy, ...] = p.sys.sysctl("net.inet6.ip6.addrctlpolicy")
    except KError:
        policy = ()
    return sorted(found, key=lambda a: (not _reachable(p, *a), -_precedence(policy, a[0]), len(a[0]) == 4))


def _precedence(policy: tuple[In6AddrPolicy, ...], addr: bytes) -> int:
    """What the longest prefix in the table of ip6addrctl(8) gives an address; IPv4 ones stand there as mapped."""
    full = addr if len(addr) == 16 else bytes(10) + b"\xff\xff" + addr
    rows = [row for row in policy if masked(full, row.plen) == row.addr]
    return max(rows, key=lambda row: row.plen).preced if rows else 0


def _reachable(p: Program, addr: bytes, scope: int) -> bool:
    """True if there is a route, which a datagram socket would need to get a source address."""
    from vshell.abi.route import RTF_BLACKHOLE, RTF_REJECT, GetRoute, RtMsg
    from vshell.userland.rtnl import request

    family = AF_INET if len(addr) == 4 else AF_INET6
    try:
        answer = request(p, GetRoute(family, addr, len(addr) * 8, scope, p.sys.getfib()))[0]
    except KError:
        return False
    assert isinstance(answer, RtMsg)
    return not answer.rtflags & (RTF_REJECT | RTF_BLACKHOLE)


def numeric_host(p: Program, host: str, family: int = AF_UNSPEC) -> tuple[bytes, int] | None:
    """(address, scope) of a numeric host, None if it is not one of the family (explore_numeric_scope)."""
    text, percent, scope = host.partition("%")
    if family != AF_INET:
        addr = inet_pton6(text)
        if addr is not None:
            index = scope_index(p, addr, scope) if percent else 0
            return (addr, index) if index >= 0 else None
    if family != AF_INET6 and not percent:
        addr = inet_aton(host)
        if addr is not None:
            return addr, 0
    return None


def scope_index(p: Program, addr: bytes, scope: str) -> int:
    """ip6_str2scopeid: the interface a scope names, by name or number; -1 if there is none or it makes no sense."""
    if not scope:
        return -1
    if is_scoped(addr):
        index = if_nametoindex(p, scope)
        if index:
            return index
    if scope.isascii() and scope.isdigit():
        return int(scope)
    return -1


# getnameinfo ---------------------------------------------------------------------------------------------------


def numeric_name(p: Program, addr: bytes, scope: int = 0, names: dict[int, str] | None = None) -> str:
    """The address as getnameinfo(3) prints it with NI_NUMERICHOST; `names` saves asking for interface names."""
    if len(addr) != 16 or not scope:
        return inet_ntop(addr)
    text = inet_ntop6(addr)
    if not is_scoped(addr):
        return f"{text}%{scope}"
    name = (names if names is not None else if_names(p)).get(scope)
    return f"{text}%{name if name is not None else scope}"


def getnameinfo(p: Program, addr: bytes, scope: int = 0, flags: int = 0) -> str:
    """The name of an address, or its numeric form; GaiError with NI_NAMEREQD if it has none."""
    if not flags & NI_NUMERICHOST:
        name = gethostbyaddr(p, addr)
        if name is not None:
            return name
        if flags & NI_NAMEREQD:
            raise GaiError(EAI_NONAME)
    return numeric_name(p, addr, scope)
