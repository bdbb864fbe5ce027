"""Keys and values of tables: read from words and printed (tentry_fill_key, tentry_fill_value, table_show_entry; tables.c)."""

from __future__ import annotations

from typing import Any

from vshell.abi.ip_fw import VTYPE_LEGACY, VTYPES, TableEntry, TableValue
from vshell.commands.ipfw.addresses import lookup_host
from vshell.commands.ipfw.cmdline import Options
from vshell.commands.ipfw.insn import c_hex
from vshell.commands.ipfw.words import DSCP, EX_DATAERR, EX_OSERR, EX_USAGE
from vshell.userland.addr import ether_aton, inet_aton, inet_ntoa, inet_ntop, inet_pton4, inet_pton6
from vshell.userland.cnumber import atoi, strtol
from vshell.userland.netdb import GaiError, getaddrinfo, gethostbyname, getprotobyname, getservbyname, numeric_name

SRC_IP, PROTO, SRC_PORT, DST_IP, DST_PORT = 1, 2, 4, 8, 16
VNAMES = ("skipto", "pipe", "fib", "nat", "dscp", "tag", "divert", "netgraph", "limit", "ipv4", "ipv6", "mark")
"""What the kinds of values are called on the command line, in the order of VTYPES."""
SHORT = {"divert": 0xFFFF, "pipe": 0xFFFF, "fib": 0xFFFF}


# keys ------------------------------------------------------------------------------------------------------------


def guess_key_type(o: Options, key: str) -> str | None:
    """What kind of table a key seems to be for, None if nothing seems right."""
    first = key[:1]
    if first == ":" or (first and first in "0123456789abcdefABCDEF"):
        host = key.partition("/")[0]
        if inet_pton4(host) is not None or inet_pton6(host) is not None:
            return "addr"
        key = host
        _, rest, _ = strtol(host, 10)
        if not rest:
            return "number"
        if rest != host and rest[0] == ".":
            return None
    if "." not in key:
        return "iface"
    return "addr" if inet_aton(key) is not None or gethostbyname(o.p, key) else None


def fill_key(o: Options, type: str, tflags: int, text: str) -> Any:
    """tentry_fill_key_type."""
    if type == "addr":
        return _address(o, text)
    if type == "mac":
        host, slash, width = text.partition("/")
        plen = atoi(width) & 0xFF if slash else 48
        if slash and atoi(width) > 48:
            o.errx(EX_DATAERR, f"bad MAC mask width: {width}")
        mac = ether_aton(host)
        if mac is None:
            o.errx(EX_DATAERR, "Incorrect MAC address")
        return mac, plen
    if type == "iface":
        return text[:15]
    if type == "number":
        number, rest, _ = strtol(text, 10)
        if rest:
            o.errx(EX_DATAERR, f"Invalid number: {text}")
        return number & 0xFFFFFFFF
    return _flow(o, tflags, text)


def _address(o: Options, text: str) -> Any:
    host, slash, width = text.partition("/")
    mask = atoi(width) if slash else 0
    addr = inet_pton4(host)
    if addr is not None:
        if mask > 32:
            o.errx(EX_DATAERR, f"bad IPv4 mask width: {width}")
        return addr, mask & 0xFF if slash else 32
    addr = inet_pton6(host)
    if addr is not None:
        if not any(addr[:12]) and int.from_bytes(addr[12:], "big") > 1:
            o.errx(EX_DATAERR, "Use IPv4 instead of v4-compatible")
        if mask > 128:
            o.errx(EX_DATAERR, f"bad IPv6 mask width: {width}")
        return addr, mask & 0xFF if slash else 128
    return lookup_host(o, host).to_bytes(4, "big"), 32


class _Flow:
    """The parts of a flow, one after the other."""

    def __init__(self, o: Options, text: str) -> None:
        self.o = o
        self.left: str | None = text
        self.size = 0

    def word(self, what: str) -> str:
        """The next part."""
        if self.left is None:
            self.o.errx(EX_DATAERR, f"invalid key: {what} missing")
        word, comma, rest = self.left.partition(",")
        self.left = rest if comma else None
        return word

    def addr(self, newline: str) -> bytes | None:
        """An address; what is none is passed over."""
        word = self.word("dst ip")
        addr = inet_pton4(word) or inet_pton6(word)
        if addr is not None:
            if self.size not in (0, len(addr)):
                self.o.errx(EX_DATAERR, f"Inconsistent address family{newline}")
            self.size = len(addr)
        return addr

    def proto(self) -> int:
        """A protocol."""
        word = self.word("proto")
        number, rest, _ = strtol(word, 10)
        if rest:
            found = getprotobyname(self.o.p, word)
            if found is None:
                self.o.errx(EX_DATAERR, f"Unknown proto: {word}")
            number = found
        if number & 0xFFFFFFFF > 255:
            self.o.errx(EX_DATAERR, f"Bad protocol number: {number & 0xFFFFFFFF}")
        return number

    def port(self, what: str) -> int:
        """A port."""
        word = self.word(what)
        number, rest, _ = strtol(word, 10)
        if rest:
            found = getservbyname(self.o.p, word, None)
            if found is None:
                self.o.errx(EX_DATAERR, f"Unknown service: {word}")
            return found[0]
        return number & 0xFFFF


