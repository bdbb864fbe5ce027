"""Conditions of rules, each compiled once into a predicate on a packet (the inner switch of ipfw_chk, ip_fw2.c)."""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from vshell.abi import ip_fw as fw
from vshell.abi.errno import EINVAL, KError
from vshell.abi.ip_fw import IP_FW_TARG, Insn, TableValue
from vshell.abi.socket import AF_INET, AF_INET6, IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_TCP
from vshell.kernel.net.route.nhop import NHF_BLACKHOLE, NHF_DEFAULT, NHF_REJECT
from vshell.kernel.net.route.route_tables import fib_lookup
from vshell.kernel.netinet.ip_var import Ip
from vshell.kernel.netinet6.in6_var import Ip6
from vshell.kernel.netpfil.ipfw.ip_fw_args import PORTS, UNKNOWN, FwArgs

if TYPE_CHECKING:
    from vshell.kernel.net.ifnet import Ifnet
    from vshell.kernel.net.vnet import Vnet
    from vshell.kernel.netpfil.ipfw.ip_fw_table import Table

Test = Callable[[FwArgs], bool]
MAX_RANGES = 31
OWNED = frozenset((6, 17, 136))


def localip(vnet: Vnet, addr: bytes) -> bool:
    """in_localip, ipfw_localip6."""
    return addr in vnet[Ip].inaddr_hash if len(addr) == 4 else addr in vnet[Ip6].hash


def _ip4(side: str) -> Callable[[Insn], Test]:
    def make(cmd: Insn) -> Test:
        data: Any = cmd.data
        if len(data) == 1:
            want = data[0].to_bytes(4, "big")
            return lambda a: a.v4 and getattr(a, side) == want
        pairs = list(zip(data[::2], data[1::2], strict=True))

        def test(a: FwArgs) -> bool:
            number = int.from_bytes(getattr(a, side), "big")
            return a.v4 and any(number & mask == addr for addr, mask in pairs)

        return test

    return make


def _ip6(side: str) -> Callable[[Insn], Test]:
    def make(cmd: Insn) -> Test:
        data: Any = cmd.data
        if len(data) == 1:
            want = data[0]
            return lambda a: a.v6 and getattr(a, side) == want
        pairs = [(int.from_bytes(x, "big"), int.from_bytes(y, "big")) for x, y in zip(data[::2], data[1::2], strict=True)]

        def test(a: FwArgs) -> bool:
            number = int.from_bytes(getattr(a, side), "big")
            return a.v6 and any(number & mask == addr for addr, mask in pairs)

        return test

    return make


def _set(side: str) -> Callable[[Insn], Test]:
    def make(cmd: Insn) -> Test:
        data: Any = cmd.data
        base, bits = data
        count = cmd.arg1
        return lambda a: a.v4 and 0 <= (i := int.from_bytes(getattr(a, side), "big") - base) < count and bool(bits >> i & 1)

    return make


def _me(side: str) -> Callable[[Insn], Test]:
    return lambda cmd: lambda a: (a.v4 or a.v6) and localip(a.vnet, getattr(a, side))


def _me6(side: str) -> Callable[[Insn], Test]:
    return lambda cmd: lambda a: a.v6 and localip(a.vnet, getattr(a, side))


def _port(side: str) -> Callable[[Insn], Test]:
    def make(cmd: Insn) -> Test:
        ranges = _ranges(cmd)
        return lambda a: a.proto in PORTS and a.first and any(x <= getattr(a, side) <= y for x, y in ranges)

    return make


def _ranges(cmd: Insn) -> Any:
    if cmd.size > MAX_RANGES:
        raise KError(EINVAL)
    return cmd.data or ((cmd.arg1, cmd.arg1),)


def _value(when: Test, value: Callable[[FwArgs], int]) -> Callable[[Insn], Test]:
    """A number of the packet within ranges."""

    def make(cmd: Insn) -> Test:
        ranges = _ranges(cmd)
        return lambda a: when(a) and any(x <= value(a) <= y for x, y in ranges)

    return make


def _flags(when: Test, bits: Callable[[FwArgs], int]) -> Callable[[Insn], Test]:
    """Flags that must be set, and flags that must be clear (flags_match)."""

    def make(cmd: Insn) -> Test:
        wanted, unwanted = cmd.arg1 & 0xFF, cmd.arg1 >> 8
        return lambda a: when(a) and (b := bits(a)) & wanted == wanted and not b & unwanted

    return make


def _is_tcp(a: FwArgs) -> bool:
    return a.proto == IPPROTO_TCP and a.ulp >= 0


