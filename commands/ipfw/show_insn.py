"""The conditions of a rule as they are printed (print_instruction of sbin/ipfw/ipfw2.c and sbin/ipfw/ipv6.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi import ip_fw as fw
from vshell.abi.ip_fw import F_NOT, Insn
from vshell.commands.ipfw.insn import c_hex
from vshell.commands.ipfw.show_action import targ
from vshell.commands.ipfw.words import (
    DSCP,
    ETHERTYPES,
    EXT6NAMES,
    IPOFF,
    IPOPTS,
    IPPROTO_ETHERTYPE,
    IPTOS,
    LIMIT_MASKS,
    TCPFLAGS,
    TCPOPTS,
    contigmask,
    name_of,
)
from vshell.userland.addr import ether_ntoa, inet_ntoa, inet_ntop, inet_ntop6
from vshell.userland.netdb import gethostbyaddr, getprotobynumber, getservbyport
from vshell.userland.pwd import getgrgid, getpwuid

if TYPE_CHECKING:
    from collections.abc import Callable

    from vshell.commands.ipfw.show import RuleText

HAVE_PROTO, HAVE_SRCIP, HAVE_DSTIP, HAVE_PROBE_STATE = 1, 2, 4, 8


def _port(t: RuleText, proto: int, port: int) -> str:
    if proto == IPPROTO_ETHERTYPE:
        return (name_of(ETHERTYPES, port) if t.o.resolve else None) or f"0x{port:04x}"
    if t.o.resolve:
        name = getservbyport(t.o.p, port, getprotobynumber(t.o.p, proto))
        if name is not None:
            return name
    return str(port)


def _ports(t: RuleText, cmd: Insn, proto: int) -> str:
    pairs: Any = cmd.data
    return ",".join(_port(t, proto, a) + (f"-{_port(t, proto, b)}" if a != b else "") for a, b in pairs)


def _portlist(t: RuleText, cmd: Insn) -> str:
    both = t.flags & (HAVE_SRCIP | HAVE_DSTIP) == HAVE_SRCIP | HAVE_DSTIP
    word = ("src-port " if cmd.opcode == fw.O_IP_SRCPORT else "dst-port ") if both else ""
    return f" {word}{_ports(t, cmd, t.proto)}"


def ip4(t: RuleText, cmd: Insn) -> str:
    """Addresses with masks; -N prints names of hosts."""
    data: Any = cmd.data
    pairs = [(data[0], 0xFFFFFFFF)] if len(data) == 1 else list(zip(data[::2], data[1::2], strict=True))
    return _addresses(t, [(number.to_bytes(4, "big"), wide.to_bytes(4, "big")) for number, wide in pairs], inet_ntoa, ":")


def ip6(t: RuleText, cmd: Insn) -> str:
    """The same for IPv6."""
    data: Any = cmd.data
    pairs = [(data[0], b"\xff" * 16)] if len(data) == 1 else list(zip(data[::2], data[1::2], strict=True))
    return _addresses(t, pairs, inet_ntop6, "/")


def _addresses(t: RuleText, pairs: list[tuple[bytes, bytes]], text: Callable[[bytes], str], colon: str) -> str:
    """Addresses with their masks: as a length, or after `colon` where it has holes."""
    out, host = [], None
    for addr, mask in pairs:
        width, whole = contigmask(mask), 8 * len(addr)
        if width == whole and t.o.resolve:
            host = gethostbyaddr(t.o.p, addr)
        if host is not None:
            out.append(host)
        elif width == 0:
            out.append("any")
        else:
            out.append(text(addr) + (f"{colon}{text(mask)}" if width < 0 else f"/{width}" if width < whole else ""))
    return " " + ",".join(out)


def _set(t: RuleText, cmd: Insn) -> str:
    base, bits = cmd.data
    assert isinstance(base, int) and isinstance(bits, int)
    mask = ~(cmd.arg1 - 1) & 0xFFFFFFFF
    out, i = [], 0
    while i < cmd.arg1:
        if bits >> i & 1:
            j = i + 1
            while j < cmd.arg1 and bits >> j & 1:
                j += 1
            if j > i + 2:
                out.append(f"{i + (base & 0xFF)}-{j - 1 + (base & 0xFF)}")
                i = j - 1
            else:
                out.append(str(i + (base & 0xFF)))
        i += 1
    brace = "{" if out else ""
    return f" {inet_ntoa(base.to_bytes(4, 'big'))}/{contigmask(mask.to_bytes(4, 'big'))}{brace}{','.join(out)}}}"


def table(cmd: Insn) -> str:
    """table(NAME[,KEY=VALUE])."""
    data: Any = cmd.data
    if len(data) == 1:
        return f"table({data[0]})"
    value = data[2]
    if isinstance(value, bytes):
        value = inet_ntop6(value)
    elif data[1] == "nh4":
        value = inet_ntoa(value.to_bytes(4, "big"))
    return f"table({data[0]},{data[1]}={value})"


def _lookup(t: RuleText, cmd: Insn) -> str:
    data: Any = cmd.data
    if len(data) == 2:
        return f" lookup {data[1]} {data[0]}"
    key, mask = data[1], data[2]
    if isinstance(mask, bytes):
        text = inet_ntop6(mask) if len(mask) == 16 else ether_ntoa(mask)
    elif key.endswith("-ip4"):
        text = inet_ntoa(mask.to_bytes(4, "big"))
    else:
        text = c_hex(mask)
    return f" lookup {key}:{text} {data[0]}"


_SOURCE = {
    fw.O_IP_SRC: ip4, fw.O_IP_SRC_MASK: ip4, fw.O_IP_SRC_ME: lambda t, c: " me", fw.O_IP_SRC_SET: _set,
    fw.O_IP_SRC_LOOKUP: lambda t, c: " " + table(c),
}  # fmt: skip
_DESTINATION = {
    fw.O_IP_DST: ip4, fw.O_IP_DST_MASK: ip4, fw.O_IP_DST_ME: lambda t, c: " me", fw.O_IP_DST_SET: _set,
    fw.O_IP_DST_LOOKUP: lambda t, c: " " + table(c),
}  # fmt: skip
_SOURCE6 = {fw.O_IP6_SRC: ip6, fw.O_IP6_SRC_MASK: ip6, fw.O_IP6_SRC_ME: lambda t, c: " me6"}
_DESTINATION6 = {fw.O_IP6_DST: ip6, fw.O_IP6_DST_MASK: ip6, fw.O_IP6_DST_ME: lambda t, c: " me6"}
_SIDES: tuple[tuple[dict[int, Any], int, str], ...] = (
    (_SOURCE, HAVE_SRCIP, " src-ip"),
    (_DESTINATION, HAVE_DSTIP, " dst-ip"),
    (_SOURCE6, HAVE_SRCIP, " src-ip6"),
    (_DESTINATION6, HAVE_DSTIP, " dst-ip6"),
)


def _address(t: RuleText, cmd: Insn) -> str:
    for forms, have, word in _SIDES:
        if cmd.opcode in forms:
            text: str = forms[cmd.opcode](t, cmd)
            return (word if t.flags & have else "") + text
    return ""


def _proto(t: RuleText, cmd: Insn) -> str:
    t.proto = cmd.arg1
    word = " proto" if t.flags & HAVE_PROTO else ""
    return f"{word} {getprotobynumber(t.o.p, cmd.arg1) or cmd.arg1}"


def _family(t: RuleText, cmd: Insn) -> str:
    return (" proto" if t.flags & HAVE_PROTO else "") + (" ip4" if cmd.opcode == fw.O_IP4 else " ip6")


def _mac(t: RuleText, cmd: Insn) -> str:
    addr, mask = cmd.data
    assert isinstance(addr, bytes) and isinstance(mask, bytes)
    return " MAC" + _one_mac(addr[:6], mask[:6]) + _one_mac(addr[6:], mask[6:])


def _one_mac(addr: bytes, mask: bytes) -> str:
    width = contigmask(mask)
    if width == 0:
        return " any"
    return f" {ether_ntoa(addr)}" + (f"&{ether_ntoa(mask)}" if width < 0 else f"/{width}" if width < 48 else "")


def _flags(word: str, names: dict[str, int]) -> Callable[[RuleText, Insn], str]:
    def show(t: RuleText, cmd: Insn) -> str:
        wanted, unwanted = cmd.arg1 & 0xFF, cmd.arg1 >> 8
        if names is TCPFLAGS and wanted == 2 and unwanted == 0x10:
            return " setup"
        out = []
        for name, bit in names.items():
            if wanted & bit:
                wanted &= ~bit
                out.append(name)
            if unwanted & bit:
                unwanted &= ~bit
                out.append("!" + name)
        return f" {word} {','.join(out)}"

    return show


def _bits(word: str) -> Callable[[RuleText, Insn], str]:
    def show(t: RuleText, cmd: Insn) -> str:
        mask: Any = cmd.data[0]
        text = ",".join(str(i) for i in range(224) if mask >> i & 1)
        return f" {word} {text}" if text else f" {word}"

    return show


def _dscp(t: RuleText, cmd: Insn) -> str:
    mask: Any = cmd.data[0]
    return " dscp " + ",".join(name_of(DSCP, i) or str(i) for i in range(64) if mask >> i & 1)


def _number(word: str) -> Callable[[RuleText, Insn], str]:
    def show(t: RuleText, cmd: Insn) -> str:
        return f" {word} {_ports(t, cmd, 0)}" if cmd.data else f" {word} {cmd.arg1}"

    return show


def _iface(word: str) -> Callable[[RuleText, Insn], str]:
    def show(t: RuleText, cmd: Insn) -> str:
        kind, value = cmd.data
        if kind == "table":
            return f" {word} table({value})"
        return f" {word} {inet_ntop(value) if isinstance(value, bytes) else value}"

    return show


def _user(t: RuleText, cmd: Insn) -> str:
    number: Any = cmd.data[0]
    if cmd.opcode == fw.O_UID:
        user = getpwuid(t.o.p, number)
        return f" uid {user.name if user is not None else number}"
    group = getgrgid(t.o.p, number)
    return f" gid {group.name if group is not None else number}"


def _limit(t: RuleText, cmd: Insn) -> str:
    mask: Any = cmd.data[0]
    words = []
    for name, bits in LIMIT_MASKS.items():
        if mask & bits == bits:
            mask &= ~bits
            words.append(name)
    word = "limit" if t.flags & HAVE_PROBE_STATE else "set-limit"
    return f" {word} {','.join(words)} {targ(cmd.data[1])} :{cmd.data[2]}"


def _keep(t: RuleText, cmd: Insn) -> str:
    return f" {'keep' if t.flags & HAVE_PROBE_STATE else 'record'}-state :{cmd.data[0]}"


def _probe(t: RuleText, cmd: Insn) -> str:
    t.flags |= HAVE_PROBE_STATE
    return ""


def _ext6(t: RuleText, cmd: Insn) -> str:
    return " extension header: " + ",".join(name for bit, name in EXT6NAMES if cmd.arg1 & bit)


def _flowid(t: RuleText, cmd: Insn) -> str:
    return " flow-id " + ",".join(str(n) for n in cmd.data) + " "


def _mark(t: RuleText, cmd: Insn) -> str:
    value, mask = cmd.data
    assert isinstance(value, int) and isinstance(mask, int)
    text = " mark tablearg" if cmd.arg1 == fw.IP_FW_TARG else f" mark {c_hex(value)}"
    return text if mask == 0xFFFFFFFF else f"{text}:{c_hex(mask)}"


def _signed(word: str) -> Callable[[RuleText, Insn], str]:
    def show(t: RuleText, cmd: Insn) -> str:
        number: Any = cmd.data[0]
        return f" {word} {number - (1 << 32) if number >> 31 else number}"

    return show


def _prob(t: RuleText, cmd: Insn) -> str:
    number: Any = cmd.data[0]
    return f"prob {number / 0x7FFFFFFF:f} "


def _diverted(t: RuleText, cmd: Insn) -> str:
    return {3: " diverted", 2: " diverted-output", 1: " diverted-loopback"}[cmd.arg1]


FORMS: dict[int, Callable[[RuleText, Insn], str]] = {
    **{opcode: _address for forms, _, _ in _SIDES for opcode in forms},
    fw.O_NOP: lambda t, c: f" // {c.data[0]}",
    fw.O_IP_SRCPORT: _portlist,
    fw.O_IP_DSTPORT: _portlist,
    fw.O_PROTO: _proto,
    fw.O_IP4: _family,
    fw.O_IP6: _family,
    fw.O_MACADDR2: _mac,
    fw.O_MAC_TYPE: lambda t, c: f" mac-type {_ports(t, c, IPPROTO_ETHERTYPE)}",
    fw.O_MAC_SRC_LOOKUP: lambda t, c: f" src-mac {table(c)}",
    fw.O_MAC_DST_LOOKUP: lambda t, c: f" dst-mac {table(c)}",
    fw.O_IP_FLOW_LOOKUP: lambda t, c: f" flow {table(c)}",
    fw.O_TABLE_LOOKUP: _lookup,
    fw.O_LAYER2: lambda t, c: " layer2",
    fw.O_IN: lambda t, c: " out" if c.flags & F_NOT else " in",
    fw.O_FRAG: _flags("frag", IPOFF),
    fw.O_RECV: _iface("recv"),
    fw.O_XMIT: _iface("xmit"),
    fw.O_VIA: _iface("via"),
    fw.O_IPOPT: _flags("ipoptions", IPOPTS),
    fw.O_IPTOS: _flags("iptos", IPTOS),
    fw.O_TCPFLAGS: _flags("tcpflags", TCPFLAGS),
    fw.O_TCPOPTS: _flags("tcpoptions", TCPOPTS),
    fw.O_IPLEN: _number("iplen"),
    fw.O_IPID: _number("ipid"),
    fw.O_IPTTL: _number("ipttl"),
    fw.O_TCPDATALEN: _number("tcpdatalen"),
    fw.O_TCPMSS: _number("tcpmss"),
    fw.O_TCPWIN: _number("tcpwin"),
    fw.O_TAGGED: lambda t, c: _number("tagged")(t, c) if c.data else f" tagged {targ(c.arg1)}",
    fw.O_IPPRECEDENCE: lambda t, c: f" ipprecedence {c.arg1 >> 5}",
    fw.O_IPVER: lambda t, c: f" ipver {c.arg1}",
    fw.O_DSCP: _dscp,
    fw.O_UID: _user,
    fw.O_GID: _user,
    fw.O_JAIL: _signed("jail"),
    fw.O_ESTAB: lambda t, c: " established",
    fw.O_TCPSEQ: _signed("tcpseq"),
    fw.O_TCPACK: _signed("tcpack"),
    fw.O_ICMPTYPE: _bits("icmptypes"),
    fw.O_ICMP6TYPE: _bits("icmp6types"),
    fw.O_VERREVPATH: lambda t, c: " verrevpath",
    fw.O_VERSRCREACH: lambda t, c: " versrcreach",
    fw.O_ANTISPOOF: lambda t, c: " antispoof",
    fw.O_IPSEC: lambda t, c: " ipsec",
    fw.O_PROBE_STATE: _probe,
    fw.O_KEEP_STATE: _keep,
    fw.O_LIMIT: _limit,
    fw.O_PROB: _prob,
    fw.O_DIVERTED: _diverted,
    fw.O_FLOW6ID: _flowid,
    fw.O_EXT_HDR: _ext6,
    fw.O_FIB: lambda t, c: f" fib {c.arg1}",
    fw.O_SOCKARG: lambda t, c: " sockarg",
    fw.O_SKIP_ACTION: lambda t, c: " defer-immediate-action",
    fw.O_MARK: _mark,
}


def insn_text(t: RuleText, cmd: Insn) -> str:
    """One condition, with the blank in front."""
    return FORMS[cmd.opcode](t, cmd)