def _flow(o: Options, tflags: int, text: str) -> Any:
    """[source][,protocol][,source port][,destination][,destination port], as the table has them."""
    part = _Flow(o, text)
    src = part.addr("\n") if tflags & SRC_IP else None
    proto = part.proto() if tflags & PROTO else 0
    sport = part.port("src port") if tflags & SRC_PORT else 0
    dst = part.addr("") if tflags & DST_IP else None
    dport = part.port("dst port") if tflags & DST_PORT else 0
    return src, proto, sport, dst, dport


# values ----------------------------------------------------------------------------------------------------------


def legacy_value(number: int) -> TableValue:
    """set_legacy_value: the same for all kinds, but for those that are no numbers."""
    n, short = number & 0xFFFFFFFF, number & 0xFFFF
    return TableValue(n, short, short, n, n & 0xFF, n, short, n, n, n)


def fill_value(o: Options, text: str, vmask: int) -> TableValue:
    """tentry_fill_value."""
    if vmask == VTYPE_LEGACY:
        number, rest, _ = strtol(text, 0)
        if not rest:
            return legacy_value(number)
        addr = inet_pton4(text) or inet_aton(text) or next(iter(gethostbyname(o.p, text) if text else ()), None)
        if addr is None:
            o.errx(EX_OSERR, f"Unable to parse value {text}")
        return legacy_value(int.from_bytes(addr, "big"))
    wanted = [name for i, name in enumerate(VTYPES) if vmask >> i & 1]
    words = text.split(",")
    fields: dict[str, Any] = {}
    for name, word in zip(wanted, words, strict=False):
        fields.update(_field(o, name, word))
    if len(words) < len(wanted):
        o.errx(EX_USAGE, "Not enough fields inside value")
    return TableValue(**fields)


def _field(o: Options, name: str, word: str) -> dict[str, Any]:
    """One field of a value."""
    what = name
    if name == "nh4":
        addr = inet_aton(word) or next(iter(gethostbyname(o.p, word) if word else ()), None)
        if addr is not None:
            return {name: int.from_bytes(addr, "big")}
        what = "ipv4"
    elif name == "nh6":
        found = _ip6(o, word)
        if found is not None:
            return found
        what = "ipv6"
    elif name == "dscp":
        if word[:1].isalpha():
            if word in DSCP:
                return {name: DSCP[word]}
            what = "DSCP code"
        else:
            number, rest, _ = strtol(word, 10)
            if number & 0xFF <= 63 and not rest:
                return {name: number & 0xFF}
            what = "DSCP value"
    else:
        number, rest, _ = strtol(word, 16 if name == "mark" else 10)
        if not rest:
            return {name: number & SHORT.get(name, 0xFFFFFFFF)}
    o.errx(EX_USAGE, f"Unable to parse {word} as {what}")


def _ip6(o: Options, word: str) -> dict[str, Any] | None:
    if ":" not in word:
        return None
    addr = inet_pton6(word)
    if addr is not None:
        return {"nh6": addr}
    if "%" not in word:
        return None
    try:
        found = getaddrinfo(o.p, word, None)[0].addr
    except (GaiError, IndexError):
        return None
    return {"nh6": found.addr, "zoneid": getattr(found, "scope_id", 0)}


# printing --------------------------------------------------------------------------------------------------------


def value_text(o: Options, value: TableValue, vmask: int, as_ip: bool = False) -> str:
    """table_show_value."""
    if vmask == VTYPE_LEGACY:
        return inet_ntoa(value.tag.to_bytes(4, "big")) if as_ip else str(value.tag)
    return ",".join(_field_text(o, value, name) for i, name in enumerate(VTYPES) if vmask >> i & 1)


def _field_text(o: Options, value: TableValue, name: str) -> str:
    if name == "nh4":
        return inet_ntoa(value.nh4.to_bytes(4, "big"))
    if name == "nh6":
        return numeric_name(o.p, value.nh6, value.zoneid)
    if name == "mark":
        return c_hex(value.mark)
    number: int = getattr(value, name)
    return str(number - (1 << 32) if name == "skipto" and number >> 31 else number)


def key_text(type: str, tflags: int, key: Any) -> str:
    """A key as it is printed."""
    if type == "addr":
        return f"{inet_ntop(key[0])}/{key[1]}"
    if type == "mac":
        return ":".join(f"{octet:02x}" for octet in key[0]) + f"/{key[1]}"
    if type != "flow":
        return str(key)
    src, proto, sport, dst, dport = key
    size = len(src or dst or bytes(4))
    parts = (
        (SRC_IP, inet_ntop(src or bytes(size))), (PROTO, str(proto)), (SRC_PORT, str(sport)),
        (DST_IP, inet_ntop(dst or bytes(size))), (DST_PORT, str(dport)),
    )  # fmt: skip
    return ",".join(text for bit, text in parts if tflags & bit)


def entry_text(o: Options, type: str, tflags: int, vmask: int, entry: TableEntry) -> str:
    """table_show_entry."""
    return f"{key_text(type, tflags, entry.key)} {value_text(o, entry.value, vmask, o.value_as_ip)}\n"