def _is4(a: FwArgs) -> bool:
    return a.v4


def _is_ip(a: FwArgs) -> bool:
    return a.v4 or a.v6


def _word(at: int, size: int = 2) -> Callable[[FwArgs], int]:
    """A field of the upper header."""
    return lambda a: int.from_bytes(a.data[a.ulp + at : a.ulp + at + size], "big")


def _tcpdatalen(a: FwArgs) -> int:
    return a.iplen - (a.ulp - a.off) - (a.data[a.ulp + 12] >> 4) * 4


def _options(data: bytearray, start: int, end: int) -> list[tuple[int, int, int]]:
    """(kind, place, length) of IP or TCP options."""
    found = []
    while start < end:
        kind = data[start]
        if kind == 0:
            break
        size = 1 if kind == 1 else data[start + 1] if start + 1 < end else 0
        if kind != 1 and (size < 2 or start + size > end):
            break
        found.append((kind, start, size))
        start += size
    return found


_TCPOPT_BITS = {2: fw.IP_FW_TCPOPT_MSS, 3: fw.IP_FW_TCPOPT_WINDOW, 4: fw.IP_FW_TCPOPT_SACK, 5: fw.IP_FW_TCPOPT_SACK,
                8: fw.IP_FW_TCPOPT_TS}  # fmt: skip
_IPOPT_BITS = {131: fw.IP_FW_IPOPT_LSRR, 137: fw.IP_FW_IPOPT_SSRR, 7: fw.IP_FW_IPOPT_RR, 68: fw.IP_FW_IPOPT_TS}


def tcp_options(a: FwArgs) -> list[tuple[int, int, int]]:
    return _options(a.data, a.ulp + 20, min(a.ulp + (a.data[a.ulp + 12] >> 4) * 4, len(a.data)))


def _tcpopts(a: FwArgs) -> int:
    bits = 0
    for kind, _, _ in tcp_options(a):
        bits |= _TCPOPT_BITS.get(kind, 0)
    return bits


def _tcpmss(a: FwArgs) -> int:
    return next((a.data[at + 2] << 8 | a.data[at + 3] for kind, at, size in tcp_options(a) if kind == 2 and size == 4), -1)


def _ipopts(a: FwArgs) -> int:
    bits = 0
    for kind, _, _ in _options(a.data, a.off + 20, min(a.off + (a.data[a.off] & 15) * 4, len(a.data))):
        bits |= _IPOPT_BITS.get(kind, 0)
    return bits


def _frag(cmd: Insn) -> Test:
    """Flags and offset; of IPv6 just "frag", as it was before there were flags."""
    wanted, unwanted = cmd.arg1 & 0xFF, cmd.arg1 >> 8

    def test(a: FwArgs) -> bool:
        if a.v4:
            bits = a.data[a.off + 6] & 0xE0 | (1 if a.offset else 0)
            return bits & (wanted | unwanted) == wanted
        return a.v6 and cmd.arg1 == 1 and bool(a.offset & 0xFFF8)

    return test


def _icmp(proto: int) -> Callable[[Insn], Test]:
    def make(cmd: Insn) -> Test:
        mask: Any = cmd.data[0]
        return lambda a: a.proto == proto and a.ulp >= 0 and bool(mask >> a.data[a.ulp] & 1)

    return make


def _iface(which: str) -> Callable[[Insn], Test]:
    def make(cmd: Insn) -> Test:
        kind, value = cmd.data
        return lambda a: (ifp := getattr(a, which)) is not None and iface_match(ifp, kind, value)

    return make


def iface_match(ifp: Ifnet, kind: Any, value: Any) -> bool:
    """By name, by pattern, or by one of its IPv4 addresses."""
    if kind == "name":
        return bool(ifp.xname == value)
    if kind == "glob":
        return fnmatchcase(ifp.xname, value)
    return any(ia.ifp is ifp for ia in ifp.vnet[Ip].inaddr_hash.get(value, ()))


def _mac(cmd: Insn) -> Test:
    data: Any = cmd.data
    want, mask = (int.from_bytes(x, "big") for x in data)
    return lambda a: a.layer2 and int.from_bytes(a.data[a.eh : a.eh + 12], "big") & mask == want


def _dscp(cmd: Insn) -> Test:
    mask: Any = cmd.data[0]

    def test(a: FwArgs) -> bool:
        if a.v4:
            return bool(mask >> (a.data[a.off + 1] >> 2) & 1)
        return a.v6 and bool(mask >> ((a.data[a.off] & 15) << 2 | a.data[a.off + 1] >> 6) & 1)

    return test


