"""The options of a rule, one function for each kind (second part of compile_rule in sbin/ipfw/ipfw2.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi.ip_fw import (
    F_NOT,
    F_OR,
    O_ANTISPOOF,
    O_DIVERTED,
    O_DSCP,
    O_ESTAB,
    O_EXT_HDR,
    O_FIB,
    O_FLOW6ID,
    O_FRAG,
    O_GID,
    O_ICMP6TYPE,
    O_ICMPTYPE,
    O_IN,
    O_IP4,
    O_IP6,
    O_IP_DSTPORT,
    O_IP_FLOW_LOOKUP,
    O_IP_SRCPORT,
    O_IPID,
    O_IPLEN,
    O_IPOPT,
    O_IPPRECEDENCE,
    O_IPSEC,
    O_IPTOS,
    O_IPTTL,
    O_IPVER,
    O_JAIL,
    O_KEEP_STATE,
    O_LAYER2,
    O_LIMIT,
    O_MAC_DST_LOOKUP,
    O_MAC_SRC_LOOKUP,
    O_MAC_TYPE,
    O_MACADDR2,
    O_MARK,
    O_RECV,
    O_SKIP_ACTION,
    O_SOCKARG,
    O_TABLE_LOOKUP,
    O_TAGGED,
    O_TCPACK,
    O_TCPDATALEN,
    O_TCPFLAGS,
    O_TCPMSS,
    O_TCPOPTS,
    O_TCPSEQ,
    O_TCPWIN,
    O_UID,
    O_VERREVPATH,
    O_VERSRCREACH,
    O_VIA,
    O_XMIT,
)
from vshell.abi.socket import IPPROTO_IPV6
from vshell.commands.ipfw.actions import uint_arg
from vshell.commands.ipfw.addresses import (
    add_ip,
    add_ip6,
    check_name,
    fill_iface,
    fill_table,
    find_any,
    mac_mask,
    table_name_ok,
    table_value,
)
from vshell.commands.ipfw.cmdline import substrcmp
from vshell.commands.ipfw.insn import (
    fill_comment,
    fill_dscp,
    fill_ext6hdr,
    fill_flags,
    fill_flags_cmd,
    fill_flow6,
    fill_icmp6types,
    fill_icmptypes,
    fill_mark,
    fill_newports,
    strtoul,
)
from vshell.commands.ipfw.words import (
    EX_DATAERR,
    EX_USAGE,
    IPOFF,
    IPOPTS,
    IPPROTO_ETHERTYPE,
    IPTOS_PARSED,
    LIMIT_MASKS,
    LOOKUP_KEYS,
    TCPFLAGS,
    TCPOPTS,
)
from vshell.userland.addr import ether_aton, inet_aton, inet_pton6
from vshell.userland.cnumber import strtol
from vshell.userland.pwd import getgrgid, getgrnam, getpwnam, getpwuid

if TYPE_CHECKING:
    from collections.abc import Callable

    from vshell.commands.ipfw.rule import RuleParser

SETUP = 0x02 | 0x10 << 8
SIMPLE = {
    "in": (O_IN, 0), "diverted": (O_DIVERTED, 3), "diverted-loopback": (O_DIVERTED, 1), "diverted-output": (O_DIVERTED, 2),
    "layer2": (O_LAYER2, 0), "bridged": (O_LAYER2, 0), "established": (O_ESTAB, 0), "estab": (O_ESTAB, 0),
    "setup": (O_TCPFLAGS, SETUP), "verrevpath": (O_VERREVPATH, 0), "versrcreach": (O_VERSRCREACH, 0),
    "antispoof": (O_ANTISPOOF, 0), "ipsec": (O_IPSEC, 0), "ipv6": (O_IP6, 0), "ip6": (O_IP6, 0), "ipv4": (O_IP4, 0),
    "ip4": (O_IP4, 0), "sockarg": (O_SOCKARG, 0),
}  # fmt: skip
"""Options without an argument."""
NUMBERS = {
    "ipttl": (O_IPTTL, "ipttl requires TTL", "invalid ipttl"),
    "ipid": (O_IPID, "ipid requires id", "invalid ipid"),
    "iplen": (O_IPLEN, "iplen requires length", "invalid ip len"),
    "tcpdatalen": (O_TCPDATALEN, "tcpdatalen requires length", "invalid tcpdata len"),
    "tcpmss": (O_TCPMSS, "tcpmss/tcpwin requires size", "invalid tcpmss size"),
    "tcpwin": (O_TCPWIN, "tcpmss/tcpwin requires size", "invalid tcpwin size"),
}
"""Options with a number, or with a list of numbers and ranges."""
FLAGS = {
    "ipoptions": (O_IPOPT, IPOPTS, "ipoptions"), "ipopts": (O_IPOPT, IPOPTS, "ipoptions"),
    "iptos": (O_IPTOS, IPTOS_PARSED, "iptos"),
    "tcpoptions": (O_TCPOPTS, TCPOPTS, "tcpoptions"), "tcpopts": (O_TCPOPTS, TCPOPTS, "tcpoptions"),
    "tcpflags": (O_TCPFLAGS, TCPFLAGS, "tcpflags"), "tcpflgs": (O_TCPFLAGS, TCPFLAGS, "tcpflags"),
}  # fmt: skip
IFACES = {"recv": O_RECV, "xmit": O_XMIT, "via": O_VIA}
LISTS = {
    "icmptypes": (fill_icmptypes, O_ICMPTYPE, "icmptypes requires list of types"),
    "icmptype": (fill_icmptypes, O_ICMPTYPE, "icmptypes requires list of types"),
    "icmp6types": (fill_icmp6types, O_ICMP6TYPE, "icmptypes requires list of types"),
    "icmp6type": (fill_icmp6types, O_ICMP6TYPE, "icmptypes requires list of types"),
    "dscp": (fill_dscp, O_DSCP, "missing DSCP code"),
    "ext6hdr": (fill_ext6hdr, O_EXT_HDR, "missing extension header"),
    "mark": (fill_mark, O_MARK, "missing mark value:mask"),
}
ADDRESSES = {
    "src-ip": (add_ip, True, "missing source IP"),
    "dst-ip": (add_ip, False, "missing destination IP"),
    **dict.fromkeys(("src-ip6", "src-ipv6"), (add_ip6, True, "missing source IP6")),
    **dict.fromkeys(("dst-ip6", "dst-ipv6"), (add_ip6, False, "missing destination IP6")),
}
PORTS = {"src-port": (O_IP_SRCPORT, "source"), "dst-port": (O_IP_DSTPORT, "destination")}


def _number(r: RuleParser, name: str) -> None:
    opcode, missing, bad = NUMBERS[name]
    word = r.need(missing)
    if find_any(word, "-,") >= 0:
        if not r.add_ports(word, opcode, 0):
            r.o.errx(EX_DATAERR, f"{bad} {word}")
    else:
        r.cmd.fill(opcode, strtoul(word))
    r.skip()


def _flags(r: RuleParser, name: str) -> None:
    opcode, table, shown = FLAGS[name]
    fill_flags_cmd(r.o, r.cmd, opcode, table, r.need(f"missing argument for {shown}"))
    r.skip()


def _frag(r: RuleParser, name: str) -> None:
    """Without flags: "frag offset"."""
    found = fill_flags(r.o, IPOFF, r.word) if r.word is not None else ""
    if isinstance(found, str):
        found = (1, 0)
    else:
        r.skip()
    r.cmd.fill(O_FRAG, found[0] | found[1] << 8)


def _iface(r: RuleParser, name: str) -> None:
    fill_iface(r.o, r.cmd, IFACES[name], r.need("recv, xmit, via require interface name or address"))
    if r.cmd.size and r.cmd.data[0] == "table":
        r.named = True
    r.skip()


def _list(r: RuleParser, name: str) -> None:
    fill, opcode, missing = LISTS[name]
    fill(r.o, r.cmd, opcode, r.need(missing))
    r.skip()


def _address(r: RuleParser, name: str) -> None:
    add, source, missing = ADDRESSES[name]
    add(r.o, r.cmd, r.need(missing), source)
    if r.cmd.data and isinstance(r.cmd.data[0], str):
        r.named = True
    r.skip()


def _ports(r: RuleParser, name: str) -> None:
    opcode, side = PORTS[name]
    word = r.need(f"missing {side} port")
    if not substrcmp(r.o, word, "any") and not r.add_ports(word, opcode, r.proto):
        r.o.errx(EX_DATAERR, f"invalid {side} port {word}")
    r.skip()


def _out(r: RuleParser, name: str) -> None:
    r.cmd.flags ^= F_NOT
    r.cmd.fill(O_IN)


def _ipver(r: RuleParser, name: str) -> None:
    r.cmd.fill(O_IPVER, strtoul(r.need("ipver requires version")))
    r.skip()


def _precedence(r: RuleParser, name: str) -> None:
    r.cmd.fill(O_IPPRECEDENCE, (strtoul(r.need("ipprecedence requires value")) & 7) << 5)
    r.skip()


def _uid(r: RuleParser, name: str) -> None:
    word = r.need("uid requires argument")
    number, rest, error = strtol(word, 0)
    user = getpwuid(r.o.p, number) if not rest and not error else getpwnam(r.o.p, word)
    if user is None:
        r.o.errx(EX_DATAERR, f'uid "{word}" nonexistent')
    r.cmd.fill(O_UID, 0, (user.uid,), 2)
    r.skip()


def _gid(r: RuleParser, name: str) -> None:
    word = r.need("gid requires argument")
    number, rest, error = strtol(word, 0)
    group = getgrgid(r.o.p, number) if not rest and not error else getgrnam(r.o.p, word)
    if group is None:
        r.o.errx(EX_DATAERR, f'gid "{word}" nonexistent')
    r.cmd.fill(O_GID, 0, (group.gid,), 2)
    r.skip()


def _jail(r: RuleParser, name: str) -> None:
    word = r.need("jail requires argument")
    number, rest, _ = strtol(word)
    if rest:
        from vshell.userland.libjail import JailError, jail_getid

        try:
            number = jail_getid(r.o.p.sys, word)
        except JailError as e:
            r.o.errx(EX_DATAERR, str(e))
    r.cmd.fill(O_JAIL, 0, (number & 0xFFFFFFFF,), 2)
    r.skip()


def _sequence(r: RuleParser, name: str) -> None:
    """tcpseq, tcpack; they forget a "not" in front."""
    word = r.need("tcpseq/tcpack requires argument")
    r.cmd.flags = 0
    r.cmd.fill(O_TCPSEQ if name == "tcpseq" else O_TCPACK, 0, (strtoul(word),), 2)
    r.skip()


def _state_name(r: RuleParser) -> str:
    word = r.word
    r.named = True
    if word is None or word[:1] != ":":
        return "default"
    if not check_name(word[1:]) or word[1:] == "any":
        r.o.errx(EX_DATAERR, f"Invalid state name {word}")
    r.skip()
    return word[1:]


def _only_state(r: RuleParser, shown: str) -> None:
    if r.open:
        r.o.errx(EX_USAGE, f"{shown} cannot be part of an or block")
    if r.state is not None:
        r.o.errx(EX_USAGE, "only one of keep-state, record-state,  limit and set-limit is allowed")


def _keep_state(r: RuleParser, name: str) -> None:
    _only_state(r, "keep-state or record-state")
    state = _state_name(r)
    r.state, r.record = r.cmd, name == "record-state"
    r.cmd.flags = 0
    r.cmd.fill(O_KEEP_STATE, 0, (state,), 2)


def _limit(r: RuleParser, name: str) -> None:
    _only_state(r, "limit or set-limit")
    r.state, r.record = r.cmd, name == "set-limit"
    mask = 0
    while r.word in LIMIT_MASKS:
        mask |= LIMIT_MASKS[r.take()]
    if not mask:
        r.o.errx(EX_USAGE, "limit: missing limit mask")
    count = uint_arg(r, "limit")
    r.skip()
    r.cmd.flags = 0
    r.cmd.fill(O_LIMIT, 0, (mask, count, _state_name(r)), 4)


def _proto(r: RuleParser, name: str) -> None:
    word = r.need("missing protocol")
    if not r.add_proto(word, False):
        r.o.errx(EX_DATAERR, f"invalid protocol ``{word}''")
    r.skip()


def _mac_table(r: RuleParser, name: str) -> None:
    source = name == "src-mac"
    word = r.need("missing source MAC" if source else "missing destination MAC")
    if not word.startswith("table("):
        r.o.errx(EX_DATAERR, f"only mac table lookup is supported {word}")
    fill_table(r.o, r.cmd, word, O_MAC_SRC_LOOKUP if source else O_MAC_DST_LOOKUP)
    r.named = True
    r.skip()


def _mac(r: RuleParser, name: str) -> None:
    if r.at + 1 >= len(r.words):
        r.o.errx(EX_DATAERR, "MAC dst src")
    dst, dmask = mac_mask(r.o, r.take())
    src, smask = mac_mask(r.o, r.take())
    r.cmd.fill(O_MACADDR2, 0, (dst + src, dmask + smask), 7)


def _mac_type(r: RuleParser, name: str) -> None:
    """A list that is none is no condition."""
    word = r.need("missing mac type")
    if word == "any":
        r.o.errx(EX_DATAERR, f"invalid mac type {word}")
    fill_newports(r.o, r.cmd, word, IPPROTO_ETHERTYPE)
    r.cmd.opcode = O_MAC_TYPE
    r.skip()


def _flowid(r: RuleParser, name: str) -> None:
    if r.proto != IPPROTO_IPV6:
        r.o.errx(EX_USAGE, "flow-id filter is active only for ipv6 protocol\n")
    fill_flow6(r.o, r.cmd, O_FLOW6ID, r.word)
    r.skip()


def _tagged(r: RuleParser, name: str) -> None:
    word = r.word
    if word is not None and find_any(word, "-,") >= 0:
        if not r.add_ports(word, O_TAGGED, 0):
            r.o.errx(EX_DATAERR, f"tagged: invalid tag list: {word}")
    else:
        r.cmd.fill(O_TAGGED, uint_arg(r, "tagged"))
    r.skip()


def _fib(r: RuleParser, name: str) -> None:
    r.cmd.fill(O_FIB, strtoul(r.need("fib requires fib number")))
    r.skip()


def _lookup_mask(r: RuleParser, key: str, text: str) -> int | bytes:
    """What a key is masked with before it is looked up."""
    if key in ("src-ip", "dst-ip"):
        r.o.errx(EX_USAGE, f"masked lookup is not supported for {key}")
    if key.endswith("-ip6"):
        addr = inet_pton6(text)
        if addr is None:
            r.o.errx(EX_USAGE, "invalid IPv6 mask provided")
        return addr
    if key.endswith("-mac"):
        mac = ether_aton(text)
        if mac is None:
            r.o.errx(EX_DATAERR, "Incorrect MAC address")
        return mac
    if "." in text and inet_aton(text) is None:
        r.o.errx(EX_USAGE, "invalid dotted-quad mask provided")
    return table_value(r.o, "", text)


def _lookup(r: RuleParser, name: str) -> None:
    if r.at + 1 >= len(r.words):
        r.o.errx(EX_USAGE, "format: lookup argument tablenum")
    key, colon, text = r.take().partition(":")
    if key not in LOOKUP_KEYS:
        r.o.errx(EX_USAGE, f"format: cannot lookup on {key}")
    mask = _lookup_mask(r, key, text) if colon else None
    table = r.take()
    if not table_name_ok(table):
        r.o.errx(EX_DATAERR, f"Invalid table name: {table}")
    r.named = True
    data = (table, key) if mask is None else (table, key, mask)
    r.cmd.fill(O_TABLE_LOOKUP, 0, data, 2 if mask is None else 6)


def _flow(r: RuleParser, name: str) -> None:
    word = r.need("missing table name")
    if not word.startswith("table("):
        r.o.errx(EX_DATAERR, 'enclose table name into "table()"')
    fill_table(r.o, r.cmd, word, O_IP_FLOW_LOOKUP)
    r.named = True
    r.skip()


def _defer(r: RuleParser, name: str) -> None:
    if r.skipcmd is not None:
        r.o.errx(EX_USAGE, "only one defer-action is allowed")
    r.skipcmd = r.cmd
    r.cmd.fill(O_SKIP_ACTION)


def _comment(r: RuleParser, name: str) -> None:
    fill_comment(r.o, r.cmd, r.rest())


# pseudo options ------------------------------------------------------------------------------------------------


def _not(r: RuleParser, name: str) -> None:
    if r.cmd.flags & F_NOT:
        r.o.errx(EX_USAGE, 'double "not" not allowed\n')
    r.cmd.flags = F_NOT


def _or(r: RuleParser, name: str) -> None:
    if not r.open or r.prev is None:
        r.o.errx(EX_USAGE, 'invalid "or" block\n')
    r.prev.flags |= F_OR


def _open(r: RuleParser, name: str) -> None:
    if r.open:
        r.o.errx(EX_USAGE, '+nested "(" not allowed\n')
    r.open = True


def _close(r: RuleParser, name: str) -> None:
    if not r.open:
        r.o.errx(EX_USAGE, '+missing ")"\n')
    r.open, r.prev = False, None


OPTIONS: dict[str, Callable[[RuleParser, str], None]] = {
    **dict.fromkeys(NUMBERS, _number),
    **dict.fromkeys(FLAGS, _flags),
    **dict.fromkeys(IFACES, _iface),
    **dict.fromkeys(LISTS, _list),
    **dict.fromkeys(ADDRESSES, _address),
    **dict.fromkeys(PORTS, _ports),
    **dict.fromkeys(("frag", "fragment"), _frag),
    **dict.fromkeys(("ipversion", "ipver"), _ipver),
    **dict.fromkeys(("tcpseq", "tcpack"), _sequence),
    **dict.fromkeys(("keep-state", "record-state"), _keep_state),
    **dict.fromkeys(("limit", "set-limit"), _limit),
    **dict.fromkeys(("src-mac", "dst-mac"), _mac_table),
    **dict.fromkeys(("MAC", "mac"), _mac),
    **dict.fromkeys(("defer-action", "defer-immediate-action"), _defer),
    **dict.fromkeys(("not", "!"), _not),
    **dict.fromkeys(("or", "|"), _or),
    **dict.fromkeys(("{", "("), _open),
    **dict.fromkeys(("}", ")"), _close),
    "out": _out,
    "ipprecedence": _precedence,
    "uid": _uid,
    "gid": _gid,
    "jail": _jail,
    "proto": _proto,
    "mac-type": _mac_type,
    "flow-id": _flowid,
    "tagged": _tagged,
    "fib": _fib,
    "lookup": _lookup,
    "flow": _flow,
    "//": _comment,
}


def parse_options(r: RuleParser) -> None:
    """All that is left of the rule."""
    r.prev = None
    while r.word is not None:
        name = r.take()
        if name.startswith("!"):
            _not(r, name)
            name = name[1:]
        if name in SIMPLE:
            r.cmd.fill(*SIMPLE[name])
        elif name in OPTIONS:
            OPTIONS[name](r, name)
        else:
            r.o.errx(EX_USAGE, f"unrecognised option [-1] {name}\n")
        if r.cmd.size:
            r.prev = r.cmd
            r.advance()