def verify_path(a: FwArgs, ifp: Ifnet | None) -> bool:
    """Is there a route back to the source (out of that interface), or, without one, any but the default route?"""
    if a.v6 and a.src[0] == 0xFE and a.src[1] & 0xC0 == 0x80:
        return True
    nh = fib_lookup(a.vnet, AF_INET if a.v4 else AF_INET6, a.src, a.m.fib)
    if nh is None:
        return False
    if ifp is not None:
        return nh.aifp is ifp
    return not nh.flags & (NHF_DEFAULT | NHF_REJECT | NHF_BLACKHOLE)


def _verrevpath(cmd: Insn) -> Test:
    return lambda a: not a.incoming or (_is_ip(a) and verify_path(a, a.iif))


def _versrcreach(cmd: Insn) -> Test:
    return lambda a: _is_ip(a) and (not a.incoming or verify_path(a, None))


def _localaddr(a: FwArgs) -> bool:
    """in_localaddr, in6_localaddr: is the source within a network of one of our addresses?"""
    if a.v6 and a.src[0] == 0xFE and a.src[1] & 0xC0 == 0x80:
        return True
    nh = fib_lookup(a.vnet, AF_INET if a.v4 else AF_INET6, a.src, a.m.fib)
    return nh is not None and nh.gateway is None


def _antispoof(cmd: Insn) -> Test:
    """A source from a connected network must come in by its interface."""
    return lambda a: not (a.incoming and _is_ip(a) and _localaddr(a)) or verify_path(a, a.iif)


def owner(a: FwArgs) -> Any:
    """check_uidgid: the credentials of the socket that sends or would receive the packet, None if there is none."""
    if a.owner is not UNKNOWN:
        return a.owner
    inp = a.inp
    if inp is None and a.proto in OWNED and (a.v4 or a.v6):
        inp = pcb_of(a, a.proto != IPPROTO_TCP)
    a.owner = getattr(inp, "cred", None)
    return a.owner


def pcb_of(a: FwArgs, wild: bool) -> Any:
    """The protocol control block of a packet (in_pcblookup); what comes in is looked up as it is, the rest turned round."""
    from vshell.kernel.netinet.tcp_var import Tcp
    from vshell.kernel.netinet.udp_usrreq import Udp

    if a.proto not in (IPPROTO_TCP, 17):
        return None
    info: Any = a.vnet[Tcp].info if a.proto == IPPROTO_TCP else a.vnet[Udp].info
    if a.incoming:
        return info.lookup(a.src, a.sport, a.dst, a.dport, wild)
    return info.lookup(a.dst, a.dport, a.src, a.sport, wild)


def _user(name: str) -> Callable[[Insn], Test]:
    """The owner of the socket that sends or would receive the packet."""

    def make(cmd: Insn) -> Test:
        want = cmd.data[0]

        def test(a: FwArgs) -> bool:
            cred = owner(a)
            if cred is None:
                return False
            if name == "jail":
                return bool(cred.prison.id == want)
            return bool(cred.uid == want) if name == "uid" else want in (cred.gid, *cred.groups)

        return test

    return make


def _sockarg(a: FwArgs) -> bool:
    """SO_USER_COOKIE of the socket becomes the table argument."""
    if a.proto not in OWNED:
        return False
    inp = a.inp
    if inp is None:
        incoming, a.incoming = a.incoming, True
        inp = pcb_of(a, False)
        a.incoming = incoming
    cookie = getattr(getattr(inp, "so", None), "user_cookie", 0)
    if not cookie:
        return False
    a.value = TableValue(cookie, cookie & 0xFFFF, cookie & 0xFFFF, cookie, cookie & 0xFF, cookie, cookie & 0xFFFF, cookie)
    return True


def _diverted(cmd: Insn) -> Test:
    return lambda a: bool(a.info & cmd.arg1)


def _tagged(cmd: Insn) -> Test:
    if not cmd.data:

        def one(a: FwArgs) -> bool:
            number = cmd.arg1 if cmd.arg1 != IP_FW_TARG else a.value.tag
            return bool(a.m.tags) and number in (a.m.tags or {}).get("ipfw_tags", ())

        return one
    ranges = _ranges(cmd)
    return lambda a: bool(a.m.tags) and any(x <= t <= y for t in (a.m.tags or {}).get("ipfw_tags", ()) for x, y in ranges)


def _fib(cmd: Insn) -> Test:
    return lambda a: a.m.fib == cmd.arg1


def _mark(cmd: Insn) -> Test:
    data: Any = cmd.data
    value, mask = data
    if cmd.arg1 == IP_FW_TARG:
        return lambda a: a.mark & mask == a.value.mark & mask
    return lambda a: a.mark & mask == value & mask


def _prob(cmd: Insn) -> Test:
    limit: Any = cmd.data[0]
    return lambda a: a.vnet.kernel.random.uniform(0x7FFFFFFF) < limit


MAKERS: dict[int, Callable[[Insn], Test]] = {
    fw.O_NOP: lambda c: lambda a: True,
    fw.O_IP_SRC: _ip4("src"), fw.O_IP_SRC_MASK: _ip4("src"), fw.O_IP_SRC_ME: _me("src"), fw.O_IP_SRC_SET: _set("src"),
    fw.O_IP_DST: _ip4("dst"), fw.O_IP_DST_MASK: _ip4("dst"), fw.O_IP_DST_ME: _me("dst"), fw.O_IP_DST_SET: _set("dst"),
    fw.O_IP6_SRC: _ip6("src"), fw.O_IP6_SRC_MASK: _ip6("src"), fw.O_IP6_SRC_ME: _me6("src"),
    fw.O_IP6_DST: _ip6("dst"), fw.O_IP6_DST_MASK: _ip6("dst"), fw.O_IP6_DST_ME: _me6("dst"),
    fw.O_IP_SRCPORT: _port("sport"), fw.O_IP_DSTPORT: _port("dport"),
    fw.O_PROTO: lambda c: lambda a: a.proto == c.arg1,
    fw.O_MACADDR2: _mac,
    fw.O_MAC_TYPE: _value(lambda a: a.layer2, lambda a: a.data[a.eh + 12] << 8 | a.data[a.eh + 13]),
    fw.O_LAYER2: lambda c: lambda a: a.layer2,
    fw.O_IN: lambda c: lambda a: a.incoming,
    fw.O_FRAG: _frag,
    fw.O_RECV: _iface("iif"), fw.O_XMIT: _iface("oif"), fw.O_VIA: _iface("ifp"),
    fw.O_IPOPT: _flags(_is4, _ipopts),
    fw.O_IPLEN: _value(_is_ip, lambda a: a.iplen),
    fw.O_IPID: _value(_is4, lambda a: a.data[a.off + 4] << 8 | a.data[a.off + 5]),
    fw.O_IPTTL: _value(_is_ip, lambda a: a.data[a.off + (8 if a.v4 else 7)]),
    fw.O_IPTOS: _flags(_is4, lambda a: a.data[a.off + 1]),
    fw.O_IPPRECEDENCE: lambda c: lambda a: a.v4 and c.arg1 == a.data[a.off + 1] & 0xE0,
    fw.O_IPVER: lambda c: lambda a: _is_ip(a) and c.arg1 == a.data[a.off] >> 4,
    fw.O_UID: _user("uid"), fw.O_GID: _user("gid"), fw.O_JAIL: _user("jail"),
    fw.O_ESTAB: lambda c: lambda a: _is_tcp(a) and bool(a.tcpflags & 0x14),
    fw.O_TCPFLAGS: _flags(_is_tcp, lambda a: a.tcpflags),
    fw.O_TCPWIN: _value(_is_tcp, _word(14)),
    fw.O_TCPSEQ: lambda c: lambda a: _is_tcp(a) and _word(4, 4)(a) == c.data[0],
    fw.O_TCPACK: lambda c: lambda a: _is_tcp(a) and _word(8, 4)(a) == c.data[0],
    fw.O_TCPDATALEN: _value(_is_tcp, _tcpdatalen),
    fw.O_TCPMSS: _value(_is_tcp, _tcpmss),
    fw.O_TCPOPTS: _flags(_is_tcp, _tcpopts),
    fw.O_ICMPTYPE: _icmp(IPPROTO_ICMP), fw.O_ICMP6TYPE: _icmp(IPPROTO_ICMPV6),
    fw.O_VERREVPATH: _verrevpath, fw.O_VERSRCREACH: _versrcreach, fw.O_ANTISPOOF: _antispoof,
    fw.O_IPSEC: lambda c: lambda a: False,
    fw.O_PROB: _prob,
    fw.O_DIVERTED: _diverted,
    fw.O_FLOW6ID: lambda c: lambda a: a.v6 and a.flow in c.data,
    fw.O_EXT_HDR: lambda c: lambda a: a.v6 and bool(a.exthdrs & c.arg1),
    fw.O_IP6: lambda c: lambda a: a.v6,
    fw.O_IP4: lambda c: lambda a: a.v4,
    fw.O_TAGGED: _tagged,
    fw.O_FIB: _fib,
    fw.O_SOCKARG: lambda c: _sockarg,
    fw.O_DSCP: _dscp,
    fw.O_MARK: _mark,
}  # fmt: skip


LOOKUPS: dict[int, tuple[str, str]] = {
    fw.O_IP_SRC_LOOKUP: ("addr", "src-ip"),
    fw.O_IP_DST_LOOKUP: ("addr", "dst-ip"),
    fw.O_MAC_SRC_LOOKUP: ("mac", "src-mac"),
    fw.O_MAC_DST_LOOKUP: ("mac", "dst-mac"),
    fw.O_IP_FLOW_LOOKUP: ("flow", "flow"),
    fw.O_RECV: ("iface", "iif"),
    fw.O_XMIT: ("iface", "oif"),
    fw.O_VIA: ("iface", "ifp"),
}
"""Type of the table and what is looked up; O_TABLE_LOOKUP names it itself."""
VALUED = (fw.O_IP_SRC_LOOKUP, fw.O_IP_DST_LOOKUP, fw.O_MAC_SRC_LOOKUP, fw.O_MAC_DST_LOOKUP, fw.O_IP_FLOW_LOOKUP)


def lookup_of(cmd: Insn) -> tuple[str, str, str] | None:
    """(table, its type, what is looked up) of an instruction that has one."""
    data: Any = cmd.data
    if cmd.opcode == fw.O_TABLE_LOOKUP:
        key = data[1]
        return data[0], "mac" if key.endswith("-mac") else "addr" if "-ip" in key else "number", key
    if cmd.opcode not in LOOKUPS:
        return None
    type, key = LOOKUPS[cmd.opcode]
    if type == "iface":
        return (data[1], type, key) if data[0] == "table" else None
    return data[0], type, key


def _dscp_of(a: FwArgs) -> int:
    return a.data[a.off + 1] >> 2 if a.v4 else (a.data[a.off] & 15) << 2 | a.data[a.off + 1] >> 6


def _owner(a: FwArgs, name: str) -> int | None:
    cred = owner(a)
    return None if cred is None else int(cred.uid if name == "uid" else cred.prison.id)


def _name(ifp: Ifnet | None) -> str | None:
    return None if ifp is None else ifp.xname


KEYS: dict[str, Callable[[FwArgs], Any]] = {
    "src-ip": lambda a: a.src or None,
    "dst-ip": lambda a: a.dst or None,
    "src-ip4": lambda a: a.src if a.v4 else None,
    "dst-ip4": lambda a: a.dst if a.v4 else None,
    "src-ip6": lambda a: a.src if a.v6 else None,
    "dst-ip6": lambda a: a.dst if a.v6 else None,
    "src-port": lambda a: a.sport if a.proto in PORTS and a.first else None,
    "dst-port": lambda a: a.dport if a.proto in PORTS and a.first else None,
    "src-mac": lambda a: bytes(a.data[a.eh + 6 : a.eh + 12]) if a.layer2 else None,
    "dst-mac": lambda a: bytes(a.data[a.eh : a.eh + 6]) if a.layer2 else None,
    "dscp": lambda a: _dscp_of(a) if _is_ip(a) else None,
    "mark": lambda a: a.mark,
    "uid": lambda a: _owner(a, "uid"),
    "jail": lambda a: _owner(a, "jail"),
    "flow": lambda a: (a.src, a.proto, a.sport, a.dst, a.dport) if _is_ip(a) else None,
    "iif": lambda a: _name(a.iif),
    "oif": lambda a: _name(a.oif),
    "ifp": lambda a: _name(a.ifp),
}


def lookup(cmd: Insn, table: Table, number: int, key: str) -> Test:
    """Is the key in the table (and, if that is asked for, with that value)?  What is found is the table argument."""
    data: Any = cmd.data
    what = (lambda a: number) if key == "rulenum" else KEYS[key]
    mask = data[2] if cmd.opcode == fw.O_TABLE_LOOKUP and len(data) == 3 else None
    field, want = (data[1], data[2]) if cmd.opcode in VALUED and len(data) == 3 else ("", None)

    def test(a: FwArgs) -> bool:
        found = what(a)
        if found is None:
            return False
        if mask is not None:
            found = _masked(found, mask)
        value = table.algo.lookup(found)
        if value is None or (want is not None and getattr(value, field) != want):
            return False
        a.value = value
        return True

    return test


def _masked(value: Any, mask: Any) -> Any:
    if not isinstance(value, bytes):
        return value & mask
    wide = mask if isinstance(mask, bytes) else mask.to_bytes(4, "big")
    return bytes(x & y for x, y in zip(value, wide, strict=False))
